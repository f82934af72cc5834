"""Greedy matching of detections with ground truth, for all videos and classes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PAIRS = 2**15  # looked at together: bounds the memory (some MB) and stays in the cache


class Intervals(NamedTuple):
    """Segments, each in a group (a video, or a class in a video)."""

    group: Ints
    start: Floats
    end: Floats


class Pairs(NamedTuple):
    """Overlapping pairs: index on either side, and their tIoU."""

    left: Ints
    right: Ints
    tiou: Floats


class Choices(NamedTuple):
    """What those who have a choice would take, highest tIoU first: c has rows ``begin[c]`` on."""

    number: Ints
    wanted: Ints
    tiou: Floats
    begin: Ints


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


def overlapping_pairs(left: Intervals, right: Intervals, min_tiou: float = 0.0) -> Pairs:
    """Return pairs of one group whose tIoU is positive and at least `min_tiou`."""
    if len(left.group) > len(right.group):  # the longer side is sorted, the shorter looked up
        i, j, tiou = overlapping_pairs(right, left, min_tiou)
        return Pairs(j, i, tiou)
    parts = [Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    groups = np.unique(left.group)
    code = pd.Index(groups).get_indexer(pd.Index(right.group))
    some = np.flatnonzero(code >= 0)
    if len(some):
        order, first, count = _candidates(left, groups, right, some, code[some], min_tiou)
        start, end = right.start[order], right.end[order]
        for a, b in blocks(count):
            i, j = ranges(first[a:b], count[a:b])
            i += a
            inside = np.minimum(left.end[i], end[j]) - np.maximum(left.start[i], start[j])
            meet = np.flatnonzero(inside > 0)
            i, j, inside = i[meet], j[meet], inside[meet]
            union = (left.end[i] - left.start[i]) + (end[j] - start[j]) - inside
            tiou = inside / union
            keep = np.flatnonzero(tiou >= min_tiou)
            parts.append(Pairs(i[keep], order[j[keep]], tiou[keep]))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _candidates(
    left: Intervals, groups: Ints, right: Intervals, some: Ints, code: Ints, min_tiou: float
) -> tuple[Ints, Ints, Ints]:
    """Order of `some` right segments, and the range of it that starts near every left one.

    The order is by group, then start, in whole cells, of which there are 2 ** 16 over all. That
    rounds times down, which keeps their order, so it can only add candidates.
    """
    starts = right.start[some]
    earliest, latest = starts.min(), right.end[some].max()

    def place(group: Ints, time: Floats) -> Ints:
        part = (np.clip(time, earliest, latest) - earliest) / (latest - earliest)
        return group * 2**16 + (part * (2**16 - 1)).astype(np.int64)

    cell = place(code, starts)
    order = sort_order(cell)
    cell, own = cell[order], np.searchsorted(groups, left.group)
    longest = float((right.end[some] - starts).max())
    before, after = reach(left.end - left.start, longest, min_tiou)
    first = np.searchsorted(cell, place(own, left.start - before))
    stop = np.searchsorted(cell, place(own, left.start + after), side="right")
    return some[order], first, stop - first


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


def blocks(count: Ints) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks of at most `MAX_PAIRS` pairs (a larger row goes alone)."""
    total = np.concatenate([[0], np.cumsum(count)])
    a = 0
    while a < len(count):
        b = max(a + 1, int(np.searchsorted(total, total[a] + MAX_PAIRS, side="right")) - 1)
        yield a, b
        a = b


def ranges(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """List the members of ranges of integers: of which range each is, and the integer."""
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) + (first - np.cumsum(count) + count)[which]


def overlaps_any(left: Intervals, right: Intervals) -> NDArray[np.bool_]:
    """Tell which left segments overlap a right one of their group."""
    touched = np.zeros(len(left.group), dtype=bool)
    touched[overlapping_pairs(left, right).left] = True
    return touched


def rank_choices(chooser: Ints, wanted: Ints, tiou: Floats) -> Choices:
    """Sort pairs by chooser, then by decreasing tIoU (ties: the lower wanted number first)."""
    order = sort_order(wanted, -tiou, chooser)
    chooser = chooser[order]
    begin = np.flatnonzero(np.diff(chooser, prepend=-1))
    return Choices(chooser[begin], wanted[order], tiou[order], begin)


def match_in_turn(
    choices: Choices, n_wanted: int, threshold: float, *, strict: bool = False
) -> tuple[Ints, Ints]:
    """Let every chooser, in the order of their numbers, take the free one it likes best.

    It likes those with the highest tIoU best, among those whose tIoU is at least `threshold`
    (above it if `strict`). Instead of going through the choosers in turn, all ask at once and
    everyone asked keeps the chooser whose turn comes first; the others ask their next choice.
    This "deferred acceptance" (Gale and Shapley, 1962) ends at the same matching, after a few
    rounds.

    Returns
    -------
    chooser, wanted : ndarray of shape (n_matches,)
        Who took whom, by `wanted`.
    """
    n = len(choices.begin)
    some = choices.tiou > threshold if strict else choices.tiou >= threshold
    at = choices.begin.copy()
    stop = at + np.add.reduceat(some, choices.begin, dtype=np.int64)  # sorted by tIoU
    holder = np.full(n_wanted, n, dtype=np.int64)
    asking = np.flatnonzero(at < stop)
    while len(asking):
        wanted = choices.wanted[at[asking]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, asking)
        now = holder[wanted]
        refused = asking[now != asking]
        displaced = np.unique(before[(before < n) & (now != before)])
        asking = np.concatenate([refused, displaced])
        at[asking] += 1
        asking = asking[at[asking] < stop[asking]]
    taken = np.flatnonzero(holder < n)
    return choices.number[holder[taken]], taken
