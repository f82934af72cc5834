"""How good the segments are: over all videos, and video by video."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._data.segments import Segments
from sklearn_asn._data.targets import Targets
from sklearn_asn._intervals import Intervals
from sklearn_asn.exceptions import NothingSharedWarning
from sklearn_asn.metrics import average_precision_table, localization_map, recognition_map
from sklearn_asn.metrics._matching import overlapping_pairs

TIOUS = (0.3, 0.4, 0.5, 0.6, 0.7)
MAIN_TIOU = 0.5

Array = NDArray[Any]


@dataclass
class Scores:
    """What `y` can tell; None (or NaN for a video) where it cannot."""

    table: pd.DataFrame | None = None  # average precision, class x tIoU
    localization: float | None = None  # mAP at tIoU 0.5
    recognition: float | None = None  # mean AP of video-level probabilities
    best_tiou: Array = field(default_factory=lambda: np.empty(0))  # of a video's true segments
    precision: Array = field(default_factory=lambda: np.empty(0))  # AP at tIoU 0.5 within a video


def score(
    predicted: Segments, targets: Targets | None, probability: Array, classes: Array
) -> Scores:
    """Judge predictions by `targets`, as far as these go."""
    unknown = np.full(len(probability), np.nan)
    scores = Scores(best_tiou=unknown, precision=unknown)
    if targets is None or not len(targets.label):
        return scores
    scores.recognition = recognition_map(
        (targets.segments or _as_sets(targets)), probability, classes=classes
    )
    truth = targets.segments
    if truth is None:
        return scores
    scores.table = average_precision_table(truth, predicted, TIOUS)
    scores.localization = float(localization_map(truth, predicted, MAIN_TIOU))
    scores.best_tiou = best_tiou(truth, predicted)
    scores.precision = unknown.copy()
    with warnings.catch_warnings():  # of one video it says nothing that its row does not
        warnings.simplefilter("ignore", NothingSharedWarning)
        for i in np.flatnonzero(truth.lengths).tolist():
            one = slice(i, i + 1)
            scores.precision[i] = localization_map(truth[one], predicted[one], MAIN_TIOU)
    return scores


def best_tiou(truth: Segments, predicted: Segments) -> Array:
    """Return for every video the mean of the highest tIoU that each true segment meets.

    A prediction counts for true segments of its label. NaN for videos without true segments.

    >>> truth = Segments.from_list([[("run", 0.0, 4.0), ("run", 6.0, 8.0)], []])
    >>> best_tiou(truth, Segments.from_list([[("run", 0.0, 2.0, 0.9)], []])).tolist()
    [0.25, nan]
    """
    kinds = [s.label for s in (truth, predicted) if len(s.label)]
    labels = np.unique(np.concatenate(kinds)) if kinds else truth.label
    left, right = (
        Intervals(s.video * len(labels) + np.searchsorted(labels, s.label), s.start, s.end)
        for s in (predicted, truth)
    )
    pairs = overlapping_pairs(left, right)
    best = np.zeros(len(truth.label))
    np.maximum.at(best, pairs.right, pairs.tiou)
    total = np.bincount(truth.video, weights=best, minlength=len(truth))
    counts = truth.lengths
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _as_sets(targets: Targets) -> list[set[Any]]:
    pieces = np.split(targets.label, targets.offsets[1:-1])
    return [set(piece.tolist()) for piece in pieces]
