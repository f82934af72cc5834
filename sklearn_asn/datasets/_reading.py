"""What the readers share: ids, numbers by video, and text and JSON files that may be damaged."""

from __future__ import annotations

import gc
import json
import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import as_path, check_choice
from sklearn_asn._data import convert
from sklearn_asn._disk.files import write_atomically

File = str | os.PathLike[str]
#: One number for all videos, one each in their order, or a mapping from id to number.
PerVideo = float | ArrayLike | Mapping[str, float]


class Row(NamedTuple):
    """A segment of ground truth, and the place in its file that messages name."""

    where: str
    label: str | int
    start: float
    end: float


class Entry(NamedTuple):
    """What ground truth says of one video; NaN and "" where it does not say it."""

    subset: str
    duration: float
    rows: list[Row]


class Truth(NamedTuple):
    """Ground truth as it was read: its form, its videos by id, and classes in their order."""

    form: str
    entries: dict[str, Entry]
    classes: list[str] | None = None


def choose(
    known: Sequence[str],
    videos: Iterable[str] | None,
    where: str,
    on_missing: str = "raise",
    may_be_empty: bool = False,
) -> list[str]:
    """Return the ids of `videos` (None: all known), in that order, that are `known`.

    Where the choice is "empty", of which not every reader is capable, all of them.
    """
    check_choice(on_missing, "on_missing", ("raise", "drop", *(("empty",) if may_be_empty else ())))
    wanted = list(known) if videos is None else as_ids(videos, "videos")
    available = set(known)
    if on_missing == "empty":
        return wanted
    report([v for v in wanted if v not in available], f"videos are not in {where}", on_missing)
    kept = [v for v in wanted if v in available]
    if not kept:
        raise ValueError(f"No videos to read from {where}.")
    return kept


def per_video(
    value: PerVideo,
    name: str,
    ids: Sequence[str],
    order: Iterable[str] | None,
    positive: bool = True,
) -> float | NDArray[np.float64]:
    """Return `value` as one number, or one for each of `ids`; arrays are in the order `order`."""
    if isinstance(value, Mapping | pd.Series):
        lacking = [v for v in ids if v not in value]
        if lacking:
            raise ValueError(f"{name} lacks {len(lacking)} videos: {listed(lacking)}.")
        value, order = [value[v] for v in ids], ids
    try:
        array = convert.as_seconds(value, name)
    except ValueError as error:
        raise ValueError(f"{name} must hold numbers, got {value!r:.80}: {error}") from None
    if array.ndim and order is None:
        raise ValueError(f"{name} is an array: give `videos` for its order, or a dict by id.")
    if array.ndim and order is not None:
        place = {v: i for i, v in enumerate(as_ids(order, "videos"))}
        if array.shape != (len(place),):
            raise ValueError(f"{name} has shape {array.shape} for {len(place)} videos.")
        array = array[[place[v] for v in ids]]
    bad = np.flatnonzero(~np.isfinite(array) | ((array <= 0) & positive)).tolist()
    if bad:
        found = [f"{ids[i]} ({array[i]:g})" for i in bad] if array.ndim else [f"{array:g}"]
        kind = "positive and finite" if positive else "finite"
        raise ValueError(f"{name} must be {kind}, which it is not for {listed(found)}.")
    return array if array.ndim else float(array)


def as_ids(ids: Any, name: str) -> list[str]:
    """Return ids as strings (see `convert.as_ids`); none twice."""
    names = convert.as_ids(ids, name)
    repeated = [v for v, n in Counter(names).items() if n > 1]
    if repeated:
        raise ValueError(f"{name} must not repeat a name; repeated: {listed(repeated)}.")
    return names


def listed(items: Collection[Any], n: int = 10) -> str:
    """Name the first items and, if there are more, how many there are in all."""
    text = ", ".join(str(item) for item in list(items)[:n])
    return text if len(items) <= n else f"{text}, ... ({len(items)} in all)"


def report(found: Collection[str], what: str, choice: str, option: str = "on_missing") -> None:
    """Raise if anything was found or, where the choice is "drop", warn that it is left out."""
    if found and choice == "raise":
        raise ValueError(f"{len(found)} {what}: {listed(found)}. {option}='drop' leaves them out.")
    if found:
        warnings.warn(f"Left out: {len(found)} {what}: {listed(found)}.", UserWarning, stacklevel=3)


def read_text(path: File) -> str:
    """Read UTF-8 text (a byte order mark is skipped); the error names the line of other bytes."""
    content = as_path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: not UTF-8 text ({error.reason}).") from None


def read_json(path: File, n_colons: Callable[[Any], int] | None = None) -> Any:
    """Read JSON, in which no object may repeat a key; errors name the line, or the key.

    All numbers become floats: one that is too large is then infinite, which readers refuse.

    Parameters
    ----------
    path : path
    n_colons : callable, default=None
        Counts the keys of what was read and the colons in its strings, if it knows the form (else
        -1). Where the text has no more, no key was lost, and they need no look object by object.
    """
    text = read_text(path)
    nul = "\\u0000" in text  # the only way to write one, with which no name may end
    plain = not nul and "\\u003" not in text  # a colon is written as a colon

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if nul or len(found) < len(pairs):
            as_ids([name for name, _ in pairs], f"{path}: an object")
        return found

    if n_colons is not None and plain:
        with suppress(RecursionError, json.JSONDecodeError):  # told below, unless a key comes first
            with _no_collection():
                data = json.loads(text, parse_int=float)
            if n_colons(data) == text.count(":"):
                return data
    try:
        with _no_collection():
            return json.loads(text, object_pairs_hook=unique, parse_int=float)
    except RecursionError:
        raise ValueError(f"{path} nests too deeply.") from None
    except json.JSONDecodeError as error:
        what = f"no JSON, or cut short ({error.msg})"
        raise ValueError(f"{path}, line {error.lineno}: {what}.") from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from looking for garbage in the block, as it was before.

    What is read has no cycles, and looking through it again and again takes longer than reading.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def typed(value: Any, what: str, kind: type, where: object) -> Any:
    """Return a value of JSON, if it is of the type `kind` (float: a finite number)."""
    if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
        expected = {dict: "an object", list: "a list", str: "a string", float: "a finite number"}
        raise ValueError(f"{where}: {what} is {value!r:.80}; expected {expected[kind]}.")
    return value


def write_json(path: File, data: Any) -> None:
    """Write beside the file, then move: nobody sees it half-written."""
    text = json.dumps(data, allow_nan=False)
    write_atomically(as_path(path), lambda file: file.write(text.encode()))


def sequence(values: Any, name: str) -> list[Any]:
    """Return a list of `values`, which must not be one string."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence, got {values!r}.")
    return list(values)
