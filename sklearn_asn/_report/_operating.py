"""How many predictions have at least a score, and how many of them are right."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._report._collect import Collected
from sklearn_asn._report._scores import MAIN_TIOU
from sklearn_asn.exceptions import NothingSharedWarning
from sklearn_asn.metrics._average_precision import hits, match

MAX_STEPS = 200  # of the slider
DIGITS = 4  # of the scores that the page has

Array = NDArray[Any]


@dataclass
class Points:
    """Counts at a few scores, by class: predictions, those that are right, and true segments."""

    scores: Array  # rising; the first is the lowest of all
    found: Array  # (n_labels, n_scores)
    hit: Array | None  # likewise; None without true segments
    true: Array | None  # (n_labels,)

    def precision(self, code: int | None = None) -> float:
        """Return precision of all predictions (of one class); NaN where there is none."""
        return self._share(self.found, code)

    def recall(self, code: int | None = None) -> float:
        """Return recall of all predictions (of one class); NaN where nothing is true."""
        return self._share(self.true, code)

    def _share(self, of: Array | None, code: int | None) -> float:
        if self.hit is None or of is None or not self.hit.shape[1]:
            return float("nan")
        rows = slice(None) if code is None else slice(code, code + 1)
        total = (of[:, 0] if of.ndim > 1 else of)[rows].sum()
        return float(self.hit[rows, 0].sum() / total) if total else float("nan")

    def as_data(self) -> dict[str, Any]:
        """Return what the page's script takes."""
        rows = []
        for code in range(len(self.found)):
            row: dict[str, Any] = {"c": code, "f": self.found[code].tolist()}
            if self.hit is not None and self.true is not None:
                row |= {"h": self.hit[code].tolist(), "t": int(self.true[code])}
            if np.any(self.found[code]) or row.get("t"):
                rows.append(row)
        scores = [float(f"{score:.{DIGITS}g}") for score in self.scores]
        return {"tiou": MAIN_TIOU, "s": scores, "rows": rows}


def operating_points(found: Collected) -> Points:
    """Count at the quantiles of the scores, at tIoU 0.5 by the ActivityNet rule."""
    number = {label: i for i, label in enumerate(found.values)}
    predicted, truth = found.predicted, found.truth
    code = np.array([number[v] for v in predicted.label.tolist()], dtype=np.int64)
    score = round_digits(predicted.score)
    steps = np.unique(score)
    if len(steps) > MAX_STEPS:
        steps = np.unique(np.quantile(score, np.linspace(0, 1, MAX_STEPS), method="lower"))
    shape = (len(found.values), len(steps))
    points = Points(steps, _at_least(code, score, steps, shape), None, None)
    if truth is None or not len(truth.label):
        return points
    true_code = np.array([number[v] for v in truth.label.tolist()], dtype=np.int64)
    points.true = np.bincount(true_code, minlength=shape[0])
    with warnings.catch_warnings():  # the score said so
        warnings.simplefilter("ignore", NothingSharedWarning)
        matched = match(truth, predicted, MAIN_TIOU, "activitynet", None, None)
    right = hits(matched, MAIN_TIOU)
    known = np.isin(code, true_code)
    # as `match` has them: by the class's place among sorted labels, then by decreasing score
    place = np.searchsorted(np.unique(truth.label), predicted.label[known])
    order = np.lexsort((-predicted.score[known], place))
    points.hit = _at_least(code[known][order][right], score[known][order][right], steps, shape)
    return points


def round_digits(values: Array) -> Array:
    """Round to the digits that the page has of a score.

    >>> round_digits(np.array([0.123456, 0.0, -12345.6])).tolist()
    [0.1235, 0.0, -12350.0]
    """
    size = np.abs(values)
    power = np.floor(np.log10(np.where(size > 0, size, 1.0)))
    up, down = (10.0 ** np.maximum(sign * (DIGITS - 1 - power), 0) for sign in (1, -1))
    return np.round(values * up / down) / up * down


def _at_least(code: Array, score: Array, steps: Array, shape: tuple[int, int]) -> Array:
    """Count, by class, the scores that are at least each step."""
    if not shape[1]:
        return np.zeros(shape, dtype=np.int64)
    step = np.searchsorted(steps, score, side="right") - 1
    counts = np.bincount(code * shape[1] + step, minlength=shape[0] * shape[1]).reshape(shape)
    return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
