"""ActivityNet's JSON: its annotations, and the detection results that its kit evaluates."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_asn._checks import as_list, check_choice
from sklearn_asn._data.invalid import check_on_invalid, settle
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import ActivityNetSubset, OnInvalid, OnMissingOrEmpty
from sklearn_asn.datasets._activitynet_rows import Place, ResultColons, Rows, rows_of
from sklearn_asn.datasets._reading import (
    File,
    PerVideo,
    as_ids,
    choose,
    listed,
    per_video,
    read_json,
    report,
    typed,
    write_json,
)


def load_activitynet(
    path: File,
    *,
    subset: ActivityNetSubset | None = None,
    videos: Iterable[str] | None = None,
    on_missing: OnMissingOrEmpty = "raise",
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.5,
) -> Bunch:
    """Load annotations in ActivityNet's JSON format (1.2, 1.3, and data sets written like them).

    Parameters
    ----------
    path : path
        JSON file with ``{"version", "database": {id: {"subset", "duration", "annotations":
        [{"label", "segment": [start, end]}]}}}``, seconds. Ids are read as they are: ActivityNet
        writes them without the ``v_`` that its video files carry (and some ids start with ``v_``).
    subset : {"training", "validation", "testing"} or None, default=None
        Which videos (any subset that the file names will do). None: all.
    videos : iterable of str, default=None
        Ids in the order wanted, of that subset. None: all, in the file's order.
    on_missing : {"raise", "drop", "empty"}, default="raise"
        What becomes of one of `videos` that is not in the file or the subset: an error, left
        out with a warning, or an entry without segments (duration NaN, subset "").
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of segments with ``start >= end``, a negative start, or an end more than
        `tolerance` beyond the duration: an error that lists them, left out with a warning, or cut
        to ``[0, duration]`` with a warning (and left out where nothing of them is in it).
        ActivityNet 1.2 has 9, all of length 0 (6 in training, 3 in validation).
    tolerance : float, default=0.5
        Seconds that a segment may end after its video; it is kept as it is. In ActivityNet 1.2,
        172 do: 167 by the rounding of the duration (up to 0.005 s), 5 by up to 0.35 s.

    Returns
    -------
    Bunch
        - ``y`` : `Segments`, shape (n_videos,), in seconds.
        - ``labels`` : list of sets of str, what the videos contain, segments left out included.
        - ``duration`` : float array, ``subset`` : array of str, both of shape (n_videos,).
        - ``classes`` : array of str, the labels of the whole file, sorted. ``version`` : str.

    Raises
    ------
    ValueError
        The file (with the line or the key) is not UTF-8, not JSON or not of this form, repeats
        an id, or has invalid segments; no video, or not all of `videos`, are of this subset.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import load_activitynet
    >>> text = '''{"version": "VERSION 1.3", "database": {"a1": {"duration": 20.5, "subset":
    ...     "training", "annotations": [{"label": "Tango", "segment": [0.5, 12]}]}}}'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "anet.json").write_text(text)
    ...     data = load_activitynet(Path(folder) / "anet.json", subset="training")
    >>> data.y[0], data.labels
    ([Segment(label='Tango', start=0.5, end=12.0, score=nan)], [{'Tango'}])
    """
    check_on_invalid(on_invalid, tolerance)
    data = read_json(path)
    database = _get(data, "database", dict, path)
    entries = {v: _get(database, v, dict, path, "database") for v in database}
    where = {v: f"database.{v}" for v in database}
    subsets = {v: _get(e, "subset", str, path, where[v]) for v, e in entries.items()}
    lists = [entry.get("annotations") for entry in entries.values()]
    rows = rows_of(lists, [Place("annotations", where[v]) for v in entries], path)
    known = [v for v in entries if subset in (None, subsets[v])]
    if not known:
        found = sorted(set(subsets.values()))
        raise ValueError(f"{path} has no videos of subset={subset!r}; it has {found}.")
    where_ids = str(path) if subset is None else f"{subset} of {path}"
    ids = choose(known, videos, where_ids, on_missing, may_be_empty=True)
    inside = set(known)
    there = [v for v in ids if v in inside]  # without those that on_missing="empty" adds
    lengths = [_get(entries[v], "duration", float, path, where[v]) for v in there]
    seconds = dict(zip(there, lengths, strict=True))
    per_video(seconds, f"{path}: duration", there, there)  # checks that they are positive
    duration = np.array([seconds.get(v, np.nan) for v in ids])
    number = {v: i for i, v in enumerate(entries)}
    mine = rows.take([number[v] if v in seconds else None for v in ids])
    return Bunch(
        y=_segments(mine, ids, path, on_invalid, duration, tolerance),
        labels=[set(labels) for labels in mine.labels()],
        duration=duration,
        subset=np.array([subsets[v] if v in seconds else "" for v in ids], np.str_),
        classes=np.array(sorted(set(rows.label)), np.str_),
        version=str(data.get("version", "")),
    )


def read_activitynet_results(
    path: File,
    *,
    videos: Iterable[str] | None = None,
    on_missing: OnMissingOrEmpty = "raise",
    on_invalid: OnInvalid = "raise",
    duration: PerVideo | None = None,
    tolerance: float = 0.5,
) -> Segments:
    """Read detections in the JSON format of ActivityNet's evaluation kit.

    Parameters
    ----------
    path : path
        JSON file with ``{"results": {id: [{"label", "score", "segment": [start, end]}]}}``. Ids are
        read as they are, with or without ``v_``.
    videos : iterable of str, default=None
        All ids, in the order wanted (``y.ids`` of the ground truth, say); one without detections
        is an entry with none. None: those of the file, in its order.
    on_missing : {"raise", "drop", "empty"}, default="raise"
        What becomes of a video of the file that is not among `videos`: an error, left out with a
        warning, or kept, after `videos`. **"drop" raises mAP**: the kit counts detections in videos
        without ground truth as false. "empty" counts them too: with the ground truth of the same
        videos, ``load_activitynet(..., videos=found.ids, on_missing="empty")``, theirs is empty.
    on_invalid : {"raise", "drop", "clip"}, default="raise"
        What becomes of detections with ``start >= end``, a negative start, or an end more than
        `tolerance` beyond `duration`: an error that lists them, left out with a warning, or cut
        with a warning (and left out where nothing of them is left).
    duration : float, array-like, or mapping from id to number, default=None
        Lengths of the videos in seconds; arrays go with `videos`. None: ends are not checked.
    tolerance : float, default=0.5
        Seconds that a detection may end after its video; it is kept as it is.

    Returns
    -------
    Segments
        In seconds, with scores and ids, a video's detections in the file's order.

    Raises
    ------
    ValueError
        The file is malformed (see `load_activitynet`), or names a video that `videos` does not.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import read_activitynet_results
    >>> text = '{"results": {"a1": [{"label": "Tango", "score": 0.9, "segment": [0.5, 12]}]}}'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "results.json").write_text(text)
    ...     found = read_activitynet_results(Path(folder) / "results.json", videos=["b2", "a1"])
    >>> found[0], found[1]
    ([], [Segment(label='Tango', start=0.5, end=12.0, score=0.9)])
    """
    check_choice(on_missing, "on_missing", ("raise", "drop", "empty"))
    check_on_invalid(on_invalid, tolerance)
    count = ResultColons()
    results = _get(read_json(path, count), "results", dict, path)
    places = [Place(v, "results") for v in results]
    rows = rows_of(list(results.values()), places, path, scored=True, columns=count.columns)
    number = {v: i for i, v in enumerate(results)}
    ids = list(results) if videos is None else as_ids(videos, "videos")
    order = None if videos is None else list(ids)
    wanted = set(ids)
    others = [v for v in results if v not in wanted]
    if on_missing == "empty":
        ids += others
    elif others and on_missing == "drop":
        n = sum(len(results[v]) for v in others)
        what = f"{len(others)} videos of {path} are not in `videos`: {listed(others)}"
        cost = f"Their {n} detections count as false in ActivityNet's kit, so mAP rises"
        how = "on_missing='empty' keeps them"
        warnings.warn(f"Left out: {what}. {cost}; {how}.", UserWarning, stacklevel=2)
    else:
        report(sorted(others), f"videos of {path} are not in `videos`", on_missing)
    if len(ids) > len(order or ids) and np.ndim(duration):  # type: ignore[arg-type]
        raise ValueError("duration is an array: give a dict by id, for the file's other videos.")
    limit: Any = np.inf if duration is None else per_video(duration, "duration", ids, order)
    limit = np.broadcast_to(limit, len(ids))
    mine = rows.take([number.get(v) for v in ids])
    return _segments(mine, ids, path, on_invalid, limit, tolerance)


def write_activitynet_results(
    segments: Segments,
    path: File,
    *,
    version: str = "VERSION 1.3",
    external_data: dict[str, Any] | None = None,
) -> None:
    """Write detections as the JSON that ActivityNet's evaluation kit reads.

    The file appears whole or not at all, and replaces an old one.

    Parameters
    ----------
    segments : Segments
        Detections in seconds, with scores, ids (written as they are, no ``v_`` added or removed)
        and class names as labels.
    path : path
        File to write.
    version : str, default="VERSION 1.3"
    external_data : dict, default=None
        What the format has under this key, such as ``{"used": True, "details": "..."}``. None:
        ``{}``.

    Raises
    ------
    ValueError
        `segments` lack ids, names as labels or finite scores, or a time is negative.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.datasets import read_activitynet_results, write_activitynet_results
    >>> found = Segments.from_list([[("Tango", 0.5, 12.0, 0.9)], []], ids=["a1", "b2"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_activitynet_results(found, Path(folder) / "results.json")
    ...     read_activitynet_results(Path(folder) / "results.json") == found
    True
    """
    ids = _check_writable(segments)
    bad = [ids[video] for video in segments.video[~np.isfinite(segments.score)]]
    if bad:
        raise ValueError(f"{len(bad)} segments have no finite score, in the videos {listed(bad)}.")
    results = {
        video: [{"label": s.label, "score": s.score, "segment": [s.start, s.end]} for s in found]
        for video, found in zip(ids, segments, strict=True)
    }
    external_data = {} if external_data is None else external_data
    write_json(path, {"version": version, "results": results, "external_data": external_data})


def write_activitynet_ground_truth(
    segments: Segments,
    path: File,
    *,
    duration: PerVideo,
    subset: str | Sequence[str] = "validation",
    version: str = "VERSION 1.3",
    classes: Sequence[str] | None = None,
    frame_rate: PerVideo | None = None,
) -> None:
    """Write annotations as ActivityNet's JSON; `load_activitynet` and the kit read them.

    Parameters
    ----------
    segments : Segments
        Ground truth in seconds, without scores; otherwise as in `write_activitynet_results`.
    path : path
        File to write; it appears whole or not at all, and replaces an old one.
    duration : float, array-like of shape (n_videos,), or mapping from id to number
        Length of every video in seconds.
    subset : str or sequence of str, shape (n_videos,), default="validation"
        Subset of every video.
    version : str, default="VERSION 1.3"
    classes : sequence of str, default=None
        The classes in their order: every annotation then carries the place of its class, from 0,
        as "label_id", which ActionFormer and its kin read. None: it does not.
    frame_rate : float, array-like of shape (n_videos,), or mapping from id to number, default=None
        Frames a second of every video, written as "fps", which the same programs read. None: not
        written.

    Raises
    ------
    ValueError
        `segments` lack ids or names as labels, have scores or a negative time; a label is not in
        `classes`; or `duration`, `frame_rate` or `subset` do not fit.
    """
    ids = _check_writable(segments)
    if not np.all(np.isnan(segments.score)):
        raise ValueError("segments have scores; ground truth has none.")
    seconds = np.broadcast_to(per_video(duration, "duration", ids, ids), len(ids))
    subsets = (
        [subset] * len(ids)
        if isinstance(subset, str)
        else list(map(str, as_list(subset, "subset", "a name, or one a video")))
    )
    if len(subsets) != len(ids):
        raise ValueError(f"subset names {len(subsets)} videos, expected {len(ids)}.")
    place = None if classes is None else {v: i for i, v in enumerate(as_ids(classes, "classes"))}
    unknown = [] if place is None else sorted(set(segments.label.tolist()) - set(place))
    if unknown:
        raise ValueError(f"segments have labels that are not in `classes`: {listed(unknown)}.")
    times = [[{"label": s.label, "segment": [s.start, s.end]} for s in video] for video in segments]
    if place is not None:
        times = [[{**item, "label_id": place[item["label"]]} for item in rows] for rows in times]
    columns: dict[str, Any] = {"subset": subsets, "duration": seconds.tolist()}
    if frame_rate is not None:
        rate = np.broadcast_to(per_video(frame_rate, "frame_rate", ids, ids), len(ids))
        columns["fps"] = rate.tolist()
    entries = zip(*columns.values(), times, strict=True)
    names = (*columns, "annotations")
    database = {v: dict(zip(names, e, strict=True)) for v, e in zip(ids, entries, strict=True)}
    write_json(path, {"version": version, "taxonomy": [], "database": database})


def _segments(
    rows: Rows,
    ids: list[str],
    path: File,
    on_invalid: OnInvalid,
    limit: NDArray[Any],
    tolerance: float,
) -> Segments:
    """Pack rows; see `settle` for those not in order, negative or beyond their video's `limit`."""
    video = np.repeat(np.arange(len(ids)), rows.lengths)

    def name(i: int) -> str:
        return f"{rows.where(i)} {rows.times[i].tolist()}"

    what = f"segments of {path}"
    start, end = np.ascontiguousarray(rows.times.T)
    keep, start, end = settle(
        start, end, name, what, on_invalid, high=limit[video], tolerance=tolerance
    )
    label = np.array(rows.label, dtype=np.str_)
    lengths, score = rows.lengths, rows.score
    if not keep.all():
        lengths = np.bincount(video[keep], minlength=len(ids))
        label, start, end, score = label[keep], start[keep], end[keep], score[keep]
    return Segments(offsets_from_lengths(lengths), label, start, end, score, ids)


def _get(parent: Any, name: str, kind: type, path: File, where: str = "the file") -> Any:
    """Return ``parent[name]``, which must be of the type `kind` (float: a finite number)."""
    value = parent.get(name) if isinstance(parent, dict) else None
    return typed(value, f"{name!r} in {where}", kind, path)


def _check_writable(segments: Segments) -> list[str]:
    """Return the ids."""
    if not isinstance(segments, Segments) or segments.ids is None:
        raise ValueError("segments must be Segments with ids.")
    ids = as_ids(segments.ids, "ids of segments")
    if len(segments.label) and not np.issubdtype(segments.label.dtype, np.str_):
        raise ValueError(f"labels of segments must be class names, not {segments.label.dtype}.")
    early = [ids[video] for video in segments.video[segments.start < 0]]
    if early:
        raise ValueError(f"{len(early)} segments start before 0, in the videos {listed(early)}.")
    return ids
