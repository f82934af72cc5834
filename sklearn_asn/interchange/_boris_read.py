"""BORIS: reading tabular and aggregated events."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from sklearn_asn._checks import check_choice
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import IdFrom, OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, listed, read_text
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._videos import new_segment, number, pack

MEDIA = ("Media file name", "Media file path", "Media file")
KINDS = ("Behavior type", "Status")  # of which a version has one, or both


def read_boris(
    path: File,
    *,
    id_from: IdFrom = "observation",
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read the tabular or the aggregated events that BORIS exports.

    Parameters
    ----------
    path : path
        UTF-8 file with tabs, or commas or semicolons where its heading has no tab. Tabular events
        of version 7 and before, with lines about the observation above the heading, are read, too.
    id_from : {"observation", "media"}, default="observation"
        What the id is: the observation's, or the name of the media file without folder and suffix.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without events is an entry without segments. None: the ids
        in order of first appearance.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds; an array goes with `videos`. None: not compared with.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments without a label, of those whose times are not finite or not in
        order and, with a `duration`, of those that start before 0 or end more than `tolerance`
        after their video: an error that names the first, left out with a warning, or cut to their
        video with a warning (and left out where nothing of them, or no label, is there).
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        With ids, the behaviour as label, a video's segments sorted by start, end and label. A START
        goes with the next STOP of its observation, subject, behaviour and modifiers. A point event
        has no length: it counts as invalid.

    Raises
    ------
    ValueError
        The file, with the line, is not UTF-8 or not of this form, has a START without its STOP or a
        STOP without its START, or an invalid segment; or it names a video not in `videos`.

    See Also
    --------
    write_boris : Has an example.
    """
    check_choice(id_from, "id_from", ("observation", "media"))
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    pending: dict[tuple[str, ...], tuple[float, str]] = {}
    for row in _rows(path):
        rows = found.setdefault(row.video(id_from), [])
        label, where = row.value["Behavior"], row.where
        if "Start (s)" in row.value:
            start, end = (number(row.value[k], k, where) for k in ("Start (s)", "Stop (s)"))
            rows.append(new_segment(label, start, end, math.nan, where))
            continue
        time = number(row.value["Time"], "Time", where)
        kind = next((row.value[k].upper() for k in KINDS if row.value.get(k)), "")
        kind = next((k for k in ("START", "STOP", "POINT") if k in kind), kind)
        key = row.key(id_from)
        if kind == "POINT":
            rows.append(new_segment(label, time, time, math.nan, where))
        elif kind == "START" and key not in pending:
            pending[key] = (time, where)
        elif kind == "STOP" and key in pending:
            start, began = pending.pop(key)
            rows.append(new_segment(label, start, time, math.nan, began))
        else:
            what = "expected START, STOP or POINT, START and STOP in turn"
            raise ValueError(f"{where}: {kind or 'no type'!r} of {label!r:.60}; {what}.")
    if pending:
        raise ValueError(f"{next(iter(pending.values()))[1]}: a START without its STOP.")
    for rows in found.values():
        rows.sort(key=lambda r: (r.segment.start, r.segment.end, r.segment.label))
    return pack(found, videos, path, rule)


class _Row(NamedTuple):
    value: dict[str, str]
    where: str

    def video(self, id_from: str) -> str:
        if id_from == "observation":
            name = self.value.get("Observation id", "")
        else:
            media = next((self.value[k] for k in MEDIA if self.value.get(k)), "")
            name = PurePosixPath(media.replace("\\", "/")).stem
        if not name:
            raise ValueError(f"{self.where}: no {id_from}, which names the video.")
        return name

    def key(self, id_from: str) -> tuple[str, ...]:
        modifiers = [v for k, v in self.value.items() if k.startswith("Modifier")]
        subject = self.value.get("Subject", "")
        return (self.video(id_from), self.value["Behavior"], subject, *modifiers)


def _rows(path: File) -> Iterator[_Row]:
    text = read_text(path)
    heading = next((line for line in text.splitlines() if "Behavior" in line), "")
    mark = next((m for m in "\t,;" if m in heading), "\t")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    columns: list[str] = []
    above: dict[str, str] = {}
    try:
        for fields in reader:
            where = f"{path}, line {reader.line_num}"
            if not any(fields):
                continue
            if not columns and "Behavior" not in fields:
                above[fields[0].rstrip(":")] = fields[1] if len(fields) > 1 else ""
            elif not columns:
                columns = fields
                _check(columns, where)
            elif len(fields) != len(columns):
                raise ValueError(f"{where}: {len(fields)} fields; expected {len(columns)}.")
            else:
                yield _Row({**above, **dict(zip(columns, fields, strict=True))}, where)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no table ({error}).") from None
    if not columns:
        raise ValueError(f"{path}, line 1: expected a table with a column named Behavior.")


def _check(columns: list[str], where: str) -> None:
    whole = {"Start (s)", "Stop (s)"} <= set(columns)
    lacking = [] if whole or "Time" in columns else ["Time"]
    if not whole and not set(KINDS) & set(columns):
        lacking.append("Behavior type")
    repeated = [name for name, n in Counter(columns).items() if name and n > 1]
    if lacking or repeated:
        what = f"lacks {listed(lacking)}" if lacking else f"repeats {listed(repeated)}"
        raise ValueError(f"{where}: the heading {what}.")
