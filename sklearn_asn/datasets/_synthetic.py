"""Synthetic untrimmed videos in which one stream knows which action, the other when."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SMALLEST, LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)
GAP = 1.0  # clips between two instances on one timeline
BURST = 4  # clips of a burst of distractor motion
N_DISTRACTORS = 2
VIDEO_VARIATION = 0.25  # standard deviation of a video's own spatial offset, in units of noise
AMPLITUDE_SPREAD = 0.2  # standard deviation of the log of an instance's strength


def make_untrimmed_videos(
    n_videos: int = 60,
    *,
    n_classes: int = 5,
    n_clips: int | tuple[int, int] = (40, 80),
    n_features: int = 32,
    n_instances: int | tuple[int, int] = (1, 4),
    instance_clips: float | tuple[float, float] = (4, 12),
    labels_per_video: int | tuple[int, int] = (1, 2),
    overlap: float = False,
    shared_motion: int | None = None,
    motion_strength: float = 4.0,
    scene_strength: float = 1.0,
    cue_strength: float = 2.0,
    distractors: float = 0.3,
    noise: float = 1.0,
    clip_seconds: float = 1.0,
    trimmed_videos: int = 0,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> tuple[Clips, Segments]:
    """Make two-stream clip features of untrimmed videos, with the actions' true segments.

    The *temporal* stream sees an action while it happens: the pattern of its motion, on noise.
    Bursts of generic motion, the same for all classes, fill part of the background. The *spatial*
    stream sees the scenes of the video's actions from its first clip to its last, so it tells
    which actions a video contains but not when; only a weak cue (an object, a pose) marks the
    action itself. Some classes share their motion and differ by scene and cue alone, so that both
    streams together are better than the temporal one.

    Parameters
    ----------
    n_videos : int, default=60
        Untrimmed videos. With at least `n_classes` of them, every class occurs.
    n_classes : int, default=5
        Classes (at least 2), named ``"class_0"``, ``"class_1"``, ...
    n_clips : int or (int, int), default=(40, 80)
        Clips of a video: a number, or the lowest and highest one (as for every range below).
    n_features : int, default=32
        Columns of *each* stream: X has ``2 * n_features``, the spatial ones first.
    n_instances : int or (int, int), default=(1, 4)
        Action instances of a video: at least one of each of its labels, and no more than fit
        (a clip apart; those drawn last are left out).
    instance_clips : float or (float, float), default=(4, 12)
        Length of an instance, in clips, at least 0.1. Borders need not lie on clip borders: a
        clip that is partly covered shows the action in proportion.
    labels_per_video : int or (int, int), default=(1, 2)
        Different classes in a video.
    overlap : bool or float, default=False
        Probability that a video's classes are placed independently of each other, so that
        instances of different classes may overlap. Instances of one class never do. With
        ``labels_per_video=2`` and the other defaults, ``overlap=0.75`` makes 3 of 10 instances
        share time with another, and ``overlap=True`` 4 of 10.
    shared_motion : int, default=None
        Pairs of classes with the same motion: class 0 with 1, class 2 with 3, and so on. None:
        two pairs, or as many as there are.
    motion_strength, scene_strength, cue_strength : float, default=4.0, 1.0, 2.0
        Euclidean length of the patterns of motion (also of distractors), scene and cue. The scene
        of a video with several labels is the mean of theirs.
    distractors : float, default=0.3
        Share of the background with distractor motion, in bursts of 4 clips.
    noise : float, default=1.0
        Standard deviation of every clip's noise; a video's own spatial offset has a quarter of it.
    clip_seconds : float, default=1.0
        Length of a clip, in seconds.
    trimmed_videos : int, default=0
        More videos at the end, as long as an instance and wholly one action. The mask
        for ``fit(X, y, trimmed=...)`` is ``np.arange(len(X)) >= n_videos``.
    random_state : int, Generator, RandomState or None, default=None
        The same seed gives the same data. NumPy's global generator is never used. The classes'
        patterns come from the seed too: to train and test, split one data set.

    Returns
    -------
    X : Clips of float32, shape (n_videos + trimmed_videos,)
        Columns ``spatial_00``, ..., ``temporal_00``, ...; ids ``video_000``, ``trimmed_000``.
    y : Segments, shape (n_videos + trimmed_videos,)
        The instances, in seconds, by start; the same ids.

    Raises
    ------
    TypeError
        A count is not a whole number, or another argument not a number.
    ValueError
        An argument is out of range, or the instances a video must have may not fit into it.

    Examples
    --------
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(3, n_clips=40, random_state=0)
    >>> X
    Clips(n_videos=3, n_clips=120, n_features=64, dtype=float32, clip_seconds=1)
    >>> len(y), {segment.label for segment in y[0]} <= {f"class_{c}" for c in range(5)}
    (3, True)
    """
    _check(n_videos, "n_videos", 1, kind=Integral)
    _check(n_classes, "n_classes", 2, kind=Integral)
    _check(n_features, "n_features", 1, kind=Integral)
    _check(trimmed_videos, "trimmed_videos", 0, kind=Integral)
    if shared_motion is None:
        shared_motion = min(2, n_classes // 2)
    _check(shared_motion, "shared_motion", 0, n_classes // 2, kind=Integral)
    _check(overlap, "overlap", 0, 1)
    _check(distractors, "distractors", 0, 1)
    _check(motion_strength, "motion_strength", 0)
    _check(scene_strength, "scene_strength", 0)
    _check(cue_strength, "cue_strength", 0)
    _check(noise, "noise", 0)
    _check(clip_seconds, "clip_seconds", SMALLEST)
    clip_range = _range(n_clips, "n_clips", 1, Integral)
    instance_range = _range(n_instances, "n_instances", 1, Integral)
    length_range = _range(instance_clips, "instance_clips", 0.1, Real)
    label_range = _range(labels_per_video, "labels_per_video", 1, Integral)
    if label_range[1] > n_classes:
        raise ValueError(f"labels_per_video={labels_per_video!r} exceeds n_classes={n_classes}.")
    needed = max(label_range[1], instance_range[0])
    if needed * (length_range[1] + GAP) - GAP > clip_range[0]:
        raise ValueError(
            f"A video must hold {needed} instances of up to instance_clips={length_range[1]:g} "
            f"clips, one clip apart, but n_clips may be {clip_range[0]:g}."
        )
    rng = _generator(random_state)

    motion = motion_strength * _patterns(rng, n_classes, n_features)
    distractor = motion_strength * _patterns(rng, N_DISTRACTORS, n_features)
    scene = scene_strength * _patterns(rng, n_classes, n_features)
    cue = cue_strength * _patterns(rng, n_classes, n_features)
    motion[1 : 2 * shared_motion : 2] = motion[0 : 2 * shared_motion : 2]

    lengths = rng.integers(*clip_range, size=n_videos, endpoint=True)
    happens = _instances(rng, lengths, n_classes, instance_range, length_range, label_range)
    happens = _placed(rng, happens, lengths, rng.random(n_videos) < overlap)
    shortest, longest = int(np.ceil(length_range[0])), int(length_range[1])
    trimmed = rng.integers(shortest, max(shortest, longest), size=trimmed_videos, endpoint=True)
    lengths = np.concatenate([lengths, trimmed])
    happens = _Instances(
        np.concatenate([happens.video, n_videos + np.arange(trimmed_videos)]),
        np.concatenate([happens.label, rng.permutation(np.arange(trimmed_videos) % n_classes)]),
        np.concatenate([happens.start, np.zeros(trimmed_videos)]),
        np.concatenate([happens.end, trimmed]),
    )
    offsets = offsets_from_lengths(lengths)
    amplitude = np.exp(AMPLITUDE_SPREAD * rng.standard_normal(len(happens.video)))
    shown = _coverage(happens, offsets, n_classes, amplitude)
    background = 1 - np.minimum(_coverage(happens, offsets, n_classes).sum(axis=1), 1)
    present = np.zeros((len(lengths), n_classes))
    present[happens.video, happens.label] = 1
    setting = (present / present.sum(axis=1, keepdims=True)) @ scene
    setting += VIDEO_VARIATION * noise * rng.standard_normal(setting.shape)
    bursts = background[:, None] * _bursts(rng, offsets, distractors)
    values = noise * rng.standard_normal((int(offsets[-1]), 2 * n_features))
    values[:, :n_features] += np.repeat(setting, lengths, axis=0) + shown @ cue
    values[:, n_features:] += shown @ motion + bursts @ distractor

    width = max(2, len(str(n_features - 1)))
    names = [f"{s}_{i:0{width}d}" for s in ("spatial", "temporal") for i in range(n_features)]
    ids = [f"video_{i:03d}" for i in range(n_videos)]
    ids += [f"trimmed_{i:03d}" for i in range(trimmed_videos)]
    classes = np.array([f"class_{c:0{len(str(n_classes - 1))}d}" for c in range(n_classes)])
    borders = offsets_from_lengths(np.bincount(happens.video, minlength=len(lengths)))
    start, end = happens.start * clip_seconds, happens.end * clip_seconds
    X = Clips(values.astype(np.float32), offsets, clip_seconds, None, ids, names)
    return X, Segments(borders, classes[happens.label], start, end, ids=ids)


class _Instances(NamedTuple):
    """Flat action instances; `start` and `end` in clips."""

    video: Ints
    label: Ints
    start: Floats
    end: Floats


def _patterns(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return `n` random directions of length 1."""
    patterns = rng.standard_normal((n, n_features))
    return patterns / np.linalg.norm(patterns, axis=1, keepdims=True)


