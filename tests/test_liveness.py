"""Streams that a trained model does not use are found, and said."""

import warnings

import pytest
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn._localizers.liveness import dead_parts, influence, sample_clips, warn_dead_parts
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import DeadStreamWarning, LocalizationWarning


@pytest.fixture(scope="module")
def data():
    X, y = make_untrimmed_videos(n_videos=40, n_classes=3, random_state=0)
    return ClipWise(StandardScaler()).fit_transform(X), y


def fit(data, variant="bilinear", **given):
    options = {"init": "scratch", "hidden_size": 8, "batch_size": 16, "max_epochs": 60}
    localizer = ASNLocalizer(variant, device="cpu", random_state=0, **(options | given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LocalizationWarning)
        return localizer.fit(*data)


@pytest.mark.slow
def test_weight_decay_kills_the_bilinear_layer(data):
    dead = fit(data, weight_decay=0.1)
    with pytest.warns(DeadStreamWarning, match=r"The spatial stream .*weight_decay is 0.1"):
        warn_dead_parts(dead, dead.model_, data[0])
    moved = influence(dead.model_, data[0])
    assert moved["spatial"] < 1e-4 < 0.5 < moved["temporal"]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["bilinear", "bottleneck", "fusion", "two-stream"])
def test_living_models_are_silent(data, variant):
    alive = fit(data, variant, weight_decay=5e-4, max_epochs=20)
    assert dead_parts(alive.model_, data[0]) == []
    warn_dead_parts(alive, alive.model_, data[0])  # warnings are errors here


def test_one_stream_has_no_other(data):
    alive = fit(data, "temporal", max_epochs=2)
    assert dead_parts(alive.model_, data[0]) == []
    assert list(influence(alive.model_, data[0])) == ["temporal"]


@pytest.mark.parametrize("n_rows", [7, 300, 10**6])
def test_a_sample_is_small_and_spread(data, n_rows):
    X, _ = data
    sample = sample_clips(X, n_rows)
    assert sample.lengths.sum() <= max(2 * n_rows, 10)
    assert len(sample) > 1
