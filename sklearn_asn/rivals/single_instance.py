"""The baseline: every clip gets its video's labels, and logistic regression learns from these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from sklearn_asn._checks import check_count
from sklearn_asn._data.packed import Offsets
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.model import Model, Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    choice,
    count,
    machine,
    number,
    train,
    trained_with,
    use,
)
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.reading import Reading, read_models
from sklearn_asn._training.criteria import weighted_mean
from sklearn_asn._training.network import Heads, attention_quantiles
from sklearn_asn._training.recipe import Plan, sizes_of
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.train import Machine
from sklearn_asn._typing import SupportsSelect, Unlabelled

Array = NDArray[Any]


def _odd(value: Any, name: str) -> None:
    """Accept odd positive integers: as many clips on one side as on the other."""
    check_count(value, name)
    if value % 2 == 0:
        raise ValueError(f"{name}={value!r}; expected an odd positive integer.")


class SingleInstance(BaseLocalizer):
    """The single-instance baseline: weak labels taken for labels of every clip.

    Every clip of a video gets all of the video's labels, right or wrong, and scikit-learn's
    `LogisticRegression` learns each class from them (one against the rest). The probabilities are
    averaged over `smoothing` clips; a class is found where its probability reaches the
    `quantile` of what the training clips' largest probabilities are.

    It knows nothing of bags, so whatever learns from bags must be better than it is; where a
    method is not, the features or the labels leave little to learn, or its settings are wrong.

    Parameters
    ----------
    quantile : float, default=0.1
        Share of the training clips in which no class is found. The attention of a clip is its
        largest class probability; each class is compared with the quantile of this by itself.
    smoothing : int, default=3
        Clips (odd) over which probabilities are averaged inside a video; at its ends over those
        that there are.
    C : float, default=1.0
        Inverse strength of the L2 penalty, as in `LogisticRegression`.
    max_iter : int, default=1000
        Most steps of the solver (L-BFGS) a class.
    unlabelled : {"ignore", "background"}, default="ignore"
        What a training video without labels says: nothing, or that its clips show no class. Its
        clips count for the quantiles in both.
    frames_per_clip : int, default=1
        Rows of X whose mean is a clip.
    video_threshold : float, default=0.1
        As in `ASNLocalizer`. The video's score of a class is the mean over its clips.
    localize_classes, selection, device, verbose
        As in `ASNLocalizer`. Training is scikit-learn's, on the CPU; `device` is where clips are
        scored.
    random_state : int, RandomState, Generator or None, default=None
        Has no influence, the optimum being one; here so that localizers can take each other's
        place.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, quantile_levels_, attention_quantiles_
        As in `ASNLocalizer`.
    threshold_ : float
        The probability at `quantile`.
    coef_ : ndarray of shape (n_classes, n_features)
    intercept_ : ndarray of shape (n_classes,)
    net_ : skorch net
        The same as a linear network.
    history_ : list of dict
        One record: the mean log loss over clips and classes, and the steps of the solver.
    n_iter_ : int
        Steps of the solver, of the class that took most.

    Notes
    -----
    All columns of X are read, whatever stream they belong to. A trimmed video is one instance,
    the mean of its clips, and does not count for the quantiles (unless there are no others). All
    training clips are in memory at once. Penalty and solver see the scale of the columns: put
    ``ClipWise(StandardScaler())`` before it.

    Examples
    --------
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.rivals import SingleInstance
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> SingleInstance(quantile=0.5).fit(X, y).predict(X).shape
    (20,)
    """

    _samples_clips: ClassVar[bool] = False
    _has_epochs: ClassVar[bool] = False
    _goes_on: ClassVar[bool] = False
    _parameters: ClassVar[Mapping[str, Parameter]] = {
        **SHARED,
        "quantile": use(number(0, 1)),
        "smoothing": train(_odd),
        "C": train(number(0, open_low=True)),
        "max_iter": train(count),
        "unlabelled": train(choice("ignore", "background")),
        "random_state": machine(SHARED["random_state"].check),
    }

    def __init__(
        self,
        quantile: float = 0.1,
        *,
        smoothing: int = 3,
        C: float = 1.0,
        max_iter: int = 1000,
        unlabelled: Unlabelled = "ignore",
        frames_per_clip: int = 1,
        video_threshold: float = 0.1,
        localize_classes: Any = None,
        selection: SupportsSelect | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.quantile = quantile
        self.smoothing = smoothing
        self.C = C
        self.max_iter = max_iter
        self.unlabelled = unlabelled
        self.frames_per_clip = frames_per_clip
        self.video_threshold = video_threshold
        self.localize_classes = localize_classes
        self.selection = selection
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def coef_(self) -> Array:
        """Coefficients ``(n_classes, n_features)``."""
        return self.model_.weights[_COEF]

    @property
    def intercept_(self) -> Array:
        """Intercepts ``(n_classes,)``."""
        return self.model_.weights[_INTERCEPT]

    @property
    def n_iter_(self) -> int:
        """Steps of the solver, of the class that took most."""
        return int(self.history_[0]["n_iter"])

    @property
    def threshold_(self) -> float:
        """The probability at `quantile`."""
        limit = self._limit()
        assert limit is not None
        return limit

    def _plan(self, inputs: Inputs) -> Plan:
        """Say logistic regression as a linear network: all columns are its main stream."""
        columns = [np.arange(inputs.n_features)]
        return Plan(
            columns=(tuple(range(inputs.n_features)),),
            frames_per_clip=self.frames_per_clip,
            network={
                "variant": "temporal",
                **sizes_of(columns),
                "n_classes": inputs.n_classes,
                "heads": Heads(dropout=0.0, attention="max"),
            },
            criterion=EveryClip,
            criterion_options={},
            sampling={
                "clips_per_video": None,
                "frames_sampled": 1,
                "trimmed_batch_size": 8192,
                "hide_probability": 0.0,
                "hide_clips": 1,
            },
            optimizer="sgd",
            optimizer_options={},
            lr=0.1,
            lr_milestones=(),
            max_epochs=1,
            batch_size=512,
            gradient_clip=None,
            quantile_momentum=0.0,
        )

    def _train(self, plan: Plan, data: Supervised, seed: int, machine: Machine) -> Model:
        """Fit a `LogisticRegression` a class, and write its coefficients into the plan's net."""
        bags, progress = data.bags(plan), machine.progress
        clips = bags.clips(0, int(bags.offsets[-1])).numpy()
        lengths = np.diff(bags.offsets)
        shown = data.target > 0
        used = shown.any(axis=1) | (self.unlabelled == "background")
        self._check_negatives(shown[used])

        one = bags.trimmed & used
        instance = clips[np.repeat(used & ~bags.trimmed, lengths)]
        video = np.repeat(np.arange(len(bags)), lengths * (used & ~bags.trimmed))
        if one.any():
            means = np.add.reduceat(clips, bags.offsets[:-1], axis=0)[one] / lengths[one, None]
            instance = np.concatenate([instance, means.astype(clips.dtype)])
            video = np.concatenate([video, np.flatnonzero(one)])
        given, weight = shown[video], bags.weight[video]

        progress.start(len(self.classes_), "logistic regression")
        coef = np.empty((len(self.classes_), clips.shape[1]), dtype=np.float32)
        intercept = np.empty(len(self.classes_), dtype=np.float32)
        losses, n_iter = [], 0
        for c in range(len(self.classes_)):
            model = LogisticRegression(C=self.C, max_iter=self.max_iter)
            model.fit(instance, given[:, c], sample_weight=weight)
            coef[c], intercept[c] = model.coef_[0], model.intercept_[0]
            n_iter = max(n_iter, int(model.n_iter_[0]))
            margin = model.decision_function(instance) * np.where(given[:, c], 1, -1)
            losses.append(float(np.average(np.logaddexp(0, -margin), weights=weight)))
            if c == 0:
                progress.begin()
            progress.step(c + 1, float(np.mean(losses)))

        counting = np.repeat(~bags.trimmed | bags.trimmed.all(), lengths)
        largest = smoothed(expit(clips @ coef.T + intercept), bags.offsets, self.smoothing).max(1)
        curve = attention_quantiles(
            torch.from_numpy(largest[counting, None]),
            torch.from_numpy(np.repeat(bags.weight, lengths)[counting]),
        ).numpy()
        weights = {
            "attention_quantiles": curve,
            "n_batches": np.array(1),
            _COEF: coef,
            _INTERCEPT: intercept,
        }
        history = [{"epoch": 1, "train_loss": float(np.mean(losses)), "n_iter": n_iter}]
        progress.finish(history, curve)
        return Model(plan, weights, history, trained_with(self))

    def _check_negatives(self, shown: NDArray[np.bool_]) -> None:
        """Refuse classes of which there are no counterexamples."""
        always = self.classes_[shown.all(axis=0)].tolist()
        if always:
            raise ValueError(
                f"Class {always[0]!r} is a label of all {len(shown)} videos that are learned from, "
                "so that no clip is known to be without it. Leave it out of y, or give videos "
                "without it (with unlabelled='background', those without labels count)."
            )

    def _read(self, scored: Scored, curves: Array) -> Reading:
        probability = smoothed(expit(scored.activations[:, 0]), scored.offsets, self.smoothing)
        lengths = np.diff(scored.offsets)[:, None]
        reading = read_models(
            scored._replace(attention=probability.max(axis=1, keepdims=True)),
            curves,
            clip_scores=probability,
            probabilities=np.add.reduceat(probability, scored.offsets[:-1]) / lengths,
        )
        return reading._replace(evidence=probability[:, None])


