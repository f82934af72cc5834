"""AutoLoc (Shou et al., ECCV 2018): boxes whose borders a network learns from contrast."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_asn._checks import check_count, draw_seed, resolve_device, unchanged_on_error
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import Offsets, offsets_from_lengths
from sklearn_asn._data.supervision import allowed_classes, check_trimmed, check_weights
from sklearn_asn._localizers import advice, cas
from sklearn_asn._localizers.base import BaseLocalizer, Cut
from sklearn_asn._localizers.checking import check_beside
from sklearn_asn._localizers.model import Scored
from sklearn_asn._localizers.parameters import (
    LARGEST,
    Parameter,
    anything,
    count,
    machine,
    number,
    optional,
    train,
    trained_with,
    use,
)
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.reading import Reading
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.isolation import own_torch
from sklearn_asn._training.progress import Progress
from sklearn_asn.rivals._boundary import (
    BoxModel,
    BoxPlan,
    Rule,
    propose,
    proposing_videos,
    train_regressor,
)
from sklearn_asn.rivals.untrimmednet import UntrimmedNet
from sklearn_asn.selection import SEGMENT_DTYPE, nms
from sklearn_asn.selection._runs import cells_of
from sklearn_asn.selection._scales import RunLengths

Array = NDArray[Any]


def _scales(value: Any, name: str) -> None:
    """Accept a sequence of positive integers."""
    scales = list(value) if np.iterable(value) and not isinstance(value, str) else []
    if not scales:
        raise ValueError(f"{name}={value!r}; expected a sequence of positive integers.")
    for scale in scales:
        check_count(scale, name)


class AutoLoc(BaseLocalizer):
    """AutoLoc: a network moves boxes to where the CAS inside contrasts most with that around.

    Every clip whose CAS is above `min_activation` compares one box of each scale s, of centre
    ``t + 0.5 + dx * s`` and width ``exp(dw) * s``. Its contrast is the mean CAS inside minus
    `outer_weight` times the mean CAS of the ring around it, ``max(inflation * width, 1)`` clips
    on each side, both clipped to the video (0 where no ring is left). The best box stays if its
    contrast is above `min_contrast`. A temporal convolutional network predicts dx and dw (limited
    to [-2, 2]) from the clips; it is trained to raise the contrast of the boxes that stay, of the
    classes that a video is labelled with. Then comes non-maximum suppression.

    Unlike the released code there is no prior on lengths (which it takes from the ground truth),
    outside of a video there is nothing rather than zeros, borders are not rounded, and the
    classes are those that the localizer finds rather than the best two.

    Parameters
    ----------
    localizer : ASNLocalizer or another localizer of this package, default=None
        Gives CAS and video scores; None is ``UntrimmedNet()``. It is cloned and fitted (with a
        seed drawn from `random_state`, where it has none of its own), unless it comes fitted
        inside `sklearn.frozen.FrozenEstimator`. The regressor reads the columns, and averages
        the rows, that the localizer does.
    scales : sequence of int, default=(1, 2, 4, 8, 16, 32)
        Lengths of the anchors in clips; on ActivityNet 16, 32, 64, 128, 256, 512.
    outer_weight : float, default=1.0
        Weight of the ring.
    inflation : float, default=0.25
        Width of the ring on each side, in units of the box.
    min_activation : float, default=0.1
        Clips with a CAS above it propose boxes.
    min_contrast : float, default=-0.4
        Boxes with a contrast above it are kept.
    nms_threshold : float or None, default=0.4
        Largest tIoU of two segments of one class and video. At 1 or None only duplicates go.
    video_weight : float, default=0.0
        The score is the contrast plus this times the video's score of the class.
    hidden_size : int, default=128
        Channels of the three convolutions.
    max_epochs : int, default=1
    lr : float, default=1e-3
        Of stochastic gradient descent without momentum, one video a step.
    weight_decay : float, default=5e-4
    lr_decay_steps : int, default=None
        After so many steps the learning rate falls tenfold, again and again; None: never.
    device : str, default="auto"
        Torch device of the regressor (and of the default localizer).
    random_state : int, RandomState, Generator or None, default=None
    verbose : int, default=0
        As in `ASNLocalizer`, for the regressor (and the default localizer): the bar counts videos.

    Attributes
    ----------
    localizer_ : estimator
        The fitted localizer, with its quantiles and thresholds.
    classes_, n_features_in_, feature_names_in_, n_iter_
        As in `ASNLocalizer`.
    scales_ : ndarray of shape (n_scales,)
        Anchors that the regressor was trained for.
    net_ : torch.nn.Module
        The boundary regressor; made anew from plain arrays after unpickling.
    history_ : list of dict
        One record an epoch: the mean loss of its steps (minus contrast), and boxes kept.

    See Also
    --------
    sklearn_asn.selection.AutoLocSelection : The same contrast, for anchors that stay in place.

    References
    ----------
    Z. Shou, H. Gao, L. Zhang, K. Miyazawa, S.-F. Chang, "AutoLoc: Weakly-supervised Temporal
    Action Localization in Untrimmed Videos", ECCV 2018.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.rivals import AutoLoc
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=5, max_epochs=5)
    >>> AutoLoc(localizer, random_state=0).fit(X, y).predict(X).shape
    (20,)
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = {
        "localizer": train(anything),
        "scales": train(_scales),
        "outer_weight": use(number(-LARGEST, LARGEST)),
        "inflation": use(number(0, LARGEST)),
        "min_activation": use(number(0)),
        "min_contrast": use(number()),
        "nms_threshold": use(optional(number(0, 1))),
        "video_weight": use(number(-LARGEST, LARGEST)),
        "hidden_size": train(count),
        "max_epochs": train(count),
        "lr": train(number(0, LARGEST)),
        "weight_decay": train(number(0, LARGEST)),
        "lr_decay_steps": train(optional(count)),
        "random_state": train(anything),
        "device": machine(anything, "auto"),
        "compile": machine(anything, False),
        "verbose": machine(anything, 0),
    }
    _goes_on = False

    def __init__(
        self,
        localizer: Any = None,
        *,
        scales: Any = (1, 2, 4, 8, 16, 32),
        outer_weight: float = 1.0,
        inflation: float = 0.25,
        min_activation: float = 0.1,
        min_contrast: float = -0.4,
        nms_threshold: float | None = 0.4,
        video_weight: float = 0.0,
        hidden_size: int = 128,
        max_epochs: int = 1,
        lr: float = 1e-3,
        weight_decay: float = 5e-4,
        lr_decay_steps: int | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.localizer = localizer
        self.scales = scales
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.min_activation = min_activation
        self.min_contrast = min_contrast
        self.nms_threshold = nms_threshold
        self.video_weight = video_weight
        self.hidden_size = hidden_size
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.lr_decay_steps = lr_decay_steps
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        trimmed: Any = None,
        sample_weight: Any = None,
        timed: Any = None,
        validation: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        validate_every: int = 1,
    ) -> Self:
        """Fit the localizer, then the regressor, on videos of which the labels are known.

        Parameters
        ----------
        X, y : as in `ASNLocalizer.fit`
            Of `Segments` only the labels are read, never the times.
        trimmed : array-like of bool, shape (n_videos,), default=None
            Videos that show one action from end to end. They train the localizer only: they
            have no borders to learn.
        sample_weight : array-like of shape (n_videos,), default=None
            How many videos each one stands for, in the localizer and in a step's loss.
        timed : array-like of bool, shape (n_videos,), default=None
            As in `ASNLocalizer.fit`, for the localizer.
        validation, X_val, y_val, validate_every
            As in `ASNLocalizer.fit`, for the localizer, in whose `history_` the scores stand.
            Videos split off X are not held out of the regressor's training.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter or the data do not fit; the estimator stays as it was.
        FloatingPointError
            A training has diverged.
        """
        with unchanged_on_error(self):
            self._check_parameters()
            clips = self._check_X(X, reset=True)
            targets = self._check_y(y, clips)
            check_beside(clips, sample_weight=sample_weight, trimmed=trimmed, timed=timed)
            weight = check_weights(sample_weight, len(clips))
            used = (weight > 0) & ~check_trimmed(trimmed, len(clips))
            device, seed = resolve_device(self.device), draw_seed(self.random_state)
            localizer = self._own_localizer(seed)
            if isinstance(localizer, FrozenEstimator):
                localizer = localizer.estimator
                localizer._check_use(X)
                if validation is not None or X_val is not None:
                    raise ValueError(
                        "validation= is for a localizer's training; this one is frozen."
                    )
            else:
                localizer.fit(
                    *(X, y),
                    trimmed=trimmed,
                    sample_weight=sample_weight,
                    timed=timed,
                    validation=validation,
                    X_val=X_val,
                    y_val=y_val,
                    validate_every=validate_every,
                )
            self.localizer_ = localizer
            self.classes_ = localizer.classes_
            shown = targets.indicator(self.classes_) & used[:, None]
            self.model_ = self._train_regressor(clips, shown, weight, seed, device)
        return self

    def record_quantiles(self, X: Any) -> Self:
        """Record the localizer's quantiles anew by running over videos; the regressor stays.

        As in `ASNLocalizer`. A localizer that was given frozen stays as it was: `localizer_` is
        then a copy of it.
        """
        self._check_use(X)
        if isinstance(self.localizer, FrozenEstimator):
            self.localizer_ = deepcopy(self.localizer_)
        self.localizer_.record_quantiles(X)
        return self

    @property
    def scales_(self) -> NDArray[np.int64]:
        """Anchors that the regressor was trained for."""
        return np.array(self.model_.plan.scales, dtype=np.int64)

    # ------------------------------------------------------------------ training

    def _own_localizer(self, seed: int) -> Any:
        """Return a localizer to fit, or the frozen one."""
        if isinstance(self.localizer, FrozenEstimator):
            return self.localizer
        if self.localizer is None:
            return UntrimmedNet(device=self.device, random_state=seed, verbose=self.verbose)
        localizer = clone(self.localizer)
        if localizer.random_state is None:
            localizer.set_params(random_state=seed)
        return localizer

    def _plan(self, inputs: Inputs) -> Any:
        return BoxPlan.over(self.localizer_.model_.plan, self.hidden_size, self.scales)

    def _train_regressor(
        self, clips: Clips, shown: NDArray[np.bool_], weight: Array, seed: int, device: str
    ) -> BoxModel:
        """Train on the classes `shown` in each video, cut by attention but not by video scores."""
        plan, localizer = self._plan(Inputs.of(self)), self.localizer_
        bags, reading = self._features(clips, plan), localizer._reading(clips)
        bags.weight = weight
        allowed = allowed_classes(localizer.localize_classes, self.classes_)
        quantile = getattr(localizer, "quantile", None)
        sequence = cas.class_activation_sequence(
            reading.clip_scores,
            shown if allowed is None else shown & allowed,
            reading.offsets,
            None if quantile is None else reading.active(quantile),
        )
        lengths = RunLengths(plan.scales)
        lengths.add(cells_of(sequence > self.min_activation, reading.offsets), reading.offsets)
        lengths.warn(self.min_activation)
        with own_torch(seed, device), Progress.of(self) as progress:
            net = plan.build().to(device)
            history = train_regressor(
                net,
                bags,
                sequence,
                self._rule(plan),
                lr=self.lr,
                weight_decay=self.weight_decay,
                lr_decay_steps=self.lr_decay_steps,
                max_epochs=self.max_epochs,
                seed=seed,
                progress=progress,
            )
        if not history[-1]["n_boxes"] and np.any(np.diff(bags.offsets) > 1):
            warnings.warn(
                f"No video proposes a box to learn from (min_activation={self.min_activation}, "
                f"min_contrast={self.min_contrast}): the boxes stay about where the anchors are.",
                UserWarning,
                stacklevel=3,
            )
        return BoxModel(plan, net.export(), history, trained_with(self), net)

    # ------------------------------------------------------------------ use

    def _read(self, scored: Scored, curves: Array) -> Reading:
        return self.localizer_._read(scored, curves)

    def _reading(self, clips: Clips) -> Reading:
        return self.localizer_._reading(clips)

    def _cut(self, reading: Reading, by_attention: bool = True) -> Cut:
        return self.localizer_._cut(reading, by_attention)

    def _limit(self) -> float | None:
        return self.localizer_._limit()

    def _shown_attention(self, reading: Reading) -> Array:
        return self.localizer_._shown_attention(reading)

    def _check_held(self) -> None:
        super()._check_held()
        self.localizer_._check_held()

    def _rule(self, plan: BoxPlan) -> Rule:
        names = ("outer_weight", "inflation", "min_activation", "min_contrast")
        scales = np.array(plan.scales, dtype=np.int64)
        return Rule(scales, *(getattr(self, name) for name in names))

    @staticmethod
    def _features(clips: Clips, plan: BoxPlan) -> Bags:
        return Bags.of(clips, plan.reads, plan.frames_per_clip)

    def _find(
        self, reading: Reading, clips: Clips
    ) -> tuple[tuple[Array, Offsets], advice.Note | None]:
        """Select segments of a block of videos, in clips."""
        sequence, note = self._cut(reading)
        scores, bags = reading.video_scores, self._features(clips, self.model_.plan)
        net = self.net_
        parts, rule = [np.empty((5, 0))], self._rule(self.model_.plan)
        with torch.inference_mode():
            for video in proposing_videos(sequence, bags, self.min_activation).tolist():
                boxes = propose(net, bags, sequence, video, rule)
                columns = [column.double().cpu().numpy() for column in boxes]
                parts.append(np.stack([np.full(len(columns[0]), float(video)), *columns]))
        video, label, start, end, contrast = np.concatenate(parts, axis=1)
        video, label = video.astype(np.int64), label.astype(np.int64)
        score = contrast + self.video_weight * scores[video, label]
        group = video * len(self.classes_) + label
        # of identical boxes (clipped to the same) the best stays
        order = np.lexsort((-score, end, start, group))
        box = np.stack([group, start, end])[:, order]
        keep = np.sort(order[np.any(np.diff(box, axis=1, prepend=-1), axis=0)])
        if self.nms_threshold is not None:
            given = (start[keep], end[keep], score[keep], self.nms_threshold)
            keep = keep[nms(*given, group=group[keep])]
        keep = keep[np.lexsort((-score[keep], video[keep]))]
        segments = np.empty(len(keep), SEGMENT_DTYPE)
        for name, column in zip(SEGMENT_DTYPE.names or (), (label, start, end, score), strict=True):
            segments[name] = column[keep]
        counts = np.bincount(video[keep], minlength=len(scores))
        return (segments, offsets_from_lengths(counts)), note

    # ------------------------------------------------------------------ checks

    def _check_parameters(self) -> None:
        super()._check_parameters()
        frozen = isinstance(self.localizer, FrozenEstimator)
        inner = self.localizer.estimator if frozen else self.localizer
        if inner is None:
            return
        if not isinstance(inner, BaseLocalizer) or isinstance(inner, AutoLoc):
            raise ValueError(
                f"localizer={inner!r}; expected None or a localizer of sklearn_asn that gives a "
                "CAS of its own, such as ASNLocalizer() (scalers go before AutoLoc)."
            )
        if frozen and not inner.__sklearn_is_fitted__():
            raise ValueError("localizer is frozen, but not fitted.")
