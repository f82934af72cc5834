"""A long table, a row a clip, cut into videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._data.convert import as_ids, as_seconds
from sklearn_asn._data.holders import as_table, refuse_unreadable
from sklearn_asn._data.packed import offsets_from_lengths

EVEN = 1e-3  # of a clip: what the steps from one to the next may differ by


def read_long_table(
    frame: Any, by: str, time: str | None, clip_seconds: Any, columns: Sequence[str] | None
) -> dict[str, Any]:
    """Return the arguments of `Clips`; see `Clips.from_frame`."""
    refuse_unreadable(frame, "frame")
    frame = as_table(frame)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"frame must be a frame, got {type(frame).__name__}.")
    for name, column in (("by", by), ("time", time)):
        if column is not None and column not in frame.columns:
            raise ValueError(f"{name}={column!r} is no column of the frame.")
    if not len(frame):
        raise ValueError("frame has no rows.")
    names = _feature_columns(frame, [by] if time is None else [by, time], columns)
    ids, video = _videos(frame[by], by)
    order, timing = np.argsort(video, kind="stable"), {}
    lengths = np.bincount(video, minlength=len(ids))
    if time is None:
        timing["clip_seconds"] = clip_seconds
    else:
        start = as_seconds(frame[time].to_numpy(), f"frame[{time!r}]")
        bad = np.flatnonzero(~np.isfinite(start))
        if len(bad):
            raise ValueError(f"frame[{time!r}] is {start[bad[0]]} in row {bad[0]}.")
        order = np.lexsort((start, video))
        timing = _timing(start[order], lengths, ids, clip_seconds)
    values = frame[names].to_numpy()[order]
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    return {
        "values": values,
        "offsets": offsets_from_lengths(lengths),
        **timing,
        "ids": ids,
        "feature_names": names if all(isinstance(name, str) for name in names) else None,
    }


def _feature_columns(frame: pd.DataFrame, taken: list[str], given: Any) -> list[Any]:
    names = [c for c in frame.columns if c not in taken] if given is None else list(given)
    lacking = [name for name in names if name not in frame.columns]
    if lacking or not names:
        raise ValueError(f"The frame has no columns {lacking[:5]} for features.")
    kinds = [(name, frame[name].dtype) for name in names]
    other = [f"{n!r} ({k})" for n, k in kinds if not pd.api.types.is_numeric_dtype(k)]
    if other:
        raise ValueError(
            f"Columns {', '.join(other[:5])} hold no numbers; name the features with columns=."
        )
    return names


def _videos(column: pd.Series, by: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return ids in order of first appearance, and the number of each row's video."""
    number, first = pd.factorize(column)
    if (number < 0).any():
        row = int(np.flatnonzero(number < 0)[0])
        raise ValueError(f"frame[{by!r}] is missing in row {row}; every row needs its video.")
    return as_ids(first.tolist(), f"frame[{by!r}]"), number.astype(np.int64)


def _timing(
    start: NDArray[np.float64], lengths: NDArray[np.int64], ids: list[str], clip_seconds: Any
) -> dict[str, Any]:
    """Return where videos begin and how long clips are; refuse steps that are not even."""
    offsets = offsets_from_lengths(lengths)
    first = start[offsets[:-1]]
    step = np.diff(start)
    inside = np.ones(len(step), dtype=bool)
    inside[offsets[1:-1] - 1] = False
    video = np.repeat(np.arange(len(ids)), lengths)[:-1]
    total = np.bincount(video[inside], weights=step[inside], minlength=len(ids))
    given = None if clip_seconds is None else as_seconds(clip_seconds, "clip_seconds")
    if given is not None:
        seconds = np.broadcast_to(given, len(ids)).astype(np.float64)
    else:
        alone = np.flatnonzero(lengths == 1)
        if len(alone):
            raise ValueError(
                f"Video {alone[0]} ({ids[alone[0]]}) has one clip, so that its times do not say "
                "how long that is; give clip_seconds."
            )
        seconds = total / (lengths - 1)
    odd = inside & (np.abs(step - seconds[video]) > EVEN * np.abs(seconds[video]))
    odd |= inside & (step <= 0)
    if odd.any():
        i = int(np.flatnonzero(odd)[0])
        raise ValueError(
            f"Video {video[i]} ({ids[video[i]]}): its clips start at {start[i]:g} and then at "
            f"{start[i + 1]:g}; expected even steps, of {seconds[video[i]]:g}. A row is missing "
            "or twice there, or the clips are of different lengths."
        )
    return {"clip_seconds": seconds, "start_seconds": first}
