"""How the attentions of two streams are averaged."""

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer
from sklearn_asn._localizers import cas
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.rivals import UntrimmedNet

LEVELS = np.arange(101) / 100
FAST = {"max_epochs": 10, "random_state": 0, "video_threshold": 0.0, "clips_per_video": 5}


@pytest.fixture(scope="module")
def data():
    return make_untrimmed_videos(16, random_state=0)


@pytest.fixture(scope="module")
def fitted(data):
    return ASNLocalizer("two-stream", **FAST).fit(*data)


def plain(fitted, X, quantile, scale):
    """From the definition: each stream's distance to its threshold, in units of its own."""
    reading = fitted._reading(X)
    total = 0
    for a, curve in zip(reading.attention.T, fitted.attention_quantiles_, strict=True):
        q, low, high = np.interp([quantile, 0.25, 0.75], LEVELS, curve)
        total += (a - q) / (abs(q) if scale == "threshold" else high - low)
    return total / 2


@pytest.mark.parametrize("scale", ["spread", "threshold"])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_against_the_definition(fitted, data, scale, quantile) -> None:
    X, _ = data
    fitted.set_params(attention_scale=scale, quantile=quantile)
    expected = plain(fitted, X, quantile, scale)
    shown = np.concatenate(fitted.attention(X))
    np.testing.assert_allclose(shown, 1 + expected, rtol=1e-3, atol=1e-4)
    active = np.concatenate(fitted.transform(X)).any(axis=1)
    clear = np.abs(expected) > 1e-3
    np.testing.assert_array_equal(active[clear], expected[clear] > 0)


def test_a_shift_of_attention_changes_nothing(data) -> None:
    """The softmax over clips does not see it, and neither does the spread."""
    X, y = data
    one, other = (ASNLocalizer("two-stream", **FAST).fit(X, y) for _ in range(2))
    with_bias = other.net_.module_.state_dict()
    with_bias["models.0.attention.bias"] += 3.0  # in place: the net is a live view
    for fit in (one, other):
        fit.record_quantiles(X)
    np.testing.assert_allclose(
        np.concatenate(one.attention(X)), np.concatenate(other.attention(X)), atol=1e-3
    )
    moved = [fit.set_params(attention_scale="threshold").attention(X) for fit in (one, other)]
    assert np.abs(np.concatenate(moved[0]) - np.concatenate(moved[1])).max() > 0.1


def test_degenerate_spreads() -> None:
    """Quarters that are equal: the whole range; nothing but one value: no say."""
    steps = np.repeat([0.0, 1.0, 4.0], [10, 80, 11])
    curves = np.stack([np.linspace(0, 2, 101), steps, np.full(101, 5.0)])
    scale = cas.attention_scale(curves, np.array([1.0, 1.0, 5.0]))
    np.testing.assert_allclose(scale, [1.0, 4.0, np.inf])
    relative = cas.relative_attention(np.array([[2.0, 1.0, 900.0]]), np.array([1, 1, 5]), scale)
    np.testing.assert_allclose(relative, [1 + 1 / 3])
    noise = 5 + 1e-9 * np.linspace(0, 1, 101)
    assert np.isinf(cas.attention_scale(noise[None], np.array([5.0])))


def test_a_stream_with_constant_attention_leaves_the_other_alone(data) -> None:
    X, y = data
    two = ASNLocalizer("two-stream", **FAST).fit(X, y)
    state = two.net_.module_.state_dict()
    state["models.1.attention.weight"].zero_()
    two.record_quantiles(X)
    alone = np.concatenate(two.transform(X)) > 0
    both = np.concatenate(two.set_params(attention_stream="temporal").transform(X)) > 0
    np.testing.assert_array_equal(alone, both)


def test_untrimmednet_has_both(data) -> None:
    X, y = data
    rival = UntrimmedNet(quantile=0.5, max_epochs=5, random_state=0, video_threshold=0.0)
    rival.fit(X, y)
    for scale in ("spread", "threshold"):
        rival.set_params(attention_scale=scale)
        shown = np.concatenate(rival.attention(X))
        np.testing.assert_allclose(shown, 1 + plain(rival, X, 0.5, scale), rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="attention_scale='none'"):
        rival.set_params(attention_scale="none").predict(X)
