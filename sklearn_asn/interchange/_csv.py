"""CSV: a table with the columns video, label, start, end and score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import pandas as pd

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, listed, read_text
from sklearn_asn.interchange._files import write_text
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._videos import (
    by_video,
    check_segments,
    new_segment,
    number,
    pack,
)

COLUMNS = ("video", "label", "start", "end")
#: What makes a formula of a cell, with the full-width forms; and what marks that it is none.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


def write_csv(
    segments: Segments,
    path: File,
    *,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
    spreadsheet_safe: bool = False,
) -> None:
    """Write a table with the columns video, label, start, end and score, one segment a row.

    Numbers keep every digit. A video without segments has no row: `read_csv` knows it from its
    `videos` only.

    Parameters
    ----------
    segments : Segments
        Ground truth (its column score stays empty) or predictions.
    path : path
        File to write, as UTF-8. It appears whole or not at all.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids`` or, where these are None, positions (0, 1, ...).
    overwrite : bool, default=False
        Whether an existing file is replaced.
    spreadsheet_safe : bool, default=False
        Whether an apostrophe is put before labels and ids that a spreadsheet would run as formulas
        (those that start with ``=``, ``+``, ``-``, ``@``, a tab or a line end) and before an
        apostrophe; `read_csv` takes it off again, if told so. For files whose labels others chose,
        and which are opened in Excel or LibreOffice.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        Scores are infinite, or `ids` do not fit.

    See Also
    --------
    Segments.to_frame : The same table in memory.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_csv, write_csv
    >>> y = Segments.from_list([[("run", 0.5, 2.0)], []], ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(y, Path(folder) / "y.csv")
    ...     print((Path(folder) / "y.csv").read_text())
    ...     read_csv(Path(folder) / "y.csv", videos=["a", "b"]) == y
    video,label,start,end,score
    a,run,0.5,2.0,
    <BLANKLINE>
    True
    """
    check_segments(segments)
    if ids is None and segments.ids is None:
        ids = [str(i) for i in range(len(segments))]
    videos = by_video(segments, ids, negative=True)
    guard = _guard if spreadsheet_safe else str
    rows = [
        (guard(video), guard(segment.label), *segment[1:])
        for video, found in videos.items()
        for segment in found
    ]
    frame = pd.DataFrame(rows, columns=["video", *Segment._fields])
    # csv.writer does not quote a lone \r, at which readers may end the line
    loose = any("\r" in text for row in rows for text in row[:2])
    if loose:
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    else:
        text = frame.to_csv(index=False, lineterminator="\n")
    write_text(path, text, overwrite)


def read_csv(
    path: File,
    *,
    videos: Iterable[str] | int | None = None,
    spreadsheet_safe: bool = False,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    r"""Read the table that `write_csv` writes; order of columns, and further ones, do not matter.

    Parameters
    ----------
    path : path
        UTF-8 file whose first line names the columns: video, label, start, end and perhaps score.
        A score may be empty: ground truth.
    videos : iterable of str or int, default=None
        All ids, in the order wanted; one without rows is an entry without segments. An int: the
        column holds positions, of so many videos. None: the ids in order of first appearance.
    spreadsheet_safe : bool, default=False
        Whether `write_csv` wrote the file with ``spreadsheet_safe=True``: an apostrophe at the
        start of a label or an id is taken off.
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
        With ids (None where `videos` is an int). Labels are text, also where they look like
        numbers. A video's segments are in the file's order.

    Raises
    ------
    ValueError
        The file, with the line, is not UTF-8, lacks a column or a field, has something that is not
        a number where one belongs or a segment without length, or names a video not in `videos`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.interchange import read_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "y.csv").write_text("start,end,label,video\n0.5,2,run,a\n")
    ...     y = read_csv(Path(folder) / "y.csv", videos=["b", "a"])
    >>> y[0], y[1]
    ([], [Segment(label='run', start=0.5, end=2.0, score=nan)])
    """
    rule = new_rule(on_invalid, tolerance, duration)
    positions = [str(i) for i in range(videos)] if isinstance(videos, int) else []
    known = set(positions)
    found: dict[str, list[Read]] = {}
    for line, video, segment in _rows(path, spreadsheet_safe):
        if isinstance(videos, int) and video not in known:
            raise ValueError(
                f"{path}, line {line}: video is {video!r:.80}; expected a position below {videos}."
            )
        found.setdefault(video, []).append(segment)
    if not isinstance(videos, int):
        return pack(found, videos, path, rule)
    named = pack(found, positions, path, rule)
    return Segments(named.offsets, named.label, named.start, named.end, named.score)


def _guard(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _rows(path: File, guarded: bool) -> Iterator[tuple[int, str, Read]]:
    """Read line, video and segment of every row."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = next(reader, [])
        missing = [name for name in COLUMNS if columns.count(name) != 1]
        if missing:
            found = (
                f"found {listed([repr(name) for name in columns])}" if columns else "it is empty"
            )
            raise ValueError(
                f"{path}, line 1: expected one column each named {listed(missing)}; {found}. "
                "sklearn_asn.datasets.read_table reads columns of other names."
            )
        for row in reader:
            if not row:
                continue
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(columns):
                raise ValueError(f"{where}: {len(row)} fields; expected {len(columns)}.")
            value = dict(zip(columns, row, strict=True))
            start, end = (number(value[name], name, where) for name in ("start", "end"))
            score = number(value.get("score") or "nan", "score", where)
            label, video = (
                value[name].removeprefix("'") if guarded else value[name]
                for name in ("label", "video")
            )
            yield reader.line_num, video, new_segment(label, start, end, score, where)
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no CSV ({error}).") from None
