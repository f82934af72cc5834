"""Audacity: the text files of its label tracks, one a video."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo
from sklearn_asn.interchange._files import files_by_id, write_folder
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_line, check_scores, lines, plain
from sklearn_asn.interchange._videos import by_video, new_segment, number, pack


def write_audacity(
    segments: Segments,
    folder: File,
    *,
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    r"""Write one label track of Audacity a video: lines of start, end and label.

    Times keep every digit (Audacity itself writes six decimals). Labels may overlap.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    folder : path
        Where ``<id>.txt`` is written, an empty file where a video has no segments. Made if need be.
        Each file appears whole or not at all.
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
        There are no ids, or ids that cannot name files; a time is negative; a label is not one line
        of text; or there are scores, and `drop_scores` is False.

    References
    ----------
    .. [1] `Audacity Manual, Importing and Exporting Labels
       <https://manual.audacityteam.org/man/importing_and_exporting_labels.html>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_audacity, write_audacity
    >>> y = Segments.from_list([[("run fast", 0.5, 2.0)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audacity(y, folder)
    ...     print((Path(folder) / "a.txt").read_text().split("\t"))
    ...     read_audacity(folder) == y
    ['0.5', '2.0', 'run fast\n']
    True
    """
    check_scores(segments, drop_scores, "label track")
    texts = {}
    for video, found in by_video(segments, ids).items():
        for segment in found:
            check_line(segment.label, video, "label track")
        texts[video] = "".join(f"{plain(s.start)}\t{plain(s.end)}\t{s.label}\n" for s in found)
    write_folder(folder, texts, ".txt", overwrite)


def read_audacity(
    paths: File | Iterable[File],
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    r"""Read label tracks of Audacity, one a video.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.txt`` files, sorted by name), one file, or several. Their names without
        the suffix are the ids.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without a file is an entry without segments. None: those
        of the files, in their order.
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
        With ids, a video's segments in the file's order. Lines of frequencies (``\ low high``)
        are skipped. A point label has no length: it counts as invalid.

    Raises
    ------
    ValueError
        A file, with the line, is not UTF-8 or not of this form, or has an invalid segment; or a
        file is of a video not in `videos`.

    See Also
    --------
    write_audacity : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    for video, path in files_by_id(paths, ".txt").items():
        found[video] = []
        for where, line in lines(path):
            fields = line.split("\t", 2)
            if fields[0] == "\\":
                continue
            if len(fields) < 2:
                raise ValueError(f"{where}: {line!r:.60}; expected start, end and label by tabs.")
            start, end = (number(fields[i], what, where) for i, what in enumerate(("start", "end")))
            label = fields[2].strip() if len(fields) == 3 else ""
            found[video].append(new_segment(label, start, end, math.nan, where))
    return pack(found, videos, paths, rule)
