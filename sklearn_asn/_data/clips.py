"""`Clips`: the clip features of many videos, with their timing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn import _typing as types
from sklearn_asn._checks import as_floats, as_path
from sklearn_asn._data.features import check_feature_names, check_seconds, not_finite, pack_arrays
from sklearn_asn._data.folder import all_finite, fill, read_folder, saving_to
from sklearn_asn._data.holders import is_ragged as is_ragged
from sklearn_asn._data.holders import one_a_video
from sklearn_asn._data.long_table import read_long_table
from sklearn_asn._data.packed import (
    Offsets,
    Packed,
    check_ids,
    check_offsets,
    frozen,
    same_values,
)
from sklearn_asn._data.pairing import agreed_ids, check_same_videos
from sklearn_asn._disk.checked import attach, checks_of
from sklearn_asn._disk.mapped import MappedFile, reading
from sklearn_asn._doclink import public
from sklearn_asn._intervals import blocks_of

_BLOCK_BYTES = 2**25  # of features on disk that are looked at together


@public("sklearn_asn")
class Clips(Packed[NDArray[Any]]):
    """Features of the clips of many videos, packed into one array.

    A sequence with one entry a video: ``clips[3]`` is the ``(n_clips, n_features)`` array of
    video 3; slices (zero-copy), index arrays and masks give another `Clips`. Features that lie in
    a file (`Clips.open`, or a read-only `numpy.memmap`) stay there: no selection of videos reads
    or copies them, and pickling stores the path.

    Timing travels inside: clip i of a video covers
    ``[start + i * clip_seconds, start + (i + 1) * clip_seconds)``.

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
        self._fill(values, offsets, clip_seconds, start_seconds, ids, feature_names)
        if not isinstance(self._table, np.memmap):  # of those in a file this is done on first use
            self.check_finite("values")

    def _fill(
        self,
        values: ArrayLike,
        offsets: ArrayLike,
        clip_seconds: Any,
        start_seconds: Any,
        ids: Any,
        feature_names: Any,
    ) -> None:
        """Check and set everything but whether the features are finite."""
        table = np.asanyarray(values)
        if table.ndim != 2 or not np.issubdtype(table.dtype, np.floating):
            raise ValueError(
                "values must be a 2-D array of floats, got shape "
                f"{table.shape} and dtype {table.dtype}."
            )
        # videos are rows of a table: of this one, side by side, or of a file, wherever they lie
        self._table: NDArray[Any] = table
        self._file = MappedFile.of(table)
        self._finite = False  # not known
        self.offsets: Offsets = check_offsets(offsets, len(table))
        self._starts: Offsets = self.offsets[:-1]
        empty = np.flatnonzero(self.lengths == 0)
        if len(empty):
            raise ValueError(f"Video {empty[0]} has no clips; expected at least one.")
        if start_seconds is not None and clip_seconds is None:
            raise ValueError("start_seconds needs clip_seconds: without it the unit is the clip.")
        self.clip_seconds = check_seconds(clip_seconds, "clip_seconds", len(self))
        self.start_seconds = check_seconds(start_seconds, "start_seconds", len(self))
        self.ids = check_ids(ids, len(self))
        for name, seconds in (("clip_seconds", clip_seconds), ("start_seconds", start_seconds)):
            check_same_videos(self, seconds, ("ids", name))
        self.feature_names = check_feature_names(feature_names, self.n_features)

    @classmethod
    def from_list(
        cls,
        arrays: types.X,
        clip_seconds: float | ArrayLike | None = None,
        start_seconds: float | ArrayLike | None = None,
        ids: Iterable[str] | None = None,
        feature_names: Iterable[str] | None = None,
    ) -> Clips:
        """Pack one ``(n_clips, n_features)`` array or frame a video; see `Clips` for the rest.

        Parameters
        ----------
        arrays : list, mapping by id, Series, 3-D array or tensor, column of a data set, HDF5 group
            One array, tensor or frame a video. Keys of a mapping, and the index of a Series where
            it is text, are the `ids`. The columns of frames name the features; all frames must
            have the same, in one order.
        clip_seconds, start_seconds, ids, feature_names
            As of `Clips`; in the order of the videos.
        """
        timing = (clip_seconds, start_seconds)
        return cls._packed(arrays, cls, *timing, ids=ids, feature_names=feature_names)

    @classmethod
    def _packed(
        cls, arrays: Any, make: Any, *timing: Any, copy: bool = True, **named: Any
    ) -> Clips:
        arrays, own_ids = one_a_video(arrays, "arrays")
        ids = agreed_ids(own_ids, named.get("ids"))
        values, offsets, names = pack_arrays(arrays, named.get("feature_names"), copy)
        made: Clips = make(values, offsets, *(timing or (None, None)), ids, names)
        return made

    @classmethod
    def unseen(cls, values: NDArray[Any], offsets: ArrayLike, *more: Any) -> Clips:
        """Make `Clips` of features that are not looked at yet."""
        new = object.__new__(cls)
        new._fill(values, offsets, *(more or (None,) * 4))
        return new

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        by: str,
        time: str | None = None,
        clip_seconds: float | ArrayLike | None = None,
        columns: Sequence[str] | None = None,
    ) -> Clips:
        """Pack a long table, a row a clip; of pandas, polars or pyarrow.

        Parameters
        ----------
        frame : DataFrame
        by : str
            Column of the video's id; videos are in order of first appearance.
        time : str, default=None
            Column of when each clip starts, in seconds or as durations. A video's clips are put in
            this order, and its steps, which must be even, are the length of a clip. None: the
            order of the rows.
        clip_seconds : float or array-like of shape (n_videos,), default=None
            Length of a clip; with `time`, what its steps must be. A video of one clip needs it.
        columns : sequence of str, default=None
            The features; None: all other columns, which must hold numbers.

        Raises
        ------
        ValueError
            A column is missing or holds no numbers, a row names no video, or times are not even.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn_asn import Clips
        >>> table = {"video": ["a", "a", "b", "b"], "at": [0.0, 0.5, 3.0, 4.0], "f": range(4)}
        >>> Clips.from_frame(pd.DataFrame(table), by="video", time="at").spans.tolist()
        [[0.0, 1.0], [3.0, 5.0]]
        """
        return cls(**read_long_table(frame, by, time, clip_seconds, columns))

    @property
    def values(self) -> NDArray[Any]:
        """Features of all clips, ``(n_clips_total, n_features)``.

        Of videos on disk that do not lie side by side there, this reads and copies all.
        """
        if not len(self):
            return self._table[:0]
        checks = checks_of(self._table)
        if checks is not None:
            checks.check_runs(self._table, self._starts)
        first = int(self._starts[0])
        if np.array_equal(self._starts - first, self.offsets[:-1]):
            return self._table[first : first + int(self.offsets[-1])]
        shift = np.repeat(self._starts - self.offsets[:-1], self.lengths)
        return self._table[shift + np.arange(self.offsets[-1])]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the features."""
        return self._table.dtype

    @property
    def n_features(self) -> int:
        """Columns of every clip."""
        return int(self._table.shape[1])

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
        position = as_floats(position, "position")
        if self.clip_seconds is None:
            return position
        time = position * self.clip_seconds[video]
        return time if self.start_seconds is None else time + self.start_seconds[video]

    def to_position(
        self, video: NDArray[np.integer[Any]], time: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Turn times of the videos `video` into positions in clips; the inverse of `to_time`."""
        time = as_floats(time, "time")
        if self.clip_seconds is None:
            return time
        start = 0.0 if self.start_seconds is None else self.start_seconds[video]
        return (time - start) / self.clip_seconds[video]

    def with_values(
        self, values: NDArray[Any], feature_names: Iterable[str] | None = None
    ) -> Clips:
        """Return the same videos, timing and ids with other features, one row a clip."""
        # what a transformer made is checked on first use
        timing = (self.clip_seconds, self.start_seconds)
        return Clips.unseen(values, self.offsets, *timing, self.ids, feature_names)

    def to_table(self) -> NDArray[Any] | pd.DataFrame:
        """Return all clips as one table: a frame (zero-copy) if the columns have names."""
        if self.feature_names is None:
            return self.values
        return pd.DataFrame(self.values, columns=self.feature_names, copy=False)

    def head(self) -> NDArray[Any] | pd.DataFrame:
        """Return `to_table` without its rows."""
        if self.feature_names is None:
            return self._table[:0]
        return pd.DataFrame(self._table[:0], columns=self.feature_names)

    def blocks(self, n_clips: int) -> Iterator[Clips]:
        """Give consecutive videos in `Clips` of at most `n_clips` clips; a longer video alone."""
        if len(self) and self.offsets[-1] <= n_clips:
            yield self
            return
        for first, stop in blocks_of(self.offsets, n_clips):
            yield self._slice(first, stop)

    def table(self) -> tuple[NDArray[Any], Offsets]:
        """Return the table that the videos' rows lie in, and the first row of every video."""
        return self._table, self._starts

    def verify(self) -> int:
        """Compare the features of every video in the file with its checksum, now.

        What `save` and `ClipsWriter` wrote is compared anyway, each video when it is first used:
        this is for finding damage before a long training, or after copying a folder.

        Returns
        -------
        int
            How many videos have a checksum: all of a folder that `Clips.open` reads; none of
            `Clips` in memory (compared when opened), and of folders that versions before
            checksums wrote.

        Raises
        ------
        ValueError
            A video's features are not those that were saved; the message has its number in the
            folder, its id and the file.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> from sklearn_asn import Clips
        >>> clips = Clips.from_list([np.zeros((4, 6)), np.ones((2, 6))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Clips.open(clips.save(folder + "/clips")).verify()
        2
        """
        checks = checks_of(self._table)
        if checks is None:
            return 0
        with reading(self._table):
            return checks.only(self._starts).check_all(self._table)

    def check_finite(self, name: str = "X") -> None:
        """Raise if a feature is NaN or infinite, naming the first such video.

        Of features in a file this is done once: when they are saved, or here.
        """
        if self._finite:
            return
        done = 0
        for block in self._in_reach():
            if not all_finite(block.values):
                raise not_finite(block, name, done)
            done += len(block)
        self._finite = self._file is not None  # what lies in memory may change

    def _in_reach(self) -> Iterator[Clips]:
        """Give all of it if it lies in memory, else blocks, whose pages are given back."""
        if self._file is None:
            yield self
            return
        row = self.n_features * self.dtype.itemsize
        for block in self.blocks(max(1, _BLOCK_BYTES // max(row, 1))):
            with reading(self._table):
                yield block

    def save(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False, dtype: Any = None
    ) -> Path:
        """Write to a folder that `Clips.open` reads; nothing half-written is left behind.

        Parameters
        ----------
        folder : path
            Folder to make. Must not exist, unless `overwrite` and it holds saved `Clips`.
        overwrite : bool, default=False
            Replace `Clips` saved there before, in one step: whoever opens the folder finds the
            old ones or the new ones.
        dtype : dtype or str, default=None
            Type to store; ``"float16"`` halves the file, and the network computes in float32 all
            the same. None: as they are.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        FileExistsError
            The folder exists and is not to be replaced, or holds files that are not of `Clips`
            and would be lost.
        ValueError
            A feature does not fit into `dtype`; a `ClipsWriter` is at work in the folder.
        OSError
            The disk is full, or the like: what was there before is there still.

        See Also
        --------
        ClipsWriter : Writes video by video.
        """
        stored = self.dtype if dtype is None else np.dtype(dtype)
        if not np.issubdtype(stored, np.floating):
            raise ValueError(f"dtype={dtype!r}; expected a float type, such as 'float16'.")
        folder = as_path(folder, "folder")
        with saving_to(folder, overwrite) as work:
            names = ("offsets", *self._per_video, *self._shared)
            given = {name: getattr(self, name) for name in names}
            arrays = {name: value for name, value in given.items() if value is not None}
            shape = (int(self.offsets[-1]), self.n_features)
            fill(work, self._in_reach(), shape, stored, arrays)
        return folder

    @classmethod
    def open(cls, folder: str | os.PathLike[str], mmap: bool = True) -> Clips:
        """Read a folder written by `save` or `ClipsWriter` (which may still be writing).

        Parameters
        ----------
        folder : path
        mmap : bool, default=True
            Features stay on disk until used, and are never in memory all at once. False reads
            them.

        Raises
        ------
        FileNotFoundError, ValueError
            The folder does not hold `Clips`, or holds a newer or damaged form of them. Features
            that stay on disk are compared with their checksums later, each video when it is first
            used (or by `verify`); a ValueError then names the damaged video.
        """
        folder = as_path(folder, "folder")
        values, arguments, finite = read_folder(folder, mmap)
        frozen(arguments.get("ids"))  # a selection with repeats was saved as it is
        try:
            clips = cls(values, **arguments)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder} is damaged: {error}") from error
        clips._finite = finite and clips._file is not None
        return clips

    def _replaced(self, offsets: Offsets, rows: Any, videos: Any) -> Clips:
        new = super()._replaced(offsets, rows, videos)
        new._file, new._finite = self._file, self._finite
        if self._file is None:
            new._table, new._starts = self._table[rows], offsets[:-1]
        else:
            new._table, new._starts = self._table, self._starts[videos]
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Features in a file are pickled as its path."""
        if self._file is None:
            return self.__dict__
        checks = checks_of(self._table)
        return self.__dict__ | {"_table": None, "_checks": checks and checks.only(self._starts)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        checks = state.pop("_checks", None)
        super().__setstate__(state)
        if self._file is not None:
            self._table = self._file.open()
            if checks is not None:
                attach(self._table, checks)

    def __eq__(self, other: object) -> bool:
        equal = super().__eq__(other)
        if equal is not True or not isinstance(other, Clips):
            return equal
        return same_values(self.values, other.values)

    __hash__ = None

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Refuse to be one array, which a scikit-learn transformer would ask for."""
        raise TypeError(
            "Clips are videos of different lengths, and no array of one. A transformer of clips, "
            "such as a scaler, goes into ClipWise: ClipWise(StandardScaler()). `values` has the "
            "clips of all videos."
        )

    def _item(self, rows: slice, video: int) -> NDArray[Any]:
        first = int(self._starts[video])
        checks = checks_of(self._table)
        if checks is not None:
            checks.check_runs(self._table, self._starts[video : video + 1])
        return self._table[first : first + rows.stop - rows.start]

    def __repr__(self) -> str:
        text = (
            f"Clips(n_videos={len(self)}, n_clips={self.offsets[-1]}, "
            f"n_features={self.n_features}, dtype={self.dtype}"
        )
        if self.clip_seconds is not None:
            some = np.unique(self.clip_seconds)
            text += f", clip_seconds={some[0]:g}" if len(some) == 1 else ", clip_seconds=varying"
        return text + ")"


def as_clips(X: Any, name: str = "X", look: bool = True, copy: bool = True) -> Clips:
    """Read ragged features; without `look`, maybe not finite, and without `copy` those given."""
    if isinstance(X, Clips):
        if not len(X):
            raise ValueError(f"Found 0 videos (0 sample(s)) in {name}; expected a minimum of 1.")
        if look:
            X.check_finite(name)
        return X
    return Clips.from_list(X) if look else Clips._packed(X, Clips.unseen, copy=copy)
