"""VGG Image Annotator 3 (VIA): reading the temporal segments of a project."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from sklearn_asn._data.segments import Segments
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import File, PerVideo, as_ids, listed, read_json
from sklearn_asn.interchange._invalid import Read, new_rule
from sklearn_asn.interchange._json import field, typed
from sklearn_asn.interchange._via_write import ANCHOR
from sklearn_asn.interchange._videos import new_segment, number, pack

_CHECKBOX = 2


def read_via(
    path: File,
    *,
    attribute: str | Iterable[str] | None = None,
    videos: Iterable[str] | None = None,
    duration: PerVideo | None = None,
    on_invalid: OnInvalid = "raise",
    tolerance: float = 0.0,
) -> Segments:
    """Read the temporal segments of a project of the VGG Image Annotator 3 (VIA).

    Parameters
    ----------
    path : path
        JSON file that VIA saved, or `write_via` wrote.
    attribute : str or iterable of str, default=None
        Name of the attribute that holds the label, or several names: each gives a segment where it
        has a value. None: the only one of temporal segments, "score" aside. Where it has options,
        the label is the text of the one chosen; several that are checked give a segment each. Where
        a project has several such attributes, segments that have a value of another one only are
        left out; one without any value lacks its label.
    videos : iterable of str, default=None
        All ids, in the order wanted; one that is not in the project is an entry without segments.
        None: those of the project's views, in its order.
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
        In seconds. The ids are the names of the files as VIA shows them ("fname"; of a file that
        VIA itself opened, with ``.mp4`` or the like). Scores are the values of the attribute
        "score", NaN where there are none. Regions and marks of a single time are left out.

    Raises
    ------
    ValueError
        The file, with the line or the key, is not UTF-8, not JSON or no project, has several such
        attributes or none, a segment without label or length, a view of several files, two files
        of one name, or a video not in `videos`.

    See Also
    --------
    write_via : Has an example.
    """
    rule = new_rule(on_invalid, tolerance, duration)
    store = read_json(path)
    project = field(store, "project", dict, path)
    owner = project if "vid_list" in project else store  # before 3.1.1, beside "project"
    views = [_key(v) for v in field(owner, "vid_list", list, f"{path}: project")]
    names = as_ids([_name(store, view, path) for view in views], f"{path}: fname")
    found: dict[str, list[Read]] = {name: [] for name in names}
    name_of = dict(zip(views, names, strict=True))
    entries = [
        (f"{path}: metadata.{key}", entry)
        for key, entry in field(store, "metadata", dict, path).items()
    ]
    marks = [
        (where, entry)
        for where, entry in entries
        if len(field(entry, "z", list, where)) == 2 and not field(entry, "xy", list, where)
    ]
    if not marks:
        return pack(found, videos, path, rule)
    temporal = _temporal(store, path)
    chosen = _label_attributes(temporal, attribute, path)
    scores = next((k for k, a in temporal.items() if a["aname"] == "score"), None)
    others = [k for k in temporal if k not in chosen and k != scores]
    for where, entry in marks:
        view = _key(entry.get("vid"))
        if view not in name_of:
            raise ValueError(f"{where}: 'vid' is {entry.get('vid')!r}, which is not in vid_list.")
        values = field(entry, "av", dict, where)
        start, end = (typed(t, "z", float, where) for t in entry["z"])
        score = number(values.get(scores) or math.nan, "score", f"{where}.av")
        labels = [
            label
            for key, attribute in chosen.items()
            for label in _labels(attribute, values.get(key, ""), f"{where}.av: {key!r}")
        ]
        if not labels and any(values.get(key) for key in others):
            continue
        found[name_of[view]] += [
            new_segment(label, start, end, score, where) for label in labels or [""]
        ]
    return pack(found, videos, path, rule)


def _name(store: Any, view: str, path: File) -> str:
    """Return the name of the one file of a view."""
    where = f"{path}: view.{view}"
    files = field(
        field(field(store, "view", dict, path), view, dict, where), "fid_list", list, where
    )
    if len(files) != 1:
        raise ValueError(f"{where} has {len(files)} files; expected one.")
    file = field(field(store, "file", dict, path), _key(files[0]), dict, f"{path}: file")
    return str(field(file, "fname", str, f"{path}: file.{_key(files[0])}"))


def _label_attributes(
    temporal: dict[str, dict[str, Any]], wanted: str | Iterable[str] | None, path: File
) -> dict[str, dict[str, Any]]:
    """Return the attributes that hold labels, by key."""
    names: list[str] | None = None
    if wanted is not None:
        names = as_ids([wanted] if isinstance(wanted, str) else wanted, "attribute")
    known = {k: a for k, a in temporal.items() if names or a["aname"] != "score"}
    keys = [k for k, a in known.items() if names is None or a["aname"] in names]
    if len(keys) != (1 if names is None else len(names)):
        texts = listed([a["aname"] for a in known.values()]) or "none"
        raise ValueError(
            f"{path}: attributes of temporal segments: {texts}; name one: `attribute`."
        )
    return {k: known[k] for k in keys}


def _labels(attribute: dict[str, Any], value: Any, where: str) -> list[str]:
    """Return what was chosen or typed; nothing: an empty list."""
    if not isinstance(value, str):
        raise ValueError(f"{where} is {value!r:.80}; expected a string.")
    options = attribute.get("options") or {}
    several = options and attribute.get("type") == _CHECKBOX
    parts = value.split(",") if several else [value]
    return [str(options.get(part, part)) for part in parts if part]


def _temporal(store: Any, path: File) -> dict[str, dict[str, Any]]:
    """Return the attributes of temporal segments, by key."""
    attributes = field(store, "attribute", dict, path)
    where = f"{path}: attribute"
    for key, attribute in attributes.items():
        field(typed(attribute, key, dict, where), "aname", str, f"{where}.{key}")
    return {k: a for k, a in attributes.items() if a.get("anchor_id") == ANCHOR}


def _key(value: Any) -> str:
    """Return an id as the text that it is as a key; `read_json` reads numbers as floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
