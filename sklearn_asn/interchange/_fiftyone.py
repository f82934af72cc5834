"""FiftyOne: data sets of temporal detections on disk, and its label objects."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, per_video, read_json
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._json import field, typed, write_json
from sklearn_asn.interchange._videos import by_video, new_segment, number, pack


def write_fiftyone(
    segments: Segments,
    path: File,
    *,
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the labels of a FiftyOne data set of temporal detections.

    It is the ``labels.json`` of a ``fiftyone.types.FiftyOneTemporalDetectionDataset``: with the
    videos in the folder ``data`` beside it, ``fiftyone.Dataset.from_dir`` opens both. Times are
    written as seconds ("timestamps"), which FiftyOne turns into frames.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    path : path
        JSON file to write, for all videos. It appears whole or not at all.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos: of their files, without the suffix. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids, a time is negative, or a score infinite.

    See Also
    --------
    to_fiftyone : Labels for samples of a data set that is open.

    Notes
    -----
    FiftyOne expects scores ("confidence") in [0, 1], and takes others.

    References
    ----------
    .. [1] `FiftyOne, FiftyOneTemporalDetectionDataset
       <https://docs.voxel51.com/user_guide/import_datasets.html>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_fiftyone, write_fiftyone
    >>> found = Segments.from_list([[("run", 0.5, 2.0, 0.9)], []], ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_fiftyone(found, Path(folder) / "labels.json")
    ...     read_fiftyone(Path(folder) / "labels.json") == found
    True
    """
    labels = {
        video: [_entry(segment, timestamps=[segment.start, segment.end]) for segment in found]
        for video, found in by_video(segments, ids).items()
    }
    write_json(path, {"classes": None, "labels": labels}, overwrite)


