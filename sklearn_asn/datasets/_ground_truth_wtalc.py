"""W-TALC's ground truth: a folder of .npy files, most of them pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sklearn_asn._disk.claims import check_npy
from sklearn_asn.datasets._reading import Entry, Row, Truth, as_ids

NEEDED = ("videoname", "segments", "labels")


def is_wtalc(folder: Path) -> bool:
    """Tell W-TALC's folder by its names of videos and its segments."""
    return all((folder / f"{name}.npy").is_file() for name in ("videoname", "segments"))


def read_wtalc(folder: Path, allow_pickle: bool) -> Truth:
    """Read segments, labels and, where they are there, subset, duration and list of classes."""
    content = {name: _load(folder / f"{name}.npy", allow_pickle) for name in NEEDED}
    for name in ("subset", "duration", "classlist"):
        if (folder / f"{name}.npy").is_file():
            content[name] = _load(folder / f"{name}.npy", allow_pickle)
    ids = as_ids(content["videoname"], f"{folder}/videoname.npy")
    for name, values in content.items():
        if name != "classlist" and len(values) != len(ids):
            found = f"{folder}/{name}.npy holds {len(values)} entries"
            raise ValueError(f"{found}, videoname.npy names {len(ids)} videos.")
    subsets = [_text(v, f"{folder}/subset.npy") for v in content.get("subset", [""] * len(ids))]
    seconds = [_duration(v, folder) for v in content.get("duration", [np.nan] * len(ids))]
    entries = {}
    for i, video in enumerate(ids):
        times, labels = content["segments"][i], content["labels"][i]
        where = f"segments[{i}] ({video})"
        try:
            table = np.asarray(times, dtype=np.float64).reshape(len(times), -1 if len(times) else 2)
        except (TypeError, ValueError):
            raise ValueError(f"{folder}: {where} are no numbers: {times!r:.60}.") from None
        if len(table) != len(labels) or (len(table) and table.shape[1] != 2):
            found = f"{len(table)} segments of shape {table.shape}, and {len(labels)} labels"
            raise ValueError(f"{folder}: {where}: {found}; expected [start, end] for each label.")
        names = [_text(v, f"{folder}: labels[{i}]") for v in labels]
        rows = [
            Row(f"{where}, {k}", name, *pair)
            for k, (name, pair) in enumerate(zip(names, table.tolist(), strict=True))
        ]
        entries[video] = Entry(subsets[i], seconds[i], rows)
    classes = content.get("classlist")
    return Truth("wtalc", entries, None if classes is None else as_ids(classes, "classlist.npy"))


def _load(file: Path, allow_pickle: bool) -> Any:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing.")
    try:
        with open(file, "rb") as handle:
            check_npy(handle, file.stat().st_size, str(file))
            how: dict[str, Any] = {"allow_pickle": allow_pickle}
            values = np.lib.format.read_array(handle, **how, pickle_kwargs={"encoding": "latin1"})
    except Exception as error:  # a damaged pickle may raise anything
        hint = "" if allow_pickle else " allow_pickle=True reads pickles, which can run any code."
        raise ValueError(f"{file}: no .npy file, or damaged ({error}).{hint}") from error
    if not values.ndim:
        raise ValueError(f"{file} holds a single value; expected one for each video.")
    return values


def _text(value: Any, where: str) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise ValueError(f"{where} holds {value!r:.60}, which is not UTF-8.") from None
    if not isinstance(value, str):
        raise ValueError(f"{where} holds {value!r:.60}; expected text.")
    return str(value)


def _duration(value: Any, folder: Path) -> float:
    try:
        seconds = float(np.asarray(value, dtype=np.float64).item())
    except (TypeError, ValueError):
        seconds = 0.0
    if not (seconds > 0 or np.isnan(seconds)) or np.isinf(seconds):
        raise ValueError(f"{folder}/duration.npy holds {value!r:.60}; expected positive numbers.")
    return seconds
