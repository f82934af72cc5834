"""Label Studio: writing tasks with annotations or predictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sklearn_asn._data.segments import Segment, Segments
from sklearn_asn.datasets._reading import File
from sklearn_asn.interchange._json import write_json
from sklearn_asn.interchange._label_studio_config import Names, check_names
from sklearn_asn.interchange._videos import Media, by_video, media_of

ID_KEY = "video_id"  # of a task's data


def write_label_studio(
    segments: Segments,
    path: File,
    framerate: float | None,
    *,
    media: Media | None = None,
    model_version: str | None = None,
    as_predictions: bool | None = None,
    from_name: str = "label",
    to_name: str | None = None,
    data_key: str = "video",
    ids: Iterable[str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write tasks for Label Studio: one a video, with annotations or with predictions to correct.

    A segment is a region on the timeline of the video ("timelinelabels") whose ``ranges`` are
    frames, the first and the last that belong to it, counted from 1: from ``start * framerate + 1``
    to ``end * framerate``, rounded. Or, without a frame rate, a region on its sound ("labels") with
    ``start`` and ``end`` in seconds, every digit kept. The id goes into the task's data, too, as
    "video_id". `label_studio_config` returns the labeling configuration that fits.

    Parameters
    ----------
    segments : Segments
        Ground truth or predictions in seconds, from 0 on.
    path : path
        JSON file to write. It appears whole or not at all.
    framerate : float or None
        Frames a second of all the videos, as in the labeling configuration. None: regions on the
        sound.
    media : str or mapping from id to path or URL, default=None
        What the task names as its video; a text has ``{id}`` in it, as in
        ``"https://host/{id}.mp4"``. None: the id.
    model_version : str, default=None
        Name of the model, stored with predictions.
    as_predictions : bool, default=None
        Whether the segments are predictions (those of a task have the mean of the scores as
        theirs) or annotations (which have no scores). None: predictions, if any has a score.
    from_name, to_name, data_key : str
        Names of the labeling configuration, as in `label_studio_config`.
    ids : iterable of str, shape (n_videos,), default=None
        Names of the videos. None: ``segments.ids``.
    overwrite : bool, default=False
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        The file exists, and `overwrite` is False.
    ValueError
        There are no ids; a time is negative; a segment has no frame left, of which the message
        names the first; annotations would lose scores; or `framerate`, `media` or a name is unfit.

    Notes
    -----
    The documentation fixes the form of tasks [1]_ and predictions [2]_, ``ranges`` of frames [3]_
    and seconds on the sound [4]_. It does not say from where frames count, or whether the last
    belongs to the range: that is as in Label Studio's own code, whose videos go from frame 1 [5]_
    and whose example of a model converts ranges to frames and back [6]_. That example is also where
    each region carries a "score".

    References
    ----------
    .. [1] `Label Studio, Task format <https://labelstud.io/guide/task_format>`_.
    .. [2] `Label Studio, Import pre-annotations <https://labelstud.io/guide/predictions>`_.
    .. [3] `Label Studio, TimelineLabels <https://labelstud.io/tags/timelinelabels>`_.
    .. [4] `Label Studio, Audio <https://labelstud.io/tags/audio>`_.
    .. [5] HumanSignal/label-studio, web/libs/editor/src/tags/object/Video/Video.js.
    .. [6] HumanSignal/label-studio-ml-backend, label_studio_ml/examples/yolo/utils/converter.py.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn import Segments
    >>> from sklearn_asn.interchange import read_label_studio, write_label_studio
    >>> y = Segments.from_list([[("run", 0.4, 2.0)], []], ids=["a", "b"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "tasks.json"
    ...     write_label_studio(y, file, 25, media="https://host/{id}.mp4")
    ...     read_label_studio(file, 25) == y
    True
    """
    names = check_names(framerate, from_name, to_name, data_key)
    if data_key == ID_KEY:
        raise ValueError(f"data_key={ID_KEY!r} is where the id goes; expected another.")
    videos = by_video(segments, ids)
    scored = bool(np.any(~np.isnan(segments.score)))
    predicted = scored if as_predictions is None else as_predictions
    if scored and not predicted:
        raise ValueError("segments have scores, which annotations lack: as_predictions=True.")
    links = {v: v for v in videos} if media is None else media_of(media, videos)
    tasks = []
    for i, (video, found) in enumerate(videos.items()):
        regions = [
            _region(segment, f"{i}_{j}", video, framerate, names) for j, segment in enumerate(found)
        ]
        task: dict[str, Any] = {"data": {data_key: links[video], ID_KEY: video}}
        if predicted:
            task["predictions"] = [_prediction(found, regions, model_version)]
        else:
            task["annotations"] = [{"result": regions}]
        tasks.append(task)
    write_json(path, tasks, overwrite)


def _prediction(
    found: list[Segment], regions: list[dict[str, Any]], model_version: str | None
) -> dict[str, Any]:
    scores = [s.score for s in found if s.score == s.score]
    prediction: dict[str, Any] = {"result": regions}
    if model_version is not None:
        prediction["model_version"] = str(model_version)
    if scores:
        prediction["score"] = sum(score / len(scores) for score in scores)
    return prediction


def _region(
    segment: Segment, name: str, video: str, framerate: float | None, names: Names
) -> dict[str, Any]:
    if framerate is None:
        kind = "labels"
        value = {"start": segment.start, "end": segment.end, "channel": 0, kind: [segment.label]}
    else:
        kind = "timelinelabels"
        first, last = round(segment.start * framerate) + 1, round(segment.end * framerate)
        if first > last:
            raise ValueError(
                f"Segment ({segment.label}, {segment.start}, {segment.end}) of {video} has no "
                f"frame when rounded to frames, of which there are {framerate:g} a second."
            )
        value = {"ranges": [{"start": first, "end": last}], kind: [segment.label]}
    region = {
        "id": name,
        "from_name": names.from_name,
        "to_name": names.to_name,
        "type": kind,
        "value": value,
    }
    return region if segment.score != segment.score else {**region, "score": segment.score}
