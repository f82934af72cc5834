"""W-TALC (Paul et al., ECCV 2018): top-k pooling, co-activity loss, midrange detection."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sklearn_asn._checks import check_number
from sklearn_asn._data.columns import streams_of
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.base import BaseLocalizer, Scored
from sklearn_asn._localizers.parameters import check_selection
from sklearn_asn._training.criteria import CoActivity
from sklearn_asn._training.network import Heads
from sklearn_asn._training.supervised import Supervised
from sklearn_asn.selection import RelativeThresholdSelection


class WTALC(BaseLocalizer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
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

    def __init__(
        self,
        hidden_size: int = 2048,
        *,
        topk_divisor: int = 8,
        co_activity: float = 0.5,
        margin: float = 0.5,
        streams: Any = None,
        clips_per_video: int | None = 750,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        dropout: float = 0.7,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        video_threshold: float = 0.0,
        localize_classes: Any = None,
        selection: Any = None,
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

    _samples_clips = False

    def _train_all(self, data: Supervised, seed: int) -> None:
        self._columns = self._resolve_columns(streams_of("fusion", "temporal"))
        heads = Heads(
            dropout=self.dropout,
            context_size=self.hidden_size,
            attention="max",
            give_features=True,
        )
        network = self._network("fusion", heads)
        options = {
            "topk_divisor": self.topk_divisor,
            "co_activity": self.co_activity,
            "margin": self.margin,
        }
        self._train_one(data, seed, self._make_recipe(network, CoActivity, "adam", **options))

    def _pool(self, scored: Scored) -> NDArray[Any]:
        divisor = self._recipe.criterion_options["topk_divisor"]
        return cas.pool_top(scored.activations, scored.offsets, divisor)

    def _video_scores(self, pooled: NDArray[Any]) -> NDArray[Any]:
        return pooled[:, 0]

    def _clip_scores(self, scored: Scored) -> NDArray[Any]:
        """Return activations, not probabilities: the CAS of W-TALC has either sign."""
        return scored.activations[:, 0]

    def _default_selection(self) -> Any:
        return RelativeThresholdSelection(
            level=0.5, floor="minimum", min_length=2, run_score="max", video_weight=0.7
        )

    def _check_use_parameters(self) -> None:
        check_number(self.video_threshold, "video_threshold")
        check_selection(self.selection)