def _instances(
    rng: np.random.Generator,
    n_clips: Ints,
    n_classes: int,
    instance_range: tuple[Any, Any],
    length_range: tuple[Any, Any],
    label_range: tuple[Any, Any],
) -> _Instances:
    """Draw the instances of every video, still all starting at 0."""
    n = len(n_clips)
    n_labels = rng.integers(*label_range, size=n, endpoint=True)
    wish = rng.random((n, n_classes))
    wish[np.arange(n), rng.permutation(np.arange(n) % n_classes)] = -1  # so that all classes occur
    classes = np.argsort(wish, axis=1)
    wanted = np.maximum(rng.integers(*instance_range, size=n, endpoint=True), n_labels)
    offsets = offsets_from_lengths(wanted)
    video = np.repeat(np.arange(n), wanted)
    rank = np.arange(offsets[-1]) - offsets[video]
    any_label = (rng.random(len(video)) * n_labels[video]).astype(np.int64)
    label = classes[video, np.where(rank < n_labels[video], rank, any_label)]
    length = rng.uniform(*length_range, size=len(video))
    used = np.concatenate([[0.0], np.cumsum(length + GAP)])
    fits = used[1:] - used[offsets[video]] - GAP <= n_clips[video]
    return _Instances(video[fits], label[fits], np.zeros(int(fits.sum())), length[fits])


