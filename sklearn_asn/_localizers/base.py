"""What every localizer shares: the scikit-learn face over a plan, a model and readings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklearn_asn import _typing as types
from sklearn_asn._checks import add_new
from sklearn_asn._data.clips import Clips, is_ragged
from sklearn_asn._data.packed import Offsets, offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.supervision import (
    allowed_classes,
    check_inside,
    judged,
)
from sklearn_asn._data.targets import Targets, parse_beside
from sklearn_asn._doclink import DocumentedMixin, public
from sklearn_asn._localizers import advice, cas
from sklearn_asn._localizers.callback_parameters import CallbackParameters
from sklearn_asn._localizers.checking import check_beside, check_X
from sklearn_asn._localizers.choices import RemembersChoices
from sklearn_asn._localizers.finite import over_blocks
from sklearn_asn._localizers.fit import FitMixin
from sklearn_asn._localizers.model import Model, Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    check_parameters,
    check_unchanged,
    value_of,
)
from sklearn_asn._localizers.per_clip import PerClip
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.quantiles import RecordedQuantiles
from sklearn_asn._localizers.reading import Reading
from sklearn_asn._training.recipe import Plan, threshold_at
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.train import Machine
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.selection import NaiveSelection, Selection

Array = NDArray[Any]


def _joined(blocks: list[Array]) -> Array:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


class Cut(NamedTuple):
    """A class activation sequence, and what advice needs to know of it."""

    sequence: Array  # (n_clips, n_classes)
    note: advice.Note


#: What a fit reads off the data before anything is trained.
SEEN = ("n_features_in_", "feature_names_in_", "ragged_in_", "classes_", "labels_per_video_")


@public("sklearn_asn.methods")
class BaseLocalizer(  # type: ignore[call-arg]
    PerClip,
    FitMixin,
    CallbackParameters,
    RecordedQuantiles,
    DocumentedMixin,
    TransformerMixin,
    RemembersChoices,
    auto_wrap_output_keys=None,
):
    """Base of weakly-supervised localizers; subclass it for a method of your own.

    A subclass has an ``__init__`` that only assigns, and two methods: `_plan` says what is
    trained, `_read` what the trained network's scores mean. It then has fit, predict, transform,
    score and whatever else localizers have. What else it may say: its arguments' limits and
    stages (`_parameters`), its own selection (`_default_selection`), other ways to train
    (`_train`).

    See Also
    --------
    sklearn_asn.methods : What these two methods are made of.
    """

    #: Limits and stages of the constructor's arguments; see `sklearn_asn.methods.SHARED`.
    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED
    #: Whether `clips_per_video` is a sample of every video, not an upper limit.
    _samples_clips: ClassVar[bool] = True

    classes_: Array
    model_: Model
    n_features_in_: int
    ragged_in_: bool

    def __init_subclass__(cls, auto_wrap_output_keys: Any = None, **kwargs: Any) -> None:
        # the CAS of ragged videos is a list, which scikit-learn must not wrap into a frame
        super().__init_subclass__(auto_wrap_output_keys=auto_wrap_output_keys, **kwargs)

    # ------------------------------------------------------------------ what a method says

    @property
    def _rows_a_clip(self) -> int:
        """Return how many rows of X a clip will have."""
        return int(value_of(self, "frames_per_clip"))

    @property
    def _knows_background(self) -> bool:
        """Whether clips may show nothing: one class alone is enough then."""
        return False

    @abstractmethod
    def _plan(self, inputs: Inputs) -> Plan:
        """Return what is trained; it depends on parameters and `inputs` only."""

    @abstractmethod
    def _read(self, scored: Scored, curves: Array) -> Reading:
        """Return what the network's scores of some videos' clips mean.

        Parameters
        ----------
        scored : Scored
        curves : ndarray of shape (n_models, 101)
            Recorded quantiles of the attention.
        """

    def _default_selection(self) -> Any:
        """Return what makes segments where `selection` is None."""
        return NaiveSelection()

    def _train(self, plan: Plan, data: Supervised, seed: int, machine: Machine) -> Model:
        """Train a plan."""
        return self._train_from(None, plan, data, seed, machine)

    def _check_parameters(self) -> None:
        """Validate all constructor arguments; what several must have together goes here."""
        check_parameters(self)

    # ------------------------------------------------------------------ the face

    def predict(self, X: types.X) -> Segments:
        """Return scored segments of every video, in seconds (clips where X has no timing)."""
        clips = self._check_use(X)
        return self._segments(clips, self._over_blocks(clips, self._find))

    def predict_proba(self, X: types.X) -> Array:
        """Return video-level class probabilities ``(n_videos, n_classes)``."""
        clips = self._check_use(X)
        return np.concatenate(self._over_blocks(clips, lambda r, _: (r.probabilities, None)))

    def decision_function(self, X: types.X) -> Array:
        """Return video-level class activations ``(n_videos, n_classes)``.

        Of two streams, whose probabilities are averaged, the logarithm of these. Of two classes,
        as everywhere in scikit-learn, one number a video ``(n_videos,)``: by how much the second
        class is ahead of the first.
        """
        clips = self._check_use(X)
        values = np.concatenate(self._over_blocks(clips, lambda r, _: (r.decision, None)))
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def score(
        self, X: types.X, y: types.Y, sample_weight: types.OnePerVideo | None = None
    ) -> float:
        """Return localization mAP at tIoU 0.5, or mean video-level AP where y has labels only.

        **Labels cannot judge a quantile.** Where `y` holds segments, of all videos or of some, the
        score is `localization_map` (ActivityNet rule) of those that have them, and of no others.
        Where it holds labels only, it is the mean over classes of the average precision of
        `predict_proba`, into which `quantile`, `selection` and `video_threshold` do not enter: a
        search over these against labels alone picks one by chance. Such a search needs a few
        videos with segments: see `sklearn_asn.model_selection`.

        Parameters
        ----------
        X : as in `fit`
        y : as in `fit`
        sample_weight : array-like of shape (n_videos,), default=None

        Raises
        ------
        ValueError
            A segment lies wholly outside its video (which points to other units of time), or `X`
            and `y` know their ids and these differ.
        """
        clips = self._check_use(X)
        targets = self._check_y(y, clips)
        check_beside(clips, sample_weight=sample_weight)
        if clips.lengths.max() > 1:
            advice.warn_unseen_classes(targets.label, self.classes_)
        if not targets.has_times.any():
            self._warn_unjudged()
            return recognition_map(
                y, self.predict_proba(X), classes=self.classes_, sample_weight=sample_weight
            )
        check_inside(targets.timed_segments(), clips)
        X = clips if is_ragged(X) else X  # read already
        X, truth, sample_weight = judged(X, targets, sample_weight)
        return float(localization_map(truth, self.predict(X), sample_weight=sample_weight))

    @property
    def net_(self) -> Any:
        """The fitted skorch net, a live view of `model_`: what is loaded into it holds."""
        check_is_fitted(self)
        return self.model_.net(value_of(self, "device"), value_of(self, "compile"))

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One record an epoch."""
        check_is_fitted(self)
        return self.model_.history

    @property
    def n_iter_(self) -> int:
        """Epochs trained."""
        return len(self.history_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns of the CAS: the classes."""
        check_is_fitted(self)
        return np.asarray([str(c) for c in self.classes_], dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the CAS of ragged videos is a list, whatever is asked for."""
        return self

    # ------------------------------------------------------------------ from clips to segments

    def _reading(self, clips: Clips) -> Reading:
        """Score the clips of a block of videos, and read what that means."""
        model = self.model_
        scored = model.score(clips, value_of(self, "device"), value_of(self, "compile"))
        return self._read(scored, model.curves).take_models(self._counting)

    def _cut(self, reading: Reading, by_attention: bool = True) -> Cut:
        """Cut the CAS out of a reading: classes by video scores, clips by attention."""
        scores, threshold = reading.video_scores, value_of(self, "video_threshold")
        allowed = allowed_classes(value_of(self, "localize_classes"), self.classes_)
        passing = cas.passing_classes(
            scores, threshold, allowed, value_of(self, "when_none_passes") == "best"
        )
        quantile = getattr(self, "quantile", None)
        active = reading.active(quantile) if by_attention and quantile is not None else None
        note = advice.note_of(
            self, passing & (scores > threshold), passing, active, reading.offsets
        )
        sequence = cas.class_activation_sequence(
            reading.clip_scores, passing, reading.offsets, active
        )
        return Cut(sequence, note)

    def _find(
        self, reading: Reading, clips: Clips
    ) -> tuple[tuple[Array, Offsets], advice.Note | None]:
        """Select segments of a block of videos, in clips."""
        selection = value_of(self, "selection")
        if selection is None:
            selection = self._default_selection()
        by_level = getattr(selection, "needs_levels", False)
        by_reading = getattr(selection, "needs_reading", False)
        uncut = by_level or by_reading or getattr(selection, "uncut", False)
        sequence, note = self._cut(reading, by_attention=not uncut)
        given: list[Any] = [sequence, reading.offsets, reading.video_scores]
        if by_level:
            given.append(reading.level())
        if by_reading:
            given.append(reading)
        if not hasattr(selection, "select_packed"):  # it knows one video at a time
            return Selection.select_packed(selection, *given), note
        return selection.select_packed(*given), note

    def _limit(self) -> float | None:
        """Return what `attention` is compared with, on its own scale; None: with nothing."""
        quantile = getattr(self, "quantile", None)
        if quantile is None:
            return None
        thresholds = threshold_at(self.model_.curves, quantile)[self._counting]
        return float(thresholds[0]) if len(thresholds) == 1 else 1.0

    @property
    def _counting(self) -> Any:
        """Index of the models whose attention counts."""
        return slice(None)

    def _shown_attention(self, reading: Reading) -> Array:
        quantile = getattr(self, "quantile", None)
        if quantile is None or reading.attention.shape[1] == 1:
            return reading.attention.mean(axis=1)
        return reading.relative(reading.attention, quantile)

    def _over_blocks(
        self, clips: Clips, read: Callable[[Reading, Clips], tuple[Any, advice.Note | None]]
    ) -> list[Any]:
        """Score block after block of videos, and keep of each only what `read` makes of it."""
        rows_a_clip = self.model_.plan.frames_per_clip
        read_blocks = over_blocks(clips, rows_a_clip, lambda b: read(self._reading(b), b))
        results = [result for result, _ in read_blocks]
        notes = [note for _, note in read_blocks if note is not None]
        if clips.lengths.max() > 1:
            advice.warn_of_use(notes)
        return results

    def _segments(self, clips: Clips, blocks: list[tuple[Array, Offsets]]) -> Segments:
        """Put what was found in consecutive blocks of `clips` into labels and seconds."""
        found = _joined([segments for segments, _ in blocks])
        lengths = _joined([borders[1:] - borders[:-1] for _, borders in blocks])
        video = np.repeat(np.arange(len(clips)), lengths)
        rows_a_clip = self.model_.plan.frames_per_clip
        # the last clip of a video may have fewer rows than the others
        stop = np.minimum(found["end"] * rows_a_clip, clips.lengths[video])
        return Segments(
            offsets_from_lengths(lengths),
            self.classes_[found["label"]],
            clips.to_time(video, found["start"] * rows_a_clip),
            clips.to_time(video, stop),
            found["score"],
            clips.ids,
        )

    # ------------------------------------------------------------------ checks

    def _check_use(self, X: Any) -> Clips:
        check_is_fitted(self)
        self._check_held()
        return self._check_X(X, reset=False)

    def _check_held(self) -> None:
        """Check parameters of use, and that those of training are those of the model."""
        check_parameters(self, "use")
        check_unchanged(self, self.model_.trained_with)

    def _check_X(self, X: Any, reset: bool, trains: bool = False) -> Clips:
        return check_X(self, X, reset, trains)

    def _check_y(self, y: Any, clips: Clips) -> Targets:
        return parse_beside(y, len(clips), clips)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        add_new(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.three_d_array = True
        return tags
