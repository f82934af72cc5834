"""Warnings that a user can act on: once a call, with counts, the first videos, and what to do.

What is said of videos is said when it holds for more than half of at least ten of them: below
that it is how data are, and no advice. X without time (2-D, a clip a video) is never warned about.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import known_labels, warn
from sklearn_asn._data.columns import are_named
from sklearn_asn._data.packed import Offsets
from sklearn_asn._localizers.cas import FLAT, for_clips
from sklearn_asn._localizers.members import kept
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn.exceptions import (
    CollapsedAttentionWarning,
    FewStepsWarning,
    NoClassPassedWarning,
    NoClipPassedWarning,
    ShortVideosWarning,
    UnjudgedParameterWarning,
    UnnamedStreamsWarning,
    UnseenClassWarning,
)

Mask = NDArray[np.bool_]

MIN_VIDEOS = 10
FEW_STEPS = 320  # about what weak labels want; see the guide on choosing

PEAK = 0.99  # mean share of attention that one clip of a video gets when it has collapsed


# ---------------------------------------------------------------- in training


def warn_short_videos(estimator: Any, lengths: NDArray[np.int64], sampled: Mask) -> None:
    """Warn where most of the videos that are `sampled` have fewer than `clips_per_video` clips."""
    wanted = value_of(estimator, "clips_per_video")
    window = value_of(estimator, "training_window")
    name = "frames_per_clip" if window is None else "training_window"
    rows_a_clip = value_of(estimator, name)
    if wanted is None or lengths.max() == 1:
        return
    short = sampled & (-(-lengths // rows_a_clip) < wanted)
    if _most(short[sampled]):
        smaller = "clips_per_video" if rows_a_clip == 1 else f"clips_per_video or {name}"
        warn(
            f"{_count(short, sampled.sum())} have fewer than clips_per_video={wanted} clips "
            f"({name}={rows_a_clip}), so that every training step sees all of theirs. "
            f"For steps that differ, use a smaller {smaller}.",
            ShortVideosWarning,
        )


def warn_few_steps(estimator: Any, sampled: Mask, trimmed: Mask) -> None:
    """Warn where all videos fit into one batch: an epoch is one step, and there are few."""
    size, n_steps = getattr(estimator, "batch_size", None), value_of(estimator, "max_epochs")
    n_videos = int(sampled.sum())
    if size is None or trimmed.any() or not MIN_VIDEOS <= n_videos <= size or n_steps >= FEW_STEPS:
        return
    smaller = max(1, n_videos // 4)
    warn(
        f"All {n_videos} videos are in one batch (batch_size={size}), so that an epoch is one step "
        f"and training has {n_steps} of them, which is few. Use a smaller batch_size ({smaller}, "
        f"say), or more epochs (max_epochs={FEW_STEPS}).",
        FewStepsWarning,
    )


def warn_guessed_streams(estimator: Any, plan: Any, feature_names: Any) -> None:
    """Warn where a model of two streams was given columns that nobody has told apart."""
    if are_named(feature_names):
        return
    of_each = [(estimator, plan)]
    if hasattr(plan, "members"):  # the localizers of an ensemble choose streams by themselves
        members = [member for _, member in kept(estimator.localizers)]
        of_each = list(zip(members, plan.members, strict=True))
    for one, its_plan in of_each:
        if len(its_plan.columns) < 2 or value_of(one, "streams") is not None:
            continue
        n_features = sum(map(len, its_plan.columns))
        half = n_features // 2
        warn(
            f"Nothing says which columns of X are which stream, so columns 0 to {half - 1} were "
            f"taken for spatial and {half} to {n_features - 1} for temporal, and "
            f"variant={getattr(one, 'variant', None)!r} reads both. If that is right, say streams="
            f"{{'spatial': slice(0, {half}), 'temporal': slice({half}, {n_features})}}, or name "
            "the columns spatial_... and temporal_...; if the features know no two streams, use "
            "variant='single', which reads all columns as one.",
            UnnamedStreamsWarning,
        )
        return


def warn_collapsed_attention(
    curves: NDArray[Any], history: list[dict[str, Any]], uses_quantile: bool
) -> None:
    """Warn where attention is the same for all clips, or all of it is on one clip of a video.

    Parameters
    ----------
    curves : ndarray of shape (n_models, 101)
        Running quantiles.
    history : list of dict
    uses_quantile : bool
        Whether clips are compared with a quantile at all.
    """
    middle = curves[:, 10:91]
    flat = np.ptp(middle, axis=1) <= FLAT * np.maximum(np.abs(middle).max(axis=1), 1)
    if uses_quantile and flat.all():
        warn(
            f"Attention has collapsed: nine of ten clips have the same, {curves[0, 50]:.3g}, so "
            "that no quantile separates action from background. Are the features constant, or so "
            "small that weight_decay wins? Scale them (ClipWise(StandardScaler()) before the "
            "localizer), use a smaller weight_decay, or train longer.",
            CollapsedAttentionWarning,
        )
    peak = history[-1].get("attention_peak", 0.0) if history else 0.0
    if peak > PEAK:
        warn(
            f"Attention has collapsed: one clip of every video gets {peak:.2%} of it (the mean in "
            "the last epoch), so that training learns from that clip alone. Use a larger "
            "weight_decay or a smaller lr, stop earlier (max_epochs), or hide clips in training "
            "(hide_probability=0.3, say).",
            CollapsedAttentionWarning,
        )


# ---------------------------------------------------------------- in use


def warn_unjudged(chosen: list[str]) -> None:
    """Warn that labels alone are to judge parameters that they cannot judge."""
    names, them = ", ".join(chosen), "it" if len(chosen) == 1 else "them"
    warn(
        f"{names} was set before fit, as a search does, but y has labels only: they say what a "
        f"video contains and cannot judge {them}, so that a search picks by chance. Give segments "
        "of some videos, and let these judge (sklearn_asn.model_selection.TimedSplit or tune).",
        UnjudgedParameterWarning,
    )


class Note(NamedTuple):
    """What advice needs to know of some videos of a call."""

    passed: Mask  # (n_videos,): a class is above the video threshold
    reached: Mask | None  # (n_videos,): a clip reaches its threshold; None: there is no such cut
    localizer: Any  # whose thresholds these are


def note_of(
    localizer: Any, passed: Mask, passing: Mask, active: Mask | None, offsets: Offsets
) -> Note:
    """Sum up a block of videos.

    Parameters
    ----------
    localizer : localizer
    passed, passing : ndarray of bool, shape (n_videos, n_classes)
        Classes above the video threshold; those localized (the best, where none is above).
    active : ndarray of bool, shape (n_clips, 1 or n_classes), or None
        Where attention reaches its threshold; None: there is no such cut.
    offsets : ndarray of shape (n_videos + 1,)
    """
    reached = None
    if active is not None:
        if active.shape[1] == 1:
            any_class = active[:, 0]
        else:
            any_class = (active & for_clips(passing, offsets)).any(axis=1)
        reached = np.add.reduceat(any_class, offsets[:-1], dtype=np.int64) > 0
    return Note(np.any(passed, axis=1), reached, localizer)


def warn_of_use(notes: list[Note]) -> None:
    """Warn, once a call, of what holds for most of its videos."""
    if sum(len(note.passed) for note in notes) < MIN_VIDEOS:  # nothing is said of so few
        return
    localizer = notes[0].localizer
    unlabelled = ~np.concatenate([note.passed for note in notes])
    threshold = localizer.video_threshold
    if threshold != 1 and _most(unlabelled):  # 1 asks for the best class alone
        best = value_of(localizer, "when_none_passes") == "best"
        then = "the best one was taken" if best else "nothing is localized there"
        warn(
            f"In {_count(unlabelled)} no class scores above video_threshold={threshold:g}, so "
            f"that {then}. Use a lower video_threshold; or the model is not "
            "trained enough, or these videos are unlike those it was trained on.",
            NoClassPassedWarning,
        )
    reached = [note.reached for note in notes if note.reached is not None]
    empty = ~np.concatenate(reached) if reached else np.empty(0, dtype=bool)
    if _most(empty):
        warn(
            f"In {_count(empty)} no clip reaches the attention threshold, so that they get no "
            f"segments. Use a lower quantile (it is {localizer.quantile:g}); if they "
            "differ from the videos of the training, scale them like those.",
            NoClipPassedWarning,
        )


def warn_unseen_classes(labels: NDArray[Any], classes: NDArray[Any]) -> None:
    """Warn where `labels`, which are to be scored, hold others than `classes`."""
    given = np.unique(labels)
    unseen = [label for label in given.tolist() if label not in set(classes.tolist())]
    if unseen:
        shown = ", ".join(map(repr, unseen[:5])) + (", ..." if len(unseen) > 5 else "")
        warn(
            f"{len(unseen)} of the {len(given)} classes of y ({shown}) were never seen in training "
            f"and count 0; {known_labels(unseen, classes.tolist())}. Train on videos of them (in "
            "cross-validation: stratify or use fewer folds), or leave them out of y.",
            UnseenClassWarning,
        )


def _most(videos: Mask) -> bool:
    return len(videos) >= MIN_VIDEOS and videos.mean() > 0.5


def _count(videos: Mask, total: int | None = None) -> str:
    """Say how many videos (of all, or of a `total`), and which come first.

    >>> _count(np.array([True, False, True, True, True]))
    '4 of 5 videos (0, 2, 3, ...)'
    """
    found = np.flatnonzero(videos)
    first = ", ".join(map(str, found[:3])) + (", ..." if len(found) > 3 else "")
    return f"{len(found)} of {total or len(videos)} videos ({first})"
