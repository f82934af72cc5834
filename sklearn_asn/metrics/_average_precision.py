"""Detections matched to ground truth, class by class: what average precision is made of."""

from __future__ import annotations

import warnings
from collections.abc import Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import as_floats
from sklearn_asn._data.holders import as_targets, entries_of
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.targets import check_comparable
from sklearn_asn._intervals import Intervals, sort_order
from sklearn_asn.exceptions import NothingSharedWarning
from sklearn_asn.metrics._matching import (
    Choices,
    match_in_turn,
    overlapping_pairs,
    overlaps_any,
    rank_choices,
)

PROTOCOLS = ("activitynet", "thumos14", "thumos14-11point")

_LEAST_TIOU = 0.1  # what any prediction at all reaches, if times mean the same
_OTHER_UNIT = 10  # factor between the last times of both sides that tells of two units

Array = NDArray[Any]


class Matched(NamedTuple):
    """All detections of known classes, by class and decreasing score, and what they would take."""

    classes: Array  # that count in a video of weight above 0
    n_true: Array  # ground-truth segments of each of these, weighted
    borders: Array  # of every class of the ground truth, in the detections
    present: Array  # the position of `classes` among these
    weight: Array  # of every detection
    seen: Array  # what the detections of a class down to this one weigh, ambiguous ones left out
    ignored: Array  # whether a detection is ambiguous
    choices: Choices
    n_segments: int
    protocol: str


def match(
    y_true: Any, y_pred: Any, min_tiou: float, protocol: str, ambiguous: Any, sample_weight: Any
) -> Matched:
    """Find what can match at a tIoU of at least `min_tiou`."""
    check_protocol(protocol, ambiguous)
    truth, found = check_segments(y_true, y_pred)
    weight = check_weight(sample_weight, len(truth), y_true)
    classes, true_class = np.unique(truth.label, return_inverse=True)
    code = class_codes(found.label, classes)
    known = np.flatnonzero(code >= 0)
    columns: tuple[Array, ...] = (found.video, found.start, found.end, found.score, code)
    if len(known) < len(code):
        columns = tuple(column[known] for column in columns)
    video, start, end, score, code = columns
    order = sort_order(-score, code)  # by class, then decreasing score
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    pairs = overlapping_pairs(
        Intervals(video * len(classes) + code, start, end),
        Intervals(truth.video * len(classes) + true_class, truth.start, truth.end),
        min_tiou,
    )
    if not len(pairs.tiou):
        _warn_nothing_shared(truth, found, len(known))
    if protocol == "activitynet":
        choices = rank_choices(rank[pairs.left], pairs.right, pairs.tiou)
    else:
        choices = rank_choices(pairs.right, rank[pairs.left], pairs.tiou)
    counts = weight[video][order]
    seen, ignored = counts.copy(), np.zeros(len(order), dtype=bool)
    if ambiguous is not None:
        unclear = check_ambiguous(ambiguous, truth)
        ignored = overlaps_any(
            Intervals(video, start, end), Intervals(unclear.video, unclear.start, unclear.end)
        )[order]
        seen[ignored] = 0.0
    borders = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(classes)))])
    for c in range(len(classes)):  # what the detections of a class down to this one weigh
        rows = slice(borders[c], borders[c + 1])
        np.cumsum(seen[rows], out=seen[rows])
    n_true = np.bincount(true_class, weights=weight[truth.video], minlength=len(classes))
    present = np.flatnonzero(n_true > 0)
    if not len(present):
        raise ValueError("sample_weight is zero for every video of y_true that has segments.")
    return Matched(
        classes[present],
        n_true[present],
        borders,
        present,
        counts,
        seen,
        ignored,
        choices,
        len(truth.label),
        protocol,
    )


def true_positives(matched: Matched, tiou: float) -> list[tuple[Array, Array]]:
    """Return the true positives of every class at a tIoU, by decreasing score.

    Of each: its weight, and the weight of all detections down to it.
    """
    hit = hits(matched, tiou)
    true, before = matched.weight[hit], matched.seen[hit]
    again = true * matched.ignored[hit]  # a true positive counts, ambiguous or not
    border = np.searchsorted(hit, matched.borders)
    rows = [slice(border[c], border[c + 1]) for c in matched.present.tolist()]
    return [(true[r], before[r] + np.cumsum(again[r])) for r in rows]


def precision_of(weight: Array, seen: Array, protocol: str) -> Array:
    """Return precision at the true positives; under the ActivityNet rule its envelope.

    Between true positives precision falls, so the envelope needs no more.
    """
    precision = np.cumsum(weight) / np.maximum(seen, np.finfo(float).tiny)
    if protocol == "activitynet":
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return precision


def average_precision(
    y_true: Any, y_pred: Any, tiou: Any, protocol: str, ambiguous: Any, sample_weight: Any
) -> tuple[Array, Array]:
    """Return the classes, and average precision ``(n_classes, n_tious)``."""
    tious = check_tiou(tiou)
    matched = match(y_true, y_pred, float(tious.min()), protocol, ambiguous, sample_weight)
    values = np.zeros((len(matched.classes), len(tious)))
    for k, threshold in enumerate(tious):
        for row, (weight, seen) in enumerate(true_positives(matched, threshold)):
            precision = precision_of(weight, seen, protocol)
            if protocol == "thumos14-11point":
                recall = np.cumsum(weight) / matched.n_true[row]
                values[row, k] = eleven_points(precision, recall)
            else:
                values[row, k] = np.sum(weight * precision) / matched.n_true[row]
    return matched.classes, values


