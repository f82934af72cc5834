"""Dropout of large inputs, drawn as packed bits: the same distribution as torch's."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from torch import nn
from torch.nn import functional

from sklearn_asn import ASNLocalizer
from sklearn_asn._training import cache
from sklearn_asn._training.context import channel_mask
from sklearn_asn._training.dropping import LARGE, bernoulli_words, packed_dropout
from sklearn_asn._training.isolation import own_torch
from sklearn_asn.datasets import make_untrimmed_videos

RATES = [0.1, 0.25, 0.3, 0.5, 0.7, 0.9]
SHAPE = (2001, 517)  # rows that begin inside words and octets


def kept(rate, seed=0, shape=SHAPE):
    """Which elements stay, 0 or 1."""
    with own_torch(seed):
        dropped = functional.dropout(torch.ones(shape), rate)
    values = dropped.unique()
    assert len(values) == 2
    assert values[0] == 0
    assert_allclose(values[1], 1 / (1 - rate), rtol=1e-6)
    return (dropped > 0).numpy().astype(np.int64)


@pytest.mark.parametrize("rate", RATES)
def test_as_many_stay_as_should(rate):
    stay = kept(rate)
    expected = np.array([rate, 1 - rate]) * stay.size
    counts = np.bincount(stay.ravel())
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    with own_torch(1):
        dropped = functional.dropout(torch.ones(SHAPE), rate).double()
    assert abs(float(dropped.mean()) - 1) < 5 * np.sqrt(rate / (1 - rate) / dropped.numel())
    assert_allclose(float(dropped.var()), rate / (1 - rate), rtol=0.02)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("rate", RATES)
def test_rows_and_columns_are_alike(rate, axis):
    stay = kept(rate, seed=2)
    found, n = stay.sum(axis=axis), stay.shape[axis]
    z = (found - n * (1 - rate)) / np.sqrt(n * rate * (1 - rate))
    assert stats.chi2.sf((z**2).sum(), len(z)) > 1e-3
    assert stats.chi2.cdf((z**2).sum(), len(z)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("lag", [1, 2, 7, 8, 63, 64, 512, 517, 1024])
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_neighbours_are_independent(rate, lag):
    flat = kept(rate, seed=3).ravel()
    flat = flat[: len(flat) // (2 * lag) * 2 * lag].reshape(-1, 2, lag)  # pairs that share nothing
    table = np.bincount((2 * flat[:, 0] + flat[:, 1]).ravel(), minlength=4).reshape(2, 2)
    assert stats.chi2_contingency(table, correction=False).pvalue > 1e-4


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75, 0.9])
def test_bits_of_a_word_are_independent(p):
    words = bernoulli_words(20_000, p, torch.Generator().manual_seed(4)).numpy()
    bits = np.unpackbits(words.view(np.uint8)).reshape(-1, 64)
    n = len(bits)
    each = (bits.sum(axis=0) - n * p) / np.sqrt(n * p * (1 - p))
    assert np.abs(each).max() < 4.5
    pairs = np.corrcoef(bits.T)[np.triu_indices(64, 1)] * np.sqrt(n)
    assert np.abs(pairs).max() < 5
    assert_allclose(pairs.std(), 1, atol=0.1)
    ones = np.bincount(bits.sum(axis=1).astype(np.int64), minlength=65)
    expected = stats.binom.pmf(np.arange(65), 64, p) * n
    common = expected >= 5
    observed = np.append(ones[common], ones[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize("p", [1 / 256, 3 / 256, 255 / 256])
def test_a_rare_side_of_several_digits(p):
    n = 64 * 50_000
    words = bernoulli_words(n // 64, p, torch.Generator().manual_seed(5)).numpy()
    found = int(np.unpackbits(words.view(np.uint8)).sum())
    assert abs(found - n * p) < 4 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize(("p", "bit"), [(1e-9, 0), (1 - 1e-9, 1)])
def test_what_is_nearer_to_certain_than_the_digits_tell(p, bit):
    words = bernoulli_words(3, p, torch.Generator().manual_seed(0)).numpy()
    assert set(np.unpackbits(words.view(np.uint8))) == {bit}


def test_seeds_and_calls_differ():
    with own_torch(0):
        one, two = (functional.dropout(torch.ones(SHAPE), 0.5) for _ in range(2))
    both = ((one > 0) == (two > 0)).double().mean()
    assert abs(float(both) - 0.5) < 0.005
    assert np.mean(kept(0.5, seed=0) == kept(0.5, seed=1)) < 0.505
    assert_array_equal(kept(0.3, seed=0), kept(0.3, seed=0))


@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_the_gradient_drops_the_same_elements_and_draws_nothing(rate):
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).requires_grad_()
    generator = torch.Generator().manual_seed(1)
    dropped = packed_dropout(x, rate, generator)
    state = generator.get_state()
    noise = torch.where(x == 0, 0, dropped / x).detach()
    weight = torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))
    dropped.mul(weight).sum().backward()
    assert torch.equal(generator.get_state(), state)
    assert_allclose(x.grad.numpy(), (weight * noise).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_gradients_of_gradients():
    x = torch.randn(40, 50, dtype=torch.float64, requires_grad=True)

    def call(x):
        return packed_dropout(x, 0.3, torch.Generator().manual_seed(0)) ** 2

    assert torch.autograd.gradcheck(call, x)
    assert torch.autograd.gradgradcheck(call, x[:3, :9].detach().requires_grad_())


def view_of(kind):
    wide = torch.randn(160, 7, 64, generator=torch.Generator().manual_seed(0))
    return {
        "whole": lambda: wide,
        "columns": lambda: wide[..., 13:],
        "rows": lambda: wide.flatten(0, 1)[5:],
        "transposed": lambda: wide.transpose(0, 2),
        "flat": lambda: wide.flatten(),
        "double": lambda: wide.double(),
        "bfloat16": lambda: wide.bfloat16(),
        "expanded": lambda: wide[:1].expand(160, 7, 64),
    }[kind]()


KINDS = ["whole", "columns", "rows", "transposed", "flat", "double", "bfloat16", "expanded"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.3, 0.5])
def test_inputs_of_any_layout_and_type(kind, rate):
    x = view_of(kind)
    before = x.clone()
    with own_torch(6):
        dropped = functional.dropout(x, rate)
    with own_torch(6):
        noise = functional.dropout(torch.ones(x.shape), rate).to(x.dtype)
    assert x.numel() >= LARGE
    assert dropped.dtype == x.dtype
    assert torch.equal(x, before)
    exact = {} if kind == "bfloat16" else {"rtol": 1e-6, "atol": 0}
    torch.testing.assert_close(dropped, x * noise, **exact)


def test_in_place():
    x = torch.randn(SHAPE)
    with own_torch(7):
        expected = nn.Dropout(0.5)(x)
    with own_torch(7):
        found = nn.Dropout(0.5, inplace=True)(x)
    assert found is x
    assert torch.equal(x, expected)


def test_the_same_for_any_number_of_threads():
    x, n = torch.ones(SHAPE), torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            with own_torch(8):
                found.append(functional.dropout(x, 0.3))
    finally:
        torch.set_num_threads(n)
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_small_inputs_and_channels_keep_torchs_own_numbers():
    def draw():
        return [
            functional.dropout(torch.ones(LARGE - 1), 0.5),
            channel_mask(200, 2048, 0.5, torch.ones(1)),
            channel_mask(3, 5, 0.0, torch.ones(1)),
        ]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        wanted = [functional.dropout(torch.ones(LARGE - 1), 0.5)]
        wanted += [functional.dropout(torch.ones(200, 2048), 0.5), torch.ones(3, 5)]
    with own_torch(3):
        found = draw()
    assert all(torch.equal(one, two) for one, two in zip(wanted, found, strict=True))


def test_trainings_kept_by_other_draws_are_not_taken(tmp_path, monkeypatch):
    X, y = make_untrimmed_videos(n_videos=12, random_state=0)
    localizer = ASNLocalizer("temporal", max_epochs=2, batch_size=6, memory=str(tmp_path),
                             device="cpu", random_state=0)  # fmt: skip
    trained = []
    train = cache.train_net
    monkeypatch.setattr(cache, "train_net", lambda *a, **k: trained.append(1) or train(*a, **k))
    localizer.fit(X, y)
    localizer.fit(X, y)
    assert len(trained) == 1
    monkeypatch.setattr(cache, "DRAWS", cache.DRAWS - 1)
    localizer.fit(X, y)
    assert len(trained) == 2
