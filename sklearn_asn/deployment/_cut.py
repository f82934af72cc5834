"""Thresholds of a fitted localizer, baked into a module."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sklearn_asn._data.supervision import allowed_classes
from sklearn_asn._localizers import cas
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn._training.recipe import threshold_at
from sklearn_asn.deployment._readings import Said


class Cut(nn.Module):
    """Thresholds on attention and on video scores, as `transform` applies them.

    Parameters
    ----------
    localizer : fitted localizer
    """

    threshold: Tensor
    unit: Tensor
    video_threshold: Tensor
    allowed: Tensor

    def __init__(self, localizer: Any) -> None:
        super().__init__()
        quantile = getattr(localizer, "quantile", None)
        self.by_attention = quantile is not None
        threshold, unit = np.zeros(1), np.ones(1)
        if quantile is not None:
            curves = localizer.model_.curves[localizer._counting]
            threshold = threshold_at(curves, quantile)
            scale = getattr(localizer, "attention_scale", "spread")
            unit = 1 / cas.attention_scale(curves, threshold, scale)  # of a flat model 0
        self.register_buffer("threshold", torch.from_numpy(at_least(threshold)))
        self.register_buffer("unit", torch.from_numpy(unit.astype(np.float32)))
        video_threshold = torch.tensor(float(value_of(localizer, "video_threshold")))
        self.register_buffer("video_threshold", video_threshold.float())
        self.or_best = value_of(localizer, "when_none_passes") == "best"
        allowed = allowed_classes(value_of(localizer, "localize_classes"), localizer.classes_)
        mask = np.ones(len(localizer.classes_), dtype=bool) if allowed is None else allowed
        self.register_buffer("allowed", torch.from_numpy(np.array(mask)))

    def forward(self, said: Said) -> tuple[Tensor, Tensor]:
        """Return CAS ``(n_clips, n_classes)`` and attention ``(n_clips,)``."""
        sequence = said.clip_scores * self._passing(said.video_scores).to(said.clip_scores.dtype)
        if not self.by_attention:
            return sequence, said.attention.mean(dim=1)
        if said.attention.shape[1] == 1:
            active = said.evidence[:, 0] >= self.threshold
            return sequence * active.to(sequence.dtype), said.attention[:, 0]
        relative = self._relative(said.evidence.movedim(1, -1))
        sequence = sequence * (relative >= 1).to(sequence.dtype)
        return sequence, self._relative(said.attention)

    def _relative(self, values: Tensor) -> Tensor:
        """Average over models, the last axis, each relative to its threshold: 1 is it."""
        return (1 + (values - self.threshold) * self.unit).mean(dim=-1)

    def _passing(self, scores: Tensor) -> Tensor:
        passing = (scores > self.video_threshold) & self.allowed
        if not self.or_best:
            return passing
        among = scores.masked_fill(~self.allowed, -math.inf)
        best = torch.arange(len(self.allowed), device=scores.device) == among.argmax()
        return passing | (best & ~passing.any())


def at_least(limit: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the least float32 that is not below: what reaches one, reaches the other."""
    single = limit.astype(np.float32)
    return np.where(single < limit, np.nextafter(single, np.float32(np.inf)), single)
