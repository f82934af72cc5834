"""Temporal layers over whole videos, against plain convolutions and one video at a time."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from sklearn_asn import ASNLocalizer
from sklearn_asn._training.context import (
    Context,
    ContextLayer,
    Places,
    channel_mask,
    masked_linear,
    reach_of,
)

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def places_of(lengths):
    before = torch.cat([torch.arange(n) for n in lengths])
    after = torch.cat([torch.arange(n).flip(0) for n in lengths])
    return Places.of(before, after)


def as_conv1d(layer):
    _, n_out, n_in = layer.weight.shape
    conv = nn.Conv1d(n_in, n_out, 3, padding=layer.dilation, dilation=layer.dilation)
    with torch.no_grad():
        conv.weight.copy_(layer.weight.permute(1, 2, 0))
        conv.bias.copy_(layer.bias)
    return conv


@given(LENGTHS, st.sampled_from([1, 2, 4]), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_a_layer_is_torchs_convolution_of_every_video(lengths, dilation, seed):
    torch.manual_seed(seed)
    layer = ContextLayer(5, 3, dilation)
    x = torch.randn(sum(lengths), 5)
    mask = channel_mask(len(lengths), 5, 0.5, x)
    out = layer((x[:, :2], x[:, 2:]), places_of(lengths), mask)
    conv = as_conv1d(layer)
    for part, own, m in zip(x.split(lengths), out.split(lengths), mask, strict=True):
        want = conv((part * m).T[None])[0].T
        torch.testing.assert_close(own, want, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_the_convolution(monkeypatch):
    """Also where rows are dropped and multiplied in blocks."""
    monkeypatch.setattr("sklearn_asn._training.context._CELLS", 12)
    lengths = [4, 1, 6]
    layer = ContextLayer(5, 3, 2)
    conv = as_conv1d(layer)
    x, mask = torch.randn(11, 5), channel_mask(3, 5, 0.5, torch.zeros(1))
    layer((x,), places_of(lengths), mask).square().sum().backward()
    parts = zip(x.split(lengths), mask, strict=True)
    sum(conv((part * m).T[None]).square().sum() for part, m in parts).backward()
    torch.testing.assert_close(layer.weight.grad, conv.weight.grad.permute(2, 0, 1))
    torch.testing.assert_close(layer.bias.grad, conv.bias.grad)


def test_a_masked_product_is_the_product_of_the_masked(monkeypatch):
    monkeypatch.setattr("sklearn_asn._training.context._CELLS", 20)
    x, video = torch.randn(30, 8), torch.arange(30) // 10
    weight, mask = torch.randn(4, 8, requires_grad=True), channel_mask(3, 8, 0.4, torch.zeros(1))
    blocks = masked_linear(x, weight, mask, video)
    torch.testing.assert_close(blocks, (x * mask[video]) @ weight.T)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_nothing_beyond_its_reach_is_seen(n_layers):
    context = Context(2, 32, n_layers)  # so many that never all of a clip are zero
    x = torch.zeros(80, 2, requires_grad=True)
    out = context((x + torch.randn(80, 2),), places_of([80]), lambda n, like: None)
    out[40].sum().backward()
    (seen,) = torch.nonzero(x.grad.abs().sum(dim=1), as_tuple=True)
    assert seen.min() >= 40 - reach_of(n_layers)
    assert seen.max() <= 40 + reach_of(n_layers)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["temporal", "two-stream", "fusion", "bottleneck", "bilinear"])
def test_blocks_of_clips_give_what_whole_videos_do(videos, variant, monkeypatch):
    X, y = videos
    options = {"context_layers": 3, "context_size": 6, "hidden_size": 4, "clips_per_video": None}
    small = ASNLocalizer(variant, **options, max_epochs=2, batch_size=16, random_state=0)
    model = small.fit(X, y)
    whole = np.concatenate(model.attention(X))
    one_by_one = np.concatenate([model.attention(X[i : i + 1])[0] for i in range(len(X))])
    np.testing.assert_allclose(whole, one_by_one, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("sklearn_asn._training.net.CLIPS_A_VIDEO", 0.5)  # 8 clips at a time
    model = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(np.concatenate(model.attention(X)), whole, rtol=1e-5, atol=1e-5)


def test_a_video_of_a_million_clips_is_scored_in_blocks():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 4)).astype(np.float32) for n in (6, 9, 12, 7)]
    model = ASNLocalizer(
        "single", context_layers=2, context_size=4, max_epochs=1, batch_size=512, random_state=0
    ).fit(X, ["a", "b", "a", "b"])
    n = 200_000
    long = rng.normal(size=(n, 4)).astype(np.float32)
    (attention,) = model.attention([long])
    middle = slice(n // 2, n // 2 + 50)
    near = long[middle.start - 3 : middle.stop + 3]
    (own,) = model.attention([near])
    np.testing.assert_allclose(attention[middle], own[3:-3], rtol=1e-4, atol=1e-5)
