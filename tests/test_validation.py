"""Videos held out of a fit: their scores in the history, and callbacks that go by them."""

import numpy as np
import pytest
from helpers.localizers import assert_same_weights, fast, softmax, weights
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupShuffleSplit, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, Checkpoint, EarlyStopping, EpochScoring

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer
from sklearn_asn.exceptions import UnseenClassWarning
from sklearn_asn.metrics import recognition_map
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet


def nowhere(text):
    """Take what callbacks would print; a function with a name, so that the cache can tell it."""


QUIET = {"sink": nowhere}
LOSS, RECOGNITION, LOCALIZATION = "valid_loss", "valid_recognition_map", "valid_localization_map"


@pytest.fixture(scope="module")
def parts(videos):
    X, y = videos
    return X[:28], y[:28], X[28:], y[28:]


def column(model, name):
    return [epoch[name] for epoch in model.history_]


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["attention", "topk", "probability"])
@pytest.mark.parametrize("variant", ["temporal", "bilinear", "two-stream"])
def test_the_last_record_is_what_the_localizer_scores(parts, variant, pooling):
    X, y, X_val, y_val = parts
    model = fast(variant, pooling=pooling).fit(X, y, validation=(X_val, y_val))
    last, p = model.history_[-1], model.predict_proba(X_val)
    assert last[LOCALIZATION] == pytest.approx(model.score(X_val, y_val))
    assert last[RECOGNITION] == pytest.approx(recognition_map(y_val, p, classes=model.classes_))
    assert_same_weights(model, fast(variant, pooling=pooling).fit(X, y))


def test_clips_that_are_longer_in_training_are_judged_as_they_are_used(parts):
    X, y, X_val, y_val = parts
    model = fast("temporal", training_window=3).fit(X, y, validation=(X_val, y_val))
    assert model.history_[-1][LOCALIZATION] == pytest.approx(model.score(X_val, y_val))
    assert_same_weights(model, fast("temporal", training_window=3).fit(X, y))


def test_the_loss_is_the_cross_entropy_of_whole_videos(parts):
    X, y, X_val, y_val = parts
    model = fast(attention_softening=1.0).fit(X, y, validation=(X_val, y_val))
    target = np.array(
        [[c in {s.label for s in video} for c in model.classes_] for video in y_val], dtype=float
    )
    target /= target.sum(axis=1, keepdims=True)
    want = -(target * np.log(softmax(model.decision_function(X_val)))).sum(axis=1).mean()
    assert model.history_[-1][LOSS] == pytest.approx(want, rel=1e-5)


def test_best_marks_the_first_best_epoch(parts):
    X, y, X_val, y_val = parts
    model = fast(max_epochs=12).fit(X, y, validation=(X_val, y_val))
    for name, sign in ((LOSS, -1), (RECOGNITION, 1), (LOCALIZATION, 1)):
        values = sign * np.array(column(model, name))
        highest = np.maximum.accumulate(np.concatenate([[-np.inf], values[:-1]]))
        assert_array_equal(column(model, f"{name}_best"), values > highest)


@pytest.mark.slow
def test_labels_alone_have_no_localization(parts):
    X, y, X_val, y_val = parts
    sets = [{s.label for s in video} for video in y_val]
    model = fast().fit(X, y, validation=(X_val, sets))
    timed = fast().fit(X, y, validation=(X_val, y_val))
    assert column(model, RECOGNITION) == column(timed, RECOGNITION)
    assert LOCALIZATION not in model.history_[0]
    mixed = [
        list(video) if i < 6 else one
        for i, (video, one) in enumerate(zip(y_val, sets, strict=True))
    ]
    some = fast().fit(X, y, validation=(X_val, mixed))
    assert some.history_[-1][LOCALIZATION] == pytest.approx(some.score(X_val[:6], y_val[:6]))


