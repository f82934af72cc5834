"""How much of the ground truth the best predictions find: recall at k x, and AR against AN."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._intervals import Intervals, sort_order
from sklearn_asn.metrics._average_precision import check_segments, check_tiou, class_codes
from sklearn_asn.metrics._matching import overlapping_pairs

Array = NDArray[Any]
Ints = NDArray[np.int64]

_N_STEPS = 100  # of the curve, as the proposal task has them


class AverageRecall(NamedTuple):
    """Average recall against the average number of proposals, and the area below.

    Parameters
    ----------
    recall : ndarray of shape (n_tious, 100)
        Recall at every tIoU and step.
    average_recall : ndarray of shape (100,)
        The mean of `recall` over the tIoUs.
    proposals_per_video : ndarray of shape (100,)
        Average number of proposals of a video at every step.
    auc : float
        Area below `average_recall` over `proposals_per_video`, over the largest number of these:
        in [0, 1].

    See Also
    --------
    average_recall

    Examples
    --------
    >>> from sklearn_asn.metrics import average_recall
    >>> average_recall([[("run", 0.0, 10.0)]], [[("run", 0.0, 10.0, 0.9)]])._fields
    ('recall', 'average_recall', 'proposals_per_video', 'auc')
    """

    recall: Array
    average_recall: Array
    proposals_per_video: Array
    auc: float


def recall_at(y_true: Any, y_pred: Any, k: int = 1, tiou: float | ArrayLike = 0.5) -> Any:
    """Recall of the best ``k * n`` predictions, n being the number of true segments.

    In every class and video with n true segments of the class, the ``k * n`` predictions of it
    with the highest scores count. A true segment is found if one of them has at least the tIoU
    with it; one prediction may find several. The recall of a class is the part of its segments
    that is found, over all videos.

    Parameters
    ----------
    y_true : Segments or list of lists of segments
        Ground truth, one entry a video.
    y_pred : Segments or list of lists of segments
        Scored predictions for the same videos in the same order. Those of a class that `y_true`
        never has are left out.
    k : int, default=1
        Predictions a true segment.
    tiou : float or array-like of float, default=0.5
        Temporal intersection over union, in (0, 1], that finding needs.

    Returns
    -------
    float, or ndarray of shape (len(tiou),)
        The mean over the classes of `y_true`, in [0, 1]; a class without predictions counts 0.

    Raises
    ------
    ValueError
        Videos do not correspond, predictions lack scores, `y_true` has no segments, or an argument
        is out of range.

    See Also
    --------
    average_recall : Counts proposals of whatever class.

    Notes
    -----
    It is "Recall@kx" of ActionFormer's evaluation, where scores do not tie (of equal ones the
    earlier goes first here; there it is left to chance). Its reader drops ground truth that is
    given twice; here each counts.

    Examples
    --------
    >>> from sklearn_asn.metrics import recall_at
    >>> truth = [[("run", 0.0, 10.0), ("run", 20.0, 30.0)]]
    >>> found = [[("run", 0, 9, 0.9), ("run", 1, 9, 0.8), ("run", 20, 29, 0.7)]]
    >>> recall_at(truth, found), recall_at(truth, found, k=2)
    (0.5, 1.0)
    """
    check_count(k, "k")
    tious = check_tiou(tiou)
    truth, found = check_segments(y_true, y_pred)
    classes, own = np.unique(truth.label, return_inverse=True)
    code = class_codes(found.label, classes)
    known = np.flatnonzero(code >= 0)
    group = truth.video * len(classes) + own
    predicted = found.video[known] * len(classes) + code[known]
    which, n_true = np.unique(group, return_inverse=True, return_counts=True)[1:]
    first = _first_finders(
        Intervals(predicted, found.start[known], found.end[known]),
        _ranks(found.score[known], predicted),
        Intervals(group, truth.start, truth.end),
        tious,
    )
    hit = first < k * n_true[which]
    total = np.bincount(own, minlength=len(classes))
    recall = [np.bincount(own, row, minlength=len(classes)) / total for row in hit]
    mean = np.mean(recall, axis=1)
    return float(mean[0]) if np.ndim(tiou) == 0 else mean


def average_recall(
    y_true: Any,
    y_pred: Any,
    tiou: float | ArrayLike | None = None,
    *,
    max_proposals: float | None = None,
) -> AverageRecall:
    """Average recall of proposals against their average number (AR-AN, the proposal task's).

    Labels do not count: a true segment is found if a proposal of its video has at least the tIoU
    with it. Of every video the same part of its proposals is taken, the best first, in 100 steps
    up to `max_proposals` a video on average.

    Parameters
    ----------
    y_true : Segments or list of lists of segments
        Ground truth, one entry a video. Videos without a segment count in the averages.
    y_pred : Segments or list of lists of segments
        Scored proposals for the same videos in the same order.
    tiou : float or array-like of float, default=None
        Temporal intersections over union, in (0, 1], that recall is averaged over; None is
        ``np.linspace(0.5, 0.95, 10)``, ActivityNet's.
    max_proposals : float, default=None
        Average number of proposals a video where the curve ends, above 0 (ActivityNet: 100); None
        takes all there are.

    Returns
    -------
    AverageRecall
        A named tuple: `recall`, `average_recall`, `proposals_per_video` and `auc`.

    Raises
    ------
    ValueError
        Videos do not correspond, proposals lack scores, `y_true` has no segments, or an argument
        is out of range.

    See Also
    --------
    recall_at : Class by class, as many predictions as there are true segments.

    Notes
    -----
    It is mmaction2's ``average_recall_at_avg_proposals``, after the ActivityNet evaluation kit,
    where scores do not tie (of equal ones the earlier goes first here), in float64 (there tIoUs are
    float32). `auc` is there in percent. Without any proposal recall is 0 here, an error there.

    Examples
    --------
    >>> from sklearn_asn.metrics import average_recall
    >>> truth = [[("run", 0.0, 10.0), ("jump", 20.0, 30.0)]]
    >>> found = [[("run", 0, 10, 0.9), ("run", 20, 28, 0.8)]]
    >>> result = average_recall(truth, found, 0.5)
    >>> result.average_recall[[0, 49, 99]], result.proposals_per_video[[49, 99]]
    (array([0. , 0.5, 1. ]), array([1., 2.]))
    """
    tious = check_tiou(np.linspace(0.5, 0.95, 10) if tiou is None else tiou)
    if max_proposals is not None:
        check_number(max_proposals, "max_proposals", 0, open_low=True)
    truth, found = check_segments(y_true, y_pred)
    n_videos, lengths = len(truth), found.lengths
    if not len(found.label):
        most = 0.0 if max_proposals is None else float(max_proposals)
        steps = np.arange(1, _N_STEPS + 1) / _N_STEPS * most
        return AverageRecall(np.zeros((len(tious), _N_STEPS)), np.zeros(_N_STEPS), steps, 0.0)
    most = len(found.label) / n_videos if max_proposals is None else float(max_proposals)
    taken = np.minimum((lengths * (most * n_videos / len(found.label))).astype(np.int64), lengths)
    n_taken = int(taken.sum())
    first = _first_finders(
        Intervals(found.video, found.start, found.end),
        _ranks(found.score, found.video),
        Intervals(truth.video, truth.start, truth.end),
        tious,
    )
    recall, steps = np.zeros((len(tious), _N_STEPS)), np.arange(1, _N_STEPS + 1) / _N_STEPS
    proposals = steps * most
    if n_taken:  # in the order of operations that truncates as theirs does
        parts = steps * (most * n_videos / n_taken)
        proposals = parts * (n_taken / n_videos)
        for step, part in enumerate(parts):
            looked_at = np.minimum((taken * part).astype(np.int64), taken)
            recall[:, step] = (first < looked_at[truth.video]).mean(axis=1)
    average = recall.mean(axis=0)
    area = np.sum(np.diff(proposals) * (average[1:] + average[:-1]) / 2)
    return AverageRecall(recall, average, proposals, float(area / proposals[-1]))


def _ranks(score: Array, group: Ints) -> Ints:
    """Place of every prediction in its group by decreasing score, from 0."""
    order = sort_order(-score, group)
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    size = np.diff(first, append=len(order))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(offsets_from_lengths(size)[:-1], size)
    return rank


def _first_finders(left: Intervals, rank: Ints, right: Intervals, tious: Array) -> Ints:
    """Lowest rank of the left segments that have a tIoU with a right one, ``(n_tious, n_right)``.

    Where none has, it is more than any rank.
    """
    pairs = overlapping_pairs(left, right, float(tious.min()))
    first = np.full((len(tious), len(right.group)), np.iinfo(np.int64).max)
    for row, threshold in zip(first, tious, strict=True):
        hit = np.flatnonzero(pairs.tiou >= threshold)
        np.minimum.at(row, pairs.right[hit], rank[pairs.left[hit]])
    return first
