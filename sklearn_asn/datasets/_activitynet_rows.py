"""Annotations and detections of ActivityNet's JSON as columns, read all at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.datasets._reading import File, typed

#: Labels, times and scores.
Columns = tuple[list[str], NDArray[np.float64], NDArray[np.float64]]


class Place(NamedTuple):
    """The key of a video's list, and that of what holds it, as messages name them."""

    name: str
    where: str


class Rows(NamedTuple):
    """Rows of videos, one after another, in columns."""

    label: list[str]
    times: NDArray[np.float64]  # (n_rows, 2)
    score: NDArray[np.float64]
    lengths: NDArray[np.int64]  # (n_videos,)
    places: Sequence[Place | None]

    def where(self, row: int) -> str:
        """Name a row as messages do."""
        ends = np.cumsum(self.lengths)
        video = int(np.searchsorted(ends, row, side="right"))
        place = self.places[video]
        assert place is not None  # it has rows
        return f"{place.where}.{place.name}[{row - int(ends[video] - self.lengths[video])}]"

    def labels(self) -> list[list[str]]:
        """Return the labels of every video."""
        ends = np.cumsum(self.lengths).tolist()
        starts = [0, *ends[:-1]]
        return [self.label[start:end] for start, end in zip(starts, ends, strict=True)]

    def take(self, videos: Sequence[int | None]) -> Rows:
        """Return the rows of these videos, in that order; None has none."""
        if videos == list(range(len(self.lengths))):
            return self
        ends = np.cumsum(self.lengths)
        index = [
            np.arange(0) if v is None else np.arange(ends[v] - self.lengths[v], ends[v])
            for v in videos
        ]
        rows = np.concatenate([np.arange(0), *index])
        return Rows(
            [self.label[row] for row in rows.tolist()],
            self.times[rows],
            self.score[rows],
            np.array([len(of_video) for of_video in index], dtype=np.int64),
            [None if v is None else self.places[v] for v in videos],
        )


def rows_of(
    videos: Sequence[Any],
    places: Sequence[Place],
    path: File,
    scored: bool = False,
    columns: Columns | None = None,
) -> Rows:
    """Read every video's list of annotations, or of detections (`scored`).

    Columns are read whole. Where anything in them is not as it should be, rows are read one by
    one, so that the first that is wrong is named. `columns` are given where they are known.
    """
    found = _columns(videos, scored) if columns is None else columns
    if found is None:
        pairs = zip(videos, places, strict=True)
        checked = [_checked(video, *place, path, scored) for video, place in pairs]
        found = _columns(checked, scored)
    assert found is not None
    return Rows(*found, np.array([len(video) for video in videos], dtype=np.int64), places)


class ResultColons:
    """Counts what `read_json` asks for of a file of results, and keeps the columns it found."""

    columns: Columns | None = None

    def __call__(self, data: Any) -> int:
        """Return the number; -1 where rows have other keys."""
        if type(data) is not dict or type(results := data.get("results")) is not dict:
            return -1
        lists = list(results.values())
        self.columns = found = _columns(lists, scored=True)
        if found is None or set(map(len, chain.from_iterable(lists))) - {3}:
            return -1
        names = "".join(chain(data, results, found[0]))
        others = sum(_n_colons(value) for name, value in data.items() if name != "results")
        return len(data) + len(results) + 3 * len(found[0]) + names.count(":") + others


def _n_colons(value: Any) -> int:
    """Count the keys of all objects in a value, and the colons in its strings."""
    if isinstance(value, dict):
        return len(value) + sum(map(_n_colons, chain(value, value.values())))
    if isinstance(value, list):
        return sum(map(_n_colons, value))
    return value.count(":") if isinstance(value, str) else 0


def _columns(videos: Sequence[Any], scored: bool) -> Columns | None:
    """Return labels, times and scores, unless anything is of another kind."""
    if set(map(type, videos)) - {list}:
        return None
    rows = list(chain.from_iterable(videos))
    if set(map(type, rows)) - {dict}:
        return None
    try:
        label = list(map(itemgetter("label"), rows))
        segment = list(map(itemgetter("segment"), rows))
        scores = list(map(itemgetter("score"), rows)) if scored else []
    except KeyError:
        return None
    if set(map(type, label)) - {str} or set(map(type, segment)) - {list}:
        return None
    if set(map(len, segment)) - {2} or set(map(type, scores)) - {float}:
        return None
    flat = list(chain.from_iterable(segment))
    if set(map(type, flat)) - {float}:
        return None
    times = np.array(flat, dtype=np.float64).reshape(-1, 2)
    score = np.array(scores, dtype=np.float64) if scored else np.full(len(rows), np.nan)
    if not np.isfinite(times).all() or (scored and not np.isfinite(score).all()):
        return None
    return label, times, score


def _checked(video: Any, name: str, where: str, path: File, scored: bool) -> list[Any]:
    """Return a video's list if every row of it is as it should be; the error names the row."""
    for i, item in enumerate(typed(video, f"{name!r} in {where}", list, path)):
        key = f"{where}.{name}[{i}]"
        get = item.get if isinstance(item, dict) else lambda name: None
        typed(get("label"), f"'label' in {key}", str, path)
        times = typed(get("segment"), f"'segment' in {key}", list, path)
        if len(times) != 2:
            raise ValueError(f"{path}: {key}.segment is {times!r}; expected [start, end].")
        for time in times:
            typed(time, f"'segment' in {key}", float, path)
        if scored:
            typed(get("score"), f"'score' in {key}", float, path)
    return list(video)
