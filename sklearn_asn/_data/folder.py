"""A folder of saved `Clips`: its files, and how to read and write them.

values.npy
    Features of all clips, in NumPy's own format.
clips.json
    Format, version, and whether all features are finite.
index.npz
    Everything else of finished `Clips`: offsets, timing, ids, names.
videos.jsonl
    While `ClipsWriter` has not finished, instead of index.npz: one line a finished video. What
    values.npy holds beyond these videos is not theirs.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._disk.files import write_atomically

FORMAT = "sklearn_asn.Clips"
FORMAT_VERSION = 2  # 1 had no word on whether features are finite, and no videos.jsonl

VALUES, HEADER, INDEX, JOURNAL = "values.npy", "clips.json", "index.npz", "videos.jsonl"
PER_VIDEO = ("clip_seconds", "start_seconds", "ids")
SHARED = ("feature_names",)


def is_saved(folder: Path) -> bool:
    """Tell whether a folder holds saved `Clips`, finished or not."""
    return (folder / HEADER).is_file()


def read_header(folder: Path) -> dict[str, Any]:
    """Return what clips.json says.

    Raises
    ------
    FileNotFoundError, ValueError
    """
    if not is_saved(folder):
        raise FileNotFoundError(f"{folder} holds no saved Clips (no {HEADER}).")
    try:
        header = json.loads((folder / HEADER).read_text())
        good = header["format"] == FORMAT and header["version"] <= FORMAT_VERSION
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}/{HEADER} is damaged or foreign: {error!r}.") from error
    if not good:
        raise ValueError(f"{folder}/{HEADER} is not Clips of version <= {FORMAT_VERSION}.")
    return header


def read_folder(folder: Path, mmap: bool) -> tuple[NDArray[Any], dict[str, Any], bool]:
    """Return values, the other arguments of `Clips`, and whether all values are known as finite."""
    header = read_header(folder)
    try:
        if (folder / INDEX).is_file():
            values = np.load(folder / VALUES, mmap_mode="r" if mmap else None)
            with open(folder / INDEX, "rb") as file, np.load(file) as index:
                return values, {n: index[n] for n in index.files}, bool(header.get("finite"))
        videos = read_journal(folder)
        values = map_rows(folder, sum(video["n_clips"] for video in videos))
        finite = all(video["finite"] for video in videos)
        return values if mmap else np.array(values), arguments_of(header, videos), finite
    except (OSError, EOFError, KeyError, TypeError, ValueError, BadZipFile) as error:
        raise ValueError(f"{folder} is damaged: {error}") from error


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """Return what is known of every finished video; a line cut off is no video."""
    *lines, _ = (folder / JOURNAL).read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def arguments_of(header: dict[str, Any], videos: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of `Clips` besides its values."""
    arguments: dict[str, Any] = {"offsets": offsets_from_lengths([v["n_clips"] for v in videos])}
    for name in PER_VIDEO:
        if videos and videos[0][name] is not None:
            arguments[name] = [video[name] for video in videos]
    if header.get("feature_names") is not None:
        arguments["feature_names"] = header["feature_names"]
    return arguments


def map_rows(folder: Path, n_rows: int) -> NDArray[Any]:
    """Map the first rows of a values.npy that may hold more than its header says."""
    with open(folder / VALUES, "rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        offset = file.tell()
    if not n_rows:
        return np.zeros((0, shape[1]), dtype)
    return np.memmap(folder / VALUES, dtype, "r", offset, (n_rows, shape[1]))


def values_header(n_rows: int, n_features: int, dtype: np.dtype[Any]) -> bytes:
    """Return the head of a .npy file; its length does not depend on `n_rows`."""
    head = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    form = {"descr": descr, "fortran_order": False, "shape": (n_rows, n_features)}
    np.lib.format.write_array_header_1_0(head, form)
    return head.getvalue()


def write_values(file: BinaryIO, blocks: Iterable[NDArray[Any]], dtype: np.dtype[Any]) -> None:
    """Append rows in `dtype`.

    Raises
    ------
    ValueError
        A finite value does not fit into `dtype`.
    """
    for block in blocks:
        file.write(as_stored(block, dtype).data)


def as_stored(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return row-major values of `dtype`; a finite value must stay so."""
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
    return stored


def write_index(folder: Path, n_videos: int, finite: bool, arrays: dict[str, Any]) -> None:
    """Write index.npz and clips.json; `arrays` are the arguments of `Clips` but for values."""
    index = {name: _plain(value) for name, value in arrays.items() if value is not None}
    write_atomically(folder / INDEX, lambda file: np.savez(file, **index))
    write_header(folder, n_videos=n_videos, finite=finite)


def write_header(folder: Path, **more: Any) -> None:
    """Write clips.json in one step."""
    header = {"format": FORMAT, "version": FORMAT_VERSION} | more
    write_atomically(folder / HEADER, lambda file: file.write(json.dumps(header).encode()))


@contextmanager
def new_folder(folder: Path, overwrite: bool) -> Iterator[Path]:
    """Fill a working folder in the block; it becomes `folder` only if nothing goes wrong."""
    if folder.exists() and not (overwrite and is_saved(folder)):
        raise FileExistsError(
            f"{folder} exists; choose another folder, or overwrite=True to replace saved Clips."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield work
        if folder.exists():  # moved aside first: at no moment is there neither
            old = work / "replaced"
            folder.rename(old)
            work.rename(folder)
            shutil.rmtree(folder / "replaced")
        else:
            work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _plain(value: Any) -> Any:
    value = np.asarray(value)
    return value.astype(np.str_) if value.dtype == object else value
