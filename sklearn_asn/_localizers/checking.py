"""X, y and what comes with them, as a localizer reads them: the public boundary."""

from __future__ import annotations

from typing import Any

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.targets import Targets, parse_targets


def check_y(y: Any, clips: Clips) -> Targets:
    """Read the labels of the videos in `clips`.

    Raises
    ------
    ValueError
        They are of other videos: more or fewer, or other ids where both know them.
    """
    targets = parse_targets(y)
    if len(targets) != len(clips):
        raise ValueError(f"X has {len(clips)} videos, but y has entries for {len(targets)}.")
    check_same_videos(clips, y)
    return targets


def check_beside(clips: Clips, **given: Any) -> None:
    """Compare the ids of whatever else has an entry a video with those of the videos."""
    for name, values in given.items():
        check_same_videos(clips, values, ("X", name))
