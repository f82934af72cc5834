"""The Action Sensitive Extractor (ASE) variants and the two heads: section 3.1 of the paper.

Streams arrive as one table, side by side. In the paper's figures the main stream is the temporal
one (x^t) and the other is the spatial one (x^s); here either can lead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from sklearn_asn._data.columns import SINGLE
from sklearn_asn._doclink import public
from sklearn_asn._training.context import Context, Places, channel_mask
from sklearn_asn._training.rows import Rows, as_tensor

_OUTER_ROWS = 256
LEVELS = 101  # running attention quantiles: every percent from 0 to 100


class Bilinear(nn.Bilinear):
    """`torch.nn.Bilinear` of two vectors as matrix products: the same numbers, much faster."""

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return ``y_k = input1^T W_k input2 + b_k``, shape ``(..., out_features)``."""
        left, right = input1.flatten(0, -2), input2.flatten(0, -2)
        if left.device.type == "cpu" and left.dtype == self.weight.dtype:
            product = _OuterProducts.apply(left, right, self.weight)
        else:
            product = _outer(left, right) @ self.weight.flatten(1).T
        if self.bias is not None:
            product = product + self.bias
        return product.view(*input1.shape[:-1], len(self.weight))


class _OuterProducts(torch.autograd.Function):
    """Outer products of rows times a flattened weight, a processor's cache full at a time.

    An outer product is larger than its row by far: it is made again for the gradient.
    """

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(left, right, weight)
        out, flat = left.new_empty(len(left), len(weight)), weight.flatten(1).T
        for rows in _blocks_of(len(left)):
            torch.mm(_outer(left[rows], right[rows]), flat, out=out[rows])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        left, right, weight = ctx.saved_tensors
        flat = weight.flatten(1)
        to_left, to_right = torch.empty_like(left), torch.empty_like(right)
        to_weight = torch.zeros_like(flat)
        for rows in _blocks_of(len(left)):
            a, b, g = left[rows], right[rows], grad[rows]
            to_weight.addmm_(g.T, _outer(a, b))
            to_outer = (g @ flat).view(len(g), *weight.shape[1:])
            to_left[rows] = torch.bmm(to_outer, b.unsqueeze(2)).squeeze(2)
            to_right[rows] = torch.bmm(a.unsqueeze(1), to_outer).squeeze(1)
        return to_left, to_right, to_weight.view_as(weight)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Flattened outer product of every row."""
    return (left.unsqueeze(2) * right.unsqueeze(1)).flatten(1)


def _blocks_of(n_rows: int) -> Iterator[slice]:
    return (slice(first, first + _OUTER_ROWS) for first in range(0, n_rows, _OUTER_ROWS))


class MainStream(nn.Module):
    """No extraction: the features of one stream as they are."""

    starts_with_main = True

    def __init__(self, n_main: int) -> None:
        super().__init__()
        self.n_out = n_main

    def forward(self, main: Tensor, other: Tensor) -> tuple[Tensor, ...]:
        """Return the main stream alone."""
        return (main,)


class Fusion(nn.Module):
    """Both streams side by side: x^f = [x^t, x^s] of eq. 1."""

    starts_with_main = True
    other_starts_at_zero = True

    def __init__(self, n_main: int, n_other: int) -> None:
        super().__init__()
        self.n_out = n_main + n_other

    def forward(self, main: Tensor, other: Tensor) -> tuple[Tensor, ...]:
        """Return both."""
        return main, other


class Bottleneck(nn.Module):
    """The other stream distilled (dropout, fully-connected, ReLU), beside the main stream."""

    starts_with_main = True

    def __init__(self, n_main: int, n_other: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.n_out = n_main + hidden_size
        self.dropout = nn.Dropout(dropout)
        self.reduce = nn.Linear(n_other, hidden_size)

    def forward(self, main: Tensor, other: Tensor) -> tuple[Tensor, ...]:
        """Return the main stream and the bottleneck of the other."""
        return main, torch.relu(self.reduce(self.dropout(other)))


class BilinearBottleneck(nn.Module):
    """A bottleneck of each stream, joined by a bilinear layer, beside the main stream."""

    starts_with_main = True

    def __init__(self, n_main: int, n_other: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.n_out = n_main + hidden_size
        self.dropout = nn.Dropout(dropout)
        self.reduce_main = nn.Linear(n_main, hidden_size)
        self.reduce_other = nn.Linear(n_other, hidden_size)
        self.bilinear = Bilinear(hidden_size, hidden_size, hidden_size)

    def forward(self, main: Tensor, other: Tensor) -> tuple[Tensor, ...]:
        """Return the main stream and the bilinear layer of both bottlenecks."""
        a = self.dropout(torch.relu(self.reduce_main(self.dropout(main))))
        b = self.dropout(torch.relu(self.reduce_other(self.dropout(other))))
        return main, torch.relu(self.bilinear(a, b))


#: What stands before the heads, by the name of the variant. One that is not here is a module class
#: of the user's own, made and used in the same way.
EXTRACTORS: dict[str, type[nn.Module]] = {
    "temporal": MainStream,
    "spatial": MainStream,
    SINGLE: MainStream,  # all columns
    "two-stream": MainStream,  # one of each stream, side by side
    "fusion": Fusion,
    "bottleneck": Bottleneck,
    "bilinear": BilinearBottleneck,
}
VARIANTS = tuple(EXTRACTORS)
SINGLE_STREAM = ("temporal", "spatial", SINGLE)


def extractor_class(variant: str | type[nn.Module]) -> type[nn.Module]:
    """Return the class that a variant's features are made by."""
    if isinstance(variant, type):
        return variant
    if variant not in EXTRACTORS:
        raise ValueError(f"variant={variant!r}; expected one of {VARIANTS}.")
    return EXTRACTORS[variant]


