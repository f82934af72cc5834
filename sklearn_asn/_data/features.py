"""Checks of what comes with `Clips`: one video's features, times of clips, names of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._data.convert import as_ids, as_seconds
from sklearn_asn._data.holders import (
    as_array,
    foreign_columns,
    is_foreign_frame,
    refuse_path,
)
from sklearn_asn._data.packed import Offsets, offsets_from_lengths


def check_video(array: Any, i: int) -> NDArray[Any]:
    """Return the features of video `i` as a 2-D array of floats."""
    refuse_path(array, f"Video {i}")
    try:
        array = as_array(array)
        if array.dtype == object:
            if any(isinstance(value, str | bytes) for value in array.flat):
                raise ValueError("text is not taken for numbers")
            array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"Video {i} is not a 2-D array of numbers.") from None
    if array.ndim != 2:
        raise ValueError(f"Video {i} has shape {array.shape}, expected 2-D (n_clips, n_features).")
    if np.issubdtype(array.dtype, np.integer) or array.dtype == bool:
        array = array.astype(np.float64)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"Video {i} holds {array.dtype} values, expected real numbers.")
    if not len(array):
        raise ValueError(f"Video {i} has no clips; expected at least one.")
    return array


def pack_arrays(
    arrays: Any, feature_names: Any, copy: bool = True
) -> tuple[NDArray[Any], Offsets, Any]:
    """Return the rows of all videos, their borders, and what the columns are called.

    Without `copy` the rows may be those given, where these lie together already.
    """
    if not len(arrays):
        raise ValueError("Found 0 videos (0 sample(s)); expected a minimum of 1.")
    named = [columns_of(array) for array in arrays]
    feature_names = names_of_all(named, feature_names)
    checked = [check_video(array, i) for i, array in enumerate(arrays)]
    widths = np.array([array.shape[1] for array in checked])
    if np.any(widths != widths[0]):
        odd = int(np.flatnonzero(widths != widths[0])[0])
        raise ValueError(f"Video {odd} has {widths[odd]} features, but video 0 has {widths[0]}.")
    offsets = offsets_from_lengths([len(array) for array in checked])
    if not copy and _lie_together(arrays):
        return arrays.reshape(-1, arrays.shape[2]), offsets, feature_names
    return stacked(checked, copy), offsets, feature_names


def _lie_together(arrays: Any) -> bool:
    """Tell a 3-D array whose videos' rows are those of one table."""
    plain = type(arrays) is np.ndarray and arrays.ndim == 3 and arrays.dtype.kind == "f"
    return plain and bool(arrays.flags.c_contiguous)


def stacked(arrays: list[NDArray[Any]], copy: bool = True) -> NDArray[Any]:
    """Return all rows, row by row in memory (frames lie column by column)."""
    if len(arrays) == 1:
        return np.array(arrays[0], order="C") if copy else np.ascontiguousarray(arrays[0])
    return np.ascontiguousarray(np.concatenate(arrays))


def check_seconds(seconds: Any, name: str, n_videos: int) -> NDArray[np.float64] | None:
    if seconds is None:
        return None
    array = as_seconds(seconds, name)
    if array.ndim > 1 or (array.ndim == 1 and len(array) != n_videos):
        raise ValueError(
            f"{name} must be a number or one number for each of the {n_videos} videos, "
            f"got shape {array.shape}."
        )
    array = np.broadcast_to(array, n_videos).copy()
    bad = ~np.isfinite(array) if name == "start_seconds" else ~(np.isfinite(array) & (array > 0))
    if np.any(bad):
        i = int(np.flatnonzero(bad)[0])
        positive = "" if name == "start_seconds" else "positive "
        raise ValueError(f"{name} of video {i} is {array[i]}, expected a {positive}finite number.")
    return array


def check_feature_names(names: Any, n_features: int) -> NDArray[Any] | None:
    """Return one unique name a column, or None."""
    if names is None:
        return None
    array = np.asarray(
        as_ids(list(names) if isinstance(names, str) else names, "feature_names"), dtype=object
    )
    if len(array) != n_features:
        raise ValueError(f"feature_names has {len(array)} names for {n_features} features.")
    if len(set(array)) != n_features:
        raise ValueError("feature_names must be unique.")
    return array


def columns_of(table: Any) -> list[str] | None:
    """Return the names of a frame's columns, where all are text; None: it has none."""
    if is_foreign_frame(table):
        return foreign_columns(table)
    if not isinstance(table, pd.DataFrame):
        return None
    names = table.columns.tolist()
    text = [isinstance(name, str) for name in names]
    if any(text) and not all(text):
        raise ValueError(
            f"Names of columns must be all text or none, got {names[text.index(True)]!r} and "
            f"{names[text.index(False)]!r}."
        )
    return names if names and all(text) else None


def names_of_all(named: list[list[str] | None], given: Any = None) -> Any:
    """Return what the features of all videos are called; refuse videos that differ in that.

    Parameters
    ----------
    named : list of (list of str or None)
        Names of every video's columns.
    given : sequence of str, default=None
        What they are said to be called.
    """
    first = next((i for i, names in enumerate(named) if names is not None), None)
    if first is None:
        return given
    where = f"video {first}" if given is None else "feature_names"
    expected: list[Any] = list((named[first] or ()) if given is None else given)
    for i, names in enumerate(named):
        if names == expected:
            continue
        if names is None:
            raise ValueError(
                f"Video {i} is an array without names of columns, video {first} is a frame with; "
                "expected one kind for all."
            )
        lacking = [name for name in expected if name not in set(names)]
        unknown = [name for name in names if name not in set(expected)]
        if lacking or unknown or len(names) != len(expected):
            raise ValueError(
                f"Video {i} has other columns than {where}: {unknown[:5]} are not among those "
                f"{len(expected)}, {lacking[:5]} are missing."
            )
        j = next(j for j, name in enumerate(names) if name != expected[j])
        raise ValueError(
            f"Video {i} has the columns of {where} in another order: column {j} is {names[j]!r}, "
            f"expected {expected[j]!r}."
        )
    return expected


def bad_clip(values: NDArray[Any]) -> tuple[int, str] | None:
    """Return the first clip that is not finite, and what the video has; None: all are.

    >>> bad_clip(np.array([[0.0, 1.0], [np.inf, 1.0]]))
    (1, 'infinity')
    """
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    return (int(bad[0]), "NaN" if np.isnan(values).any() else "infinity") if len(bad) else None


#: Of a clip that is not finite.
NOT_FINITE = (
    "Input {name} contains {what}: {video}, clip {clip}{id}. Expected finite features; fill or "
    "drop such clips first."
)


def not_finite(videos: Any, name: str, first: int) -> ValueError:
    """Return the error that names the first clip with NaN or infinity; `first` is a video's number.

    Of many videos at once it is known only that there is such a clip.
    """
    for i, video in enumerate(videos):
        if (bad := bad_clip(video)) is not None:
            own = "" if videos.ids is None else f" ({str(videos.ids[i])!r})"
            where = {"video": f"video {first + i}", "clip": bad[0], "id": own}
            return ValueError(NOT_FINITE.format(name=name, what=bad[1], **where))
    raise AssertionError("all are finite")
