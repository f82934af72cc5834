"""Label Studio: reading what it exports."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sklearn_asn._checks import check_choice, check_number
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import LabelStudioSource, OnInvalid, Several
from sklearn_asn.datasets._reading import File, PerVideo, as_ids, listed, read_json
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._json import field, typed
from sklearn_asn.interchange._label_studio_write import ID_KEY
from sklearn_asn.interchange._videos import new_segment, pack

#: Controls of a region, which are read as labels only where `from_name` names them; their keys.
ASKED_FOR = {"choices": "choices", "textarea": "text"}
MAX_SPREAD = 1000  # every label of a region goes with every one of its ranges


def read_label_studio(
    path: File,
    framerate: float | None = None,
    *,
    source: LabelStudioSource = "annotations",
    several: Several = "raise",
    from_name: str | None = None,
    data_key: str = "video",
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read the segments of Label Studio's export, or of what `write_label_studio` writes.

    Parameters
    ----------
    path : path
        The export named JSON (not JSON-MIN, which leaves out what this needs).
    framerate : float, default=None
        Frames a second of all the videos, as in the labeling configuration. Needed for regions on
        the timeline of a video ("timelinelabels"), which count frames; those on its sound
        ("labels") are in seconds.
    source : {"annotations", "predictions"}, default="annotations"
        What people drew, or what a model predicted.
    several : {"raise", "first", "last", "all"}, default="raise"
        What becomes of a task with several annotations (or predictions): an error, one of them, or
        all in one. Those that were cancelled do not count.
    from_name : str, default=None
        Name of the tag whose regions are read. None: of all that hold labels. The values of
        controls of a region (choices, ratings, texts with ``perRegion``) are no labels, and left
        out; those of choices or texts are read where they are named here.
    data_key : str, default="video"
        The key of the task's data that holds the video, whose name without folder and suffix is the
        id where the data have no "video_id". Of files in local storage
        (``/data/local-files/?d=...``) and in cloud storage that Label Studio hands on
        (``?fileuri=...``), that is the file named there.
    videos : iterable of str, default=None
        All ids, in the order wanted; one that is not in the file is an entry without segments.
        None: those of the tasks, in the file's order.
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
        In seconds, with ids. A region with several labels or ranges gives a segment for each.
        Scores are those of predicted regions, otherwise NaN. Tasks without annotations (or
        predictions) are left out, with a warning; those with one that has no regions are kept.

    Raises
    ------
    ValueError
        The file, with the line or the key, is not UTF-8, not JSON or not of this form; has regions
        of frames, but no `framerate` is given; has a segment without length, several annotations
        of a task, two tasks of one id, or a video not in `videos`; or nothing of that source.

    See Also
    --------
    write_label_studio : Has an example, and says how frames are counted.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    check_choice(source, "source", ("annotations", "predictions"))
    check_choice(several, "several", ("raise", "first", "last", "all"))
    if framerate is not None:
        check_number(framerate, "framerate", 0, open_low=True)
    tasks = typed(read_json(path), "the whole", list, path)
    ids = as_ids([_id(task, data_key, f"{path}: [{i}]") for i, task in enumerate(tasks)], str(path))
    scored = source == "predictions"
    found: dict[str, list[Read]] = {}
    for i, (video, task) in enumerate(zip(ids, tasks, strict=True)):
        drawn = _chosen(task, source, several, f"{path}: [{i}]")
        if drawn:
            found[video] = [
                segment
                for where, region in _regions(drawn, from_name)
                for segment in _segments(region, framerate, scored, from_name, where)
            ]
    unread = [video for video in ids if video not in found]
    if ids and len(unread) == len(ids):
        raise ValueError(f"{path} has no {source}; the other `source` may be what you want.")
    if unread:
        what = f"{len(unread)} videos of {path} without {source}: {listed(unread)}"
        warnings.warn(f"Left out: {what}.", UserWarning, stacklevel=2)
    return pack(found, videos, path, rule)


def _id(task: Any, data_key: str, where: str) -> str:
    data = field(task, "data", dict, where)
    if ID_KEY in data:
        return str(field(data, ID_KEY, str, f"{where}.data"))
    link = field(data, data_key, str, f"{where}.data")
    return PurePosixPath(_file(link)).stem or str(link)


def _file(link: str) -> str:
    """Return the path of what a link leads to, which Label Studio's own links hold as a value."""
    try:
        parts = urlsplit(link)
    except ValueError:  # "http://[": no URL, if a name
        return link
    values = dict(part.partition("=")[::2] for part in parts.query.split("&"))
    if "d" in values and parts.path.rstrip("/").endswith("local-files"):
        return unquote(values["d"]).replace("\\", "/")  # Windows' paths, too
    if "fileuri" in values:  # base64 of the address in the cloud storage
        text = unquote(values["fileuri"])
        try:
            link = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except ValueError:
            return text
        return unquote(urlsplit(link).path)
    return unquote(parts.path)


