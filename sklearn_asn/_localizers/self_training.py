"""`SelfTrainingLocalizer`: several localizers that teach their successors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._data.clips import Clips
from sklearn_asn._doclink import public
from sklearn_asn._localizers.base import SEEN, BaseLocalizer
from sklearn_asn._localizers.finite import over_blocks
from sklearn_asn._localizers.members import (
    DROP,
    check_localizers,
    check_rounds,
    check_students,
    is_dropped,
    kept,
    pairs_of,
    student_of,
)
from sklearn_asn._localizers.model import Model, Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    number,
    train,
    trained_with,
    use,
    value_of,
)
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.reading import Reading
from sklearn_asn._training.isolation import threads
from sklearn_asn._training.network import LEVELS, attention_quantiles
from sklearn_asn._training.progress import Progress
from sklearn_asn._training.recipe import threshold_at
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.train import Machine
from sklearn_asn._typing import SupportsSelect, WhenNonePasses
from sklearn_asn.selection import MultiThresholdSelection

Array = NDArray[Any]

_FLOOR = 1e-6  # of a teacher's probability, so that no class that a video shows is ruled out


@dataclass(frozen=True)
class Ensemble:
    """What is averaged: the plan of a `SelfTrainingLocalizer`."""

    frames_per_clip: int
    members: tuple[Any, ...]
    n_rounds: int


class EnsembleModel(Model):
    """The quantiles of the members' mean; their weights live in the members."""

    def net(self, device: str = "auto", compile: bool = False) -> Any:
        """Say where the nets are."""
        raise AttributeError("An ensemble has no net of its own: see those of localizers_.")


