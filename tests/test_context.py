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


@given(
    st.integers(1, 5), st.integers(1, 9), st.sampled_from([1, 2, 4]), st.booleans(), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_videos_of_one_length_are_convolved_as_a_table(n_videos, length, dilation, below, drops):
    """Scores and gradients are those of packed rows, also where a layer below is trained."""
    torch.manual_seed(0)
    layer = ContextLayer(5, 3, dilation)
    x = torch.randn(n_videos * length, 5)
    mask = channel_mask(n_videos, 5, 0.5, x) if drops else None
    packed = places_of([length] * n_videos)
    table = Places.of(packed.before, packed.after, look=True)
    assert packed.each is None
    assert table.each == length
    found = []
    for places in (packed, table):
        layer.zero_grad()
        given = x.clone().requires_grad_(below)
        out = layer((given[:, :2], given[:, 2:]), places, mask)
        out.sin().sum().backward()
        found.append([out, layer.weight.grad.clone(), layer.bias.grad.clone()])
        found[-1] += [given.grad] if below else []
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(table.table(x), packed.table(x), rtol=0, atol=0)


@pytest.mark.parametrize("lengths", [[3, 4], [4, 3], [2, 2, 4], [5, 1, 3]])
def test_videos_of_different_lengths_are_no_table(lengths):
    places = places_of(lengths)
    assert Places.of(places.before, places.after, look=True).each is None


@pytest.mark.parametrize("rows", [slice(1, None), slice(None, -1), slice(1, -1), slice(2, 4)])
def test_pieces_of_videos_are_no_table(rows):
    places = places_of([3, 3])
    assert Places.of(places.before[rows], places.after[rows], look=True).each is None


@pytest.mark.slow
def test_equal_lengths_train_as_others_do(monkeypatch):
    """Once as a table, and once as if nobody had seen that lengths are equal."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 9, 6)).astype(np.float32), list("abc" * 4)
    given = {"context_layers": 3, "context_size": 8, "pooling": "probability", "max_epochs": 3}
    given |= {"channel_dropout": True, "batch_size": 5, "init": "scratch", "random_state": 0}
    given |= {"lr": 0.01, "streams": {"spatial": slice(3), "temporal": slice(3, 6)}}
    for variant in ("fusion", "bottleneck", "two-stream"):
        table = ASNLocalizer(variant, **given).fit(X, y).model_.weights
        with monkeypatch.context() as patched:
            patched.setattr(ContextLayer, "_may_convolve", lambda self, parts: False)
            packed = ASNLocalizer(variant, **given).fit(X, y).model_.weights
        for name, value in packed.items():
            np.testing.assert_allclose(table[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


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
