"""`Plan`: what a training depends on besides the data and the seed; and what a training leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_asn._data.columns import Columns, join_columns, main_comes_first
from sklearn_asn._doclink import public
from sklearn_asn._training.network import Heads


@public("sklearn_asn.methods")
@dataclass(frozen=True)
class Plan:
    """What a localizer trains, as a value: a pure function of its parameters and the data's shape.

    Parameters
    ----------
    columns : tuple of tuple of int
        Columns that the network reads, a tuple a stream, the main stream's first.
    frames_per_clip : int
        Rows that make a clip.
    network : dict
        Arguments of the network (`sklearn_asn._training.network.ASENetwork`).
    criterion : type
        Module that gives the loss of a batch, called with the network's output and what is known
        of the videos (see `sklearn_asn._training.criteria`).
    criterion_options : dict
        Its arguments.
    sampling : dict
        How many clips and rows a step sees, and what is hidden.
    optimizer : {"sgd", "adam", "adamw"}
    optimizer_options : dict
        Its arguments but the learning rate.
    lr, lr_milestones, max_epochs, batch_size, gradient_clip, quantile_momentum, precision, \
            lr_schedule, extractor_weight_decay, training_window
        As in `ASNLocalizer`.
    parent : Plan, default=None
        What is trained before, to start from its heads (eq. 1).
    """

    columns: tuple[tuple[int, ...], ...]
    frames_per_clip: int
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
    lr_schedule: str = "steps"
    extractor_weight_decay: float | None = None
    training_window: int | None = None
    parent: Plan | None = None

    @property
    def rows_in_training(self) -> int:
        """Rows that a clip has while training."""
        return self.training_window or self.frames_per_clip

    @property
    def heads(self) -> Heads:
        """How the network's heads are made."""
        return self.network.get("heads", Heads())

    @property
    def reads(self) -> Columns:
        """The columns in the order in which the network takes them."""
        parts = [np.array(part, dtype=np.int64) for part in self.columns]
        return join_columns(parts, self.network.get("main_first", True))

    @property
    def user_classes(self) -> list[type[nn.Module]]:
        """The classes in it that are not this package's."""
        kinds = (self.criterion, self.network["variant"])
        return [
            kind
            for kind in kinds
            if isinstance(kind, type) and not kind.__module__.startswith("sklearn_asn.")
        ]

    def alone(self) -> Plan:
        """Return the same without the training before it."""
        return replace(self, parent=None)


def sizes_of(columns: list[NDArray[np.int64]]) -> dict[str, Any]:
    """Return the network's arguments that follow from its columns, main stream first."""
    sizes: dict[str, Any] = {"n_main": len(columns[0]), "n_other": sum(map(len, columns[1:]))}
    if not main_comes_first(columns):
        sizes["main_first"] = False
    return sizes


class Trained(NamedTuple):
    """What a training leaves: weights and running quantiles by name, and one record an epoch."""

    weights: dict[str, NDArray[Any]]
    history: list[dict[str, Any]]


def check_recorded(curves: NDArray[Any]) -> None:
    """Refuse curves of which nothing is recorded yet (weights that came without)."""
    if np.isnan(curves).any():
        raise NotFittedError(
            "No quantiles are recorded: these weights were given, not trained here. Call "
            "record_quantiles(X) first, with untrimmed videos (no labels are needed)."
        )


def threshold_at(curves: NDArray[Any], quantile: float) -> NDArray[Any]:
    """Return the value at a quantile of each curve ``(n_models, n_levels)``.

    >>> threshold_at(np.array([[0.0, 1.0, 4.0]]), 0.75)
    array([2.5])

    Raises
    ------
    NotFittedError
        None is recorded.
    """
    check_recorded(curves)
    levels = _levels(curves.shape[1])
    return np.array([np.interp(quantile, levels, curve) for curve in curves])


@cache
def _levels(n: int) -> NDArray[np.float64]:
    return np.arange(n) / (n - 1)