@public("sklearn_asn")
class SelfTrainingLocalizer(BaseLocalizer):
    """Train localizers, average what they say of clips, and teach that to new ones.

    Labels of a video say which classes occur in it; what each clip shows is learned from their
    statistics. Different networks err differently, and the mean of their clip probabilities is
    better than each. In each round new networks, from random weights, learn that mean as soft
    targets of clips (of the classes that a video is labelled with, and the background), beside the
    labels. The last round's networks are averaged in use.

    Parameters
    ----------
    localizers : list of (str, localizer)
        Each must know a background: ``ASNLocalizer(pooling="probability")``, say. They are cloned,
        and their parameters can be set as ``name__parameter``. Their quantile, thresholds and
        selection do not count here. One can be left out with ``set_params(name="drop")``.
    n_rounds : int, default=2
        How often new networks are taught; 0 is a plain ensemble.
    student_params : dict, default=None
        Parameters that the networks of the rounds have in place of those given: all of them with
        ``{"dropout": 0.3}``, say, for targets of every clip ask for less regularisation than the
        labels of videos; one of them, whatever holds for all, with ``{"wide__dropout": 0.3}``,
        where ``"wide"`` is a name of `localizers`.
    quantile : float in [0, 1], default=0.5
        Share of clips taken as background in `transform`, and by selections that cut attention.
    video_threshold : float in [0, 1], default=0.1
        Classes whose video-level probability is not above it are not localized.
    when_none_passes : {"best", "nothing"}, default="best"
        What is localized in a video of which no class is above `video_threshold`.
    localize_classes : sequence of labels, default=None
        Classes to localize; None: all.
    selection : estimator, default=None
        None is ``MultiThresholdSelection()``, which needs no quantile.
    n_jobs : int, default=None
        Networks that are trained side by side, as in `joblib.Parallel`. Each trains on one thread,
        so that the result is the same for any number.
    device : str, default="auto"
        Torch device of the networks.
    memory : str or joblib.Memory, default=None
        Caches trainings, of localizers that have no `memory` of their own.
    random_state : int, RandomState, Generator or None, default=None
        Seeds of all networks follow from it.
    verbose : int, default=0
        As in `ASNLocalizer`, over all networks.

    Attributes
    ----------
    classes_, labels_per_video_, n_features_in_, feature_names_in_, ragged_in_
        As in `ASNLocalizer`.
    localizers_ : list of localizers
        Those of the last round, fitted.
    named_localizers_ : Bunch
        The same by name.
    history_ : list of dict
        One record an epoch of every network: as in `ASNLocalizer`, with ``"round"`` and
        ``"localizer"``.
    quantile_levels_, attention_quantiles_ : ndarray of shape (101,)
        Quantiles of the attention, the log-odds of not being background, over all training clips.
    threshold_ : float
        Its value at `quantile`.

    Notes
    -----
    What a teacher says is kept soft; sharpened or hard targets, or going on with the same weights,
    gave worse segments on all data sets tried.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=40, random_state=0)
    >>> one = ASNLocalizer("fusion", pooling="probability", context_layers=1, context_size=16,
    ...                    init="scratch", optimizer="adamw", lr=2e-3, max_epochs=10)
    >>> two = clone(one).set_params(context_layers=2)
    >>> model = SelfTrainingLocalizer([("one", one), ("two", two)], n_rounds=1, random_state=0)
    >>> len(model.fit(X, y).predict(X)) == len(X)
    True
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED | {
        "localizers": train(check_localizers),
        "n_rounds": train(check_rounds),
        "student_params": train(check_students),
        "quantile": use(number(0, 1)),
    }
    _samples_clips = False
    _goes_on = False

    def __init__(
        self,
        localizers: Any,
        *,
        n_rounds: int = 2,
        student_params: Mapping[str, Any] | None = None,
        quantile: float = 0.5,
        video_threshold: float = 0.1,
        when_none_passes: WhenNonePasses = "best",
        localize_classes: Any = None,
        selection: SupportsSelect | None = None,
        n_jobs: int | None = None,
        device: str = "auto",
        memory: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.localizers = localizers
        self.n_rounds = n_rounds
        self.student_params = student_params
        self.quantile = quantile
        self.video_threshold = video_threshold
        self.when_none_passes = when_none_passes
        self.localize_classes = localize_classes
        self.selection = selection
        self.n_jobs = n_jobs
        self.device = device
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    # ------------------------------------------------------------------ parameters by name

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with `deep` also the localizers, and theirs, by name."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for name, localizer in pairs_of(self.localizers):
                params[name] = localizer
                if not is_dropped(localizer):
                    inner = localizer.get_params(deep=True).items()
                    params |= {f"{name}__{key}": value for key, value in inner}
            selection: Any = self.selection
            if hasattr(selection, "get_params"):
                inner = selection.get_params().items()
                params |= {f"selection__{key}": value for key, value in inner}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, whole localizers by name, or theirs as ``name__parameter``."""
        localizers = params.pop("localizers", self.localizers)
        names = [name for name, _ in pairs_of(localizers)]
        whole = {name: params.pop(name) for name in names if name in params}
        if whole:
            localizers = [(name, whole.get(name, one)) for name, one in localizers]
        for name, one in pairs_of(localizers):
            inner = [key for key in params if key.startswith(f"{name}__")]
            if is_dropped(one) and inner:
                raise ValueError(f"{inner[0]} cannot be set: {name!r} is {DROP!r}.")
        self.localizers = localizers
        super().set_params(**params)
        return self

    # ------------------------------------------------------------------ training

    @property
    def _knows_background(self) -> bool:
        return True

    @property
    def _rows_a_clip(self) -> int:
        return int(value_of(kept(self.localizers)[0][1], "frames_per_clip"))

    @property
    def named_localizers_(self) -> Bunch:
        """The fitted localizers by name."""
        check_is_fitted(self)
        names = [name for name, _ in kept(self.localizers)]
        return Bunch(**dict(zip(names, self.localizers_, strict=True)))

    @property
    def threshold_(self) -> float:
        """Attention quantile at the level `quantile`."""
        check_is_fitted(self)
        return float(threshold_at(self.model_.curves, self.quantile)[0])

    def _check_parameters(self) -> None:
        super()._check_parameters()
        rows = set()
        for name, localizer in kept(self.localizers):
            rows.add(_check_member(localizer, f"localizers: {name!r}"))
            if params := self._student_params(name):
                student = student_of(localizer, params, name)
                rows.add(_check_member(student, f"student_params: {name!r}"))
        if len(rows) > 1:
            raise ValueError(
                f"localizers have frames_per_clip of {sorted(rows)}; expected one for all."
            )

    def _plan(self, inputs: Inputs) -> Any:
        plans = tuple(member._plan(inputs) for member in self._networks(self.n_rounds))
        return Ensemble(plans[0].frames_per_clip, plans, self.n_rounds)

    def _train(self, plan: Any, data: Supervised, seed: int, machine: Machine) -> Model:
        names = [name for name, _ in kept(self.localizers)]
        n_members = len(names)
        seeds = np.random.default_rng(seed).integers(2**31, size=(self.n_rounds + 1, n_members))
        machine.progress.n_trainings = seeds.size
        history: list[dict[str, Any]] = []
        given, members = [data] * n_members, []
        for turn, round_seeds in enumerate(seeds.tolist()):
            members = self._train_members(self._networks(turn), given, round_seeds, machine)
            for name, member in zip(names, members, strict=True):
                marks = {"round": turn, "localizer": name}
                history += [{**epoch, **marks} for epoch in member.history_]
            shown, attention = self._said_of(members, data.clips)
            if turn < self.n_rounds:
                given = [self._taught(data, shown, member) for member in members]
        self.localizers_ = members
        weight = np.repeat(data.weight, -(-data.clips.lengths // plan.frames_per_clip))
        values = torch.from_numpy(attention.astype(np.float64))[:, None]
        curves = {
            "attention_quantiles": attention_quantiles(values, torch.from_numpy(weight)).numpy()
        }
        return EnsembleModel(plan, curves, history, trained_with(self))

    def _networks(self, turn: int) -> list[BaseLocalizer]:
        """Return the localizers of a round, unfitted: the first has those given."""
        return [
            student_of(localizer, self._student_params(name) if turn else {}, name)
            for name, localizer in kept(self.localizers)
        ]

    def _student_params(self, name: str) -> dict[str, Any]:
        """Return the students' parameters of one localizer: those of all, then its own."""
        given = self.student_params or {}
        named = tuple(f"{other}__" for other, _ in self.localizers)
        shared = {key: value for key, value in given.items() if not key.startswith(named)}
        own = f"{name}__"
        return shared | {
            key.removeprefix(own): value for key, value in given.items() if key.startswith(own)
        }

    def _train_members(
        self,
        members: list[BaseLocalizer],
        given: list[Supervised],
        seeds: list[int],
        machine: Machine,
    ) -> list[BaseLocalizer]:
        """Train new networks, each on what it is given, side by side if asked."""
        for member, seed in zip(members, seeds, strict=True):
            for name in SEEN:
                if hasattr(self, name):
                    setattr(member, name, getattr(self, name))
            if value_of(member, "memory") is None and hasattr(member, "memory"):
                member.memory = self.memory
            if hasattr(member, "random_state"):
                member.random_state = seed
        alone = joblib.effective_n_jobs(self.n_jobs) == 1 or len(members) == 1
        progress = machine.progress if alone else None
        jobs = joblib.Parallel(n_jobs=1 if alone else self.n_jobs, return_as="generator")(
            joblib.delayed(_train_member)(member, data, seed, machine.device, progress)
            for member, data, seed in zip(members, given, seeds, strict=True)
        )
        for member, model in zip(members, jobs, strict=True):
            member.model_ = model
            if progress is None:
                machine.progress.start(len(model.history))
                machine.progress.finish(model.history, model.curves)
        return members

    def _said_of(self, members: list[BaseLocalizer], clips: Clips) -> tuple[Array, Array]:
        """Return the members' mean probabilities of all clips, and attention."""
        rows_a_clip = members[0].model_.plan.frames_per_clip
        readings = over_blocks(clips, rows_a_clip, lambda block: self._mean_of(members, block))
        shown = np.concatenate([reading.clip_scores for reading in readings])
        return shown, np.concatenate([reading.attention[:, 0] for reading in readings])

    def _taught(self, data: Supervised, shown: Array, member: Any) -> Supervised:
        """Return the videos with what the teacher says of their clips, as `member` reads it."""
        n_clips = -(-data.clips.lengths // member.model_.plan.frames_per_clip)
        labelled = data.target > 0
        allowed = np.repeat(labelled, n_clips, axis=0)
        goal = targets_of(shown, allowed, getattr(member, "class_activation_", "softmax"))
        taught = labelled.any(axis=1)
        if getattr(member, "unlabelled", "ignore") == "background":
            taught = np.ones_like(taught)
        if data.clip_target is not None and data.taught is not None:  # these are known for sure
            known = np.repeat(data.taught, n_clips)
            goal[known] = data.clip_target[known]
            taught = taught | data.taught
        return data.with_clip_targets(goal, taught)

    # ------------------------------------------------------------------ use

    def _default_selection(self) -> Any:
        return MultiThresholdSelection()

    def _reading(self, clips: Clips) -> Reading:
        return self._mean_of(self.localizers_, clips, self.model_.curves)

    def _attention_of(self, clips: Clips) -> Array:
        return self._mean_of(self.localizers_, clips).attention

    def _read(self, scored: Scored, curves: Array) -> Reading:
        raise NotImplementedError("An ensemble reads its members.")

    def _mean_of(
        self, members: list[BaseLocalizer], clips: Clips, curves: Array | None = None
    ) -> Reading:
        """Average readings of one block of clips."""
        readings = [member._reading(clips) for member in members]
        shown = np.mean([reading.clip_scores for reading in readings], axis=0)
        video = np.mean([reading.probabilities for reading in readings], axis=0)
        each = np.concatenate([reading.attention for reading in readings], axis=1)
        # log-odds of the mean, from both sides, for neither must round to 0
        foreground, background = expit(each).mean(axis=1), expit(-each).mean(axis=1)
        attention = (np.log(foreground) - np.log(background))[:, None]
        inside = np.clip(video, 1e-7, 1 - 1e-7)
        activations = [reading.activations.mean(axis=1) for reading in readings]
        return Reading(
            offsets=readings[0].offsets,
            clip_scores=shown,
            video_scores=video,
            probabilities=video,
            decision=np.log(inside) - np.log1p(-inside),
            activations=np.mean(activations, axis=0)[:, None],
            attention=attention,
            evidence=attention[..., None],
            curves=np.zeros((1, LEVELS)) if curves is None else curves,
        )

    def _warn_of_dead_parts(self, clips: Clips, device: str) -> None:
        for member in self.localizers_:
            member._warn_of_dead_parts(clips, device)

    def _check_held(self) -> None:
        super()._check_held()
        for member in self.localizers_:
            member._check_held()


def _check_member(localizer: Any, what: str) -> int:
    """Refuse what cannot teach or be taught; return its rows of X a clip."""
    if not isinstance(localizer, BaseLocalizer) or not localizer._knows_background:
        raise ValueError(
            f"{what} is {localizer!r}; expected a localizer that knows a background, such as "
            "ASNLocalizer(pooling='probability')."
        )
    localizer._check_parameters()
    if value_of(localizer, "training_window") is not None:
        raise ValueError(
            f"{what} has a training_window; a teacher tells of clips as they are used, "
            "training_window=None."
        )
    return int(value_of(localizer, "frames_per_clip"))


def targets_of(shown: Array, allowed: NDArray[np.bool_], class_activation: str) -> Array:
    """Turn a teacher's clip probabilities into targets ``(n_clips, n_classes + 1)``.

    Parameters
    ----------
    shown : ndarray of shape (n_clips, n_classes)
    allowed : ndarray of bool, shape (n_clips, n_classes)
        Classes that the clip's video is labelled with; the others are none.
    class_activation : {"softmax", "sigmoid"}
        What the teacher gives to other classes is shared out among what is left. ``"softmax"``:
        that and the background sum to 1. ``"sigmoid"``: classes that overlap may sum to more.

    Examples
    --------
    >>> shown, allowed = np.array([[0.2, 0.6]]), np.array([[True, False]])
    >>> targets_of(shown, allowed, "softmax").round(3).tolist()
    [[0.5, 0.0, 0.5]]
    """
    background = np.maximum(1 - shown.sum(axis=1, keepdims=True), 0) + _FLOOR
    goal = (shown + _FLOOR) * allowed
    total = goal.sum(axis=1, keepdims=True) + background
    if class_activation == "sigmoid":
        goal = goal / np.minimum(total, 1)
        return np.concatenate([goal, np.zeros_like(background)], axis=1).astype(np.float32)
    return (np.concatenate([goal, background], axis=1) / total).astype(np.float32)


def _train_member(
    member: BaseLocalizer, data: Supervised, seed: int, device: str, progress: Progress | None
) -> Model:
    """Train one network, on one thread."""
    with threads(1):  # the same numbers in every process
        machine = Machine(
            device,
            Progress(type(member).__name__) if progress is None else progress,
            value_of(member, "compile"),
            value_of(member, "memory"),
        )
        model = member._train(member._plan(Inputs.of(member)), data, seed, machine)
    return model
