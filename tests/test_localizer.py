from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import EarlyStopping

from sklearn_asn import ASNLocalizer, Clips, Segments
from sklearn_asn._localizers.model import Model
from sklearn_asn._training.network import VARIANTS
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.selection import AutoLocSelection, NaiveSelection

FAST = {"max_epochs": 5, "hidden_size": 8, "batch_size": 16, "random_state": 0, "device": "cpu"}


def fast(variant="bottleneck", **changes):
    return ASNLocalizer(variant, **{**FAST, **changes})


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def weights(estimator):
    return {k: v.numpy().copy() for k, v in estimator.net_.module_.state_dict().items()}


def assert_same_weights(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    for name in a:
        assert_array_equal(a[name], b[name], err_msg=name)


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
    both = fast("two-stream").fit(X, y)
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
    a = fast().fit(X, y)
    for form in (arrays, packed, tuple(arrays)):
        b = fast().fit(form, y)
        assert_same_weights(a, b)
        for s, t in zip(a.transform(X), b.transform(form), strict=True):
            assert_array_equal(s, t)


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortVideosWarning")
def test_three_dimensional_and_two_dimensional_X():
    rng = np.random.default_rng(0)
    cube = rng.normal(size=(10, 6, 8))
    y = np.arange(10) % 2
    est = fast().fit(cube, y)
    assert_same_weights(est, fast().fit(list(cube), y))
    flat = fast().fit(cube[:, 0], y)
    assert flat.transform(cube[:, 0]).shape == (10, 2)
    assert flat.attention(cube[:, 0]).shape == (10,)
    assert_same_weights(flat, fast().fit(cube[:, :1], y))


# ---------------------------------------------------------------- training options


def test_same_seed_same_bits(videos, numpy_state):
    X, y = videos
    before = torch.get_rng_state(), numpy_state()
    a, b = fast("bilinear").fit(X, y), fast("bilinear").fit(X, y)
    assert_same_weights(a, b)
    assert a.predict(X) == b.predict(X)
    other = fast("bilinear", random_state=1).fit(X, y)
    assert not np.array_equal(other.attention_quantiles_, a.attention_quantiles_)
    fast(random_state=None).fit(X, y)
    assert torch.equal(before[0], torch.get_rng_state())
    assert_array_equal(before[1], numpy_state())


def test_inherit_equals_giving_the_main_streams_model(videos):
    X, y = videos
    parent = fast("temporal").fit(X, y)
    child = fast("bottleneck", init="inherit").fit(X, y)
    for given in (parent, FrozenEstimator(parent)):
        assert_same_weights(child, fast("bottleneck", init=given).fit(X, y))
    assert_same_weights(child, clone(fast("bottleneck", init=FrozenEstimator(parent))).fit(X, y))
    scratch = fast("bottleneck", init="scratch").fit(X, y)
    assert not np.array_equal(scratch.attention_quantiles_, child.attention_quantiles_)


def test_fusion_starts_with_its_parents_outputs(videos):
    """Equation 1, through the public API: with lr 0 nothing moves after inheriting."""
    X, y = videos
    parent = fast("temporal").fit(X, y)
    child = fast("fusion", init=parent, lr=0.0).fit(X, y)
    assert_allclose(child.decision_function(X), parent.decision_function(X), atol=1e-4)
    for a, b in zip(child.attention(X), parent.attention(X), strict=True):
        assert_allclose(a, b, atol=1e-4)


def test_either_stream_can_lead(videos):
    X, y = videos
    half = X.n_features // 2
    swapped = X.with_values(np.hstack([X.values[:, half:], X.values[:, :half]]))
    a = fast("bottleneck", main_stream="spatial").fit(X, y)
    b = fast("bottleneck", main_stream="temporal").fit(swapped, y)
    assert_same_weights(a, b)
    streams = {"spatial": slice(half, None), "temporal": slice(0, half)}
    assert_same_weights(fast(streams=streams).fit(swapped, y), fast().fit(X, y))


def test_streams_by_name(videos):
    X, y = videos
    names = X.feature_names
    half = X.n_features // 2
    streams = {"spatial": list(names[:half]), "temporal": list(names[half:])}
    assert_same_weights(fast(streams=streams).fit(X, y), fast().fit(X, y))
    part = {"temporal": [names[half], names[0]]}
    assert fast("temporal", streams=part).fit(X, y).model_.plan.network["n_main"] == 2


def test_sample_weight_is_repetition():
    """To float32's precision, where nothing is random: no dropout, one clip a video, one batch."""
    rng = np.random.default_rng(0)
    X, y = rng.random((15, 8)), rng.integers(0, 3, size=15)
    w = rng.integers(0, 4, size=15)
    calm = {"dropout": 0.0, "max_epochs": 5, "lr": 0.05, "batch_size": 512}
    a = fast(**calm).fit(X, y, sample_weight=w)
    b = fast(**calm).fit(X.repeat(w, axis=0), y.repeat(w))
    assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-5)
    assert_allclose(a.attention_quantiles_, b.attention_quantiles_, rtol=1e-4, atol=1e-6)
    unweighted = fast(**calm).fit(X, y)
    assert np.abs(a.predict_proba(X) - unweighted.predict_proba(X)).max() > 1e-3


