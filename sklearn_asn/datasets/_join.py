"""Bring what was read from different files together by id: videos, order, timing, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._checks import check_choice, check_number
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.pairing import is_default
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnMissing
from sklearn_asn.datasets._reading import PerVideo, as_ids, listed, per_video, report, sequence
from sklearn_asn.datasets._timing import windows_within

Left = TypeVar("Left", bound=Clips | Segments | pd.Series | pd.DataFrame | Mapping[Any, Any])
Right = TypeVar("Right", bound=Clips | Segments | pd.Series | pd.DataFrame | Mapping[Any, Any])


def align(X: Left, y: Right, *, on_missing: OnMissing = "raise") -> tuple[Left, Right]:
    """Bring two sides to the same videos, in the order of the first, by id.

    Parameters
    ----------
    X, y : Clips or Segments with ids, Series or DataFrame indexed by id, or mapping by id
        The order of `X` is kept; `y` is brought to it.
    on_missing : {"raise", "drop"}, default="raise"
        What becomes of a video that only one of the two has: an error, or left out with a warning.

    Returns
    -------
    X, y
        Both with the same ids, each of the kind it was.

    Raises
    ------
    ValueError
        Ids are absent or repeated; a video is on one side only (``"raise"``), or none on both.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn import Clips, Segments
    >>> from sklearn_asn.datasets import align
    >>> X = Clips.from_list([np.zeros((4, 2)), np.ones((3, 2))], ids=["a", "b"])
    >>> X, y = align(X, Segments.from_list([[("run", 0, 2)], []], ids=["b", "a"]))
    >>> y.ids.tolist(), y.lengths.tolist()
    (['a', 'b'], [0, 1])
    >>> align(X, {"b": {"run"}, "a": {"jump"}})[1]
    {'a': {'jump'}, 'b': {'run'}}
    """
    check_choice(on_missing, "on_missing", ("raise", "drop"))
    left, right = _ids_of(X, "X"), _ids_of(y, "y")
    place = {video: i for i, video in enumerate(right)}
    both = np.array([(i, place[v]) for i, v in enumerate(left) if v in place])
    if not len(both):
        some = f"X has {listed(left, 3)}, y has {listed(right, 3)}"
        raise ValueError(f"X and y have no video in common; {some}.")
    known = set(left)
    alone = [f"{v} (X only)" for v in left if v not in place]
    alone += [f"{v} (y only)" for v in right if v not in known]
    report(alone, "videos are in one of X and y only", on_missing)
    return _taken(X, both[:, 0]), _taken(y, both[:, 1])


def _ids_of(side: Any, name: str) -> list[str]:
    ids: Any = None
    if isinstance(side, Clips | Segments):
        ids = side.ids
    elif isinstance(side, Mapping):
        ids = list(side)
    elif isinstance(side, pd.Series | pd.DataFrame) and not is_default(side.index):
        ids = side.index.tolist()
    if ids is None:
        raise ValueError(
            f"{name} must be Clips or Segments with ids, a Series or DataFrame indexed by id, or a "
            f"mapping by id; got {type(side).__name__}."
        )
    return as_ids(ids, f"ids of {name}")


def _taken(side: Any, index: NDArray[np.int64]) -> Any:
    if isinstance(side, Mapping):
        keys = list(side)
        return {keys[i]: side[keys[i]] for i in index.tolist()}
    return side[index] if isinstance(side, Clips | Segments) else side.iloc[index]


def check_frame_counts(
    X: Clips,
    n_frames: PerVideo,
    frames_per_feature: float,
    tolerance: float = 1.0,
    *,
    window: float | None = None,
    on_mismatch: OnMissing = "raise",
) -> Clips:
    """Check that every video has as many clips as its number of frames asks for.

    Other counts than ``n_frames / frames_per_feature`` (with a `window`, than the number of windows
    that fit) mean another sampling, or another video.

    Parameters
    ----------
    X : Clips
        Features.
    n_frames : float, array-like of shape (n_videos,), or mapping from id to number
        Frames of every video.
    frames_per_feature : float
        Frames from one clip to the next.
    tolerance : float, default=1.0
        Difference allowed, in clips. Windows longer than their step lose some at the end, which
        `window` takes into account.
    window : float, default=None
        Frames that a feature sees, if more than `frames_per_feature`.
    on_mismatch : {"raise", "drop"}, default="raise"
        What becomes of a video with another number of clips: an error, or left out with a warning.

    Returns
    -------
    Clips
        `X`, or its videos with the right number of clips.

    Raises
    ------
    ValueError
        Lists the videos whose number of clips is off (``"raise"``), or it is off for all.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn import Clips
    >>> from sklearn_asn.datasets import check_frame_counts
    >>> check_frame_counts(Clips.from_list([np.zeros((10, 2))]), 152, frames_per_feature=15)
    Clips(n_videos=1, n_clips=10, n_features=2, dtype=float64)
    """
    check_choice(on_mismatch, "on_mismatch", ("raise", "drop"))
    check_number(frames_per_feature, "frames_per_feature", 0, open_low=True)
    check_number(tolerance, "tolerance", 0)
    if not isinstance(X, Clips):
        raise TypeError(f"X must be Clips, got {type(X).__name__}.")
    names = [str(i) for i in range(len(X))] if X.ids is None else X.ids.tolist()
    expected = np.broadcast_to(per_video(n_frames, "n_frames", names, names), len(X))
    rule = f"n_frames / {frames_per_feature:g}"
    if window is None:
        expected = expected / frames_per_feature
    else:
        check_number(window, "window", frames_per_feature)
        expected = windows_within(expected, frames_per_feature, window)
        rule = f"windows of {window:g} every {frames_per_feature:g} frames give"
    off = np.abs(X.lengths - expected) > tolerance
    if not off.any():
        return X
    found = [f"{names[i]} ({X.lengths[i]} clips, not {expected[i]:.1f})" for i in off.nonzero()[0]]
    what = f"videos have another number of clips than {rule} (tolerance {tolerance:g})"
    report(found, what, "raise" if off.all() else on_mismatch, "on_mismatch")
    return X[~off]


def restrict_labels(
    y: Segments, classes: Iterable[Any], *, on_unknown: OnMissing = "raise"
) -> Segments:
    """Hold segments to the labels `classes`: 20 of THUMOS14's 101, say. Every video stays.

    Parameters
    ----------
    y : Segments
        Ground truth or predictions.
    classes : iterable of labels
        Labels to keep.
    on_unknown : {"raise", "drop"}, default="raise"
        What becomes of other labels: an error that lists them, or left out with a warning.

    Returns
    -------
    Segments
        Of the same videos; a video left without segments is an entry with none.

    Examples
    --------
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.datasets import restrict_labels
    >>> y = Segments.from_list([[("run", 0, 2)], [("run", 3, 4), ("jump", 4, 6)]])
    >>> restrict_labels(y, ["run", "jump"]).lengths.tolist()
    [1, 2]
    """
    check_choice(on_unknown, "on_unknown", ("raise", "drop"))
    if not isinstance(y, Segments):
        raise TypeError(f"y must be Segments, got {type(y).__name__}.")
    wanted = set(sequence(classes, "classes"))
    names, row, counts = np.unique(y.label, return_inverse=True, return_counts=True)
    known = np.array([name in wanted for name in names.tolist()], dtype=bool)
    if not known.all():
        other = zip(names[~known].tolist(), counts[~known].tolist(), strict=True)
        each = [f"{name} ({n} segments)" for name, n in other]
        report(each, "labels are not among classes", on_unknown, "on_unknown")
    return y.filter(known[row])