def test_every_few_epochs(parts):
    X, y, X_val, y_val = parts
    each = fast(max_epochs=6).fit(X, y, validation=(X_val, y_val))
    some = fast(max_epochs=6).fit(X, y, validation=(X_val, y_val), validate_every=4)
    for name in (LOSS, RECOGNITION, LOCALIZATION):
        a, b = column(each, name), column(some, name)
        assert b == [a[0], a[0], a[0], a[0], a[4], a[5]]
        assert not any(column(some, f"{name}_best")[1:4])


@pytest.mark.slow
@pytest.mark.parametrize("name", [LOSS, RECOGNITION, LOCALIZATION])
def test_the_best_epochs_weights_and_quantiles_come_back(parts, name, tmp_path):
    X, y, X_val, y_val = parts
    keep = Checkpoint(f"{name}_best", dirname=tmp_path, load_best=True, **QUIET)
    model = fast("temporal", max_epochs=15, lr=0.5, callbacks=[keep])
    model.fit(X, y, validation=(X_val, y_val))
    full = fast("temporal", max_epochs=15, lr=0.5).fit(X, y, validation=(X_val, y_val))
    best = int(np.flatnonzero(column(full, f"{name}_best"))[-1])
    assert best < 14
    short = fast("temporal", max_epochs=15, lr=0.5, callbacks=[StopAfter(best + 1)]).fit(X, y)
    assert_same_weights(model, short)
    assert_array_equal(model.attention_quantiles_, short.attention_quantiles_)
    assert model.predict(X_val) == short.predict(X_val)


class StopAfter(Callback):
    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["temporal", "bottleneck"])  # with a parent, too
@pytest.mark.parametrize("name", [LOSS, RECOGNITION, LOCALIZATION])
def test_early_stopping(parts, variant, name):
    X, y, X_val, y_val = parts
    stop = EarlyStopping(
        name, lower_is_better=name == LOSS, patience=2, threshold=0, load_best=True, **QUIET
    )
    model = fast(variant, max_epochs=60, lr=0.5, callbacks=[stop])
    model.fit(X, y, validation=(X_val, y_val))
    values = np.array(column(model, name)) * (1 if name == LOSS else -1)
    assert len(values) < 60
    assert np.argmin(values) == len(values) - 1 - 2
    if name == LOCALIZATION:
        assert model.score(X_val, y_val) == pytest.approx(-values.min())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("validation", "n_held"),
    [
        (4, 10),
        (0.25, 10),
        (KFold(5), 8),
        (StratifiedKFold(4), 10),
        (GroupShuffleSplit(1, test_size=0.5), None),
    ],
    ids=["int", "share", "KFold", "StratifiedKFold", "needs groups"],
)
def test_a_part_of_the_videos_is_split_off(videos, validation, n_held):
    X, _ = videos
    y = np.array([video[0].label for video in videos[1]])
    if n_held is None:
        with pytest.raises(ValueError, match="groups"):
            fast().fit(X, y, validation=validation)
        return
    model = fast().fit(X, y, validation=validation)
    seen = Seen()
    again = fast(callbacks=[seen]).fit(X, y, validation=validation)
    assert_same_weights(model, again)
    assert seen.sizes == [(40 - n_held, n_held)] * 10  # of the parent and the network
    assert column(model, LOSS) == column(again, LOSS)
    if isinstance(validation, KFold):
        train, test = next(validation.split(X))
        apart = fast().fit(X[train], y[train], validation=(X[test], y[test]))
        assert_same_weights(model, apart)
        assert column(model, RECOGNITION) == column(apart, RECOGNITION)


class Seen(Callback):
    """Note how many videos there are to train and to validate with."""

    def __init__(self):
        self.sizes = []

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.sizes.append((len(dataset_train), len(dataset_valid)))


def test_what_comes_with_the_videos_is_split_too(videos):
    X, y = videos
    weight, trimmed = np.arange(40.0) + 1, np.arange(40) % 5 == 0
    timed = np.arange(40) % 2 == 0
    given = {"sample_weight": weight, "trimmed": trimmed, "timed": timed}
    model = fast("fusion", pooling="probability", init="scratch")
    got = weights(model.fit(X, y, **given, validation=KFold(4)))
    train, test = next(KFold(4).split(X))
    part = {name: value[train] for name, value in given.items()}
    want = weights(model.fit(X[train], y[train], **part, validation=(X[test], y[test])))
    for name in want:
        assert_array_equal(got[name], want[name])


