"""What is drawn of one video: curves thinned to columns, and segments in lanes."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._thin import thin

Array = NDArray[Any]

MAX_CLASSES = 8  # drawn of a video
MAX_SEGMENTS = 300  # of either kind
MAX_LANES = 4  # side by side, for overlapping segments of a class
STEPS = 65535


class Spans(NamedTuple):
    """Segments of one video: codes of their labels, times and scores."""

    label: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    score: NDArray[np.float64]

    def take(self, index: Array) -> Spans:
        """Return some of them."""
        return Spans(self.label[index], self.start[index], self.end[index], self.score[index])


def encode(values: Array, low: float, high: float) -> str:
    """Write values between `low` and `high` as base64 of 16-bit integers, lowest byte first."""
    scaled = (np.asarray(values, dtype=np.float64) - low) / ((high - low) or 1.0)
    codes = np.rint(np.clip(scaled, 0, 1) * STEPS).astype("<u2")
    return base64.b64encode(codes.tobytes()).decode("ascii")


def curve(values: Array, n_columns: int) -> list[Any]:
    """Return ``[lowest, highest, minima]``, and maxima where columns hold several values."""
    low, high = thin(values, n_columns)
    bottom, top = float(low.min()), float(high.max())
    drawn = [encode(low, bottom, top)]
    if len(low) < len(values):
        drawn.append(encode(high, bottom, top))
    return [_short(bottom, 7), _short(top, 7), *drawn]


def lanes(start: Array, end: Array, score: Array) -> NDArray[np.int64]:
    """Place overlapping segments side by side, the best first; the last lane takes what is left.

    >>> lanes(np.array([0.0, 1, 5]), np.array([4.0, 6, 8]), np.array([0.3, 0.9, 0.1])).tolist()
    [1, 0, 1]
    """
    lane = np.zeros(len(start), dtype=np.int64)
    order = np.argsort(-np.nan_to_num(score), kind="stable")
    taken: list[list[int]] = [[] for _ in range(MAX_LANES)]
    for i in order.tolist():
        for k, others in enumerate(taken):
            if k == MAX_LANES - 1 or not np.any(
                (start[i] < end[others]) & (start[others] < end[i])
            ):
                lane[i] = k
                others.append(i)
                break
    return lane


def timeline(
    attention: Array,
    sequence: Array,
    passing: Array,
    probability: Array,
    found: Spans,
    truth: Spans | None,
    n_columns: int,
) -> dict[str, Any]:
    """Return what the page draws of one video, as JSON can hold it.

    Parameters
    ----------
    attention : ndarray of shape (n_clips,)
    sequence : ndarray of shape (n_clips, n_classes)
        The CAS.
    passing : ndarray of int
        Classes that are localized.
    probability : ndarray of shape (n_classes,)
    found, truth : Spans
        Labels are codes; those from ``n_classes`` on were not trained on.
    n_columns : int
        To thin curves to.
    """
    best, n_true = _best(found), 0 if truth is None else len(truth.label)
    first = None if truth is None else truth.take(np.arange(min(n_true, MAX_SEGMENTS)))
    shown = _shown(passing, probability, [best, first])
    rows = []
    for code in shown[:MAX_CLASSES]:
        known = code < len(probability)
        row: dict[str, Any] = {"c": code}
        if known:
            row["p"] = _short(float(probability[code]), 4)
            if sequence[:, code].any():
                row["k"] = curve(sequence[:, code], n_columns)
        row["f"] = _segments(best, code)
        row["t"] = [] if first is None else _segments(first, code)
        rows.append(row)
    drawn: dict[str, Any] = {"n": len(attention), "found": len(found.label), "rows": rows}
    drawn["a"] = curve(attention, n_columns)
    notes = [
        f"{count:,} more {what}"
        for count, what in (
            (len(shown) - len(rows), "classes"),
            (len(found.label) - sum(len(row["f"]) for row in rows), "predicted segments"),
            (n_true - sum(len(row["t"]) for row in rows), "true segments"),
        )
        if count > 0
    ]
    if notes:
        drawn["more"] = f"Not drawn: {', '.join(notes)}."
    return drawn


def _best(found: Spans) -> Spans:
    """Return the segments with the highest scores, by time."""
    if len(found.label) <= MAX_SEGMENTS:
        return found
    return found.take(np.sort(np.argsort(-found.score, kind="stable")[:MAX_SEGMENTS]))


def _shown(passing: Array, probability: Array, kinds: Iterable[Spans | None]) -> list[int]:
    """Order the classes that have something to draw: with segments first, then by probability."""
    with_segments = {int(c) for spans in kinds if spans is not None for c in spans.label.tolist()}
    every = with_segments | {int(c) for c in passing.tolist()}

    def rank(code: int) -> tuple[bool, float, int]:
        chance = float(probability[code]) if code < len(probability) else 0.0
        return (code not in with_segments, -chance, code)

    return sorted(every, key=rank)


def _segments(spans: Spans, code: int) -> list[list[float | int | None]]:
    own = spans.take(np.flatnonzero(spans.label == code))
    place = lanes(own.start, own.end, own.score)
    return [
        [_short(a, 9), _short(b, 9), None if np.isnan(s) else _short(s, 4), k]
        for a, b, s, k in zip(
            own.start.tolist(), own.end.tolist(), own.score.tolist(), place.tolist(), strict=True
        )
    ]


def _short(value: float, digits: int) -> float:
    """Round to so many significant digits, for a shorter file."""
    return float(f"{value:.{digits}g}")