def test_trimmed_videos_are_sampled_as_one_clip(videos):
    X, y = videos
    trimmed = np.arange(len(X)) % 2 == 0
    a = fast().fit(X, y, trimmed=trimmed)
    b = fast().fit(X, y)
    assert not np.array_equal(a.attention_quantiles_, b.attention_quantiles_)
    # 20 untrimmed in batches of 16, 20 trimmed in one: three steps an epoch
    assert a.history_[0]["train_batch_count"] == 3
    assert (
        fast(trimmed_batch_size=5).fit(X, y, trimmed=trimmed).history_[0]["train_batch_count"] == 6
    )


def test_callbacks_stop_early_and_are_not_changed(videos):
    X, y = videos
    stop = EarlyStopping("train_loss", patience=1, threshold=10.0, sink=lambda text: None)
    est = fast("temporal", max_epochs=30, callbacks=[stop]).fit(X, y)
    assert est.n_iter_ < 30
    assert stop.misses_ == 0


def test_memory_trains_once_for_all_quantiles(videos, tmp_path):
    X, y = videos
    plain = fast().fit(X, y)
    first = fast(memory=str(tmp_path)).fit(X, y)
    assert_same_weights(plain, first)
    files = sorted(p for p in tmp_path.rglob("output.pkl"))
    assert len(files) == 2  # the main stream's model and the bottleneck
    again = fast(memory=str(tmp_path), quantile=0.9, selection=AutoLocSelection()).fit(X, y)
    assert sorted(tmp_path.rglob("output.pkl")) == files
    assert_same_weights(plain, again)
    wider = fast(memory=str(tmp_path), hidden_size=4).fit(X, y)
    assert len(list(tmp_path.rglob("output.pkl"))) == 3  # the parent is shared
    assert wider.model_.plan.network["hidden_size"] == 4


def test_an_unlabelled_video_is_background(videos):
    X, y = videos
    sets = [{s.label for s in video} for video in y]
    sets[0] = set()
    assert len(fast().fit(X, sets).predict(X)) == len(X)


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


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "trilinear"}, "variant='trilinear'"),
        ({"hidden_size": 0}, "hidden_size=0"),
        ({"hidden_size": 2.5}, "hidden_size=2.5"),
        ({"quantile": 1.5}, "quantile=1.5"),
        ({"quantile": -0.1}, "quantile=-0.1"),
        ({"quantile": "half"}, "quantile='half'"),
        ({"quantile_momentum": 2}, "quantile_momentum=2"),
        ({"init": "copy"}, "init='copy'"),
        ({"init": ASNLocalizer("temporal")}, "init is an ASNLocalizer that is not fitted"),
        ({"init": 3}, "init=3"),
        ({"main_stream": "audio"}, "main_stream='audio'"),
        ({"attention_stream": "audio"}, "attention_stream='audio'"),
        ({"clips_per_video": 0}, "clips_per_video=0"),
        ({"frames_per_clip": 0}, "frames_per_clip=0"),
        ({"max_epochs": 0}, "max_epochs=0"),
        ({"batch_size": -1}, "batch_size=-1"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"lr": -1}, "lr=-1"),
        ({"lr": np.nan}, "lr=nan"),
        ({"lr_milestones": (0.5, 2)}, "lr_milestones=2"),
        ({"momentum": 1}, "momentum=1"),
        ({"weight_decay": -1}, "weight_decay=-1"),
        ({"gradient_clip": 0}, "gradient_clip=0"),
        ({"attention_softening": 0}, "attention_softening=0"),
        ({"video_threshold": 2}, "video_threshold=2"),
        ({"selection": "naive"}, "selection='naive'"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"random_state": -1}, "random_state=-1"),
        ({"streams": {"temporal": slice(0, 3)}}, "streams lacks 'spatial'"),
        ({"streams": {"temporal": [0], "spatial": [999]}}, "reaches beyond"),
        ({"streams": "both"}, "streams must be None or a dict"),
    ],
)
def test_bad_parameters(videos, change, message):
    est = fast(**change)
    before = dict(vars(est))
    with pytest.raises(ValueError, match=message):
        est.fit(*videos)
    assert vars(est) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(videos):
    with pytest.raises(ValueError, match="torch sees 0 CUDA devices"):
        fast(device="cuda").fit(*videos)


