"""Runs of activated clips, of all videos and classes at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.packed import Offsets, offsets_from_lengths

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Cells(NamedTuple):
    """Activated cells of a packed CAS: classes one after another, in each the rows rising."""

    label: Ints
    row: Ints
    video: Ints


class Runs(NamedTuple):
    """Runs ``[first, stop)`` of rows of a packed CAS, classes one after another."""

    label: Ints
    video: Ints
    first: Ints
    stop: Ints


def cells_of(active: NDArray[np.bool_], offsets: Offsets) -> Cells:
    """List the true cells of a mask of shape ``(n_clips, n_classes)``."""
    label, row = np.divmod(np.flatnonzero(active.T), max(len(active), 1))
    lengths = offsets[1:] - offsets[:-1]
    if len(lengths) == 1:
        return Cells(label, row, np.zeros_like(row))
    return Cells(label, row, np.repeat(np.arange(len(lengths)), lengths)[row])


def runs_of(cells: Cells, offsets: Offsets) -> Runs:
    """Join cells that follow one another in one class and one video."""
    label, row, video = cells
    begins = row == offsets[video]
    begins[:1] = True
    begins[1:] |= (row[1:] != row[:-1] + 1) | (label[1:] != label[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(row)) - 1 if len(first) else first
    return Runs(label[first], video[first], row[first], row[last] + 1)


def dilated(runs: Runs, clips: int, offsets: Offsets) -> Runs:
    """Let every run end so many clips later, inside its video; join those that then touch."""
    label, video, first, stop = runs
    stop = np.minimum(stop + clips, offsets[video + 1])
    joins = (first[1:] <= stop[:-1]) & ~np.diff(label).astype(bool) & ~np.diff(video).astype(bool)
    head = np.flatnonzero(np.concatenate([np.ones(min(len(first), 1), dtype=bool), ~joins]))
    last = np.append(head[1:], len(first)) - 1 if len(head) else head
    return Runs(label[head], video[head], first[head], stop[last])


def at_least(runs: Runs, min_length: int) -> Runs:
    """Keep the runs of at least so many clips."""
    keep = runs.stop - runs.first >= min_length
    return Runs(*(column[keep] for column in runs))


def over_runs(reduce: np.ufunc, cas: Array, runs: Runs) -> Floats:
    """Reduce the CAS inside every run, in float64; every run by itself."""
    length = runs.stop - runs.first
    border = offsets_from_lengths(length)
    row = np.repeat(runs.first - border[:-1], length) + np.arange(border[-1])
    values = cas[row, np.repeat(runs.label, length)].astype(np.float64)
    return reduce.reduceat(values, border[:-1])
