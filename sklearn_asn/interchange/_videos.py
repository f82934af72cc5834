"""Between `Segments` and what the formats hold: a list of segments for every named video."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import as_ids, listed
from sklearn_asn.interchange._invalid import Read, Rule, settle

#: Segments by id, in order; the labels are text.
Videos = dict[str, list[Segment]]
#: Where the media are: a text with ``{id}`` in it, or a mapping from id to path or URL.
Media = str | Mapping[str, str | os.PathLike[str]]


def by_video(segments: Segments, ids: Iterable[str] | None, *, negative: bool = False) -> Videos:
    """Return the segments of every video, labels as text, after checking that they have names.

    Scores must be finite or NaN; times before 0 are refused unless `negative`, and labels without
    text, which readers take for missing ones.
    """
    check_segments(segments)
    names = segments.ids if ids is None else as_ids(ids, "ids")
    if names is None:
        raise ValueError("segments have no ids, by which the format names its videos: give `ids`.")
    names = as_ids(names, "ids of segments")
    if len(names) != len(segments):
        raise ValueError(f"ids names {len(names)} videos, expected {len(segments)}.")
    early = np.flatnonzero(segments.start < 0)
    if len(early) and not negative:
        found = [names[video] for video in dict.fromkeys(segments.video[early].tolist())]
        raise ValueError(f"{len(early)} segments start before 0, in the videos {listed(found)}.")
    videos = {
        name: [s._replace(label=str(s.label)) for s in video]
        for name, video in zip(names, segments, strict=True)
    }
    blank = [name for name, rows in videos.items() if not all(s.label for s in rows)]
    if blank:
        raise ValueError(f"segments have empty labels, in the videos {listed(blank)}.")
    return videos


def check_segments(segments: Segments) -> None:
    """Refuse anything but `Segments` whose scores are finite, or NaN."""
    if not isinstance(segments, Segments):
        raise TypeError(f"segments must be Segments, got {type(segments).__name__}.")
    if np.isinf(segments.score).any():
        raise ValueError("segments have infinite scores; expected finite ones, or NaN for none.")


def pack(
    found: dict[str, list[Read]], videos: Iterable[str] | None, where: object, rule: Rule
) -> Segments:
    """Return `Segments` with ids; `videos` are all ids in the order wanted (None: as found)."""
    ids = list(found) if videos is None else as_ids(videos, "videos")
    unknown = sorted(set(found) - set(ids))
    if unknown:
        raise ValueError(f"{where} has videos that are not in `videos`: {listed(unknown)}.")
    kept = settle(found, ids, videos is not None, rule)
    return Segments.from_list([kept.get(v, []) for v in ids], ids)


def new_segment(label: str, start: float, end: float, score: float, where: object) -> Read:
    """Return a segment as read, for `pack` to judge; an infinite score is an error here."""
    if math.isinf(score):
        raise ValueError(f"{where}: the score is infinite.")
    return Read(Segment(label, start, end, score), str(where))


def milliseconds(segment: Segment, video: str) -> tuple[int, int]:
    """Return the times rounded to whole milliseconds, of which some must be left."""
    start, end = round(segment.start * 1000), round(segment.end * 1000)
    if start >= end:
        raise ValueError(
            f"Segment ({segment.label}, {segment.start}, {segment.end}) of {video} has no length "
            "when rounded to milliseconds, the resolution of the format."
        )
    return start, end


def media_of(media: Media, ids: Iterable[str]) -> dict[str, str]:
    """Return the path or URL of every video."""
    if isinstance(media, Mapping):
        lacking = [v for v in ids if v not in media]
        if lacking:
            raise ValueError(f"media lacks {len(lacking)} videos: {listed(lacking)}.")
        return {v: os.fspath(media[v]) for v in ids}
    if not isinstance(media, str) or "{id}" not in media:
        raise ValueError(f"media={media!r}; expected a text with {{id}} in it, or a mapping by id.")
    return {v: media.replace("{id}", v) for v in ids}


def number(text: Any, what: str, where: object) -> float:
    """Read a number that may be text."""
    try:
        return float(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {what} is {text!r:.80}; expected a number.") from None
