"""What training watches: how attention spreads over the clips of a video."""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from skorch.callbacks import Callback

from sklearn_asn._training.criteria import (
    MixtureCrossEntropy,
    PooledCrossEntropy,
    attention_share,
)

MIN_VIDEOS = 10  # of fewer there is no mean worth recording


class WatchAttention(Callback):
    """Record how much of a video's attention its highest clip gets, where that is a softmax.

    The mean over the last videos of an epoch, of those with several clips, at least ten of them:
    ``"attention_peak"`` in the history.
    """

    def initialize(self) -> WatchAttention:
        """Forget what was seen."""
        self.seen_: deque[Any] = deque(maxlen=16)  # batches
        return self

    def on_batch_end(
        self, net: Any, batch: Any = None, training: bool = False, y_pred: Any = None, **kwargs: Any
    ) -> None:
        """Keep a batch of untrimmed videos."""
        if training and y_pred is not None and batch[1]["valid"].shape[1] > 1 and _is_softmax(net):
            self.seen_.append((y_pred[1].detach(), batch[1]["valid"]))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the mean."""
        peaks = [
            attention_share(attention, valid.to(attention.device)).amax(dim=1)[valid.sum(dim=1) > 1]
            for attention, valid in self.seen_
        ]
        self.seen_.clear()
        if sum(map(len, peaks)) >= MIN_VIDEOS:
            # of independent models the one that is least collapsed
            net.history.record("attention_peak", torch.cat(peaks).mean(dim=0).min().item())


def _is_softmax(net: Any) -> bool:
    loss = net.criterion_
    return isinstance(loss, MixtureCrossEntropy) or (
        isinstance(loss, PooledCrossEntropy) and loss.pooling == "attention"
    )
