"""W-TALC (Paul et al., ECCV 2018): top-k pooling, co-activity loss, midrange detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from sklearn_asn._data.columns import SINGLE, STREAMS
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.model import Scored
from sklearn_asn._localizers.parameters import (
    LARGEST,
    SHARED,
    Parameter,
    choice,
    count,
    number,
    train,
    use,
)
from sklearn_asn._localizers.planning import Inputs, plan_of
from sklearn_asn._localizers.reading import Reading, read_models
from sklearn_asn._training.criteria import CoActivity
from sklearn_asn._training.network import Heads
from sklearn_asn._training.recipe import Plan
from sklearn_asn._typing import FusionVariant, SupportsSelect
from sklearn_asn.selection import RelativeThresholdSelection


class WTALC(BaseLocalizer):
    """W-TALC: a hidden layer over both streams, top-k pooling, and a co-activity loss.

    Unlike the released code, a class without predictions counts 0 in the metrics instead of
    making the whole mAP 0, both pooling sizes are rounded up, all pairs of videos that share a
    class enter the co-activity loss (not three a batch), and longer videos are sampled, not cut.

    Parameters
    ----------
    hidden_size : int, default=2048
        Units of the layer before classification.
    topk_divisor : int, default=8
        One in so many clips is averaged, rounded up.
    co_activity : float in [0, 1], default=0.5
        Share of the co-activity loss; the rest is cross-entropy.
    margin : float, default=0.5
        Its margin, in cosine distance.
    variant : {"fusion", "temporal", "spatial", "single"}, default="fusion"
        What the hidden layer reads: both streams, one of them, or all columns as one stream.
    streams : dict, default=None
        Columns of each stream, as in `ASNLocalizer`.
    clips_per_video : int or None, default=750
        Random clips of a longer video in a training step; None takes all.
    frames_per_clip, frames_sampled : int
        Rows of X that make a clip, and how many of them a training step averages.
    dropout : float, default=0.7
        After the hidden layer.
    hide_probability, hide_clips
        Hide-and-Seek in training, as in `ASNLocalizer`.
    video_threshold : float, default=0.0
        Classes are localized whose pooled *activation* is above it; where none is, the best one.
    localize_classes : sequence of labels, default=None
        Classes to localize; None: all.
    selection : estimator, default=None
        None is W-TALC's own: clips above the middle of a class's range in the video, runs of at
        least two, scored by their maximum plus 0.7 times the pooled activation.
    max_epochs : int, default=500
    batch_size : int, default=10
    lr : float, default=1e-4
    weight_decay : float, default=5e-4
        Of Adam.
    trimmed_batch_size, gradient_clip, device, callbacks, memory, random_state, verbose
        As in `ASNLocalizer`.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_iter_, net_, history_
        As in `ASNLocalizer`.
    quantile_levels_, attention_quantiles_ : ndarray
        Running quantiles of raw attention, which `MultiQuantileSelection` reads.

    References
    ----------
    S. Paul, S. Roy, A. Roy-Chowdhury, "W-TALC: Weakly-supervised Temporal Activity Localization
    and Classification", ECCV 2018.

    Examples
    --------
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.rivals import WTALC
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> WTALC(hidden_size=32, max_epochs=2, random_state=0).fit(X, y).predict(X).shape
    (20,)
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED | {
        "hidden_size": train(count),
        "topk_divisor": train(count),
        "co_activity": train(number(0, 1)),
        "margin": train(number(0, LARGEST)),
        "variant": train(choice("fusion", *STREAMS, SINGLE)),
        "video_threshold": use(number()),
    }
    _samples_clips = False
    _own_variant: ClassVar[str] = "fusion"  # which messages need not name

    def __init__(
        self,
        hidden_size: int = 2048,
        *,
        topk_divisor: int = 8,
        co_activity: float = 0.5,
        margin: float = 0.5,
        variant: FusionVariant = "fusion",
        streams: Any = None,
        clips_per_video: int | None = 750,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        dropout: float = 0.7,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        video_threshold: float = 0.0,
        localize_classes: Any = None,
        selection: SupportsSelect | None = None,
        max_epochs: int = 500,
        batch_size: int = 10,
        trimmed_batch_size: int = 8192,
        lr: float = 1e-4,
        weight_decay: float = 5e-4,
        gradient_clip: float | None = None,
        device: str = "auto",
        callbacks: Any = None,
        memory: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_size = hidden_size
        self.topk_divisor = topk_divisor
        self.co_activity = co_activity
        self.margin = margin
        self.variant = variant
        self.streams = streams
        self.clips_per_video = clips_per_video
        self.frames_per_clip = frames_per_clip
        self.frames_sampled = frames_sampled
        self.dropout = dropout
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.video_threshold = video_threshold
        self.localize_classes = localize_classes
        self.selection = selection
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.device = device
        self.callbacks = callbacks
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    def _plan(self, inputs: Inputs) -> Plan:
        heads = Heads(
            dropout=self.dropout,
            hidden_size=self.hidden_size,
            attention="max",
            give_features=True,
        )
        options = {
            "topk_divisor": self.topk_divisor,
            "co_activity": self.co_activity,
            "margin": self.margin,
        }
        return plan_of(self, inputs, self.variant, heads, CoActivity, options, optimizer="adam")

    def _read(self, scored: Scored, curves: NDArray[Any]) -> Reading:
        """Take activations, not probabilities: the CAS of W-TALC has either sign."""
        pooled = cas.pool_top(scored.activations, scored.offsets, self.topk_divisor)
        return read_models(
            scored,
            curves,
            clip_scores=scored.activations[:, 0],
            probabilities=cas.video_scores(pooled),
            video_scores=pooled[:, 0],
            decision=pooled[:, 0],
            by_class=True,
        )

    def _default_selection(self) -> Any:
        return RelativeThresholdSelection(
            level=0.5, floor="minimum", min_length=2, run_score="max", video_weight=0.7
        )