def read_fiftyone(
    path: File,
    *,
    framerate: PerVideo | None = None,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read the labels of a FiftyOne data set of temporal detections.

    Parameters
    ----------
    path : path
        The ``labels.json`` of a ``FiftyOneTemporalDetectionDataset``.
    framerate : float, or mapping from id to number, default=None
        Frames a second, for times that are frames ("support"), as FiftyOne exports them unless it
        is told ``use_timestamps=True``: frame 1 is the first, and the last one belongs to the
        segment.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without labels is an entry without segments. None: the
        ids in the file's order.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds; an array goes with `videos`. None: not compared with.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments that cannot be; see `read_dcase`.
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        With ids, a video's segments in the file's order. Labels are text; a number is looked up in
        the file's classes. Attributes are left out.

    Raises
    ------
    ValueError
        The file is not of this form; an entry, which is named, has frames and `framerate` is None;
        a segment is invalid; or the file names a video not in `videos`.

    See Also
    --------
    write_fiftyone : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    data = read_json(path)
    typed(data, "the file", dict, path)
    labels = field(data, "labels", dict, path)
    classes = data.get("classes")
    rates = _rates(framerate, labels)
    found: dict[str, list[Read]] = {}
    for video, entries in labels.items():
        rows = found[video] = []
        # a video that FiftyOne has no labels of is null
        for i, entry in enumerate(typed(entries or [], video, list, path)):
            where = f"{path}, labels[{video!r}][{i}]"
            typed(entry, "the entry", dict, where)
            label = _label(entry.get("label"), classes, where)
            rows.append(_segment(entry, label, rates.get(video), where))
    return pack(found, videos, path, rule)


def to_fiftyone(
    segments: Segments,
    framerate: PerVideo,
    *,
    as_dicts: bool = False,
    ids: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return FiftyOne's `TemporalDetections` of every video, for ``sample[field]``.

    Parameters
    ----------
    segments : Segments
        In seconds, from 0 on.
    framerate : float, or mapping from id to number
        Frames a second. A segment has the frames from ``start * framerate + 1`` to
        ``end * framerate``, rounded, both of which belong to it.
    as_dicts : bool, default=False
        Give the dicts that FiftyOne keeps labels as, for which it need not be installed;
        ``fiftyone.TemporalDetections.from_dict`` reads them.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.

    Returns
    -------
    dict of str to fiftyone.TemporalDetections, or to dict
        By id, in order. Labels are text, scores the confidence.

    Raises
    ------
    ImportError
        FiftyOne is missing; pip install fiftyone.
    ValueError
        There are no ids, a time is negative, `framerate` is unfit, or a segment has no frame left.

    See Also
    --------
    write_fiftyone : A file for all videos, with times in seconds.

    Examples
    --------
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import from_fiftyone, to_fiftyone
    >>> found = Segments.from_list([[("run", 0.4, 2.0, 0.9)], []], ids=["a", "b"])
    >>> labels = to_fiftyone(found, framerate=25.0, as_dicts=True)
    >>> labels["a"]["detections"][0]["support"]
    [11, 50]
    >>> from_fiftyone(labels, framerate=25.0) == found
    True
    """
    named = by_video(segments, ids)
    rates = _rates(framerate, named)
    entries = {
        video: [_entry(s, support=_frames(s, rates[video], video)) for s in found]
        for video, found in named.items()
    }
    if as_dicts:
        return {
            video: {
                "_cls": "TemporalDetections",
                "detections": [{"_cls": "TemporalDetection", "tags": [], **one} for one in found],
            }
            for video, found in entries.items()
        }
    try:
        fiftyone: Any = importlib.import_module("fiftyone")
    except ImportError as error:
        raise ImportError(
            f"to_fiftyone needs FiftyOne, which cannot be imported ({error}). Install it with: "
            "pip install fiftyone, or take as_dicts=True, which needs nothing."
        ) from error
    return {
        video: fiftyone.TemporalDetections(
            detections=[fiftyone.TemporalDetection(**one) for one in found]
        )
        for video, found in entries.items()
    }


def from_fiftyone(
    labels: Any,
    framerate: PerVideo,
    *,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Take segments out of FiftyOne's `TemporalDetections`.

    Parameters
    ----------
    labels : mapping from id to TemporalDetections, or to its dict
        None is a video without segments.
    framerate : float, or mapping from id to number
        Frames a second; see `to_fiftyone`.
    videos : iterable of str, default=None
        All ids, in the order wanted; one without labels is an entry without segments. None: the
        ids in the order of `labels`.
    duration : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Lengths of the videos in seconds; an array goes with `videos`. None: not compared with.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments that cannot be; see `read_dcase`.
    tolerance : float, default=0.0
        Seconds that a segment may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        With ids, a video's segments in their order. Tags and attributes are left out.

    Raises
    ------
    TypeError
        It is something else.
    ValueError
        A detection lacks its frames, or is invalid; or an id is not in `videos`.

    See Also
    --------
    to_fiftyone : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels must map ids to TemporalDetections, got {type(labels).__name__}.")
    rates = _rates(framerate, labels)
    found: dict[str, list[Read]] = {}
    for video, given in labels.items():
        rows = found[str(video)] = []
        for i, one in enumerate(_detections(given, video)):
            where = f"labels[{video!r}], detection {i}"
            names = ("label", "support", "confidence")
            entry = one if isinstance(one, Mapping) else {n: getattr(one, n, None) for n in names}
            label = "" if entry.get("label") is None else str(entry["label"])
            rows.append(_segment(entry, label, rates[video], where))
    return pack(found, videos, "labels", rule)


def _entry(segment: Segment, **times: list[Any]) -> dict[str, Any]:
    score = {} if math.isnan(segment.score) else {"confidence": segment.score}
    return {"label": segment.label, **times, **score}


def _frames(segment: Segment, rate: float, video: str) -> list[int]:
    first, last = round(segment.start * rate) + 1, round(segment.end * rate)
    if last < first:
        raise ValueError(
            f"Segment {tuple(segment)[:3]} of {video} has no frame when rounded to frames, of "
            f"which there are {rate:g} a second."
        )
    return [first, last]


def _rates(framerate: PerVideo | None, ids: Iterable[str]) -> dict[str, float]:
    if framerate is None:
        return {}
    names = list(ids)
    rates = per_video(framerate, "framerate", names, names)
    return dict(zip(names, np.broadcast_to(rates, len(names)).tolist(), strict=True))


def _label(label: Any, classes: Any, where: str) -> str:
    """Return a label as text; a number is an index of the classes, if there are any."""
    if label is None:
        return ""
    if isinstance(label, float) and isinstance(classes, list):
        if label != int(label) or not 0 <= label < len(classes):
            raise ValueError(f"{where}: label is {label:g}; there are {len(classes)} classes.")
        return str(classes[int(label)])
    return f"{label:g}" if isinstance(label, float) else str(label)


def _segment(entry: Any, label: str, rate: float | None, where: str) -> Read:
    """Read one detection, with times in frames or seconds."""
    name = "timestamps" if entry.get("timestamps") is not None else "support"
    times = entry.get(name)
    if not isinstance(times, list | tuple) or len(times) != 2:
        raise ValueError(f"{where}: {name} is {times!r:.80}; expected two numbers.")
    start, end = (_seconds(time, name, where) for time in times)
    if name == "support":
        if rate is None:
            raise ValueError(f"{where}: times are frames ('support'); give a framerate.")
        start, end = (start - 1) / rate, end / rate
    confidence = entry.get("confidence")
    score = math.nan if confidence is None else number(confidence, "confidence", where)
    return new_segment(label, start, end, score, where)


def _seconds(time: Any, name: str, where: str) -> float:
    """Read a number, or a time such as "00:01:02.5", which FiftyOne takes too."""
    if isinstance(time, str) and ":" in time:
        parts = [number(part, name, where) for part in time.split(":")]
        if len(parts) <= 3 and all(part >= 0 for part in parts):
            return sum(part * 60**i for i, part in enumerate(reversed(parts)))
    return number(time, name, where)


def _detections(given: Any, video: Any) -> Any:
    if given is None:
        return []
    found = given.get("detections") if isinstance(given, Mapping) else given
    found = getattr(found, "detections", found)
    if not isinstance(found, list | tuple):
        raise TypeError(
            f"labels[{video!r}] is a {type(given).__name__}; expected TemporalDetections."
        )
    return found
