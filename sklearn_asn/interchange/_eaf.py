"""ELAN (.eaf): writing and reading files, one a video."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, parse

from sklearn_asn._checks import as_list, as_path, check_choice
from sklearn_asn._data.segments import Segments
from sklearn_asn._optional import need
from sklearn_asn._typing import LabelFrom, OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, listed
from sklearn_asn.interchange._eaf_document import SCORE_TYPE, new_document
from sklearn_asn.interchange._eaf_times import spans
from sklearn_asn.interchange._files import files_by_id, write_folder
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._videos import (
    Media,
    by_video,
    media_of,
    new_segment,
    number,
    pack,
)


def write_eaf(
    segments: Segments,
    folder: File,
    *,
    media: Media | None = None,
    per_class_tiers: bool = True,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one ELAN file (.eaf) a video: a tier a class, an annotation a segment.

    The annotations carry the label as their value. A tier of ELAN holds no annotations that
    overlap: those that would go to further tiers, "run (2)" beside "run". The scores are
    annotations of a dependent tier, "score@run", one each (ELAN's stereotype Symbolic Association),
    so that they are shown below their segments and follow them when these are moved.

    Needs pympi-ling: ``pip install "sklearn-asn[elan]"``.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    folder : path
        Where ``<id>.eaf`` is written, with an empty tier where a video has no segments. Made if
        need be. Each file appears whole or not at all.
    media : str or mapping from id to path or URL, default=None
        The video that each file links to; a text has ``{id}`` in it, as in ``"videos/{id}.mp4"``.
        Paths are stored absolute, and relative to `folder`. None: no link; ELAN asks.
    per_class_tiers : bool, default=True
        One tier a class; False: one tier, "segments".
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether existing files are replaced.

    Raises
    ------
    ImportError
        pympi-ling is not installed.
    FileExistsError
        A file exists, and `overwrite` is False. Nothing is written.
    ValueError
        There are no ids, or ids that cannot name files; a time is negative; a segment has no length
        in milliseconds, the resolution of the format; or XML cannot hold a label.

    Notes
    -----
    The files are of format 2.8, which is what pympi writes.

    References
    ----------
    .. [1] H. Sloetjes, ELAN Annotation Format,
       `<https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf>`_.
    .. [2] `pympi <https://github.com/dopefishh/pympi>`_.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_eaf, write_eaf
    >>> found = Segments.from_list([[("run", 0.5, 2.0, 0.9), ("run", 1.0, 3.0, 0.4)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_eaf(found, folder, media="videos/{id}.mp4")
    ...     read_eaf(folder) == found
    True
    """
    pympi = _pympi()
    videos = by_video(segments, ids)
    links = {} if media is None else media_of(media, videos)
    texts = {
        v: new_document(pympi, v, found, links.get(v), as_path(folder, "folder"), per_class_tiers)
        for v, found in videos.items()
    }
    write_folder(folder, texts, ".eaf", overwrite)


