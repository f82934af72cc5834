"""What WebVTT and SRT share: a file of cues, each a time span with lines of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File, read_text
from sklearn_asn.interchange._files import files_by_id, write_folder
from sklearn_asn.interchange._invalid import Read, Rule
from sklearn_asn.interchange._lines import check_line
from sklearn_asn.interchange._videos import by_video, milliseconds, new_segment, pack

SCORE = re.compile(r"score: (-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)", re.ASCII)


class Cue(NamedTuple):
    """One cue: milliseconds, its lines of text, and where it was read."""

    start: int
    end: int
    lines: Sequence[str]
    where: str = ""


def write_cues(
    segments: Segments,
    folder: File,
    *,
    suffix: str,
    scores: bool,
    ids: Iterable[str] | None,
    overwrite: bool,
    escape: Callable[[str], str],
    compose: Callable[[list[Cue]], str],
) -> None:
    """Write one file a video, its cues sorted by time."""
    texts = {}
    for video, found in by_video(segments, ids).items():
        cues = [
            Cue(*milliseconds(s, video), _lines(s, escape, scores, video, suffix)) for s in found
        ]
        texts[video] = compose(sorted(cues, key=lambda cue: cue[:2]))
    write_folder(folder, texts, suffix, overwrite)


def read_cues(
    paths: File | Iterable[File],
    rule: Rule,
    *,
    suffix: str,
    videos: Iterable[str] | None,
    unescape: Callable[[str], str],
    parse: Callable[[list[str], File], Iterator[Cue]],
) -> Segments:
    """Read one file a video."""
    found = {}
    for video, path in files_by_id(paths, suffix).items():
        lines = re.split(r"\r\n|\r|\n", read_text(path))
        found[video] = [_segment(cue, unescape) for cue in parse(lines, path)]
    return pack(found, videos, paths, rule)


def paragraphs(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Return the pieces between blank lines, each with the number of its first line."""
    block: list[str] = []
    for i, line in enumerate([*lines, ""], start=1):
        if line:
            block.append(line)
        elif block:
            yield i - len(block), block
            block = []


def strip_tags(tag: re.Pattern[str], text: str) -> str:
    """Take out markup, from a "<" that `tag` knows to the next ">".

    Only up to the last ">": past it every "<" would be followed to the end of the text in vain,
    which takes time with the square of its length.
    """
    end = text.rfind(">") + 1
    return tag.sub("", text[:end]) + text[end:]


def clock(milliseconds: int, mark: str) -> str:
    """Return hours, minutes, seconds and, after the mark, milliseconds.

    >>> clock(3_723_004, ",")
    '01:02:03,004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{rest:03}"


def from_clock(hours: str | None, minutes: str, seconds: str, rest: str) -> int:
    """Return milliseconds."""
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(rest)


def new_cue(times: Sequence[str | None], lines: list[str], where: str) -> Cue:
    """Return a cue from the eight parts of its two times."""
    if any("-->" in line for line in lines):
        raise ValueError(f"{where}: '-->' in the text of a cue, or no blank line before the next.")
    start, end = (from_clock(*part) for part in (times[:4], times[4:]))  # type: ignore[arg-type]
    return Cue(start, end, lines, where)


def _lines(
    segment: Segment, escape: Callable[[str], str], scores: bool, video: str, suffix: str
) -> list[str]:
    """Return the text of a cue: the label and, on a line of its own, the score."""
    label = segment.label
    check_line(label, video, suffix)
    has_score = scores and segment.score == segment.score
    return [escape(label), f"score: {segment.score!r}"] if has_score else [escape(label)]


def _segment(cue: Cue, unescape: Callable[[str], str]) -> Read:
    """Read the label and, if the last of several lines is one, the score."""
    *label, last = cue.lines or [""]
    match = SCORE.fullmatch(last) if label else None
    if match is None:
        label.append(last)
    try:
        text = "\n".join(unescape(line) for line in label)
    except ValueError:  # &#999...; of more digits than Python turns into a number
        raise ValueError(f"{cue.where}: the text has an escape that is no character.") from None
    score = float("nan" if match is None else match[1])
    return new_segment(text, cue.start / 1000, cue.end / 1000, score, cue.where)
