"""Checks of what comes with `Clips`: one video's features, times of clips, names of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.convert import as_ids, as_seconds


def check_video(array: Any, i: int) -> NDArray[Any]:
    """Return the features of video `i` as a 2-D array of floats."""
    try:
        array = np.asarray(array)
        if array.dtype == object:
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
    array = np.asarray(as_ids(list(names), "feature_names"), dtype=object)
    if len(array) != n_features:
        raise ValueError(f"feature_names has {len(array)} names for {n_features} features.")
    if len(set(array)) != n_features:
        raise ValueError("feature_names must be unique.")
    return array
