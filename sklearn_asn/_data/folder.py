"""A folder of saved `Clips`: its files, and how to read and write them.

values.npy
    Features of all clips, in NumPy's own format; then the token.
clips.json
    Format, version, whether all features are finite, and the token; or, while `ClipsWriter` has
    not finished, the names of the columns. It decides which of the next two says what is there.
index.npz
    Everything else of finished `Clips`: offsets, timing, ids, names, each video's checksum.
videos.jsonl
    While `ClipsWriter` has not finished, instead of index.npz: one line a finished video. What
    values.npy holds beyond these videos is not theirs.

The token is a hash of the index, and so, by the checksums, of the features: files that share it
belong together.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._disk.checked import UNKNOWN, RowChecks, attach, checks_of, checksums
from sklearn_asn._disk.files import sync, write_atomically
from sklearn_asn._disk.folders import new_folder, recover
from sklearn_asn._disk.mapped import map_table
from sklearn_asn._disk.work import is_work

FORMAT = "sklearn_asn.Clips"
# 1 had no word on whether features are finite, and no videos.jsonl; 2 no checksums, no token
FORMAT_VERSION = 3

VALUES, HEADER, INDEX, JOURNAL = "values.npy", "clips.json", "index.npz", "videos.jsonl"
LOCK = ".lock"
OWN = (VALUES, HEADER, INDEX, JOURNAL, LOCK)
PER_VIDEO = ("clip_seconds", "start_seconds", "ids")
SHARED = ("feature_names",)
CHECKSUMS = "checksums"  # in index.npz, and (one) in the lines of videos.jsonl
_TRIES = 20  # of reading a folder that is being replaced meanwhile


def is_saved(folder: Path) -> bool:
    """Tell whether a folder holds saved `Clips`, finished or not."""
    return (folder / HEADER).is_file()


def is_begun(folder: Path) -> bool:
    """Tell whether a folder is empty, or holds what a killed `ClipsWriter` leaves at its start."""
    names = {path.name for path in folder.iterdir() if not is_work(path.name)}
    if not names <= {LOCK, VALUES, JOURNAL}:
        return False
    head = len(values_header(0, 1, np.dtype(np.float32)))
    sizes = [(folder / name).stat().st_size for name in (VALUES, JOURNAL) if name in names]
    return not sizes or (LOCK in names and sum(sizes) <= head)  # no rows, no lines


def read_header(folder: Path) -> dict[str, Any]:
    """Return what clips.json says.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    if not is_saved(folder):
        raise FileNotFoundError(f"{folder} holds no saved Clips (no {HEADER}).")
    try:
        header = json.loads((folder / HEADER).read_bytes())
        good = header["format"] == FORMAT and header["version"] <= FORMAT_VERSION
        if "check" in header or header["version"] >= 3:
            is_whole = header.pop("check") == _check_of(header)
        else:
            is_whole = True
    except PermissionError:
        raise
    except Exception as error:  # a damaged file may raise anything
        raise ValueError(f"{folder}/{HEADER} is damaged or foreign: {error!r}.") from error
    if not good:
        raise ValueError(f"{folder}/{HEADER} is not Clips of version <= {FORMAT_VERSION}.")
    if not is_whole:
        raise ValueError(f"{folder}/{HEADER} is damaged: it is not as it was written.")
    return header


def is_finished(folder: Path, header: dict[str, Any]) -> bool:
    """Tell whether index.npz, not videos.jsonl, says what is in a folder."""
    if header["version"] < 3:
        return (folder / INDEX).is_file()
    return "token" in header


def read_folder(folder: Path, mmap: bool) -> tuple[NDArray[Any], dict[str, Any], bool]:
    """Return values, the other arguments of `Clips`, and whether all values are known as finite.

    A folder that is replaced or finished meanwhile is read again: its files are of one moment.
    Values that stay in their file carry their checksums; others are compared here.
    """
    recover(folder)
    for _ in range(_TRIES):
        header = read_header(folder)
        mark = None
        try:
            mark = _mark_of(folder)
            values, arguments, finite = _read(folder, header)
        except PermissionError:
            raise
        except Exception as error:  # a damaged file may raise anything
            if _has_changed(folder, header, mark):
                continue
            raise ValueError(f"{folder} is damaged: {error}") from error
        return values if mmap else _in_memory(values), arguments, finite
    raise ValueError(f"{folder} is replaced all the time; it cannot be read.")


