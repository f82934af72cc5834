"""Do both streams matter to a trained model? Answered by shuffling one over clips.

A layer that weight decay has killed gives the same for every clip, and what lies before it can be
replaced by anything. No loss shows that: the rest of the network goes on alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import warn
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.columns import SINGLE, STREAMS
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._localizers.model import Model
from sklearn_asn.exceptions import DeadStreamWarning

SAMPLE = 300  # clips that are looked at
DEAD = 1e-3  # change of the scores, in units of their spread, that is none


def networks_of(localizer: Any) -> list[Any]:
    """Return the fitted localizers of one network each that a fitted localizer is made of."""
    if hasattr(localizer, "localizer_"):  # AutoLoc
        return networks_of(localizer.localizer_)
    members = getattr(localizer, "localizers_", ())
    return [network for member in members for network in networks_of(member)] or [localizer]


def stream_columns(model: Model) -> dict[str, NDArray[np.int64]]:
    """Return the columns of every stream that a model reads, the main stream's first."""
    main = model.trained_with.get("main_stream", "temporal")
    if len(model.plan.columns) < 2:
        variant = model.trained_with.get("variant")
        if variant in (*STREAMS, SINGLE):
            main = variant
        return {main: np.array(model.plan.columns[0], dtype=np.int64)}
    other = "spatial" if main == "temporal" else "temporal"
    names = (main, other)
    return {n: np.array(c, dtype=np.int64) for n, c in zip(names, model.plan.columns, strict=True)}


def sample_clips(clips: Clips, n_rows: int = SAMPLE) -> Clips:
    """Return consecutive rows of about `n_rows`, of videos spread over the data.

    Of a video at most a tenth (or as many as are needed), so that several are seen.
    """
    lengths = clips.lengths
    most = max(-(-n_rows // 10), -(-n_rows // max(len(clips), 1)))
    wanted = max(-(-n_rows // max(int(np.minimum(lengths, most).mean()), 1)), 1)
    videos = np.unique(np.linspace(0, len(clips) - 1, min(wanted, len(clips))).astype(np.int64))
    parts = [np.asarray(clips[int(v)][:most], dtype=np.float32) for v in videos]
    offsets = offsets_from_lengths([len(part) for part in parts])
    return Clips(np.concatenate(parts), offsets, feature_names=clips.feature_names)


def shuffled(clips: Clips, columns: NDArray[np.int64], seed: int = 0) -> Clips:
    """Return a copy, without timing, whose `columns` are shuffled over the rows of all videos."""
    values = np.concatenate([np.asarray(video) for video in clips])
    order = np.random.default_rng(seed).permutation(len(values))
    values[:, columns] = values[order][:, columns]
    return Clips(values, clips.offsets, feature_names=clips.feature_names)


def influence(model: Model, clips: Clips, device: str = "auto") -> dict[str, float]:
    """Return how far each stream moves the scores of clips, in units of their spread.

    The root mean square change of class activations and attention when the stream's columns are
    shuffled over clips, over their standard deviation; about 1.4 where nothing else matters, and
    0 where the stream changes nothing.
    """
    sample = sample_clips(clips)
    before = _outputs(model, sample, device)
    spread = float(np.sqrt(before.var(axis=0).mean()))
    moved = {}
    for name, columns in stream_columns(model).items():
        change = _outputs(model, shuffled(sample, columns), device) - before
        moved[name] = float(np.sqrt(np.mean(change**2))) / spread if spread else 0.0
    return moved


def dead_parts(model: Model, clips: Clips, device: str = "auto") -> list[str]:
    """Return the streams of a two-stream model that change nothing.

    Parameters
    ----------
    model : Model
        Trained.
    clips : Clips
        Features, of which about 300 clips are looked at: those of the training, or others.
    device : str, default="auto"

    Returns
    -------
    list of str
        ``"spatial"``, ``"temporal"``; none where the model reads one stream alone, or scores all
        clips alike (then attention has collapsed, which has a warning of its own).
    """
    if len(model.plan.columns) < 2:
        return []
    moved = influence(model, clips, device)
    dead = [name for name, change in moved.items() if change < DEAD]
    return dead if len(dead) < len(moved) else []


def warn_dead_parts(estimator: Any, model: Model, clips: Clips, device: str = "auto") -> None:
    """Warn of streams that change nothing."""
    for name in dead_parts(model, clips, device):
        (alive,) = set(stream_columns(model)) - {name}
        decay = getattr(estimator, "weight_decay", None)
        why = "" if decay is None else f" (weight_decay is {decay:g}; is it too large?)"
        warn(
            f"The {name} stream changes nothing: with its columns shuffled over clips, the scores "
            f"stay the same. The layer that it goes through gives the same for every clip{why}. "
            f"Use a smaller weight_decay; or variant={alive!r}, the same model without that "
            "stream.",
            DeadStreamWarning,
        )


def _outputs(model: Model, clips: Clips, device: str) -> NDArray[np.float64]:
    scored = model.score(clips, device)
    flat = scored.activations.reshape(len(scored.activations), -1)
    return np.concatenate([flat, scored.attention], axis=1).astype(np.float64)