def test_a_split_in_a_pipeline_is_scaled_with_the_rest(videos):
    X, y = videos
    model = make_pipeline(ClipWise(StandardScaler()), fast())
    model.fit(X, y, asnlocalizer__validation=4)
    scaled = fast().fit(model[0].transform(X), y, validation=4)
    assert column(model[-1], LOCALIZATION) == column(scaled, LOCALIZATION)


def test_a_pipeline_transforms_the_videos_given_apart(parts):
    X, y, X_val, y_val = parts
    with config_context(enable_metadata_routing=True):
        localizer = fast().set_fit_request(X_val=True, y_val=True)
        scaler = ClipWise(StandardScaler())
        model = Pipeline([("scale", scaler), ("asn", localizer)], transform_input=["X_val"])
        model.fit(X, y, X_val=X_val, y_val=y_val)
    assert model[-1].history_[-1][LOCALIZATION] == pytest.approx(model.score(X_val, y_val))


@pytest.mark.slow
def test_the_cache_knows_what_a_training_was_validated_with(parts, tmp_path):
    X, y, X_val, y_val = parts
    stop = EarlyStopping(LOSS, patience=2, **QUIET)
    options = {"max_epochs": 30, "lr": 0.5, "callbacks": [stop]}
    one = fast(memory=str(tmp_path), **options).fit(X, y, validation=(X_val, y_val))
    plain = fast(**options).fit(X, y, validation=(X_val, y_val))
    again = fast(memory=str(tmp_path), **options).fit(X, y, validation=(X_val, y_val))
    assert_same_weights(one, plain)
    assert column(one, LOCALIZATION) == column(plain, LOCALIZATION) == column(again, LOCALIZATION)
    for change in ((X_val[:9], y_val[:9]), (X_val, [{s.label for s in v} for v in y_val])):
        other = fast(memory=str(tmp_path), **options).fit(X, y, validation=change)
        want = fast(**options).fit(X, y, validation=change)
        assert column(other, LOSS) == column(want, LOSS)
        assert other.history_[0].keys() == want.history_[0].keys()
    cut = fast(memory=str(tmp_path), quantile=0.9, **options).fit(X, y, validation=(X_val, y_val))
    assert column(cut, LOCALIZATION) != column(one, LOCALIZATION)


def test_every_network_that_teaches_is_validated(parts):
    X, y, X_val, y_val = parts
    member = fast("fusion", pooling="probability", init="scratch", max_epochs=3)
    model = SelfTrainingLocalizer([("a", member), ("b", member)], n_rounds=1, random_state=0)
    model.fit(X, y, validation=(X_val, y_val))
    assert len(column(model, LOCALIZATION)) == 2 * 2 * 3
    last = model.named_localizers_["b"]
    assert model.history_[-1][LOCALIZATION] == pytest.approx(last.score(X_val, y_val))


@pytest.mark.slow
@pytest.mark.parametrize("rival", [UntrimmedNet, STPN, WTALC])
def test_rivals(parts, rival):
    X, y, X_val, y_val = parts
    model = rival(max_epochs=3, random_state=0, device="cpu")
    model.fit(X, y, validation=(X_val, y_val))
    assert model.history_[-1][LOCALIZATION] == pytest.approx(model.score(X_val, y_val))
    assert np.all(np.isfinite(column(model, LOSS)))


def test_autoloc_validates_its_localizer(parts):
    X, y, X_val, y_val = parts
    model = AutoLoc(fast("temporal"), random_state=0).fit(X, y, validation=(X_val, y_val))
    assert LOSS in model.localizer_.history_[0]
    frozen = AutoLoc(FrozenEstimator(model.localizer_), random_state=0)
    with pytest.raises(ValueError, match="frozen"):
        frozen.fit(X, y, validation=(X_val, y_val))


