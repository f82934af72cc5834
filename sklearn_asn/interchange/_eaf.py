"""ELAN (.eaf): writing and reading files, one a video."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, parse

from sklearn_asn._checks import check_choice
from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File, listed
from sklearn_asn.interchange._eaf_document import SCORE_TYPE, new_document
from sklearn_asn.interchange._files import files_by_id, write_folder
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
        v: new_document(pympi, v, found, links.get(v), Path(folder), per_class_tiers)
        for v, found in videos.items()
    }
    write_folder(folder, texts, ".eaf", overwrite)


def read_eaf(
    paths: File | Iterable[File],
    *,
    tiers: Iterable[str] | None = None,
    label_from: str = "annotation",
    videos: Iterable[str] | None = None,
) -> Segments:
    """Read ELAN files (.eaf), one a video: a segment an annotation.

    Needs pympi-ling: ``pip install "sklearn-asn[elan]"``.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.eaf`` files, sorted by name), one file, or several. Their names without
        the suffix are the ids.
    tiers : iterable of str, default=None
        The tiers to read, where a file has them. None: all that depend on no other tier.
    label_from : {"annotation", "tier"}, default="annotation"
        What the label is: the value of the annotation, or the name of its tier ("run (2)" counts
        as "run" where the file has a tier "run", too).
    videos : iterable of str, default=None
        All ids, in the order wanted; one without a file is an entry without segments. None: those
        of the files, in their order.

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
    pympi = _pympi()
    wanted = None if tiers is None else [str(t) for t in tiers]
    found, known = {}, set()
    for video, path in files_by_id(paths, ".eaf").items():
        eaf = _open(pympi, path)
        known |= set(eaf.tiers)
        found[video] = _segments(eaf, path, wanted, label_from)
    missing = sorted(set(wanted or []) - known)
    if missing:
        raise ValueError(f"{paths} has no tiers named {listed(missing)}.")
    return pack(found, videos, paths)


def _pympi() -> Any:
    try:
        return import_module("pympi")
    except ImportError as error:
        raise ImportError('ELAN files need pympi-ling: pip install "sklearn-asn[elan]".') from error


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


def _segments(eaf: Any, path: Path, wanted: list[str] | None, label_from: str) -> list[Segment]:
    """Read the annotations of the tiers wanted, with their scores, sorted."""
    scores = _scores(eaf, path)
    rows = []
    for tier, (aligned, _, attributes, _) in eaf.tiers.items():
        if attributes.get("PARENT_REF") is not None if wanted is None else tier not in wanted:
            continue
        for annotation, (first, last, value, _) in aligned.items():
            where = f"{path}: annotation {annotation} of tier {tier!r}"
            start, end = eaf.timeslots.get(first), eaf.timeslots.get(last)
            if start is None or end is None:
                raise ValueError(f"{where} has no times.")
            label = value if label_from == "annotation" else _base(tier, eaf.tiers)
            score = scores.get(annotation, math.nan)
            rows.append(new_segment(label, start / 1000, end / 1000, score, where))
    return sorted(rows, key=lambda s: (s.start, s.end, s.label))


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
