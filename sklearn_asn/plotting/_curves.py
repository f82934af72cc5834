"""Precision and recall of every class, matched as the metrics match."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.metrics._average_precision import (
    check_protocol,
    check_tiou,
    match,
    precision_of,
    true_positives,
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
    check_protocol(protocol, ambiguous)
    if protocol == "thumos14-11point":
        raise ValueError(
            "protocol='thumos14-11point' is a mean of eleven points, not the area below a curve; "
            "use 'thumos14', which matches in the same way."
        )
    (threshold,) = check_tiou(tiou)
    matched = match(y_true, y_pred, threshold, protocol, ambiguous, sample_weight)
    precisions, recalls = [], []
    for n_true, (weight, seen) in zip(
        matched.n_true, true_positives(matched, threshold), strict=True
    ):
        precision = precision_of(weight, seen, protocol)
        first = precision[:1] if len(precision) else np.zeros(1)
        precisions.append(np.concatenate([first, precision]))
        recalls.append(np.concatenate([[0.0], np.cumsum(weight) / n_true]))
    return Curves(precisions, recalls, matched.classes)
