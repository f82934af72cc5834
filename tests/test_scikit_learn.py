"""Tools of scikit-learn around a localizer: out-of-fold predictions, scorers, one-vs-rest."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from helpers.localizers import fast
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import (
    Clips,
    ClipWise,
    Segments,
    SelfTrainingLocalizer,
    VideoClassifier,
    stream_importance,
)
from sklearn_asn.metrics import (
    localization_scorer,
    recognition_accuracy,
    recognition_map,
    recognition_scorer,
    weak_clip_scorer,
)
from sklearn_asn.rivals import AutoLoc, SingleInstance
from sklearn_asn.saving import SKOPS_TYPES

SINCE_1_9 = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)


@pytest.fixture(scope="module")
def indicator(videos):
    _, y = videos
    return np.array([[c in {s.label for s in v} for c in np.unique(y.label)] for v in y], dtype=int)


@pytest.fixture(scope="module")
def two(videos, indicator):
    """Videos with and without the first class."""
    return videos[0], np.array(["without", "with it"])[indicator[:, 0]]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["attention", "topk", "probability"])
@pytest.mark.parametrize("variant", ["temporal", "two-stream", "fusion"])
def test_decision_of_two_classes_says_how_far_the_second_is_ahead(two, variant, pooling):
    X, y = two
    model = fast(variant, pooling=pooling).fit(X, y)
    ahead, p = model.decision_function(X), model.predict_proba(X)
    assert ahead.shape == (len(X),)
    assert_array_equal(ahead > 0, p[:, 1] > p[:, 0])
    if pooling != "probability":  # whose classes need not sum to 1
        assert_allclose(ahead, np.log(p[:, 1] / p[:, 0]), rtol=1e-3, atol=1e-4)
    assert model.fit(X, np.arange(len(X)) % 3).decision_function(X).shape == (len(X), 3)


@pytest.mark.slow
def test_one_against_the_rest(videos, indicator):
    X, _ = videos
    model = OneVsRestClassifier(fast()).fit(X, indicator)
    assert model.predict(X).shape == indicator.shape
    each = [fast().fit(X, column).predict_proba(X)[:, 1] for column in indicator.T]
    assert_allclose(model.predict_proba(X), np.transpose(each), rtol=1e-6)


@pytest.mark.skipif(not SINCE_1_9, reason="older ones ask classifiers alone: VideoClassifier")
def test_roc_auc(two):
    X, y = two
    scores = cross_val_score(fast(), X, y, cv=3, scoring="roc_auc", error_score="raise")
    assert np.all((scores >= 0) & (scores <= 1))


@pytest.mark.slow
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(
    "cv",
    [3, KFold(4, shuffle=True, random_state=0), GroupKFold(3)],
    ids=["int", "shuffled", "groups"],
)
def test_segments_out_of_fold(videos, cv, ids):
    X, y = videos
    if not ids:
        X = Clips(X.values, X.offsets, X.clip_seconds, feature_names=X.feature_names)
    groups = np.arange(len(X)) % 5 if isinstance(cv, GroupKFold) else None
    found = cross_val_predict(fast("temporal"), X, y, cv=cv, groups=groups)
    assert isinstance(found, Segments)
    if ids:
        assert_array_equal(found.ids, X.ids)
    else:
        assert found.ids is None
    splitter = KFold(cv) if isinstance(cv, int) else cv
    for train, test in splitter.split(X, y, groups):
        assert found[test] == fast("temporal").fit(X[train], y[train]).predict(X[test])


def test_segments_out_of_fold_of_a_list(videos):
    X, y = list(videos[0]), [{s.label for s in video} for video in videos[1]]
    model = fast("temporal")
    assert cross_val_predict(model, X, y, cv=2) == cross_val_predict(
        model, Clips.from_list(X), y, cv=2
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_scores_out_of_fold(videos, two, indicator, method):
    X, _ = videos
    three = np.array(["c", "a", "b"])[np.arange(len(X)) % 3]
    for y in (three, two[1], indicator):
        got = cross_val_predict(fast("temporal"), X, y, cv=2, method=method)
        train, test = next(KFold(2).split(X))
        want = getattr(fast("temporal").fit(X[train], y[train]), method)(X[test])
        assert_array_equal(got[test], want)


def test_numpy_joins_segments(videos):
    _, y = videos
    assert np.concatenate([y[:7], y[7:]]) == y
    same_length = y[y.lengths == 2]  # NumPy would make axes of the segments
    array = np.asarray(same_length, dtype=object)
    assert array.shape == (len(same_length),)
    assert Segments.from_list(array, ids=same_length.ids) == same_length
    with pytest.raises(ValueError, match="one axis"):
        np.concatenate([y, y], axis=1)
    with pytest.raises(TypeError, match="no implementation found"):
        np.cumsum(y)


@pytest.mark.parametrize(
    "split",
    [
        lambda X, y: next(StratifiedKFold(3).split(X, y)),
        lambda X, y: train_test_split(X, y, stratify=y),
        lambda X, y: cross_val_predict(fast(), X, y, method="predict_proba"),
    ],
    ids=["StratifiedKFold", "train_test_split", "predict_proba"],
)
def test_who_wants_an_array_of_labels_is_told_which(videos, split):
    with pytest.raises(ValueError, match="iterative-stratification"):
        split(*videos)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["accuracy", "map"])
def test_weights_are_routed_to_scorers(videos, metric):
    X, y = videos
    weight = np.arange(1.0, 1 + len(X))
    score = recognition_accuracy if metric == "accuracy" else recognition_map
    scorer = recognition_scorer(metric)
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        scorer.set_score_request(sample_weight=True)
    with config_context(enable_metadata_routing=True):
        assert scorer.set_score_request(sample_weight="counts") is scorer
        model = fast().set_fit_request(sample_weight=False)
        found = cross_validate(
            model, X, y, cv=2, scoring=scorer, params={"counts": weight}, error_score="raise"
        )
        search = GridSearchCV(
            model,
            {"lr": [0.1]},
            cv=2,
            refit="a",
            scoring={"a": scorer, "clips": weak_clip_scorer()},
        )
        search.fit(X, y, counts=weight)
    train, test = next(KFold(2).split(X))
    model = fast().fit(X[train], y[train])
    got = model.predict_proba(X[test])
    want = score(y[test], got, classes=model.classes_, sample_weight=weight[test])
    assert want != score(y[test], got, classes=model.classes_)
    assert found["test_score"][0] == search.cv_results_["split0_test_a"][0] == want


def test_weighted_accuracy_counts_videos_that_often(videos):
    X, y = videos
    model = fast().fit(X, y)
    weight = np.arange(len(X)) % 4
    often = np.repeat(np.arange(len(X)), weight)
    for scorer in (recognition_scorer(), weak_clip_scorer()):
        got = scorer(model, X, y, sample_weight=weight)
        assert got == pytest.approx(scorer(model, X[often], y[often]))
    with pytest.raises(ValueError, match="is zero"):
        recognition_scorer()(model, X, y, sample_weight=np.zeros(len(X)))


def test_a_classifier_says_the_most_probable_label(two):
    X, y = two
    model = VideoClassifier(fast()).fit(X, y)
    plain = fast().fit(X, y)
    assert_array_equal(model.predict(X), plain.classes_[plain.predict_proba(X).argmax(axis=1)])
    assert_array_equal(model.decision_function(X), plain.decision_function(X))
    assert model.score(X, y) == recognition_accuracy(
        y, plain.predict_proba(X), classes=plain.classes_
    )
    assert model.n_features_in_ == X.n_features


def test_probabilities_of_a_classifier_sum_to_one(two):
    X, y = two
    model = VideoClassifier(fast(pooling="probability")).fit(X, y)
    p, raw = model.predict_proba(X), model.localizer_.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(p, raw / raw.sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_classifier_of_named_videos(two):
    X, y = two
    want = VideoClassifier(fast()).fit(X[:20], y[:20]).predict_proba(X[20:])
    model = VideoClassifier(fast(), videos=X)
    for names in (np.arange(40), np.arange(40.0)[:, None], X.ids, X.ids[:, None].astype(object)):
        assert_array_equal(model.fit(names[:20], y[:20]).predict_proba(names[20:]), want)
    assert clone(model).videos is X
    assert model.n_features_in_ == 1
    for names, message in (
        ([40], r"X\[0\] is 40; expected a position in the 40 videos"),
        ([0, 1.5], r"X\[1\] is 1.5"),
        ([-1], r"X\[0\] is -1"),
        ([np.nan], r"X\[0\] is nan"),
        (["video_000", "vid"], r"X\[1\] is 'vid', which is no id"),
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.predict(names)
    with pytest.raises(ValueError, match="has no ids"):
        VideoClassifier(fast(), videos=list(X)).fit(["a", "b"], ["x", "y"])


def test_weights_reach_a_localizer_in_a_pipeline(two):
    X, y = two
    weight = np.arange(len(X)) % 3 + 0.5
    scaled = make_pipeline(ClipWise(StandardScaler()), fast())
    got = VideoClassifier(scaled).fit(X, y, sample_weight=weight)
    want = scaled.fit(X, y, asnlocalizer__sample_weight=weight)
    assert_allclose(got.predict_proba(X), want.predict_proba(X), rtol=1e-6)
    assert_array_equal(got.decision_function(X), want.decision_function(X))


def test_a_classifier_needs_one_label_a_video(two):
    X, y = two
    sets = [{label} for label in y]
    assert_array_equal(
        VideoClassifier(fast()).fit(X, sets).predict(X),
        VideoClassifier(fast()).fit(X, y).predict(X),
    )
    sets[3] = {"with it", "without"}
    with pytest.raises(ValueError, match=r"y\[3\] has 2 labels"):
        VideoClassifier(fast()).fit(X, sets)
    with pytest.raises(NotFittedError):
        VideoClassifier(fast()).predict(X)


def test_a_search_over_a_classifier_takes_segments(videos):
    X, y = videos
    single = Segments.from_list([video[:1] for video in y], ids=y.ids)
    search = GridSearchCV(VideoClassifier(fast()), {"localizer__lr": [0.1]}, cv=KFold(2))
    search.fit(X, single)
    labels = np.array([video[0].label for video in single])
    model = search.best_estimator_
    assert model.score(X, single) == model.score(X, labels) == np.mean(model.predict(X) == labels)


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["clips", "videos"])
def test_importance_is_the_fall_of_the_score(videos, unit):
    X, y = videos
    model = fast("fusion", max_epochs=15).fit(X, y)
    found = stream_importance(model, X, y, n_repeats=3, unit=unit, random_state=0)
    assert found.streams == ["temporal", "spatial"]
    assert found.importances.shape == (2, 3)
    assert_allclose(found.importances_mean, found.importances.mean(axis=1))
    assert_allclose(found.importances_std, found.importances.std(axis=1))
    assert found.baseline_score == model.score(X, y)
    again = stream_importance(model, X, y, n_repeats=3, unit=unit, random_state=0)
    assert_array_equal(found.importances, again.importances)


@pytest.mark.slow
def test_columns_that_are_not_read_have_no_importance(videos):
    X, y = videos
    model = fast("temporal", max_epochs=40, batch_size=8).fit(X, y)
    found = stream_importance(
        model, X, y, streams={"unread": slice(0, 32), "read": slice(32, 64)}, random_state=0
    )
    assert_array_equal(found.importances[0], 0)
    assert found.importances.min(axis=1)[1] > 0
    assert stream_importance(model, X, y, random_state=0).streams == ["temporal"]


def test_a_video_classifier_is_kept_by_skops(two):
    io = pytest.importorskip("skops.io")
    X, y = two
    model = VideoClassifier(fast("temporal")).fit(X, y)
    again = io.loads(io.dumps(model), trusted=list(SKOPS_TYPES))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_importance_of_columns_that_are_read_as_one(videos):
    X, y = videos
    named = fast("single").fit(X, y)
    assert stream_importance(named, X, y, n_repeats=1).streams == ["spatial", "temporal"]
    arrays = list(X)
    plain = fast("single").fit(arrays, y)
    assert stream_importance(plain, arrays, y, n_repeats=1).streams == ["single"]
    one = X.with_values(X.values, [f"flow_{i}" for i in range(X.n_features)])
    for variant in ("single", "temporal"):
        model = fast(variant).fit(one, y)
        assert stream_importance(model, one, y, n_repeats=1).streams == ["temporal"]


def test_importance_through_a_pipeline_and_by_another_score(videos):
    X, y = videos
    model = make_pipeline(ClipWise(StandardScaler()), fast("fusion")).fit(X, y)
    scaled = model[:-1].transform(X)
    for scoring in (None, recognition_scorer("map"), localization_scorer(0.3)):
        got = stream_importance(model, X, y, scoring=scoring, n_repeats=1, random_state=0)
        want = stream_importance(model[-1], scaled, y, scoring=scoring, n_repeats=1, random_state=0)
        assert_array_equal(got.importances, want.importances)
    weight = np.arange(len(X)) % 2
    got = stream_importance(model, X, y, n_repeats=1, sample_weight=weight, random_state=0)
    assert got.baseline_score == model[-1].score(scaled, y, sample_weight=weight)


@pytest.mark.slow
def test_importance_of_localizers_that_hold_others(videos):
    X, y = videos
    one = fast("fusion", pooling="probability", init="scratch")
    teaching = SelfTrainingLocalizer([("one", one)], n_rounds=0, random_state=0).fit(X, y)
    for model in (teaching, AutoLoc(fast("fusion"), random_state=0).fit(X, y)):
        found = stream_importance(model, X, y, n_repeats=1, random_state=0)
        assert found.streams == ["temporal", "spatial"]
        assert found.baseline_score == model.score(X, y)
    single = SingleInstance().fit(X, y)
    found = stream_importance(single, X, y, n_repeats=1, random_state=0)
    assert sorted(found.streams) == ["spatial", "temporal"]


def test_importance_of_a_table_with_names(videos):
    X = pd.DataFrame(np.stack([v.mean(axis=0) for v in videos[0]])).rename(columns="f{}".format)
    y = [{s.label for s in video} for video in videos[1]]
    model = fast("fusion", clips_per_video=1).fit(X, y)
    found = stream_importance(model, X, y, streams={"some": ["f3", "f40"]}, random_state=0)
    assert found.streams == ["some"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_repeats": 0}, "n_repeats=0"),
        ({"unit": "rows"}, "unit='rows'"),
        ({"streams": []}, "streams="),
        ({"streams": {"a": []}}, r"streams\['a'\] has no columns"),
        ({"streams": {"a": [99]}}, "reaches beyond"),
        ({"random_state": "x"}, "random_state='x'"),
    ],
)
def test_bad_arguments_of_importance(videos, change, message):
    model = fast().fit(*videos)
    with pytest.raises(ValueError, match=message):
        stream_importance(model, *videos, **change)


def test_splits_that_keep_the_shares_of_sets(videos, indicator):
    ml_stratifiers = pytest.importorskip("iterstrat.ml_stratifiers")
    X, y = videos
    cv = ml_stratifiers.MultilabelStratifiedKFold(n_splits=4, shuffle=True, random_state=0)
    splits = list(cv.split(indicator, indicator))
    assert len(cross_val_predict(fast(), X, y, cv=splits)) == len(X)
    counts = np.array([indicator[test].sum(axis=0) for _, test in splits])
    assert np.all(np.abs(counts - indicator.sum(axis=0) / 4) < 1.5)
