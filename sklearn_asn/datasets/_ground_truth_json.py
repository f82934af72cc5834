"""Ground truth in JSON: ActivityNet's and its kin, BSN's, and Charades' actions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_asn.datasets._reading import Entry, Row, Truth
from sklearn_asn.datasets._times import number_of


def read_database(content: Any, path: Path) -> Truth:
    """Read ``{"database": {id: {...}}}``."""
    return _truth(content["database"], path, "activitynet", "database.", "duration")


def read_bsn(content: Any, path: Path) -> Truth:
    """Read ``{id: {"duration_second", "annotations"}}``."""
    return _truth(content, path, "bsn", "", "duration_second")


def read_actions(content: Any, path: Path) -> Truth:
    """Read ``{id: {"subset", "duration", "actions": [[class, start, end]]}}``."""
    return _truth(content, path, "actions", "", "duration")


def _has(content: Any, name: str) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(entry, dict) and name in entry for entry in content.values())


#: What recognises a form, and what reads it.
JSON_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Path], Truth]], ...] = (
    (
        lambda content: isinstance(content, dict) and isinstance(content.get("database"), dict),
        read_database,
    ),
    (lambda content: _has(content, "annotations"), read_bsn),
    (lambda content: _has(content, "actions"), read_actions),
)


def _truth(database: dict[str, Any], path: Path, form: str, top: str, length: str) -> Truth:
    entries = {}
    for video, entry in database.items():
        where = f"{top}{video}"
        if not isinstance(entry, dict):
            raise ValueError(f"{path}: {where} is {entry!r:.80}; expected an object.")
        duration = entry.get(length)
        seconds = np.nan if duration is None else _number(duration, path, f"{where}.{length}")
        if seconds <= 0:
            raise ValueError(f"{path}: {where}.{length} is {seconds:g}; expected more than 0.")
        subset = entry.get("subset") or ""
        if not isinstance(subset, str):
            raise ValueError(f"{path}: {where}.subset is {subset!r:.80}; expected a string.")
        name = "actions" if form == "actions" else "annotations"
        rows = entry.get(name)
        if not isinstance(rows, list):
            raise ValueError(f"{path}: {where}.{name} is {rows!r:.80}; expected a list.")
        read = _action if form == "actions" else _annotation
        items = [read(item, path, f"{where}.{name}[{i}]") for i, item in enumerate(rows)]
        entries[video] = Entry(subset, seconds, items)
    return Truth(form, entries)


def _annotation(item: Any, path: Path, where: str) -> Row:
    """Read ``{"label", "segment": [start, end]}``."""
    times = item.get("segment") if isinstance(item, dict) else None
    if not isinstance(times, list) or len(times) != 2:
        raise ValueError(f"{path}: {where}.segment is {times!r:.80}; expected [start, end].")
    start, end = (_number(t, path, f"{where}.segment") for t in times)
    return Row(where, _label(item.get("label"), path, f"{where}.label"), start, end)


def _action(item: Any, path: Path, where: str) -> Row:
    """Read ``[class, start, end]``."""
    if not isinstance(item, list) or len(item) != 3:
        raise ValueError(f"{path}: {where} is {item!r:.80}; expected [class, start, end].")
    label = _label(item[0], path, f"{where}[0]")
    return Row(where, label, *(_number(t, path, where) for t in item[1:]))


def _number(value: Any, path: Path, where: str) -> float:
    """Read a number, also one written as text."""
    if isinstance(value, str):
        try:
            value = number_of(value)
        except ValueError:
            value = None
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError(f"{path}: {where} has {value!r:.80}; expected a finite number.")
    return value


def _label(value: Any, path: Path, where: str) -> str | int:
    """Read a class: text that is not blank, or a whole number."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(f"{path}: {where} is {value!r:.80}; expected a class.")