def _read(folder: Path, header: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any], bool]:
    path = str(folder / VALUES)
    if is_finished(folder, header):
        with open(folder / INDEX, "rb") as file, np.load(file, allow_pickle=False) as index:
            arguments = {name: index[name] for name in index.files}
        ending = None
        if header["version"] >= 3:
            ending = header["token"].encode()
            if token_of(arguments, header["n_videos"], header["finite"]) != header["token"]:
                raise ValueError(f"{INDEX} is damaged, or was not saved together with {HEADER}")
        n_rows = int(arguments["offsets"][-1])
        values = map_table(path, n_rows if ending else None, ending)
        sums = arguments.pop(CHECKSUMS, None)
        finite = bool(header.get("finite"))
    else:
        videos = read_journal(folder, header)
        values = map_table(path, sum(video["n_clips"] for video in videos))
        finite = all(video["finite"] for video in videos)
        arguments, sums = arguments_of(header, videos), sums_of(videos)
    if sums is not None and isinstance(values, np.memmap):
        offsets, ids = np.asarray(arguments["offsets"]), arguments.get("ids")
        if len(sums) != len(offsets) - 1:
            raise ValueError(f"{len(sums)} checksums for {len(offsets) - 1} videos")
        names = None if ids is None else np.asarray(ids)
        number = np.arange(len(sums))
        attach(values, RowChecks(path, offsets[:-1], np.diff(offsets), sums, number, names))
    return values, arguments, finite


def _in_memory(values: NDArray[Any]) -> NDArray[Any]:
    checks = checks_of(values)
    if checks is not None:
        checks.check_all(values)
    return np.array(values)


def _has_changed(folder: Path, header: dict[str, Any], mark: Any) -> bool:
    """Tell whether the folder is another one than when `mark` was taken."""
    try:
        return mark != _mark_of(folder) or read_header(folder) != header
    except (OSError, ValueError):
        return True


def _mark_of(folder: Path) -> Any:
    """Identify the files at hand: the same contents may have been saved again meanwhile."""
    stats = [os.stat(path) for path in (folder, folder / HEADER, folder / VALUES)]
    return [(stat.st_ino, stat.st_mtime_ns) for stat in stats]


