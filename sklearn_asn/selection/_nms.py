"""Non-maximum suppression of many groups of intervals at once: `nms` and `soft_nms`."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    All groups go at once, in rounds: a round takes the best box left of every group and drops
    what it suppresses. Boxes that no chain of overlaps links are first set apart, so there are
    at most as many rounds as boxes kept in one such chain.

    Examples
    --------
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
        return np.argsort(-score, kind="stable")
    chain = _chains(start, end, group)
    index = np.lexsort((-score, chain))
    start, end, chain = start[index], end[index], chain[index]
    kept: list[Ints] = []
    while len(index):
        is_head = np.empty(len(index), dtype=bool)
        is_head[0] = True
        np.not_equal(chain[1:], chain[:-1], out=is_head[1:])
        head = np.flatnonzero(is_head)
        kept.append(index[head])
        stays = _iou_with_head(start, end, head, np.cumsum(is_head) - 1) <= threshold
        stays[head] = False
        left = np.flatnonzero(stays)
        start, end, chain, index = start[left], end[left], chain[left], index[left]
    return _by_score(kept, score)


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

    References
    ----------
    Bodla et al., "Soft-NMS: improving object detection with one line of code", ICCV 2017.

    Examples
    --------
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
    chain = _chains(start[index], end[index], group[index])
    order = np.argsort(chain, kind="stable")
    chain, index = chain[order], index[order]
    start, end, score = start[index], end[index], score[index]
    while len(index):
        first = np.flatnonzero(np.diff(chain, prepend=-1))
        counts = np.diff(first, append=len(chain))
        member = np.repeat(np.arange(len(first)), counts)
        at_best = np.flatnonzero(score == np.maximum.reduceat(score, first)[member])
        head = at_best[np.flatnonzero(np.diff(member[at_best], prepend=-1))]
        kept.append(index[head])
        new[index[head]] = score[head]
        score = score * np.exp(-(_iou_with_head(start, end, head, member) ** 2) / sigma)
        stays = score >= threshold
        stays[head] = False
        left = np.flatnonzero(stays)
        start, end, score = start[left], end[left], score[left]
        chain, index = chain[left], index[left]
    indices = _by_score(kept, new)
    return indices, new[indices]


def _iou_with_head(start: Floats, end: Floats, head: Ints, member: Ints) -> Floats:
    """TIoU of every box with the head of its group; `head` indexes boxes, `member` heads."""
    head_start, head_end = start[head][member], end[head][member]
    both = np.minimum(end, head_end) - np.maximum(start, head_start)
    np.maximum(both, 0, out=both)
    return both / ((end - start) + (head_end - head_start) - both)


def _chains(start: Floats, end: Floats, group: Ints) -> Ints:
    """Label sets of boxes of one group that a chain of overlaps links, from 0.

    No box of one chain meets a box of another, so suppression may treat them apart.
    """
    order = np.lexsort((start, group))
    start, end, group = start[order], end[order], group[order]
    is_new = np.diff(group, prepend=group[:1]) != 0
    # One running maximum serves all groups if each lies beyond the one before. Rounding keeps
    # order, so `>` can only join what could be apart, which costs time but no correctness.
    if len(start):
        shift = np.cumsum(is_new) * (end.max() - start.min() + 1)
        is_new[1:] |= (start + shift)[1:] > np.maximum.accumulate(end + shift)[:-1]
    chain = np.empty(len(order), dtype=np.int64)
    chain[order] = np.cumsum(is_new)
    return chain


def _by_score(kept: list[Ints], score: Floats) -> Ints:
    indices = np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.int64)
    return indices[np.argsort(-score[indices], kind="stable")]


def _check_boxes(
    start: ArrayLike, end: ArrayLike, score: ArrayLike, group: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Ints]:
    columns: dict[str, Floats] = {}
    for name, values in (("start", start), ("end", end), ("score", score)):
        column = np.asarray(values, dtype=np.float64)
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


def check_finite(name: str, value: Any) -> float:
    """Return a finite number as a float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}.")
    return float(value)
