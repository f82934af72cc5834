"""Which of the segments that were found stay: those of a least score, and the best of a video."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import offsets_from_lengths

Array = NDArray[Any]
Ints = NDArray[np.int64]


def limits_of(selection: Any) -> tuple[float | None, int | None]:
    """Return `min_score` and `top_k` of a selection, checked; None where it has none."""
    min_score = getattr(selection, "min_score", None)
    top_k = getattr(selection, "top_k", None)
    if min_score is not None:
        check_number(min_score, "min_score")
    if top_k is not None:
        check_count(top_k, "top_k")
    return min_score, top_k


def kept(score: Array, video: Ints, min_score: float | None, top_k: int | None) -> Ints:
    """Return the indices, rising, of the segments that stay; ties: the earlier one is better.

    >>> kept(np.array([0.3, 0.9, 0.5, 0.1]), np.array([0, 0, 0, 1]), 0.2, 2).tolist()
    [1, 2]
    """
    index = np.arange(len(score)) if min_score is None else np.flatnonzero(score >= min_score)
    if top_k is None:
        return index
    order = index[np.lexsort((-score[index], video[index]))]
    counts = np.bincount(video[order])
    rank = np.arange(len(order)) - np.repeat(offsets_from_lengths(counts)[:-1], counts)
    return np.sort(order[rank < top_k])
