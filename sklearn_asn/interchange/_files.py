"""Files that appear whole or not at all, and folders with one file a video."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sklearn_asn._checks import as_list, as_path
from sklearn_asn._disk.files import Write, finish_interrupted, write_atomically, write_together
from sklearn_asn.datasets._reading import File, as_ids, listed


def write_text(path: File, text: str, overwrite: bool) -> None:
    """Write one file as UTF-8, line ends as they are."""
    path = as_path(path)
    _write(path.parent, {path.name: text}, overwrite)


def write_folder(folder: File, texts: Mapping[str, str], suffix: str, overwrite: bool) -> None:
    """Write one file a video, named by its id; the folder is made if need be."""
    bad = [v for v in texts if v in ("", ".", "..") or not v.isprintable() or set(v) & set("/\\")]
    if bad:
        raise ValueError(f"{len(bad)} ids cannot name files: {listed([repr(v) for v in bad])}.")
    folder = as_path(folder, "folder")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, {v + suffix: text for v, text in texts.items()}, overwrite)


def _write(folder: Path, texts: Mapping[str, str], overwrite: bool) -> None:
    """Write all files or none."""
    present = [str(folder / name) for name in texts if (folder / name).exists()]
    if present and not overwrite:
        raise FileExistsError(f"{listed(present)} exists; overwrite=True replaces it.")
    try:
        contents = {name: text.encode() for name, text in texts.items()}
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!r} is no text that UTF-8 holds.") from None
    if len(contents) == 1:
        ((name, content),) = contents.items()
        write_atomically(folder / name, lambda handle: handle.write(content))
    else:
        write_together(folder, {name: _writer(content) for name, content in contents.items()})


def _writer(content: bytes) -> Write:
    return lambda handle: handle.write(content)


def files_by_id(paths: File | Iterable[File], suffix: str) -> dict[str, Path]:
    """Return the files by id, their names without the suffix.

    `paths` is a folder (its files with the suffix, sorted), one file, or an iterable of files.
    """
    if isinstance(paths, str | os.PathLike):
        folder = Path(paths)
        files = [folder]
        if folder.is_dir():
            finish_interrupted(folder)
            inside = sorted(folder.iterdir())
            files = [f for f in inside if f.name.lower().endswith(suffix) and f.is_file()]
            if not files:
                raise ValueError(f"{folder} has no {suffix} files.")
    else:
        given = as_list(paths, "paths", "a folder, a file, or a sequence of files")
        files = [as_path(path, f"paths[{i}]") for i, path in enumerate(given)]
    names = [f.name for f in files]
    ids = [n[: -len(suffix)] if n.lower().endswith(suffix) else Path(n).stem for n in names]
    return dict(zip(as_ids(ids, "names of the files"), files, strict=True))