def make_extractor(variant: str | type[nn.Module], **sizes: Any) -> nn.Module:
    """Make an extractor with those of `sizes` that its constructor takes.

    >>> make_extractor("fusion", n_main=4, n_other=3, hidden_size=2, dropout=0.5).n_out
    7
    """
    kind = extractor_class(variant)
    taken = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in sizes.items() if name in taken})


@public("sklearn_asn.methods")
@dataclass(frozen=True)
class Heads:
    """How the heads read what an extractor gives; the defaults are the paper's.

    Parameters
    ----------
    dropout : float
        Before classification.
    hidden_size : int
        Units of a layer with ReLU before the heads; 0 is no such layer.
    context_layers : int
        0: that layer reads clips one by one. 1: it reads three neighbours. More: residual layers
        of dilation 2, 4, ... come after it.
    attention : {"linear", "mlp", "max", "background", "any"}
        One linear layer; two with `attention_size` units between (STPN); or none of its own: a
        clip's attention is its largest class activation; the log-odds of not being background,
        where that is one more column of a softmax; or the log-odds of showing any class, where
        classes are independent.
    attention_size : int
    attention_dropout : bool
        Dropout before attention too (UntrimmedNet).
    channel_dropout : bool
        Drop whole channels of a video, the same for all its clips, before every layer.
    give_features : bool
        Give what the classification head reads as a third output (W-TALC's loss needs it).
    """

    dropout: float = 0.5
    hidden_size: int = 0
    context_layers: int = 0
    attention: str = "linear"
    attention_size: int = 256
    attention_dropout: bool = False
    channel_dropout: bool = False
    give_features: bool = False


