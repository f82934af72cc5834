"""AutoLoc's boxes: what lies inside and around them, for many clips at once (equation 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.packed import offsets_from_lengths

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PREFIX_CELLS = 2**20  # padded cells of cumulative sums made together
_ANCHOR_CELLS = 2**16  # clips x anchors looked at together: small enough for the cache


class Anchors:
    """Boxes relative to a clip, one a column of the grid scales x offsets, duplicates dropped.

    All borders of boxes and rings are looked up in the cumulative sum once each; a fractional
    border is interpolated between two of them, which is exact for a piecewise constant CAS.
    """

    def __init__(self, scales: list[int], shifts: list[float], inflation: float) -> None:
        scale = np.repeat(np.array(scales, dtype=np.int64), len(shifts))
        start = np.floor(np.tile(shifts, len(scales)) * scale - scale / 2 + 1).astype(np.int64)
        _, distinct = np.unique(np.stack([start, scale]), axis=1, return_index=True)
        distinct.sort()  # the order of the grid decides ties
        self.start, self.scale = start[distinct], scale[distinct]
        self.end = self.start + self.scale
        margin = np.maximum(inflation * self.scale, 1.0)
        left, right = self.start - margin, self.end + margin
        floor = [np.floor(border).astype(np.int64) for border in (left, right)]
        self.left_part, self.right_part = (left - floor[0])[:, None], (right - floor[1])[:, None]
        borders = [self.start, self.end, floor[0], floor[0] + 1, floor[1], floor[1] + 1]
        self.borders, where = np.unique(np.concatenate(borders), return_inverse=True)
        self.where = where.reshape(len(borders), -1)

    def _inner_and_ring(self, at: Array) -> tuple[Array, Array]:
        """From a running total at all borders, what box and ring hold of it."""
        start, end, left, after_left, right, after_right = self.where
        inner = at[end] - at[start]
        ring_end = at[right] + self.right_part * (at[after_right] - at[right])
        ring_start = at[left] + self.left_part * (at[after_left] - at[left])
        return inner, ring_end - ring_start - inner

    def contrast(
        self, prefix: Floats, base: Ints, clip: Ints, length: Ints, outer_weight: float
    ) -> Floats:
        """Return the contrast of every box at some clips, shape ``(n_anchors, n_clips)``.

        `prefix` holds cumulative sums; those of a clip's video and class begin at its `base`.
        """
        position = np.clip(clip + self.borders[:, None], 0, length)
        inner_sum, ring_sum = self._inner_and_ring(prefix[base + position])
        inner_length, ring_length = self._inner_and_ring(position.astype(np.float64))
        # A side of the ring is at least one clip long, or outside the video: then its sum is 0.
        contrast = inner_sum / np.maximum(inner_length, 1.0)
        contrast -= outer_weight * (ring_sum / np.maximum(ring_length, 1.0))
        contrast[inner_length == 0] = -np.inf
        return contrast

    def best_boxes(
        self, prefix: Floats, base: Ints, clip: Ints, length: Ints, outer_weight: float
    ) -> tuple[Ints, Ints, Floats]:
        """Return start, end and contrast of the best box at every clip."""
        which, best = np.empty(len(clip), dtype=np.int64), np.empty(len(clip))
        step = max(1, _ANCHOR_CELLS // (len(self.scale) + len(self.borders)))
        for first in range(0, len(clip), step):
            part = slice(first, first + step)
            contrast = self.contrast(prefix, base[part], clip[part], length[part], outer_weight)
            which[part] = contrast.argmax(axis=0)
            best[part] = contrast.max(axis=0)
        start = np.clip(clip + self.start[which], 0, length)
        return start, np.clip(clip + self.end[which], 0, length), best


def prefix_sums(cas: Array, label: Ints, first: Ints, length: Ints) -> tuple[Floats, Ints]:
    """Cumulative sums, each from 0, of the columns `label` over rows ``[first, first + length)``.

    Every one is summed by itself, so that a video's result does not depend on the others.
    """
    base = offsets_from_lengths(length + 1)
    prefix = np.zeros(base[-1])
    by_length = np.argsort(length, kind="stable")  # so that padding is short
    while len(by_length):
        padded = length[by_length] * np.arange(1, len(by_length) + 1)
        count = max(1, int(np.searchsorted(padded, _PREFIX_CELLS, side="right")))
        part, by_length = by_length[:count, None], by_length[count:]
        column = np.arange(length[part[-1]].item())
        inside = column < length[part]
        row = np.minimum(first[part] + column, len(cas) - 1)
        total = np.cumsum(cas[row, label[part]], axis=1, dtype=np.float64)
        prefix[(base[part] + 1 + column)[inside]] = total[inside]
    return prefix, base[:-1]


def distinct_boxes(start: Ints, end: Ints, score: Floats) -> Ints:
    """Return the indices, rising, of the best (then first) box of each set of identical boxes."""
    order = np.lexsort((-score, end, start))
    changes = np.diff(start[order], prepend=-1) | np.diff(end[order], prepend=-1)
    return np.sort(order[np.flatnonzero(changes)])
