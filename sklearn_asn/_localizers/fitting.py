"""From the arguments of `fit` to the videos of a training: checked, split and put together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.convert import as_labels
from sklearn_asn._data.supervision import (
    allowed_classes,
    check_timed,
    check_trimmed,
    check_weights,
    classes_of,
    clip_coverage,
    with_background,
)
from sklearn_asn._data.targets import Targets, check_comparable
from sklearn_asn._localizers import advice
from sklearn_asn._localizers.checking import check_beside
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn._localizers.validation import HeldOut, is_pair, read_held_out, split
from sklearn_asn._training.supervised import Supervised

Array = NDArray[Any]


class Given(NamedTuple):
    """The arguments of `fit` that come with X and y."""

    trimmed: Any = None
    sample_weight: Any = None
    timed: Any = None
    validation: Any = None
    X_val: Any = None
    y_val: Any = None
    validate_every: Any = 1


def supervised(
    localizer: Any, clips: Clips, targets: Targets, given: Given, seed: int, classes: Any = None
) -> Supervised:
    """Return the videos of a training, and set the localizer's `classes_`.

    Parameters
    ----------
    localizer : localizer
        Which has seen X.
    clips : Clips
    targets : Targets
    given : Given
    seed : int
        Of the split.
    classes : ndarray, default=None
        All classes; None: those of the videos.
    """
    check_beside(clips, sample_weight=given.sample_weight, trimmed=given.trimmed, timed=given.timed)
    weight = check_weights(given.sample_weight, len(clips))
    mask = check_trimmed(given.trimmed, len(clips))
    known = check_timed(given.timed, targets, len(clips))
    held = read_held_out(
        localizer, given.validation, given.X_val, given.y_val, given.validate_every
    )
    if given.validation is not None and not is_pair(given.validation):
        if not localizer._has_epochs:
            raise ValueError(f"{type(localizer).__name__} has no epochs that could be validated.")
        train, test = split(given.validation, targets, seed)
        held = HeldOut(clips[test], targets.take(test), int(given.validate_every))
        clips, targets = clips[train], targets.take(train)
        weight, mask, known = weight[train], mask[train], known[train]
    at_least = 1 if localizer._knows_background else 2
    if classes is None:
        classes = targets.label[(weight > 0)[targets.video]]
    else:
        _check_known(targets, classes)
    localizer.classes_ = classes_of(classes, at_least)
    allowed_classes(value_of(localizer, "localize_classes"), localizer.classes_)
    if held is not None:
        _check_held_out(held, localizer.classes_)
    if localizer._samples_clips:
        advice.warn_short_videos(localizer, clips.lengths, (weight > 0) & ~mask)
    data = Supervised(clips, targets, localizer.classes_, weight, mask)
    data.held_out = held
    if known.any():
        if not localizer._knows_background:
            raise ValueError(
                "timed needs a localizer that knows a background, such as "
                f"ASNLocalizer(pooling='probability'), got {localizer!r}."
            )
        if value_of(localizer, "training_window") is not None:
            raise ValueError("timed needs clips as they are used: training_window=None.")
        keep, rows_a_clip = weight > 0, value_of(localizer, "frames_per_clip")
        shown = clip_coverage(targets.timed_segments(), clips, localizer.classes_, rows_a_clip)
        rows = np.repeat(keep, -(-clips.lengths // rows_a_clip))
        data = data.with_clip_targets(with_background(shown[rows]), known[keep])
    return data


def read_classes(classes: Any) -> Array | None:
    """Return the classes given to `partial_fit`, sorted; None: none are given.

    Raises
    ------
    ValueError
        They are no labels, or one is there twice.
    """
    if classes is None:
        return None
    labels = as_labels(list(classes), "classes")
    distinct = np.unique(labels)
    if not len(distinct) or len(distinct) != len(labels):
        raise ValueError(f"classes={classes!r}; expected every class once.")
    return distinct


def _check_known(targets: Targets, classes: Array) -> None:
    """Refuse labels that are not among the classes of a first call."""
    if not len(targets.label):
        return
    check_comparable(targets.label, classes)
    odd = np.flatnonzero(~np.isin(targets.label, classes))
    if len(odd):
        raise ValueError(
            f"y: video {targets.video[odd[0]]} has the label {targets.label[odd[0]]!s}, which is "
            f"none of the classes that were fixed at first: {classes.tolist()}."
        )


def _check_held_out(held: HeldOut, classes: Array) -> None:
    """Refuse videos that cannot be scored, and warn of classes that count 0."""
    if not len(held.targets.label):
        raise ValueError("The videos to validate with have no labels at all.")
    check_comparable(held.targets.label, classes)
    advice.warn_unseen_classes(held.targets.label, classes)