_COEF = "models.0.classification.weight"
_INTERCEPT = "models.0.classification.bias"


class EveryClip(nn.Module):
    """What logistic regression minimises but for its penalty, as a torch criterion."""

    def forward(self, scored: tuple[torch.Tensor, ...], known: Mapping[str, Any]) -> torch.Tensor:
        """Return the mean over videos of the log loss of their clips."""
        logits = scored[0][:, :, 0]
        present = (known["target"] > 0).to(logits.dtype)[:, None].expand_as(logits)
        loss = functional.binary_cross_entropy_with_logits(logits, present, reduction="none")
        valid = known["valid"][..., None]
        mean = (loss * valid).sum(dim=(1, 2)) / valid.sum(dim=(1, 2)) / logits.shape[-1]
        return weighted_mean(mean * present[:, 0].any(dim=1), known)


def smoothed(values: Array, offsets: Offsets, width: int) -> Array:
    """Average over the `width` clips around each one, of those that its video has.

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_columns)
    offsets : ndarray of shape (n_videos + 1,)
    width : int
        Odd.

    Examples
    --------
    >>> smoothed(np.array([[0.0], [3.0], [6.0], [1.0]]), np.array([0, 3, 4]), 3).ravel().tolist()
    [1.5, 3.0, 4.5, 1.0]
    """
    video = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    total, n = values.copy(), np.ones((len(values), 1), dtype=values.dtype)
    for shift in range(1, min(width // 2, int(np.diff(offsets).max()) - 1) + 1):
        left = np.flatnonzero(video[shift:] == video[:-shift])
        right = left + shift
        total[right] += values[left]
        total[left] += values[right]
        n[right] += 1
        n[left] += 1
    return total / n
