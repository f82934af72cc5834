"""Praat's TextGrid: reading files, one a video."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, listed, read_text
from sklearn_asn.interchange._files import files_by_id
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._videos import new_segment, pack

# Praat reads strings, flags and numbers that stand free, and skips all other words and comments.
_TOKEN = re.compile(r'![^\r\n]*+|"((?:[^"]|"")*+)"|([^\s"!][^\s"]*+)')
_SPACE = re.compile(r"\s*+")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")

Token = tuple[str | float, int]  # a string with its quotes off, a flag or a number; where it is


def read_textgrid(
    paths: File | Iterable[File],
    *,
    tiers: Iterable[str] | None = None,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read TextGrids of Praat, one a video: a segment an interval that has a text.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.TextGrid`` files, sorted by name), one file, or several. Their names
        without the suffix are the ids. Long and short text files, as UTF-8 or, with a byte order
        mark, UTF-16.
    tiers : iterable of str, default=None
        The interval tiers to read, where a file has them. None: all.
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
        With ids, a video's segments sorted by start, end and label. Intervals without text are
        what lies between segments. Point tiers, of single times, are left out.

    Raises
    ------
    ValueError
        A file, with the line, is no text or no TextGrid, ends too early or has an invalid segment,
        or is of a video not in `videos`; no file has one of `tiers` as an interval tier.

    See Also
    --------
    write_textgrid : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    wanted = None if tiers is None else [str(t) for t in tiers]
    found: dict[str, list[Read]] = {}
    known: set[str] = set()
    for video, path in files_by_id(paths, ".textgrid").items():
        rows = []
        for tier, segment in _Reader(path).intervals(known):
            if wanted is None or tier in wanted:
                rows.append(segment)
        key = lambda r: (r.segment.start, r.segment.end, r.segment.label)  # noqa: E731
        found[video] = sorted(rows, key=key)
    missing = sorted(set(wanted or []) - known)
    if missing:
        raise ValueError(f"{paths} has no interval tiers named {listed(missing)}.")
    return pack(found, videos, paths, rule)


class _Reader:
    """The tokens of one file, taken one after another by their kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes()
        if content[:2] in (b"\xfe\xff", b"\xff\xfe"):
            try:
                self.text = content.decode("utf-16")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}, line 1: not UTF-16 text ({error.reason}).") from None
        else:
            self.text = read_text(path)
        self.tokens = self._tokens()
        self.line, self._counted = 1, 0

    def intervals(self, known: set[str]) -> Iterator[tuple[str, Read]]:
        """Yield tier and segment of the intervals that have a text; `known` gets the tiers."""
        kind = (self.string("the type of the file"), self.string("the class of the object"))
        if kind != ("ooTextFile", "TextGrid"):
            raise ValueError(f"{self.where()}: {kind}; expected a text file of a TextGrid.")
        self.number("xmin")
        self.number("xmax")
        flag = self.take("<exists>", str)
        for _ in range(self.count("tiers") if flag == "<exists>" else 0):
            kind_of_tier, name = self.string("the class of a tier"), self.string("the tier's name")
            if kind_of_tier not in ("IntervalTier", "TextTier"):
                raise ValueError(f"{self.where()}: a tier of class {kind_of_tier!r:.60}.")
            self.number("xmin")
            self.number("xmax")
            if kind_of_tier == "IntervalTier":
                known.add(name)
            for _ in range(self.count("intervals")):
                start = self.number("xmin")
                where = f"{self.where()}, tier {name!r:.60}"
                end = self.number("xmax") if kind_of_tier == "IntervalTier" else start
                text = self.string("text")
                if kind_of_tier == "IntervalTier" and text.strip():
                    yield name, new_segment(text, start, end, math.nan, where)

    def where(self) -> str:
        return f"{self.path}, line {self.line}"

    def string(self, what: str) -> str:
        text = str(self.take(what, str))
        return text[1:]

    def number(self, what: str) -> float:
        return float(self.take(what, float))

    def count(self, what: str) -> int:
        value = self.number(f"the number of {what}")
        if not 0 <= value < 1e9 or value != int(value):
            raise ValueError(f"{self.where()}: {value} {what}; expected a count.")
        return int(value)

    def take(self, what: str, kind: type) -> str | float:
        value, at = next(self.tokens, (None, len(self.text)))
        self.line += self.text.count("\n", self._counted, at)
        self._counted = at
        if value is None or not isinstance(value, kind):
            found = "the end of the file" if value is None else f"{value!r:.60}"
            raise ValueError(f"{self.where()}: {found}; expected {what}.")
        return value

    def _tokens(self) -> Iterator[Token]:
        """Yield strings with a quote before them, flags as they are, and numbers."""
        at = 0
        while (at := _SPACE.match(self.text, at).end()) < len(self.text):  # type: ignore[union-attr]
            match = _TOKEN.match(self.text, at)
            if match is None:
                self.line += self.text.count("\n", self._counted, at)
                raise ValueError(f"{self.where()}: a text without its closing quote.")
            if match[1] is not None:
                yield '"' + match[1].replace('""', '"'), at
            elif match[2] is not None and match[2].startswith("<"):
                yield match[2], at
            elif match[2] is not None and _NUMBER.fullmatch(match[2]):
                yield float(match[2]), at
            at = match.end()
