"""What every localizer shares: reading X and y, training through a recipe, use, pickling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_asn._checks import check_number, draw_seed, resolve_device, unchanged_on_error
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.columns import join_columns, main_comes_first, resolve_streams
from sklearn_asn._data.packed import Offsets, offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.supervision import (
    allowed_classes,
    check_inside,
    check_trimmed,
    check_weights,
    classes_of,
)
from sklearn_asn._data.targets import Targets, parse_targets
from sklearn_asn._doclink import DocumentedMixin
from sklearn_asn._localizers import advice, cas
from sklearn_asn._localizers.parameters import check_selection, check_training_parameters
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.cache import train_cached
from sklearn_asn._training.net import ASNNet, export, rebuild, score_clips, train_net
from sklearn_asn._training.network import LEVELS, SINGLE_STREAM, Heads
from sklearn_asn._training.progress import Progress
from sklearn_asn._training.recipe import Recipe, Trained
from sklearn_asn._training.supervised import Supervised
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.selection import NaiveSelection, Selection

Array = NDArray[Any]

_CLIPS_AT_ONCE = 2**15  # of which all scores are in memory at the same time


class Scored(NamedTuple):
    """What the network says of the clips of all videos."""

    activations: Array  # (n_clips, n_models, n_classes)
    attention: Array  # (n_clips, n_models)
    offsets: Offsets


class BaseLocalizer(DocumentedMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base of weakly-supervised localizers.

    A subclass says how to train (`_train_all`, which leaves `_columns`, `_recipe` and `_trained`)
    and how clips make a video (`_pool`); what else it does in its own way it overrides.
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
        with unchanged_on_error(self), Progress.of(self) as self._progress:
            self._check_parameters()
            clips = self._check_X(X, reset=True)
            targets = self._check_y(y, len(clips))
            weight = check_weights(sample_weight, len(clips))
            mask = check_trimmed(trimmed, len(clips))
            self.classes_ = classes_of(targets.label[(weight > 0)[targets.video]])
            self._device = resolve_device(self.device)
            allowed_classes(self.localize_classes, self.classes_)
            for name in ("_net", "_trained"):
                self.__dict__.pop(name, None)
            if self._samples_clips:
                advice.warn_short_videos(self, clips.lengths, (weight > 0) & ~mask)
            data = Supervised(clips, targets, self.classes_, weight, mask)
            self._train_all(data, draw_seed(self.random_state))
            self.history_ = self._trained.history
            self.n_iter_ = len(self.history_)
            self.quantile_levels_ = np.arange(LEVELS) / (LEVELS - 1)
            curves = self._trained.weights["attention_quantiles"]
            self.attention_quantiles_ = curves if len(curves) > 1 else curves[0]
        if clips.lengths.max() > 1:
            advice.warn_collapsed_attention(curves, self.history_, hasattr(self, "quantile"))
        return self

    def predict(self, X: Any) -> Segments:
        """Return scored segments of every video, in seconds (clips where X has no timing)."""
        clips = self._check_use(X)
        return self._segments(clips, self._over_blocks(clips, self._find))

    def transform(self, X: Any) -> Any:
        """Return the class activation sequence (CAS) of every video.

        Returns
        -------
        list of ndarray of shape (n_clips, n_classes), or one such array for 2-D X
            Class probabilities of every clip, zero where the class does not pass the video
            threshold, or the clip's attention not the attention threshold.
        """
        return self._clip_by_clip(X, lambda scored: self._read(scored)[0])

    def attention(self, X: Any) -> Any:
        """Return raw attention of every clip: a list of ``(n_clips,)`` (one array for 2-D X).

        Of two streams, the mean.
        """
        return self._clip_by_clip(X, self._combined_attention)

    def predict_proba(self, X: Any) -> Array:
        """Return video-level class probabilities ``(n_videos, n_classes)``."""
        return self._probabilities(self._pool_all(self._check_use(X)))

    def decision_function(self, X: Any) -> Array:
        """Return video-level class activations ``(n_videos, n_classes)``.

        Of two streams, whose probabilities are averaged, the logarithm of these.
        """
        pooled = self._pool_all(self._check_use(X))
        return pooled[:, 0] if pooled.shape[1] == 1 else np.log(self._probabilities(pooled))

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
        if clips.lengths.max() > 1:
            advice.warn_unseen_classes(targets.label, self.classes_)
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
            device = resolve_device(self.device, True)
            self._net = rebuild(self._recipe, self._trained, device, self._compiles)
        return self._net

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of the CAS: the classes."""
        check_is_fitted(self)
        return np.asarray([str(c) for c in self.classes_], dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the CAS of ragged videos is a list, whatever is asked for."""
        return self

    # ------------------------------------------------------------------ what a subclass says

    _samples_clips = True  # `clips_per_video` is a sample, not an upper limit

    @property
    def _frames_per_clip(self) -> int:
        return self.frames_per_clip

    @abstractmethod
    def _train_all(self, data: Supervised, seed: int) -> None:
        """Train, leaving `_columns`, `_recipe`, `_trained` and perhaps the live `_net`."""

    @abstractmethod
    def _pool(self, scored: Scored) -> Array:
        """Return video-level class activations ``(n_videos, n_models, n_classes)``."""

    def _check_parameters(self) -> None:
        """Validate all constructor arguments."""
        check_training_parameters(self)
        self._check_use_parameters()

    def _check_use_parameters(self) -> None:
        """Validate those that are read in use: they may have been set after `fit`."""
        check_number(self.video_threshold, "video_threshold", 0, 1)
        check_selection(self.selection)

    def _probabilities(self, pooled: Array) -> Array:
        """Turn pooled activations into video-level probabilities."""
        return cas.video_scores(pooled)

    def _video_scores(self, pooled: Array) -> Array:
        """Return what `video_threshold` is compared with, and what the selection adds."""
        return self._probabilities(pooled)

    def _clip_scores(self, scored: Scored) -> Array:
        """Return class scores of every clip, ``(n_clips, n_classes)``."""
        return cas.softmax(scored.activations).mean(axis=1)

    def _active(self, scored: Scored) -> NDArray[np.bool_] | None:
        """Tell where attention passes; None: no such cut."""
        return None

    def _default_selection(self) -> Any:
        return NaiveSelection()

    def _combined_attention(self, scored: Scored) -> Array:
        return scored.attention.mean(axis=1)

    @property
    def _attention_models(self) -> Any:
        """Index of the models whose attention counts."""
        return slice(None)

    def _reaches(self, evidence: Array, threshold: Array) -> NDArray[np.bool_]:
        """Compare evidence ``(n_clips, n_models, ...)`` with one threshold a model."""
        evidence, threshold = evidence[:, self._attention_models], threshold[self._attention_models]
        if len(threshold) == 1:
            return evidence[:, 0] >= threshold[0]
        return cas.relative_attention(np.moveaxis(evidence, 1, -1), threshold) >= 1

    # ------------------------------------------------------------------ shared machinery

    def _train(
        self, recipe: Recipe, bags: Bags, seed: int, parent: Any = None
    ) -> tuple[Trained, ASNNet | None]:
        """Train one network, or take it from `memory`; the live net comes where it was made."""
        given = (recipe, bags, seed, parent, self.callbacks)
        progress = self._progress
        progress.start(self.max_epochs, recipe.network["variant"])
        machine: Any = {"device": self._device, "progress": progress, "compile": self._compiles}
        if self.memory is None:
            net = train_net(*given, **machine)
            trained = export(net)
        else:
            net, trained = None, train_cached(self.memory, *given, **machine)
        progress.finish(trained.history, trained.weights["attention_quantiles"])
        return trained, net

    @property
    def _compiles(self) -> bool:
        return getattr(self, "compile", False)

    def _make_recipe(
        self,
        network: dict[str, Any],
        criterion: Any,
        optimizer: str = "sgd",
        **criterion_options: Any,
    ) -> Recipe:
        """Collect what training depends on."""
        options = {"weight_decay": self.weight_decay}
        if optimizer == "sgd":
            options |= {"momentum": self.momentum, "nesterov": self.momentum > 0}
        return Recipe(
            network=network,
            criterion=criterion,
            criterion_options=criterion_options,
            sampling={
                "clips_per_video": self.clips_per_video,
                "frames_sampled": self.frames_sampled,
                "trimmed_batch_size": self.trimmed_batch_size,
                "hide_probability": self.hide_probability,
                "hide_clips": self.hide_clips if self.hide_probability else 1,
            },
            optimizer=optimizer,
            optimizer_options=options,
            lr=self.lr,
            lr_milestones=tuple(getattr(self, "lr_milestones", ())),
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            gradient_clip=self.gradient_clip,
            quantile_momentum=getattr(self, "quantile_momentum", 0.9),
            precision=getattr(self, "precision", "float32"),
        )

    def _network(self, variant: str, heads: Heads, **options: Any) -> dict[str, Any]:
        """Return the arguments of a network that reads `_columns`, or the first stream of them."""
        columns = self._columns[:1] if variant in SINGLE_STREAM else self._columns
        sizes = {"n_main": len(columns[0]), "n_other": sum(map(len, columns[1:]))}
        if not main_comes_first(columns):
            sizes["main_first"] = False
        return {
            "variant": variant,
            **sizes,
            "n_classes": len(self.classes_),
            "heads": heads,
        } | options

    def _train_one(self, data: Supervised, seed: int, recipe: Recipe, parent: Any = None) -> None:
        """Train the network of `recipe` on `_columns`, and keep it."""
        self._recipe = recipe
        bags = data.bags(self._columns, self._frames_per_clip)
        self._trained, net = self._train(recipe, bags, seed, parent)
        if net is not None:
            self._net = net

    def _resolve_columns(self, needed: tuple[str, ...]) -> list[NDArray[np.int64]]:
        names = getattr(self, "feature_names_in_", None)
        return list(resolve_streams(self.streams, needed, self.n_features_in_, names).values())

    def _over_blocks(self, clips: Clips, read: Callable[[Any], Any]) -> list[Any]:
        """Score block after block of videos, and keep of each only what `read` makes of it."""
        blocks = clips.blocks(_CLIPS_AT_ONCE * self._frames_per_clip)
        with advice.OneCall(clips.lengths):
            return [read(self._score(block)) for block in blocks]

    def _segments(self, clips: Clips, blocks: list[tuple[Array, Offsets]]) -> Segments:
        """Put what was found in consecutive blocks of `clips` into labels and seconds."""
        found = np.concatenate([segments for segments, _ in blocks])
        lengths = np.concatenate([np.diff(borders) for _, borders in blocks])
        video = np.repeat(np.arange(len(clips)), lengths)
        # the last clip of a video may have fewer rows than the others
        rows = np.minimum(found["end"] * self._frames_per_clip, clips.lengths[video])
        return Segments(
            offsets_from_lengths(lengths),
            self.classes_[found["label"]],
            clips.to_time(video, found["start"] * self._frames_per_clip),
            clips.to_time(video, rows),
            found["score"],
            clips.ids,
        )

    def _clip_by_clip(self, X: Any, read: Callable[[Any], Array]) -> Any:
        """Return what `read` makes of every clip: a list of arrays, or one array for 2-D X."""
        clips = self._check_use(X)
        values = np.concatenate(self._over_blocks(clips, read))
        if not is_ragged(X):
            return values
        n_clips = -(-clips.lengths // self._frames_per_clip)
        return np.split(values, np.cumsum(n_clips)[:-1])

    def _pool_all(self, clips: Clips) -> Array:
        return np.concatenate(self._over_blocks(clips, self._pool))

    def _score(self, clips: Clips) -> Any:
        """Score every clip with the network."""
        main_first = self._recipe.network.get("main_first", True)
        bags = Bags.of(clips, join_columns(self._columns, main_first), self._frames_per_clip)
        return Scored(*score_clips(self.net_, bags), bags.offsets)

    def _read(self, scored: Scored, cut: bool = True) -> tuple[Array, Array]:
        """Return the packed CAS and video-level scores; without `cut`, attention does not count."""
        scores = self._video_scores(self._pool(scored))
        allowed = allowed_classes(self.localize_classes, self.classes_)
        passing = cas.passing_classes(scores, self.video_threshold, allowed)
        active = self._active(scored) if cut else None
        advice.note_use(
            self, passing & (scores > self.video_threshold), passing, active, scored.offsets
        )
        clip_scores = self._clip_scores(scored)
        return cas.class_activation_sequence(clip_scores, passing, scored.offsets, active), scores

    def _find(self, scored: Scored) -> tuple[Array, Offsets]:
        """Select segments of all videos, in clips."""
        selection = self._default_selection() if self.selection is None else self.selection
        with_levels = getattr(selection, "needs_levels", False)
        sequence, scores = self._read(scored, cut=not with_levels)
        given: tuple[Any, ...] = (sequence, scored.offsets, scores)
        if with_levels:
            return selection.select_packed(*given, self._levels(scored))
        if not hasattr(selection, "select_packed"):  # it knows one video at a time
            return Selection.select_packed(selection, *given)
        return selection.select_packed(*given)

    def _evidence(self, scored: Scored) -> Array:
        """Return what is compared with the attention threshold, ``(n_clips, n_models, ...)``.

        One number a clip or, where attention is the largest class activation, one a class.
        """
        if self._recipe.heads.attention == "max":
            return scored.activations
        return scored.attention[..., None]

    def _levels(self, scored: Scored) -> Array:
        """Return the recorded quantile level that the evidence of every clip reaches."""
        models = self._attention_models
        curves = np.atleast_2d(self.attention_quantiles_)[models]
        return cas.quantile_level(self._evidence(scored)[:, models], curves)

    def _check_use(self, X: Any) -> Clips:
        check_is_fitted(self)
        self._check_use_parameters()
        return self._check_X(X, reset=False)

    def _check_X(self, X: Any, reset: bool) -> Clips:
        if is_ragged(X):
            clips = as_clips(X)
            validate_data(self, clips.head(), reset=reset, skip_check_array=True)
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
        return {k: v for k, v in state.items() if k not in ("_net", "_device", "_progress")}

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.three_d_array = True
        return tags