def bad_X():
    rng = np.random.default_rng(0)
    good = [rng.normal(size=(5, 6)) for _ in range(4)]

    def swap(i, array):
        return [*good[:i], array, *good[i + 1 :]]

    nan, inf = good[2].copy(), good[1].copy()
    nan[3, 2], inf[0, 0] = np.nan, np.inf
    return [
        (swap(2, nan), "NaN: video 2, clip 3"),
        (swap(1, inf), "infinity: video 1, clip 0"),
        (swap(3, rng.normal(size=(5, 7))), "Video 3 has 7 features, but video 0 has 6"),
        (swap(1, np.empty((0, 6))), "Video 1 has no clips"),
        (swap(2, rng.normal(size=5)), "Video 2 has shape"),
        (swap(2, np.full((5, 6), "x")), "Video 2"),
        ([], "Found array with 0 sample|0 videos|Expected 2D"),
        (good[:3], "X has 3 videos, but y has entries for 4"),
    ]


@pytest.mark.parametrize(("X", "message"), bad_X())
def test_bad_X(X, message):
    est = fast()
    before = dict(vars(est))
    with pytest.raises(ValueError, match=message):
        est.fit(X, ["a", "b", "a", "b"])
    assert vars(est) == before


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 4, r"y has 1 class\(es\)"),
        ([set()] * 4, r"y has 0 class\(es\)"),
        (None, "requires y to be passed"),
        (["a", "b", "a"], "X has 4 videos, but y has entries for 3"),
        ([0.1, 0.2, 0.3, 0.4], "Unknown label type"),
        (np.array([1.0, 2.0, np.nan, 1.0]), "NaN"),
        ([[("a", 2.0, 1.0)], [], [], []], r"video 0 \(a, 2, 1\).*start < end"),
        ([[("a", 0.0, 1.0)], [("b", np.nan, 1.0)], [], []], "video 1"),
    ],
)
def test_bad_y(y, message):
    X = np.random.default_rng(0).normal(size=(4, 5, 6))
    with pytest.raises(ValueError, match=message):
        fast().fit(X, y)


def test_bad_extras(videos):
    X, y = videos
    n = len(X)
    with pytest.raises(ValueError, match="trimmed must be a boolean array"):
        fast().fit(X, y, trimmed=np.zeros(n))
    with pytest.raises(ValueError, match="trimmed must be a boolean array"):
        fast().fit(X, y, trimmed=np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match="sample_weight of video 1 is -1"):
        fast().fit(X, y, sample_weight=[1, -1, *[1] * (n - 2)])
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        fast().fit(X, y, sample_weight=[1, 1])


def test_a_failed_refit_leaves_the_fitted_model(videos):
    X, y = videos
    est = fast().fit(X, y)
    found = est.predict(X)
    with pytest.raises(ValueError, match="1 class"):
        est.fit(X[:4], ["a"] * 4)
    assert est.predict(X) == found
    est.set_params(lr=1e30, gradient_clip=None)
    with pytest.raises(FloatingPointError, match="diverged in epoch"):
        est.fit(X.with_values(X.values * 1e4), y)
    est.set_params(lr=0.1, gradient_clip=1.0)
    assert est.predict(X) == found


def test_use_before_fit(videos):
    X, y = videos
    for method in ("predict", "transform", "attention", "decision_function", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(fast(), method)(X)
    with pytest.raises(NotFittedError):
        fast().score(X, y)
    for name in ("net_", "threshold_"):
        with pytest.raises(NotFittedError):
            getattr(fast(), name)


def test_other_width_or_names_in_use(videos):
    X, y = videos
    plain = fast().fit(list(X), y)
    with pytest.raises(ValueError, match="X has 63 features, but ASNLocalizer is expecting 64"):
        plain.predict([x[:, :-1] for x in X])
    est = fast().fit(X, y)
    renamed = X.with_values(X.values, [f"other{i}" for i in range(X.n_features)])
    with pytest.raises(ValueError, match="feature names"):
        est.predict(renamed)


def test_bad_parameter_set_after_fit(videos):
    X, y = videos
    est = fast().fit(X, y)
    with pytest.raises(ValueError, match="quantile=7"):
        est.set_params(quantile=7).predict(X)


def test_segments_outside_their_video(videos):
    X, y = videos
    est = fast().fit(X, y)
    wrong = [list(video) for video in y]
    wrong[3] = [("class_0", 1e4, 1e4 + 5)]
    with pytest.raises(ValueError, match=r"segment of video 3.*lies outside the video"):
        est.score(X, wrong)


def test_init_that_does_not_fit(videos):
    X, y = videos
    spatial = fast("spatial").fit(X, y)
    with pytest.raises(ValueError, match="'spatial' model, but 'temporal' is the main stream"):
        fast(init=spatial).fit(X, y)
    other = fast("temporal").fit(X, [f"{i % 2}" for i in range(len(X))])
    with pytest.raises(ValueError, match="init was trained on the classes"):
        fast(init=other).fit(X, y)
    narrow = fast("temporal").fit(X.with_values(X.values[:, ::2]), y)
    with pytest.raises(ValueError, match="init reads"):
        fast(init=narrow).fit(X, y)
