"""Features of videos block by block, in and out, so that they need not be in memory all at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_asn._data.clips import Clips, as_clips
from sklearn_asn._data.folder import fill, saving_to
from sklearn_asn._disk.mapped import reading
from sklearn_asn._intervals import blocks_of

BLOCK = 2**15  # clips, where nothing else is said


def blocks_of_videos(clips: Clips, n_clips: int) -> Iterator[Clips]:
    """Give consecutive videos of at most so many clips; a longer video comes alone.

    A last block of less than half comes with the one before: a method may need as many clips as
    it has components. Pages of features on disk are given back after each block.

    >>> clips = Clips.from_list([np.zeros((n, 1)) for n in (3, 3, 4, 1)])
    >>> [block.lengths.tolist() for block in blocks_of_videos(clips, 6)]
    [[3, 3], [4, 1]]
    >>> [block.lengths.tolist() for block in blocks_of_videos(clips, 4)]
    [[3], [3], [4, 1]]
    """
    borders = list(blocks_of(clips.offsets, n_clips))
    if len(borders) > 1 and clips.offsets[-1] - clips.offsets[borders[-1][0]] < n_clips / 2:
        borders[-2:] = [(borders[-2][0], borders[-1][1])]
    table, _ = clips.table()
    for first, stop in borders:
        with reading(table):
            yield clips[first:stop]


def put_together(clips: Clips, blocks: Iterable[Clips]) -> Clips:
    """Return `clips` with the features of consecutive blocks of them, in one array."""
    values, done, names = None, 0, None
    for block in blocks:
        part = block.values
        if values is None:
            values = np.empty((int(clips.offsets[-1]), part.shape[1]), dtype=part.dtype)
            names = block.feature_names
        values[done : done + len(part)] = part
        done += len(part)
    assert values is not None
    return clips.with_values(values, names)


def write_blocks(clips: Clips, blocks: Iterable[Clips], folder: str | os.PathLike[str]) -> Clips:
    """Write the features of consecutive blocks of `clips` to a folder, and open it."""
    with saving_to(Path(folder), False) as work:
        some = iter(blocks)
        first = next(some)
        given = {
            "offsets": clips.offsets,
            "clip_seconds": clips.clip_seconds,
            "start_seconds": clips.start_seconds,
            "ids": clips.ids,
            "feature_names": first.feature_names,
        }
        arrays = {name: value for name, value in given.items() if value is not None}
        shape = (int(clips.offsets[-1]), first.n_features)
        fill(work, chain([first], some), shape, first.dtype, arrays)
    return Clips.open(folder)


def with_nan(X: Any) -> Clips:
    """Read ragged features of which some may be NaN; infinity is refused as elsewhere."""
    clips = as_clips(X, look=False)
    if isinstance(X, Clips):  # which may lie on disk: whoever is given a block looks at it
        return clips
    filled = np.where(np.isnan(clips.values), np.zeros((), clips.dtype), clips.values)
    clips.with_values(filled).check_finite()
    return clips
