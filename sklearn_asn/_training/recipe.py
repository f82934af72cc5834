"""What a training depends on, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray
from torch import nn

from sklearn_asn._training.network import Heads


@dataclass(frozen=True)
class Recipe:
    """Everything, besides the data and the seed, that decides what a training gives.

    Parameters
    ----------
    network : dict
        Arguments of `ASENetwork`.
    criterion : type
        A class of `sklearn_asn._training.criteria`.
    criterion_options : dict
        Its arguments.
    sampling : dict
        Arguments of `BagBatches`: how many clips, rows, and what is hidden.
    optimizer : {"sgd", "adam"}
    optimizer_options : dict
        Its arguments but the learning rate.
    lr, lr_milestones, max_epochs, batch_size, gradient_clip, quantile_momentum, precision
        As in `ASNLocalizer`.
    """

    network: dict[str, Any]
    criterion: type[nn.Module]
    criterion_options: dict[str, Any]
    sampling: dict[str, Any]
    optimizer: str
    optimizer_options: dict[str, Any]
    lr: float
    lr_milestones: tuple[float, ...]
    max_epochs: int
    batch_size: int
    gradient_clip: float | None
    quantile_momentum: float
    precision: str = "float32"

    @property
    def heads(self) -> Heads:
        """How the network's heads are made."""
        return self.network.get("heads", Heads())


class Trained(NamedTuple):
    """What a training leaves: weights and running quantiles by name, and one record an epoch."""

    weights: dict[str, NDArray[Any]]
    history: list[dict[str, Any]]
