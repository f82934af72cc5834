"""The network as one video sees it, in operations that can leave Python.

What training uses is written for speed: blocks of rows, packed videos with borders between them.
Traced, that would freeze the length of the example. Here stand the same layers for one video of
any length, with the same weights.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sklearn_asn._localizers.model import Model
from sklearn_asn._training.context import Context, ContextLayer
from sklearn_asn._training.net import plain_module
from sklearn_asn._training.network import Bilinear

_UNITS_AT_ONCE = 16  # of a bilinear layer: all at once need memory for a square of it a clip
_ONE_VIDEO: Any = "one video"  # places of rows, for which `WholeVideo` does not ask


class PlainBilinear(nn.Module):
    """A bilinear layer, some units at a time."""

    def __init__(self, layer: Bilinear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return ``left^T W_k right + b_k``, shape ``(n_rows, n_units)``."""
        units = []
        for first in range(0, len(self.weight), _UNITS_AT_ONCE):
            weight = self.weight[first : first + _UNITS_AT_ONCE]
            product = torch.matmul(left, weight)  # (n_units, n_rows, n_right)
            units.append((product * right).sum(dim=-1))
        out = torch.cat(units).T
        return out if self.bias is None else out + self.bias


class WholeVideo(nn.Module):
    """Layers over neighbouring clips, where all rows are those of one video."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        more: Any = context.more
        self.layers = nn.ModuleList(_convolution(layer) for layer in (context.first, *more))

    def forward(self, parts: tuple[Tensor, ...], places: Any, dropper: Any) -> Tensor:
        """Return ``(n_rows, n_units)``; there is nothing beyond the ends, and nothing drops."""
        x = torch.cat(parts, dim=-1).T[None]
        for i, layer in enumerate(self.layers):
            y = torch.relu(layer(x))
            x = x + y if i else y
        return x[0].T


def _convolution(layer: ContextLayer) -> nn.Conv1d:
    d = layer.dilation
    _, n_out, n_in = layer.weight.shape
    convolution = nn.Conv1d(n_in, n_out, 3, padding=d, dilation=d)
    with torch.no_grad():
        convolution.weight.copy_(layer.weight.permute(1, 2, 0))
        convolution.bias.copy_(layer.bias)  # type: ignore[union-attr]
    return convolution


class VideoNetwork(nn.Module):
    """A trained network, given the features of one video.

    Parameters
    ----------
    model : Model
    """

    columns: Tensor | None
    models: Any

    def __init__(self, model: Model) -> None:
        super().__init__()
        net = copy.deepcopy(plain_module(model.net("cpu"))).float().eval()
        for part in list(net.modules()):
            for name, child in list(part.named_children()):
                if isinstance(child, Bilinear):
                    setattr(part, name, PlainBilinear(child))
                elif isinstance(child, Context):
                    setattr(part, name, WholeVideo(child))
        self.models = net.models
        self.n_main, self.main_first = int(net.n_main), bool(net.main_first)  # type: ignore[arg-type]
        self.frames_per_clip = int(model.plan.frames_per_clip)
        reads = model.plan.reads
        self.run = reads if isinstance(reads, slice) else None
        index = None if isinstance(reads, slice) else torch.from_numpy(np.array(reads))
        self.register_buffer("columns", index)
        self.any_class = self.models[0].heads.attention == "any"

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return activations ``(n_clips, n_models, n_classes)``, attention ``(n_clips, n_models)``.

        Parameters
        ----------
        rows : Tensor of shape (n_rows, n_features)
        """
        read = rows[:, self.run] if self.columns is None else rows[:, self.columns]
        clips = self._averaged(read)
        n_main = self.n_main
        if self.main_first:
            streams = clips[:, :n_main], clips[:, n_main:]
        else:
            streams = clips[:, -n_main:], clips[:, :-n_main]
        # of two independent models, each has a stream of its own
        scored = [
            model(*pair, _ONE_VIDEO)
            for model, pair in zip(self.models, (streams, streams[::-1]), strict=False)
        ]
        activations = torch.stack([one[0] for one in scored], dim=1)
        attention = torch.stack([one[1] for one in scored], dim=1)
        if self.any_class:
            attention = log_odds_of_any(activations)
        return activations, attention

    def _averaged(self, rows: Tensor) -> Tensor:
        """Average the rows of every clip, of which the last may have fewer."""
        size = self.frames_per_clip
        if size == 1:
            return rows
        n_rows = rows.shape[0]
        every = torch.arange(n_rows, device=rows.device)
        # asked of the data, not reckoned from the length: a trace takes sizes that follow from
        # another for more than one, and a short video is one clip
        first = torch.nonzero(every % size == 0)
        torch._check(first.shape[0] >= 1)
        row = first + torch.arange(size, device=rows.device)
        inside = (row < n_rows).to(rows.dtype)
        taken = rows[row.clamp(max=n_rows - 1)] * inside[..., None]
        return taken.sum(dim=1) / inside.sum(dim=1, keepdim=True)


def log_sigmoid(x: Tensor) -> Tensor:
    """Return the logarithm of the sigmoid, float64.

    Runtimes write it as log(sigmoid) or log(1 + exp), of which single precision leaves nothing
    where the probability is near 1.
    """
    x = x.double()
    return -(torch.log(1 + torch.exp(-x.abs())) + functional.relu(-x))


def log_odds_of_any(activations: Tensor) -> Tensor:
    """Return the log-odds that a clip shows any of independent classes."""
    none = log_sigmoid(-activations).sum(dim=-1).clamp(max=-1e-6)  # log probability
    return (torch.log(1 - torch.exp(none)) - none).to(activations.dtype)
