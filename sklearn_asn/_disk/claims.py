"""What files claim to hold, compared with what they are: before any memory is asked for.

A file of a kilobyte may say of itself that it unpacks to gigabytes.
"""

from __future__ import annotations

import math
import os
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

RATIO = 1100  # times that deflate shrinks at most, 1032, and a little more
FREE = 2**26  # octets that anything may ask for


def check_claim(claimed: int, stored: int, where: str) -> None:
    """Refuse what claims to unpack to more octets than those stored could.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_claim(10**6, 1400, "small.npz")
    >>> check_claim(4 * 10**9, 1400, "small.npz")
    Traceback (most recent call last):
    ...
    ValueError: small.npz claims 4000000000 octets, but 1400 are stored: it is damaged, or ...
    """
    if claimed > FREE and claimed > RATIO * stored:
        raise ValueError(
            f"{where} claims {claimed} octets, but {stored} are stored: it is damaged, or made to "
            "fill the memory."
        )


def check_npy(file: IO[bytes], size: int, where: str) -> None:
    """Refuse a .npy stream of `size` octets whose header claims more; leaves it at its start.

    Pickled objects, whose size no header says, pass.

    Raises
    ------
    ValueError
        It claims more than there is, or has no such header.
    """
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        # version 3 differs from 2 in the encoding of names only, which plain numbers have not
        shape, _, dtype = reader.get(version, np.lib.format.read_array_header_2_0)(file)
        if any(not isinstance(n, int) or n < 0 for n in shape):
            raise ValueError(f"shape {shape}")
    except Exception as error:  # a damaged header is parsed as Python: it may raise anything
        raise ValueError(f"{where}: no .npy file, or damaged ({error}).") from error
    there = size - file.tell()
    file.seek(0)
    claimed = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and claimed > there:
        raise ValueError(
            f"{where} claims {claimed} octets of numbers, but holds {there}: it is damaged or cut "
            "short."
        )


def check_zip(archive: ZipFile, where: str) -> None:
    """Refuse an archive with a member that claims more than could be stored in it."""
    for member in archive.infolist():
        check_claim(member.file_size, member.compress_size, f"{where}: {member.filename}")


def check_npz(path: str | os.PathLike[str]) -> None:
    """Refuse an .npz of which a member, or its header, claims more than is there.

    Raises
    ------
    ValueError
        It does, or is no archive.
    """
    try:
        with ZipFile(path) as archive:
            check_zip(archive, str(path))
            for member in archive.infolist():
                if member.filename.endswith(".npy"):
                    with archive.open(member) as file:
                        check_npy(file, member.file_size, f"{path}: {member.filename}")
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is no .npz, or is damaged: {error}.") from error


def check_hdf5(item: Any, where: str) -> None:
    """Refuse an HDF5 data set that reads other files, claims too much, or is not all there.

    Raises
    ------
    ValueError
    """
    if item.external or item.is_virtual:
        raise ValueError(
            f"{where} keeps its numbers in another file, which is not followed: whoever made it "
            "could have any file read."
        )
    if not item.size:
        return
    stored = item.id.get_storage_size()
    check_claim(item.nbytes, stored, where)
    if item.chunks is not None:
        check_claim(math.prod(item.chunks) * item.dtype.itemsize, stored, f"{where}: a chunk")
        grid = zip(item.shape, item.chunks, strict=True)
        wanted = math.prod(-(-n // chunk) for n, chunk in grid)
        written = item.id.get_num_chunks()
        if written < wanted:
            raise ValueError(
                f"{where} has {written} of its {wanted} chunks: it was never finished."
            )
    elif not stored:
        raise ValueError(f"{where} was never written.")
