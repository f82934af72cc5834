"""Clips that are longer while training than in use (UntrimmedNet's sparse sampling)."""

import numpy as np
import pytest
from helpers.localizers import assert_same_weights
from numpy.testing import assert_allclose

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import ShortVideosWarning
from sklearn_asn.rivals import AutoLoc, UntrimmedNet

FAST = {"max_epochs": 3, "random_state": 0, "clips_per_video": 3}
LEVELS = np.arange(101) / 100


@pytest.fixture(scope="module")
def data():
    return make_untrimmed_videos(16, random_state=0)


def test_without_one_nothing_changes(data) -> None:
    plain = ASNLocalizer("temporal", frames_per_clip=4, **FAST).fit(*data)
    same = ASNLocalizer("temporal", frames_per_clip=4, training_window=4, **FAST).fit(*data)
    assert_same_weights(plain, same)


@pytest.mark.parametrize("method", [ASNLocalizer, UntrimmedNet])
def test_training_sees_windows_and_use_sees_rows(method) -> None:
    """All rows of every window, without learning: quantiles are those of windows' means."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(21, 6)).astype(np.float32) for _ in range(12)]
    exact = {"lr": 0.0, "clips_per_video": None, "max_epochs": 1, "dropout": 0.0}
    fitted = method("temporal", training_window=7, frames_sampled=7, **(FAST | exact))
    fitted.fit(X, ["a", "b"] * 6)
    weights = fitted.model_.weights
    vector, bias = (weights[f"models.0.attention.{kind}"] for kind in ("weight", "bias"))
    rows = np.stack(X)[:, :, 3:]
    means = rows.reshape(-1, 7, 3).mean(axis=1)
    recorded = np.quantile(means @ vector[0] + bias, LEVELS)
    assert_allclose(fitted.attention_quantiles_, recorded, atol=1e-5)
    assert_allclose(np.stack(fitted.attention(X)), rows @ vector[0] + bias, atol=1e-5)
    assert [len(one) for one in fitted.transform(X)] == [21] * 12


def test_segments_and_regressor_are_of_rows(data) -> None:
    X, y = data
    below = ASNLocalizer("temporal", training_window=20, **FAST)
    found = below.fit(X, y).predict(X)
    assert np.any((found.start * 2) % 2 > 0) or np.any(found.start % 20 > 0)
    assert AutoLoc(below, random_state=0).fit(X, y).predict(X).shape == (16,)


def test_short_videos_name_it() -> None:
    X, y = make_untrimmed_videos(12, random_state=0)
    with pytest.warns(ShortVideosWarning, match=r"training_window=40.*smaller clips_per_video or"):
        ASNLocalizer("temporal", training_window=40, **(FAST | {"clips_per_video": 7})).fit(X, y)


def test_what_it_does_not_go_with(data) -> None:
    X, y = data
    with pytest.raises(ValueError, match="training_window=0"):
        ASNLocalizer(training_window=0).fit(X, y)
    with pytest.raises(ValueError, match="context_layers=1"):
        ASNLocalizer(training_window=5, context_layers=1).fit(X, y)
    taught = ASNLocalizer("temporal", training_window=5, pooling="probability", **FAST)
    with pytest.raises(ValueError, match="timed needs"):
        taught.fit(X, y, timed=np.arange(16) < 8)
    with pytest.raises(ValueError, match="'one' has a training_window"):
        SelfTrainingLocalizer([("one", taught)]).fit(X, y)
