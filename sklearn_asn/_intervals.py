"""Half-open intervals in bulk: sorting them, which can meet, and cutting work into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PAIRS = 2**15  # looked at together: bounds the memory (some MB) and stays in the cache


class Intervals(NamedTuple):
    """Segments, each in a group (a video, or a class in a video)."""

    group: Ints
    start: Floats
    end: Floats


def sort_order(*keys: Floats | Ints) -> Ints:
    """Return the stable order by the last key, then the one before it, as `np.lexsort`.

    Numpy sorts 16-bit integers by radix, several times as fast as 64-bit numbers by comparing.
    So every key, finite floats or int64, is cut into 16-bit digits, of which leading zeros go.
    """
    digits: list[NDArray[np.uint16]] = []
    for key in keys:
        bits = (key + 0).view(np.int64)  # of -0.0, those of 0.0
        if key.dtype.kind == "f":  # the bits of negative floats rise as the floats fall
            bits ^= (bits >> 63) & np.int64(2**63 - 1)
        bits -= bits.min(initial=2**63 - 1)
        rank = bits.view(np.uint64)
        n_digits = -(-int(rank.max(initial=0)).bit_length() // 16)
        digits += list(rank.astype("<u8", copy=False).view("<u2").reshape(-1, 4)[:, :n_digits].T)
    return np.lexsort(digits) if digits else np.arange(len(keys[0]))


def reach(length: Floats, longest: float, min_tiou: float) -> tuple[Floats, Floats]:
    """How much earlier, and later, a segment can start that has at least a tIoU with one.

    `length` is that of the one, `longest` bounds that of the other. If the other starts d later,
    they share at most ``length - d`` of a union of at least `length`: ``d <= (1 - tIoU) * length``.
    If it starts earlier, the same holds with its own length, which is at most ``length / tIoU``.
    """
    tiou = min_tiou * (1 - 1e-9)  # far more than rounding can change
    with np.errstate(divide="ignore", over="ignore"):
        before = np.minimum(length / tiou, longest) if tiou else np.full(len(length), longest)
    return (1 - tiou) * before, (1 - tiou) * length


def blocks_of(borders: NDArray[Any], limit: int) -> Iterator[tuple[int, int]]:
    """Cut consecutive pieces into blocks of at most `limit` rows (a larger piece goes alone).

    >>> list(blocks_of(np.array([0, 2, 4, 9, 10]), 4))
    [(0, 2), (2, 3), (3, 4)]
    """
    if len(borders) > 1 and borders[-1] - borders[0] <= limit:  # by far the commonest
        yield 0, len(borders) - 1
        return
    first = 0
    while first < len(borders) - 1:
        stop = int(np.searchsorted(borders, borders[first] + limit, side="right")) - 1
        yield first, (first := max(stop, first + 1))


def pair_blocks(count: Ints) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks of at most `MAX_PAIRS` pairs."""
    return blocks_of(np.concatenate([[0], np.cumsum(count)]), MAX_PAIRS)


def ranges(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """List the members of ranges of integers: of which range each is, and the integer."""
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) + (first - np.cumsum(count) + count)[which]
