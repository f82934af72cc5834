"""X, y and what comes with them, as a localizer reads them: the public boundary."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.holders import as_table, check_entries
from sklearn_asn._data.pairing import check_same_videos, index_ids
from sklearn_asn._localizers.finite import check_features, shows_features


def check_X(estimator: Any, X: Any, reset: bool, trains: bool = False) -> Clips:
    """Read the videos that a localizer is given.

    Parameters
    ----------
    estimator : localizer
        With `reset`, it is told how many features there are, their names, and whether videos have
        many clips (``ragged_in_``). Otherwise `X` is compared with that.
    X : Clips, list of arrays, 3-D array, or 2-D array
    reset : bool
    trains : bool, default=False
        Whether training goes on with these videos, or is judged by them: features are looked at
        then, which in use are not where scores would show what they hold.

    Raises
    ------
    ValueError
        `X` is none of this, or other than what the localizer was fitted to. A 2-D array after a
        fit to videos of many clips is refused: each row would be a video, where one video's clips
        are much likelier meant. After a fit to a 2-D array, ragged videos are taken: they cannot be
        mistaken.
    """
    check_entries(X)
    ragged = is_ragged(X)
    if ragged:
        clips = as_clips(X, look=False, copy=reset or trains)
        if reset or not _fits(estimator, clips):
            validate_data(estimator, clips.head(), reset=reset, skip_check_array=True)
    else:
        X = as_table(X)
        if not reset and getattr(estimator, "ragged_in_", False) and np.ndim(X) == 2:
            raise ValueError(
                f"X is 2-D, of shape {np.shape(X)}: each row would be a video of one clip, but "
                f"this {type(estimator).__name__} was fitted to videos of many clips. For video i "
                "of X give X[i:i+1]; for one array of clips, [array]; for videos of one clip, "
                "array[:, None]."
            )
        kinds = [np.float64, np.float32, np.float16]
        table = validate_data(estimator, X, reset=reset, dtype=kinds)
        clips = Clips.unseen(table, np.arange(len(table) + 1), None, None, index_ids(X), None)
    if reset:
        estimator.ragged_in_ = ragged
    if reset or trains or not shows_features(estimator.model_.plan):
        check_features(clips, whole=reset)
    return clips


def _fits(estimator: Any, clips: Clips) -> bool:
    """Tell whether columns are those of the fit, of which scikit-learn would say nothing."""
    names, known = clips.feature_names, getattr(estimator, "feature_names_in_", None)
    if names is not None and known is not None:
        same = np.array_equal(names, known)
    else:
        same = names is None and known is None
    return same and clips.n_features == getattr(estimator, "n_features_in_", None)


def check_beside(clips: Clips, **given: Any) -> None:
    """Compare the ids of whatever else has an entry a video with those of the videos."""
    for name, values in given.items():
        check_same_videos(clips, values, ("X", name))
