"""Segments in everybody else's tables: CSV and TSV with columns of any name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import as_path, check_choice
from sklearn_asn._data.invalid import check_on_invalid, settle
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments, check_durations
from sklearn_asn._typing import OnInvalid, OnMissing, TimeUnit
from sklearn_asn.datasets._reading import (
    File,
    PerVideo,
    as_ids,
    listed,
    per_video,
    read_text,
    report,
)
from sklearn_asn.datasets._times import clock_seconds, is_clock, number_of

Column = str | int | Sequence[str | int]

#: Names of columns that are known, in small letters without blanks, "_" and "-".
KNOWN = {
    "video": ("video", "videoid", "videoname", "filename", "file", "recording", "audiofilename"),
    "label": (
        *("label", "eventlabel", "action", "activity", "class", "classname", "event"),
        *("behavior", "behaviour", "category"),
    ),
    "start": (
        *("start", "onset", "starttimestamp", "starttime", "startseconds", "startsec", "starts"),
        *("begin", "begintime", "tstart", "eventonset"),
    ),
    "end": (
        *("end", "offset", "stoptimestamp", "endtimestamp", "endtime", "stoptime", "endseconds"),
        *("endsec", "ends", "stop", "stopsec", "finish", "tend", "eventoffset"),
    ),
    "score": ("score", "confidence", "probability"),
}
NEEDED = ("video", "label", "start", "end")
SEPARATORS = ("\t", ";", ",", "|")
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0}


class Line(NamedTuple):
    """One line of a table."""

    number: int
    cells: list[str]


def read_table(
    path: File,
    *,
    columns: Mapping[str, Column] | None = None,
    sep: str | None = None,
    unit: TimeUnit = "s",
    fps: PerVideo | None = None,
    videos: Iterable[str] | None = None,
    on_missing: OnMissing = "raise",
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    r"""Read segments from a CSV or TSV, whatever its columns are called.

    Columns of common names are found, in capitals or not: DCASE's (filename, onset, offset,
    event_label) and EPIC-KITCHENS' (video_id, start_timestamp, stop_timestamp; say which of its
    columns is the label). Times are numbers, also with a decimal comma where commas do not
    separate, or clocks (``00:01:02.5``, ``1:02.5``). A line with a video but neither label nor
    times says that the video is there and has no segments, as in DCASE's tables.

    Parameters
    ----------
    path : path
        Text as UTF-8.
    columns : mapping, default=None
        Names of the columns ``"video"``, ``"label"``, ``"start"``, ``"end"`` and, if there,
        ``"score"``; those left out are looked for among common names. A label may be made of
        several columns, joined by blanks: ``{"label": ["verb", "noun"]}``. Positions (from 0) in
        place of names mean that the table has no header; then all four are needed.
    sep : str, default=None
        What separates cells: one character; ``" "`` stands for any run of blanks. None: tab,
        ``;``, ``,`` or ``|``, whichever separates most in the first line.
    unit : {"s", "ms", "us", "min", "h", "frames"}, default="s"
        Unit of times that are numbers. ``"frames"`` needs `fps`.
    fps : float, array-like, or mapping from id to number, default=None
        Frames a second, with ``unit="frames"``. Frame 0 is at 0 s. Arrays go with `videos`.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without a line is an entry without segments. None: those
        of the table, in the order of first appearance.
    on_missing : {"raise", "drop"}, default="raise"
        What becomes of a video of the table that is not among `videos`: an error, or left out with
        a warning.
    duration : float, array-like, or mapping from id to number, default=None
        Lengths of the videos in seconds, arrays in the order of the result. None: times are only
        compared with 0 and each other.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of lines without a label or a time, with ``start >= end``, a negative start, or
        an end more than `tolerance` beyond `duration`: an error that lists them, left out with a
        warning, or cut to the video with a warning (and left out where nothing is left).
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        In seconds, with ids; labels are text, as they are written. Scores are NaN without such a
        column.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        A column is missing or not certain, a line (named) has other cells or times that are
        neither numbers nor clocks, or segments are invalid.

    See Also
    --------
    load_ground_truth : The field's own forms.
    sklearn_asn.interchange.read_csv : What `write_csv` wrote.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import read_table
    >>> text = "Video ID;Verb;Noun;Start Time;End Time\na;open;door;00:01:02,5;00:01:04\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "table.csv").write_text(text)
    ...     y = read_table(Path(folder) / "table.csv", columns={"label": ["Verb", "Noun"]})
    >>> y[0]
    [Segment(label='open door', start=62.5, end=64.0, score=nan)]
    """
    check_choice(unit, "unit", (*UNITS, "frames"))
    check_choice(on_missing, "on_missing", ("raise", "drop"))
    check_on_invalid(on_invalid, tolerance)
    if (unit == "frames") != (fps is not None):
        raise ValueError("unit='frames' needs fps, and fps needs unit='frames'.")
    path = as_path(path)
    sep, lines = _lines(path, sep)
    if columns is not None and not isinstance(columns, Mapping):
        raise TypeError(f"columns={columns!r:.80}; expected a mapping, such as {{'video': 'id'}}.")
    places, lines = _places(path, dict(columns or {}), lines)
    cells = {name: _cells(path, lines, at, name) for name, at in places.items()}

    nameless = [line.number for line, v in zip(lines, cells["video"], strict=True) if not v]
    if nameless:
        raise ValueError(f"{path}: no video in the lines {listed(nameless)}.")
    order = None if videos is None else as_ids(videos, "videos")
    ids = list(dict.fromkeys(cells["video"])) if order is None else order
    place = {v: i for i, v in enumerate(ids)}
    others = [v for v in dict.fromkeys(cells["video"]) if v not in place]
    report(others, f"videos of {path} are not in `videos`", on_missing)
    blank = [not any(row) for row in zip(*(cells[n] for n in NEEDED[1:]), strict=True)]
    keep = [v in place and not b for v, b in zip(cells["video"], blank, strict=True)]
    mine = np.flatnonzero(keep).tolist()
    video = np.array([place[cells["video"][i]] for i in mine], dtype=np.int64)

    text = {name: [column[i] for i in mine] for name, column in cells.items()}
    mine_lines = [lines[i] for i in mine]
    rate = 1.0 / _rates(fps, ids, order)[video] if unit == "frames" else UNITS[unit]
    clocks = [is_clock(t) for name in ("start", "end") for t in text[name] if t]
    if any(clocks) and not all(clocks):
        raise ValueError(f"{path} has both clocks (00:01:02) and numbers as times.")
    start, end = (
        _times(path, mine_lines, text[name], sep, name) * (1.0 if any(clocks) else rate)
        for name in ("start", "end")
    )
    if any(clocks) and unit != "s":
        raise ValueError(f"{path} has times such as 00:01:02, of which unit={unit!r} makes none.")
    score = np.full(len(mine), np.nan)
    if "score" in text:
        score = _times(path, mine_lines, text["score"], sep, "score")
    start[[not label for label in text["label"]]] = np.nan  # a missing label is no class

    def name(i: int) -> str:
        found = ", ".join(repr(text[n][i]) for n in NEEDED)
        return f"line {mine_lines[i].number} ({found})"

    limit = (
        np.full(len(ids), np.inf) if duration is None else check_durations(duration, len(ids), ids)
    )
    good, start, end = settle(
        start,
        end,
        name,
        f"segments of {path}",
        on_invalid,
        high=limit[video],
        tolerance=tolerance,
    )
    sort = np.flatnonzero(good)[np.argsort(video[good], kind="stable")]
    label = np.array(text["label"], dtype=np.str_)[sort]
    offsets = offsets_from_lengths(np.bincount(video[sort], minlength=len(ids)))
    return Segments(offsets, label, start[sort], end[sort], score[sort], ids)


def _rates(fps: PerVideo | None, ids: list[str], order: list[str] | None) -> NDArray[np.float64]:
    assert fps is not None
    return np.broadcast_to(np.asarray(per_video(fps, "fps", ids, order)), len(ids))


def _lines(path: Path, sep: str | None) -> tuple[str, list[Line]]:
    """Return the separator and the lines that are not blank, the first of which may be a header."""
    text = read_text(path)
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise ValueError(f"{path} is empty.")
    if sep is None:
        counts = {s: len(next(csv.reader([first], delimiter=s))) for s in SEPARATORS}
        sep = max(SEPARATORS, key=lambda s: counts[s])
        if counts[sep] < 2:
            raise ValueError(f"{path}: none of {SEPARATORS} separates {first!r:.60}; give sep.")
    if not isinstance(sep, str) or len(sep) != 1 or sep in '"\r\n':
        raise ValueError(f"sep={sep!r}; expected one character.")
    if sep == " ":
        split = [Line(i, line.split()) for i, line in enumerate(text.splitlines(), 1)]
        return sep, [line for line in split if line.cells]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(Line(reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from None
    return sep, lines


def _plain(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


def _places(
    path: Path, columns: dict[str, Column], lines: list[Line]
) -> tuple[dict[str, list[int]], list[Line]]:
    """Return the positions of the columns, and the lines that follow the header, if any."""
    unknown = sorted(set(columns) - set(KNOWN))
    if unknown:
        raise ValueError(f"columns has the keys {unknown}; expected some of {list(KNOWN)}.")
    wanted = {n: [c] if isinstance(c, str | int) else list(c) for n, c in columns.items()}
    bare = [isinstance(c, int) for several in wanted.values() for c in several]
    for name, several in wanted.items():
        if not several or (len(several) > 1 and name != "label"):
            raise ValueError(f"columns[{name!r}] must name one column, got {columns[name]!r}.")
    if bare and all(bare):
        lacking = [n for n in NEEDED if n not in wanted]
        if lacking:
            raise ValueError(f"columns lacks {lacking}; without a header all of them are needed.")
        return {n: [int(c) for c in several] for n, several in wanted.items()}, lines
    if any(bare):
        raise ValueError("columns must hold names (of a header) or positions, not both.")
    header, *lines = lines
    plain = [_plain(cell) for cell in header.cells]
    places = {}
    for name in KNOWN:
        if name in wanted:
            places[name] = [_place(path, header, str(column)) for column in wanted[name]]
            continue
        found = [i for i, cell in enumerate(plain) if cell in KNOWN[name]]
        if len(found) == 1:
            places[name] = found
        elif name in NEEDED:
            what = "no column" if not found else f"{len(found)} columns"
            raise ValueError(
                f"{path}: {what} for {name!r} among {header.cells}; say it with "
                f"columns={{{name!r}: ...}}."
            )
    return places, lines


def _place(path: Path, header: Line, column: str) -> int:
    """Return the position of a column, by its very name, else whatever its capitals."""
    for same in (str, _plain):
        found = [i for i, cell in enumerate(header.cells) if same(cell) == same(column)]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{path}: {len(found)} columns are called {column!r}.")
    raise ValueError(f"{path}: no column {column!r} among {header.cells}.")


def _cells(path: Path, lines: list[Line], places: list[int], name: str) -> list[str]:
    column = []
    for number, cells in lines:
        if max(places) >= len(cells) or min(places) < 0:
            raise ValueError(
                f"{path}, line {number}: {len(cells)} cells; {name!r} is in cell {max(places)} "
                "(from 0)."
            )
        column.append(" ".join(cells[i] for i in places).strip())
    return column


def _times(
    path: Path, lines: list[Line], texts: list[str], sep: str, name: str
) -> NDArray[np.float64]:
    """Read clocks or numbers; NaN where a cell is blank."""
    values = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        if not text:
            continue
        point = text.replace(",", ".") if sep != "," and "." not in text else text
        try:
            values[i] = clock_seconds(point) if is_clock(point) else number_of(point)
        except ValueError as error:
            raise ValueError(f"{path}, line {lines[i].number}, {name}: {error}.") from None
    return values
