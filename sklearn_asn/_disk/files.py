"""Files that are there whole, and on the disk itself, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Make a file by `write`: complete and on disk under its name, or not there at all.

    Of several processes that write one path, the last one wins.
    """
    # not tempfile's, which only its owner may read: others of the project could not
    work = path.with_name(f".{path.name[:100]}-{uuid4().hex}.tmp")
    try:
        with work.open("xb") as handle:
            write(handle)
            sync(handle)
        os.replace(work, path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sync(file: Any) -> None:
    """Bring what was written to the disk itself."""
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder last through a power cut."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems know no fsync of a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
