"""Warnings of what training can be known to make of its data, before it has begun."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import warn
from sklearn_asn._data.clips import Clips
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn._training.criteria import MixtureCrossEntropy, PooledCrossEntropy
from sklearn_asn._training.supervised import Supervised
from sklearn_asn.exceptions import UnscaledFeaturesWarning, UntaughtAttentionWarning

SAMPLE = 300  # rows that are looked at
ROWS_A_VIDEO = 10
LARGE = 30  # root mean square of features that are likely not scaled; the usual ones have 0.03 to 5


def warn_before_training(estimator: Any, plan: Any, data: Supervised) -> None:
    """Warn of what the videos of a fit cannot teach."""
    warn_untaught_attention(estimator, plan, data.clips.lengths, data.trimmed)
    warn_unscaled(plan, data.clips)


def warn_untaught_attention(
    estimator: Any, plan: Any, lengths: NDArray[np.int64], trimmed: NDArray[np.bool_]
) -> None:
    """Warn where no video shows a training step two clips, so that attention has no gradient.

    Parameters
    ----------
    estimator : localizer
    plan : Plan
    lengths : ndarray of int, shape (n_videos,)
        Rows of the videos trained on.
    trimmed : ndarray of bool, shape (n_videos,)
    """
    if not _learns_shares(plan) or not isinstance(getattr(estimator, "init", ""), str):
        return  # attention has a gradient of its own, or comes from a parent
    n_clips = np.where(trimmed, 1, -(-lengths // plan.rows_in_training))
    wanted = value_of(estimator, "clips_per_video")
    if np.max(n_clips if wanted is None else np.minimum(n_clips, wanted)) > 1:
        return
    if trimmed.all():
        why, what = "all videos are trimmed", "Train on untrimmed videos too"
    elif n_clips.max() > 1:
        why, what = f"clips_per_video={wanted}", "Use a larger clips_per_video"
    else:
        rows = plan.rows_in_training
        why = f"every video is one clip (of {rows} row{'s' * (rows > 1)})"
        what = "Train on videos of several clips"
    warn(
        f"Attention learns nothing: {why}, and a softmax over one clip is 1 whatever its attention "
        f"is. So attention, its quantiles and the segments are those of random weights. {what}.",
        UntaughtAttentionWarning,
    )


def warn_unscaled(plan: Any, clips: Clips) -> None:
    """Warn where features are so large that the usual learning rates do not fit them."""
    columns = [part for one in getattr(plan, "members", (plan,)) for part in one.columns]
    read = np.unique(np.concatenate([np.asarray(part, dtype=np.int64) for part in columns]))
    table, starts = clips.table()
    # a few rows of every so many videos; of a file these alone are read
    videos = np.unique(np.linspace(0, len(clips) - 1, SAMPLE // ROWS_A_VIDEO).astype(np.int64))
    rows = np.arange(ROWS_A_VIDEO) * clips.lengths[videos, None] // ROWS_A_VIDEO
    values = table[np.unique(starts[videos, None] + rows)][:, read].astype(np.float64)
    size = float(np.sqrt(np.mean(values**2)))
    if size > LARGE:
        warn(
            f"Features are large: {size:.3g} in the root mean square (the usual ones have 0.03 to "
            "5). Learning rate and weight decay are meant for features of about 1: scale them, "
            "e.g. with ClipWise(StandardScaler()) before the localizer.",
            UnscaledFeaturesWarning,
        )


def _learns_shares(plan: Any) -> bool:
    """Tell whether training learns attention by the share that each clip of a video gets."""
    criterion = getattr(plan, "criterion", None)
    pooling = getattr(plan, "criterion_options", {}).get("pooling", "attention")
    return criterion is MixtureCrossEntropy or (
        criterion is PooledCrossEntropy and pooling == "attention"
    )
