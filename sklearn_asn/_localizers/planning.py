"""From a localizer's parameters to its `Plan`: `Inputs` and `plan_of`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sklearn_asn._data.columns import resolve_streams, streams_of
from sklearn_asn._doclink import public
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn._training.network import SINGLE_STREAM, Heads
from sklearn_asn._training.recipe import Plan, sizes_of


@public("sklearn_asn.methods")
class Inputs(NamedTuple):
    """What a plan knows of the data: columns, their names, classes, and how many a video shows."""

    n_features: int
    feature_names: NDArray[Any] | None
    n_classes: int
    labels_per_video: float = 0.0

    @classmethod
    def of(cls, estimator: Any) -> Inputs:
        """Read them off an estimator that has seen X and y."""
        names = getattr(estimator, "feature_names_in_", None)
        n_labels = getattr(estimator, "labels_per_video_", 0.0)
        return cls(estimator.n_features_in_, names, len(estimator.classes_), n_labels)


def plan_of(
    estimator: Any,
    inputs: Inputs,
    variant: str | type[nn.Module],
    heads: Heads,
    criterion: type[nn.Module],
    criterion_options: Mapping[str, Any] | None = None,
    *,
    main_stream: str = "temporal",
    optimizer: str = "sgd",
    parent: Plan | None = None,
    **network: Any,
) -> Plan:
    """Make a plan of an estimator's parameters of training.

    Parameters
    ----------
    estimator : localizer
        Its constructor's arguments are read; where it has no such argument, the default of
        `sklearn_asn.methods.SHARED` holds.
    inputs : Inputs
    variant : str or type
        What stands before the heads: one of `ASNLocalizer`'s names, or a module class.
    heads : Heads
    criterion : type
        Module class of the loss.
    criterion_options : dict, default=None
        Its arguments.
    main_stream : {"temporal", "spatial"}, default="temporal"
    optimizer : {"sgd", "adam", "adamw"}, default="sgd"
    parent : Plan, default=None
        What is trained before.
    **network
        More arguments of the network: `hidden_size`, `dropout`.

    Returns
    -------
    Plan
    """
    needed = streams_of(variant, main_stream)
    resolved = resolve_streams(
        value_of(estimator, "streams"), needed, inputs.n_features, inputs.feature_names
    )
    columns = list(resolved.values())
    options: dict[str, Any] = {"weight_decay": value_of(estimator, "weight_decay")}
    if optimizer == "sgd":
        momentum = value_of(estimator, "momentum")
        options |= {"momentum": momentum, "nesterov": momentum > 0}
    hidden = value_of(estimator, "hide_probability")
    network = {
        "variant": variant,
        **sizes_of(columns),
        "n_classes": inputs.n_classes,
        "heads": heads,
        **network,
    }
    return Plan(
        columns=tuple(tuple(np.asarray(part).tolist()) for part in columns),
        frames_per_clip=value_of(estimator, "frames_per_clip"),
        network=network,
        criterion=criterion,
        criterion_options=dict(criterion_options or {}),
        sampling={
            "clips_per_video": value_of(estimator, "clips_per_video"),
            "frames_sampled": value_of(estimator, "frames_sampled"),
            "trimmed_batch_size": value_of(estimator, "trimmed_batch_size"),
            "hide_probability": hidden,
            "hide_clips": value_of(estimator, "hide_clips") if hidden else 1,
            "quantile_videos": value_of(estimator, "quantile_videos"),
        },
        optimizer=optimizer,
        optimizer_options=options,
        lr=value_of(estimator, "lr"),
        lr_milestones=tuple(value_of(estimator, "lr_milestones")),
        max_epochs=value_of(estimator, "max_epochs"),
        batch_size=value_of(estimator, "batch_size"),
        gradient_clip=value_of(estimator, "gradient_clip"),
        quantile_momentum=value_of(estimator, "quantile_momentum"),
        precision=value_of(estimator, "precision"),
        lr_schedule=value_of(estimator, "lr_schedule"),
        extractor_weight_decay=value_of(estimator, "extractor_weight_decay"),
        training_window=value_of(estimator, "training_window"),
        parent=parent,
    )


def reads_one_stream(variant: str | type[nn.Module]) -> bool:
    """Tell variants that read the main stream alone."""
    return isinstance(variant, str) and variant in SINGLE_STREAM
