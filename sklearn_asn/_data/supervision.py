"""What comes with the videos of a fit: classes, weights, which are trimmed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from sklearn_asn._checks import as_floats, known_labels
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.holders import entries_of
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.targets import Targets


def classes_of(labels: NDArray[Any], at_least: int = 2) -> NDArray[Any]:
    """Return the classes among `labels`; refuse fewer than `at_least`."""
    classes = np.unique(labels)
    if len(classes) < at_least:
        raise ValueError(
            f"y has {len(classes)} class(es): {classes.tolist()}. At least {at_least} are needed"
            + (
                ": with one class the softmax is 1 for every clip, and attention learns nothing. "
                "With a background (ASNLocalizer(pooling='probability')) one class is enough."
                if at_least > 1
                else "."
            )
        )
    return classes


def allowed_classes(localize_classes: Any, classes: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which of `classes` may be localized; None: all of them."""
    if localize_classes is None:
        return None
    listed = isinstance(localize_classes, Iterable) and not isinstance(localize_classes, str)
    wanted = list(localize_classes) if listed else []
    known = classes.tolist()
    unknown = [c for c in wanted if c not in known]
    if not wanted or unknown:
        which = f"{unknown[:5]} are not among them: " if unknown else ""
        asked = unknown if listed else [localize_classes]
        raise ValueError(
            f"localize_classes={localize_classes!r:.200}; expected None or a sequence of classes "
            f"that training has seen ({which}{known_labels(asked, known)})."
        )
    return np.array([c in wanted for c in known])


def check_trimmed(trimmed: Any, n_videos: int) -> NDArray[np.bool_]:
    """Return the mask of trimmed videos; None means that there are none."""
    return check_mask(trimmed, "trimmed", n_videos)


def check_mask(given: Any, name: str, n_videos: int) -> NDArray[np.bool_]:
    """Return one bool a video; None means False for all."""
    if given is None:
        return np.zeros(n_videos, dtype=bool)
    mask = np.asarray(entries_of(given))
    if mask.shape != (n_videos,) or mask.dtype != bool:
        raise ValueError(
            f"{name} must be a boolean array of shape ({n_videos},), "
            f"got {mask.dtype} of shape {mask.shape}."
        )
    return mask


def check_weights(sample_weight: Any, n_videos: int) -> NDArray[np.float64]:
    """Return one non-negative weight a video; None means 1 each.

    Whole numbers stay as they are (so many equal videos); others are scaled to a mean of 1.
    """
    if sample_weight is None:
        return np.ones(n_videos)
    weight = as_floats(entries_of(sample_weight), "sample_weight")
    if weight.shape != (n_videos,):
        raise ValueError(
            f"sample_weight must have shape ({n_videos},), one number a video; "
            f"got shape {weight.shape}."
        )
    if not np.all(np.isfinite(weight)) or np.any(weight < 0):
        i = int(np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))[0])
        raise ValueError(f"sample_weight of video {i} is {weight[i]}; expected a number >= 0.")
    if not np.any(weight > 0):
        raise ValueError("sample_weight is zero for every video: the weights leave no data.")
    if np.all(weight == np.round(weight)):
        return weight
    return weight / weight[weight > 0].mean()


def check_inside(segments: Segments, clips: Clips) -> None:
    """Refuse segments wholly outside their video (whole clips may end up to two clips early)."""
    video = segments.video
    spans = clips.spans[video]
    slack = 2.0 if clips.clip_seconds is None else 2 * clips.clip_seconds[video]
    outside = (segments.start >= spans[:, 1] + slack) | (segments.end <= spans[:, 0] - slack)
    if np.any(outside):
        row = int(np.flatnonzero(outside)[0])
        unit = "clips" if clips.clip_seconds is None else "s"
        raise ValueError(
            f"y: a segment of video {video[row]}, ({segments.label[row]!s}, "
            f"{segments.start[row]:g}, {segments.end[row]:g}), lies outside the video, which "
            f"covers [{spans[row, 0]:g}, {spans[row, 1]:g}) {unit}. Are the units the same?"
        )


def check_timed(timed: Any, targets: Targets, n_videos: int) -> NDArray[np.bool_]:
    """Return the mask of videos whose times are read; None means that none are."""
    mask = check_mask(timed, "timed", n_videos)
    without = np.flatnonzero(mask & ~targets.has_times)
    if len(without):
        raise ValueError(
            f"timed is True for video {without[0]} (one of {len(without)}), but y has no segments "
            "of it."
        )
    return mask


def judged(X: Any, targets: Targets, sample_weight: Any = None) -> tuple[Any, Segments, Any]:
    """Return the videos of which `targets` has segments, these, and their weights."""
    segments = targets.timed_segments()
    known = np.flatnonzero(targets.has_times)
    if len(known) == len(targets):
        return X, segments, sample_weight
    if sample_weight is not None:
        sample_weight = check_weights(sample_weight, len(targets))[known]
    return _safe_indexing(X, known), segments[known], sample_weight


def clip_coverage(
    segments: Segments, clips: Clips, classes: NDArray[Any], rows_a_clip: int = 1
) -> NDArray[np.float32]:
    """Return which part of every clip the segments of each class cover.

    Parameters
    ----------
    segments : Segments
    clips : Clips
    classes : ndarray of shape (n_classes,)
        Sorted; segments of others are left out.
    rows_a_clip : int, default=1
        Rows of `clips` that make one clip here.

    Returns
    -------
    ndarray of shape (n_clips, n_classes)
        In [0, 1].
    """
    n_clips = -(-clips.lengths // rows_a_clip)
    offsets = offsets_from_lengths(n_clips)
    covered = np.zeros((int(offsets[-1]), len(classes)))
    video = segments.video
    code = np.minimum(np.searchsorted(classes, segments.label), len(classes) - 1)
    ours = classes[code] == segments.label
    video, code = video[ours], code[ours]
    length = clips.lengths[video] / rows_a_clip  # the last clip may be a part of one
    start = clips.to_position(video, segments.start[ours]) / rows_a_clip
    end = clips.to_position(video, segments.end[ours]) / rows_a_clip
    start, end = np.clip(start, 0, length), np.clip(end, 0, length)
    first = np.floor(start).astype(np.int64)
    count = np.maximum(np.ceil(end).astype(np.int64) - first, 0)
    which = np.repeat(np.arange(len(video)), count)
    clip = np.arange(len(which)) + (first - np.cumsum(count) + count)[which]
    inside = np.minimum(end[which], clip + 1) - np.maximum(start[which], clip)
    inside /= np.minimum(clip + 1, length[which]) - clip
    np.add.at(covered, (offsets[video[which]] + clip, code[which]), inside)
    return np.minimum(covered, 1).astype(np.float32)


def with_background(shown: NDArray[Any]) -> NDArray[np.float32]:
    """Add a last column, what no class covers, and let each row sum to at least 1.

    >>> with_background(np.array([[0.25, 0.25], [0.75, 0.75]])).tolist()
    [[0.25, 0.25, 0.5], [0.5, 0.5, 0.0]]
    """
    total = shown.sum(axis=1, keepdims=True)
    rest = np.maximum(1 - total, 0)
    return np.concatenate([shown / np.maximum(total, 1), rest], axis=1).astype(np.float32)
