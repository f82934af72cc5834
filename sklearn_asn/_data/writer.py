"""`ClipsWriter`: a folder of `Clips` that grows video by video."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from io import FileIO
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_asn._checks import as_dtype, as_path
from sklearn_asn._data import folder as _storage
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.features import check_feature_names, check_video, columns_of
from sklearn_asn._data.folder import (
    CHECKSUMS,
    HEADER,
    INDEX,
    JOURNAL,
    LOCK,
    PER_VIDEO,
    VALUES,
    all_finite,
    line_of,
)
from sklearn_asn._disk.checked import UNKNOWN, checks_of, checksums
from sklearn_asn._disk.files import sync, write_atomically
from sklearn_asn._doclink import public


@public("sklearn_asn")
class ClipsWriter:
    """Write `Clips` video by video, into a folder that `Clips.open` can read at any time.

    For data that do not fit into memory. When the program is killed or the power fails, every
    video that `append` or `extend` had finished stays readable, and one half-written does not
    show; ``append=True`` goes on from there.

    Parameters
    ----------
    folder : path
        Folder to make, or to go on with.
    dtype : dtype or str, default=None
        ``"float16"`` halves the file; the network computes in float32 all the same. None: that of
        the first video (float64 for integers).
    feature_names : sequence of str, default=None
        Names of the columns.
    append : bool, default=False
        Go on with a folder that is there, finished or not, if it is there.

    Raises
    ------
    FileExistsError
        The folder exists, and not ``append=True``.
    ValueError
        It holds something else; or another writer is at work in it.

    See Also
    --------
    Clips.save : Writes all at once.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_asn import Clips, ClipsWriter
    >>> folder = tempfile.mkdtemp() + "/clips"
    >>> with ClipsWriter(folder, dtype="float16") as writer:
    ...     for name, n_clips in [("a", 4), ("b", 2)]:
    ...         writer.append(np.ones((n_clips, 6)), clip_seconds=0.5, id=name)
    >>> Clips.open(folder)
    Clips(n_videos=2, n_clips=6, n_features=6, dtype=float16, clip_seconds=0.5)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        dtype: Any = None,
        feature_names: Iterable[str] | None = None,
        append: bool = False,
    ) -> None:
        self.folder = as_path(folder, "folder")
        if self.folder.exists() and not append:
            raise FileExistsError(
                f"{self.folder} exists; choose another folder, or append=True to go on with it."
            )
        self._dtype = None if dtype is None else as_dtype(dtype)
        if self._dtype is not None and not np.issubdtype(self._dtype, np.floating):
            raise ValueError(f"dtype={dtype!r}; expected a float type, such as 'float16'.")
        self._names = None if feature_names is None else [str(name) for name in feature_names]
        self._videos: list[dict[str, Any]] = []
        self._ids: set[str] = set()
        self._n_features: int | None = None if self._names is None else len(self._names)
        # unbuffered: what could not be written must not come after all, with the next video
        self._values: FileIO | None = None
        self._journal: FileIO | None = None
        self._is_open = True
        self._failure: BaseException | None = None  # what this writer could not undo, or finish
        if self._is_known():
            _storage.read_header(self.folder)  # before anything is written there
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _storage.claim(self.folder)
        try:
            if self._is_known():  # as another writer may have left it meanwhile
                self._resume()
        except BaseException:
            self._close_files()
            self._lock.release()
            raise

    def append(
        self,
        features: ArrayLike,
        *,
        clip_seconds: float | None = None,
        start_seconds: float | None = None,
        id: str | None = None,
    ) -> None:
        """Add one video; when this returns, it is on the disk.

        Parameters
        ----------
        features : array-like or frame of float, shape (n_clips, n_features)
            The columns of frames name the features.
        clip_seconds, start_seconds, id
            As in `Clips`; for all videos or for none.

        Raises
        ------
        ValueError
            The video does not fit to those before; nothing is written.
        OSError
            The disk is full, or the like; nothing of the video stays, and the next one may be
            appended. Where not even that could be brought about, every later call says so.
        """
        names = columns_of(features)
        array = np.ascontiguousarray(check_video(features, len(self)))
        ids = None if id is None else [id]
        self.extend(Clips(array, [0, len(array)], clip_seconds, start_seconds, ids, names))

    def extend(self, clips: Clips) -> None:
        """Add all videos of `clips`, in blocks of a few megabytes: many short ones go faster so.

        Raises
        ------
        ValueError
            A video does not fit to those before; of the block that it is in, nothing is written.
        """
        for block in clips.blocks(max(1, 2**24 // (clips.n_features * clips.values.itemsize))):
            self._write(block)

    def close(self) -> None:
        """Finish the folder: `Clips.open` reads it faster then. Does nothing the second time.

        Raises
        ------
        OSError
            The folder could not be finished, now or at the first call. It is readable as it is,
            and ``append=True`` goes on with it.
        """
        if not self._is_open:
            self._raise_failure()
            return
        self._is_open = False
        try:
            if self._failure is None and self._videos:
                self._finish()
            self._close_files()
            self._clear()
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._close_files()
            self._lock.release()
        self._raise_failure()

    def _clear(self) -> None:
        """Leave nothing but the videos: of none, not even a folder."""
        begun = () if self._videos else (HEADER, VALUES, JOURNAL)
        for name in (*begun, LOCK):
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _close_files(self) -> None:
        for file in (self._values, self._journal):
            if file is not None:
                file.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise OSError(
                f"The ClipsWriter of {self.folder} failed ({self._failure!r}); its folder is not "
                f"finished. The {len(self)} videos that were appended can be read, and a new "
                "ClipsWriter with append=True goes on with them."
            ) from self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except OSError as failure:
            if error is None:
                raise
            error.add_note(str(failure))  # the first error says more

    def __len__(self) -> int:
        """Videos finished."""
        return len(self._videos)

    # ------------------------------------------------------------------ files

    def _is_known(self) -> bool:
        """Tell whether the folder holds anything but what a killed start leaves."""
        return self.folder.exists() and not _storage.is_begun(self.folder)

    def _resume(self) -> None:
        """Go on with a folder, leaving off what was half-written."""
        header = _storage.read_header(self.folder)
        finished = _storage.is_finished(self.folder, header)
        if not finished and not (self.folder / JOURNAL).exists():
            return  # killed before its first video: as if it were new
        values, arguments, finite = _storage.read_folder(self.folder, mmap=True)
        names = arguments.get("feature_names")
        given = None if names is None else [str(name) for name in names]
        if self._names is not None and self._names != given:
            raise ValueError(f"feature_names differ from those in {self.folder}: {given}.")
        if self._dtype is not None and self._dtype != values.dtype:
            raise ValueError(f"{self.folder} holds {values.dtype}, not {self._dtype}.")
        self._names, self._dtype, self._n_features = given, values.dtype, values.shape[1]
        if finished:
            checks = checks_of(values)
            sums = itertools.repeat(UNKNOWN) if checks is None else checks.sums.tolist()
            known = Clips(values, **arguments) if len(values) else None
            self._videos = [] if known is None else _lines_of(known, finite, sums)
        else:
            self._videos = _storage.read_journal(self.folder, header)
        self._ids = {video["ids"] for video in self._videos if video["ids"] is not None}
        del values
        self._open_files()

    def _open_files(self) -> None:
        assert self._n_features is not None
        assert self._dtype is not None
        head = _storage.values_header(0, self._n_features, self._dtype)
        path = self.folder / VALUES
        if not self._videos:  # whatever a killed writer began there
            write_atomically(path, lambda file: file.write(head))
        # the journal first: once the header is written, it says what is there, not an index
        lines = b"".join(map(line_of, self._videos))
        write_atomically(self.folder / JOURNAL, lambda file: file.write(lines))
        _storage.write_header(self.folder, feature_names=self._names)
        (self.folder / INDEX).unlink(missing_ok=True)
        values = open(path, "r+b", buffering=0)  # noqa: SIM115
        try:
            values.truncate(self._end())
            values.seek(self._end())
            self._journal = open(self.folder / JOURNAL, "ab", buffering=0)  # noqa: SIM115
        except BaseException:
            values.close()
            raise
        self._values, self._journal_end = values, len(lines)

    def _end(self) -> int:
        """Return where the finished videos end in values.npy."""
        assert self._n_features is not None
        assert self._dtype is not None
        n_rows = sum(video["n_clips"] for video in self._videos)
        head = len(_storage.values_header(0, self._n_features, self._dtype))
        return head + n_rows * self._n_features * self._dtype.itemsize

    def _write(self, block: Clips) -> None:
        if not self._is_open:
            raise ValueError(f"The ClipsWriter of {self.folder} is closed.")
        self._raise_failure()
        lines = _lines_of(block, all_finite(block.values), itertools.repeat(UNKNOWN))
        self._check(block, lines)
        dtype = self._dtype or block.values.dtype
        stored = self._stored(block, dtype)
        for line, checksum in zip(lines, checksums(stored, block.lengths.tolist()), strict=True):
            line[CHECKSUMS] = checksum
        if self._values is None:
            before = self._n_features, self._dtype, self._names
            self._n_features, self._dtype = block.n_features, dtype
            if self._names is None and block.feature_names is not None:
                self._names = [str(name) for name in block.feature_names]
            try:
                self._open_files()
            except BaseException:
                self._n_features, self._dtype, self._names = before
                raise
        self._commit(stored, lines)

    def _commit(self, stored: Any, lines: list[dict[str, Any]]) -> None:
        """Write rows, then say so in the journal; after an error neither is there."""
        assert self._values is not None
        assert self._journal is not None
        text = b"".join(map(line_of, lines))
        try:
            _write_all(self._values, memoryview(stored).cast("B"))
            sync(self._values)  # features are there before the journal says so
            _write_all(self._journal, memoryview(text))
            sync(self._journal)
        except BaseException as error:
            try:
                self._journal.truncate(self._journal_end)
                self._values.truncate(self._end())
                self._values.seek(self._end())
            except BaseException:
                self._failure = error
            raise
        self._journal_end += len(text)
        self._videos += lines
        self._ids.update(line["ids"] for line in lines if line["ids"] is not None)

    def _stored(self, block: Clips, dtype: np.dtype[Any]) -> Any:
        for video, array in enumerate(block, len(self)):
            try:
                _storage.as_stored(array, dtype)
            except ValueError as error:
                raise ValueError(f"Video {video}: {error}") from None
        return _storage.as_stored(block.values, dtype)

    def _check(self, block: Clips, lines: list[dict[str, Any]]) -> None:
        """Refuse videos of other form than those before, and ids that are there."""
        if self._n_features is not None and block.n_features != self._n_features:
            raise ValueError(
                f"Video {len(self)} has {block.n_features} features, expected {self._n_features}."
            )
        check_feature_names(self._names, block.n_features)
        if self._videos and self._names is None and block.feature_names is not None:
            raise ValueError(f"Video {len(self)} has feature_names, those before have none.")
        if block.feature_names is not None and self._names not in (None, [*block.feature_names]):
            raise ValueError(f"Video {len(self)} has other feature_names than those before.")
        first = (self._videos or lines)[0]
        for name in PER_VIDEO:
            if (lines[0][name] is None) != (first[name] is None):
                what, others = ("no", "have") if lines[0][name] is None else ("a", "do not")
                raise ValueError(
                    f"Video {len(self)} has {what} {name.removesuffix('s')}, those before {others}."
                )
        seen = set(self._ids)
        for video, line in enumerate(lines, len(self)):
            if line["ids"] is not None and line["ids"] in seen:
                raise ValueError(f"Video {video}: the id {line['ids']!r} is there already.")
            seen.add(line["ids"])

    def _finish(self) -> None:
        assert self._values is not None
        assert self._n_features is not None
        assert self._dtype is not None
        self._values.seek(self._end())  # an attempt before may have failed
        arrays = _storage.arguments_of({"feature_names": self._names}, self._videos)
        arrays[CHECKSUMS] = _storage.sums_of(self._videos)
        finite = all(video["finite"] for video in self._videos)
        token = _storage.token_of(arrays, len(self), finite)
        n_rows = int(arrays["offsets"][-1])
        _write_all(self._values, memoryview(token.encode()))
        self._values.seek(0)
        head = _storage.values_header(n_rows, self._n_features, self._dtype)
        _write_all(self._values, memoryview(head))
        sync(self._values)
        _storage.write_index(self.folder, token, finite, arrays)
        (self.folder / JOURNAL).unlink()


def _lines_of(clips: Clips, finite: bool, sums: Iterable[int]) -> list[dict[str, Any]]:
    """Describe every video for the journal."""
    columns: list[Any] = [clips.lengths.tolist()]
    for name in PER_VIDEO:
        value = getattr(clips, name)
        columns.append([None] * len(clips) if value is None else value.tolist())
    return [
        dict(zip(("n_clips", *PER_VIDEO), row, strict=True)) | {"finite": finite, CHECKSUMS: sum}
        for sum, *row in zip(sums, *columns, strict=False)
    ]


def _write_all(file: FileIO, octets: memoryview) -> None:
    """Write all of it; an unbuffered file may take less at a time."""
    while len(octets):
        octets = octets[file.write(octets) :]
