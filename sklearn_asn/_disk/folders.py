"""Folders that are there whole or not at all, and that replace another in one step."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sklearn_asn._disk.files import sync_folder
from sklearn_asn._disk.work import (
    Hold,
    claim_folder,
    hold,
    is_work,
    name_beside,
    remove,
    remove_leftovers,
    target_of,
)

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def recover(folder: Path) -> None:
    """Bring a folder back whose replacement was interrupted on a system without exchange."""
    target = target_of(folder)
    aside = name_beside(target, "old")
    if not target.exists() and aside.is_dir():
        with suppress(FileNotFoundError):  # another process was faster
            os.rename(aside, target)


@contextmanager
def new_folder(folder: Path, own: Collection[str] = ()) -> Iterator[Path]:
    """Fill a working folder in the block; it becomes `folder` only if nothing goes wrong.

    At every moment the name leads to the old folder or to the new one: where the system can
    exchange two names in one step it does so, elsewhere `recover` undoes what a kill leaves.
    Permissions are those of any new folder (umask); a symbolic link stays one.

    Parameters
    ----------
    folder : path
        Must not exist, or hold nothing but `own` files.
    own : collection of str
        Names of files of ours, which may be replaced.

    Raises
    ------
    FileExistsError
        The folder holds something else, which would be lost.
    """
    target = target_of(folder)
    recover(target)
    check_own(folder, own)
    target.parent.mkdir(parents=True, exist_ok=True)
    work, new = claim_folder(target)
    old = Hold(-1)
    try:
        yield work
        sync_folder(work)
        check_own(folder, own)  # once more: it may have taken long
        if not target.exists():
            _name(work, target)
        else:
            old = hold(target)
            if not _exchange(work, target):
                _step_aside(work, target, own)
        sync_folder(target.parent)
    finally:
        if new.is_at(work):  # not yet the folder
            remove(work)
        elif old.is_at(work):  # no longer the folder
            _discard(work, target, own)
        new.let_go()
        old.let_go()
    remove_leftovers(target)
    _discard(name_beside(target, "old"), target, own)


def check_own(folder: Path, own: Collection[str]) -> None:
    """Refuse a folder that holds anything but `own` files and working files of ours."""
    if folder.is_dir():
        foreign = sorted(name for name in os.listdir(folder) if name not in own)
        foreign = [name for name in foreign if not is_work(name)]
        if foreign:
            raise FileExistsError(
                f"{folder} also holds {foreign[0]} ({len(foreign)} such files), which would be "
                "lost; move it away, or choose another folder."
            )


def _name(work: Path, target: Path) -> None:
    try:
        os.rename(work, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        raise FileExistsError(f"{target} was made by another process meanwhile.") from None


def _step_aside(work: Path, target: Path, own: Collection[str]) -> None:
    """Replace a folder in two steps; an error undoes the first, and `recover` does after a kill."""
    aside = name_beside(target, "old")
    _discard(aside, target, own)
    try:
        os.rename(target, aside)
        os.rename(work, target)
    except BaseException:
        if not target.exists() and aside.is_dir():
            os.rename(aside, target)
        raise


def _discard(old: Path, target: Path, own: Collection[str]) -> None:
    """Remove a replaced folder; what others have just put there goes to the new one."""
    if not old.is_dir() or not target.is_dir():
        return
    for name in os.listdir(old):
        if name in own or is_work(name):
            remove(old / name)
        elif not (target / name).exists():
            os.rename(old / name, target / name)
    with suppress(OSError):
        old.rmdir()


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    call = _renameat2()
    if call is None:
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV):
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


@cache
def _renameat2() -> Callable[..., Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # glibc before 2.28
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    call.restype = ctypes.c_int
    return call
