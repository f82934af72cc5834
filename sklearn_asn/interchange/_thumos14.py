"""THUMOS'14: writing annotation files, and detections for its evaluation kit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from sklearn_asn._checks import as_floats, check_choice
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid, Thumos14Subset
from sklearn_asn.datasets._reading import File, PerVideo, listed
from sklearn_asn.interchange._files import write_folder, write_text
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_scores, check_words, lines, plain
from sklearn_asn.interchange._videos import Videos, by_video, new_segment, number, pack

SHORT = {"test": "test", "validation": "val"}


def write_thumos14_annotations(
    segments: Segments,
    folder: File,
    *,
    classes: Mapping[str, int],
    subset: Thumos14Subset = "test",
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write annotations in the text files of THUMOS'14, one a class.

    `sklearn_asn.datasets.load_thumos14_annotations` and the evaluation kit read them:
    ``<class>_test.txt`` with lines "video start end", an empty ``Ambiguous_test.txt``, and
    ``detclasslist.txt``. Times keep every digit.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on. A video without segments is in no file.
    folder : path
        Where the files are written. Made if need be.
    classes : mapping from str to int
        Number of every class, as in ``detclasslist.txt``: 7 for BaseballPitch.
    subset : {"test", "validation"}, default="test"
        Which files these are.
    drop_scores : bool, default=False
        Whether scores, for which annotations have no place, may be left out.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether existing files are replaced.

    Raises
    ------
    FileExistsError
        A file exists, and `overwrite` is False. Nothing is written.
    ValueError
        There are no ids; a time is negative; a label is not in `classes`, numbers repeat; an id or
        a class has white space; or there are scores, and `drop_scores` is False.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.datasets import load_thumos14_annotations
    >>> from sklearn_asn.interchange import write_thumos14_annotations
    >>> y = Segments.from_list([[("Billiards", 5.0, 6.5)]], ids=["video_1"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_thumos14_annotations(y, folder, classes={"Billiards": 12})
    ...     load_thumos14_annotations(folder).y == y
    True
    """
    check_choice(subset, "subset", tuple(SHORT))
    check_scores(segments, drop_scores, "THUMOS'14 annotation")
    videos = by_video(segments, ids)
    _check(videos, classes)
    end = f"_{SHORT[subset]}"
    rows: dict[str, list[str]] = {name: [] for name in (*classes, "Ambiguous")}
    for video, found in videos.items():
        for s in found:
            rows[s.label].append(f"{video} {plain(s.start)} {plain(s.end)}\n")
    files = {f"{name}{end}": "".join(of_class) for name, of_class in rows.items()}
    files["detclasslist"] = "".join(f"{n} {name}\n" for name, n in classes.items())
    write_folder(folder, files, ".txt", overwrite)


def write_thumos14_results(
    segments: Segments,
    path: File,
    *,
    classes: Mapping[str, int],
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write detections as the evaluation kit of THUMOS'14 reads them.

    A line a detection: video, start, end, number of the class, score. Numbers keep every digit.

    Parameters
    ----------
    segments : Segments
        Predictions in seconds, from 0 on, each with a score.
    path : path
        File to write. It appears whole or not at all.
    classes : mapping from str to int
        Number of every class, as in ``detclasslist.txt``: 7 for BaseballPitch.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids; a time is negative; a segment has no score; a label is not in `classes`,
        numbers repeat; or an id has white space.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_thumos14_results, write_thumos14_results
    >>> found = Segments.from_list([[("Billiards", 5.0, 6.5, 0.9)]], ids=["video_1"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_thumos14_results(found, Path(folder) / "found.txt", classes={"Billiards": 12})
    ...     print((Path(folder) / "found.txt").read_text())
    ...     read_thumos14_results(Path(folder) / "found.txt", classes={"Billiards": 12}) == found
    video_1 5.0 6.5 12 0.9
    <BLANKLINE>
    True
    """
    videos = by_video(segments, ids)
    _check(videos, classes)
    lacking = int(np.isnan(segments.score).sum())
    if lacking:
        raise ValueError(f"{lacking} segments have no score, by which detections are ranked.")
    rows = [
        f"{video} {plain(s.start)} {plain(s.end)} {classes[s.label]} {s.score!r}\n"
        for video, found in videos.items()
        for s in found
    ]
    write_text(path, "".join(rows), overwrite)


def read_thumos14_results(
    path: File,
    *,
    classes: Mapping[str, int],
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read detections in the text format of THUMOS'14: video, start, end, class number, score.

    Parameters
    ----------
    path : path
        UTF-8 file, its fields divided by white space.
    classes : mapping from str to int
        Number of every class, as in ``detclasslist.txt``: 7 for BaseballPitch.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without detections is an entry without segments. None:
        the ids in order of first appearance.
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
        With ids, labelled by class name, a video's segments in the file's order.

    Raises
    ------
    ValueError
        The file, with the line, is not UTF-8 or not of this form, has a class number that is not in
        `classes` or an invalid segment; or it names a video not in `videos`.

    See Also
    --------
    write_thumos14_results : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    _check({}, classes)
    names = {str(int(n)): name for name, n in classes.items()}
    found: dict[str, list[Read]] = {}
    for where, line in lines(path):
        fields = line.split()
        if len(fields) != 5:
            raise ValueError(f"{where}: {line!r:.60}; expected video, start, end, class and score.")
        video, *texts = fields
        start, end, _, score = (
            number(text, what, where)
            for text, what in zip(texts, ("start", "end", "class", "score"), strict=True)
        )
        if texts[2] not in names:
            raise ValueError(f"{where}: class is {texts[2]:.20}; expected a number of `classes`.")
        if math.isnan(score):
            raise ValueError(f"{where}: score is NaN; expected a number.")
        found.setdefault(video, []).append(new_segment(names[texts[2]], start, end, score, where))
    return pack(found, videos, path, rule)


def _check(videos: Videos, classes: Mapping[str, int]) -> None:
    if not isinstance(classes, Mapping) or not classes:
        raise TypeError(f"classes={classes!r:.60}; expected a mapping from name to number.")
    numbers = as_floats(list(classes.values()), "classes").astype(np.int64).tolist()
    if len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ValueError(f"classes={dict(classes)!r:.80}; expected a number each, of its own.")
    check_words(classes, "The class", "THUMOS'14")
    check_words(videos, "The id", "THUMOS'14")
    unknown = {s.label for found in videos.values() for s in found} - set(classes)
    if unknown:
        names = listed(sorted(unknown))
        raise ValueError(f"segments have labels that are not in `classes`: {names}.")
