"""Scores that are no numbers: looked for once, where they are made, and explained.

A feature that is NaN or infinite makes a class activation that is one too, wherever every column
that the network reads reaches an activation by sums and products alone: infinity times a weight of
zero is NaN. A layer with ReLU can hide minus infinity, and what is made of it; features of such a
network are looked at beforehand (`shows_features`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.columns import Columns
from sklearn_asn._data.features import NOT_FINITE, bad_clip
from sklearn_asn._training.network import EXTRACTORS, Fusion, MainStream
from sklearn_asn._training.recipe import Plan
from sklearn_asn.exceptions import NonFiniteScoresError

Array = NDArray[Any]
Result = TypeVar("Result")

LIMIT = 1e30  # of scores: what is made of them (sums over clips, quotients) is finite in float32
CLIPS_AT_ONCE = 2**15  # of which all scores are in memory at the same time
_LINEAR = {name for name, kind in EXTRACTORS.items() if kind in (MainStream, Fusion)}


def shows_features(plan: Any) -> bool:
    """Tell whether class activations show every feature that is not finite."""
    if not isinstance(plan, Plan):  # an ensemble shows what all its members do
        members = getattr(plan, "members", ())
        return bool(members) and all(map(shows_features, members))
    variant, heads = plan.network["variant"], plan.heads
    return variant in _LINEAR and not heads.hidden_size and not heads.context_layers


def within_limits(*arrays: Array) -> bool:
    """Tell whether all values are numbers of a size that can be worked with."""
    return all(
        not array.size or (array.min() >= -LIMIT and array.max() <= LIMIT) for array in arrays
    )


def check_scores(scored: Any, clips: Clips, columns: Columns, rows_a_clip: int, net: Any) -> None:
    """Refuse scores that are NaN, infinite or beyond all use, and say what is to blame.

    Raises
    ------
    NonFiniteScoresError
        It names the video, counted from the first of `clips`.
    """
    if within_limits(scored.activations, scored.attention):
        return
    for video in range(len(clips)):
        values = np.asarray(clips[video])
        if (problem := _problem_of(values[:, columns])) is not None:
            raise NonFiniteScoresError(video, _id_of(clips, video), problem)
    weights = _weights_that_are_none(net)
    bad = _first_bad(scored)
    video = int(np.searchsorted(scored.offsets, bad, side="right")) - 1
    if weights:
        problem = (
            f"The weights are to blame: {weights[0]} is not finite. Fit again, or load weights "
            "that are. The first video without scores is {video}{id}."
        )
        raise NonFiniteScoresError(video, _id_of(clips, video), problem)
    first = (bad - int(scored.offsets[video])) * rows_a_clip
    size = float(np.abs(clips[video][first : first + rows_a_clip, columns]).max())
    largest = max(float(abs(p.detach()).max()) for p in net.parameters() if p.numel())
    problem = (
        f"{{video}}, clip {first}{{id}}: its features (up to {size:.3g}) and the weights (up to "
        f"{largest:.3g}) are finite, but the network's scores are not, or beyond {LIMIT:g}. "
    ) + (
        "The weights are to blame: training diverged; use a smaller lr."
        if largest > 1e6 and size < 1e6
        else "The features are to blame: scale them as those of the training, e.g. with "
        "ClipWise(StandardScaler()) before the localizer."
    )
    raise NonFiniteScoresError(video, _id_of(clips, video), problem)


def check_features(clips: Clips, name: str = "X", whole: bool = False) -> None:
    """Refuse features that are NaN, infinite, or beyond float32, in which networks compute.

    With `whole`, as in a fit, also columns that are zero in float32 and not before.
    """
    if clips.dtype.itemsize <= 4:
        clips.check_finite(name)
        return
    limit, tiny = np.finfo(np.float32).max, np.finfo(np.float32).tiny
    peak = np.zeros(clips.n_features, dtype=clips.dtype)
    for video in range(len(clips)):
        values = np.asarray(clips[video])
        size = np.abs(values).max(axis=0)
        if not (size <= limit).all() and (problem := _problem_of(values)) is not None:
            raise NonFiniteScoresError(video, _id_of(clips, video), problem, name)
        peak = np.maximum(peak, size)
    lost = np.flatnonzero((peak > 0) & (peak < tiny))
    if whole and len(lost):
        raise ValueError(
            f"Column {lost[0]} of {name} has no value beyond {peak[lost[0]]:.3g}: it is lost in "
            "float32, in which networks compute. Scale the features, e.g. with "
            "ClipWise(StandardScaler()) before the localizer, or leave the column out."
        )


def over_blocks(clips: Clips, rows_a_clip: int, read: Callable[[Clips], Result]) -> list[Result]:
    """Return what `read` makes of block after block of videos, whose scores fit into memory.

    Errors of scores count videos from the first of all.
    """
    results: list[Result] = []
    done = 0
    for block in clips.blocks(CLIPS_AT_ONCE * rows_a_clip):
        try:
            results.append(read(block))
        except NonFiniteScoresError as error:
            raise error.counted_from(done) from None
        done += len(block)
    return results


def check_curves(curves: Array) -> Array:
    """Refuse recorded quantiles that are no numbers."""
    if not within_limits(curves):
        raise NonFiniteScoresError(
            None,
            None,
            "The recorded quantiles (attention_quantiles_) are not finite. Fit again, or load "
            "a model whose quantiles are.",
        )
    return curves


def check_trained(weights: dict[str, Array]) -> None:
    """Refuse what a training has left, where it is no number."""
    for name, value in weights.items():
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise FloatingPointError(
                f"Training diverged: {name} is not finite after it. Use a smaller lr, a smaller "
                "gradient_clip (1.0, say), or scale the features, e.g. with "
                "ClipWise(StandardScaler()) before the localizer."
            )


def _problem_of(values: Array) -> str | None:
    """Say which row of a video's features is not finite in float32; None: all are."""
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32)).all(axis=1)
    if not bad.any():
        return None
    clip = int(np.flatnonzero(bad)[0])
    found = bad_clip(values)
    if found is None or found[0] != clip:
        return (
            f"Input {{name}} contains {np.abs(values[clip]).max():.3g}, which is beyond float32, "
            f"in which networks compute: {{video}}, clip {clip}{{id}}. Scale such features first."
        )
    return NOT_FINITE.format(name="{name}", what=found[1], video="{video}", clip=clip, id="{id}")


def _weights_that_are_none(net: Any) -> list[str]:
    return [name for name, value in net.state_dict().items() if not value.isfinite().all()]


def _first_bad(scored: Any) -> int:
    flat = np.concatenate([scored.activations.reshape(len(scored.attention), -1), scored.attention],
                          axis=1)  # fmt: skip
    return int(np.flatnonzero(~(np.abs(flat) <= LIMIT).all(axis=1))[0])


def _id_of(clips: Clips, video: int) -> str | None:
    return None if clips.ids is None else str(clips.ids[video])
