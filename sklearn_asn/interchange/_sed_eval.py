"""sed_eval and dcase_util: event lists, a dict a segment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import PerVideo, sequence
from sklearn_asn.interchange._dcase import OTHER_NAMES
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._lines import check_scores
from sklearn_asn.interchange._videos import by_video, new_segment, number, pack


def to_sed_eval(
    segments: Segments,
    *,
    suffix: str = "",
    drop_scores: bool = False,
    ids: Iterable[str] | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return the event list of every video, as the metrics of sed_eval take it.

    Its metrics are fed recording by recording: ``metric.evaluate(reference[id], estimated[id])``.
    ``dcase_util.containers.MetaDataContainer(list)`` makes one of dcase_util's own.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    suffix : str, default=""
        What follows the id in the file names, as ``".wav"``.
    drop_scores : bool, default=False
        Whether scores, for which an event list has no place, may be left out.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.

    Returns
    -------
    dict of str to list of dict
        By id, in order: ``{"filename", "onset", "offset", "event_label"}``. Labels are text.

    Raises
    ------
    ValueError
        There are no ids; a time is negative; or there are scores, and `drop_scores` is False.

    See Also
    --------
    write_dcase : The same as a file.

    Examples
    --------
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import from_sed_eval, to_sed_eval
    >>> y = Segments.from_list([[("speech", 0.5, 2.0)], []], ids=["a", "b"])
    >>> to_sed_eval(y, suffix=".wav")["a"]
    [{'filename': 'a.wav', 'onset': 0.5, 'offset': 2.0, 'event_label': 'speech'}]
    >>> from_sed_eval(to_sed_eval(y)) == y
    True
    """
    check_scores(segments, drop_scores, "sed_eval")
    return {
        video: [
            {
                "filename": f"{video}{suffix}",
                "onset": segment.start,
                "offset": segment.end,
                "event_label": segment.label,
            }
            for segment in found
        ]
        for video, found in by_video(segments, ids).items()
    }


def from_sed_eval(
    events: Any,
    *,
    suffix: str = "",
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Take segments out of event lists of sed_eval or dcase_util.

    Parameters
    ----------
    events : list of dict, or mapping from id to list of dict
        Each with "onset", "offset" and "event_label" (also "event_onset" and "event_offset"); in
        one list also with "filename" (or "file"). A `MetaDataContainer` is such a list. An entry
        with nothing but its file name is a video without segments.
    suffix : str, default=""
        Taken off the end of the file names, as ``".wav"``.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without events is an entry without segments. None: the
        ids in order of first appearance.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds; an array goes with `videos`. None: not compared with.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments that cannot be; see `read_dcase`.
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        With ids, a video's segments in the list's order.

    Raises
    ------
    TypeError
        It is something else.
    ValueError
        An event lacks something, names another file than its key or a video not in `videos`, or is
        invalid.

    See Also
    --------
    to_sed_eval : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    found: dict[str, list[Read]] = {}
    if isinstance(events, Mapping):
        for video, listed in events.items():
            rows = found.setdefault(str(video), [])
            for i, event in enumerate(sequence(listed, f"events[{video!r}]")):
                where = f"events[{video!r}][{i}]"
                named = _fields(event, where)
                file = named.get("filename")
                if file is not None and str(file).removesuffix(suffix) != video:
                    raise ValueError(f"{where} is of the file {file!r}.")
                rows += _segment(named, where)
        return pack(found, videos, "events", rule)
    for i, event in enumerate(sequence(events, "events")):
        where = f"events[{i}]"
        named = _fields(event, where)
        if not named.get("filename"):
            raise ValueError(f"{where} has no file name; give a mapping from id to events.")
        rows = found.setdefault(str(named["filename"]).removesuffix(suffix), [])
        rows += _segment(named, where)
    return pack(found, videos, "events", rule)


def _fields(event: Any, where: str) -> dict[str, Any]:
    if not isinstance(event, Mapping):
        raise TypeError(f"{where} is a {type(event).__name__}; expected a dict.")
    return {OTHER_NAMES.get(str(name), str(name)): value for name, value in event.items()}


def _segment(named: dict[str, Any], where: str) -> list[Read]:
    if not {"onset", "offset", "event_label"} & set(named):
        return []
    lacking = [name for name in ("onset", "offset", "event_label") if named.get(name) is None]
    if lacking:
        raise ValueError(f"{where} lacks {', '.join(lacking)}.")
    start, end = (number(named[name], name, where) for name in ("onset", "offset"))
    return [new_segment(str(named["event_label"]), start, end, math.nan, where)]
