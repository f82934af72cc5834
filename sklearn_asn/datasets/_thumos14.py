"""THUMOS14: the official temporal annotations, and the table of its videos."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sklearn_asn._checks import as_path, check_choice
from sklearn_asn._data.invalid import check_on_invalid, settle
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid, OnMissing, Thumos14Subset
from sklearn_asn.datasets._reading import File, choose, listed, read_text

AMBIGUOUS = "Ambiguous"
SHORT = {"test": "test", "validation": "val"}  # how file names write a subset
COLUMNS = ("video", "primary_action", "duration_s", "n_frames", "fps")


class Row(NamedTuple):
    """One line of an annotation file."""

    video: str
    label: str
    start: float
    end: float
    where: str


def load_thumos14_annotations(
    folder: File,
    *,
    subset: Thumos14Subset = "test",
    videos: Iterable[str] | None = None,
    on_missing: OnMissing = "raise",
    on_invalid: OnInvalid = "raise",
    tolerance: float = np.inf,
) -> Bunch:
    """Load the official THUMOS14 temporal annotations (20 classes) of one subset.

    Segments are as published, in the files' order. Some start after the end of their video: in
    test 22 of ``video_test_0000270``, 3 of ``..814`` and 1 of ``..1081``; in validation 2 of
    ``..364`` and 2 of ``..856``. The official kit counts them; `ASNLocalizer.score` refuses them;
    ``on_invalid="drop", tolerance=1.0`` leaves them out, given the table. Much published work
    leaves out test videos 270, 1292 and 1496 altogether.

    Parameters
    ----------
    folder : path
        A folder of annotation files (``Billiards_test.txt``, ..., ``Ambiguous_test.txt`` with lines
        "video start end", and ``detclasslist.txt``); or the folder that holds it under the name
        ``thumos14-test-annotations`` (``-val-``). If ``test_videos.csv`` (``val_``), with the
        columns video, primary_action, duration_s, n_frames (may be blank) and fps, lies in
        `folder`, it is read too.
    subset : {"test", "validation"}, default="test"
        Which annotations.
    videos : iterable of str, default=None
        Ids in the order wanted; a listed video without annotations is an entry with none. None:
        all that an annotation file names, the Ambiguous list included, sorted. In test these
        are 213 videos: 212 with the 3358 segments, and ``video_test_0001292``, which has an
        Ambiguous one only. In validation, 200 videos with 3007 segments.
    on_missing : {"raise", "drop"}, default="raise"
        What becomes of a video of which nothing is known (it is not in the table or, without one,
        in no annotation file): an error, or left out with a warning.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments, Ambiguous ones included, without finite times
        ``0 <= start < end``, or that end more than `tolerance` after their video (of which the
        table must say the duration): an error that lists them, left out with a warning, or cut to
        the video with a warning (and left out where nothing of them is in it).
    tolerance : float, default=inf
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Bunch
        - ``y`` : `Segments`, shape (n_videos,), seconds, labelled by class name.
        - ``ambiguous`` : `Segments`, shape (n_videos,), of the same videos, label "Ambiguous".
        - ``duration`` (s), ``fps`` : float arrays, shape (n_videos,), ``primary_action`` : array of
          str, one of the 101 classes; all None without the table.
        - ``classes`` : array of str, shape (20,), in the order of ``detclasslist.txt``;
          ``class_numbers`` : int array, their places among the 101, from 1.
        - ``table`` : DataFrame by video of all videos of the subset, annotated or not (test: 1574,
          for recognition), with primary_action, duration, n_frames (NaN: unknown) and fps; or None.

    Raises
    ------
    FileNotFoundError
        The folder or one of its files is not there.
    ValueError
        An argument is out of range, or a file (named, with its line) is malformed: not UTF-8,
        unknown class, times that are negative, not finite or not in order, repeated id.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import load_thumos14_annotations
    >>> files = {"detclasslist.txt": "12 Billiards", "Billiards_test.txt": "video_1 5 6.5",
    ...          "Ambiguous_test.txt": "video_1 8 9"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, text in files.items():
    ...         _ = (Path(folder) / name).write_text(text)
    ...     data = load_thumos14_annotations(folder)
    >>> data.y[0]
    [Segment(label='Billiards', start=5.0, end=6.5, score=nan)]
    """
    check_choice(subset, "subset", tuple(SHORT))
    check_on_invalid(on_invalid, tolerance)
    folder, short = as_path(folder, "folder"), SHORT[subset]
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder.")
    below = folder / f"thumos14-{short}-annotations"
    annotations = below if below.is_dir() else folder
    numbers = _classes(annotations / "detclasslist.txt")
    _check_files(annotations, short, [*numbers, AMBIGUOUS])
    rows = [row for name in numbers for row in _rows(annotations, name, short)]
    ambiguous = _rows(annotations, AMBIGUOUS, short)

    file = folder / f"{short}_videos.csv"
    table = _table(file) if file.is_file() else None
    annotated = sorted({row.video for row in rows + ambiguous})
    wanted = annotated if videos is None else videos
    known, where = (annotated, annotations) if table is None else (table.index.tolist(), file)
    ids = choose(known, wanted, str(where), on_missing)
    chosen = None if table is None else table.loc[ids]
    return Bunch(
        y=_segments(rows, ids, table, on_invalid, tolerance),
        ambiguous=_segments(ambiguous, ids, table, on_invalid, tolerance),
        duration=None if chosen is None else chosen["duration"].to_numpy(copy=True),
        fps=None if chosen is None else chosen["fps"].to_numpy(copy=True),
        primary_action=None if chosen is None else chosen["primary_action"].to_numpy(np.str_),
        classes=np.array(list(numbers)),
        class_numbers=np.array(list(numbers.values())),
        table=table,
    )


def _segments(
    rows: list[Row],
    ids: list[str],
    table: pd.DataFrame | None,
    on_invalid: OnInvalid,
    tolerance: float,
) -> Segments:
    """Pack the rows of the videos `ids`, in that order; a video's rows keep theirs."""
    place = {video: i for i, video in enumerate(ids)}
    mine = sorted((row for row in rows if row.video in place), key=lambda row: place[row.video])
    video = np.array([place[row.video] for row in mine], dtype=np.int64)
    times = np.array([row[2:4] for row in mine], dtype=np.float64).reshape(-1, 2)
    known = np.full(len(ids), np.nan) if table is None else table["duration"].loc[ids].to_numpy()

    def name(i: int) -> str:
        row = mine[i]
        got = f"[{row.video!r}, {row.start:g}, {row.end:g}]"
        return f"{row.where}: expected 0 <= start < end within the video, got {got}"

    high = known[video]
    keep, start, end = settle(
        times[:, 0], times[:, 1], name, "segments", on_invalid, high=high, tolerance=tolerance
    )
    label = np.array([row.label for row in mine], dtype=np.str_)[keep]
    offsets = offsets_from_lengths(np.bincount(video[keep], minlength=len(ids)))
    return Segments(offsets, label, start[keep], end[keep], ids=ids)


def _classes(file: Path) -> dict[str, int]:
    """Read lines of "number name"."""
    numbers: dict[str, int] = {}
    for i, words in _lines(file):
        repeats = words[-1] in numbers or words[0] in map(str, numbers.values())
        if len(words) != 2 or not words[0].isdecimal() or repeats:
            raise ValueError(f"{file}, line {i}: expected 'number class', each of them once.")
        numbers[words[1]] = int(words[0])
    if not numbers:
        raise ValueError(f"{file} names no classes.")
    return numbers


def _check_files(folder: Path, short: str, names: list[str]) -> None:
    """Refuse a folder without a file for every class, or with one for a class not listed."""
    end = f"_{short}.txt"
    found = {file.name.removesuffix(end) for file in folder.iterdir() if file.name.endswith(end)}
    lacking = [f"{name}{end}" for name in names if name not in found]
    if lacking:
        raise FileNotFoundError(f"{folder} lacks {len(lacking)} files: {listed(lacking)}.")
    unknown = sorted(found - set(names))
    if unknown:
        raise ValueError(
            f"{folder} has files of classes not in detclasslist.txt: {listed(unknown)}."
        )


def _rows(folder: Path, name: str, short: str) -> list[Row]:
    """Read lines of "video start end"."""
    file = folder / f"{name}_{short}.txt"
    rows = []
    for i, words in _lines(file):
        try:
            video, start, end = words[0], *map(float, words[1:])
        except ValueError:
            raise ValueError(
                f"{file}, line {i}: expected 'video start end', got {words}."
            ) from None
        rows.append(Row(video, name, start, end, f"{file}, line {i}"))
    return rows


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    """Return the number and the words of every line that is not blank."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing.")
    lines = enumerate(read_text(file).split("\n"), 1)
    return [(i, line.split()) for i, line in lines if line.strip()]


def _table(file: Path) -> pd.DataFrame:
    """Read the table of videos, by id."""
    header, *lines = [*csv.reader(read_text(file).splitlines())] or [[]]
    if tuple(header) != COLUMNS:
        raise ValueError(f"{file}, line 1: expected the columns {','.join(COLUMNS)}, got {header}.")
    rows: dict[str, tuple[str, float, float, float]] = {}
    for i, line in enumerate(lines, 2):
        try:
            video, action, *numbers = line
            duration, n_frames, fps = (float(v) if v else np.nan for v in numbers)
        except ValueError:
            raise ValueError(
                f"{file}, line {i}: expected {','.join(COLUMNS)}, got {line}."
            ) from None
        known = (duration, fps) if np.isnan(n_frames) else (duration, fps, n_frames)
        if not all(0 < v < np.inf for v in known):
            raise ValueError(f"{file}, line {i}: expected positive numbers, got {line}.")
        if video in rows:
            raise ValueError(f"{file}, line {i}: {video} is listed twice.")
        rows[video] = (action, duration, n_frames, fps)
    names = ["primary_action", "duration", "n_frames", "fps"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("video")
