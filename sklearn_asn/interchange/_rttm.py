"""RTTM (Rich Transcription Time Marked): who speaks when, or what happens when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo
from sklearn_asn.interchange._files import write_text
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_words, lines
from sklearn_asn.interchange._videos import by_video, milliseconds, new_segment, number, pack

NONE = "<NA>"
#: The other types of lines that NIST defines: words, sentences, facts about speakers, ...
OTHERS = {"SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH"}
OTHERS |= {"FILLER", "EDIT", "IP", "SU", "CB", "A/P", "SPKR-INFO"}


def write_rttm(
    segments: Segments,
    path: File,
    *,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an RTTM file, as pyannote reads it: a SPEAKER line a segment.

    The label stands where a speaker's name does, the score as the confidence. Times are rounded to
    milliseconds. A video without segments has no line: `read_rttm` knows it from its `videos`
    only.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    path : path
        File to write, for all videos. It appears whole or not at all.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids; a time is negative; a segment has no length in milliseconds; or a label or
        an id has white space, which divides the fields.

    References
    ----------
    .. [1] NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan,
       appendix A.
    .. [2] `pyannote.database, load_rttm <https://github.com/pyannote/pyannote-database>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_rttm, write_rttm
    >>> found = Segments.from_list([[("run", 0.5, 2.0, 0.9)]], ids=["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_rttm(found, Path(folder) / "found.rttm")
    ...     print((Path(folder) / "found.rttm").read_text())
    ...     read_rttm(Path(folder) / "found.rttm") == found
    SPEAKER a 1 0.500 1.500 <NA> <NA> run 0.9 <NA>
    <BLANKLINE>
    True
    """
    rows = []
    for video, found in by_video(segments, ids).items():
        check_words([video], "The id", "RTTM")
        check_words(dict.fromkeys(s.label for s in found), f"A label of {video},", "RTTM")
        for segment in found:
            if segment.label == NONE:
                raise ValueError(f"The label {NONE} of {video} means none in an RTTM file.")
            start, end = milliseconds(segment, video)
            score = NONE if segment.score != segment.score else repr(segment.score)
            times = " ".join(f"{t // 1000}.{t % 1000:03}" for t in (start, end - start))
            rows.append(f"SPEAKER {video} 1 {times} {NONE} {NONE} {segment.label} {score} {NONE}\n")
    write_text(path, "".join(rows), overwrite)


def read_rttm(
    path: File,
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read the SPEAKER lines of an RTTM file.

    Parameters
    ----------
    path : path
        UTF-8 file.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without lines is an entry without segments. None: the ids
        in order of first appearance.
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
        With ids, a video's segments in the file's order. The label is the speaker's name, the score
        the confidence. Lines of other types, and comments (``;;``), are left out.

    Raises
    ------
    ValueError
        The file, with the line, is not UTF-8 or not RTTM, or has an invalid segment; or it names a
        video not in `videos`.

    See Also
    --------
    write_rttm : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    for where, line in lines(path):
        fields = line.split()
        if fields[0].startswith(";;") or fields[0].upper() in OTHERS:
            continue
        if fields[0].upper() != "SPEAKER" or len(fields) not in (8, 9, 10):
            what = "expected SPEAKER, an id, a channel, start, duration, and five more"
            raise ValueError(f"{where}: {line!r:.60}; {what}.")
        start = number(fields[3], "start", where)
        number(fields[4], "duration", where)
        try:  # as they are written: 0.1 + 0.2 is 0.3
            end = float(Decimal(fields[3]) + Decimal(fields[4]))
        except ArithmeticError:
            end = math.nan
        label = "" if fields[7] == NONE else fields[7]
        text = fields[8] if len(fields) > 8 else NONE
        score = math.nan if text == NONE else number(text, "confidence", where)
        found.setdefault(fields[1], []).append(new_segment(label, start, end, score, where))
    return pack(found, videos, path, rule)
