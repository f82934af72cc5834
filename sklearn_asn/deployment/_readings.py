"""What a network's scores of one video mean, in torch: the readings of `_localizers` and rivals."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sklearn_asn._localizers.asn import ASNLocalizer
from sklearn_asn._localizers.self_training import SelfTrainingLocalizer
from sklearn_asn.deployment._layers import VideoNetwork, log_sigmoid
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet
from sklearn_asn.rivals.untrimmednet import HARD_DIVISOR


class Said(NamedTuple):
    """What a method says of one video; see `sklearn_asn.methods.Reading`."""

    clip_scores: Tensor  # (n_clips, n_classes)
    video_scores: Tensor  # (n_classes,)
    attention: Tensor  # (n_clips, n_models)
    evidence: Tensor  # (n_clips, n_models, 1 or n_classes)


#: From class activations ``(n_clips, n_models, n_classes)`` and raw attention.
Read = Callable[[Tensor, Tensor], Said]


class Reader(nn.Module):
    """One network, and what its scores mean.

    Parameters
    ----------
    localizer : fitted localizer
    """

    def __init__(self, localizer: Any) -> None:
        super().__init__()
        self.network = VideoNetwork(localizer.model_)
        self.read = _READINGS[type(localizer)](localizer)
        counting = localizer._counting
        self.counting = None if isinstance(counting, slice) else counting

    def forward(self, rows: Tensor) -> Said:
        """Score one video."""
        said = self.read(*self.network(rows))
        if self.counting is None:
            return said
        return said._replace(
            attention=said.attention[:, self.counting], evidence=said.evidence[:, self.counting]
        )


class MeanReader(nn.Module):
    """The mean of several networks that know a background."""

    def __init__(self, localizers: list[Any]) -> None:
        super().__init__()
        self.members = nn.ModuleList(reader_of(localizer) for localizer in localizers)

    def forward(self, rows: Tensor) -> Said:
        """Score one video."""
        said = [member(rows) for member in self.members]
        each = torch.cat([one.attention for one in said], dim=1)
        # log-odds of the mean probability
        foreground = torch.logsumexp(log_sigmoid(each), dim=1)
        background = torch.logsumexp(log_sigmoid(-each), dim=1)
        attention = (foreground - background).to(each.dtype)[:, None]
        return Said(
            torch.stack([one.clip_scores for one in said]).mean(dim=0),
            torch.stack([one.video_scores for one in said]).mean(dim=0),
            attention,
            attention[..., None],
        )


def reader_of(localizer: Any) -> nn.Module:
    """Return the module that reads one video as a localizer does.

    Raises
    ------
    TypeError
        The localizer is of another class: what its scores mean is not known here.
    """
    if type(localizer) is SelfTrainingLocalizer:
        return MeanReader(localizer.localizers_)
    if type(localizer) is AutoLoc:
        return reader_of(localizer.localizer_)
    if type(localizer) not in _READINGS:
        known = ", ".join(kind.__name__ for kind in (*_READINGS, SelfTrainingLocalizer, AutoLoc))
        raise TypeError(
            f"estimator is a {type(localizer).__name__}; expected a fitted localizer of this "
            f"package ({known}) or a Pipeline that ends with one. Of a search give "
            "best_estimator_; the network alone of a method of your own is net_.module_."
        )
    return Reader(localizer)


# ------------------------------------------------------------------ one function a method


def _asn(localizer: ASNLocalizer) -> Read:
    if localizer.pooling == "probability":
        one_class = localizer.class_activation_ == "softmax"
        return _background(localizer.topk_divisor, one_class)
    if localizer.pooling == "topk":
        return _softmax_of_top(localizer.topk_divisor)
    return _softmax_of_attended(localizer.attention_softening)


def _untrimmednet(localizer: UntrimmedNet) -> Read:
    if localizer.clip_selection == "hard":
        return _softmax_of_top(HARD_DIVISOR)
    return _softmax_of_attended(localizer.attention_softening)


def _softmax_of_attended(softening: float) -> Read:
    """Pool activations by the softmax of softened attention (section 3.3)."""

    def read(activations: Tensor, attention: Tensor) -> Said:
        share = torch.softmax(attention / softening, dim=0)
        pooled = (share[..., None] * activations).sum(dim=0)
        return _read_softmax(activations, pooled, attention, attention[..., None])

    return read


def _softmax_of_top(divisor: float) -> Read:
    def read(activations: Tensor, attention: Tensor) -> Said:
        return _read_softmax(activations, top(activations, divisor), attention, activations)

    return read


def _read_softmax(activations: Tensor, pooled: Tensor, attention: Tensor, evidence: Tensor) -> Said:
    clip_scores = torch.softmax(activations, dim=-1).mean(dim=1)
    return Said(clip_scores, torch.softmax(pooled, dim=-1).mean(dim=0), attention, evidence)


def _background(divisor: float, one_class: bool) -> Read:
    """Read a network with a background, whose clips' probabilities are averaged."""

    def read(activations: Tensor, attention: Tensor) -> Said:
        if one_class:
            p = torch.softmax(activations, dim=-1) * torch.sigmoid(attention)[..., None]
        else:
            p = torch.sigmoid(activations)
        p = p.mean(dim=1)
        return Said(p, top(p, divisor), attention, attention[..., None])

    return read


def _wtalc(localizer: WTALC) -> Read:
    def read(activations: Tensor, attention: Tensor) -> Said:
        pooled = top(activations, localizer.topk_divisor)
        return Said(activations[:, 0], pooled[0], attention, activations)

    return read


def _stpn(localizer: STPN) -> Read:
    def read(activations: Tensor, attention: Tensor) -> Said:
        gate = torch.sigmoid(attention)[..., None]
        pooled = (gate * activations).mean(dim=0)
        clip_scores = (gate * torch.sigmoid(activations)).mean(dim=1)
        return Said(clip_scores, torch.sigmoid(pooled).mean(dim=0), attention, attention[..., None])

    return read


def _single_instance(localizer: SingleInstance) -> Read:
    width = localizer.smoothing

    def read(activations: Tensor, attention: Tensor) -> Said:
        p = torch.sigmoid(activations[:, 0])
        if width > 1:
            mean = nn.functional.avg_pool1d(
                p.T[None], width, stride=1, padding=width // 2, count_include_pad=False
            )
            p = mean[0].T
        return Said(p, p.mean(dim=0), p.amax(dim=1, keepdim=True), p[:, None])

    return read


_READINGS: dict[type, Callable[[Any], Read]] = {
    ASNLocalizer: _asn,
    UntrimmedNet: _untrimmednet,
    WTALC: _wtalc,
    STPN: _stpn,
    SingleInstance: _single_instance,
}


def top(values: Tensor, divisor: float) -> Tensor:
    """Average the highest ``ceil(n_clips / divisor)`` values of every column.

    >>> top(torch.tensor([[1.0], [5.0], [3.0]]), 2).item()
    4.0
    """
    n_clips = values.shape[0]
    ranked = torch.sort(values, dim=0, descending=True).values
    rank = torch.arange(n_clips, device=values.device)
    whole = Fraction(divisor).limit_denominator(1000)
    # rank < ceil(n_clips / divisor), in whole numbers
    chosen = (rank * whole.numerator < n_clips * whole.denominator).to(values.dtype)
    chosen = chosen.reshape(-1, *[1] * (values.ndim - 1))
    return (ranked * chosen).sum(dim=0) / chosen.sum()
