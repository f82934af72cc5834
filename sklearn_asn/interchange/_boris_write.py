"""BORIS: writing tabular events."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from sklearn_asn._checks import as_path
from sklearn_asn._data.segments import Segments
from sklearn_asn.datasets._reading import File
from sklearn_asn.interchange._files import write_text
from sklearn_asn.interchange._lanes import Timed, lanes
from sklearn_asn.interchange._lines import check_line, check_scores, plain
from sklearn_asn.interchange._videos import by_video

COLUMNS = (
    "Observation id", "Observation date", "Description", "Observation duration",
    "Observation type", "Source", "Time offset (s)", "Subject", "Behavior", "Behavioral category",
    "Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment",
)  # fmt: skip
NOBODY = "No focal subject"  # BORIS's own words


def write_boris(
    segments: Segments,
    path: File,
    *,
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the tabular events of BORIS: a START and a STOP a segment.

    A video is an observation, the label a behaviour, a state event. A subject of BORIS does not
    show one behaviour twice at a time: segments of one label that overlap belong to further
    subjects, "overlap 2", .... Times keep every digit (BORIS itself writes milliseconds). A video
    without segments has no row.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    path : path
        File to write, for all videos: with commas if it ends in ``.csv``, otherwise with tabs. It
        appears whole or not at all.
    drop_scores : bool, default=False
        Whether scores, for which the format has no place, may be left out.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids; a time is negative; a label or an id is not one line of text; or there are
        scores, and `drop_scores` is False.

    References
    ----------
    .. [1] `BORIS user guide, Export events
       <https://boris.readthedocs.io/en/latest/#export-events>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_boris, write_boris
    >>> y = Segments.from_list([[("run", 0.5, 2.0), ("run", 1.0, 3.0)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_boris(y, Path(folder) / "events.tsv")
    ...     read_boris(Path(folder) / "events.tsv") == y
    True
    """
    check_scores(segments, drop_scores, "BORIS")
    text = io.StringIO()
    mark = "," if as_path(path).suffix.lower() == ".csv" else "\t"
    table = csv.DictWriter(text, COLUMNS, restval="", delimiter=mark, lineterminator="\n")
    table.writeheader()
    for video, found in by_video(segments, ids).items():
        check_line(video, "segments.ids", "BORIS")
        groups: dict[str, list[Timed]] = {}
        for s in found:
            check_line(s.label, video, "BORIS")
            groups.setdefault(s.label, []).append((s.start, s.end, s.label))
        events = [
            (time, order, n, label)
            for label, rows in groups.items()
            for n, lane in enumerate(lanes(rows), start=1)
            for start, end, _ in lane
            for order, time in ((1, start), (0, end))  # a STOP before the START at its time
        ]
        for time, order, n, label in sorted(events):
            row = {"Observation id": video, "Observation type": "Media file(s)"}
            row |= {"Subject": NOBODY if n == 1 else f"overlap {n}", "Behavior": label}
            row |= {"Behavior type": "START" if order else "STOP", "Time": plain(time)}
            table.writerow({**row, "Media file name": video})
    write_text(path, text.getvalue(), overwrite)
