"""Arrays that a file's memory map shows, and how to read them without filling the memory."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HASHED = 2**24  # octets that one thread hashes at a time
_SHARED = "joblib_memmapping_folder_"  # of arrays in memory that joblib shows to its processes


@dataclass(frozen=True)
class MappedFile:
    """The array that a file's read-only memory map shows, by name: cheap to pickle and to hash."""

    path: str
    size: int
    mtime_ns: int
    offset: int
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: Any) -> MappedFile | None:
        """Identify a whole, row-major, read-only memory map; None for any other array.

        One that joblib made to show an array to its processes is none: that array is in memory,
        and its file is gone when they are done.
        """
        is_map = isinstance(values, np.memmap) and isinstance(values.base, mmap.mmap)
        if not is_map or values.mode != "r" or not values.flags.c_contiguous:
            return None
        if not isinstance(values.filename, str | os.PathLike) or _is_shared(values):
            return None
        known = getattr(values, "mapped_file", None)
        if isinstance(known, cls):
            return known
        path = os.path.realpath(values.filename)
        stat = os.stat(path)
        identity = (stat.st_size, stat.st_mtime_ns, int(values.offset))
        return cls(path, *identity, values.dtype.str, values.shape)

    def open(self) -> NDArray[Any]:
        """Map the file again, in another process or on another machine.

        Raises
        ------
        FileNotFoundError, ValueError
            The file is not there, or is no longer the same.
        """
        try:
            file = open(self.path, "rb")  # noqa: SIM115
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.path} is not here. Clips that stay on disk are pickled as their path: "
                "the file must be found under the same path wherever they are used."
            ) from None
        with file:
            stat = os.fstat(file.fileno())  # of what is mapped, whatever has the name by now
            if (stat.st_size, stat.st_mtime_ns) != (self.size, self.mtime_ns):
                raise ValueError(
                    f"{self.path} has changed since its Clips were pickled; open them anew."
                )
            return _map(file, self.dtype, self.offset, self.shape)


def _is_shared(values: Any) -> bool:
    """Tell whether joblib made the file, which is deleted with its processes."""
    return _SHARED in os.fspath(values.filename or "")


def map_table(path: str, n_rows: int | None = None, ending: bytes | None = None) -> NDArray[Any]:
    """Map the rows of a .npy file that holds a 2-D array of floats.

    Parameters
    ----------
    path : str
    n_rows : int, default=None
        Rows to map, where the file's head does not say how many it holds.
    ending : bytes, default=None
        What must follow the rows, and nothing else.

    Raises
    ------
    ValueError
        It is no such file, is cut short, or ends in something else.
    """
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
        offset = file.tell()
        if len(shape) != 2 or by_column or not np.issubdtype(dtype, np.floating):
            raise ValueError(f"{path} holds {shape} {dtype}, expected rows of floats")
        if n_rows is not None and ending is not None and shape[0] != n_rows:
            raise ValueError(f"{path} holds {shape[0]} rows, expected {n_rows}")
        shape = (shape[0] if n_rows is None else n_rows, shape[1])
        end = offset + shape[0] * shape[1] * dtype.itemsize
        size = os.fstat(file.fileno()).st_size
        if size < end:
            raise ValueError(f"{path} is cut short: {size} octets, expected {end}")
        if ending is not None:
            file.seek(end)
            if file.read(len(ending) + 1) != ending:
                raise ValueError(f"{path} was not saved together with the other files")
        return _map(file, dtype.str, offset, shape)


def _map(file: Any, dtype: str, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map an open file, and keep what tells it from another that may get its name later."""
    if 0 in shape:
        return np.zeros(shape, dtype)
    values = np.memmap(file, np.dtype(dtype), "r", offset, shape)
    stat = os.fstat(file.fileno())
    known = (stat.st_size, stat.st_mtime_ns, offset, dtype, tuple(shape))
    values.mapped_file = MappedFile(os.path.realpath(file.name), *known)  # type: ignore[attr-defined]
    return values


@contextmanager
def reading(values: Any, *, scattered: bool = False) -> Iterator[None]:
    """Read a file's memory map in the block, then give back its pages: memory stays flat.

    Scattered rows are read without the system's read-ahead, which would fetch 16 pages for one.
    """
    is_map = isinstance(values, np.memmap) and values.mode == "r" and not _is_shared(values)
    given = values.base if is_map else None
    pages = given if isinstance(given, mmap.mmap) else None
    advise = pages is not None and hasattr(mmap, "MADV_RANDOM")
    if pages is not None and advise and scattered:
        pages.madvise(mmap.MADV_RANDOM)
    try:
        yield
    finally:
        if pages is not None and advise:
            if scattered:
                pages.madvise(mmap.MADV_NORMAL)
            pages.madvise(mmap.MADV_DONTNEED)


def give_back(values: Any, first: int, stop: int) -> None:
    """Give back the pages of the rows ``first : stop`` of a file's memory map."""
    if hasattr(mmap, "MADV_DONTNEED"):
        row = values.strides[0]
        # the map begins where the file's page does that holds the first row
        ahead = values.offset % mmap.ALLOCATIONGRANULARITY
        begin = (ahead + first * row) // mmap.PAGESIZE * mmap.PAGESIZE
        end = min(ahead + stop * row, len(values.base))
        values.base.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def content_of(values: NDArray[Any]) -> str:
    """Hash an array's type, shape and values, on all cores."""
    packed = np.ascontiguousarray(values)
    octets = packed.reshape(-1).view(np.uint8)
    parts = [octets[i : i + _HASHED] for i in range(0, len(octets), _HASHED)]
    digest = hashlib.sha256(repr((packed.dtype.str, packed.shape)).encode())
    with ThreadPoolExecutor() as workers:
        for part in workers.map(lambda part: hashlib.sha256(part.data).digest(), parts):
            digest.update(part)
    return digest.hexdigest()