@pytest.mark.parametrize("given", [{"validation": 3}, {"validation": "pair"}])
def test_what_has_no_epochs_says_so(parts, given):
    X, y, X_val, y_val = parts
    given = {"validation": (X_val, y_val) if given["validation"] == "pair" else 3}
    with pytest.raises(ValueError, match="SingleInstance has no epochs"):
        SingleInstance().fit(X, y, **given)


def test_scoring_of_epochs_by_a_callback(parts):
    X, y, X_val, y_val = parts
    calls = []

    def score(net, bags, y):
        calls.append(len(bags))
        return len(list(net.forward_iter(bags)))

    both = [
        ("train", EpochScoring(score, name="blocks", on_train=True)),
        ("valid", EpochScoring(score, name="held")),
    ]
    model = fast("temporal", callbacks=both).fit(X, y, validation=(X_val, y_val))
    assert calls == [28, 12] * 5
    n_blocks = -(-int(X.lengths.sum()) // (16 * 7))  # of batch_size * clips_per_video clips
    assert column(model, "blocks") == [n_blocks] * 5
    assert "held" not in fast("temporal", callbacks=both).fit(X, y).history_[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validation": 1}, "validation=1; expected at least 2 folds"),
        ({"validation": 99}, "validation=99"),
        ({"validation": True}, "validation=True; expected None, a pair"),
        ({"validation": 1.5}, "validation=1.5"),
        ({"validation": "auto"}, "validation='auto'"),
        ({"X_val": "X"}, "X_val is given without y_val"),
        ({"y_val": "y"}, "y_val is given without X_val"),
        ({"X_val": "X", "y_val": "y", "validation": 3}, "expected one"),
        ({"X_val": "X", "y_val": "y", "validation": ("X", "y")}, "expected one"),
        (
            {"validation": ("narrow", "y")},
            r"validation\[0\] and .*: The feature names",
        ),
        ({"validation": ("holes", "y")}, r"validation\[0\] and .*NaN: video 1"),
        ({"validation": ("X", "short")}, "y has entries for 3"),
        ({"X_val": "X", "y_val": "late"}, "X_val and y_val: .*outside the video"),
        ({"validation": ("X", "numbers")}, "cannot match"),
        ({"validation": ("X", "none")}, "no labels at all"),
        ({"validation": 3, "validate_every": 0}, "validate_every=0"),
    ],
)
def test_bad_arguments(parts, change, message):
    X, y, X_val, y_val = parts
    holes = np.array(X_val.values)
    holes[X_val.offsets[1]] = np.nan
    known = {
        "X": X_val,
        "y": y_val,
        "short": y_val[:3],
        "holes": X_val.with_values(holes, X_val.feature_names),
        "narrow": Clips.from_list([np.zeros((9, 5))] * 12, feature_names=list("abcde")),
        "late": [[("class_0", 1e5, 1e5 + 1)]] * 12,
        "numbers": [1] * 12,
        "none": [set()] * 12,
    }

    def filled(value):
        if isinstance(value, tuple):
            return tuple(map(filled, value))
        return known.get(value, value) if isinstance(value, str) else value

    model = fast()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **{name: filled(value) for name, value in change.items()})
    assert not hasattr(model, "model_")
    assert not hasattr(model, "classes_")


def test_a_class_that_only_the_held_out_have_counts_nothing(parts):
    X, y, X_val, y_val = parts
    sets = [{"new"}, *({s.label for s in video} for video in y_val[1:])]
    with pytest.warns(UnseenClassWarning, match="'new'"):
        model = fast().fit(X, y, validation=(X_val, sets))
    assert np.isfinite(model.history_[-1][LOSS])


def test_a_localizer_in_use_does_not_hold_the_videos(parts):
    X, y, X_val, y_val = parts
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0)
    model.fit(X, y, validation=(X_val, y_val))
    assert model.net_.validation is None
