"""CSV: a table with the columns video, label, start, end and score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import pandas as pd

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File, listed, read_text
from sklearn_asn.interchange._files import write_text
from sklearn_asn.interchange._videos import (
    Videos,
    by_video,
    check_segments,
    new_segment,
    number,
    pack,
)

COLUMNS = ("video", "label", "start", "end")


def write_csv(
    segments: Segments,
    path: File,
    *,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
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
    rows = [(video, *segment) for video, found in videos.items() for segment in found]
    frame = pd.DataFrame(rows, columns=["video", *Segment._fields])
    # csv.writer does not quote a lone \r, at which readers may end the line
    loose = any("\r" in text for row in rows for text in row[:2])
    if loose:
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    else:
        text = frame.to_csv(index=False, lineterminator="\n")
    write_text(path, text, overwrite)


def read_csv(path: File, *, videos: Iterable[str] | int | None = None) -> Segments:
    r"""Read the table that `write_csv` writes; order of columns, and further ones, do not matter.

    Parameters
    ----------
    path : path
        UTF-8 file whose first line names the columns: video, label, start, end and perhaps score.
        A score may be empty: ground truth.
    videos : iterable of str or int, default=None
        All ids, in the order wanted; one without rows is an entry without segments. An int: the
        column holds positions, of so many videos. None: the ids in order of first appearance.

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
    found: Videos = {}
    for line, video, segment in _rows(path):
        if isinstance(videos, int) and not (video.isdecimal() and int(video) < videos):
            raise ValueError(
                f"{path}, line {line}: video is {video!r}; expected a position below {videos}."
            )
        found.setdefault(video, []).append(segment)
    if not isinstance(videos, int):
        return pack(found, videos, path)
    positions = {int(video): rows for video, rows in found.items()}
    return Segments.from_list([positions.get(i, []) for i in range(videos)])


def _rows(path: File) -> Iterator[tuple[int, str, Segment]]:
    """Read line, video and segment of every row."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = next(reader, [])
        missing = [name for name in COLUMNS if columns.count(name) != 1]
        if missing:
            raise ValueError(f"{path}, line 1: expected one column each named {listed(missing)}.")
        for row in reader:
            if not row:
                continue
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(columns):
                raise ValueError(f"{where}: {len(row)} fields; expected {len(columns)}.")
            value = dict(zip(columns, row, strict=True))
            start, end = (number(value[name], name, where) for name in ("start", "end"))
            score = number(value.get("score") or "nan", "score", where)
            segment = new_segment(value["label"], start, end, score, where)
            yield reader.line_num, value["video"], segment
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: no CSV ({error}).") from None