def read_journal(folder: Path, header: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of every finished video; a line cut off is no video."""
    *lines, _ = (folder / JOURNAL).read_bytes().split(b"\n")
    return [_video_of(line, i, header["version"]) for i, line in enumerate(lines)]


def line_of(video: dict[str, Any]) -> bytes:
    """Return the line of videos.jsonl for one video; it carries a checksum of its own."""
    text = json.dumps(video)
    return f'{text[:-1]}, "line": {zlib.crc32(text.encode())}}}\n'.encode()


def _video_of(line: bytes, i: int, version: int) -> dict[str, Any]:
    try:
        text, own, check = line.decode().rpartition(', "line": ')
        if own and int(check[:-1]) != zlib.crc32(f"{text}}}".encode()):
            raise ValueError("it is not as it was written")
        if not own and version >= 3:
            raise ValueError("it has no checksum")
        return {CHECKSUMS: UNKNOWN} | json.loads(f"{text}}}" if own else line)
    except ValueError as error:
        raise ValueError(f"line {i + 1} of {JOURNAL} is damaged: {error}") from error


def sums_of(videos: list[dict[str, Any]]) -> NDArray[np.int64]:
    """Return the checksums of all videos as index.npz holds them."""
    return np.array([video[CHECKSUMS] for video in videos], dtype=np.int64)


def token_of(arrays: dict[str, Any], n_videos: int, finite: bool) -> str:
    """Return what the files of one folder share."""
    digest = hashlib.blake2b(repr((n_videos, finite)).encode(), digest_size=16)
    for name in sorted(arrays):
        array = _plain(arrays[name])
        is_text = array.dtype.kind == "U"  # room for the longest is no part of it
        data = json.dumps(array.tolist()).encode() if is_text else array.tobytes()
        kind = "U" if is_text else array.dtype.str
        digest.update(repr((name, kind, array.shape, len(data))).encode() + data)
    return digest.hexdigest()


def arguments_of(header: dict[str, Any], videos: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `Clips` besides its values."""
    arguments: dict[str, Any] = {"offsets": offsets_from_lengths([v["n_clips"] for v in videos])}
    for name in PER_VIDEO:
        if videos and videos[0][name] is not None:
            arguments[name] = [video[name] for video in videos]
    if header.get("feature_names") is not None:
        arguments["feature_names"] = header["feature_names"]
    return arguments


def values_header(n_rows: int, n_features: int, dtype: np.dtype[Any]) -> bytes:
    """Return the head of a .npy file; its length does not depend on `n_rows`."""
    head = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    form = {"descr": descr, "fortran_order": False, "shape": (n_rows, n_features)}
    np.lib.format.write_array_header_1_0(head, form)
    return head.getvalue()


def as_stored(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return row-major values of `dtype`; a finite value must stay so, and no column become zero.

    A small number may become 0 beside larger ones of its column (rows of one call), which are
    rounded by as much; not where all of the column is as small.
    """
    if values.dtype == dtype:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, dtype=dtype)
    lost = np.isinf(stored) & np.isfinite(values)
    if lost.any():
        clip, column = np.argwhere(lost)[0]
        raise ValueError(
            f"{values[clip, column]:g} (clip {clip}, column {column}) does not fit into {dtype}; "
            "scale the features, or store them as float32."
        )
    if np.count_nonzero(stored) != np.count_nonzero(values):
        gone = (stored == 0) & (values != 0)
        lost = gone & (np.abs(stored).max(axis=0) < np.finfo(dtype).tiny)
        if lost.any():
            clip, column = np.argwhere(lost)[0]
            raise ValueError(
                f"{values[clip, column]:g} (clip {clip}, column {column}) becomes 0 in {dtype}, as "
                "do others of its column, which has none that is larger by far; scale the "
                "features, or store them as float32."
            )
    return stored


def fill(
    folder: Path, blocks: Iterable[Any], shape: tuple[int, int], dtype: Any, arrays: dict[str, Any]
) -> None:
    """Write all files of finished `Clips`.

    `blocks` are its videos, in parts (`Clips`); `arrays` are its arguments but for values.
    """
    finite, sums = True, list[int]()
    with open(folder / VALUES, "wb") as file:
        file.write(values_header(*shape, dtype))
        for block in blocks:
            finite = finite and all_finite(block.values)
            stored = as_stored(block.values, dtype)
            file.write(stored.data)
            sums += checksums(stored, block.lengths.tolist())
        arrays = arrays | {CHECKSUMS: np.array(sums, dtype=np.int64)}
        token = token_of(arrays, len(sums), finite)
        file.write(token.encode())
        sync(file)
    write_index(folder, token, finite, arrays)


def all_finite(values: NDArray[Any]) -> bool:
    """Tell whether no value is NaN or infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = values.sum(dtype=np.float64) if values.dtype == np.float16 else values.sum()
    return bool(np.isfinite(total)) or bool(np.isfinite(values).all())  # right if it is finite


def write_index(folder: Path, token: str, finite: bool, arrays: dict[str, Any]) -> None:
    """Write index.npz and clips.json; `arrays` are the arguments of `Clips`, and the checksums."""
    index = {name: _plain(value) for name, value in arrays.items()}
    write_atomically(folder / INDEX, lambda file: np.savez(file, **index))
    write_header(folder, n_videos=len(arrays["offsets"]) - 1, finite=finite, token=token)


def write_header(folder: Path, **more: Any) -> None:
    """Write clips.json in one step."""
    header = {"format": FORMAT, "version": FORMAT_VERSION} | more
    header["check"] = _check_of(header)
    write_atomically(folder / HEADER, lambda file: file.write(json.dumps(header).encode()))


def _check_of(header: dict[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(header, sort_keys=True).encode()):08x}"


def claim(folder: Path) -> FileLock:
    """Take the lock of a folder, for one who writes in it.

    Raises
    ------
    ValueError
        Another one is at work in it.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"Another ClipsWriter is at work in {folder}.") from None
    return lock


@contextmanager
def saving_to(folder: Path, overwrite: bool) -> Iterator[Path]:
    """Fill a working folder in the block, which then is `folder`; see `new_folder`."""
    recover(folder)
    if folder.exists() and not (overwrite and is_saved(folder)):
        raise FileExistsError(
            f"{folder} exists; choose another folder, or overwrite=True to replace saved Clips."
        )
    lock = claim(folder) if folder.exists() else None
    try:
        with new_folder(folder, OWN) as work:
            yield work
    except BaseException:
        if lock is not None:  # the old folder stays, as it was
            (folder / LOCK).unlink(missing_ok=True)
        raise
    finally:
        if lock is not None:
            lock.release()


def _plain(value: Any) -> Any:
    value = np.asarray(value)
    return value.astype(np.str_) if value.dtype == object else value
