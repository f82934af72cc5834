"""Two sides that both know their ids are compared, wherever they meet."""

import numpy as np
import pandas as pd
import pytest
from helpers.localizers import fast
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import (
    ASNLocalizer,
    Clips,
    ClipWise,
    Segments,
    SelfTrainingLocalizer,
    diagnose,
    report,
)
from sklearn_asn.datasets import align
from sklearn_asn.metrics import (
    average_recall,
    localization_map,
    localization_scorer,
    recall_at,
    recognition_accuracy,
    recognition_map,
    recognition_scorer,
    weak_clip_scorer,
    weak_detection_map,
    weak_detection_scorer,
)
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

FEW = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
DIFFERS = r"Video 0 is video_000 in X and video_039 in y.* sklearn_asn\.datasets\.align\(X, y\)"


def localizers():
    member = ASNLocalizer("fusion", init="scratch", pooling="probability", **FEW)
    yield ASNLocalizer("bottleneck", hidden_size=4, **FEW)
    yield SelfTrainingLocalizer([("a", member)], n_rounds=0, random_state=0)
    yield AutoLoc(UntrimmedNet(**FEW), **FEW)
    yield STPN(**FEW)
    yield WTALC(4, **FEW)
    yield UntrimmedNet(**FEW)
    yield SingleInstance()


@pytest.fixture(scope="module")
def fitted(videos):
    return fast("temporal").fit(*videos)


def others(y):
    """The truth of other videos than those of X, in all forms that know it."""
    labels = [{s.label for s in video} for video in y]
    yield y[::-1]
    yield pd.Series(labels, index=y.ids)[::-1]
    yield pd.Series(labels, index=[name.encode() for name in y.ids])[::-1]
    yield pd.Series(labels, index=pd.CategoricalIndex(y.ids))[::-1]
    classes = sorted(set.union(*labels))
    indicator = [[int(c in shown) for c in classes] for shown in labels]
    yield pd.DataFrame(indicator, index=y.ids, columns=classes)[::-1]


@pytest.mark.parametrize("localizer", list(localizers()), ids=lambda one: type(one).__name__)
def test_fit_compares(localizer, videos):
    X, y = videos
    for other in others(y):
        with pytest.raises(ValueError, match=DIFFERS):
            localizer.fit(X, other)
    assert not localizer.__sklearn_is_fitted__()
    with pytest.raises(ValueError, match=DIFFERS):
        make_pipeline(ClipWise(StandardScaler()), localizer).fit(X, y[::-1])


def test_autoloc_compares_where_its_localizer_is_frozen(videos, fitted):
    X, y = videos
    with pytest.raises(ValueError, match=DIFFERS):
        AutoLoc(FrozenEstimator(fitted), **FEW).fit(X, y[::-1])


def test_every_use_compares(videos, fitted, tmp_path):
    X, y = videos
    scorers = [recognition_scorer("map"), recognition_scorer(), weak_clip_scorer()]
    for other in others(y):
        with pytest.raises(ValueError, match=DIFFERS):
            fitted.score(X, other)
        with pytest.raises(ValueError, match=DIFFERS):
            diagnose(fitted, X, other)
        with pytest.raises(ValueError, match=DIFFERS):
            report(fitted, X, other, tmp_path / "page.html")
        for scorer in scorers:
            with pytest.raises(ValueError, match=DIFFERS):
                scorer(fitted, X, other)
        with pytest.raises(ValueError, match=DIFFERS):
            weak_detection_scorer()(fitted, X, other)
    with pytest.raises(ValueError, match="Video 0 is video_039 in y_true and video_000"):
        localization_scorer()(fitted, X, y[::-1])


def test_displays_compare(videos, fitted):
    pytest.importorskip("matplotlib")
    from sklearn_asn.plotting import CASDisplay, PrecisionRecallDisplay, QuantileCurveDisplay

    X, y = videos
    for display in (CASDisplay, QuantileCurveDisplay):
        with pytest.raises(ValueError, match=DIFFERS):
            display.from_estimator(fitted, X, y[::-1])
    with pytest.raises(ValueError, match="Video 0 is video_039 in y_true"):
        PrecisionRecallDisplay.from_estimator(fitted, X, y[::-1])


