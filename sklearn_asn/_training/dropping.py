"""Dropout's noise out of packed random bits, where a number for every element takes most of a step.

Torch draws a 64-bit number for every element. Here an element takes as many random bits as its
probability has binary digits: one for 1/2, two for 1/4. Words of 64 elements are combined bit by
bit, so that every digit costs one draw for 64 elements.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Binary digits of a probability that are kept. Rounding moves it by 2**-25 at most: that would
#: show (three standard deviations) in no fewer than 2e15 elements.
DIGITS = 24
#: Inputs of fewer elements are dropped with torch's own numbers. They cost little, and trainings
#: on small data, channel masks of small sets among them, stay what they were.
LARGE = 2**14


def packed_noise(like: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Draw what dropout multiplies a tensor with: 0, or 1 / (1 - rate).

    Parameters
    ----------
    like : Tensor
        On the CPU. The noise has its shape and type.
    rate : float in (0, 1)
        Probability of 0, rounded to `DIGITS` binary digits.
    generator : torch.Generator
        The same numbers come of it for any number of threads.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> noise = packed_noise(torch.ones(1000, 10), 0.25, generator)
    >>> noise.unique().tolist(), round(float(noise.mean()), 1)
    ([0.0, 1.3333333730697632], 1.0)
    """
    words = bernoulli_words(-(-like.numel() // 64), 1 - rate, generator)
    octets = words.numpy().view(np.uint8)[: -(-like.numel() // 8)]
    wide = like.dtype == torch.float64
    spread = _eight(1 - rate, np.float64 if wide else np.float32).take(octets, axis=0)
    return torch.from_numpy(spread.ravel()[: like.numel()]).view(like.shape).to(like.dtype)


def bernoulli_words(n: int, p: float, generator: torch.Generator) -> Tensor:
    """Return ``(n,)`` int64 whose bits, 64 each, are independent and 1 with probability `p`.

    A uniform number is below p if it is at the first binary digit where the two differ: with one
    random word a digit, from the last digit up, a 1 in p ors it in, and a 0 ands it.
    """
    digits = round(p * 2**DIGITS)
    if not 0 < digits < 2**DIGITS:  # nearer to 0 or 1 than can be told
        return torch.full((n,), -1 if digits else 0, dtype=torch.int64)
    n_digits = DIGITS
    while not digits & 1:  # of p = 1/2 a single digit is left
        digits, n_digits = digits >> 1, n_digits - 1
    words = _random_words(n, generator)
    for place in range(1, n_digits):
        combine = words.bitwise_or_ if digits >> place & 1 else words.bitwise_and_
        combine(_random_words(n, generator))
    return words


def _random_words(n: int, generator: torch.Generator) -> Tensor:
    """Draw int64 of which every bit is random: the whole range, both ends included."""
    return torch.empty(n, dtype=torch.int64, device="cpu").random_(
        -(2**63), None, generator=generator
    )


@lru_cache(maxsize=16)
def _eight(keep: float, dtype: type) -> NDArray[np.floating]:
    """Return the noise of eight elements for every octet ``(256, 8)``."""
    octets = np.arange(256, dtype=np.uint8)[:, None]
    return np.unpackbits(octets, axis=1).astype(dtype) / dtype(keep)
