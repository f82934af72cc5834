"""What becomes of segments whose times cannot be: one rule for every reader."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_choice, check_number

ON_INVALID = ("raise", "drop", "clip")
N_NAMED = 10


def check_on_invalid(on_invalid: Any, tolerance: Any) -> None:
    """Refuse other choices, and a tolerance that is no number of seconds."""
    check_choice(on_invalid, "on_invalid", ON_INVALID)
    if not (isinstance(tolerance, float) and tolerance == np.inf):
        check_number(tolerance, "tolerance", 0)


def settle(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    name: Callable[[int], str],
    what: str,
    on_invalid: str,
    *,
    low: float = 0.0,
    high: NDArray[np.float64] | float = np.inf,
    tolerance: float = 0.0,
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which segments to keep, and their times.

    A segment is invalid where its times are not finite, ``start >= end``, ``start < low`` or
    ``end > high + tolerance``. ``"raise"`` lists such segments, ``"drop"`` leaves them out with a
    warning. ``"clip"`` cuts them to ``[low, high]``, and leaves out those of which nothing is
    left; both with a warning. A segment within the tolerance is kept as it is.

    Parameters
    ----------
    start, end : ndarray of float, shape (n_segments,)
    name : callable
        Gives a message's name of a segment by its index.
    what : str
        Whose segments these are, for messages.
    on_invalid : {"raise", "drop", "clip"}
    low : float
    high : float or ndarray of shape (n_segments,)
        Ends of the videos; NaN where that is not known.
    tolerance : float
    """
    high = np.broadcast_to(np.asarray(high, dtype=np.float64), start.shape)
    high = np.where(np.isnan(high), np.inf, high)
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(start) & np.isfinite(end) & (start < end)
        valid &= (start >= low) & (end <= high + tolerance)
    if valid.all():
        return valid, start, end
    bad = np.flatnonzero(~valid)
    if on_invalid == "raise":
        hint = "on_invalid='drop' leaves them out, 'clip' cuts them to their video."
        raise ValueError(f"{len(bad)} {what} are invalid: {_named(bad, name)}. {hint}")
    if on_invalid == "drop":
        _warn(f"Left out: {len(bad)} {what} are invalid: {_named(bad, name)}.")
        return valid, start, end
    start, end = start.copy(), end.copy()
    start[bad] = np.maximum(start[bad], low)  # NaN stays NaN
    end[bad] = np.minimum(end[bad], high[bad])
    keep = np.isfinite(start) & np.isfinite(end) & (start < end)
    cut, lost = bad[keep[bad]], np.flatnonzero(~keep)
    texts = []
    if len(cut):
        texts.append(f"Cut to their video: {len(cut)} {what}: {_named(cut, name)}.")
    if len(lost):
        why = "of which nothing is left"
        texts.append(f"Left out: {len(lost)} {what}, {why}: {_named(lost, name)}.")
    _warn(" ".join(texts))
    return keep, start, end


def _named(rows: NDArray[np.int64], name: Callable[[int], str]) -> str:
    text = ", ".join(name(i) for i in rows[:N_NAMED].tolist())
    return text if len(rows) <= N_NAMED else f"{text}, ... ({len(rows)} in all)"


def _warn(text: str) -> None:
    warnings.warn(text, UserWarning, stacklevel=4)