def test_metrics_compare(videos, fitted):
    X, y = videos
    found = fitted.predict(X)
    for metric in (localization_map, recall_at, average_recall, weak_detection_map):
        with pytest.raises(ValueError, match=r"in y_true and .* in y_pred"):
            metric(y[::-1], found)
    scores = pd.DataFrame(fitted.predict_proba(X), index=X.ids, columns=fitted.classes_)
    for metric in (recognition_map, recognition_accuracy):
        with pytest.raises(ValueError, match=r"in y_true and .* in y_score"):
            metric(y[::-1], scores, classes=fitted.classes_)
    weight = pd.Series(1.0, index=y.ids)[::-1]
    with pytest.raises(ValueError, match=r"in y_true and .* in sample_weight"):
        localization_map(y, found, sample_weight=weight)


def test_what_comes_beside_is_compared(videos):
    X, y = videos
    for name, value in (("sample_weight", 1.0), ("trimmed", False), ("timed", False)):
        given = pd.Series(value, index=X.ids)
        with pytest.raises(ValueError, match=f"Video 0 is video_000 in X and .* in {name}"):
            fast("temporal").fit(X, y, **{name: given[::-1]})
        fast("temporal", max_epochs=1).fit(X, y, **{name: given})
    weight = pd.Series(1.0, index=X.ids)[::-1]
    frozen = AutoLoc(FrozenEstimator(fast("temporal", max_epochs=1).fit(X, y)), **FEW)
    with pytest.raises(ValueError, match="in sample_weight"):
        frozen.fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="in ids and b in clip_seconds"):
        Clips.from_list(
            [np.zeros((2, 1))] * 2, clip_seconds=pd.Series([1.0, 2.0], ["b", "a"]), ids=["a", "b"]
        )


def test_what_comes_beside_may_be_a_mapping_by_id(videos, fitted):
    X, y = videos
    flags = np.arange(len(X)) % 4 == 0
    values = {"sample_weight": 1.0 + np.arange(len(X)) % 3, "trimmed": flags}
    for name, value in values.items():
        held = dict(zip(X.ids, value.tolist(), strict=True))
        got = fast("temporal", max_epochs=1).fit(X, y, **{name: held})
        want = fast("temporal", max_epochs=1).fit(X, y, **{name: value})
        assert np.array_equal(got.attention_quantiles_, want.attention_quantiles_)
        with pytest.raises(ValueError, match=f"Video 0 is video_000 in X and .* in {name}"):
            fast("temporal").fit(X, y, **{name: dict(reversed(held.items()))})
        with pytest.raises(ValueError, match=f"{name} must .*40"):
            fast("temporal").fit(X, y, **{name: dict(list(held.items())[:-1])})
    known = dict(zip(X.ids, flags.tolist(), strict=True))
    sure = fast("temporal", max_epochs=1, pooling="probability")
    got = sure.fit(X, y, timed=known).attention_quantiles_
    assert np.array_equal(got, sure.fit(X, y, timed=flags).attention_quantiles_)

    weight = dict(zip(X.ids, values["sample_weight"].tolist(), strict=True))
    backwards = dict(reversed(weight.items()))
    scaler = ClipWise(StandardScaler())
    want = scaler.fit(X, sample_weight=values["sample_weight"]).transformer_.mean_
    assert np.array_equal(scaler.fit(X, sample_weight=weight).transformer_.mean_, want)
    with pytest.raises(ValueError, match=r"in X and .* in sample_weight"):
        scaler.fit(X, sample_weight=backwards)
    p, found = fitted.predict_proba(X), fitted.predict(X)
    for score in (
        lambda w: fitted.score(X, y, sample_weight=w),
        lambda w: localization_map(y, found, sample_weight=w),
        lambda w: weak_detection_map(y, found, sample_weight=w),
        lambda w: recognition_map(y, p, classes=fitted.classes_, sample_weight=w),
        lambda w: recognition_accuracy(y, p, classes=fitted.classes_, sample_weight=w),
    ):
        assert score(weight) == score(values["sample_weight"])
        with pytest.raises(ValueError, match="in sample_weight"):
            score(backwards)


