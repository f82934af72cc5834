"""Temporal layers over whole videos, packed one after another, with their borders respected.

Not the paper's. A video's clips are consecutive rows; `Places` says how many rows of the same
video stand before and after each. Nothing is padded, and no window is gathered: a layer of width
three is one matrix product, whose three parts are shifted against each other. Videos of one length
need none of that: training convolves them as the table that they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sklearn_asn._training.rows import Rows, as_tensor

_CELLS = 2**19  # of features that are dropped and multiplied together: they stay in the cache
_COPIED = 2**22  # features of a batch that are put side by side for a convolution


class Places(NamedTuple):
    """Where rows stand in their videos."""

    before: Tensor  # (n_rows,): rows of the same video before this one
    after: Tensor  # (n_rows,)
    video: Tensor  # (n_rows,): numbered from 0
    each: int | None = None  # rows of every video, where all are known to have as many

    @classmethod
    def of(cls, before: Tensor, after: Tensor, look: bool = False) -> Places:
        """Make them; videos are numbered by where they begin. With `look`, `each` is found."""
        video = torch.cumsum(before == 0, 0) - int(before[0] == 0)
        each = int(before[0] + after[0]) + 1
        whole = look and bool((before + after == each - 1).all()) and not before[0] | after[-1]
        return cls(before, after, video, each if whole else None)

    @property
    def n_videos(self) -> int:
        """Videos that rows are of."""
        return int(self.video[-1]) + 1

    def table(self, rows: Tensor) -> Tensor:
        """Return rows as ``(n_videos, n_clips, ...)``, zero behind short videos."""
        if self.each is not None:
            return rows.view(-1, self.each, *rows.shape[1:])
        longest = int(self.before.max()) + 1
        table = rows.new_zeros((self.n_videos, longest, *rows.shape[1:]))
        table[self.video, self.before] = rows
        return table

    def times(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Multiply the rows ``(n_rows, n)`` of every video with its own row of a mask."""
        if self.each is not None:
            return (self.table(rows) * mask[:, None]).flatten(0, 1)
        return rows * mask[self.video]


def reach_of(n_layers: int) -> int:
    """Return how many clips on each side `n_layers` layers see: dilations 1, 2, 4, ...

    >>> [reach_of(n) for n in range(4)]
    [0, 1, 3, 7]
    """
    return int(2**n_layers - 1)


def channel_mask(n_videos: int, n_channels: int, rate: float, like: Tensor) -> Tensor:
    """Draw which channels of every video stay: 0, or 1 / (1 - rate)."""
    if like.device.type == "cpu":  # a number a clip's worth: never dear, so always torch's own
        noise = torch.empty((n_videos, n_channels), device=like.device, dtype=like.dtype)
        return noise.bernoulli_(1 - rate).div_(1 - rate)
    ones = torch.ones((n_videos, n_channels), device=like.device, dtype=like.dtype)
    return functional.dropout(ones, rate)


