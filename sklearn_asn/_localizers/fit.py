"""How localizers train: `fit`, with videos held out, `partial_fit` and ``warm_start``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from sklearn_asn import _typing as types
from sklearn_asn._checks import check_count, draw_seed, resolve_device, unchanged_on_error
from sklearn_asn._data.clips import Clips
from sklearn_asn._localizers import advice
from sklearn_asn._localizers.before_training import warn_before_training, warn_unscaled
from sklearn_asn._localizers.finite import check_trained
from sklearn_asn._localizers.fitting import Given, read_classes, supervised
from sklearn_asn._localizers.liveness import sample_clips, warn_dead_parts
from sklearn_asn._localizers.model import Model
from sklearn_asn._localizers.parameters import trained_with, value_of
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.validation import watcher
from sklearn_asn._training.progress import Progress
from sklearn_asn._training.recipe import Plan, Trained
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.train import Machine, train

Array = NDArray[Any]


class FitMixin:
    """Training, of a localizer that says what is trained (`_plan`)."""

    #: Whether training has epochs, after which videos held out can be looked at.
    _has_epochs: ClassVar[bool] = True
    #: Whether training can go on from its weights (`partial_fit`).
    _goes_on: ClassVar[bool] = True

    classes_: Array
    labels_per_video_: float
    model_: Model
    ragged_in_: bool
    random_state: Any
    # of the localizer that this is mixed into
    _check_parameters: Any
    _check_X: Any
    _check_y: Any
    _plan: Any
    _train: Any
    __sklearn_is_fitted__: Any

    def fit(
        self,
        X: types.X,
        y: types.Y,
        *,
        trimmed: types.OnePerVideo | None = None,
        sample_weight: types.OnePerVideo | None = None,
        timed: types.OnePerVideo | None = None,
        validation: Any = None,
        X_val: types.X | None = None,
        y_val: types.Y | None = None,
        validate_every: int = 1,
    ) -> Self:
        """Train on videos of which the labels are known.

        Parameters
        ----------
        X : Clips, or whatever `Clips.from_list` takes, or a 2-D array
            Clip features: a list, mapping by id or Series of arrays (n_clips, n_features), a 3-D
            array or tensor, and more. A row of a 2-D array is a video of one clip; after a fit to
            anything else it is refused in use, for it may be one video (``X[3]`` for ``X[3:4]``).
        y : array-like of shape (n_videos,), list of sets, indicator matrix, or segments
            Labels of every video; also a mapping by id or a Series of any of these, and lists of
            text for sets. Of `Segments` only the labels are read, never the times. A
            video without a label adds nothing to the loss, but its clips count for the quantiles.
        trimmed : array-like of bool, shape (n_videos,), default=None
            Videos that show one action from end to end: sampled as one clip, in batches of
            their own size, which do not count for the quantiles (see `quantile_videos`).
        sample_weight : array-like of shape (n_videos,), default=None
            How many videos each one stands for, in the loss and in the quantiles. This, `trimmed`
            and `timed` may be mappings by id too, whose order is compared with that of `X`.
        timed : array-like of bool, shape (n_videos,), default=None
            Videos of which training reads when their segments are, too: their clips are taught
            what they show. Of the others, and by default of all, it reads the labels alone.
            Needs a localizer that knows a background (``pooling="probability"``), and `y` with
            segments for these videos.
        validation : pair (X_val, y_val), int, float or splitter, default=None
            Videos of which loss and scores stand in `history_`, for callbacks to read: others,
            or a part of X that is not trained with (a number of folds of which one is held out, a
            share, or a splitter's first split). `callbacks` may stop by them, or keep the best
            weights.
        X_val, y_val : as `X` and `y`, default=None
            The same as ``validation=(X_val, y_val)``, under names that a `Pipeline` with
            ``transform_input=["X_val"]`` transforms.
        validate_every : int, default=1
            Epochs from one validation to the next; the ones between repeat the last one.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter or the data do not fit, or `X` and `y` know their ids and these differ;
            the estimator stays as it was.
        FloatingPointError
            The loss is no longer finite.
        """
        given = Given(trimmed, sample_weight, timed, validation, X_val, y_val, validate_every)
        if getattr(self, "warm_start", False) and self.__sklearn_is_fitted__():
            return self._go_on(X, y, given, None)
        return self._fit(X, y, given)

    @available_if(lambda self: self._goes_on)
    def partial_fit(
        self,
        X: types.X,
        y: types.Y,
        classes: Any = None,
        *,
        trimmed: types.OnePerVideo | None = None,
        sample_weight: types.OnePerVideo | None = None,
        timed: types.OnePerVideo | None = None,
        n_epochs: int = 1,
    ) -> Self:
        """Train on with these videos, from the weights and quantiles as they are.

        The learning rate stays at `lr`. What an optimizer remembers of earlier steps (momentum)
        is not kept from one call to the next.

        Parameters
        ----------
        X, y, trimmed, sample_weight, timed : as in `fit`
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; read in the first call. None: those of its `y`.
        n_epochs : int, default=1
            How often the videos are gone through.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`; or a label is new, or what the network is made of has changed.
        """
        check_count(n_epochs, "n_epochs")
        given = Given(trimmed, sample_weight, timed)
        if self.__sklearn_is_fitted__():
            wanted = read_classes(classes)
            if wanted is not None and not np.array_equal(wanted, self.classes_):
                raise ValueError(
                    f"classes={classes!r}, but the first call had {self.classes_.tolist()}."
                )
            return self._go_on(X, y, given, n_epochs)
        return self._fit(X, y, given, read_classes(classes), n_epochs)

    def _fit(
        self,
        X: types.X,
        y: types.Y,
        given: Given,
        classes: Array | None = None,
        n_epochs: int | None = None,
    ) -> Self:
        """Train from the beginning."""
        with unchanged_on_error(self), Progress.of(self) as progress:
            self._check_parameters()
            clips = self._check_X(X, reset=True)
            targets = self._check_y(y, clips)
            seed = draw_seed(self.random_state)
            data = supervised(self, clips, targets, given, seed, classes)
            self.labels_per_video_ = data.labels_per_video()
            plan = for_epochs(self._plan(Inputs.of(self)), n_epochs)
            if clips.lengths.max() > 1:
                if n_epochs is None:  # else it is asked for few, of many calls
                    advice.warn_few_steps(self, data.weight > 0, data.trimmed)
                advice.warn_guessed_streams(self, plan, getattr(self, "feature_names_in_", None))
            if self.ragged_in_:
                warn_before_training(self, plan, data)
            self.model_ = self._train(plan, data, seed, self._machine(progress))
            check_trained(self.model_.weights)
        self._advise(clips)
        return self

    def _go_on(self, X: Any, y: Any, given: Given, n_epochs: int | None) -> Self:
        """Train on from the weights, quantiles and history of the model."""
        with unchanged_on_error(self), Progress.of(self) as progress:
            self._check_parameters()
            clips = self._check_X(X, reset=False, trains=True)
            targets = self._check_y(y, clips)
            before = self.model_
            seed = seed_after(draw_seed(self.random_state), len(before.history))
            data = supervised(self, clips, targets, given, seed, self.classes_)
            plan = for_epochs(self._plan(Inputs.of(self)).alone(), n_epochs)
            check_goes_on(plan, before.plan)
            if getattr(self, "ragged_in_", False):  # of the rest a first fit has warned
                warn_unscaled(plan, data.clips)
            start = Trained(before.weights, before.history)
            self.model_ = self._train_from(start, plan, data, seed, self._machine(progress))
        self._advise(clips)
        return self

    def _machine(self, progress: Progress) -> Machine:
        """Return where and how a fit works."""
        device = resolve_device(value_of(self, "device"))
        return Machine(device, progress, value_of(self, "compile"), value_of(self, "memory"))

    def _advise(self, clips: Clips) -> None:
        """Warn of a model that has learned less than it seems."""
        if clips.lengths.max() > 1:
            curves, history = self.model_.curves, self.model_.history
            uses_quantile = getattr(self, "quantile", None) is not None
            advice.warn_collapsed_attention(curves, history, uses_quantile)
            self._warn_of_dead_parts(clips, resolve_device(value_of(self, "device")))

    def _train_from(
        self, start: Any, plan: Plan, data: Supervised, seed: int, machine: Machine
    ) -> Model:
        """Train a plan from given weights of its parent, or from the beginning."""
        callbacks, watch = value_of(self, "callbacks"), watcher(self, data)
        trained, net = train(plan, data, seed, machine, callbacks, start, watch)
        check_trained(trained.weights)
        model = Model(plan.alone(), *trained, trained_with(self), net)
        if net is not None:  # else features on disk need not be read at all
            model.score(sample_clips(data.clips), machine.device, machine.compile)
        return model

    def _warn_of_dead_parts(self, clips: Clips, device: str) -> None:
        """Warn where a stream that the network reads changes nothing."""
        warn_dead_parts(self, self.model_, clips, device)


def for_epochs(plan: Plan, n_epochs: int | None) -> Plan:
    """Return the plan of so many epochs at one learning rate; None: the plan as it is."""
    if n_epochs is None:
        return plan
    parent = None if plan.parent is None else for_epochs(plan.parent, n_epochs)
    return replace(plan, max_epochs=n_epochs, lr_schedule="steps", lr_milestones=(), parent=parent)


def seed_after(seed: int, n_epochs: int) -> int:
    """Return another seed for every part of a training, so that its draws are not repeated."""
    return int(np.random.default_rng([seed, n_epochs]).integers(2**31))


def check_goes_on(plan: Plan, before: Plan) -> None:
    """Refuse to train on where the network would be another one."""
    for name in ("network", "columns", "frames_per_clip"):
        now, then = getattr(plan, name), getattr(before, name)
        if now != then:
            keys = [k for k in now if now[k] != then.get(k)] if name == "network" else [name]
            raise ValueError(
                f"Training cannot go on from this model: {', '.join(keys)} would be another. Call "
                "fit with warm_start=False, or on a clone, to train from the beginning."
            )
