"""DCASE: the event lists of sound event detection."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo
from sklearn_asn.interchange._files import files_by_id, write_text
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_line, check_scores, lines, plain
from sklearn_asn.interchange._videos import by_video, new_segment, number, pack

COLUMNS = ("filename", "onset", "offset", "event_label")
OTHER_NAMES = {"file": "filename", "event_onset": "onset", "event_offset": "offset"}
#: Columns without a heading, by how many there are.
BY_COUNT = {
    3: ("onset", "offset", "event_label"),
    4: COLUMNS,
    5: ("filename", "scene_label", "onset", "offset", "event_label"),
}


def write_dcase(
    segments: Segments,
    path: File,
    *,
    suffix: str = "",
    heading: bool = True,
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    r"""Write an event list of the DCASE challenges: filename, onset, offset and event label.

    The columns are divided by tabs. Numbers keep every digit. A video without
    segments has a line of its own, with nothing but its name, as in DESED.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    path : path
        File to write, for all videos. It appears whole or not at all.
    suffix : str, default=""
        What follows the id in the file names, as ``".wav"``.
    heading : bool, default=True
        Whether the first line names the columns, as in DESED. The lists of other DCASE tasks, which
        dcase_util reads, have none.
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
    .. [1] `sed_eval, load_event_list
       <https://tut-arg.github.io/sed_eval/generated/sed_eval.io.load_event_list.html>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_dcase, write_dcase
    >>> y = Segments.from_list([[("speech", 0.5, 2.0)], []], ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_dcase(y, Path(folder) / "y.tsv", suffix=".wav")
    ...     print((Path(folder) / "y.tsv").read_text().split("\n")[1].split("\t"))
    ...     read_dcase(Path(folder) / "y.tsv", suffix=".wav") == y
    ['a.wav', '0.5', '2.0', 'speech']
    True
    """
    check_scores(segments, drop_scores, "DCASE")
    rows = ["\t".join(COLUMNS)] if heading else []
    for video, found in by_video(segments, ids).items():
        check_line(video, "segments.ids", "DCASE")
        for segment in found:
            check_line(segment.label, video, "DCASE")
            times = f"{plain(segment.start)}\t{plain(segment.end)}"
            rows.append(f"{video}{suffix}\t{times}\t{segment.label}")
        if not found:
            rows.append(f"{video}{suffix}\t\t\t")
    write_text(path, "".join(f"{row}\n" for row in rows), overwrite)


def read_dcase(
    paths: File | Iterable[File],
    *,
    suffix: str = "",
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read event lists of the DCASE challenges.

    Parameters
    ----------
    paths : path or iterable of path
        A file, several, or a folder (its ``.txt`` files). The columns are divided by tabs (or
        commas, or semicolons, if the first line has no tab), and named by a heading, or else onset,
        offset and label, after the file name where there are four, and the scene where there are
        five. Without file names the name of the list, without its suffix, is the id.
    suffix : str, default=""
        Taken off the end of the file names, as ``".wav"``.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without lines is an entry without segments. None: the ids
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
        With ids, a video's segments in the file's order. A line with a name but neither times nor
        label, or with nothing but a name, is a video without segments.

    Raises
    ------
    ValueError
        A file, with the line, is not UTF-8 or not of this form, or has an invalid segment; or it
        names a video not in `videos`.

    See Also
    --------
    write_dcase : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    for name, path in files_by_id(paths, ".txt").items():
        columns: tuple[str, ...] = ()
        mark = ""
        for where, line in lines(path):
            mark = mark or next((m for m in "\t,;" if m in line), "\t")
            fields = [field.strip() for field in line.split(mark)]
            if len(fields) == 1 and (not columns or "filename" in columns):
                found.setdefault(fields[0].removesuffix(suffix), [])  # as dcase_util writes it
                continue
            if not columns:
                columns, is_heading = _columns(fields, where)
                if is_heading:
                    continue
            if len(fields) != len(columns):
                raise ValueError(f"{where}: {len(fields)} fields; expected {', '.join(columns)}.")
            value = dict(zip(columns, fields, strict=True))
            file = value.get("filename", name)
            if not file:
                raise ValueError(f"{where}: no file name.")
            rows = found.setdefault(file.removesuffix(suffix), [])
            texts = [value[k] for k in ("onset", "offset", "event_label")]
            if "filename" in value and all(text.lower() in ("", "nan") for text in texts):
                continue  # nothing happens in this one
            start, end = (number(value[k], k, where) for k in ("onset", "offset"))
            rows.append(new_segment(value["event_label"], start, end, math.nan, where))
        if "filename" not in columns:
            found.setdefault(name.removesuffix(suffix), [])
    return pack(found, videos, paths, rule)


def _columns(fields: list[str], where: str) -> tuple[tuple[str, ...], bool]:
    """Return the names of the columns, and whether the line is their heading."""
    names = tuple(OTHER_NAMES.get(f.lower(), f.lower()) for f in fields)
    if "onset" in names:
        lacking = [k for k in COLUMNS[1:] if names.count(k) != 1]
        if lacking or names.count("filename") > 1:
            raise ValueError(f"{where}: the heading lacks or repeats {', '.join(lacking)}.")
        return names, True
    if len(fields) not in BY_COUNT:
        raise ValueError(f"{where}: {len(fields)} fields; expected 3 to 5, or a heading.")
    return BY_COUNT[len(fields)], False
