"""From clip scores to the class activation sequence (CAS): sections 3.3 and 4.3, pure arrays.

Clips of all videos stand one after another; `offsets` borders the videos. The models axis has one
entry, or two for the two-stream variant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sklearn_asn._data.packed import Offsets

Array = NDArray[np.floating[Any]]

FLAT = 1e-6  # of attention's size: what quantiles may differ by and still be equal
_FEW = 16  # videos whose clips are ranked video by video, not class by class


def softmax(logits: Array) -> Array:
    """Softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def over_models(values: Array) -> Array:
    """Average over the models, the second axis, of which there mostly is one."""
    mean: Array = values[:, 0] if values.shape[1] == 1 else values.mean(axis=1)
    return mean


def for_clips(of_videos: NDArray[Any], offsets: Offsets) -> NDArray[Any]:
    """Repeat what a video has for each of its clips; of one video, it broadcasts as it is."""
    if len(of_videos) == 1:
        return of_videos
    return np.repeat(of_videos, offsets[1:] - offsets[:-1], axis=0)


def pool_videos(activations: Array, attention: Array, offsets: Offsets, softening: float) -> Array:
    """Average clip activations of every video, weighted by the softmax of softened attention.

    Parameters
    ----------
    activations : ndarray of shape (n_clips, n_models, n_classes)
    attention : ndarray of shape (n_clips, n_models)
    offsets : ndarray of shape (n_videos + 1,)
    softening : float
        Attention is divided by it first (3 in the paper's section 3.3).

    Returns
    -------
    ndarray of shape (n_videos, n_models, n_classes)
        Video-level class activations (logits).
    """
    first = offsets[:-1]
    soft = attention / softening
    share = np.exp(soft - for_clips(np.maximum.reduceat(soft, first), offsets))
    share /= for_clips(np.add.reduceat(share, first), offsets)
    return np.add.reduceat(share[..., None] * activations, first)


def pool_top(activations: Array, offsets: Offsets, divisor: float) -> Array:
    """Average the highest ``ceil(n_clips / divisor)`` activations of each class of each video.

    W-TALC's pooling, not the paper's. Shapes as in `pool_videos`.
    """
    n_clips = offsets[1:] - offsets[:-1]
    count = np.maximum(np.ceil(n_clips / divisor - 1e-9), 1).astype(np.int64)
    if len(count) < _FEW:
        return _pool_top_of_few(activations, offsets, count)
    video = np.repeat(np.arange(len(n_clips)), n_clips)
    rank = np.arange(offsets[-1]) - np.repeat(offsets[:-1], n_clips)
    chosen = np.flatnonzero(rank < np.repeat(count, n_clips))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    columns = activations.reshape(len(activations), -1)
    total = np.empty((len(n_clips), columns.shape[1]), dtype=np.float64)
    for c in range(columns.shape[1]):
        ranked = columns[np.lexsort((-columns[:, c], video)), c]
        total[:, c] = np.add.reduceat(ranked[chosen], first, dtype=np.float64)
    pooled = (total / count[:, None]).astype(activations.dtype)
    return pooled.reshape(-1, *activations.shape[1:])


def _pool_top_of_few(activations: Array, offsets: Offsets, count: NDArray[np.int64]) -> Array:
    """Do the same video by video, all columns at once: the same numbers, sooner."""
    columns = activations.reshape(len(activations), -1).T
    pooled = np.empty((len(count), *activations.shape[1:]), dtype=activations.dtype)
    for video, n in enumerate(count.tolist()):
        ranked = np.sort(columns[:, offsets[video] : offsets[video + 1]], axis=1)[:, : -n - 1 : -1]
        first = np.arange(len(ranked)) * n
        total = np.add.reduceat(ranked.ravel(), first, dtype=np.float64)
        pooled[video] = (total / n).reshape(activations.shape[1:])
    return pooled


def pool_gated(activations: Array, attention: Array, offsets: Offsets) -> Array:
    """Average activations times ``sigmoid(attention)`` over every video (STPN). Shapes as above."""
    total = np.add.reduceat(expit(attention)[..., None] * activations, offsets[:-1])
    return total / (offsets[1:] - offsets[:-1])[:, None, None]


def video_scores(pooled: Array) -> Array:
    """Return video-level probabilities ``(n_videos, n_classes)``, averaged over the models."""
    return over_models(softmax(pooled))


