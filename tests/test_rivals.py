"""What every rival keeps, and each one's own rule against plain numpy."""

import pickle

import numpy as np
import pytest
from helpers.checks import run_check
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import ClipWise, Segments
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map, recognition_accuracy
from sklearn_asn.rivals import STPN, WTALC, UntrimmedNet
from sklearn_asn.selection import (
    AutoLocSelection,
    MultiQuantileSelection,
    NaiveSelection,
    RelativeThresholdSelection,
)

FAST = {"batch_size": 16, "random_state": 0, "device": "cpu"}
RIVALS = [
    UntrimmedNet(max_epochs=40, **FAST),
    UntrimmedNet(clip_selection="hard", max_epochs=40, **FAST),
    STPN(lr=3e-3, max_epochs=60, attention_size=16, **FAST),
    WTALC(hidden_size=32, lr=3e-3, max_epochs=40, **FAST),
]
SHORT = [clone(rival).set_params(max_epochs=1) for rival in RIVALS]


def name(rival):
    return type(rival).__name__ + str(getattr(rival, "clip_selection", ""))


@pytest.fixture(scope="module")
def data():
    return make_untrimmed_videos(n_videos=80, n_classes=3, random_state=0)


@pytest.mark.slow
@parametrize_with_checks(SHORT)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVALS, ids=name)
def test_learns_what_and_when_from_labels_alone(rival, data):
    X, y = data
    labels = [{s.label for s in video} for video in y]
    model = make_pipeline(ClipWise(StandardScaler()), clone(rival)).fit(X[:50], labels[:50])
    proba = model.predict_proba(X[50:])
    assert recognition_accuracy(labels[50:], proba, classes=model.classes_) > 0.8
    everywhere = Segments.from_list(
        [[(label, *span, 1.0) for label in model.classes_] for span in X[50:].spans.tolist()],
        ids=X[50:].ids,
    )
    baseline = localization_map(y[50:], everywhere, 0.1)
    assert localization_map(y[50:], model.predict(X[50:]), 0.1) > 2 * baseline
    assert model.score(X[50:], y[50:]) == localization_map(y[50:], model.predict(X[50:]), 0.5)


@pytest.mark.parametrize("rival", SHORT, ids=name)
def test_fit_reads_labels_only_and_repeats_to_the_bit(rival, data):
    X, y = data[0][:20], data[1][:20]
    moved = Segments(y.offsets, y.label, y.start + 1, y.end + 2, ids=y.ids)
    a, b = clone(rival).fit(X, y), clone(rival).fit(X, moved)
    for left, right in zip(a.transform(X), b.transform(X), strict=True):
        np.testing.assert_array_equal(left, right)
    again = pickle.loads(pickle.dumps(a))
    assert again.predict(X) == a.predict(X) == b.predict(X)


@pytest.mark.slow
@pytest.mark.parametrize("rival", SHORT, ids=name)
@pytest.mark.parametrize(
    "selection",
    [NaiveSelection(), AutoLocSelection(), MultiQuantileSelection(), RelativeThresholdSelection()],
    ids=lambda s: type(s).__name__,
)
def test_every_selection_reads_every_rival(rival, selection, data):
    X, y = data[0][:20], data[1][:20]
    model = clone(rival).set_params(selection=selection).fit(X, y)
    found = model.predict(X)
    assert found.lengths.shape == (20,)
    assert np.all(found.start >= X.spans[found.video, 0])
    assert np.all(found.end <= X.spans[found.video, 1] + 1e-9)


@pytest.mark.parametrize("rival", SHORT, ids=name)
def test_only_the_classes_asked_for_are_localized(rival, data):
    X, y = data[0][:20], data[1][:20]
    model = clone(rival).set_params(localize_classes=["class_1"]).fit(X, y)
    assert set(model.predict(X).label) == {"class_1"}
    cas = np.concatenate(model.transform(X))
    assert not cas[:, [0, 2]].any()
    assert model.predict_proba(X).shape == (20, 3)
    with pytest.raises(ValueError, match=r"localize_classes=.*'sleep'"):
        clone(model).set_params(localize_classes=["sleep"]).fit(X, y)


def test_hide_and_seek_trains_any_of_them(data):
    X, y = data[0][:20], data[1][:20]
    for rival in SHORT:
        plain = clone(rival).fit(X, y)
        hiding = clone(rival).set_params(hide_probability=0.5, hide_clips=3).fit(X, y)
        assert not np.allclose(plain.predict_proba(X), hiding.predict_proba(X))


