"""What every localizer shares: reading X and y, training through a recipe, use, pickling."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, check_memory, validate_data

from sklearn_asn._packed import Offsets
from sklearn_asn._streams import join_columns
from sklearn_asn._targets import Targets, parse_targets
from sklearn_asn._validation import (
    check_inside,
    check_trimmed,
    check_weights,
    draw_seed,
    resolve_device,
    unchanged_on_error,
)
from sklearn_asn.clips import Clips, as_clips, is_ragged
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.sampling import Bags
from sklearn_asn.segments import Segments
from sklearn_asn.selection import NaiveSelection, Selection
from sklearn_asn.training import ASNNet, Recipe, Trained, export, rebuild, score_clips, train_net

Array = NDArray[Any]


class Supervised:
    """Videos with label distributions and weights, ready to be read by columns."""

    def __init__(
        self,
        clips: Clips,
        targets: Targets,
        classes: Array,
        weight: NDArray[np.float64],
        trimmed: NDArray[np.bool_],
    ) -> None:
        keep = weight > 0  # a weight of zero is no video at all
        present = targets.indicator(classes)[keep]
        counts = present.sum(axis=1, keepdims=True)
        self.target = (present / np.maximum(counts, 1)).astype(np.float32)
        self.clips = clips if keep.all() else clips[keep]
        self.weight = weight[keep]
        self.trimmed = trimmed[keep]

    def bags(self, columns: list[NDArray[np.int64]], frames_per_clip: int) -> Bags:
        """Return what training draws from."""
        return Bags(
            self.clips.values,
            self.clips.lengths,
            join_columns(columns),
            frames_per_clip,
            self.target,
            self.weight,
            self.trimmed,
        )


class BaseLocalizer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base of weakly-supervised localizers.

    A subclass says how to check its parameters, how to train (`_train_all`, which leaves
    `_columns`, `_recipe` and `_trained`), and how to read clip scores (`_read`).
    """

    def fit(self, X: Any, y: Any, *, trimmed: Any = None, sample_weight: Any = None) -> Self:
        """Train on videos of which the labels are known.

        Parameters
        ----------
        X : Clips, list of arrays (n_clips, n_features), 3-D array, or 2-D array
            Clip features; a row of a 2-D array is a video of one clip.
        y : array-like of shape (n_videos,), list of sets, indicator matrix, or segments
            Labels of every video. Of `Segments` only the labels are read, never the times. A
            video without a label adds nothing to the loss, but its clips count for the quantiles.
        trimmed : array-like of bool, shape (n_videos,), default=None
            Videos that show one action from end to end: sampled as one clip, in batches of
            their own size.
        sample_weight : array-like of shape (n_videos,), default=None
            How many videos each one stands for, in the loss and in the quantiles.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A parameter or the data do not fit; the estimator stays as it was.
        FloatingPointError
            The loss is no longer finite.
        """
        with unchanged_on_error(self):
            self._check_parameters()
            clips = self._check_X(X, reset=True)
            targets = self._check_y(y, len(clips))
            weight = check_weights(sample_weight, len(clips))
            mask = check_trimmed(trimmed, len(clips))
            self.classes_ = _classes_of(targets, weight > 0)
            self._device = resolve_device(self.device)
            for name in ("_net", "_trained"):
                self.__dict__.pop(name, None)
            data = Supervised(clips, targets, self.classes_, weight, mask)
            self._train_all(data, draw_seed(self.random_state))
            self.history_ = self._trained.history
            self.n_iter_ = len(self.history_)
        return self

    def predict(self, X: Any) -> Segments:
        """Return scored segments of every video, in seconds (clips where X has no timing)."""
        clips, sequence, offsets, scores = self._localize(X)
        selection = NaiveSelection() if self.selection is None else self.selection
        if not hasattr(selection, "select_packed"):  # it knows one video at a time
            found, borders = Selection.select_packed(selection, sequence, offsets, scores)
        else:
            found, borders = selection.select_packed(sequence, offsets, scores)
        video = np.repeat(np.arange(len(clips)), np.diff(borders))
        # the last clip of a video may have fewer rows than the others
        rows = np.minimum(found["end"] * self._frames_per_clip, clips.lengths[video])
        return Segments(
            borders,
            self.classes_[found["label"]],
            clips.to_time(video, found["start"] * self._frames_per_clip),
            clips.to_time(video, rows),
            found["score"],
            clips.ids,
        )

    def transform(self, X: Any) -> Any:
        """Return the class activation sequence (CAS) of every video.

        Returns
        -------
        list of ndarray of shape (n_clips, n_classes), or one such array for 2-D X
            Class probabilities of every clip, zero where the class does not pass the video
            threshold, or the clip's attention not the attention threshold.
        """
        _, sequence, offsets, _ = self._localize(X)
        return np.split(sequence, offsets[1:-1]) if is_ragged(X) else sequence

    def predict_proba(self, X: Any) -> Array:
        """Return video-level class probabilities ``(n_videos, n_classes)``."""
        return self._localize(X)[3]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return localization mAP at tIoU 0.5, or mean video-level AP where y has labels only.

        **Labels cannot judge a quantile.** Where `y` holds segments, the score is
        `localization_map` (ActivityNet rule). Where it holds labels only, it is the mean over
        classes of the average precision of `predict_proba`, into which `quantile`, `selection`
        and `video_threshold` do not enter: a search over these against labels alone picks one
        by chance. Such a search needs a few videos with segments.

        Parameters
        ----------
        X : as in `fit`
        y : as in `fit`
        sample_weight : array-like of shape (n_videos,), default=None

        Raises
        ------
        ValueError
            A segment lies wholly outside its video (which points to other units of time).
        """
        clips = self._check_use(X)
        targets = self._check_y(y, len(clips))
        if targets.segments is None:
            return recognition_map(
                y, self.predict_proba(X), classes=self.classes_, sample_weight=sample_weight
            )
        check_inside(targets.segments, clips)
        return float(
            localization_map(targets.segments, self.predict(X), sample_weight=sample_weight)
        )

    @property
    def net_(self) -> ASNNet:
        """The fitted skorch net."""
        check_is_fitted(self)
        if "_net" not in self.__dict__:
            self._net = rebuild(self._recipe, self._trained, resolve_device(self.device, True))
        return self._net

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of the CAS: the classes."""
        check_is_fitted(self)
        return np.asarray([str(c) for c in self.classes_], dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the CAS of ragged videos is a list, whatever is asked for."""
        return self

    # ------------------------------------------------------------------ what a subclass says

    @property
    def _frames_per_clip(self) -> int:
        return 1

    @abstractmethod
    def _check_parameters(self) -> None:
        """Validate all constructor arguments."""

    @abstractmethod
    def _check_use_parameters(self) -> None:
        """Validate those that are read in use: they may have been set after `fit`."""

    @abstractmethod
    def _train_all(self, data: Supervised, seed: int) -> None:
        """Train, leaving `_columns`, `_recipe`, `_trained` and perhaps the live `_net`."""

    @abstractmethod
    def _read(self, activations: Array, attention: Array, offsets: Offsets) -> tuple[Array, Array]:
        """Return the packed CAS and the video-level probabilities of scored clips."""

    # ------------------------------------------------------------------ shared machinery

    def _train(
        self, recipe: Recipe, bags: Bags, seed: int, parent: Any = None
    ) -> tuple[Trained, ASNNet | None]:
        """Train one network, or take it from `memory`; the live net comes where it was made."""
        given = (recipe, bags, seed, parent, self.callbacks, self._device, self.verbose)
        if self.memory is None:
            net = train_net(*given)
            return export(net), net
        cached = check_memory(self.memory).cache(_train_arrays, ignore=["device", "verbose"])
        return cached(*given), None

    def _localize(self, X: Any) -> tuple[Clips, Array, Offsets, Array]:
        clips = self._check_use(X)
        activations, attention, offsets = self._score(clips)
        sequence, scores = self._read(activations, attention, offsets)
        return clips, sequence, offsets, scores

    def _score(self, clips: Clips) -> tuple[Array, Array, Offsets]:
        """Score every clip with the network."""
        bags = Bags(clips.values, clips.lengths, join_columns(self._columns), self._frames_per_clip)
        return *score_clips(self.net_, bags), bags.offsets

    def _check_use(self, X: Any) -> Clips:
        check_is_fitted(self)
        self._check_use_parameters()
        return self._check_X(X, reset=False)

    def _check_X(self, X: Any, reset: bool) -> Clips:
        if is_ragged(X):
            clips = as_clips(X)
            validate_data(self, clips.to_table(), reset=reset, skip_check_array=True)
            return clips
        table = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32, np.float16])
        return Clips(table, np.arange(len(table) + 1))

    def _check_y(self, y: Any, n_videos: int) -> Targets:
        targets = parse_targets(y)
        if len(targets) != n_videos:
            raise ValueError(f"X has {n_videos} videos, but y has entries for {len(targets)}.")
        return targets

    def __sklearn_is_fitted__(self) -> bool:
        return "_trained" in self.__dict__

    def __getstate__(self) -> dict[str, Any]:
        """Weights travel as plain arrays: the net, which may sit on a GPU, is made anew."""
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k not in ("_net", "_device")}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.three_d_array = True
        return tags


def _classes_of(targets: Targets, keep: NDArray[np.bool_]) -> Array:
    classes = np.unique(targets.label[keep[targets.video]])
    if len(classes) < 2:
        raise ValueError(
            f"y has {len(classes)} class(es): {classes.tolist()}. At least 2 are needed: with one "
            "class the softmax is 1 for every clip, and attention learns nothing."
        )
    return classes


def _train_arrays(
    recipe: Recipe, bags: Bags, seed: int, parent: Any, callbacks: Any, device: str, verbose: int
) -> Trained:
    """Train and keep plain arrays only: what `memory` stores."""
    return export(train_net(recipe, bags, seed, parent, callbacks, device, verbose))
