"""Precision and recall of every class, matched as the metrics match."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._matching import Intervals, overlapping_pairs, overlaps_any, rank_choices
from sklearn_asn.metrics import (
    _by_class_and_score,
    _check_ambiguous,
    _check_protocol,
    _check_segments,
    _check_tiou,
    _check_weight,
    _true_positives,
)

Array = NDArray[Any]


class Curves(NamedTuple):
    """One curve a class; precision k holds between recall k - 1 and recall k."""

    precision: list[Array]
    recall: list[Array]
    classes: Array


def precision_recall_curves(
    y_true: Any, y_pred: Any, tiou: float, *, protocol: str, ambiguous: Any, sample_weight: Any
) -> Curves:
    """Match as `sklearn_asn.metrics` does; return the curves whose areas are its values."""
    _check_protocol(protocol, ambiguous)
    (threshold,) = _check_tiou(tiou)
    truth, found = _check_segments(y_true, y_pred)
    weight = _check_weight(sample_weight, len(truth))
    classes, true_class = np.unique(truth.label, return_inverse=True)
    order, found_class = _by_class_and_score(found, classes)
    video = found.video[order]
    detections = Intervals(video * len(classes) + found_class, found.start[order], found.end[order])
    targets = Intervals(truth.video * len(classes) + true_class, truth.start, truth.end)
    pairs = overlapping_pairs(detections, targets, threshold)
    if protocol == "activitynet":
        choices = rank_choices(pairs.left, pairs.right, pairs.tiou, len(order))
    else:
        choices = rank_choices(pairs.right, pairs.left, pairs.tiou, len(truth.label))
    hit = _true_positives(choices, threshold, protocol, len(order), len(truth.label))
    counted = weight[video]
    if ambiguous is not None:
        unclear = _check_ambiguous(ambiguous, truth)
        others = Intervals(unclear.video, unclear.start, unclear.end)
        ignored = overlaps_any(Intervals(video, detections.start, detections.end), others)
        counted = np.where(ignored & ~hit, 0.0, counted)
    borders = np.searchsorted(found_class, np.arange(len(classes) + 1))
    n_true = np.bincount(true_class, weights=weight[truth.video], minlength=len(classes))
    present = np.flatnonzero(n_true > 0)
    if not len(present):
        raise ValueError("sample_weight is zero for every video of y_true that has segments.")
    curves = [
        _curve(
            hit[borders[c] : borders[c + 1]],
            counted[borders[c] : borders[c + 1]],
            float(n_true[c]),
            interpolate=protocol == "activitynet",
        )
        for c in present
    ]
    return Curves([p for p, _ in curves], [r for _, r in curves], classes[present])


def _curve(hit: Array, weight: Array, n_true: float, *, interpolate: bool) -> tuple[Array, Array]:
    """Return precision and recall at the true positives, with a first point at recall 0."""
    at = np.flatnonzero(hit)
    true = np.cumsum(weight[at])
    precision = true / np.maximum(np.cumsum(weight)[at], np.finfo(float).tiny)
    if interpolate:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    first = precision[:1] if len(at) else np.zeros(1)
    return np.concatenate([first, precision]), np.concatenate([[0.0], true / n_true])
