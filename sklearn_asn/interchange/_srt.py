"""SubRip (SRT): the captions that every video player shows."""

from __future__ import annotations

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

_TIME = r"([0-9]{1,9}):([0-5][0-9]):([0-5][0-9])[,.]([0-9]{3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_TAG = re.compile(r"</?(?:b|i|u|s|font)\b[^>]*>", re.IGNORECASE)
_ESCAPED = re.compile(r"&(lt|gt|amp);")
_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&"}


def write_srt(
    segments: Segments,
    folder: File,
    *,
    scores: bool = True,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write one SubRip file a video: a numbered cue a segment, sorted by time.

    The text of a cue is the label and, on a second line, its score: ``score: 0.87``. SubRip has no
    standard and no escapes; in a label, ``<`` (players take it for markup) and the ``>`` of ``-->``
    are written as in WebVTT, ``&lt;`` and ``&gt;``, and so is ``&`` where it would read as one of
    these. Other labels stand as they are. Cues may overlap.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    folder : path
        Where ``<id>.srt`` is written, an empty file where a video has no segments. Made if need be.
        Each file appears whole or not at all.
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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_srt, write_srt
    >>> y = Segments.from_list([[("run", 61.0, 62.5), ("fall", 0.5, 2.0)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_srt(y, folder)
    ...     print((Path(folder) / "a.srt").read_text())
    ...     read_srt(folder)[0]
    1
    00:00:00,500 --> 00:00:02,000
    fall
    <BLANKLINE>
    2
    00:01:01,000 --> 00:01:02,500
    run
    <BLANKLINE>
    [Segment(label='fall', start=0.5, end=2.0, score=nan),
     Segment(label='run', start=61.0, end=62.5, score=nan)]
    """
    write_cues(
        segments,
        folder,
        suffix=".srt",
        scores=scores,
        ids=ids,
        overwrite=overwrite,
        escape=_escape,
        compose=_compose,
    )


def read_srt(
    paths: File | Iterable[File],
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read SubRip files, one a video: a segment a cue.

    Parameters
    ----------
    paths : path or iterable of path
        A folder (its ``.srt`` files, sorted by name), one file, or several. Their names without
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
        markup (``<i>``, ``<font>``, ...), its lines joined by line ends; a last of several lines
        like ``score: 0.87`` is the score, otherwise NaN.

    Raises
    ------
    ValueError
        A file, with the line, is not UTF-8, not SubRip, or has a cue without length; or a file is
        of a video not in `videos`.

    See Also
    --------
    write_srt : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    return read_cues(paths, rule, suffix=".srt", videos=videos, unescape=_unescape, parse=_parse)


def _escape(text: str) -> str:
    text = re.sub(r"&(?=(?:lt|gt|amp);)", "&amp;", text)
    return text.replace("<", "&lt;").replace("-->", "--&gt;")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: _CHARACTERS[match[1]], strip_tags(_TAG, text))


def _compose(cues: list[Cue]) -> str:
    texts = [
        f"{i}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n" + "\n".join(cue.lines) + "\n"
        for i, cue in enumerate(cues, start=1)
    ]
    return "\n".join(texts)


def _parse(lines: list[str], path: File) -> Iterator[Cue]:
    for line, block in paragraphs([text if text.strip() else "" for text in lines]):
        at = 1 if len(block) > 1 and block[0].strip().isdecimal() else 0
        where = f"{path}, line {line + at}"
        match = _TIMES.fullmatch(block[at])
        if match is None:
            raise ValueError(f"{where}: {block[at]!r:.60}; expected the times of a cue.")
        yield new_cue(match.groups(), block[at + 1 :], where)
