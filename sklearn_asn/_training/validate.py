"""Videos held out of a training: their loss and scores at the end of epochs, in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.callbacks import Callback
from torch import Tensor

from sklearn_asn._data.packed import Offsets
from sklearn_asn._training.bags import Bags

Array = NDArray[Any]

#: What is recorded, and whether less of it is better.
LOSS, RECOGNITION, LOCALIZATION = "valid_loss", "valid_recognition_map", "valid_localization_map"
_PADDED = 2**17  # clips, with those that only fill up, of which the loss is computed together


@dataclass
class Validation:
    """Videos held out, and what is asked about them.

    Parameters
    ----------
    bags : Bags
        With targets.
    every : int
        Epochs from one validation to the next.
    judge : callable
        Called with the live net, activations and attention of all clips; returns scores by name.
    key : str
        Fingerprint of all that the scores depend on besides the net.
    """

    bags: Bags
    every: int
    judge: Callable[[Any, Array, Array], dict[str, float]]
    key: str


class Validate(Callback):
    """Record loss and scores of videos held out, and whether they are the best so far.

    Epochs between two validations repeat the last one, so that whatever monitors the history
    finds an entry in every epoch; they are never the best.
    """

    def __init__(self, validation: Validation) -> None:
        self.validation = validation

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Forget what was seen."""
        self.n_epochs_ = 0
        self.last_: dict[str, float] = {}
        self.best_: dict[str, float] = {}

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Look at the videos where it is time to, and at the last epoch."""
        due = self.n_epochs_ % self.validation.every == 0
        self.n_epochs_ += 1
        due = due or self.n_epochs_ == net.max_epochs
        if due:
            self.last_ = look(net, self.validation)
        for name, value in self.last_.items():
            net.history.record(name, value)
            net.history.record(f"{name}_best", due and self._is_best(name, value))

    def _is_best(self, name: str, value: float) -> bool:
        best = self.best_.get(name, np.nan)
        better = value < best if name == LOSS else value > best
        if not (better or np.isnan(best)) or np.isnan(value):
            return False
        self.best_[name] = value
        return True


def look(net: Any, validation: Validation) -> dict[str, float]:
    """Return loss and scores of the videos held out, by the weights as they are."""
    outputs = list(zip(*net.forward_iter(validation.bags, device="cpu"), strict=True))
    parts = [torch.cat(blocks) for blocks in outputs]
    scores = validation.judge(net, parts[0].numpy(), parts[1].numpy())
    return {LOSS: loss_of(net.criterion_, parts, validation.bags, net.device), **scores}


def loss_of(criterion: Any, parts: list[Tensor], bags: Bags, device: Any) -> float:
    """Return the loss over whole videos, the mean of all with their weights.

    Parameters
    ----------
    criterion : module
        Called with padded outputs and what is known of the videos.
    parts : list of Tensor of shape (n_clips, ...)
        What the network gives for all clips of `bags`.
    bags : Bags
    device : str
    """
    assert bags.target is not None
    total = 0.0
    for first, stop in padded_blocks(bags.offsets, _PADDED):
        offsets = bags.offsets[first : stop + 1]
        lengths = torch.from_numpy(np.diff(offsets))
        valid = torch.arange(int(lengths.max())) < lengths[:, None]
        scored = []
        for part in parts:
            table = part.new_zeros((*valid.shape, *part.shape[1:]))
            table[valid] = part[offsets[0] : offsets[-1]]
            scored.append(table.to(device))
        weight = torch.from_numpy(bags.weight[first:stop].astype(np.float32))
        known = {
            "target": torch.from_numpy(bags.target[first:stop]).to(device),
            "weight": weight.to(device),
            "valid": valid.to(device),
        }
        with torch.no_grad():
            total += float(criterion(tuple(scored), known)) * float(weight.sum())
    return total / float(bags.weight.sum())


def padded_blocks(offsets: Offsets, limit: int) -> Iterator[tuple[int, int]]:
    """Give runs of videos that, padded to their longest, have at most so many clips.

    >>> list(padded_blocks(np.array([0, 3, 4, 5, 12]), 6))
    [(0, 2), (2, 3), (3, 4)]
    """
    lengths = np.diff(offsets).tolist()
    first = longest = 0
    for video, length in enumerate(lengths):
        longer = max(longest, length)
        if video > first and longer * (video + 1 - first) > limit:
            yield first, video
            first, longer = video, length
        longest = longer
    yield first, len(lengths)
