"""Options of training: seeds, inheritance, streams, weights, callbacks and the cache."""

import numpy as np
import pytest
import torch
from helpers.localizers import assert_same_weights, fast
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import EarlyStopping

from sklearn_asn.selection import AutoLocSelection


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


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.DeadStreamWarning")  # zero, by eq. 1
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
    halves = {"spatial": slice(0, half), "temporal": slice(half, None)}
    b = fast("bottleneck", main_stream="temporal", streams=halves).fit(swapped, y)
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
