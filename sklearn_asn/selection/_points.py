"""Sequences interpolated to several points a clip, and runs of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.packed import Offsets

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Points:
    """Where the `factor` points of every clip lie between the clips of their own sequence.

    A clip's value stands at its middle; before the first middle and after the last it stays.
    Places are computed in every sequence by itself, so that rounding does not depend on the others.
    With `origin` they are computed in rows of a larger whole, which begins so many clips earlier.
    """

    def __init__(self, offsets: Offsets, factor: int, origin: int | None = None) -> None:
        n_clips = np.diff(offsets)
        self.offsets: Offsets = offsets * factor
        self.sequence: Ints = np.repeat(np.arange(len(n_clips)), n_clips * factor)
        first, last = offsets[:-1][self.sequence], offsets[1:][self.sequence] - 1
        shift = -first if origin is None else np.int64(origin)
        place = (np.arange(len(self.sequence)) + shift * factor + 0.5) / factor - 0.5
        place = np.clip(place, first + shift, last + shift)
        whole = np.floor(place).astype(np.int64)
        self.left: Ints = whole - shift
        self.right: Ints = np.minimum(self.left + 1, last)
        self.part: Floats = place - whole

    def spread(self, values: Array) -> Floats:
        """Interpolate one value a clip linearly; between equal values, exactly these."""
        left = values[self.left]
        return left + self.part * (values[self.right] - left)

    def blend(self, values: Array) -> Floats:
        """Interpolate as `spread` does, in the form (to the last bit) that STPN has always had."""
        return (1 - self.part) * values[self.left] + self.part * values[self.right]

    def runs(self, above: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
        """Return sequence, first and stop of the maximal runs of true points."""
        borders = self.offsets[:-1][np.diff(self.offsets) > 0]  # runs do not cross them
        before, after = np.zeros_like(above), np.zeros_like(above)
        before[1:], after[:-1] = above[:-1], above[1:]
        before[borders] = False
        after[borders[1:] - 1] = False
        first = np.flatnonzero(above & ~before)
        return self.sequence[first], first, np.flatnonzero(above & ~after) + 1
