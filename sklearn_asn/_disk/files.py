"""Files that are there whole, and on the disk itself, or not at all: one, or several together."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sklearn_asn._disk.work import (
    claim_file,
    claim_folder,
    is_at,
    remove,
    remove_leftovers,
    target_of,
    wait_for,
)

Write = Callable[[IO[bytes]], Any]
_TOGETHER = "together"  # in names of working folders: never a file itself


def write_atomically(path: Path, write: Write) -> None:
    """Make a file by `write`: complete and on disk under its name, or not there at all.

    Until then the old file, if there is one, stays as it is. Permissions are those of any new
    file (umask); a symbolic link stays one, and the file that it names is replaced. Of several
    processes that write one path, the last one wins. What killed ones left of it is removed.
    """
    target = target_of(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        with open(target, "wb") as handle:  # a device or a pipe, which must not be replaced
            write(handle)
        return
    with _working_file(target) as (work, handle):
        write(handle)
        sync(handle)
        if os.name == "nt":  # an open file cannot be renamed there
            handle.close()
        os.replace(work, target)
    sync_folder(target.parent)
    remove_leftovers(target)


def write_together(folder: Path, files: Mapping[str, Write]) -> None:
    """Make several files of one folder: after an error or a kill, all are new or all are old.

    All are written first. Then one file, ``commit``, decides: from there on the next
    `write_together` or `finish_interrupted` of this folder completes what a kill left undone.

    Raises
    ------
    ValueError
        Two names are one file here, where case or accents are lost.
    """
    together = target_of(folder) / _TOGETHER
    work, held = claim_folder(together, _complete)
    try:
        for part in ("new", "old"):
            (work / part).mkdir()
        for name, write in files.items():
            with open(work / "new" / name, "wb") as handle:
                write(handle)
                sync(handle)
        if len(os.listdir(work / "new")) != len(files):
            raise ValueError("Some ids name the same file here, where case or accents are lost.")
        replaced = [name for name in files if (folder / name).exists()]
        for name in replaced:
            _copy(folder / name, work / "old" / name)
        for part in ("new", "old"):
            sync_folder(work / part)
        record = json.dumps({name: name in replaced for name in files}).encode()
        write_atomically(work / "commit", lambda handle: handle.write(record))
        try:
            _complete(work)
        except BaseException:
            _undo(work)
            raise
    finally:
        if not _is_decided(work):  # else the next one completes it
            remove(work)
        held.let_go()
    remove_leftovers(together, _complete)


def finish_interrupted(folder: Path) -> None:
    """Complete, before files of a folder are read, what a killed `write_together` had decided."""
    wait_for(target_of(folder) / _TOGETHER, _is_decided, _complete)


def allocate(handle: IO[bytes], size: int) -> None:
    """Take `size` octets of disk from where the file stands.

    A full disk is an OSError here; where a memory map meets it, the system ends the process.
    """
    start = handle.tell()
    handle.flush()
    try:
        os.posix_fallocate(handle.fileno(), start, max(size, 1))
    except (AttributeError, OSError) as error:
        known = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
        if isinstance(error, OSError) and error.errno not in known:
            raise
        nothing = bytes(min(size, 2**20))  # not known to this system, or to this disk
        for first in range(0, size, 2**20):
            handle.write(nothing[: size - first])
        handle.flush()
    os.ftruncate(handle.fileno(), start + size)
    handle.seek(start)


def sync(file: Any) -> None:
    """Bring what was written to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder last through a power cut."""
    if os.name == "nt":  # folders cannot be opened there
        return
    with suppress(OSError):  # a folder may be unreadable; some file systems know no fsync of one
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _working_file(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    work, descriptor = claim_file(target)
    with open(descriptor, "w+b") as handle:
        try:
            yield work, handle
        except BaseException:
            if is_at(descriptor, work):  # once moved, the name may be another process's
                if os.name == "nt":
                    handle.close()
                work.unlink(missing_ok=True)
            raise


def _is_decided(work: Path) -> bool:
    return (work / "commit").is_file() or (work / "undo").is_file()


def _complete(work: Path) -> None:
    """Move what was decided to its place, or back: a step done already is not done again."""
    if (work / "undo").is_file():
        _undo(work)
    elif (work / "commit").is_file():
        for name in json.loads((work / "commit").read_bytes()):
            if (work / "new" / name).exists():
                _move(work / "new" / name, work.parent / name)
        sync_folder(work.parent)
        (work / "commit").unlink()


def _undo(work: Path) -> None:
    """Put the old files back; those that were not there go."""
    if (work / "commit").is_file():
        os.replace(work / "commit", work / "undo")
    if (work / "undo").is_file():
        for name, was_there in json.loads((work / "undo").read_bytes()).items():
            if (work / "old" / name).exists():
                _move(work / "old" / name, work.parent / name)
            elif not was_there and not (work / "new" / name).exists():  # it was moved: it is ours
                (work.parent / name).unlink(missing_ok=True)
        sync_folder(work.parent)
        (work / "undo").unlink()


def _move(file: Path, path: Path) -> None:
    try:
        os.replace(file, target_of(path))
    except OSError as error:
        if error.errno != errno.EXDEV:  # the link leads to another disk
            raise
        with open(file, "rb") as source:
            write_atomically(path, lambda handle: shutil.copyfileobj(source, handle))
        file.unlink()


def _copy(file: Path, path: Path) -> None:
    """Keep a file under another name: without copying it where the disk can."""
    try:
        os.link(target_of(file), path)
    except OSError:
        shutil.copy2(file, path)
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())
