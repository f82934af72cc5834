"""Whose attention the quantiles are recorded of."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos

LEVELS = np.arange(101) / 100


@pytest.fixture(scope="module")
def joint():
    """Untrimmed videos, then trimmed ones."""
    X, y = make_untrimmed_videos(24, trimmed_videos=48, random_state=0)
    return X, y, np.arange(len(X)) >= 24


def temporal(**parameters):
    common = {"max_epochs": 15, "dropout": 0.2, "clips_per_video": 5, "random_state": 0}
    return ASNLocalizer("temporal", **(common | parameters))


def test_trimmed_videos_do_not_move_the_quantiles(joint) -> None:
    """Without momentum and learning, the curve is that of the untrimmed videos' clips."""
    X, y, trimmed = joint
    exact = {"lr": 0.0, "quantile_momentum": 0.0, "clips_per_video": None, "max_epochs": 3}
    fitted = temporal(**exact).fit(X, y, trimmed=trimmed)
    attention = np.concatenate(fitted.attention(X[~trimmed]))
    np.testing.assert_allclose(
        fitted.attention_quantiles_, np.quantile(attention, LEVELS), atol=1e-5
    )


def test_the_quantile_is_the_share_of_untrimmed_clips(joint) -> None:
    X, y, trimmed = joint
    own, every = (
        temporal(quantile_videos=videos).fit(X, y, trimmed=trimmed)
        for videos in ("untrimmed", "all")
    )
    for name, weight in own.model_.weights.items():
        if name not in ("attention_quantiles", "n_batches"):
            assert_array_equal(weight, every.model_.weights[name])
    cut = [
        np.mean(np.concatenate(one.attention(X[~trimmed])) < one.threshold_) for one in (own, every)
    ]
    assert cut[0] == pytest.approx(0.5, abs=0.05)
    assert cut[1] > 0.6  # clips of actions alone have lifted the curve


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UntaughtAttentionWarning")
@pytest.mark.parametrize("videos", ["untrimmed", "all"])
def test_without_another_kind_all_videos_count(joint, videos) -> None:
    X, y, trimmed = joint
    for part in (~trimmed, trimmed):
        fitted, plain = (
            temporal(**given).fit(X[part], y[part], trimmed=trimmed[part])
            for given in ({"quantile_videos": videos}, {})
        )
        assert_array_equal(fitted.attention_quantiles_, plain.attention_quantiles_)
        assert np.ptp(fitted.attention_quantiles_) > 0
    whole = temporal().fit(X[trimmed], y[trimmed], trimmed=trimmed[trimmed])
    assert_array_equal(whole.attention_quantiles_, fitted.attention_quantiles_)


def test_it_is_an_argument_of_training(joint) -> None:
    X, y, trimmed = joint
    with pytest.raises(ValueError, match="quantile_videos='trimmed'"):
        temporal(quantile_videos="trimmed").fit(X, y)
    fitted = temporal(max_epochs=1).fit(X, y, trimmed=trimmed)
    with pytest.raises(ValueError, match="trained with quantile_videos='untrimmed'"):
        fitted.set_params(quantile_videos="all").predict(X)
