"""`Clips`: the clip features of many videos, with their timing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._packed import (
    Offsets,
    Packed,
    check_ids,
    check_offsets,
    check_unique,
    offsets_from_lengths,
)

FORMAT = "sklearn_asn.Clips"
FORMAT_VERSION = 1


class Clips(Packed[NDArray[Any]]):
    """Features of the clips of many videos, packed into one array.

    A sequence with one entry a video: ``clips[3]`` is the ``(n_clips, n_features)`` array of
    video 3; slices (zero-copy), index arrays and masks give another `Clips`. Timing travels
    inside: clip i of a video covers ``[start + i * clip_seconds, start + (i + 1) * clip_seconds)``.

    Parameters
    ----------
    values : array-like of float, shape (n_clips_total, n_features)
        Clip features, videos one after another.
    offsets : array-like of int, shape (n_videos + 1,)
        Borders of the videos in `values`.
    clip_seconds : float or array-like of shape (n_videos,), default=None
        Length of a clip. None: no timing, the unit of time is the clip.
    start_seconds : float or array-like of shape (n_videos,), default=None
        Where the first clip starts; None means 0. Needs `clip_seconds`.
    ids : sequence of str, shape (n_videos,), default=None
        Names of the videos.
    feature_names : sequence of str, shape (n_features,), default=None
        Names of the columns.

    Raises
    ------
    ValueError
        Shapes do not fit, a video is empty or has NaN or infinity (the message names it), or a
        time is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn import Clips
    >>> clips = Clips.from_list([np.zeros((4, 6)), np.ones((2, 6))], clip_seconds=0.5)
    >>> clips
    Clips(n_videos=2, n_clips=6, n_features=6, dtype=float64, clip_seconds=0.5)
    >>> clips[1].shape, clips.spans.tolist()
    ((2, 6), [[0.0, 2.0], [0.0, 1.0]])
    """

    _flat = ("values",)
    _per_video = ("clip_seconds", "start_seconds", "ids")
    _shared = ("feature_names",)

    def __init__(
        self,
        values: ArrayLike,
        offsets: ArrayLike,
        clip_seconds: float | ArrayLike | None = None,
        start_seconds: float | ArrayLike | None = None,
        ids: Iterable[str] | None = None,
        feature_names: Iterable[str] | None = None,
    ) -> None:
        self.values: NDArray[Any] = np.asanyarray(values)
        if self.values.ndim != 2 or not np.issubdtype(self.values.dtype, np.floating):
            raise ValueError(
                "values must be a 2-D array of floats, got shape "
                f"{self.values.shape} and dtype {self.values.dtype}."
            )
        self.offsets: Offsets = check_offsets(offsets, len(self.values))
        empty = np.flatnonzero(self.lengths == 0)
        if len(empty):
            raise ValueError(f"Video {empty[0]} has no clips; expected at least one.")
        if start_seconds is not None and clip_seconds is None:
            raise ValueError("start_seconds needs clip_seconds: without it the unit is the clip.")
        self.clip_seconds = _check_seconds(clip_seconds, "clip_seconds", len(self))
        self.start_seconds = _check_seconds(start_seconds, "start_seconds", len(self))
        self.ids = check_ids(ids, len(self))
        self.feature_names = _check_feature_names(feature_names, self.n_features)

    @classmethod
    def from_list(
        cls,
        arrays: Sequence[ArrayLike],
        clip_seconds: float | ArrayLike | None = None,
        start_seconds: float | ArrayLike | None = None,
        ids: Iterable[str] | None = None,
        feature_names: Iterable[str] | None = None,
    ) -> Clips:
        """Pack one ``(n_clips, n_features)`` array a video; see `Clips` for the rest."""
        if not len(arrays):
            raise ValueError("Found 0 videos (0 sample(s)); expected a minimum of 1.")
        checked = [_check_video(array, i) for i, array in enumerate(arrays)]
        widths = np.array([array.shape[1] for array in checked])
        if np.any(widths != widths[0]):
            odd = int(np.flatnonzero(widths != widths[0])[0])
            raise ValueError(
                f"Video {odd} has {widths[odd]} features, but video 0 has {widths[0]}."
            )
        offsets = offsets_from_lengths([len(array) for array in checked])
        values = np.concatenate(checked) if len(checked) > 1 else checked[0].copy()
        clips = cls(values, offsets, clip_seconds, start_seconds, ids, feature_names)
        check_unique(clips.ids)
        clips.check_finite()
        return clips

    @property
    def n_features(self) -> int:
        """Columns of every clip."""
        return int(self.values.shape[1])

    @property
    def spans(self) -> NDArray[np.float64]:
        """Start and end of every video, shape ``(n_videos, 2)``, seconds or clips."""
        first = self.to_time(np.arange(len(self)), np.zeros(len(self)))
        last = self.to_time(np.arange(len(self)), self.lengths)
        return np.stack([first, last], axis=1)

    def to_time(
        self, video: NDArray[np.integer[Any]], position: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Turn positions in clips (of the videos `video`) into seconds, where timing is known."""
        position = np.asarray(position, dtype=np.float64)
        if self.clip_seconds is None:
            return position
        seconds = position * self.clip_seconds[video]
        return seconds if self.start_seconds is None else seconds + self.start_seconds[video]

    def with_values(
        self, values: NDArray[Any], feature_names: Iterable[str] | None = None
    ) -> Clips:
        """Return the same videos, timing and ids with other features, one row a clip."""
        return Clips(
            values, self.offsets, self.clip_seconds, self.start_seconds, self.ids, feature_names
        )

    def to_table(self) -> NDArray[Any] | pd.DataFrame:
        """Return all clips as one table: a frame (zero-copy) if the columns have names."""
        if self.feature_names is None:
            return self.values
        return pd.DataFrame(self.values, columns=self.feature_names, copy=False)

    def check_finite(self, name: str = "X") -> None:
        """Raise if a feature is NaN or infinite, naming the first such video."""
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(self.values.sum(dtype=np.float64)):  # cheap, and right if it passes
                return
        for i, video in enumerate(self):
            if not np.all(np.isfinite(video)):
                what = "NaN" if np.isnan(video).any() else "infinity"
                clip = int(np.flatnonzero(~np.isfinite(video).all(axis=1))[0])
                raise ValueError(
                    f"Input {name} contains {what}: video {i}, clip {clip}. Expected finite "
                    "features; fill or drop such clips first."
                )

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write to a folder that `Clips.open` reads; nothing half-written is left behind.

        Parameters
        ----------
        folder : path
            Folder to make. Must not exist, unless `overwrite` and it holds saved `Clips`.
        overwrite : bool, default=False
            Replace `Clips` saved there before.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        FileExistsError
            The folder exists and is not to be replaced.
        """
        folder = Path(folder)
        if folder.exists() and not (overwrite and (folder / "clips.json").is_file()):
            raise FileExistsError(
                f"{folder} exists; choose another folder, or overwrite=True to replace saved Clips."
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            np.save(work / "values.npy", self.values)
            index: dict[str, Any] = {"offsets": self.offsets}
            for name in (*self._per_video, *self._shared):
                value = getattr(self, name)
                if value is not None:
                    index[name] = value.astype(np.str_) if value.dtype == object else value
            np.savez(work / "index.npz", **index)
            header = {"format": FORMAT, "version": FORMAT_VERSION, "n_videos": len(self)}
            (work / "clips.json").write_text(json.dumps(header))
            if folder.exists():
                shutil.rmtree(folder)
            work.rename(folder)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return folder

    @classmethod
    def open(cls, folder: str | os.PathLike[str], mmap: bool = True) -> Clips:
        """Read a folder written by `save`; with `mmap`, features stay on disk until used.

        Raises
        ------
        FileNotFoundError, ValueError
            The folder does not hold `Clips`, or holds a newer or damaged form of them.
        """
        folder = Path(folder)
        if not (folder / "clips.json").is_file():
            raise FileNotFoundError(f"{folder} holds no saved Clips (no clips.json).")
        header = json.loads((folder / "clips.json").read_text())
        if header.get("format") != FORMAT or header.get("version", 0) > FORMAT_VERSION:
            raise ValueError(f"{folder}/clips.json is not Clips of version <= {FORMAT_VERSION}.")
        try:
            values = np.load(folder / "values.npy", mmap_mode="r" if mmap else None)
            with np.load(folder / "index.npz") as index:
                return cls(values, **{name: index[name] for name in index.files})
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder} is damaged: {error}") from error

    def _item(self, rows: slice, video: int) -> NDArray[Any]:
        return self.values[rows]

    def __repr__(self) -> str:
        text = (
            f"Clips(n_videos={len(self)}, n_clips={len(self.values)}, "
            f"n_features={self.n_features}, dtype={self.values.dtype}"
        )
        if self.clip_seconds is not None:
            some = np.unique(self.clip_seconds)
            text += f", clip_seconds={some[0]:g}" if len(some) == 1 else ", clip_seconds=varying"
        return text + ")"


def as_clips(X: Any, name: str = "X") -> Clips:
    """Read ragged features in any accepted form: `Clips`, list, object array, or 3-D array."""
    if isinstance(X, Clips):
        if not len(X):
            raise ValueError(f"Found 0 videos (0 sample(s)) in {name}; expected a minimum of 1.")
        X.check_finite(name)
        return X
    return Clips.from_list(X)


def is_ragged(X: Any) -> bool:
    """Tell videos of many clips from a 2-D array, in which each row is a video of one clip."""
    if isinstance(X, Clips):
        return True
    if isinstance(X, np.ndarray) and X.ndim != 1:
        return X.ndim == 3
    if isinstance(X, np.ndarray) and X.dtype != object:
        return False
    if isinstance(X, np.ndarray | list | tuple):
        return any(_ndim(video) >= 2 for video in X)
    return False


def _ndim(video: Any) -> int:
    if hasattr(video, "shape"):
        return len(video.shape)
    if isinstance(video, list | tuple) and len(video) and isinstance(video[0], list | tuple):
        return 2
    return int(isinstance(video, list | tuple))


def _check_video(array: Any, i: int) -> NDArray[Any]:
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


def _check_seconds(seconds: Any, name: str, n_videos: int) -> NDArray[np.float64] | None:
    if seconds is None:
        return None
    array = np.asarray(seconds, dtype=np.float64)
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


def _check_feature_names(names: Any, n_features: int) -> NDArray[Any] | None:
    if names is None:
        return None
    array = np.asarray([str(name) for name in names], dtype=object)
    if len(array) != n_features:
        raise ValueError(f"feature_names has {len(array)} names for {n_features} features.")
    if len(set(array)) != n_features:
        raise ValueError("feature_names must be unique.")
    return array
