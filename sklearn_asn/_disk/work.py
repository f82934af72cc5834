"""Working files and folders beside their target: named after it, held while their process lives.

``.NAME.sklearn_asn-0.tmp`` is what becomes NAME. Whoever makes it holds a lock on it, which the
system lets go of when the process ends, however it ends: what has such a name and no holder was
left by a killed process, and the next one that writes NAME removes it.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LONGEST = 150  # octets of a name; 255 are allowed, and ours get longer
_FORGOTTEN = 86400.0  # seconds; where there are no locks, older work has no one who works on it
_LATER_SLOTS = 8  # looked through for leftovers
_WAIT = 10.0  # seconds that a reader waits for a writer to finish moving files


class Hold:
    """A lock on a folder, which ends with `let_go`, or when nobody refers to it any more.

    The second is for Ctrl-C, which may come before the first.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def let_go(self) -> None:
        """End it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def is_at(self, path: Path) -> bool:
        """Tell whether the folder has this name still."""
        return is_at(self._descriptor, path)

    __del__ = let_go


class _Held(Enum):
    FREE = 0
    TAKEN = 1
    UNKNOWN = 2  # this file system has no locks


def target_of(path: Path) -> Path:
    """Return where writing to `path` goes: a symbolic link stays one, and what it names changes.

    Raises
    ------
    OSError
        The link leads to itself.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(f"{path} is a symbolic link that leads to itself.")
    return target


def name_beside(target: Path, ending: str) -> Path:
    """Return a hidden path in the same folder, known by its name as of `target` and as ours."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST:
        name = f"{name[:30]}-{zlib.crc32(os.fsencode(name)):08x}"
    return target.with_name(f".{name}.sklearn_asn-{ending}")


def is_work(name: str) -> bool:
    """Tell whether a file is of our making by its name."""
    return name.startswith(".") and ".sklearn_asn-" in name


def claim_file(target: Path) -> tuple[Path, int]:
    """Make a new file beside `target` and hold it; return its path and descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # mode 0o666 less the umask, not tempfile's, which only its owner may read
    return _claim(target, lambda work: os.open(work, flags, 0o666))


def claim_folder(target: Path, finish: Callable[[Path], None] | None = None) -> tuple[Path, Hold]:
    """Make a new folder beside `target` and hold it; `finish` completes one that was left."""

    def make(work: Path) -> int | None:
        work.mkdir()
        return None if fcntl is None else os.open(work, os.O_RDONLY)

    work, descriptor = _claim(target, make, finish)
    return work, Hold(descriptor)


def is_at(descriptor: int | None, path: Path) -> bool:
    """Tell whether an open file or folder still has this name."""
    if descriptor is None or descriptor < 0:
        return fcntl is None and os.path.lexists(path)
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def hold(folder: Path) -> Hold:
    """Hold a folder of ours that is to be removed, so that nobody else takes it for a leftover."""
    if fcntl is None:
        return Hold(-1)
    descriptor = os.open(folder, os.O_RDONLY)
    _lock(descriptor)
    return Hold(descriptor)


def remove(work: Path) -> None:
    """Remove a working file or folder, if it is there."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(work).st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(work, ignore_errors=True)
    else:
        work.unlink(missing_ok=True)


def remove_leftovers(target: Path, finish: Callable[[Path], None] | None = None) -> None:
    """Remove what killed processes left of `target`; errors do not matter here."""
    for slot in range(_LATER_SLOTS):
        work = name_beside(target, f"{slot}.tmp")
        if os.path.lexists(work):
            with suppress(OSError):
                _remove_unheld(work, finish)


def wait_for(target: Path, busy: Callable[[Path], bool], finish: Callable[[Path], None]) -> None:
    """Finish leftover work that is `busy`, or wait until whoever holds it has done so."""
    began = time.monotonic()
    for slot in range(_LATER_SLOTS):
        work = name_beside(target, f"{slot}.tmp")
        while busy(work) and not _remove_unheld(work, finish):
            if time.monotonic() - began > _WAIT:
                raise TimeoutError(
                    f"Files of {target.parent} are being replaced by another process, or were when "
                    f"it was killed, and {work.name} cannot be completed from here."
                )
            time.sleep(0.01)


def _claim(
    target: Path, make: Callable[[Path], int | None], finish: Callable[[Path], None] | None = None
) -> tuple[Path, int]:
    for slot in count():
        work = name_beside(target, f"{slot}.tmp")
        while True:
            try:
                descriptor = make(work)
            except FileExistsError:
                if _remove_unheld(work, finish):
                    continue
                break  # someone is at work there
            except FileNotFoundError:
                if work.parent.is_dir():  # taken for a leftover before it was held
                    continue
                raise
            if descriptor is None:
                return work, -1
            # between being made and being held it may have been taken for a leftover
            if _lock(descriptor) is not _Held.TAKEN and is_at(descriptor, work):
                return work, descriptor
            os.close(descriptor)
    raise AssertionError("unreachable")


def _remove_unheld(work: Path, finish: Callable[[Path], None] | None) -> bool:
    """Remove work that no living process holds; tell whether its name is free now."""
    if fcntl is None:
        with suppress(OSError):  # Windows removes no file that is open
            if time.time() - work.stat().st_mtime > _FORGOTTEN:
                remove(work)
        return not os.path.lexists(work)
    try:
        descriptor = os.open(work, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        held = _lock(descriptor)
        old = time.time() - os.fstat(descriptor).st_mtime > _FORGOTTEN
        if held is _Held.TAKEN or (held is _Held.UNKNOWN and not old):
            return False
        if is_at(descriptor, work):  # else its holder has just moved it to its place
            if finish is not None:
                finish(work)
            remove(work)
        return not os.path.lexists(work)
    except PermissionError:
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> _Held:
    if fcntl is None:
        return _Held.UNKNOWN
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _Held.TAKEN
    except OSError:
        return _Held.UNKNOWN
    return _Held.FREE