def read_eaf(
    paths: File | Iterable[File],
    *,
    tiers: Iterable[str] | None = None,
    label_from: LabelFrom = "annotation",
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read ELAN files (.eaf), one a video: a segment an annotation.

    Needs pympi-ling: ``pip install "sklearn-asn[elan]"``.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.eaf`` files, sorted by name), one file, or several. Their names without
        the suffix are the ids.
    tiers : iterable of str, default=None
        The tiers to read, where a file has them. None: all that depend on no other tier. An
        annotation of a dependent tier has the times of the one that it refers to, or its part of
        them where several divide it, as ELAN shows it.
    label_from : {"annotation", "tier"}, default="annotation"
        What the label is: the value of the annotation, or the name of its tier ("run (2)" counts
        as "run" where the file has a tier "run", too).
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
        With ids, a video's segments sorted by start, end and label. Scores are those that
        `write_eaf` stores, otherwise NaN.

    Raises
    ------
    ImportError
        pympi-ling is not installed.
    ValueError
        A file, with the line or the annotation, is not XML or not ELAN's, counts time in frames,
        has an annotation without times or length or a score that is no number, or is of a video
        not in `videos`; no file has one of `tiers`.

    See Also
    --------
    write_eaf : Has an example.
    """
    check_choice(label_from, "label_from", ("annotation", "tier"))
    rule = new_rule(on_invalid, tolerance, duration)
    pympi = _pympi()
    wanted = (
        None if tiers is None else [str(t) for t in as_list(tiers, "tiers", "a sequence of names")]
    )
    found, known = {}, set()
    for video, path in files_by_id(paths, ".eaf").items():
        eaf = _open(pympi, path)
        known |= set(eaf.tiers)
        found[video] = _segments(eaf, path, wanted, label_from)
    missing = sorted(set(wanted or []) - known)
    if missing:
        raise ValueError(f"{paths} has no tiers named {listed(missing)}.")
    return pack(found, videos, paths, rule)


def _pympi() -> Any:
    return need("pympi", "Reading and writing ELAN files", "elan")


def _open(pympi: Any, path: Path) -> Any:
    try:
        root = parse(path).getroot()
    except ParseError as error:
        raise ValueError(f"{path}, line {error.position[0]}: no XML, or cut short.") from None
    header = root.find("HEADER")
    if root.tag != "ANNOTATION_DOCUMENT" or header is None:
        raise ValueError(f"{path}: no ELAN file; the root is {root.tag}, or has no HEADER.")
    unit = header.get("TIME_UNITS", "milliseconds")
    if unit != "milliseconds":
        raise ValueError(f"{path}: time is counted in {unit}; expected milliseconds.")
    try:
        return pympi.Elan.Eaf(str(path), suppress_version_warning=True)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no ELAN file that pympi reads ({error!r}).") from None


def _segments(eaf: Any, path: Path, wanted: list[str] | None, label_from: str) -> list[Read]:
    """Read the annotations of the tiers wanted, with their scores, sorted."""
    scores = _scores(eaf, path)
    rows = []
    names = set(eaf.tiers if wanted is None else wanted)
    tiers = {
        tier: {
            **{a: row[2] for a, row in aligned.items()},
            **{a: row[1] for a, row in refs.items()},
        }
        for tier, (aligned, refs, attributes, _) in eaf.tiers.items()
        if tier in names and (wanted is not None or attributes.get("PARENT_REF") is None)
    }
    times = spans(eaf, tiers)
    for tier, values in tiers.items():
        for annotation, value in values.items():
            where = f"{path}: annotation {annotation} of tier {tier!r}"
            span = times.get(annotation)
            if span is None:
                raise ValueError(f"{where} has no times.")
            label = value if label_from == "annotation" else _base(tier, eaf.tiers)
            score = scores.get(annotation, math.nan)
            start, end = (_seconds(time) for time in span)
            rows.append(new_segment(label, start, end, score, where))
    return sorted(rows, key=lambda row: (row.segment.start, row.segment.end, row.segment.label))


def _seconds(milliseconds: float) -> float:
    try:
        return milliseconds / 1000
    except OverflowError:  # an integer of hundreds of digits
        return math.inf


def _scores(eaf: Any, path: Path) -> dict[str, float]:
    """Return the scores by the annotation that they depend on."""
    scores = {}
    for tier, (_, dependent, attributes, _) in eaf.tiers.items():
        if attributes.get("LINGUISTIC_TYPE_REF") == SCORE_TYPE:
            for annotation, (parent, value, *_) in dependent.items():
                where = f"{path}: annotation {annotation} of tier {tier!r}"
                scores[parent] = number(value or "nan", "score", where)
    return scores


def _base(tier: str, tiers: Iterable[str]) -> str:
    base = re.sub(r" \([0-9]+\)$", "", tier)
    return base if base in tiers else tier
