"""Curves that are too long to draw: columns of consecutive values, shown by their extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def first_of(n_values: int, n_columns: int) -> NDArray[np.int64]:
    """Return the first value of each column; with enough columns, every value has one.

    >>> first_of(5, 2).tolist(), first_of(3, 10).tolist()
    ([0, 2], [0, 1, 2])
    """
    n_columns = min(n_columns, n_values)
    return np.arange(n_columns) * n_values // n_columns


def thin(values: Array, n_columns: int) -> tuple[Array, Array]:
    """Return the minimum and the maximum of each column of consecutive values.

    >>> low, high = thin(np.array([1.0, 5.0, 2.0, 2.0, 0.0]), 2)
    >>> low.tolist(), high.tolist()
    ([1.0, 0.0], [5.0, 2.0])
    """
    first = first_of(len(values), n_columns)
    return np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
