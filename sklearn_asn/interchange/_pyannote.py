"""pyannote.core: `Annotation` objects, one a recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sklearn_asn._data.segments import Segments
from sklearn_asn._optional import need
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import PerVideo, sequence
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_scores
from sklearn_asn.interchange._videos import by_video, new_segment, pack

if TYPE_CHECKING:
    from pyannote.core import Annotation  # type: ignore[import-not-found,import-untyped,unused-ignore]

_SHORTEST = 1e-6  # seconds: what is not longer is nothing to pyannote, which leaves it out


def to_pyannote(
    segments: Segments,
    *,
    modality: str | None = None,
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
) -> dict[str, Annotation]:
    """Return an `Annotation` of pyannote.core for every video.

    Needs pyannote.core: ``pip install "sklearn-asn[pyannote]"``.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    modality : str, default=None
        Of the annotations.
    drop_scores : bool, default=False
        Whether scores, for which an annotation has no place, may be left out.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos, the annotations' ``uri``. None: ``segments.ids``.

    Returns
    -------
    dict of str to pyannote.core.Annotation
        By id, in order. A track is the segment's number in its video, so that segments alike in
        time do not hide each other. Labels are text.

    Raises
    ------
    ImportError
        pyannote.core is missing.
    ValueError
        There are no ids; a time is negative; a segment is not longer than a microsecond, which
        pyannote takes for nothing; or there are scores, and `drop_scores` is False.

    See Also
    --------
    write_rttm : A file that pyannote reads, with scores.

    Examples
    --------
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import from_pyannote, to_pyannote
    >>> y = Segments.from_list([[("speech", 0.5, 2.0)], []], ids=["a", "b"])
    >>> annotations = to_pyannote(y)  # doctest: +SKIP
    >>> annotations["a"].labels()  # doctest: +SKIP
    ['speech']
    >>> from_pyannote(annotations) == y  # doctest: +SKIP
    True
    """
    core = need("pyannote.core", "to_pyannote", "pyannote")
    check_scores(segments, drop_scores, "pyannote.core")
    annotations = {}
    for video, found in by_video(segments, ids).items():
        annotation = core.Annotation(uri=video, modality=modality)
        for i, segment in enumerate(found):
            if segment.end - segment.start <= _SHORTEST:
                raise ValueError(
                    f"Segment {tuple(segment)[:3]} of {video} is not longer than a microsecond, "
                    "which pyannote takes for nothing."
                )
            annotation[core.Segment(segment.start, segment.end), i] = segment.label
        annotations[video] = annotation
    return annotations


def from_pyannote(
    annotations: Any,
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Take segments out of `Annotation` objects of pyannote.core.

    Parameters
    ----------
    annotations : Annotation, iterable of Annotation, or mapping from id to Annotation
        Without a mapping each annotation's ``uri`` is the id.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without an annotation is an entry without segments. None:
        the ids in the order of `annotations`.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds; an array goes with `videos`. None: not compared with.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments without a label and, with a `duration`, of those that start before
        0 or end more than `tolerance` after their video; see `read_dcase`.
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        With ids, a video's segments by time, as annotations keep them. Labels are text.

    Raises
    ------
    TypeError
        It is something else.
    ValueError
        An id is missing or there twice, or not in `videos`, or a segment is invalid.

    See Also
    --------
    to_pyannote : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    for video, annotation in _named(annotations):
        if video in found:
            raise ValueError(f"annotations has two of {video!r}.")
        found[video] = [
            new_segment(
                str(label), float(time.start), float(time.end), math.nan, f"{video}, track {track}"
            )
            for time, track, label in annotation.itertracks(yield_label=True)
        ]
    return pack(found, videos, "annotations", rule)


def _named(annotations: Any) -> list[tuple[str, Any]]:
    if isinstance(annotations, Mapping):
        named = list(annotations.items())
    elif hasattr(annotations, "itertracks"):
        named = [(annotations.uri, annotations)]
    else:
        given = sequence(annotations, "annotations")
        named = [(getattr(annotation, "uri", None), annotation) for annotation in given]
    for i, (video, annotation) in enumerate(named):
        if not hasattr(annotation, "itertracks"):
            raise TypeError(
                f"annotations[{i if video is None else video!r}] is a {type(annotation).__name__}; "
                "expected an Annotation of pyannote.core."
            )
        if not isinstance(video, str) or not video:
            raise ValueError(
                f"annotations[{i}] has the uri {video!r}; give a mapping from id to Annotation."
            )
    return named
