"""WebVTT: the captions and chapters of the web's video players."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo
from sklearn_asn.interchange._cues import (
    Cue,
    clock,
    new_cue,
    paragraphs,
    read_cues,
    strip_tags,
    write_cues,
)
from sklearn_asn.interchange._invalid import new_rule

_TIME = r"(?:([0-9]{2,9}):)?([0-5][0-9]):([0-5][0-9])\.([0-9]{3})"
_TIMES = re.compile(rf"\s*{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?")
_TAG = re.compile(r"<[^>]*>")


def write_vtt(
    segments: Segments,
    folder: File,
    *,
    scores: bool = True,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one WebVTT file a video: a cue a segment, sorted by time.

    The text of a cue is the label (``&``, ``<`` and ``>`` escaped, so that no ``-->`` is left) and,
    on a second line, its score: ``score: 0.87``. Cues may overlap, as those of captions may; for a
    track of kind "chapters", browsers expect cues that follow or contain one another.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    folder : path
        Where ``<id>.vtt`` is written, a file without cues where a video has no segments. Made if
        need be. Each file appears whole or not at all.
    scores : bool, default=True
        Whether the scores are written.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether existing files are replaced.

    Raises
    ------
    FileExistsError
        A file exists, and `overwrite` is False. Nothing is written.
    ValueError
        There are no ids, or ids that cannot name files; a time is negative; a segment has no length
        in milliseconds, the resolution of the format; or a label is not one line of text.

    References
    ----------
    .. [1] `WebVTT: The Web Video Text Tracks Format <https://www.w3.org/TR/webvtt1/>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_vtt, write_vtt
    >>> y = Segments.from_list([[("cut & mix", 0.5, 2.0, 0.9)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_vtt(y, folder)
    ...     print((Path(folder) / "a.vtt").read_text())
    ...     read_vtt(folder) == y
    WEBVTT
    <BLANKLINE>
    00:00:00.500 --> 00:00:02.000
    cut &amp; mix
    score: 0.9
    <BLANKLINE>
    True
    """
    write_cues(
        segments,
        folder,
        suffix=".vtt",
        scores=scores,
        ids=ids,
        overwrite=overwrite,
        escape=_escape,
        compose=_compose,
    )


def read_vtt(
    paths: File | Iterable[File],
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read WebVTT files, one a video: a segment a cue.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.vtt`` files, sorted by name), one file, or several. Their names without
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
        With ids, a video's segments in the file's order. The label is the text of the cue, without
        markup, its lines joined by line ends; a last of several lines like ``score: 0.87`` is the
        score, otherwise NaN. Cue names and settings, comments and styles are skipped.

    Raises
    ------
    ValueError
        A file, with the line, is not UTF-8, not WebVTT, or has a cue without length; or a file is
        of a video not in `videos`.

    See Also
    --------
    write_vtt : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    return read_cues(paths, rule, suffix=".vtt", videos=videos, unescape=_unescape, parse=_parse)


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _unescape(text: str) -> str:
    return html.unescape(strip_tags(_TAG, text))


def _compose(cues: list[Cue]) -> str:
    texts = [f"{clock(c.start, '.')} --> {clock(c.end, '.')}\n" + "\n".join(c.lines) for c in cues]
    return "\n\n".join(["WEBVTT", *texts]) + "\n"


def _parse(lines: list[str], path: File) -> Iterator[Cue]:
    if not re.match(r"WEBVTT(?:[ \t]|$)", lines[0]):
        raise ValueError(f"{path}, line 1: {lines[0]!r:.60}; expected WEBVTT.")
    pieces = paragraphs(lines)
    next(pieces)
    for line, block in pieces:
        at = next((i for i, text in enumerate(block[:2]) if "-->" in text), None)
        if at is None and re.match(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)", block[0]):
            continue
        where = f"{path}, line {line + (at or 0)}"
        match = None if at is None else _TIMES.fullmatch(block[at])
        if match is None or at is None:
            raise ValueError(f"{where}: {block[at or 0]!r:.60}; expected the times of a cue.")
        yield new_cue(match.groups(), block[at + 1 :], where)
