"""VGG Image Annotator 3 (VIA): writing a project."""

from __future__ import annotations

import time
from collections.abc import Iterable

from sklearn_asn._checks import as_path
from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File
from sklearn_asn.interchange._json import write_json
from sklearn_asn.interchange._videos import Media, by_video, media_of

ANCHOR = "FILE1_Z2_XY0"  # an attribute of temporal segments of one file
_TEXT, _VIDEO = 1, 4  # an attribute's type, a file's type
_LOCAL, _HTTP, _FILE = 1, 2, 3  # where a file is


def write_via(
    segments: Segments,
    path: File,
    *,
    media: Media | None = None,
    attribute: str = "label",
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a project of the VGG Image Annotator 3 (VIA), which its video annotator opens.

    Every video is a file and a view; a segment is an entry of "metadata" with ``z = [start, end]``
    in seconds, no ``xy``, and the label as the value of an attribute of temporal segments: VIA
    shows a track for each. The score is a second such attribute, "score", as text. Times keep every
    digit (VIA itself rounds those that are edited in it, to 3 or 5 decimals by its version).

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    path : path
        JSON file to write. It appears whole or not at all.
    media : str or mapping from id to path or URL, default=None
        Where the videos are; a text has ``{id}`` in it, as in ``"https://host/{id}.mp4"``. None:
        files that the user picks in VIA.
    attribute : str, default="label"
        Name of the attribute that holds the label; not "score".
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos, the "fname" of VIA's files. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids, a time is negative, a score infinite, or `media` or `attribute` unfit.

    Notes
    -----
    The form is that of VIA's documentation of its code [1]_ and, for the version and the place of
    "vid_list", of the code that loads projects [2]_ (``data_format_version`` 3.1.1).

    CVAT has no counterpart: its format of videos [3]_ holds shapes and tracks, and its intervals
    belong to audio tasks [4]_.

    References
    ----------
    .. [1] `VIA 3, Code Documentation
       <https://github.com/ox-vgg/via/blob/master/via-3.x.y/CodeDoc.md>`_.
    .. [2] `VIA 3, _via_data.js
       <https://github.com/ox-vgg/via/blob/master/via-3.x.y/src/js/_via_data.js>`_.
    .. [3] `CVAT for videos
       <https://docs.cvat.ai/v2.7.6/docs/manual/advanced/formats/format-cvat>`_.
    .. [4] `CVAT, Generic TSV
       <https://docs.cvat.ai/docs/dataset_management/formats/format-generic-tsv/>`_.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_via, write_via
    >>> found = Segments.from_list([[("run", 0.5, 2.0, 0.9)], []], ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_via(found, Path(folder) / "via.json", media="https://host/{id}.mp4")
    ...     read_via(Path(folder) / "via.json") == found
    True
    """
    if attribute == "score" or not isinstance(attribute, str):
        raise ValueError(f"attribute={attribute!r}; expected a name other than 'score'.")
    videos = by_video(segments, ids)
    links = dict.fromkeys(videos) if media is None else media_of(media, videos)
    views = [str(i) for i in range(1, len(videos) + 1)]
    files = {
        view: {"fid": int(view), "fname": video, "type": _VIDEO, **_place(links[video])}
        for view, video in zip(views, videos, strict=True)
    }
    metadata = {
        f"{view}_{i}": _entry(view, segment)
        for view, found in zip(views, videos.values(), strict=True)
        for i, segment in enumerate(found)
    }
    project = {
        "project": {
            "pid": "__VIA_PROJECT_ID__",
            "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
            "pname": as_path(path).stem,
            "creator": "sklearn_asn",
            "created": int(time.time() * 1000),
            "data_format_version": "3.1.1",
            "vid_list": views,
        },
        "config": {
            "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
            "ui": {"file_content_align": "center"},
        },
        "attribute": {"1": _attribute(attribute), "2": _attribute("score")},
        "file": files,
        "view": {view: {"fid_list": [int(view)]} for view in views},
        "metadata": metadata,
    }
    write_json(path, project, overwrite)


def _place(link: str | None) -> dict[str, object]:
    if link is None:
        return {"loc": _LOCAL, "src": ""}
    return {"loc": _HTTP if link.startswith(("http://", "https://")) else _FILE, "src": link}


def _entry(view: str, segment: Segment) -> dict[str, object]:
    values = {"1": segment.label}
    if segment.score == segment.score:
        values["2"] = repr(segment.score)
    return {"vid": view, "flg": 0, "z": [segment.start, segment.end], "xy": [], "av": values}


def _attribute(name: str) -> dict[str, object]:
    return {
        "aname": name,
        "anchor_id": ANCHOR,
        "type": _TEXT,
        "desc": "",
        "options": {},
        "default_option_id": "",
    }
