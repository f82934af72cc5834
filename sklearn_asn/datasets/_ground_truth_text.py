"""Ground truth as text: Charades' table, and one file a class as THUMOS and MultiTHUMOS."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from sklearn_asn.datasets._reading import Entry, Row, Truth, listed, read_text
from sklearn_asn.datasets._times import number_of

CLASS_LISTS = ("class_list.txt", "detclasslist.txt")
AMBIGUOUS = "Ambiguous"
NOT_CLASSES = re.compile(r"(?i)readme.*|licen[cs]e.*")


def read_charades_csv(path: Path) -> Truth:
    """Read the columns id, length and actions of Charades' CSV."""
    lines = csv.DictReader(io.StringIO(read_text(path), newline=""))
    lacking = {"id", "actions"} - set(lines.fieldnames or [])
    if lacking:
        raise ValueError(f"{path}, line 1: no column {sorted(lacking)[0]!r}.")
    entries: dict[str, Entry] = {}
    for line in lines:
        where = f"{path}, line {lines.line_num}"
        video, actions = line["id"], line["actions"]
        if not video or actions is None:
            raise ValueError(f"{where}: expected an id and its actions.")
        if video in entries:
            raise ValueError(f"{where}: {video} was on a line before.")
        rows = []
        for action in filter(None, (text.strip() for text in actions.split(";"))):
            words = action.split()
            try:
                label, start, end = words[0], *map(number_of, words[1:])
            except ValueError:
                expected = "expected actions 'class start end;...'"
                raise ValueError(f"{where}: {expected}, got {action!r:.60}.") from None
            rows.append(Row(f"line {lines.line_num} ({video}, {label})", label, start, end))
        entries[video] = Entry("", _length(line.get("length"), where), rows)
    if not entries:
        raise ValueError(f"{path} holds no videos.")
    return Truth("charades", entries)


def read_class_files(folder: Path) -> Truth:
    """Read a folder with a text file of "video start end" for every class."""
    lists = [folder / n for n in CLASS_LISTS] + [folder / "annotations" / n for n in CLASS_LISTS]
    found = [file for file in lists if file.is_file()]
    classes = _class_list(found[0]) if found else None
    below = folder / "annotations"
    files = sorted((below if below.is_dir() else folder).glob("*.txt"))
    files = [f for f in files if f.name not in CLASS_LISTS and not NOT_CLASSES.fullmatch(f.name)]
    by_class = {f: re.sub(r"_(test|val|validation)$", "", f.stem) for f in files}
    by_class = {f: name for f, name in by_class.items() if name != AMBIGUOUS}
    if not by_class:
        raise ValueError(f"{folder} holds no text files of classes, such as Walk.txt.")
    unknown = [f.name for f, name in by_class.items() if classes and name not in classes]
    if unknown:
        raise ValueError(f"{folder}: files of classes not in {found[0].name}: {listed(unknown)}.")
    lacking = sorted(set(classes or ()) - set(by_class.values()))
    if lacking:
        raise FileNotFoundError(f"{folder} lacks the files of {len(lacking)}: {listed(lacking)}.")
    entries: dict[str, Entry] = {}
    for file, label in by_class.items():
        for i, line in enumerate(read_text(file).split("\n"), 1):
            words = line.split()
            if not words:
                continue
            try:
                video, start, end = words[0], *map(number_of, words[1:])
            except ValueError:
                expected = "expected 'video start end'"
                raise ValueError(f"{file}, line {i}: {expected}, got {line!r:.60}.") from None
            entry = entries.setdefault(video, Entry(_subset(video), np.nan, []))
            entry.rows.append(Row(f"{file.name}, line {i} ({video})", label, start, end))
    if not entries:
        raise ValueError(f"The text files of {folder} hold no segments.")
    return Truth("thumos", dict(sorted(entries.items())), classes)


def _class_list(file: Path) -> list[str]:
    """Read lines of "number name", or of names."""
    names = [line.split()[-1] for line in read_text(file).split("\n") if line.strip()]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{file}: expected a class a line, each of them once.")
    return names


def _subset(video: str) -> str:
    match = re.match(r"video_(validation|test)_", video)
    return match[1] if match else ""


def _length(text: str | None, where: str) -> float:
    if text is None or not text.strip():
        return np.nan
    try:
        length = number_of(text)
    except ValueError:
        length = 0.0
    if not length > 0:
        raise ValueError(f"{where}: the length is {text!r:.60}; expected a positive number.")
    return length
