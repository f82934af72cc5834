"""Label Studio: the labeling configuration that the files fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from sklearn_asn._checks import check_number
from sklearn_asn.datasets._reading import listed, sequence


class Names(NamedTuple):
    """The names of a configuration: of the tag with the labels, its object, and the task's key."""

    from_name: str
    to_name: str
    data_key: str


def label_studio_config(
    labels: Iterable[str],
    framerate: float | None,
    *,
    from_name: str = "label",
    to_name: str | None = None,
    data_key: str = "video",
) -> str:
    """Return the labeling configuration for files of `write_label_studio`.

    Parameters
    ----------
    labels : iterable of str
        The classes, in the order shown.
    framerate : float or None
        Frames a second of all the videos, for segments that are drawn on the timeline of the video
        [1]_. None: for segments that are drawn on its sound, in seconds [2]_; the videos then need
        a sound track.
    from_name : str, default="label"
        Name of the tag with the labels.
    to_name : str, default=None
        Name of the tag that is labeled. None: "video", or "audio" without `framerate`.
    data_key : str, default="video"
        The key of the task's data that holds the video.

    Returns
    -------
    str
        To paste under Settings, Labeling Interface, Code.

    References
    ----------
    .. [1] `Label Studio, TimelineLabels <https://labelstud.io/tags/timelinelabels>`_ and
       `Video Frame Classification <https://labelstud.io/templates/video_frame_classification>`_.
    .. [2] `Label Studio, Video Timeline Segmentation
       <https://labelstud.io/templates/video_timeline_segmentation>`_.

    Examples
    --------
    >>> from sklearn_asn.interchange import label_studio_config
    >>> print(label_studio_config(["jump", "run"], framerate=25))
    <View>
      <TimelineLabels name="label" toName="video">
        <Label value="jump"/>
        <Label value="run"/>
      </TimelineLabels>
      <Video name="video" value="$video" frameRate="25.0"/>
    </View>
    """
    names = check_names(framerate, from_name, to_name, data_key)
    texts = [str(label) for label in sequence(labels, "labels")]
    control, name, to = "TimelineLabels", quoteattr(names.from_name), quoteattr(names.to_name)
    value = quoteattr(f"${names.data_key}")
    if framerate is None:
        control = "Labels"
        media = (
            f'  <Video name="video" value={value} sync={to}/>\n'
            f'  <Audio name={to} value={value} sync="video"/>'
        )
    else:
        media = f"  <Video name={to} value={value} frameRate={quoteattr(repr(float(framerate)))}/>"
    lines = [
        "<View>",
        f"  <{control} name={name} toName={to}>",
        *(f"    <Label value={quoteattr(text)}/>" for text in texts),
        f"  </{control}>",
        media,
        "</View>",
    ]
    return "\n".join(lines)


def check_names(
    framerate: float | None, from_name: str, to_name: str | None, data_key: str
) -> Names:
    """Check a frame rate and names; the object is by default the video, or its sound."""
    if framerate is not None:
        check_number(framerate, "framerate", 0, open_low=True)
    if to_name is None:
        to_name = "audio" if framerate is None else "video"
    names = Names(from_name, to_name, data_key)
    bad = [
        name for name, value in names._asdict().items() if not isinstance(value, str) or not value
    ]
    if bad:
        raise ValueError(f"expected text for {listed(bad)}.")
    if framerate is None and to_name == "video":
        raise ValueError("to_name='video' needs a framerate; without it, the sound is labeled.")
    return names