def _placed(
    rng: np.random.Generator, drawn: _Instances, n_clips: Ints, independent: NDArray[np.bool_]
) -> _Instances:
    """Spread instances over their timeline: the video, or one a class where `independent`.

    On a timeline they keep `GAP` from each other; what is left of the video is divided by
    sorted uniform draws.
    """
    n_classes = int(drawn.label.max()) + 1
    timeline = drawn.video * n_classes + np.where(independent[drawn.video], drawn.label, 0)
    order = np.lexsort((rng.random(len(timeline)), timeline))
    video, label, length = drawn.video[order], drawn.label[order], drawn.end[order]
    _, timeline, counts = np.unique(timeline[order], return_inverse=True, return_counts=True)
    used = np.concatenate([[0.0], np.cumsum(length + GAP)])
    borders = offsets_from_lengths(counts)
    before = used[:-1] - used[borders[timeline]]
    free = n_clips[video] - (used[borders[timeline + 1]] - used[borders[timeline]] - GAP)
    draw = rng.random(len(timeline))
    start = before + np.maximum(free, 0) * draw[np.lexsort((draw, timeline))]
    end = np.minimum(start + length, n_clips[video])  # only rounding can pass the video's end
    by_start = np.lexsort((start, video))
    return _Instances(video[by_start], label[by_start], start[by_start], end[by_start])


def _coverage(
    happens: _Instances, offsets: Ints, n_classes: int, weight: Floats | None = None
) -> Floats:
    """Return the share of every clip that every class covers, ``(n_clips_total, n_classes)``."""
    first = np.floor(happens.start).astype(np.int64)
    counts = np.ceil(happens.end).astype(np.int64) - first
    pieces = offsets_from_lengths(counts)
    which = np.repeat(np.arange(len(counts)), counts)
    clip = first[which] + np.arange(pieces[-1]) - pieces[which]
    share = np.minimum(happens.end[which], clip + 1) - np.maximum(happens.start[which], clip)
    share = share if weight is None else share * weight[which]
    cell = (offsets[happens.video[which]] + clip) * n_classes + happens.label[which]
    n_cells = int(offsets[-1]) * n_classes
    total = np.bincount(cell, weights=share, minlength=n_cells).astype(np.float64)
    return total.reshape(-1, n_classes)


def _bursts(rng: np.random.Generator, offsets: Ints, share: float) -> Floats:
    """Return which distractor every clip would show, ``(n_clips_total, N_DISTRACTORS)``."""
    lengths = np.diff(offsets)
    video = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(offsets[-1]) - offsets[video]
    block = (position + rng.integers(BURST, size=len(lengths))[video]) // BURST
    shape = (len(lengths), int(lengths.max()) // BURST + 2)
    kind = np.where(rng.random(shape) < share, rng.integers(N_DISTRACTORS, size=shape), -1)
    return (kind[video, block][:, None] == np.arange(N_DISTRACTORS)).astype(np.float64)


def _generator(random_state: Any) -> np.random.Generator:
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"random_state={random_state!r:.80}; expected None, an integer of at least 0, a NumPy "
            "RandomState or Generator."
        ) from None


def _check(value: Any, name: str, low: float, high: float = LARGEST, kind: Any = Real) -> None:
    if not isinstance(value, kind) or (kind is Integral and isinstance(value, bool)):
        what = "an integer" if kind is Integral else "a real number"
        raise TypeError(f"{name} must be {what}, got {value!r}.")
    if not low <= value <= high:  # NaN and infinity are not
        limit = f"at least {low:g}" + (f" and at most {high:g}" if high < LARGEST else "")
        raise ValueError(f"{name} must be finite and {limit}, got {value!r}.")


def _range(value: Any, name: str, low: float, kind: Any) -> tuple[Any, Any]:
    """Read a number, or a lowest and a highest one."""
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    for number in pair:
        _check(number, name, low, kind=kind)
    if len(pair) != 2 or pair[0] > pair[1]:
        raise ValueError(f"{name} must be a number or (lowest, highest), got {value!r}.")
    return pair
