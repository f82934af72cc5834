"""Greedy matching of detections with ground truth, for all videos and classes at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._intervals import Intervals, pair_blocks, ranges, reach, sort_order

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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
        for a, b in pair_blocks(count):
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
