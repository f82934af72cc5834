"""The videos of a fit, with what is known of them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.targets import Targets
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.recipe import Plan

Array = NDArray[Any]


class Supervised:
    """Videos with label distributions and weights, ready to be read by columns."""

    def __init__(
        self,
        clips: Clips,
        targets: Targets,
        classes: Array,
        weight: NDArray[np.float64],
        trimmed: NDArray[np.bool_],
    ) -> None:
        self.classes = classes
        keep = weight > 0  # a weight of zero is no video at all
        present = targets.indicator(classes)[keep]
        counts = present.sum(axis=1, keepdims=True)
        self.target = (present / np.maximum(counts, 1)).astype(np.float32)
        self.clips = clips if keep.all() else clips[keep]
        self.weight = weight[keep]
        self.trimmed = trimmed[keep]
        self.clip_target: NDArray[np.float32] | None = None
        self.taught: NDArray[np.bool_] | None = None
        self.held_out: Any = None  # videos that the training is validated with
        self._memo: dict[str, str] = {}

    def with_clip_targets(
        self, clip_target: NDArray[np.float32], taught: NDArray[np.bool_]
    ) -> Supervised:
        """Return the same videos, of some of which it is known what every clip shows.

        Parameters
        ----------
        clip_target : ndarray of shape (n_clips, n_classes + 1)
            Of all clips (a row each, whatever it holds where a video is not taught); the
            background is last.
        taught : ndarray of bool, shape (n_videos,)
        """
        other = copy.copy(self)
        other.clip_target, other.taught = clip_target, taught
        return other

    def labels_per_video(self) -> float:
        """Return how many classes a video shows: the weighted mean over those that show any.

        Trimmed videos show one action each and count only where there are no others.
        """
        n_labels = (self.target > 0).sum(axis=1)
        counts = n_labels > 0
        if (counts & ~self.trimmed).any():
            counts &= ~self.trimmed
        if not counts.any():
            return 0.0
        return float(np.average(n_labels[counts], weights=self.weight[counts]))

    def bags(self, plan: Plan) -> Bags:
        """Return what training draws from."""
        bags = Bags.of(
            self.clips,
            plan.reads,
            plan.rows_in_training,
            target=self.target,
            weight=self.weight,
            trimmed=self.trimmed,
            clip_target=self.clip_target,
            taught=self.taught,
        )
        bags.table.memo = self._memo  # features are hashed once a fit, if at all
        return bags
