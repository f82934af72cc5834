"""`Reading`: what a method reads out of the network's scores of clips, as a value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sklearn_asn._data.packed import Offsets
from sklearn_asn._doclink import public
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.model import Scored
from sklearn_asn._training.recipe import check_recorded, threshold_at

Array = NDArray[Any]


@public("sklearn_asn.methods")
class Reading(NamedTuple):
    """What a method says of the clips of some videos, one video after another.

    Parameters
    ----------
    offsets : ndarray of shape (n_videos + 1,)
        Borders of the videos, in clips.
    clip_scores : ndarray of shape (n_clips, n_classes)
        Of which the CAS is cut out.
    video_scores : ndarray of shape (n_videos, n_classes)
        Compared with `video_threshold`, and added by a selection.
    probabilities, decision : ndarray of shape (n_videos, n_classes)
        What `predict_proba` and `decision_function` give.
    activations : ndarray of shape (n_clips, n_models, n_classes)
    attention : ndarray of shape (n_clips, n_models)
        Raw attention.
    evidence : ndarray of shape (n_clips, n_models, 1 or n_classes)
        What is compared with a quantile.
    curves : ndarray of shape (n_models, 101)
        Recorded quantiles of the attention, of every model of `evidence`.
    scale : {"spread", "threshold"}, default="spread"
        Of several models: the unit that each one's distance from its threshold is measured in.
    """

    offsets: Offsets
    clip_scores: Array
    video_scores: Array
    probabilities: Array
    decision: Array
    activations: Array
    attention: Array
    evidence: Array
    curves: Array
    scale: str = "spread"

    def threshold(self, quantile: float) -> Array:
        """Return the attention at a quantile, one value a model."""
        return threshold_at(self.curves, quantile)

    def active(self, quantile: float) -> NDArray[np.bool_]:
        """Tell where evidence reaches its quantile (section 3.2), ``(n_clips, 1 or n_classes)``."""
        threshold = self.threshold(quantile)
        if len(threshold) == 1:
            return self.evidence[:, 0] >= threshold[0]
        return self.relative(np.moveaxis(self.evidence, 1, -1), quantile) >= 1

    def relative(self, values: Array, quantile: float) -> Array:
        """Return the mean over models, the last axis, each relative to its threshold: 1 is it."""
        threshold = self.threshold(quantile)
        scale = cas.attention_scale(self.curves, threshold, self.scale)
        return cas.relative_attention(values, threshold, scale)

    def level(self) -> Array:
        """Return the recorded quantile level that every clip's evidence reaches."""
        check_recorded(self.curves)
        return cas.quantile_level(self.evidence, self.curves)

    def take_models(self, models: Any) -> Reading:
        """Let the attention of some models alone count."""
        return self._replace(
            attention=self.attention[:, models],
            evidence=self.evidence[:, models],
            curves=self.curves[models],
        )


def read_models(
    scored: Scored,
    curves: Array,
    *,
    clip_scores: Array,
    probabilities: Array,
    video_scores: Array | None = None,
    decision: Array | None = None,
    by_class: bool = False,
    scale: str = "spread",
) -> Reading:
    """Put a method's numbers beside what the network says.

    Parameters
    ----------
    scored : Scored
        The network's own numbers.
    curves : ndarray of shape (n_models, 101)
        Recorded quantiles.
    clip_scores, probabilities : ndarray
        See `Reading`.
    video_scores : ndarray of shape (n_videos, n_classes), default=None
        None: `probabilities`.
    decision : ndarray of shape (n_videos, n_classes), default=None
        None: the logarithm of `probabilities`.
    by_class : bool, default=False
        Compare every class's activation with the quantile by itself, not one attention a clip.
    scale : {"spread", "threshold"}, default="spread"
        See `Reading`.

    Returns
    -------
    Reading
    """
    if decision is None:
        decision = np.log(np.maximum(probabilities, np.finfo(probabilities.dtype).tiny))
    return Reading(
        offsets=scored.offsets,
        clip_scores=clip_scores,
        video_scores=probabilities if video_scores is None else video_scores,
        probabilities=probabilities,
        decision=decision,
        activations=scored.activations,
        attention=scored.attention,
        evidence=scored.activations if by_class else scored.attention[..., None],
        curves=curves,
        scale=scale,
    )


def read_probabilities(
    scored: Scored, curves: Array, topk_divisor: float, one_class: bool, scale: str = "spread"
) -> Reading:
    """Read a network with a background: what each clip shows, and what the video does.

    Parameters
    ----------
    scored : Scored
        Whose attention is the log-odds of not being background.
    curves : ndarray of shape (n_models, 101)
    topk_divisor : float
        One in so many clips is averaged, rounded up.
    one_class : bool
        Whether a clip shows one class (softmax) or any number (sigmoid).
    scale : {"spread", "threshold"}, default="spread"
        See `Reading`.
    """
    p = clip_probabilities(scored, one_class)
    video = cas.pool_top(p[:, None], scored.offsets, topk_divisor)[:, 0]
    inside = np.clip(video, 1e-7, 1 - 1e-7)
    return read_models(
        scored,
        curves,
        clip_scores=p,
        probabilities=video,
        decision=np.log(inside) - np.log1p(-inside),
        scale=scale,
    )


def clip_probabilities(scored: Scored, one_class: bool) -> Array:
    """Return what every clip shows, ``(n_clips, n_classes)``, a mean over the models."""
    if not one_class:
        return cas.over_models(expit(scored.activations))
    return cas.over_models(cas.softmax(scored.activations) * expit(scored.attention)[..., None])
