"""Write the page: whole or not at all, and never over a file that is something else."""

from __future__ import annotations

from pathlib import Path

from sklearn_asn._disk.files import write_atomically


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


def write_page(path: Path, text: str) -> None:
    """Write UTF-8 under a name: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8", "replace")  # lone surrogates of odd file names
    write_atomically(path, lambda file: file.write(data))
