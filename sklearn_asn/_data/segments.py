"""`Segments`: what happens when, as ground truth or as predictions."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import as_list, as_path, check_number
from sklearn_asn._data.as_arrays import JoinedByNumPy, NoLabels
from sklearn_asn._data.convert import as_ids, as_labels, as_mask, as_numbers, as_seconds
from sklearn_asn._data.invalid import check_on_invalid, settle
from sklearn_asn._data.listed import columns_of
from sklearn_asn._data.packed import (
    Offsets,
    Packed,
    check_ids,
    check_offsets,
    check_unique,
    frozen,
    offsets_from_lengths,
)
from sklearn_asn._data.shown import segments_html
from sklearn_asn._disk.files import write_atomically
from sklearn_asn._doclink import public
from sklearn_asn._typing import OnInvalid

FORMAT = "sklearn_asn.Segments"
FORMAT_VERSION = 1


@public("sklearn_asn")
class Segment(NamedTuple):
    """One action instance: ``[start, end)`` in seconds, or in clips where `Clips` has no timing.

    Parameters
    ----------
    label : str or number
        The action.
    start, end : float
        The half-open interval.
    score : float, default=NaN
        Confidence of a prediction; NaN for ground truth.

    Examples
    --------
    >>> from sklearn_asn import Segment
    >>> segment = Segment("run", 4.0, 9.0, score=0.8)
    >>> segment.label, segment.end - segment.start
    ('run', 5.0)
    """

    label: Any
    start: float
    end: float
    score: float = float("nan")


@public("sklearn_asn")
class Segments(JoinedByNumPy, NoLabels, Packed[list[Segment]]):
    """Temporal segments of many videos, packed into flat columns.

    A sequence with one entry a video: ``segments[3]`` is the list of `Segment` of video 3, which
    may be empty; slices, index arrays and masks give another `Segments`.

    Parameters
    ----------
    offsets : array-like of int, shape (n_videos + 1,)
        Borders of the videos in the columns that follow.
    label : array-like, shape (n_segments,)
        Labels of one type (all strings, or all numbers).
    start, end : array-like of float, shape (n_segments,)
        Half-open intervals, ``start < end``, in seconds (clips where `Clips` has no timing).
    score : array-like of float, shape (n_segments,), default=None
        Confidence; None for ground truth (stored as NaN).
    ids : sequence of str, shape (n_videos,), default=None
        Names of the videos.

    Raises
    ------
    ValueError
        A time is not finite, ``start >= end``, labels mix types, or lengths differ.

    See Also
    --------
    Segments.from_list, Segments.from_frame, Segments.concatenate, Segments.open

    Examples
    --------
    >>> from sklearn_asn import Segments
    >>> y = Segments.from_list([[("jump", 1.0, 2.5), ("run", 4.0, 9.0)], []])
    >>> len(y), y[0][0].label, y[1]
    (2, 'jump', [])
    >>> y.to_frame()[["video", "label", "start", "end"]]
       video label  start  end
    0      0  jump    1.0  2.5
    1      0   run    4.0  9.0
    """

    _flat = ("label", "start", "end", "score")
    _per_video = ("ids",)

    def __init__(
        self,
        offsets: ArrayLike,
        label: ArrayLike,
        start: ArrayLike,
        end: ArrayLike,
        score: ArrayLike | None = None,
        ids: Iterable[str] | None = None,
    ) -> None:
        self.label = as_labels(label, "label")
        self.offsets: Offsets = check_offsets(offsets, len(self.label))
        self.start = as_seconds(start, "start")
        self.end = as_seconds(end, "end")
        nothing = np.full(len(self.label), np.nan)
        self.score = nothing if score is None else as_numbers(score, "score")
        self.ids = check_ids(ids, len(self))
        self._check_columns()

    def _check_columns(self) -> None:
        for name in ("start", "end", "score"):
            if getattr(self, name).shape != self.label.shape:
                raise ValueError(
                    f"{name} has shape {getattr(self, name).shape}, label {self.label.shape}."
                )
        finite = np.isfinite(self.start) & np.isfinite(self.end)
        bad = np.flatnonzero(~finite | ~(self.start < self.end))
        if len(bad):
            first = int(bad[0])
            raise ValueError(
                f"Segment {self._describe(first)}: expected finite times with start < end, "
                f"in the order (label, start, end) ({len(bad)} such segments)."
            )

    def _describe(self, row: int) -> str:
        video = int(np.searchsorted(self.offsets, row, side="right")) - 1
        return (
            f"{row - int(self.offsets[video])} of video {video} "
            f"({self.label[row]!s}, {self.start[row]:g}, {self.end[row]:g})"
        )

    @classmethod
    def from_list(
        cls, videos: Sequence[Sequence[Any]], ids: Iterable[str] | None = None
    ) -> Segments:
        """Pack one list of ``(label, start, end)`` or ``(label, start, end, score)`` a video."""
        rows, lengths = columns_of(videos)
        label, start, end, score = zip(*rows, strict=True) if rows else ((), (), (), ())
        offsets = offsets_from_lengths(lengths)
        return cls(offsets, label, start, end, score, ids)

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        videos: Sequence[str] | int | None = None,
        duration: float | ArrayLike | Mapping[str, float] | None = None,
        on_invalid: OnInvalid = "raise",
        tolerance: float = 0.0,
    ) -> Segments:
        """Pack a frame with the columns video, label, start, end and, if there, score.

        Parameters
        ----------
        frame : DataFrame
            One segment a row. Integers in ``video`` are positions, anything else is an id.
        videos : sequence of str or int, default=None
            All ids in the order wanted (or how many videos there are, for positions): videos
            without a segment are known only from here. None: ids in order of first appearance, or
            positions up to the largest.
        duration : float, array-like of shape (n_videos,), or mapping from id to float, default=None
            Lengths of the videos, which start at 0. None: times are not compared with them.
        on_invalid : {"raise", "drop", "clip"}, default="raise"
            What becomes of segments whose times are not finite or not in order or, with a
            `duration`, that start before 0 or end more than `tolerance` after their video: an
            error that lists them, left out with a warning, or cut to the video with a warning (and
            left out where nothing of them is left).
        tolerance : float, default=0.0
            How much later than its video a segment may end; it is kept as it is.

        Raises
        ------
        ValueError
            A column is missing, a row names a video that is not among `videos`, or a segment is
            invalid.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn_asn import Segments
        >>> frame = pd.DataFrame({"video": ["b"], "label": ["run"], "start": [0.0], "end": [1.0]})
        >>> Segments.from_frame(frame, videos=["a", "b"]).lengths.tolist()
        [0, 1]
        """
        check_on_invalid(on_invalid, tolerance)
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"frame must be a pandas DataFrame, got {type(frame).__name__}.")
        missing = {"video", "label", "start", "end"} - set(frame.columns)
        if missing:
            found = [str(name) for name in frame.columns]
            raise ValueError(f"frame lacks the columns {sorted(missing)}; it has {found[:20]}.")
        column = frame["video"].to_numpy()
        if len(column) and np.issubdtype(column.dtype, np.integer) and not _is_sized(videos):
            ids = None
            n = int(column.max()) + 1 if videos is None else int(videos)  # type: ignore[arg-type]
            position = column.astype(np.int64)
            known = (position >= 0) & (position < n)
        else:
            if isinstance(videos, int):
                if len(column):
                    raise ValueError("videos is a number, but the video column holds ids.")
                n, ids = videos, None
            else:
                names = column if videos is None else videos
                what = "frame['video']" if videos is None else "videos"
                ids = list(dict.fromkeys(as_ids(names, what)))
                n = len(ids)
                if _is_sized(videos) and n != len(videos):  # type: ignore[arg-type]
                    raise ValueError("videos repeats an id.")
            index = pd.Index(ids if ids is not None else [])
            position = index.get_indexer(pd.Index(as_ids(column, "frame['video']")))
            known = position >= 0
        if not np.all(known):
            unknown = sorted({str(v) for v in column[~known]})
            raise ValueError(f"frame names videos that are not in `videos`: {unknown[:5]}.")
        order = np.argsort(position, kind="stable")
        score = frame["score"].to_numpy()[order] if "score" in frame.columns else None
        label = frame["label"].to_numpy()[order]
        start, end = (as_seconds(frame[k], k)[order] for k in ("start", "end"))
        video, high = position[order], np.full(n, np.inf)
        if duration is not None:
            high = check_durations(duration, n, ids)

        def name(i: int) -> str:
            which = column[order[i]]
            return f"row {order[i]} ({which!s}, {label[i]!s}, {start[i]:g}, {end[i]:g})"

        keep, start, end = settle(
            start,
            end,
            name,
            "segments of the frame",
            on_invalid,
            low=-np.inf if duration is None else 0.0,
            high=high[video],
            tolerance=tolerance,
        )
        return cls(
            offsets_from_lengths(np.bincount(video[keep], minlength=n)),
            label[keep],
            start[keep],
            end[keep],
            None if score is None else score[keep],
            ids,
        )

    @classmethod
    def concatenate(cls, parts: Iterable[Segments]) -> Segments:
        """Put the videos of all parts one after another, in the order given.

        Parameters
        ----------
        parts : iterable of Segments
            At least one. Either all have ids or none has; labels are all strings or all numbers.
            A part without videos has no say in this. `numpy.concatenate` does the same.

        Raises
        ------
        ValueError
            There are no parts, ids repeat, or parts do not go together.

        Examples
        --------
        >>> from sklearn_asn import Segments
        >>> a = Segments.from_list([[("run", 0.0, 1.0)]], ids=["a"])
        >>> b = Segments.from_list([[], [("jump", 2.0, 3.0)]], ids=["b", "c"])
        >>> both = Segments.concatenate([a, b])
        >>> both.ids.tolist(), both.lengths.tolist()
        (['a', 'b', 'c'], [1, 0, 1])
        """
        given = as_list(parts, "parts", "a list of Segments")
        for i, part in enumerate(given):
            if not isinstance(part, Segments):
                raise ValueError(f"parts[{i}] is {type(part).__name__}, expected Segments.")
        if not given:
            raise ValueError("parts is empty, expected at least one Segments.")
        used = [part for part in given if len(part)] or given[:1]
        named = [part.ids for part in used if part.ids is not None]
        if named and len(named) < len(used):
            raise ValueError(
                f"{len(named)} of {len(used)} parts have ids; expected all of them, or none."
            )
        ids = np.concatenate(named) if named else None
        check_unique(ids)
        return cls(
            offsets_from_lengths(np.concatenate([part.lengths for part in used])),
            _join_labels([part.label for part in used]),
            np.concatenate([part.start for part in used]),
            np.concatenate([part.end for part in used]),
            np.concatenate([part.score for part in used]),
            ids,
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write to one file that `Segments.open` reads: the whole of it, or nothing.

        The file takes its name only once it is complete and on disk, so neither a crash nor a
        power cut leaves half of it there, and whoever reads it meanwhile reads the old one.

        Parameters
        ----------
        path : path
            File to write, an ``.npz``; taken as it is, whatever it ends in.
        overwrite : bool, default=False
            Replace a file that is there.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            The file exists and is not to be replaced.
        ValueError
            Labels are neither strings nor numbers.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn_asn import Segments
        >>> y = Segments.from_list([[("jump", 1.0, 2.5)], []], ids=["a", "b"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = y.save(folder + "/truth.npz")
        ...     Segments.open(path) == y
        True
        """
        path = as_path(path)
        if path.exists() and not overwrite:
            raise FileExistsError(
                f"{path} exists; choose another file, or overwrite=True to replace it."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_segments(path, self)
        return path

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Segments:
        """Read a file written by `save`.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file holds no `Segments`, or a newer or damaged form of them.
        """
        return read_segments(as_path(path))[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one segment a row; ``video`` is the id where there is one, else the position."""
        video = self.video if self.ids is None else self.ids[self.video]
        columns = {name: getattr(self, name) for name in self._flat}
        return pd.DataFrame({"video": video, **columns})

    def _item(self, rows: slice, video: int) -> list[Segment]:
        columns = (getattr(self, name)[rows].tolist() for name in self._flat)
        return [Segment(*row) for row in zip(*columns, strict=True)]

    def filter(self, keep: NDArray[np.bool_]) -> Self:
        """Return the segments where `keep` is true; every video stays, if only empty."""
        keep = as_mask(keep, "keep", len(self.label), "segments")
        counts = np.bincount(self.video[keep], minlength=len(self))
        return self._replaced(offsets_from_lengths(counts), keep, slice(None))

    def above(self, score: float) -> Self:
        """Return the segments with a score above `score`; every video stays, if only empty.

        Parameters
        ----------
        score : float
            A finite number; a segment with exactly this score does not stay.

        Returns
        -------
        Segments
            The same videos.

        Raises
        ------
        ValueError
            `score` is no finite number, or a segment has no score, as those of ground truth.

        Examples
        --------
        >>> from sklearn_asn import Segments
        >>> found = Segments.from_list([[("run", 0.0, 2.0, 0.9), ("run", 5.0, 6.0, 0.2)], []])
        >>> found.above(0.3).lengths.tolist()
        [1, 0]
        """
        check_number(score, "score")
        unscored = np.flatnonzero(np.isnan(self.score))
        if len(unscored):
            raise ValueError(
                f"Segment {self._describe(int(unscored[0]))} has no score "
                f"({len(unscored)} such segments); ground truth has none, so there is nothing to "
                "compare."
            )
        return self.filter(self.score > float(score))

    def __repr__(self) -> str:
        return f"Segments(n_videos={len(self)}, n_segments={len(self.label)})"

    def _repr_html_(self) -> str:
        return segments_html(self)


def write_segments(path: Path, segments: Segments, notes: Mapping[str, Any] | None = None) -> None:
    """Write what `read_segments` reads; `notes` are further values that travel in the file."""
    label = segments.label
    if label.dtype == object and not len(label):  # an empty frame's
        label = label.astype(np.str_)
    if label.dtype.kind not in "biufUS":
        raise ValueError(f"label holds {label.dtype} values; expected strings or numbers to save.")
    names = ("offsets", *segments._flat, *segments._per_video)
    arrays: dict[str, Any] = {name: getattr(segments, name) for name in names}
    arrays |= {"format": FORMAT, "version": FORMAT_VERSION, "label": label, **(notes or {})}
    if segments.ids is None:
        arrays["ids"] = ""  # were it left out, damage that hides the ids would go unseen
    write_atomically(path, lambda handle: np.savez_compressed(handle, **arrays))


def read_segments(
    path: str | os.PathLike[str], notes: Iterable[str] = ()
) -> tuple[Segments, dict[str, NDArray[Any]]]:
    """Read segments, and those of the `notes` that are there, from a file of `write_segments`."""
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            if "format" not in getattr(file, "files", ()):
                raise ValueError(f"it is no .npz file of {FORMAT}")
            if file["format"].item() != FORMAT or file["version"].item() > FORMAT_VERSION:
                raise ValueError(f"it is not {FORMAT} of version <= {FORMAT_VERSION}")
            names = ("offsets", *Segments._flat, *Segments._per_video)
            columns = {name: file[name] for name in names}
            if not columns["ids"].ndim:
                columns["ids"] = None
            frozen(columns["ids"])  # a selection with repeats was saved as it is
            segments = Segments(**columns)
            return segments, {name: file[name] for name in notes if name in file}
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    # what NumPy and zipfile say of files that are truncated, changed, or of another kind
    except (
        *(AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError),
        *(TypeError, ValueError, BadZipFile, zlib.error),
    ) as error:
        raise ValueError(f"{path} holds no Segments, or is damaged: {error}.") from error


def check_durations(duration: Any, n_videos: int, ids: Sequence[str] | None) -> NDArray[np.float64]:
    """Return one positive length a video."""
    if isinstance(duration, Mapping | pd.Series):
        names = range(n_videos) if ids is None else ids
        lacking = [v for v in names if v not in duration]
        if lacking:
            raise ValueError(f"duration lacks {len(lacking)} videos: {lacking[:5]}.")
        duration = [duration[v] for v in names]
    array = as_seconds(duration, "duration")
    if array.ndim and array.shape != (n_videos,):
        raise ValueError(f"duration has shape {array.shape}, expected ({n_videos},).")
    array = np.broadcast_to(array, (n_videos,))
    bad = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
    if len(bad):
        raise ValueError(f"duration of video {bad[0]} is {array[bad[0]]}, expected a number > 0.")
    return array


def _join_labels(labels: list[NDArray[Any]]) -> NDArray[Any]:
    labels = [part for part in labels if len(part)] or labels[:1]  # an empty one's type is chance
    if len({part.dtype.kind in "US" for part in labels}) > 1:
        raise ValueError("labels of some parts are strings, of others numbers; expected one type.")
    return np.concatenate(labels)


def _is_sized(videos: Any) -> bool:
    return videos is not None and not isinstance(videos, int)
