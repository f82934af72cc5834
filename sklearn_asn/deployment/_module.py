"""A fitted localizer or pipeline as one torch module of one video."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

import sklearn_asn
from sklearn_asn.deployment._cut import Cut
from sklearn_asn.deployment._preprocessing import torch_of
from sklearn_asn.deployment._readings import reader_of
from sklearn_asn.rivals import AutoLoc

INPUT = "clips"
OUTPUTS = ("cas", "attention", "clip_scores", "video_scores")
OLDEST_TORCH = (2, 6)  # from here on `torch.export` takes sizes that are free without a name


class VideoLocalizer(nn.Module):
    """From the features of one video to what a localizer says of it.

    Parameters
    ----------
    before : nn.Module
        What stands before the localizer.
    localizer : fitted localizer
    """

    def __init__(self, before: nn.Module, localizer: Any) -> None:
        super().__init__()
        self.before = before
        self.reader = reader_of(localizer)
        self.cut = Cut(localizer)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return CAS, attention, clip scores and video scores, as named in `OUTPUTS`."""
        said = self.reader(self.before(clips))
        sequence, attention = self.cut(said)
        return sequence, attention, said.clip_scores, said.video_scores


class Exportable(NamedTuple):
    """A module, and what stands beside it."""

    module: VideoLocalizer
    n_features: int
    about: dict[str, str]


def exportable(estimator: Any) -> Exportable:
    """Take a fitted localizer, or a pipeline that ends with one, apart.

    Raises
    ------
    TypeError
        Some part of it cannot leave Python.
    NotFittedError
        It is not fitted, or has no quantiles that its threshold could be read from.
    """
    check_torch()
    before: nn.Module = nn.Identity()
    localizer, first = estimator, estimator
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        first = estimator.steps[0][1]
        before = nn.Sequential(*(torch_of(step) for _, step in estimator.steps[:-1]))
        localizer = estimator.steps[-1][1]
    if isinstance(localizer, FrozenEstimator):
        localizer = localizer.estimator
    if type(localizer) is AutoLoc:
        check_is_fitted(localizer)
        localizer = localizer.localizer_  # whose CAS it is; its boxes are a selection
    if hasattr(localizer, "_check_held"):
        check_is_fitted(localizer)
        localizer._check_held()
    module = VideoLocalizer(before, localizer).eval().requires_grad_(False)
    named = estimator if hasattr(estimator, "n_features_in_") else first
    names = getattr(named, "feature_names_in_", None)
    about: dict[str, Any] = {
        "classes": localizer.classes_.tolist(),
        "frames_per_clip": localizer.model_.plan.frames_per_clip,
        "quantile": getattr(localizer, "quantile", None),
        "attention_threshold": localizer._limit(),
        "video_threshold": localizer.video_threshold,
        "feature_names": None if names is None else np.asarray(names).tolist(),
        "sklearn_asn_version": sklearn_asn.__version__,
    }
    texts = {name: json.dumps(value, default=str) for name, value in about.items()}
    return Exportable(module, int(named.n_features_in_), texts)


def trace(given: Exportable) -> torch.export.ExportedProgram:
    """Trace a module for any number of clips."""
    example = torch.zeros(24, given.n_features)
    free = torch.export.Dim("n_rows", min=1)
    with torch.no_grad():
        return torch.export.export(given.module, (example,), dynamic_shapes=({0: free},))


def check_torch() -> None:
    """Refuse a torch that cannot trace with free sizes."""
    found = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if found < OLDEST_TORCH:
        raise ImportError(
            f"Exporting needs torch {'.'.join(map(str, OLDEST_TORCH))} or newer, this is "
            f"{torch.__version__}."
        )
