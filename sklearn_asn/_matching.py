"""Greedy matching of detections with ground truth, for all videos and classes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PAIRS = 2**22  # looked at together, about 100 MB


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


def overlapping_pairs(left: Intervals, right: Intervals, min_tiou: float = 0.0) -> Pairs:
    """Return pairs of one group whose tIoU is positive and at least `min_tiou`."""
    order = np.argsort(right.group, kind="stable")
    first, stop = (
        np.searchsorted(right.group[order], left.group, side=s) for s in ("left", "right")
    )
    parts = [Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for a, b in _blocks(stop - first):
        count = (stop - first)[a:b]
        i = np.repeat(np.arange(a, b), count)
        within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
        j = order[first[i] + within]
        inside = np.minimum(left.end[i], right.end[j]) - np.maximum(left.start[i], right.start[j])
        some = np.flatnonzero(inside > 0)
        i, j, inside = i[some], j[some], inside[some]
        union = (left.end[i] - left.start[i]) + (right.end[j] - right.start[j]) - inside
        tiou = inside / union
        keep = tiou >= min_tiou
        parts.append(Pairs(i[keep], j[keep], tiou[keep]))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _blocks(count: Ints) -> Iterator[tuple[int, int]]:
    """Cut rows into blocks of at most `MAX_PAIRS` pairs (a larger row goes alone)."""
    total = np.concatenate([[0], np.cumsum(count)])
    a = 0
    while a < len(count):
        b = max(a + 1, int(np.searchsorted(total, total[a] + MAX_PAIRS, side="right")) - 1)
        yield a, b
        a = b


def match_in_turn(pairs: Pairs, n_left: int, n_right: int) -> Ints:
    """Let every left segment, in the order of their numbers, take the free right one it likes best.

    It likes those with the highest tIoU best (ties: the lower number). Instead of going through
    the left ones in turn, all ask at once and every right segment keeps the one whose turn comes
    first; the others ask their next choice. This "deferred acceptance" ends at the same matching,
    after a few rounds.

    Returns
    -------
    ndarray of shape (n_left,)
        What each one took, or -1.
    """
    order = np.lexsort((pairs.right, -pairs.tiou, pairs.left))
    choice = pairs.right[order]
    stop = np.cumsum(np.bincount(pairs.left, minlength=n_left))
    at = np.concatenate([[0], stop[:-1]])
    holder = np.full(n_right, n_left, dtype=np.int64)
    asking = np.flatnonzero(at < stop)
    while len(asking):
        wanted = choice[at[asking]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, asking)
        refused = asking[holder[wanted] != asking]
        displaced = np.unique(before[(before < n_left) & (holder[wanted] != before)])
        asking = np.concatenate([refused, displaced])
        at[asking] += 1
        asking = asking[at[asking] < stop[asking]]
    taken = np.full(n_left, -1, dtype=np.int64)
    held = np.flatnonzero(holder < n_left)
    taken[holder[held]] = held
    return taken
