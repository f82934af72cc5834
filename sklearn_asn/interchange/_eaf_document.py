"""ELAN's document of one video: tiers of annotations that do not overlap, and their scores."""

from __future__ import annotations

import mimetypes
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sklearn_asn._data.segments import Segment
from sklearn_asn.interchange._lanes import tiers_of
from sklearn_asn.interchange._videos import milliseconds

SCORE_TYPE = "score"  # ELAN's tier type of the scores
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Timed = tuple[int, int, Segment]


def new_document(
    pympi: Any,
    video: str,
    found: list[Segment],
    link: str | None,
    folder: Path,
    per_class_tiers: bool,
) -> str:
    """Return the text of the file."""
    eaf = pympi.Elan.Eaf(author="sklearn_asn")
    eaf.adocument["DATE"] = datetime.now(UTC).isoformat(timespec="seconds")
    eaf.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    if link is not None:
        _add_media(eaf, link, folder)
    tiers = _tiers(found, video, per_class_tiers)
    if tiers:
        eaf.remove_tier("default")
        _add_tiers(eaf, tiers)
    eaf.properties = [("lastUsedAnnotationId", eaf.maxaid)]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{pympi.Elan.to_string(eaf)}\n'


def _tiers(found: list[Segment], video: str, per_class_tiers: bool) -> dict[str, list[Timed]]:
    """Return the segments by tier, in which none overlap."""
    groups: dict[str, list[Timed]] = {}
    for segment in found:
        if _NOT_XML.search(segment.label):
            raise ValueError(f"Label {segment.label!r} of {video} has characters not for XML.")
        group = segment.label if per_class_tiers else "segments"
        groups.setdefault(group, []).append((*milliseconds(segment, video), segment))
    return tiers_of(groups)


def _add_tiers(eaf: Any, tiers: dict[str, list[Timed]]) -> None:
    """Add the tiers, and those of the scores where there are any."""
    slots = _slots(eaf, tiers)
    scored: dict[str, list[tuple[str, float]]] = {}
    for tier, rows in tiers.items():
        eaf.add_tier(tier, ling="default-lt")
        for i, (_, _, segment) in enumerate(rows):
            annotation = eaf.generate_annotation_id()
            first, last = slots[tier, i, 0], slots[tier, i, 1]
            eaf.tiers[tier][0][annotation] = (first, last, segment.label, None)
            eaf.annotations[annotation] = tier
            if segment.score == segment.score:
                scored.setdefault(tier, []).append((annotation, segment.score))
    if scored:
        eaf.add_linguistic_type(SCORE_TYPE, "Symbolic_Association", timealignable=False)
    for tier, scores in scored.items():
        name = f"{SCORE_TYPE}@{tier}"
        while name in eaf.tiers:
            name += "'"
        eaf.add_tier(name, ling=SCORE_TYPE, parent=tier)
        for parent, score in scores:
            annotation = eaf.generate_annotation_id()
            eaf.tiers[name][1][annotation] = (parent, repr(score), None, None)
            eaf.annotations[annotation] = name


def _slots(eaf: Any, tiers: dict[str, list[Timed]]) -> dict[tuple[str, int, int], str]:
    """Add the time slots, in order of time as ELAN writes them."""
    times = [
        (row[edge], tier, i, edge)
        for tier, rows in tiers.items()
        for i, row in enumerate(rows)
        for edge in (0, 1)
    ]
    return {(tier, i, edge): eaf.generate_ts_id(time) for time, tier, i, edge in sorted(times)}


def _add_media(eaf: Any, link: str, folder: Path) -> None:
    mime = mimetypes.guess_type(link)[0] or "unknown"
    relative = None
    if "://" not in link:
        path = Path(link).absolute()
        try:
            relative = Path(os.path.relpath(path, folder.absolute())).as_posix()
        except ValueError:  # another drive
            relative = None
        relative = relative and (relative if relative.startswith("..") else f"./{relative}")
        link = path.as_uri()
    eaf.add_linked_file(link, relative, mime)