def eleven_points(precision: Array, recall: Array) -> float:
    """Return the mean of the best precision from each of the recalls 0, 0.1, ..., 1 on.

    >>> eleven_points(np.array([1.0, 0.5]), np.array([0.5, 1.0])) == (6 * 1.0 + 5 * 0.5) / 11
    True
    """
    if not len(precision):
        return 0.0
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    # a recall of 3 / 10 reaches 0.3, however it was rounded
    return float(best[np.searchsorted(recall, np.arange(11) / 10 - 1e-9)].mean())


def hits(matched: Matched, tiou: float) -> Array:
    """Return the true positives, rising: detections that choose, or are chosen, by the rule."""
    if matched.protocol == "activitynet":
        return np.sort(match_in_turn(matched.choices, matched.n_segments, tiou)[0])
    return match_in_turn(matched.choices, len(matched.weight), tiou, strict=True)[1]


def class_codes(label: Array, classes: Array) -> Array:
    """Return the position of every label in sorted classes, or -1."""
    if not len(label):
        return np.zeros(0, dtype=np.int64)
    try:
        check_comparable(label, classes)
    except ValueError:
        raise ValueError(
            f"Labels of y_pred are {label.dtype}, those of y_true {classes.dtype}: they "
            "cannot match."
        ) from None
    code = np.minimum(np.searchsorted(classes, label), len(classes) - 1)
    return np.where(classes[code] == label, code, -1)


def _warn_nothing_shared(truth: Segments, found: Segments, n_known: int) -> None:
    """Warn where nothing can match whatever was predicted: no label, or no time, is shared."""
    if not len(found.label):
        return
    if not n_known:
        labels = (sorted(set(part.label.tolist()), key=str)[:3] for part in (truth, found))
        message = "No label of y_pred is one of y_true's: {1} against {0}.".format(*labels)
    else:
        mine, true = (Intervals(part.video, part.start, part.end) for part in (found, truth))
        if len(overlapping_pairs(mine, true, _LEAST_TIOU).tiou):
            return
        last = sorted(float(np.abs(part.end).max()) for part in (truth, found))
        if last[1] < _OTHER_UNIT * last[0] and len(overlapping_pairs(mine, true).tiou):
            return
        spans = [f"[{part.start.min():g}, {part.end.max():g}]" for part in (truth, found)]
        message = (
            f"No prediction meets a true segment of its video: all times lie in {spans[1]} in "
            f"y_pred, in {spans[0]} in y_true. Are both in the same unit, and the videos in the "
            "same order?"
        )
    warnings.warn(f"{message} So the score is 0.", NothingSharedWarning, stacklevel=5)


def as_segments(y: Any, name: str) -> Segments:
    """Return segments in any accepted form as `Segments`."""
    if isinstance(y, Segments):
        return y
    if isinstance(y, list | tuple) and any(isinstance(video, Set) for video in y):
        first = next(i for i, video in enumerate(y) if isinstance(video, Set))
        raise ValueError(
            f"{name}: video {first} has a set of labels and no times, which cannot be compared. "
            "Give the videos with segments alone."
        )
    try:
        return Segments.from_list(list(as_targets(y)))
    except TypeError:
        raise ValueError(f"{name} must be Segments or a list of lists of segments.") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_segments(y_true: Any, y_pred: Any) -> tuple[Segments, Segments]:
    """Return ground truth and detections of the same videos."""
    truth, found = as_segments(y_true, "y_true"), as_segments(y_pred, "y_pred")
    if len(truth) != len(found):
        raise ValueError(f"y_true has {len(truth)} videos, y_pred has {len(found)}.")
    check_same_videos(y_true, y_pred, ("y_true", "y_pred"))
    if not len(truth.label):
        raise ValueError("y_true has no segments, so there is nothing to find.")
    check_scores(found)
    return truth, found


def check_scores(found: Segments) -> None:
    """Refuse detections without finite scores."""
    bad = np.flatnonzero(~np.isfinite(found.score))
    if len(bad):
        raise ValueError(
            f"y_pred: a segment of video {found.video[bad[0]]} has the score "
            f"{found.score[bad[0]]}; detections need finite scores."
        )


def check_ambiguous(ambiguous: Any, truth: Segments) -> Segments:
    """Return the ambiguous segments of the same videos."""
    unclear = as_segments(ambiguous, "ambiguous")
    if len(unclear) != len(truth):
        raise ValueError(f"ambiguous has {len(unclear)} videos, y_true has {len(truth)}.")
    check_same_videos(truth, ambiguous, ("y_true", "ambiguous"))
    return unclear


def check_tiou(tiou: Any) -> NDArray[np.float64]:
    """Return one or several tIoUs as an array."""
    values = np.atleast_1d(as_floats(tiou, "tiou"))
    if values.ndim != 1 or not len(values) or not np.all((values > 0) & (values <= 1)):
        raise ValueError(f"tiou={tiou!r}; expected numbers in (0, 1].")
    return values


def check_protocol(protocol: str, ambiguous: Any) -> None:
    """Refuse an unknown rule, or ambiguous segments where the rule has none."""
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; expected one of {PROTOCOLS}.")
    if ambiguous is not None and not protocol.startswith("thumos14"):
        raise ValueError("ambiguous segments are part of protocol='thumos14' only.")


def check_weight(sample_weight: Any, n_videos: int, y_true: Any = None) -> NDArray[np.float64]:
    """Return one weight a video."""
    check_same_videos(y_true, sample_weight, ("y_true", "sample_weight"))
    if sample_weight is None:
        return np.ones(n_videos)
    weight = as_floats(entries_of(sample_weight), "sample_weight")
    if weight.shape != (n_videos,) or not np.all(np.isfinite(weight) & (weight >= 0)):
        raise ValueError(f"sample_weight must be {n_videos} finite numbers >= 0, one a video.")
    return weight
