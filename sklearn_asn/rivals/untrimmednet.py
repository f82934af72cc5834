"""UntrimmedNet (Wang et al., CVPR 2017): soft or hard clip selection, half-maximum detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from sklearn_asn._data.columns import SINGLE, STREAMS
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.heads import GivenHeads
from sklearn_asn._localizers.model import Scored
from sklearn_asn._localizers.parameters import (
    SHARED,
    Parameter,
    choice,
    number,
    optional,
    train,
    use,
)
from sklearn_asn._localizers.planning import Inputs, plan_of
from sklearn_asn._localizers.quantiles import Thresholds
from sklearn_asn._localizers.reading import Reading, read_models
from sklearn_asn._training.criteria import MixtureCrossEntropy, PooledCrossEntropy
from sklearn_asn._training.network import Heads
from sklearn_asn._training.recipe import Plan
from sklearn_asn._typing import (
    AttentionScale,
    ClipSelection,
    QuantileVideos,
    SupportsSelect,
    TwoStreamVariant,
)
from sklearn_asn.selection import NaiveSelection, RelativeThresholdSelection

HARD_DIVISOR = 7 / 3  # 3 of the 7 clips


class UntrimmedNet(GivenHeads, Thresholds, BaseLocalizer):
    """UntrimmedNet on clip features: the system whose features the paper builds on.

    Streams are trained apart and their class probabilities averaged. Detection does not use
    attention (unless a `quantile` is given): clips whose smoothed probability of a class is above
    half of its maximum in the video are activated.

    Parameters
    ----------
    variant : {"two-stream", "temporal", "spatial", "single"}, default="two-stream"
    clip_selection : {"soft", "hard"}, default="soft"
        ``"soft"``: probabilities of clips are averaged with softmax attention. ``"hard"``: of
        each class the best three of seven clips are averaged (as activations).
    streams : dict, default=None
        Columns of each stream, as in `ASNLocalizer`.
    clips_per_video : int or None, default=7
        Random clips of an untrimmed video in a training step; None takes all.
    frames_per_clip, frames_sampled : int
        Rows of X that make a clip, and how many of them a training step averages.
    training_window : int, default=None
        Rows that make a clip while training, as in `ASNLocalizer`; UntrimmedNet's are 20 rows of
        15 frames, of which it samples three. None: `frames_per_clip`.
    dropout : float, default=0.8
        Before both heads.
    hide_probability, hide_clips
        Hide-and-Seek in training, as in `ASNLocalizer`.
    attention_softening : float, default=3.0
        Attention is divided by it for video-level scores.
    video_threshold : float, default=0.1
        Classes whose video-level probability is not above it are not localized; where none is,
        the best class is.
    localize_classes : sequence of labels, default=None
        Classes to localize; None: all.
    quantile : float in [0, 1] or None, default=None
        Cut by attention as `ASNLocalizer` does: the paper's criterion on UntrimmedNet, as in its
        Figure 5 and the "pretrained" rows of its Table 1. None: attention does not count.
    attention_scale : {"spread", "threshold"}, default="spread"
        For a `quantile` and two streams, as in `ASNLocalizer`.
    quantile_videos : {"untrimmed", "all"}, default="untrimmed"
        As in `ASNLocalizer`.
    selection : estimator, default=None
        None is ``RelativeThresholdSelection(level=0.5, smoothing=True)``, UntrimmedNet's own; with
        a `quantile`, ``NaiveSelection()``.
    max_epochs, batch_size, lr, lr_milestones, momentum, weight_decay
        Stochastic gradient descent as in `ASNLocalizer`. (The published values fine-tune a whole
        network on images.)
    trimmed_batch_size, gradient_clip, device, callbacks, memory, random_state, verbose
        As in `ASNLocalizer`.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_iter_, net_, history_
        As in `ASNLocalizer`.
    quantile_levels_, attention_quantiles_ : ndarray
        Recorded quantiles of raw attention, which `MultiQuantileSelection` reads.
    threshold_ : float, or ndarray of shape (2,) for two-stream
        Their value at `quantile`, where there is one.

    References
    ----------
    L. Wang, Y. Xiong, D. Lin, L. Van Gool, "UntrimmedNets for Weakly Supervised Action
    Recognition and Detection", CVPR 2017.

    Examples
    --------
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.rivals import UntrimmedNet
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> UntrimmedNet("temporal", batch_size=5, max_epochs=2).fit(X, y).predict(X).shape
    (20,)
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED | {
        "variant": train(choice("two-stream", *STREAMS, SINGLE)),
        "clip_selection": train(choice("soft", "hard")),
        "quantile": use(optional(number(0, 1))),
        "attention_scale": use(choice("spread", "threshold")),
    }

    def __init__(
        self,
        variant: TwoStreamVariant = "two-stream",
        *,
        clip_selection: ClipSelection = "soft",
        streams: Any = None,
        clips_per_video: int | None = 7,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        training_window: int | None = None,
        dropout: float = 0.8,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        attention_softening: float = 3.0,
        video_threshold: float = 0.1,
        localize_classes: Any = None,
        quantile: float | None = None,
        attention_scale: AttentionScale = "spread",
        quantile_videos: QuantileVideos = "untrimmed",
        selection: SupportsSelect | None = None,
        max_epochs: int = 80,
        batch_size: int = 512,
        trimmed_batch_size: int = 8192,
        lr: float = 0.1,
        lr_milestones: Any = (0.5, 0.75),
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        gradient_clip: float | None = 1.0,
        device: str = "auto",
        callbacks: Any = None,
        memory: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.variant = variant
        self.clip_selection = clip_selection
        self.streams = streams
        self.clips_per_video = clips_per_video
        self.frames_per_clip = frames_per_clip
        self.frames_sampled = frames_sampled
        self.training_window = training_window
        self.dropout = dropout
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.attention_softening = attention_softening
        self.video_threshold = video_threshold
        self.localize_classes = localize_classes
        self.quantile = quantile
        self.attention_scale = attention_scale
        self.quantile_videos = quantile_videos
        self.selection = selection
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.lr = lr
        self.lr_milestones = lr_milestones
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.device = device
        self.callbacks = callbacks
        self.memory = memory
        self.random_state = random_state
        self.verbose = verbose

    def _plan(self, inputs: Inputs) -> Plan:
        soft = self.clip_selection == "soft"
        attention = "linear" if soft else "max"
        heads = Heads(dropout=self.dropout, attention=attention, attention_dropout=True)
        if soft:
            return plan_of(self, inputs, self.variant, heads, MixtureCrossEntropy)
        options = {"pooling": "topk", "topk_divisor": HARD_DIVISOR}
        return plan_of(self, inputs, self.variant, heads, PooledCrossEntropy, options)

    def _read(self, scored: Scored, curves: NDArray[Any]) -> Reading:
        hard = self.clip_selection == "hard"
        if hard:
            pooled = cas.pool_top(scored.activations, scored.offsets, HARD_DIVISOR)
        else:
            pooled = cas.pool_videos(*scored, self.attention_softening)
        return read_models(
            scored,
            curves,
            clip_scores=cas.over_models(cas.softmax(scored.activations)),
            probabilities=cas.video_scores(pooled),
            decision=pooled[:, 0] if pooled.shape[1] == 1 else None,
            by_class=hard,
            scale=self.attention_scale,
        )

    def _default_selection(self) -> Any:
        if self.quantile is not None:
            return NaiveSelection()
        return RelativeThresholdSelection(level=0.5, smoothing=True)