@pytest.mark.slow
def test_grid_search_over_a_rivals_own_parameters(data):
    X, y = data
    model = make_pipeline(ClipWise(StandardScaler()), clone(SHORT[3]))
    grid = {"wtalc__co_activity": [0.0, 0.5], "wtalc__topk_divisor": [4, 8]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("rival", "change", "message"),
    [
        (UntrimmedNet, {"variant": "fusion"}, "variant='fusion'"),
        (UntrimmedNet, {"clip_selection": "medium"}, "clip_selection='medium'"),
        (UntrimmedNet, {"dropout": 1.0}, "dropout=1.0"),
        (STPN, {"sparsity": -1}, "sparsity=-1"),
        (STPN, {"interpolation": 0}, "interpolation=0"),
        (STPN, {"nms_threshold": 2}, "nms_threshold=2"),
        (STPN, {"attention_size": 0}, "attention_size=0"),
        (WTALC, {"co_activity": 2}, "co_activity=2"),
        (WTALC, {"hidden_size": 0}, "hidden_size=0"),
        (WTALC, {"video_threshold": "high"}, "video_threshold='high'"),
        (WTALC, {"hide_probability": 1.0}, "hide_probability=1.0"),
    ],
)
def test_bad_parameters(rival, change, message, data):
    X, y = data[0][:6], data[1][:6]
    model = rival(**change)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "classes_")


def scores_of(model, X):
    return model.model_.score(model._check_X(X, reset=False))


def test_untrimmednet_detects_above_half_the_maximum(data):
    """Section 1.4 of the kit in loops: smoothed probability, half maximum, mean + 0.2 c."""
    X, y = data[0][:20], data[1][:20]
    model = clone(SHORT[0]).fit(X, y)
    activations = scores_of(model, X).activations
    p = np.exp(activations - activations.max(-1, keepdims=True))
    p = (p / p.sum(-1, keepdims=True)).mean(axis=1)
    c = model.predict_proba(X)
    found = model.set_params(video_threshold=0.0).predict(X)
    for v in range(20):
        want = []
        for k in range(3):
            s = p[X.offsets[v] : X.offsets[v + 1], k]
            s = (s + np.append(s[1:], s[-1])) / 2
            above = np.flatnonzero(s > 0.5 * s.max())
            for run in np.split(above, np.flatnonzero(np.diff(above) > 1) + 1):
                times = X.to_time(np.array([v, v]), np.array([run[0], run[-1] + 1]))
                want.append((model.classes_[k], *times, s[run].mean() + 0.2 * c[v, k]))
        assert sorted(found[v]) == [pytest.approx(w, rel=1e-5) for w in sorted(want)] or (
            np.allclose([s[1:] for s in sorted(found[v])], [w[1:] for w in sorted(want)])
        )


def test_stpn_joins_what_both_streams_propose(data):
    X, y = data[0][:4], data[1][:4]
    model = clone(SHORT[2]).set_params(
        interpolation=3, activation_threshold=0.2, video_threshold=0.0, nms_threshold=1.0
    )
    model.fit(X, y)
    scored = scores_of(model, X)
    gate = 1 / (1 + np.exp(-scored.attention))
    found = model.predict(X)
    for v in range(4):
        rows = slice(X.offsets[v], X.offsets[v + 1])
        n = rows.stop - rows.start
        points = (np.arange(3 * n) + 0.5) / 3 - 0.5
        want = []
        for k in range(3):
            for m in range(2):
                act = scored.activations[rows, :, k]
                signal = gate[rows, m] / (1 + np.exp(-act[:, m]))
                weight = gate[rows, m] * act.mean(axis=1)
                above = np.flatnonzero(np.interp(points, np.arange(n), signal) > 0.2)
                if not len(above):
                    continue
                for run in np.split(above, np.flatnonzero(np.diff(above) > 1) + 1):
                    score = np.interp(points, np.arange(n), weight)[run].mean()
                    times = np.array([run[0], run[-1] + 1]) / 3
                    want.append([k, *X.to_time(np.array([v, v]), times), score])
        index = {label: k for k, label in enumerate(model.classes_.tolist())}
        got = sorted([index[s.label], s.start, s.end, s.score] for s in found[v])
        np.testing.assert_allclose(got, sorted(want), rtol=1e-4, atol=1e-5)


def test_wtalc_keeps_classes_with_positive_activation_and_scores_by_the_maximum(data):
    X, y = data[0][:20], data[1][:20]
    model = clone(SHORT[3]).fit(X, y)
    activations = scores_of(model, X).activations[:, 0]
    found = model.predict(X)
    for v in range(20):
        z = activations[X.offsets[v] : X.offsets[v + 1]]
        top = -np.sort(-z, axis=0)[: -(-len(z) // 8)].mean(axis=0)
        passing = set(np.flatnonzero(top > 0)) or {int(top.argmax())}
        want = []
        for k in passing:
            above = np.flatnonzero(z[:, k] > (z[:, k].max() + z[:, k].min()) / 2)
            for run in np.split(above, np.flatnonzero(np.diff(above) > 1) + 1):
                if len(run) > 1:
                    times = X.to_time(np.array([v, v]), np.array([run[0], run[-1] + 1]))
                    want.append([k, *times, z[run, k].max() + 0.7 * top[k]])
        index = {label: k for k, label in enumerate(model.classes_.tolist())}
        got = sorted([index[s.label], s.start, s.end, s.score] for s in found[v])
        np.testing.assert_allclose(
            np.array(got).reshape(-1, 4),
            np.array(sorted(want)).reshape(-1, 4),
            rtol=1e-4,
            atol=1e-5,
        )