class ASEModel(nn.Module):
    """An extractor with its classification and attention heads, one linear layer each.

    Not the paper's: `Heads` may put layers before the heads, or another attention.
    """

    def __init__(self, extractor: nn.Module, n_classes: int, heads: Heads) -> None:
        super().__init__()
        n_features = int(extractor.n_out)  # type: ignore[arg-type]
        self.extractor = extractor
        self.heads = heads
        self.dropout = nn.Dropout(heads.dropout)  # before classification only (section 3.3)
        self.hidden: nn.Linear | None = None
        self.context: Context | None = None
        if heads.context_layers:
            self.context = Context(n_features, heads.hidden_size, heads.context_layers)
        elif heads.hidden_size:
            self.hidden = nn.Linear(n_features, heads.hidden_size)
        n_features = heads.hidden_size or n_features
        self.classification = nn.Linear(n_features, n_classes + (heads.attention == "background"))
        self.attention: nn.Module | None = None
        if heads.attention == "linear":
            self.attention = nn.Linear(n_features, 1)
        elif heads.attention == "mlp":
            size = heads.attention_size
            self.attention = nn.Sequential(
                nn.Linear(n_features, size), nn.ReLU(), nn.Linear(size, 1)
            )

    def forward(self, main: Any, other: Any, places: Places | None) -> tuple[Tensor, ...]:
        """Return class activations ``(..., n_classes)`` and raw attention ``(...)``.

        With `places`, rows are those of whole videos, packed one after another, maybe `Rows`.
        """
        if self.context is None or type(self.extractor) not in (MainStream, Fusion):
            main, other = as_tensor(main), as_tensor(other)
        parts = self.extractor(main, other)
        if isinstance(parts, Tensor):
            parts = (parts,)
        plain = self.hidden is None and self.context is None and not self.heads.give_features
        if plain and not self.training and isinstance(self.attention, nn.Linear):
            return self._both_heads(parts, self.attention)
        if self.context is not None and places is not None:
            features = self.context(parts, places, self._masks(places))
        else:
            features = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        if self.hidden is not None:
            read = self._dropped(features, places) if self.heads.channel_dropout else features
            features = torch.relu(self.hidden(read))
        dropped = self._dropped(features, places)
        activations = self.classification(dropped)
        kind = self.heads.attention
        if kind == "background":
            activations, background = activations[..., :-1], activations[..., -1]
            attention = torch.logsumexp(activations, dim=-1) - background
        elif kind == "any":
            attention = log_odds_of_any(activations)
        elif self.attention is None:
            attention = activations.amax(dim=-1)
        else:
            read = dropped if self.heads.attention_dropout else features
            attention = self.attention(read).squeeze(-1)
        more = (dropped,) if self.heads.give_features else ()
        return activations, attention, *more

    def _dropped(self, features: Tensor, places: Places | None) -> Tensor:
        """Drop before a head: clips' features one by one, or channels of whole videos."""
        if not self.heads.channel_dropout:
            return self.dropout(features)
        if not self.training or not self.heads.dropout:
            return features
        width = features.shape[-1]
        if places is None:  # (n_videos, n_clips, n_features)
            mask = channel_mask(len(features), width, self.heads.dropout, features)
            return features * mask.view(-1, *[1] * (features.ndim - 2), width)
        mask = channel_mask(places.n_videos, width, self.heads.dropout, features)
        return places.times(features, mask)

    def _masks(self, places: Places) -> Callable[[int, Tensor], Tensor | None]:
        """Return what draws the channels that a layer sees of every video."""
        drops = self.training and self.heads.channel_dropout and self.heads.dropout > 0

        def mask(n_channels: int, like: Tensor) -> Tensor | None:
            if not drops:
                return None
            return channel_mask(places.n_videos, n_channels, self.heads.dropout, like)

        return mask

    def _both_heads(self, parts: tuple[Tensor, ...], attention: nn.Linear) -> tuple[Tensor, ...]:
        """Apply both linear heads at once, to the parts of the features where they lie.

        In use there is no dropout between the heads, and features are large: one pass over them.
        """
        weight = torch.cat([self.classification.weight, attention.weight])
        scores = torch.cat([self.classification.bias, attention.bias])
        start = 0
        for part in parts:
            stop = start + part.shape[-1]
            scores = scores + nn.functional.linear(part, weight[:, start:stop])
            start = stop
        return scores[..., :-1], scores[..., -1]


def log_odds_of_any(activations: Tensor) -> Tensor:
    """Return the log-odds that a clip shows any of independent classes."""
    none = nn.functional.logsigmoid(-activations).sum(dim=-1).clamp(max=-1e-6)  # log probability
    return torch.log(-torch.expm1(none)) - none


