"""`ClipsWriter`: a folder of `Clips` that grows video by video."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import ArrayLike

from sklearn_asn._data import folder as _storage
from sklearn_asn._data.clips import Clips, check_feature_names, check_video
from sklearn_asn._data.folder import INDEX, JOURNAL, PER_VIDEO, VALUES
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
        self.folder = Path(folder)
        if self.folder.exists() and not append:
            raise FileExistsError(
                f"{self.folder} exists; choose another folder, or append=True to go on with it."
            )
        self._dtype = None if dtype is None else np.dtype(dtype)
        if self._dtype is not None and not np.issubdtype(self._dtype, np.floating):
            raise ValueError(f"dtype={dtype!r}; expected a float type, such as 'float16'.")
        self._names = None if feature_names is None else [str(name) for name in feature_names]
        self._videos: list[dict[str, Any]] = []
        self._ids: set[str] = set()
        self._n_features: int | None = None if self._names is None else len(self._names)
        self._values: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        self._is_open = True
        known = self.folder.exists() and any(self.folder.iterdir())
        if known:
            _storage.read_header(self.folder)  # before anything is written there
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"Another ClipsWriter is at work in {self.folder}.") from None
        try:
            if known:
                self._resume()
        except BaseException:
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
        features : array-like of float, shape (n_clips, n_features)
        clip_seconds, start_seconds, id
            As in `Clips`; for all videos or for none.

        Raises
        ------
        ValueError
            The video does not fit to those before; nothing is written.
        """
        array = check_video(features, len(self))
        ids = None if id is None else [id]
        self.extend(Clips(array, [0, len(array)], clip_seconds, start_seconds, ids))

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
        """Finish the folder: `Clips.open` reads it faster then. Does nothing the second time."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            if self._values is not None and self._journal is not None:
                self._finish()
        finally:
            for file in (self._values, self._journal):
                if file is not None:
                    file.close()
            (self.folder / ".lock").unlink(missing_ok=True)
            self._lock.release()
            if not any(self.folder.iterdir()):  # of no videos there is nothing to save
                self.folder.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Videos finished."""
        return len(self._videos)

    # ------------------------------------------------------------------ files

    def _resume(self) -> None:
        """Go on with a folder, leaving off what was half-written."""
        values, arguments, finite = _storage.read_folder(self.folder, mmap=True)
        names = arguments.get("feature_names")
        given = None if names is None else [str(name) for name in names]
        if self._names is not None and self._names != given:
            raise ValueError(f"feature_names differ from those in {self.folder}: {given}.")
        if self._dtype is not None and self._dtype != values.dtype:
            raise ValueError(f"{self.folder} holds {values.dtype}, not {self._dtype}.")
        self._names, self._dtype, self._n_features = given, values.dtype, values.shape[1]
        if (self.folder / INDEX).is_file():
            known = Clips(values, **arguments) if len(values) else None
            self._videos = [] if known is None else _lines_of(known, finite)
        else:
            self._videos = _storage.read_journal(self.folder)
        self._ids = {video["ids"] for video in self._videos if video["ids"] is not None}
        del values
        self._open_files()

    def _open_files(self) -> None:
        assert self._n_features is not None
        assert self._dtype is not None
        head = _storage.values_header(0, self._n_features, self._dtype)
        path = self.folder / VALUES
        if not path.exists():
            path.write_bytes(head)
            _storage.write_header(self.folder, feature_names=self._names)
        # the journal first, in one step: from here on it, not an index, says what is there
        lines = b"".join(map(_line, self._videos))
        write_atomically(self.folder / JOURNAL, lambda file: file.write(lines))
        (self.folder / INDEX).unlink(missing_ok=True)
        _storage.write_header(self.folder, feature_names=self._names)
        self._journal = open(self.folder / JOURNAL, "ab")  # noqa: SIM115
        self._values = open(path, "r+b")  # noqa: SIM115
        self._values.seek(self._end())
        self._values.truncate()

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
        finite = bool(np.isfinite(block.values).all())
        lines = _lines_of(block, finite)
        self._check(block, lines)
        if self._dtype is None:
            self._dtype = block.values.dtype
        stored = self._stored(block)
        if self._values is None:
            self._n_features = block.n_features
            if self._names is None and block.feature_names is not None:
                self._names = [str(name) for name in block.feature_names]
            self._open_files()
        assert self._values is not None
        assert self._journal is not None
        try:
            self._values.write(stored.data)
            sync(self._values)  # features are there before the journal says so
            self._journal.write(b"".join(map(_line, lines)))
            sync(self._journal)
        except BaseException:
            self.folder.joinpath(JOURNAL).write_bytes(b"".join(map(_line, self._videos)))
            self._values.seek(self._end())
            self._values.truncate()
            raise
        self._videos += lines
        self._ids.update(line["ids"] for line in lines if line["ids"] is not None)

    def _stored(self, block: Clips) -> Any:
        assert self._dtype is not None
        for video, array in enumerate(block, len(self)):
            try:
                _storage.as_stored(array, self._dtype)
            except ValueError as error:
                raise ValueError(f"Video {video}: {error}") from None
        return _storage.as_stored(block.values, self._dtype)

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
        n_rows = sum(video["n_clips"] for video in self._videos)
        self._values.seek(0)
        self._values.write(_storage.values_header(n_rows, self._n_features, self._dtype))
        sync(self._values)
        arrays = _storage.arguments_of({"feature_names": self._names}, self._videos)
        finite = all(video["finite"] for video in self._videos)
        _storage.write_index(self.folder, len(self._videos), finite, arrays)
        (self.folder / JOURNAL).unlink()


def _lines_of(clips: Clips, finite: bool) -> list[dict[str, Any]]:
    """Describe every video for the journal."""
    columns: list[Any] = [clips.lengths.tolist()]
    for name in PER_VIDEO:
        value = getattr(clips, name)
        columns.append([None] * len(clips) if value is None else value.tolist())
    return [
        dict(zip(("n_clips", *PER_VIDEO), row, strict=True)) | {"finite": finite}
        for row in zip(*columns, strict=True)
    ]


def _line(video: dict[str, Any]) -> bytes:
    return json.dumps(video).encode() + b"\n"
