"""Lists of lists of ``(label, start, end)``, read into columns; what is none is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn_asn._checks import as_list

FORM = "(label, start, end) or (label, start, end, score)"


def columns_of(videos: Any) -> tuple[list[tuple[Any, Any, Any, Any]], list[int]]:
    """Return one row a segment, with its score or NaN, and how many segments each video has.

    Raises
    ------
    TypeError
        `videos` is text or no sequence.
    ValueError
        A video is no sequence, or a segment has not this form, in this order.
    """
    rows: list[tuple[Any, Any, Any, Any]] = []
    lengths = []
    for i, video in enumerate(as_list(videos, "videos", "a list with a list of segments a video")):
        if not isinstance(video, str) and not hasattr(video, "__iter__"):
            raise ValueError(f"Segments of video {i} must be a list of {FORM}, got {video!r:.80}.")
        n_before = len(rows)
        rows += [_row(item, i) for item in video]
        lengths.append(len(rows) - n_before)
    return rows, lengths


def _row(item: Any, video: int) -> tuple[Any, Any, Any, Any]:
    try:
        row = (*item, float("nan"))[:4] if len(item) in (3, 4) else None
    except TypeError:
        row = None
    if row is None or isinstance(item, str | Mapping | set | frozenset):
        raise ValueError(f"Segments of video {video} must be {FORM}, got {item!r:.80}.")
    if isinstance(row[1], str) or isinstance(row[2], str):
        raise ValueError(
            f"Segments of video {video} must be {FORM}, in this order and with numbers for times, "
            f"got {item!r:.80}."
        )
    return row
