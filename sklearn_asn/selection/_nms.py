"""Non-maximum suppression of many groups of intervals at once: `nms` and `soft_nms`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import as_floats, check_finite
from sklearn_asn._intervals import pair_blocks, ranges, reach, sort_order

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def nms(
    start: ArrayLike,
    end: ArrayLike,
    score: ArrayLike,
    threshold: float = 0.4,
    *,
    group: ArrayLike | None = None,
) -> Ints:
    """Greedy non-maximum suppression of half-open intervals.

    In order of decreasing score (ties: the smaller index first), a box is kept if its tIoU with
    every kept box of its group is at most `threshold`.

    Parameters
    ----------
    start, end : array-like of float, shape (n_boxes,)
        Half-open intervals, ``start < end``.
    score : array-like of float, shape (n_boxes,)
        Any sign.
    threshold : float, default=0.4
        Largest tIoU, in ``[0, 1]``, that two kept boxes of a group may have; 1 keeps all boxes.
    group : array-like of int, shape (n_boxes,), default=None
        Boxes of different groups (videos, classes) do not meet; None: all are one group.

    Returns
    -------
    ndarray of int64, shape (n_kept,)
        Indices of the kept boxes of all groups in order of decreasing score.

    Raises
    ------
    ValueError
        Lengths differ, a value is not finite, ``start >= end``, or `threshold` is outside its
        range.

    Notes
    -----
    All groups go at once, in rounds. A round keeps every box that is the best of those left near
    it, near enough for a tIoU above `threshold`, and drops what these suppress: as one by one,
    since no box that is still to come could suppress the kept ones. Some ten rounds do, and memory
    grows with the number of boxes, not of pairs.

    Examples
    --------
    >>> from sklearn_asn.selection import nms
    >>> nms([0, 1, 6], [4, 5, 8], [0.5, 0.9, 0.7], threshold=0.4).tolist()
    [1, 2]
    >>> nms([0, 1, 6], [4, 5, 8], [0.5, 0.9, 0.7], threshold=0.4, group=[0, 1, 1]).tolist()
    [1, 2, 0]
    """
    start, end, score, group = _check_boxes(start, end, score, group)
    threshold = check_finite("threshold", threshold)
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be in [0, 1], got {threshold!r}.")
    if threshold == 1:
        return sort_order(-score)
    by_score = sort_order(-score)
    rank = np.empty(len(score), dtype=np.int64)
    rank[by_score] = np.arange(len(score))
    order = sort_order(start, group)
    start, end, rank = start[order], end[order], rank[order]
    low, high = _near(start, end, group[order], threshold)
    kept = [np.zeros(0, dtype=np.int64)]
    while len(rank):
        head = np.flatnonzero(_smallest(rank, low, high) == rank)
        kept.append(rank[head])
        stays = np.ones(len(rank), dtype=bool)
        stays[head] = False
        count = (high - low)[head]
        for a, b in pair_blocks(count):
            which, row = ranges(low[head[a:b]], count[a:b])
            tiou = _overlap(start, end, row, head[a:b], which)[1]
            stays[row[tiou > threshold]] = False
        left = np.flatnonzero(stays)
        position = np.concatenate([[0], np.cumsum(stays)])
        start, end, rank = start[left], end[left], rank[left]
        low, high = position[low[left]], position[high[left]]
    return by_score[np.sort(np.concatenate(kept))]


def soft_nms(
    start: ArrayLike,
    end: ArrayLike,
    score: ArrayLike,
    *,
    sigma: float = 0.3,
    threshold: float = 0.001,
    group: ArrayLike | None = None,
) -> tuple[Ints, Floats]:
    """Gaussian soft non-maximum suppression of half-open intervals.

    The best box left (ties: the smaller index) is taken, and every other box of its group has its
    score multiplied by ``exp(-tIoU ** 2 / sigma)``; again, until none is left. A box whose score,
    as given or decayed, is below `threshold` is dropped.

    Parameters
    ----------
    start, end : array-like of float, shape (n_boxes,)
        Half-open intervals, ``start < end``.
    score : array-like of float, shape (n_boxes,)
        Not negative: the decay would raise a negative score.
    sigma : float, default=0.3
        Width of the decay, above 0.
    threshold : float, default=0.001
        Boxes below it are dropped; 0 keeps all.
    group : array-like of int, shape (n_boxes,), default=None
        Boxes of different groups (videos, classes) do not meet; None: all are one group.

    Returns
    -------
    indices : ndarray of int64, shape (n_kept,)
        The kept boxes of all groups in order of decreasing new score.
    scores : ndarray of float64, shape (n_kept,)
        Their new scores.

    Raises
    ------
    ValueError
        As for `nms`; a score is negative; `sigma` or `threshold` is outside its range.

    Notes
    -----
    All groups go at once, in rounds: a round takes the best box left of every set of boxes that a
    chain of overlaps links. So there are as many rounds as boxes kept in the largest such set.

    References
    ----------
    Bodla et al., "Soft-NMS: improving object detection with one line of code", ICCV 2017.

    Examples
    --------
    >>> from sklearn_asn.selection import soft_nms
    >>> indices, scores = soft_nms([0, 1, 6], [4, 5, 8], [0.5, 0.9, 0.7])
    >>> indices.tolist(), scores.round(3).tolist()
    ([1, 2, 0], [0.9, 0.7, 0.151])
    """
    start, end, score, group = _check_boxes(start, end, score, group)
    sigma, threshold = check_finite("sigma", sigma), check_finite("threshold", threshold)
    if sigma <= 0:
        raise ValueError(f"sigma must be above 0, got {sigma!r}.")
    if threshold < 0:
        raise ValueError(f"threshold must be at least 0, got {threshold!r}.")
    if np.any(score < 0):
        raise ValueError(f"score must not be negative in soft_nms, got {score.min()}.")
    new = score.copy()
    kept: list[Ints] = []
    index = np.flatnonzero(score >= threshold)
    index = index[sort_order(start[index], group[index])]
    start, end, score, group = start[index], end[index], score[index], group[index]
    shift = _shift(start, end, group)
    # Rounding keeps order, so it can only join chains, or let more boxes seem near.
    begins, ends = start + shift, end + shift
    latest = np.maximum.accumulate(ends)
    is_new = np.diff(group, prepend=group[:1]) != 0
    is_new[1:] |= begins[1:] > latest[:-1]
    chain = np.cumsum(is_new)
    while len(index):
        first = np.flatnonzero(np.diff(chain, prepend=-1))
        size = np.diff(first, append=len(chain))
        n_left = len(index)
        while n_left > 0.8 * len(index):  # the taken and the dropped have a score of -1
            best = np.maximum.reduceat(score, first)
            some = np.flatnonzero(best >= 0)
            best[best < 0] = np.nan
            head = np.flatnonzero(score == np.repeat(best, size))
            if len(head) > len(some):  # ties
                head = head[sort_order(index[head], chain[head])]
                head = head[np.flatnonzero(np.diff(chain[head], prepend=-1))]
            kept.append(index[head])
            new[index[head]] = score[head]
            low = np.maximum(np.searchsorted(latest, begins[head]), first[some])
            high = np.searchsorted(begins, ends[head], side="right")
            high = np.minimum(high, (first + size)[some])
            which, row = ranges(low, high - low)
            both, tiou = _overlap(start, end, row, head, which)
            score[head] = -1
            touched = np.flatnonzero((both > 0) & (score[row] >= 0))
            row, tiou = row[touched], tiou[touched]
            decayed = score[row] * np.exp(-(tiou**2) / sigma)
            gone = decayed < threshold
            n_left -= len(head) + int(np.count_nonzero(gone))
            decayed[gone] = -1
            score[row] = decayed
        left = np.flatnonzero(score >= 0)
        start, end, score = start[left], end[left], score[left]
        begins, ends, latest = begins[left], ends[left], latest[left]
        chain, index = chain[left], index[left]
    indices = _by_score(kept, new)
    return indices, new[indices]


def _overlap(
    start: Floats, end: Floats, row: Ints, head: Ints, which: Ints
) -> tuple[Floats, Floats]:
    """Length in common of boxes `row` and ``head[which]`` (negative: their gap), and their tIoU."""
    a, b, head_start, head_end = start[row], end[row], start[head][which], end[head][which]
    both = np.minimum(b, head_end) - np.maximum(a, head_start)
    return both, both / ((b - a) + (head_end - head_start) - both)


def _shift(start: Floats, end: Floats, group: Ints) -> Floats:
    """Return what added to the times of sorted groups puts each beyond the one before."""
    number = np.cumsum(np.diff(group, prepend=group[:1]) != 0)
    return number * (end.max(initial=0) - start.min(initial=0) + 1)


def _near(start: Floats, end: Floats, group: Ints, threshold: float) -> tuple[Ints, Ints]:
    """Where the boxes are that may suppress each, or it them; by group and start, as they are."""
    first = np.flatnonzero(np.diff(group, prepend=group[:1] - 1))
    size = np.diff(first, append=len(group))
    length, shift = end - start, _shift(start, end, group)
    before, after = reach(length, length.max(initial=0), threshold)
    # Rounding keeps order, so it can only let more boxes seem near.
    low = np.searchsorted(start + shift, start - before + shift)
    high = np.searchsorted(start + shift, start + after + shift, side="right")
    low = np.maximum(low, np.repeat(first, size))
    return low, np.minimum(high, np.repeat(first + size, size))


def _smallest(values: Ints, low: Ints, high: Ints) -> Ints:
    """Minimum of ``values[low:high]``, for every pair of borders.

    Two runs of 2 ** k values, which may overlap, cover a range; all ranges of one k go at once.
    """
    smallest = np.empty(len(low), dtype=values.dtype)
    level: Ints = np.frexp((high - low).astype(np.float64))[1] - 1
    for k in range(int(level.max(initial=0)) + 1):
        at = np.flatnonzero(level == k)
        smallest[at] = np.minimum(values[low[at]], values[high[at] - 2**k])
        values = np.minimum(values[: -(2**k)], values[2**k :])
    return smallest


def _by_score(kept: list[Ints], score: Floats) -> Ints:
    indices = np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)
    return indices[np.argsort(-score[indices], kind="stable")]


def _check_boxes(
    start: ArrayLike, end: ArrayLike, score: ArrayLike, group: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Ints]:
    columns: dict[str, Floats] = {}
    for name, values in (("start", start), ("end", end), ("score", score)):
        column = as_floats(values, name)
        if column.ndim != 1 or len(column) != len(columns.get("start", column)):
            raise ValueError(
                f"start, end and score must be 1-D of one length, got {name} {column.shape}."
            )
        if not np.all(np.isfinite(column)):
            raise ValueError(f"{name} of box {np.argmin(np.isfinite(column))} is not finite.")
        columns[name] = column
    bad = np.flatnonzero(columns["start"] >= columns["end"])
    if len(bad):
        i = int(bad[0])
        raise ValueError(
            f"box {i} [{columns['start'][i]:g}, {columns['end'][i]:g}) must have start < end."
        )
    n = len(columns["start"])
    groups = np.zeros(n, dtype=np.int64) if group is None else np.asarray(group)
    if groups.shape != (n,) or (n and not np.issubdtype(groups.dtype, np.integer)):
        raise ValueError(
            f"group must be one int a box, expected shape ({n},), "
            f"got {groups.dtype} {groups.shape}."
        )
    return columns["start"], columns["end"], columns["score"], groups.astype(np.int64)
