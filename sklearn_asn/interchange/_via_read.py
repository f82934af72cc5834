"""VGG Image Annotator 3 (VIA): reading the temporal segments of a project."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File, as_ids, listed, read_json
from sklearn_asn.interchange._json import field, typed
from sklearn_asn.interchange._via_write import ANCHOR
from sklearn_asn.interchange._videos import new_segment, number, pack

_CHECKBOX = 2


def read_via(
    path: File, *, attribute: str | None = None, videos: Iterable[str] | None = None
) -> Segments:
    """Read the temporal segments of a project of the VGG Image Annotator 3 (VIA).

    Parameters
    ----------
    path : path
        JSON file that VIA saved, or `write_via` wrote.
    attribute : str, default=None
        Name of the attribute that holds the label. None: the only one of temporal segments, "score"
        aside. Where it has options, the label is the text of the one chosen; several that are
        checked give a segment each.
    videos : iterable of str, default=None
        All ids, in the order wanted; one that is not in the project is an entry without segments.
        None: those of the project's views, in its order.

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
    store = read_json(path)
    project = field(store, "project", dict, path)
    owner = project if "vid_list" in project else store  # before 3.1.1, beside "project"
    views = [_key(v) for v in field(owner, "vid_list", list, f"{path}: project")]
    names = as_ids([_name(store, view, path) for view in views], f"{path}: fname")
    found: dict[str, list[Segment]] = {name: [] for name in names}
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
        return pack(found, videos, path)
    key, options, several = _label_attribute(store, attribute, path)
    scores = next((k for k, a in _temporal(store, path).items() if a["aname"] == "score"), None)
    for where, entry in marks:
        view = _key(entry.get("vid"))
        if view not in name_of:
            raise ValueError(f"{where}: 'vid' is {entry.get('vid')!r}, which is not in vid_list.")
        values = field(entry, "av", dict, where)
        value = field(values, key, str, f"{where}.av")
        start, end = (typed(t, "z", float, where) for t in entry["z"])
        score = number(values.get(scores) or math.nan, "score", f"{where}.av")
        labels = [v for v in value.split(",") if v] if several else [value]
        found[name_of[view]] += [
            new_segment(options.get(label, label), start, end, score, where) for label in labels
        ]
    return pack(found, videos, path)


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


def _label_attribute(store: Any, name: str | None, path: File) -> tuple[str, dict[str, str], bool]:
    """Return the key of the attribute, its options, and whether several may be chosen."""
    known = {k: a for k, a in _temporal(store, path).items() if name or a["aname"] != "score"}
    keys = [k for k, a in known.items() if name in (None, a["aname"])]
    if len(keys) != 1:
        names = listed([a["aname"] for a in known.values()]) or "none"
        raise ValueError(
            f"{path}: attributes of temporal segments: {names}; name one: `attribute`."
        )
    chosen = known[keys[0]]
    options = {k: str(v) for k, v in (chosen.get("options") or {}).items()}
    return keys[0], options, bool(options) and chosen.get("type") == _CHECKBOX


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
