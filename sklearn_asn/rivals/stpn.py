"""STPN (Nguyen et al., CVPR 2018): sigmoid attention, sparsity, and T-CAM of two streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray
from scipy.special import expit

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
from sklearn_asn._training.criteria import SparseSigmoid
from sklearn_asn._training.network import Heads
from sklearn_asn._training.recipe import Plan
from sklearn_asn._typing import SupportsSelect, TwoStreamVariant
from sklearn_asn.selection import TCAMSelection


class STPN(BaseLocalizer):
    """Sparse Temporal Pooling Network: sigmoid attention, trained to be sparse.

    Streams are trained apart. Each proposes segments where its attention times its class
    probability (the weighted T-CAM, interpolated in time) is above a threshold; they are scored
    with both streams' class activations and merged by non-maximum suppression.

    Parameters
    ----------
    variant : {"two-stream", "temporal", "spatial", "single"}, default="two-stream"
    attention_size : int, default=256
        Units of the attention module's hidden layer.
    sparsity : float, default=1e-4
        Weight of the attention's L1 norm (beta).
    streams : dict, default=None
        Columns of each stream, as in `ASNLocalizer`.
    clips_per_video : int or None, default=400
        Random clips of a longer video in a training step; None takes all.
    frames_per_clip, frames_sampled : int
        Rows of X that make a clip, and how many of them a training step averages.
    dropout : float, default=0.0
        Before classification.
    hide_probability, hide_clips
        Hide-and-Seek in training, as in `ASNLocalizer`.
    video_threshold : float, default=0.1
        Classes whose sigmoid video-level score is not above it are not localized; where none is,
        the best class is.
    activation_threshold : float, default=0.05
        Of the weighted T-CAM.
    interpolation : int, default=24
        Points a clip is interpolated to.
    nms_threshold : float, default=0.5
        Largest tIoU of two segments of one class and video.
    localize_classes : sequence of labels, default=None
        Classes to localize; None: all.
    selection : estimator, default=None
        None is STPN's own, as above; another reads the CAS, the mean of both streams' weighted
        T-CAM.
    max_epochs : int, default=700
    batch_size : int, default=6
    lr : float, default=1e-4
    weight_decay : float, default=0.0
        Of Adam.
    trimmed_batch_size, gradient_clip, device, callbacks, memory, random_state, verbose
        As in `ASNLocalizer`.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_iter_, net_, history_
        As in `ASNLocalizer`.
    quantile_levels_, attention_quantiles_ : ndarray
        Running quantiles of raw attention, which `MultiQuantileSelection` reads.

    Notes
    -----
    The classification layer has a bias, which attention weights like the rest, so that a video's
    activation is the mean of its clips' weighted ones.

    References
    ----------
    P. Nguyen, T. Liu, G. Prasad, B. Han, "Weakly Supervised Action Localization by Sparse
    Temporal Pooling Network", CVPR 2018.

    Examples
    --------
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.rivals import STPN
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> STPN("temporal", max_epochs=2, random_state=0).fit(X, y).predict(X).shape
    (20,)
    """

    _parameters: ClassVar[Mapping[str, Parameter]] = SHARED | {
        "variant": train(choice("two-stream", *STREAMS, SINGLE)),
        "attention_size": train(count),
        "sparsity": train(number(0, LARGEST)),
        "activation_threshold": use(number(0, 1)),
        "interpolation": use(count),
        "nms_threshold": use(number(0, 1)),
    }
    _samples_clips = False

    def __init__(
        self,
        variant: TwoStreamVariant = "two-stream",
        *,
        attention_size: int = 256,
        sparsity: float = 1e-4,
        streams: Any = None,
        clips_per_video: int | None = 400,
        frames_per_clip: int = 1,
        frames_sampled: int = 3,
        dropout: float = 0.0,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        video_threshold: float = 0.1,
        activation_threshold: float = 0.05,
        interpolation: int = 24,
        nms_threshold: float = 0.5,
        localize_classes: Any = None,
        selection: SupportsSelect | None = None,
        max_epochs: int = 700,
        batch_size: int = 6,
        trimmed_batch_size: int = 8192,
        lr: float = 1e-4,
        weight_decay: float = 0.0,
        gradient_clip: float | None = None,
        device: str = "auto",
        callbacks: Any = None,
        memory: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.variant = variant
        self.attention_size = attention_size
        self.sparsity = sparsity
        self.streams = streams
        self.clips_per_video = clips_per_video
        self.frames_per_clip = frames_per_clip
        self.frames_sampled = frames_sampled
        self.dropout = dropout
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.video_threshold = video_threshold
        self.activation_threshold = activation_threshold
        self.interpolation = interpolation
        self.nms_threshold = nms_threshold
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
        size = self.attention_size
        heads = Heads(dropout=self.dropout, attention="mlp", attention_size=size)
        options = {"sparsity": self.sparsity}
        return plan_of(self, inputs, self.variant, heads, SparseSigmoid, options, optimizer="adam")

    def _read(self, scored: Scored, curves: NDArray[Any]) -> Reading:
        pooled = cas.pool_gated(*scored)
        gate = expit(scored.attention)[..., None]
        return read_models(
            scored,
            curves,
            clip_scores=cas.over_models(gate * expit(scored.activations)),
            probabilities=cas.over_models(expit(pooled)),
            decision=pooled[:, 0] if pooled.shape[1] == 1 else None,
        )

    def _default_selection(self) -> Any:
        return TCAMSelection(self.activation_threshold, self.interpolation, self.nms_threshold)