def test_one_pair_is_enough_and_is_named(videos):
    X, y = videos
    order = np.arange(len(X))
    order[[7, 30]] = [30, 7]
    with pytest.raises(ValueError, match=r"Video 7 is video_007 in X and video_030 .* of 2 that"):
        fast("temporal").fit(X, y[order])


def test_align_brings_every_form_to_the_order_of_X(videos):
    X, y = videos
    whole = fast("temporal", max_epochs=1).fit(X, y)
    for other in others(y):
        same, aligned = align(X, other)
        assert same == X
        assert type(aligned) is type(other)
        model = fast("temporal", max_epochs=1).fit(same, aligned)
        assert np.array_equal(model.attention_quantiles_, whole.attention_quantiles_)
    mapping = {name: {s.label for s in y[i]} for i, name in enumerate(y.ids)}
    backwards = dict(reversed(mapping.items()))
    assert list(align(X, backwards)[1]) == list(mapping)
    with pytest.raises(ValueError, match="y must be Clips or Segments with ids, a Series"):
        align(X, pd.Series(["a"] * len(X)))


def test_a_side_without_ids_is_not_compared(videos):
    X, y = videos
    labels = pd.Series([{s.label for s in video} for video in y])
    plain = Segments(y.offsets, y.label, y.start, y.end)
    unnamed = Clips(X.values, X.offsets)
    for one, other in (
        (X, plain[::-1]),
        (unnamed, y[::-1]),
        (X, labels[::-1]),  # the numbers of rows are no ids
        (X, labels.to_numpy()[::-1]),
        (X, list(labels)[::-1]),
        (list(X), pd.Series(list(labels), index=X.ids)),
        (X, pd.Series(list(labels), index=pd.MultiIndex.from_product([["a"], range(len(X))]))),
    ):
        fast("temporal", max_epochs=1).fit(one, other)


def test_splits_keep_their_ids(videos):
    X, y = videos
    labels = pd.Series([{s.label for s in video} for video in y])
    X_train, X_test, y_train, y_test, l_train, l_test = train_test_split(X, y, labels)
    model = fast("temporal", max_epochs=1).fit(X_train, y_train)
    model.score(X_test, y_test)
    fast("temporal", max_epochs=1).fit(X_train, l_train)  # its index is some of 0, ..., 39
    with pytest.raises(ValueError, match="bring both to the same order"):
        model.score(X_test, y_test[::-1])


def test_numbers_in_an_index_that_are_the_names_of_the_videos(videos):
    X, y = videos
    labels = [{s.label for s in video} for video in y]
    numbered = Clips(X.values, X.offsets, ids=range(100, 140))
    right = pd.Series(labels, index=range(100, 140))
    fast("temporal", max_epochs=1).fit(numbered, right.loc[list(range(100, 140))])
    with pytest.raises(ValueError, match="Video 0 is 100 in X and 139 in y"):
        fast("temporal").fit(numbered, right.loc[list(range(139, 99, -1))])
    named = pd.Series(labels, index=pd.Index([*range(100, 139), 7], name="video"))
    with pytest.raises(ValueError, match="Video 39 is 139 in X and 7 in y"):
        fast("temporal").fit(numbered, named)


def test_a_frame_of_videos_of_one_clip_knows_its_index():
    rng = np.random.default_rng(0)
    ids = [f"v{i}" for i in range(12)]
    X = pd.DataFrame(rng.random((12, 4)), index=ids, columns=[f"temporal_{i}" for i in range(4)])
    y = pd.Series(["run", "jump"] * 6, index=ids)
    model = fast("temporal", max_epochs=1).fit(X, y)
    assert model.predict(X).ids.tolist() == ids
    with pytest.raises(ValueError, match="Video 0 is v0 in X and v11 in y"):
        model.fit(X, y[::-1])
    again = np.array([0, 0, 3])  # a bootstrap repeats videos
    model.score(X.iloc[again], y.iloc[again])
