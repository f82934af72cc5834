"""Greedy matching of detections with ground truth, for all videos and classes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PAIRS = 2**17  # looked at together: bounds the memory (some 10 MB) and stays in the cache


class Intervals(NamedTuple):
    """Segments, each in a group (a video, or a class in a video)."""

    group: Ints
    start: Floats
    end: Floats


class Pairs(NamedTuple):
    """Overlapping pairs: index on either side, and their tIoU; by left, then right index."""

    left: Ints
    right: Ints
    tiou: Floats


class Choices(NamedTuple):
    """What every chooser would take, highest tIoU first: chooser c has rows ``begin[c]`` on."""

    chooser: Ints
    wanted: Ints
    tiou: Floats
    begin: Ints


def overlapping_pairs(left: Intervals, right: Intervals, min_tiou: float = 0.0) -> Pairs:
    """Return pairs of one group whose tIoU is positive and at least `min_tiou`."""
    order = np.argsort(right.group, kind="stable")
    group, start, end = (column[order] for column in right)
    parts = [Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    if len(group):
        groups, begin, size = np.unique(group, return_index=True, return_counts=True)
        code = np.minimum(np.searchsorted(groups, left.group), len(groups) - 1)
        rows = np.flatnonzero(groups[code] == left.group)
        first, count = begin[code[rows]], size[code[rows]]
        for a, b in _blocks(count):
            i = np.repeat(rows[a:b], count[a:b])
            before = np.cumsum(count[a:b]) - count[a:b]
            j = np.arange(len(i)) + np.repeat(first[a:b] - before, count[a:b])
            inside = np.minimum(left.end[i], end[j]) - np.maximum(left.start[i], start[j])
            some = np.flatnonzero(inside > 0)
            i, j, inside = i[some], j[some], inside[some]
            union = (left.end[i] - left.start[i]) + (end[j] - start[j]) - inside
            tiou = inside / union
            keep = tiou >= min_tiou
            parts.append(Pairs(i[keep], order[j[keep]], tiou[keep]))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _blocks(count: Ints) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks of at most `MAX_PAIRS` pairs (a larger row goes alone)."""
    total = np.concatenate([[0], np.cumsum(count)])
    a = 0
    while a < len(count):
        b = max(a + 1, int(np.searchsorted(total, total[a] + MAX_PAIRS, side="right")) - 1)
        yield a, b
        a = b


def overlaps_any(left: Intervals, right: Intervals) -> NDArray[np.bool_]:
    """Tell which left segments overlap a right one of their group."""
    touched = np.zeros(len(left.group), dtype=bool)
    touched[overlapping_pairs(left, right).left] = True
    return touched


def rank_choices(chooser: Ints, wanted: Ints, tiou: Floats, n_choosers: int) -> Choices:
    """Sort pairs by chooser, then by decreasing tIoU (ties: as given, the lower number first)."""
    order = np.lexsort((-tiou, chooser))
    chooser = chooser[order]
    begin = np.searchsorted(chooser, np.arange(n_choosers))
    return Choices(chooser, wanted[order], tiou[order], begin)


def match_in_turn(
    choices: Choices, n_wanted: int, threshold: float, *, strict: bool = False
) -> Ints:
    """Let every chooser, in the order of their numbers, take the free one it likes best.

    It likes those with the highest tIoU best, among those whose tIoU is at least `threshold`
    (above it if `strict`). Instead of going through the choosers in turn, all ask at once and
    everyone asked keeps the chooser whose turn comes first; the others ask their next choice.
    This "deferred acceptance" (Gale and Shapley, 1962) ends at the same matching, after a few
    rounds.

    Returns
    -------
    ndarray of shape (n_wanted,)
        Which chooser took it, or -1.
    """
    n = len(choices.begin)
    some = choices.tiou > threshold if strict else choices.tiou >= threshold
    at = choices.begin.copy()
    stop = at + np.bincount(choices.chooser[some], minlength=n)  # choices are sorted by tIoU
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
    return np.where(holder < n, holder, -1)
