"""Praat's TextGrid: writing files, one a video."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File, PerVideo, per_video
from sklearn_asn.interchange._files import write_folder
from sklearn_asn.interchange._lanes import Timed, tiers_of
from sklearn_asn.interchange._lines import check_scores, plain
from sklearn_asn.interchange._videos import by_video


def write_textgrid(
    segments: Segments,
    folder: File,
    *,
    duration: PerVideo | None = None,
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one TextGrid of Praat a video: an interval tier a class, an interval a segment.

    The intervals carry the label as their text; what lies between them has none. A tier of Praat
    holds no intervals that overlap: those that would go to further tiers, "run (2)" beside "run".
    Times keep every digit.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    folder : path
        Where ``<id>.TextGrid`` is written, with an empty tier, "segments", where a video has no
        segments. Made if need be. Each file appears whole or not at all.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds. None: the end of the last segment (1 s without any).
    drop_scores : bool, default=False
        Whether scores, for which the format has no place, may be left out.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether existing files are replaced.

    Raises
    ------
    FileExistsError
        A file exists, and `overwrite` is False. Nothing is written.
    ValueError
        There are no ids, or ids that cannot name files; a time is negative, or after its video; a
        label is white space only; or there are scores, and `drop_scores` is False.

    References
    ----------
    .. [1] `Praat, TextGrid file formats
       <https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html>`_.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_textgrid, write_textgrid
    >>> y = Segments.from_list([[("run", 0.5, 2.0), ("run", 1.0, 3.0)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_textgrid(y, folder, duration=10.0)
    ...     read_textgrid(folder) == y
    True
    """
    check_scores(segments, drop_scores, "TextGrid")
    videos = by_video(segments, ids)
    names = list(videos)
    ends: list[float | None] = [None] * len(names)
    if duration is not None:
        seconds = per_video(duration, "duration", names, names)
        ends = np.broadcast_to(seconds, len(names)).tolist()
    texts = {v: _compose(v, videos[v], end) for v, end in zip(names, ends, strict=True)}
    write_folder(folder, texts, ".TextGrid", overwrite)


def _compose(video: str, found: list[Segment], end: float | None) -> str:
    last = max((s.end for s in found), default=1.0)
    end = last if end is None else end
    if found and last > end:
        raise ValueError(f"A segment of {video} ends at {last}, after its video ({end} s).")
    groups: dict[str, list[Timed]] = {}
    for s in found:
        if not s.label.strip():
            raise ValueError(f"Label {s.label!r} of {video} is white space: no text for Praat.")
        groups.setdefault(s.label, []).append((s.start, s.end, s.label))
    tiers = tiers_of(groups) or {"segments": []}  # Praat has no grid without tiers
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [
        "xmin = 0",
        f"xmax = {plain(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for i, (name, rows) in enumerate(tiers.items(), start=1):
        intervals = _filled(rows, end)
        lines += [f"    item [{i}]:", '        class = "IntervalTier"']
        lines += [
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {plain(end)}",
        ]
        lines.append(f"        intervals: size = {len(intervals)}")
        for j, (start, stop, text) in enumerate(intervals, start=1):
            lines += [f"        intervals [{j}]:", f"            xmin = {plain(start)}"]
            lines += [f"            xmax = {plain(stop)}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


def _filled(rows: list[Timed], end: float) -> list[Timed]:
    """Put intervals without text where there is nothing, so that the tier is covered."""
    full: list[Timed] = []
    at: float = 0
    for start, stop, text in rows:
        full += [(at, start, "")] if at < start else []
        full.append((start, stop, text))
        at = stop
    return [*full, (at, end, "")] if at < end else full


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