class ContextLayer(nn.Module):
    """A convolution of width three over the clips of every video, zeros beyond its ends.

    Parameters
    ----------
    n_in, n_out : int
    dilation : int
        Clips between those that are read.
    """

    def __init__(self, n_in: int, n_out: int, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        bound = (3 * n_in) ** -0.5  # as torch's own convolutions
        self.weight = nn.Parameter(torch.empty(3, n_out, n_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_out).uniform_(-bound, bound))

    def forward(
        self, parts: tuple[Tensor | Rows, ...], places: Places, mask: Tensor | None = None
    ) -> Tensor:
        """Return ``(n_rows, n_out)``.

        Parameters
        ----------
        parts : tuple of Tensor or Rows, of shape (n_rows, n_columns)
            Features, side by side.
        places : Places
        mask : Tensor of shape (n_videos, n_in), default=None
            What the channels of every video are multiplied with.
        """
        if places.each is not None and self._may_convolve(parts):
            return self._convolved(side_by_side(parts, places.each, mask))
        flat = self.weight.flatten(0, 1)  # (3 * n_out, n_in)
        product: Tensor | None = None
        start = 0
        for part in parts:
            columns = slice(start, start + part.shape[1])
            own = None if mask is None else mask[:, columns]
            one = masked_linear(part, flat[:, columns], own, places.video)
            product = one if product is None else product + one
            start = columns.stop
        assert product is not None
        d = self.dilation
        if len(product) <= d:
            return product.chunk(3, dim=1)[1] + self.bias
        inside = (places.before[d:] >= d)[:, None], (places.after[:-d] >= d)[:, None]
        if product.device.type == "cpu" and product.dtype == self.bias.dtype:
            return _ShiftedSum.apply(product, self.bias, *inside, d)
        left, middle, right = product.chunk(3, dim=1)
        out = middle + self.bias
        out = out + functional.pad(left[:-d] * inside[0], (0, 0, d, 0))
        return out + functional.pad(right[d:] * inside[1], (0, 0, 0, d))

    def _may_convolve(self, parts: tuple[Tensor | Rows, ...]) -> bool:
        """Tell where a convolution is at hand that computes as exactly, and sooner."""
        size = sum(0 if part.requires_grad else part.numel() for part in parts)
        plain = all(part.device.type == "cpu" and part.dtype == torch.float32 for part in parts)
        return plain and size <= _COPIED and not torch.is_autocast_enabled("cpu")

    def _convolved(self, x: Tensor) -> Tensor:
        """Return ``(n_rows, n_out)`` of videos ``(n_videos, n_clips, n_in)``."""
        d = self.dilation
        # an image of one line: channels that come last are read as they lie
        image = x.transpose(1, 2).unsqueeze(2)
        kernel = self.weight.permute(1, 2, 0).unsqueeze(2)
        out = functional.conv2d(image, kernel, self.bias, padding=(0, d), dilation=(1, d))
        return out.squeeze(2).transpose(1, 2).flatten(0, 1)


class Context(nn.Module):
    """One layer over neighbouring clips, then residual ones of growing dilation.

    Parameters
    ----------
    n_features : int
    n_units : int
    n_layers : int
        At least 1.
    """

    def __init__(self, n_features: int, n_units: int, n_layers: int) -> None:
        super().__init__()
        self.first = ContextLayer(n_features, n_units)
        self.more = nn.ModuleList(
            ContextLayer(n_units, n_units, 2**layer) for layer in range(1, n_layers)
        )

    def forward(self, parts: tuple[Tensor | Rows, ...], places: Places, dropper: Any) -> Tensor:
        """Return ``(n_rows, n_units)``; `dropper` gives the mask of a layer's input, or None."""
        x = torch.relu(self.first(parts, places, dropper(sum(p.shape[1] for p in parts), parts[0])))
        for layer in self.more:
            x = x + torch.relu(layer((x,), places, dropper(x.shape[1], x)))
        return x


def side_by_side(parts: tuple[Tensor | Rows, ...], each: int, mask: Tensor | None) -> Tensor:
    """Return features ``(n_videos, n_clips, n_columns)``, those of every video times its mask."""
    if any(part.requires_grad for part in parts):
        tensors = [as_tensor(part) for part in parts]
        x = torch.cat(tensors, dim=1) if len(tensors) > 1 else tensors[0]
        x = x.view(-1, each, x.shape[1])
        return x if mask is None else x * mask[:, None]
    widths = [part.shape[1] for part in parts]
    table = torch.empty(len(parts[0]) // each, each, sum(widths))
    for part, place in zip(parts, table.split(widths, dim=2), strict=True):
        place.copy_(as_tensor(part).view(place.shape))
    return table if mask is None else table.mul_(mask[:, None])


def masked_linear(x: Tensor | Rows, weight: Tensor, mask: Tensor | None, video: Tensor) -> Tensor:
    """Return ``(x * mask[video]) @ weight.T`` without a copy of x."""
    if mask is None:
        return as_tensor(x) @ weight.T
    if x.requires_grad or x.device.type != "cpu" or x.numel() <= _CELLS:
        return (as_tensor(x) * mask[video]) @ weight.T
    return _MaskedLinear.apply(x, weight, mask, video)


class _MaskedLinear(torch.autograd.Function):
    """The product, a processor's cache full of rows at a time; x itself has no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor | Rows, weight: Tensor, mask: Tensor, video: Tensor) -> Tensor:
        ctx.x = x  # it is no part of the graph
        ctx.save_for_backward(mask, video)
        out = weight.new_empty(len(x), len(weight))
        flat = weight.T
        for rows, part in _dropped(x, mask, video):
            torch.mm(part, flat, out=out[rows])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None, None]:
        x, (mask, video) = ctx.x, ctx.saved_tensors
        to_weight = grad.new_zeros(grad.shape[1], x.shape[1])
        for rows, part in _dropped(x, mask, video):
            to_weight.addmm_(grad[rows].T, part)
        return None, to_weight, None, None


class _ShiftedSum(torch.autograd.Function):
    """Sum the three parts of the product, shifted, in one pass each: the same numbers, sooner."""

    @staticmethod
    def forward(
        ctx: Any, product: Tensor, bias: Tensor, has_left: Tensor, has_right: Tensor, d: int
    ) -> Tensor:
        left, middle, right = product.chunk(3, dim=1)
        has_left, has_right = has_left.to(product.dtype), has_right.to(product.dtype)
        ctx.save_for_backward(has_left, has_right)
        ctx.d = d
        out = middle + bias
        out[d:].addcmul_(left[:-d], has_left)
        out[:-d].addcmul_(right[d:], has_right)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        (has_left, has_right), d = ctx.saved_tensors, ctx.d
        to_product = grad.new_empty(len(grad), 3 * grad.shape[1])
        left, middle, right = to_product.chunk(3, dim=1)
        torch.mul(grad[d:], has_left, out=left[:-d])
        left[-d:] = 0
        middle.copy_(grad)
        torch.mul(grad[:-d], has_right, out=right[d:])
        right[:d] = 0
        return to_product, grad.sum(0), None, None, None


def _dropped(x: Tensor | Rows, mask: Tensor, video: Tensor) -> Iterator[tuple[slice, Tensor]]:
    step = max(1, _CELLS // x.shape[1])
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        part = x.some(rows) if isinstance(x, Rows) else x[rows]
        yield rows, mask[video[rows]].mul_(part)
