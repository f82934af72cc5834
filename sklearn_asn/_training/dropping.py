"""Dropout out of packed random bits, where a number for every element takes most of a step.

Torch draws a 64-bit number for every element. Here an element takes as many random bits as its
probability has binary digits: one for 1/2, two for 1/4. Words of 64 elements are combined bit by
bit, so that every digit costs one draw for 64 elements. The words are also what the gradient needs:
there is no table of noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Binary digits of a probability that are kept. Rounding moves it by 2**-25 at most: that would
#: show (three standard deviations) in no fewer than 2e15 elements.
DIGITS = 24
#: Inputs of fewer elements are dropped with torch's own numbers. They cost little, and trainings
#: on small data stay what they were.
LARGE = 2**14
_CELLS = 2**15  # that are multiplied together: they and their noise stay in the cache


def packed_dropout(x: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Return `x` times 0, or 1 / (1 - rate).

    Parameters
    ----------
    x : Tensor
        On the CPU.
    rate : float in (0, 1)
        Probability of 0, rounded to `DIGITS` binary digits.
    generator : torch.Generator
        The same elements stay for any number of threads.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> dropped = packed_dropout(torch.ones(1000, 10), 0.25, generator)
    >>> dropped.unique().tolist(), round(float(dropped.mean()), 1)
    ([0.0, 1.3333333730697632], 1.0)
    """
    return _Packed.apply(x, bernoulli_words(-(-x.numel() // 64), 1 - rate, generator), 1 - rate)


def bernoulli_words(n: int, p: float, generator: torch.Generator) -> Tensor:
    """Return ``(n,)`` int64 whose bits, 64 each, are independent and 1 with probability `p`.

    A uniform number is below p if it is at the first binary digit where the two differ: with one
    random word a digit, from the last digit up, a 1 in p ors it in, and a 0 ands it.
    """
    digits = round(p * 2**DIGITS)
    if not 0 < digits < 2**DIGITS:  # nearer to 0 or 1 than can be told
        return torch.full((n,), -1 if digits else 0, dtype=torch.int64, device="cpu")
    n_digits = DIGITS
    while not digits & 1:  # of p = 1/2 a single digit is left
        digits, n_digits = digits >> 1, n_digits - 1
    words = _random_words(n, generator)
    for place in range(1, n_digits):
        combine = words.bitwise_or_ if digits >> place & 1 else words.bitwise_and_
        combine(_random_words(n, generator))
    return words


class _Packed(torch.autograd.Function):
    """The product, a processor's cache full at a time; its gradient drops the same elements."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, words: Tensor, keep: float) -> Tensor:
        ctx.save_for_backward(words)
        ctx.keep = keep
        out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        width = x.shape[-1] if x.ndim > 1 else 1
        table, to = x.reshape(-1, width), out.view(-1, width)
        for rows, noise in _noise_of(words, keep, len(table), width, x.dtype):
            torch.mul(table[rows], noise, out=to[rows])
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (words,) = ctx.saved_tensors
        return _Packed.apply(grad, words, ctx.keep), None, None


def _noise_of(
    words: Tensor, keep: float, n_rows: int, width: int, dtype: torch.dtype
) -> Iterator[tuple[slice, Tensor]]:
    """Unpack rows at a time, eight or a multiple, so that they begin with an octet."""
    octets = words.numpy().view(np.uint8)
    eight = _eight(keep, np.float64 if dtype == torch.float64 else np.float32)
    step = max(8, _CELLS // width // 8 * 8)
    for first in range(0, n_rows, step):
        n = min(step, n_rows - first)
        start, n_cells = first * width // 8, n * width
        noise = eight.take(octets[start : start - (-n_cells // 8)], axis=0).ravel()[:n_cells]
        yield slice(first, first + n), torch.from_numpy(noise).view(n, width).to(dtype)


def _random_words(n: int, generator: torch.Generator) -> Tensor:
    """Draw int64 of which every bit is random: the whole range, both ends included."""
    words = torch.empty(n, dtype=torch.int64, device="cpu")
    return words.random_(-(2**63), None, generator=generator)


@lru_cache(maxsize=16)
def _eight(keep: float, dtype: type) -> NDArray[Any]:
    """Return the noise of eight elements for every octet ``(256, 8)``."""
    octets = np.arange(256, dtype=np.uint8)[:, None]
    return np.unpackbits(octets, axis=1).astype(dtype) / dtype(keep)
