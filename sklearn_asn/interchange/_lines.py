"""What the formats of one segment a line share: what a line can hold, and reading lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from sklearn_asn._data.segments import Segments
from sklearn_asn.datasets._reading import File, read_text
from sklearn_asn.interchange._videos import check_segments


def lines(path: File) -> Iterator[tuple[str, str]]:
    """Return where every line that is not blank is, and the line."""
    for i, line in enumerate(re.split(r"\r\n|\r|\n", read_text(path)), start=1):
        if line.strip():
            yield f"{path}, line {i}", line


def plain(seconds: float) -> str:
    """Return all digits of a time, without an exponent, which not every program reads.

    >>> plain(0.1), plain(1e-7), plain(20.0)
    ('0.1', '0.0000001', '20.0')
    """
    return np.format_float_positional(seconds, trim="0")


def check_line(label: str, video: str, form: str) -> None:
    """Refuse a label that is not one line of text."""
    if not label.strip() or label != label.strip() or any(map(_breaks_line, label)):
        raise ValueError(
            f"Label {label!r} of {video} cannot stand in a {form} file, where a label is one "
            "line of text without control characters and without white space at its ends."
        )


def check_words(texts: Iterable[str], what: str, form: str) -> None:
    """Refuse texts that are not one word each."""
    for text in texts:
        if text.split() != [text] or any(map(_breaks_line, text)):
            raise ValueError(
                f"{what} {text!r} cannot stand in a {form} file, whose fields white space divides."
            )


def check_scores(segments: Segments, drop_scores: bool, form: str) -> None:
    """Refuse scores in a format that has no place for them, unless they may go."""
    check_segments(segments)
    if not drop_scores and not np.isnan(segments.score).all():
        raise ValueError(
            f"segments have scores, which a {form} file cannot hold: drop_scores=True leaves "
            "them out."
        )


def _breaks_line(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
