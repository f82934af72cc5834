"""The temporal intersection over union of pairs of segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def tiou(a: ArrayLike, b: ArrayLike) -> Any:
    """Temporal intersection over union (tIoU) of every segment of `a` with every one of `b`.

    Parameters
    ----------
    a : array-like of float, shape (n, 2) or (2,)
        Half-open intervals, ``(start, end)`` with ``start < end``, in any unit of time.
    b : array-like of float, shape (m, 2) or (2,)
        The same, in the same unit.

    Returns
    -------
    ndarray of float64, shape (n, m), or float
        In [0, 1]; 0 where two do not overlap. The axis of an argument of shape (2,) is left out,
        so that two single segments give a float.

    Raises
    ------
    ValueError
        A shape is wrong, a time is not finite, or ``start >= end``.

    See Also
    --------
    localization_map : Finds the pairs of large sets without looking at all of them.

    Examples
    --------
    >>> from sklearn_asn.metrics import tiou
    >>> tiou((0.0, 10.0), (5.0, 15.0)).__round__(3)
    0.333
    >>> tiou([(0, 4), (2, 6)], [(0, 4), (4, 6), (9, 10)])
    array([[1.        , 0.        , 0.        ],
           [0.33333333, 0.5       , 0.        ]])
    """
    left, right = _intervals(a, "a"), _intervals(b, "b")
    start, end = left[..., 0], left[..., 1]
    start, end = (x.reshape(x.shape + (1,) * (right.ndim - 1)) for x in (start, end))
    inside = np.minimum(end, right[..., 1]) - np.maximum(start, right[..., 0])
    inside = np.maximum(inside, 0.0)
    values = inside / ((end - start) + (right[..., 1] - right[..., 0]) - inside)
    return float(values) if values.ndim == 0 else values


def _intervals(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers, pairs of (start, end).") from None
    if array.ndim == 1 and not len(array):
        array = array.reshape(0, 2)
    if array.ndim not in (1, 2) or array.shape[-1] != 2:
        raise ValueError(f"{name} must have shape (n, 2) or (2,), got {array.shape}.")
    rows = array.reshape(-1, 2)
    good = np.isfinite(rows).all(axis=1) & (rows[:, 0] < rows[:, 1])
    if not good.all():
        i = int(np.argmin(good))
        raise ValueError(
            f"{name}[{i}] is ({rows[i, 0]:g}, {rows[i, 1]:g}); expected finite times with "
            "start < end."
        )
    return array