def _chosen(task: Any, source: str, several: str, where: str) -> list[tuple[str, Any]]:
    """Return the annotations or predictions of a task that count."""
    items = enumerate(field(task, source, list, where) if task.get(source) is not None else [])
    drawn = [(f"{where}.{source}[{i}]", typed(x, str(i), dict, where)) for i, x in items]
    drawn = [(key, item) for key, item in drawn if not item.get("was_cancelled")]
    if len(drawn) > 1 and several == "raise":
        raise ValueError(f"{where} has {len(drawn)} {source}; `several` says which to take.")
    return {"first": drawn[:1], "last": drawn[-1:]}.get(several, drawn)


def _regions(
    drawn: list[tuple[str, Any]], from_name: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, item in drawn:
        for i, region in enumerate(field(item, "result", list, where)):
            key = f"{where}.result[{i}]"
            if from_name in (None, typed(region, "region", dict, key).get("from_name")):
                yield key, region


def _segments(
    region: dict[str, Any],
    framerate: float | None,
    scored: bool,
    from_name: str | None,
    where: str,
) -> Iterator[Read]:
    """Return the segments of a region; of other kinds of regions, none."""
    value = region.get("value")
    if not isinstance(value, dict):
        return
    spans = "ranges" in value
    kinds = {"timelinelabels": True, "labels": False}
    kind = region.get("type")
    if kind is None:
        kind = next((name for name in kinds if name in value), None)
    kind = str(kind)
    if kind not in kinds and from_name is not None and kind in ASKED_FOR:
        kinds[kind] = spans  # beside the labels, but asked for by name
    if kinds.get(kind) is not spans or not (spans or ("start" in value and "end" in value)):
        return
    if spans:
        times = [
            _seconds(
                field(r, "start", float, where), field(r, "end", float, where), framerate, where
            )
            for r in field(value, "ranges", list, f"{where}.value")
        ]
    else:
        start, end = (field(value, name, float, f"{where}.value") for name in ("start", "end"))
        times = [(start, end)]
    score = field(region, "score", float, where) if scored and "score" in region else math.nan
    key = ASKED_FOR.get(kind, kind)
    labels = field(value, key, list, f"{where}.value") if key in value else []
    if min(len(labels), len(times)) > MAX_SPREAD:
        found = f"{len(labels)} labels for {len(times)} ranges"
        raise ValueError(f"{where}: {found}; expected {MAX_SPREAD} of one of them at most.")
    for label in labels or [""]:  # nobody chose a label: not a class of that name
        for start, end in times:
            text = typed(label, key, str, f"{where}.value")
            yield new_segment(text, start, end, score, where)


def _seconds(first: float, last: float, framerate: float | None, where: str) -> tuple[float, float]:
    """Return the span of frames that count from 1, the last one in it."""
    if framerate is None:
        raise ValueError(f"{where} counts frames: give `framerate`.")
    if first < 1:
        raise ValueError(f"{where}: starts at frame {first:g}; frames count from 1.")
    return (first - 1) / framerate, last / framerate
