"""`ASNLocalizer`: what it computes, what it learns from, and how it is scored."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.localizers import assert_same_weights, fast, softmax, weights
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_asn import Clips, Segments
from sklearn_asn._localizers.model import Model
from sklearn_asn._training.network import VARIANTS
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.selection import AutoLocSelection, NaiveSelection

# ---------------------------------------------------------------- what it computes


def test_outputs_follow_section_3_3_in_plain_numpy(videos):
    X, y = videos
    est = fast("temporal", quantile=0.3, video_threshold=0.2).fit(X, y)
    w = weights(est)
    half = X.n_features // 2
    segments = est.predict(X)
    for v, sequence in enumerate(est.transform(X)):
        x = X[v][:, half:].astype(float)
        activations = x @ w["models.0.classification.weight"].T + w["models.0.classification.bias"]
        attention = x @ w["models.0.attention.weight"][0] + w["models.0.attention.bias"]
        pooled = softmax(attention / 3) @ activations
        assert_allclose(est.decision_function(X[v : v + 1])[0], pooled, rtol=1e-4, atol=1e-5)
        score = softmax(pooled)
        assert_allclose(est.predict_proba(X[v : v + 1])[0], score, rtol=1e-4)
        passing = score > 0.2 if (score > 0.2).any() else score == score.max()
        assert_allclose(est.attention(X)[v], attention, rtol=1e-4, atol=1e-4)
        active = attention >= est.threshold_
        near = np.abs(attention - est.threshold_) < 1e-4
        want = softmax(activations) * passing * active[:, None]
        assert_allclose(sequence[~near], want[~near], rtol=1e-3, atol=1e-6)
        found = NaiveSelection().select(sequence, score)
        assert [s.start for s in segments[v]] == [
            X.start_seconds[v] + t * X.clip_seconds[v]
            if X.start_seconds is not None
            else t * X.clip_seconds[v]
            for t in found["start"]
        ]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_fits_and_gives_sane_output(videos, variant):
    X, y = videos
    est = fast(variant).fit(X, y)
    found = est.predict(X)
    assert isinstance(found, Segments)
    assert len(found) == len(X)
    assert set(found.label) <= set(est.classes_)
    assert np.all(np.isfinite(found.score))
    spans = X.spans[found.video]
    assert np.all(found.start >= spans[:, 0] - 1e-9)
    assert np.all(found.end <= spans[:, 1] + 1e-9)
    sequence = est.transform(X)
    assert [s.shape for s in sequence] == [(n, len(est.classes_)) for n in X.lengths]
    assert_allclose(est.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert_allclose(softmax(est.decision_function(X)), est.predict_proba(X), rtol=1e-4)
    assert est.n_iter_ == 5
    assert len(est.history_) == 5


def test_two_stream_follows_section_4_3(videos):
    X, y = videos
    both = fast("two-stream", attention_scale="threshold").fit(X, y)  # the paper's quotient
    half = X.n_features // 2
    w = weights(both)
    x = X.values.astype(float)
    parts = [x[:, half:], x[:, :half]]  # temporal leads
    act = [
        p @ w[f"models.{i}.classification.weight"].T + w[f"models.{i}.classification.bias"]
        for i, p in enumerate(parts)
    ]
    att = [
        p @ w[f"models.{i}.attention.weight"][0] + w[f"models.{i}.attention.bias"]
        for i, p in enumerate(parts)
    ]
    q = both.threshold_
    assert q.shape == (2,)
    assert both.attention_quantiles_.shape == (2, 101)
    relative = np.mean([1 + (a - t) / abs(t) for a, t in zip(att, q, strict=True)], axis=0)
    assert_allclose(np.concatenate(both.attention(X)), relative, rtol=1e-3, atol=1e-3)
    average = (softmax(act[0]) + softmax(act[1])) / 2
    sequence = np.concatenate(both.transform(X))
    active = sequence.any(axis=1)
    shown = sequence > 0
    assert_allclose(sequence[shown], average[shown], rtol=1e-3)
    clear = np.abs(relative - 1) > 1e-3
    assert_array_equal(active[clear], (relative >= 1)[clear])
    for i, stream in enumerate(["temporal", "spatial"]):
        one = clone(both).set_params(attention_stream=stream).fit(X, y)
        assert_allclose(np.concatenate(one.attention(X)), att[i], rtol=1e-3, atol=1e-3)
        active = np.concatenate(one.transform(X)).any(axis=1)
        clear = np.abs(att[i] - q[i]) > 1e-3
        assert_array_equal(active[clear], (att[i] >= q[i])[clear])


def test_quantile_takes_effect_without_a_refit(videos):
    X, y = videos
    est = fast(quantile=0.2).fit(X, y)
    other = fast(quantile=0.7).fit(X, y)
    assert_same_weights(est, other)
    low = est.predict(X)
    est.set_params(quantile=0.7)
    assert est.threshold_ == other.threshold_
    assert est.predict(X) == other.predict(X)
    assert est.predict(X) != low


def test_quantile_curve_is_recorded_at_every_percent(videos):
    X, y = videos
    est = fast("temporal").fit(X, y)
    assert_allclose(est.quantile_levels_, np.arange(101) / 100)
    assert np.all(np.diff(est.attention_quantiles_) >= 0)
    est.set_params(quantile=0.37)
    assert est.threshold_ == pytest.approx(est.attention_quantiles_[37])
    est.set_params(quantile=0.375)
    assert est.threshold_ == pytest.approx(est.attention_quantiles_[37:39].mean())
    share = np.mean(np.concatenate(est.attention(X)) < est.threshold_)
    assert 0.2 < share < 0.6


def test_video_without_a_passing_class_keeps_its_best(videos):
    X, y = videos
    est = fast(video_threshold=1.0, quantile=0.0).fit(X, y)
    best = est.predict_proba(X).argmax(axis=1)
    for v, sequence in enumerate(est.transform(X)):
        assert set(np.flatnonzero(sequence.any(axis=0))) <= {best[v]}


def test_selection_is_a_parameter(videos):
    X, y = videos
    est = fast().fit(X, y)
    naive = est.predict(X)
    est.set_params(selection=AutoLocSelection())
    assert est.predict(X) != naive
    est.set_params(selection__inflation=0.7)
    assert est.selection.inflation == 0.7

    class FirstClip:
        def select(self, cas, video_scores):
            out = np.zeros(
                1, dtype=[("label", int), ("start", float), ("end", float), ("score", float)]
            )
            out["end"] = 1
            return out

    est.set_params(selection=FirstClip())
    assert np.all(est.predict(X).lengths == 1)


def test_frames_per_clip_averages_rows_and_keeps_time():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(n, 6)) for n in (9, 4, 5, 8)]
    y = ["a", "b", "a", "b"]
    X = Clips.from_list(arrays, clip_seconds=0.5, start_seconds=1.0)
    est = fast("temporal", frames_per_clip=4, quantile=0.0, video_threshold=0.0).fit(X, y)
    assert [len(a) for a in est.transform(X)] == [3, 1, 2, 2]
    means = [np.array([a[i : i + 4].mean(0) for i in range(0, len(a), 4)]) for a in arrays]
    single = fast("temporal", quantile=0.0).fit(arrays, y)
    model = est.model_
    plan = replace(model.plan, frames_per_clip=1)
    single.model_ = Model(plan, model.weights, model.history, single.model_.trained_with)
    for a, b in zip(est.attention(X), single.attention(means), strict=True):
        assert_allclose(a, b, rtol=1e-5)
    found = est.predict(X)
    assert found.end.max() <= 1.0 + 9 * 0.5  # the last clip of video 0 has one row only


# ---------------------------------------------------------------- weak supervision


@pytest.mark.slow
def test_fit_reads_only_which_labels_occur(videos):
    X, y = videos
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 5, len(y.start))
    garbled = Segments(y.offsets, y.label, start, start + rng.uniform(1, 2, len(start)))
    sets = [{s.label for s in video} for video in y]
    classes = sorted(set().union(*sets))
    indicator = pd.DataFrame([[c in s for c in classes] for s in sets], columns=classes)
    lists = [list(video) for video in y]
    a = fast().fit(X, y)
    for form in (garbled, sets, indicator.astype(int), lists):
        assert_same_weights(a, fast().fit(X, form))


def test_forms_of_X_are_one(videos):
    X, y = videos
    arrays = list(X)
    packed = np.empty(len(arrays), dtype=object)
    packed[:] = arrays
    streams = {"spatial": slice(0, 32), "temporal": slice(32, 64)}  # arrays have no names
    a = fast().fit(X, y)
    for form in (arrays, packed, tuple(arrays)):
        b = fast(streams=streams).fit(form, y)
        assert_same_weights(a, b)
        for s, t in zip(a.transform(X), b.transform(form), strict=True):
            assert_array_equal(s, t)


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortVideosWarning")
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UntaughtAttentionWarning")
def test_three_dimensional_and_two_dimensional_X():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(10, 6, 8))
    y = np.arange(10) % 2
    streams = {"spatial": slice(0, 4), "temporal": slice(4, 8)}
    est = fast(streams=streams).fit(cube, y)
    assert_same_weights(est, fast(streams=streams).fit(list(cube), y))
    flat = fast(streams=streams).fit(cube[:, 0], y)
    assert flat.transform(cube[:, 0]).shape == (10, 2)
    assert flat.attention(cube[:, 0]).shape == (10,)
    assert_same_weights(flat, fast(streams=streams).fit(cube[:, :1], y))


# ---------------------------------------------------------------- scores


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.NoClassPassedWarning")
def test_score_is_map_for_segments_and_average_precision_for_labels(videos):
    X, y = videos
    est = fast("temporal", max_epochs=20).fit(X, y)
    assert est.score(X, y) == localization_map(y, est.predict(X), 0.5)
    sets = [{s.label for s in video} for video in y]
    proba = est.predict_proba(X)
    assert est.score(X, sets) == recognition_map(sets, proba, classes=est.classes_)
    before = est.score(X, sets)
    est.set_params(quantile=0.95, video_threshold=0.9)
    assert est.score(X, sets) == before  # as its docstring warns
    doubled = np.full(len(X), 2.0)
    assert est.score(X, y, sample_weight=doubled) == pytest.approx(est.score(X, y))


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UnseenClassWarning")
def test_unseen_labels_in_scoring_count_as_missed(videos):
    X, y = videos
    est = fast("temporal").fit(X, y)
    extra = [[*video, ("never seen", 0.0, 1.0)] for video in y]
    n = len(est.classes_)
    assert est.score(X, extra) == pytest.approx(est.score(X, y) * n / (n + 1))
    sets = [{s.label for s in video} for video in y]
    more = [s | {"never seen"} for s in sets]
    assert est.score(X, more) == pytest.approx(est.score(X, sets) * n / (n + 1))
