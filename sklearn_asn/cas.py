"""From clip scores to the class activation sequence (CAS): sections 3.3 and 4.3, pure arrays.

Clips of all videos stand one after another; `offsets` borders the videos. The models axis has one
entry, or two for the two-stream variant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._packed import Offsets

Array = NDArray[np.floating[Any]]


def softmax(logits: Array) -> Array:
    """Softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


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
    first, lengths = offsets[:-1], np.diff(offsets)
    soft = attention / softening
    share = np.exp(soft - np.repeat(np.maximum.reduceat(soft, first), lengths, axis=0))
    share /= np.repeat(np.add.reduceat(share, first), lengths, axis=0)
    return np.add.reduceat(share[..., None] * activations, first)


def video_scores(pooled: Array) -> Array:
    """Return video-level probabilities ``(n_videos, n_classes)``, averaged over the models."""
    return softmax(pooled).mean(axis=1)


def relative_attention(attention: Array, threshold: Array) -> Array:
    """Normalise attention by each model's own threshold and average: active from 1 on.

    For a positive threshold this is the paper's quotient ``a / q``. Raw attention may have any
    sign (the softmax over clips does not see a shift of it), so the form used is
    ``1 + (a - q) / abs(q)``: the same number for q > 0, and still rising with attention else.

    Examples
    --------
    >>> relative_attention(np.array([[4.0, 1.0]]), np.array([2.0, 4.0]))
    array([1.125])
    """
    scale = np.maximum(np.abs(threshold), np.finfo(np.float32).tiny)
    return (1 + (attention - threshold) / scale).mean(axis=-1)


def passing_classes(scores: Array, video_threshold: float) -> NDArray[np.bool_]:
    """Which classes of each video score above the threshold; the best one where none does."""
    passing = scores > video_threshold
    none = np.flatnonzero(~passing.any(axis=1))
    passing[none, scores[none].argmax(axis=1)] = True
    return passing


def class_activation_sequence(
    activations: Array,
    active: NDArray[np.bool_],
    scores: Array,
    offsets: Offsets,
    video_threshold: float,
) -> Array:
    """Build the CAS by the three steps of section 3.3.

    Parameters
    ----------
    activations : ndarray of shape (n_clips, n_models, n_classes)
        Class activations; their softmaxes are averaged over the models.
    active : ndarray of bool, shape (n_clips,)
        Clips whose attention reaches the threshold.
    scores : ndarray of shape (n_videos, n_classes)
        Video-level probabilities.
    offsets : ndarray of shape (n_videos + 1,)
    video_threshold : float
        Classes of a video that do not pass are zero in all its clips.

    Returns
    -------
    ndarray of shape (n_clips, n_classes)
    """
    cas = softmax(activations).mean(axis=1)
    passing = passing_classes(scores, video_threshold)
    cas *= np.repeat(passing, np.diff(offsets), axis=0)
    cas *= active[:, None]
    return cas