def attention_scale(curves: Array, threshold: Array, scale: str = "spread") -> Array:
    """Return the unit that each model's attention is measured in, above or below its threshold.

    Parameters
    ----------
    curves : ndarray of shape (n_models, n_levels)
        Recorded quantiles.
    threshold : ndarray of shape (n_models,)
    scale : {"spread", "threshold"}
        ``"spread"``: from the recorded quarter to the three quarters; where these are the same,
        from the least to the largest; infinite where all are, so that such a model has no say.
        ``"threshold"``: the size of the threshold (the paper's quotient).
    """
    if scale == "threshold":
        size: Array = np.maximum(np.abs(threshold), np.finfo(np.float32).tiny)
        return size
    levels = np.arange(curves.shape[1]) / (curves.shape[1] - 1)
    quarters = [np.interp((0.25, 0.75), levels, curve) for curve in curves]
    flat = FLAT * np.maximum(np.abs(curves).max(axis=1), 1)
    inner, whole = np.ptp(quarters, axis=1), np.ptp(curves, axis=1)
    spread: Array = np.where(inner > flat, inner, np.where(whole > flat, whole, np.inf))
    return spread


def relative_attention(attention: Array, threshold: Array, scale: Array | None = None) -> Array:
    """Normalise attention by each model's own threshold and average: active from 1 on.

    Each model counts ``1 + (a - q) / scale``. With the threshold's size as scale (None), and a
    positive threshold, this is the paper's quotient ``a / q``. But raw attention has no zero (the
    softmax over clips does not see a shift of it), and a threshold near 0 lets one model decide
    alone: see `attention_scale`.

    Examples
    --------
    >>> relative_attention(np.array([[4.0, 1.0]]), np.array([2.0, 4.0]))
    array([1.125])
    """
    if scale is None:
        scale = np.maximum(np.abs(threshold), np.finfo(np.float32).tiny)
    return (1 + (attention - threshold) / scale).mean(axis=-1)


def quantile_level(evidence: Array, curves: Array) -> NDArray[np.float64]:
    """Return the highest percent whose recorded quantile evidence reaches, averaged over models.

    Parameters
    ----------
    evidence : ndarray of shape (n_clips, n_models, n)
        Attention, or class activations.
    curves : ndarray of shape (n_models, 101)
        Running quantiles at every percent.

    Returns
    -------
    ndarray of shape (n_clips, n)
        In [0, 1]; below the lowest recorded quantile a model counts -0.01.

    Examples
    --------
    >>> quantile_level(np.array([[[-1.0]], [[0.305]]]), np.linspace(0, 1, 101)[None]).tolist()
    [[-0.01], [0.3]]
    """
    levels = [
        (np.searchsorted(curve, evidence[:, model], side="right") - 1) / 100
        for model, curve in enumerate(curves)
    ]
    return np.mean(levels, axis=0)


def passing_classes(
    scores: Array,
    video_threshold: float,
    allowed: NDArray[np.bool_] | None = None,
    or_best: bool = True,
) -> NDArray[np.bool_]:
    """Which classes of each video score above the threshold; the best one where none does.

    Parameters
    ----------
    scores : ndarray of shape (n_videos, n_classes)
    video_threshold : float
    allowed : ndarray of bool, shape (n_classes,), default=None
        Classes that may pass at all; None: all.
    or_best : bool, default=True
        Whether the best one passes where none is above the threshold.
    """
    passing = scores > video_threshold
    if allowed is not None:
        passing &= allowed
        scores = np.where(allowed, scores, -np.inf)
    if not or_best:
        return passing
    none = np.flatnonzero(~passing.any(axis=1))
    passing[none, scores[none].argmax(axis=1)] = True
    return passing


def class_activation_sequence(
    clip_scores: Array,
    passing: NDArray[np.bool_],
    offsets: Offsets,
    active: NDArray[np.bool_] | None = None,
) -> Array:
    """Build the CAS: steps two and three of section 3.3.

    Parameters
    ----------
    clip_scores : ndarray of shape (n_clips, n_classes)
        Of the first step: class probabilities of every clip.
    passing : ndarray of bool, shape (n_videos, n_classes)
        Classes that pass the video threshold; the others are zero in all clips.
    offsets : ndarray of shape (n_videos + 1,)
    active : ndarray of bool, shape (n_clips, 1) or (n_clips, n_classes), default=None
        Where attention reaches its threshold; zero elsewhere. None: everywhere.

    Returns
    -------
    ndarray of shape (n_clips, n_classes)
    """
    cas = clip_scores * for_clips(passing, offsets)
    if active is not None:
        cas *= active
    return cas
