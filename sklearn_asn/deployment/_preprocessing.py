"""Scikit-learn's transformers of clips, in torch: those that are a line of arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from torch import Tensor, nn

from sklearn_asn.preprocessing import ClipWise

Array = NDArray[Any]


class Scale(nn.Module):
    """``(x - centre) / scale + offset``, then within limits where there are any."""

    centre: Tensor
    scale: Tensor

    def __init__(
        self,
        centre: Array | float | None,
        scale: Array | float | None,
        offset: float = 0.0,
        limits: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("centre", _single(0.0 if centre is None else centre))
        self.register_buffer("scale", _single(1.0 if scale is None else scale))
        self.offset = offset
        self.limits = limits

    def forward(self, x: Tensor) -> Tensor:
        """Return as many columns as there are."""
        x = (x - self.centre) / self.scale
        if self.offset:
            x = x + self.offset
        return x if self.limits is None else x.clamp(*self.limits)


class Project(nn.Module):
    """``(x - centre) @ matrix``."""

    centre: Tensor
    matrix: Tensor

    def __init__(self, centre: Array | float | None, matrix: Array) -> None:
        super().__init__()
        self.register_buffer("centre", _single(0.0 if centre is None else centre))
        self.register_buffer("matrix", _single(matrix))

    def forward(self, x: Tensor) -> Tensor:
        """Return a column a component."""
        return (x - self.centre) @ self.matrix


class UnitLength(nn.Module):
    """Divide every row by its length, where it has any."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        self.order = {"l1": 1.0, "l2": 2.0, "max": float("inf")}[norm]

    def forward(self, x: Tensor) -> Tensor:
        """Return as many columns as there are."""
        if self.order == 2:
            length = (x * x).sum(dim=1, keepdim=True).sqrt()
        elif self.order == 1:
            length = x.abs().sum(dim=1, keepdim=True)
        else:
            length = x.abs().amax(dim=1, keepdim=True)
        return x / torch.where(length == 0, torch.ones_like(length), length)


class SideBySide(nn.Module):
    """Parts of the columns, each transformed by itself."""

    def __init__(self, columns: list[Array], parts: list[nn.Module]) -> None:
        super().__init__()
        self.columns = [torch.from_numpy(index.astype(np.int64)) for index in columns]
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        """Return the parts one beside another."""
        pairs = zip(self.columns, self.parts, strict=True)
        return torch.cat([part(x[:, index]) for index, part in pairs], dim=1)


def torch_of(transformer: Any) -> nn.Module:
    """Return a fitted transformer as a torch module of rows.

    Raises
    ------
    TypeError
        It is none of those that are known here.
    """
    if isinstance(transformer, str) and transformer == "passthrough":
        return nn.Identity()
    if transformer is None:
        return nn.Identity()
    # exactly these classes: what a subclass does otherwise cannot be seen
    if type(transformer) not in _KNOWN:
        names = ", ".join(sorted(kind.__name__ for kind in _KNOWN))
        raise TypeError(
            f"{transformer!r} before the localizer cannot be exported; known are {names}. Export "
            "the localizer alone, model[-1]: its input is then what model[:-1].transform gives."
        )
    return _KNOWN[type(transformer)](transformer)


def _function(transformer: FunctionTransformer) -> nn.Module:
    if transformer.func is not None:
        raise TypeError(
            f"{transformer!r} before the localizer cannot be exported: its function is Python. "
            "Export the localizer alone, model[-1]."
        )
    return nn.Identity()


def _min_max(scaler: MinMaxScaler) -> nn.Module:
    # X * scale_ + min_, from the least value on: single precision is enough for the difference
    low, high = scaler.feature_range
    limits = (low, high) if scaler.clip else None
    return Scale(scaler.data_min_, 1 / scaler.scale_, float(low), limits)


def _standard(scaler: StandardScaler) -> nn.Module:
    # the mean is known where it is not taken off, too
    return Scale(scaler.mean_ if scaler.with_mean else None, scaler.scale_)


def _robust(scaler: RobustScaler) -> nn.Module:
    return Scale(scaler.center_, scaler.scale_)


def _pca(pca: PCA | IncrementalPCA) -> nn.Module:
    matrix = pca.components_.T
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        smallest = np.finfo(scale.dtype).eps
        matrix = matrix / np.maximum(scale, smallest)
    return Project(pca.mean_, matrix)


def _columns(transformer: ColumnTransformer) -> nn.Module:
    slices = transformer.output_indices_
    indices = {name: index for name, _, index in _fitted_parts(transformer)}
    columns, parts = [], []
    for name, fitted, _ in transformer.transformers_:
        if isinstance(fitted, str) and fitted == "drop":
            continue
        if slices[name].start == slices[name].stop or not len(indices[name]):
            continue
        columns.append(indices[name])
        parts.append(torch_of(fitted))
    return SideBySide(columns, parts)


def _fitted_parts(transformer: ColumnTransformer) -> list[tuple[str, Any, Array]]:
    """Return name, transformer and column numbers of every part."""
    names = list(getattr(transformer, "feature_names_in_", ()))
    found = []
    for name, fitted, chosen in transformer.transformers_:
        if isinstance(chosen, slice) and not any(
            isinstance(end, str) for end in (chosen.start, chosen.stop)
        ):
            index = np.arange(transformer.n_features_in_)[chosen]
        elif isinstance(chosen, slice):  # of names, to the last one
            first = 0 if chosen.start is None else names.index(chosen.start)
            last = len(names) if chosen.stop is None else names.index(chosen.stop) + 1
            index = np.arange(first, last)
        else:
            listed = [chosen] if isinstance(chosen, str | int) else list(chosen)
            if listed and isinstance(listed[0], bool | np.bool_):
                index = np.flatnonzero(listed)
            else:
                index = np.array(
                    [names.index(c) if isinstance(c, str) else c for c in listed], dtype=np.int64
                )
        found.append((name, fitted, index))
    return found


def _chain(pipeline: Pipeline) -> nn.Module:
    return nn.Sequential(*(torch_of(step) for _, step in pipeline.steps))


def _clip_wise(transformer: ClipWise) -> nn.Module:
    return torch_of(transformer.transformer_)


def _frozen(transformer: FrozenEstimator) -> nn.Module:
    return torch_of(transformer.estimator)


_KNOWN: dict[type, Callable[[Any], nn.Module]] = {
    ClipWise: _clip_wise,
    ColumnTransformer: _columns,
    FrozenEstimator: _frozen,
    FunctionTransformer: _function,
    IncrementalPCA: _pca,
    MaxAbsScaler: lambda scaler: Scale(None, scaler.scale_),
    MinMaxScaler: _min_max,
    Normalizer: lambda scaler: UnitLength(scaler.norm),
    PCA: _pca,
    Pipeline: _chain,
    RobustScaler: _robust,
    StandardScaler: _standard,
    TruncatedSVD: lambda svd: Project(None, svd.components_.T),
}


def _single(value: Array | float) -> Tensor:
    return torch.from_numpy(np.array(value, dtype=np.float32))