class ASENetwork(nn.Module):
    """One ASE model, or two independent ones side by side for the two-stream variant.

    Parameters
    ----------
    variant : str or type
        One of `VARIANTS`, or a module class: made with those of `n_main`, `n_other`, `hidden_size`
        and `dropout` that its constructor takes, it has ``n_out`` and ``forward(main, other)``.
    n_main, n_other : int
        Columns of the main stream and of the other.
    n_classes : int
        Number of actions.
    hidden_size : int
        Units of the bottleneck layers and of the bilinear layer.
    dropout : float
        Before the bottleneck layers and the bilinear layer.
    heads : Heads
    main_first : bool
        Whether the main stream's columns stand before the other's, or after.

    Notes
    -----
    `attention_quantiles` holds the running quantiles of section 3.2 as a buffer, as batch
    normalisation holds its running mean: fixed in use, saved with the weights.
    """

    attention_quantiles: Tensor
    n_batches: Tensor

    def __init__(
        self,
        variant: str | type[nn.Module],
        n_main: int,
        n_other: int,
        n_classes: int,
        hidden_size: int = 128,
        dropout: float = 0.5,
        heads: Heads = Heads(),
        main_first: bool = True,
    ) -> None:
        super().__init__()
        sizes: dict[str, Any] = {"hidden_size": hidden_size, "dropout": dropout}
        widths = [(n_main, n_other), (n_other, n_main)][: 2 if variant == "two-stream" else 1]
        extractors = [make_extractor(variant, n_main=a, n_other=b, **sizes) for a, b in widths]
        self.n_main = n_main
        self.main_first = main_first
        self.models = nn.ModuleList(ASEModel(part, n_classes, heads) for part in extractors)
        self.register_buffer("attention_quantiles", torch.zeros(len(self.models), LEVELS))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.long))

    def forward(
        self,
        x: Tensor | Rows,
        before: Tensor | None = None,
        after: Tensor | None = None,
        keep: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Score clips.

        Parameters
        ----------
        x : Tensor or Rows, of shape (..., n_main + n_other)
            With the other arguments, the clips of whole videos, packed one after another.
        before, after : Tensor of int, shape (n_rows,), default=None
            Rows of the same video before and after each.
        keep : Tensor of bool, shape (n_rows,), default=None
            Packed rows that are wanted: the others are neighbours. None: all are, and they come
            back as a table of videos, padded with zeros to the longest.

        Returns
        -------
        activations : Tensor of shape (..., n_models, n_classes)
            Class activations (logits).
        attention : Tensor of shape (..., n_models)
            Raw attention.
        features : Tensor of shape (..., n_features)
            Only where `heads` asks for them: what the first model's classification reads.
        """
        places = None
        if before is not None and after is not None:
            places = Places.of(before, after, look=self.training)
        n = self.n_main
        main, other = (x[..., :n], x[..., n:]) if self.main_first else (x[..., -n:], x[..., :-n])
        # of two independent models, each has a stream of its own
        pairs = ((main, other), (other, main))
        scored = [model(*pair, places) for model, pair in zip(self.models, pairs, strict=False)]
        if len(scored) == 1:
            activations, attention, *more = scored[0]
            given = (activations.unsqueeze(-2), attention.unsqueeze(-1), *more)
        else:
            activations = torch.stack([one[0] for one in scored], dim=-2)
            attention = torch.stack([one[1] for one in scored], dim=-1)
            given = (activations, attention, *scored[0][2:])
        if keep is not None:
            return tuple(part[keep] for part in given)
        if places is not None:
            return tuple(map(places.table, given))
        return given

    @torch.no_grad()
    def inherit(self, parent: Mapping[str, Tensor]) -> None:
        """Take over the heads of a trained main-stream network (its ``state_dict``).

        The main stream's columns of both heads are copied. Other columns stay random, but zero
        for fusion (eq. 1), which therefore starts with exactly its parent's outputs. Of two
        independent models, each takes those under its own name.
        """
        own = self.state_dict()
        for i, model in enumerate(self.models):
            zero = getattr(model.extractor, "other_starts_at_zero", False)
            first = "context.first" if model.context is not None else ""
            for name, value in parent.items():
                if not name.startswith(f"models.{i}.") or ".extractor." in name:
                    continue
                given = torch.as_tensor(value)
                if given.ndim < 2 or not name.startswith(f"models.{i}.{first}"):
                    own[name].copy_(given)  # it reads no columns of X
                    continue
                if zero:
                    own[name].zero_()
                own[name][..., : given.shape[-1]] = given

    @torch.no_grad()
    def track_quantiles(self, attention: Tensor, weight: Tensor, momentum: float) -> None:
        """Move the running quantiles by one batch (eq. 2); the first batch sets them.

        Parameters
        ----------
        attention : Tensor of shape (n_clips, n_models)
            Raw attention of the clips of this batch.
        weight : Tensor of shape (n_clips,)
            How many clips each one stands for (1, unless videos are weighted).
        momentum : float
            alpha in eq. 2.
        """
        now = attention_quantiles(attention, weight)
        moved = momentum * self.attention_quantiles + (1 - momentum) * now
        self.attention_quantiles.copy_(torch.where(self.n_batches == 0, now, moved))
        self.n_batches += 1


def attention_quantiles(attention: Tensor, weight: Tensor) -> Tensor:
    """Return the attention at every percent, ``(n_models, 101)``: `numpy.quantile` with weights.

    A clip of weight w counts as w equal clips.
    """
    values, order = torch.sort(attention.double(), dim=0)
    count = torch.cumsum(weight.double()[order], dim=0)  # clips up to here
    last = (count[-1] - 1).clamp(min=0)
    level = torch.linspace(0, 1, LEVELS, dtype=torch.float64, device=attention.device)
    position = last[:, None] * level
    below = position.floor()
    above = torch.minimum(below + 1, last[:, None])
    count = count.T.contiguous()
    values = values.T.contiguous()

    def value_at(index: Tensor) -> Tensor:
        row = torch.searchsorted(count, index.contiguous(), right=True)
        return values.gather(1, row.clamp(max=values.shape[1] - 1))

    low = value_at(below)
    return (low + (position - below) * (value_at(above) - low)).to(attention.dtype)
