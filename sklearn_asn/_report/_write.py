"""Write the page: whole or not at all, and never over a file that is something else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def check_target(path: Path, mark: str, overwrite: bool) -> None:
    """Refuse a folder, and a file that does not carry `mark` near its beginning.

    Raises
    ------
    FileExistsError
        Something that is no report is there.
    """
    if path.is_dir():
        raise FileExistsError(f"{path} is a folder; give the path of a file to write.")
    if overwrite or not path.exists():
        return
    with path.open("rb") as file:
        start = file.read(1024)
    if mark.encode() not in start:
        raise FileExistsError(
            f"{path} exists and is not a report; choose another path, or overwrite=True."
        )


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 beside `path`, then rename: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with work.open("xb") as file:
            file.write(text.encode("utf-8", "replace"))  # lone surrogates of odd file names
            file.flush()
            os.fsync(file.fileno())
        os.replace(work, path)
    except BaseException:
        work.unlink(missing_ok=True)
        raise
