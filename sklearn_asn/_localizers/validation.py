"""`fit(..., validation=...)`: which videos are held out, and what a localizer says of them."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_asn._checks import check_count
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.supervision import check_inside
from sklearn_asn._data.targets import Targets
from sklearn_asn._localizers.model import Model, Scored
from sklearn_asn._localizers.parameters import declared
from sklearn_asn._training.recipe import Plan
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.validate import LOCALIZATION, RECOGNITION, Validation
from sklearn_asn.exceptions import LocalizationWarning
from sklearn_asn.metrics import localization_map, recognition_map

Array = NDArray[Any]
Ints = NDArray[np.int64]

FORMS = (
    "None, a pair (X_val, y_val), a number of folds of which the first is held out, a share "
    "between 0 and 1, or a splitter of which the first split is taken"
)


class HeldOut(NamedTuple):
    """Videos that a training is validated with."""

    clips: Clips
    targets: Targets
    every: int


def read_held_out(
    localizer: Any, validation: Any, X_val: Any, y_val: Any, every: Any
) -> HeldOut | None:
    """Read videos that are given apart; None: there are none, or they are to be split off.

    Raises
    ------
    ValueError
        The arguments contradict each other, or the videos do not go with those of the training.
    """
    check_count(every, "validate_every")
    if (X_val is None) != (y_val is None):
        missing, there = ("y_val", "X_val") if y_val is None else ("X_val", "y_val")
        raise ValueError(f"{there} is given without {missing}; expected both, or neither.")
    if is_pair(validation):
        if X_val is not None:
            raise ValueError("validation=(X_val, y_val) and X_val= are given; expected one.")
        X_val, y_val = validation
        names = ("validation[0]", "validation[1]")
    elif X_val is None:
        return None
    elif validation is not None:
        raise ValueError("validation= and X_val= are given; expected one of them.")
    else:
        names = ("X_val", "y_val")
    if not localizer._has_epochs:
        raise ValueError(f"{type(localizer).__name__} has no epochs that could be validated.")
    try:
        clips = localizer._check_X(X_val, reset=False, trains=True)
        targets = localizer._check_y(y_val, clips)
        if targets.segments is not None or targets.some_segments is not None:
            check_inside(targets.timed_segments(), clips)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{' and '.join(names)}: {error}") from error
    return HeldOut(clips, targets, int(every))


def is_pair(validation: Any) -> bool:
    """Tell videos with labels from what says how to split."""
    return isinstance(validation, tuple | list) and len(validation) == 2


def split(validation: Any, targets: Targets, seed: int) -> tuple[Ints, Ints]:
    """Return the videos to train with, and those held out.

    Raises
    ------
    ValueError
        `validation` is none of what it may be, or leaves one part empty.
    """
    splitter, n_videos = validation, len(targets)
    if isinstance(validation, Integral) and not isinstance(validation, bool):
        if not 2 <= int(validation) <= n_videos:
            raise ValueError(
                f"validation={validation!r}; expected at least 2 folds, and no more than there "
                f"are videos ({n_videos})."
            )
        splitter = KFold(int(validation), shuffle=True, random_state=seed)
    elif isinstance(validation, Real) and 0 < float(validation) < 1:
        splitter = ShuffleSplit(1, test_size=float(validation), random_state=seed)
    elif isinstance(validation, str) or not hasattr(validation, "split"):
        raise ValueError(f"validation={validation!r}; expected {FORMS}.")
    single = bool(np.all(np.diff(targets.offsets) == 1))
    labels = targets.label if single else targets.indicator(np.unique(targets.label)).astype(int)
    train, test = next(iter(splitter.split(np.zeros((n_videos, 1)), labels)))
    if not len(train) or not len(test):
        raise ValueError(f"validation={validation!r} leaves {len(train)} videos to train with.")
    return np.asarray(train), np.asarray(test)


def watcher(localizer: Any, data: Supervised) -> Callable[[Plan], Validation] | None:
    """Return what makes the validation of a plan's training; None: nothing is held out."""
    held: HeldOut | None = data.held_out
    if held is None:
        return None

    def watch(plan: Plan) -> Validation:
        videos = Supervised(
            held.clips,
            held.targets,
            data.classes,
            np.ones(len(held.clips)),
            np.zeros(len(held.clips), dtype=bool),
        )
        bags = videos.bags(replace(plan, training_window=None))  # judged as they are used
        key = joblib.hash((bags.fingerprint(), _essence(localizer, held)))
        return Validation(bags, held.every, Judge(localizer, plan, held), str(key))

    return watch


class Judge:
    """Scores of videos held out, as the localizer would give them at this moment."""

    def __init__(self, localizer: Any, plan: Plan, held: HeldOut) -> None:
        self.localizer = copy.copy(localizer)
        self.plan = plan
        self.held = held
        parts = np.split(held.targets.label, held.targets.offsets[1:-1])
        self.labels = [set(part.tolist()) for part in parts]
        known = held.targets.segments is not None or held.targets.some_segments is not None
        self.timed = np.flatnonzero(held.targets.has_times) if known else np.zeros(0, dtype=int)
        if len(self.timed):
            self.truth = held.targets.timed_segments()[self.timed]
        self.locates = bool(len(self.timed)) and len(self.truth.label) > 0

    def __call__(self, net: Any, activations: Array, attention: Array) -> dict[str, float]:
        """Return mAP of recognition and, where times are known, of localization."""
        one, clips = self.localizer, self.held.clips
        one.model_ = Model(self.plan, {}, [], {}, net)
        rows = offsets_from_lengths(-(-clips.lengths // self.plan.frames_per_clip))
        probabilities, found, done = [], [], 0
        with warnings.catch_warnings():  # in the first epochs hardly anything is found
            warnings.simplefilter("ignore", LocalizationWarning)
            for block in clips.blocks(2**15 * self.plan.frames_per_clip):
                here = slice(int(rows[done]), int(rows[done + len(block)]))
                offsets = rows[done : done + len(block) + 1] - rows[done]
                scored = Scored(activations[here], attention[here], offsets)
                reading = one._read(scored, one.model_.curves).take_models(one._counting)
                probabilities.append(reading.probabilities)
                if self.locates:
                    found.append(one._find(reading, block)[0])
                done += len(block)
            given = {"classes": one.classes_}
            recognised = recognition_map(self.labels, np.concatenate(probabilities), **given)
            scores = {RECOGNITION: recognised}
            if self.locates:
                segments = one._segments(clips, found)[self.timed]
                scores[LOCALIZATION] = float(localization_map(self.truth, segments))
        one.__dict__.pop("model_")
        return scores


def _essence(localizer: Any, held: HeldOut) -> Any:
    """Return what the scores of videos held out depend on besides the net."""
    use = [n for n, p in declared(type(localizer)).items() if p.stage == "use"]
    times = None
    if held.targets.segments is not None or held.targets.some_segments is not None:
        known = held.targets.timed_segments()
        times = (known.offsets, known.label, known.start, known.end, held.targets.has_times)
    timing = (held.clips.clip_seconds, held.clips.start_seconds, held.clips.lengths)
    return held.every, times, timing, [(n, getattr(localizer, n)) for n in use]
