"""What training minimises: attention-pooled cross-entropy (eq. 3), and the rivals' criteria.

Every criterion reads the network's output for a batch of videos, padded to the same number of
clips: activations ``(n_videos, n_clips, n_models, n_classes)``, raw attention
``(n_videos, n_clips, n_models)``, and whatever more the network gives. `known` holds the label
distribution y / sum(y) of every video ("target"), its weight ("weight"), and which clips are real
("valid"). It returns the weighted mean over videos, summed over independent models; a video
without labels adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Known = Mapping[str, Tensor]

MOST_CLAIMED = 1 / 2  # of a video, by all its classes together, for a softmax over classes
MOST_SHOWN = 1 / 3  # of all classes, by one video


class PooledCrossEntropy(nn.Module):
    """Cross-entropy of a video's pooled class activations (eq. 3, with its minus sign).

    Parameters
    ----------
    pooling : {"attention", "topk"}
        ``"attention"``: activations are averaged with the softmax of attention over the video's
        clips. ``"topk"`` (W-TALC's, not the paper's) averages the highest activations of each
        class.
    topk_divisor : float
        One in so many clips is averaged, rounded up.
    """

    def __init__(self, pooling: str = "attention", topk_divisor: float = 8) -> None:
        super().__init__()
        self.pooling = pooling
        self.topk_divisor = topk_divisor

    def forward(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the loss of a batch."""
        activations, attention = scored[:2]
        if self.pooling == "topk":
            pooled = pool_top(activations, known["valid"], self.topk_divisor)
        else:
            share = attention_share(attention, known["valid"])
            pooled = torch.einsum("nkm,nkmc->nmc", share, activations)
        return weighted_mean(cross_entropy(torch.log_softmax(pooled, dim=-1), known), known)


class ProbabilityPooling(nn.Module):
    """Binary cross-entropy of the highest clip probabilities of every class; not the paper's.

    A clip shows class c with probability p_c, or is background. The video's probability of c is
    the mean of its highest ``ceil(n_clips / topk_divisor)`` p_c. Where it is known what the clips
    of a video show ("clip_target", for the videos "taught"), the cross-entropy of p against it,
    averaged over clips, is added.

    Parameters
    ----------
    topk_divisor : float
    class_activation : {"softmax", "sigmoid"}
        One class a clip (or background), or any number of them.
    unlabelled : {"ignore", "background"}
        What a video without labels says: nothing, or that it shows no class.
    """

    def __init__(
        self,
        topk_divisor: float = 8,
        class_activation: str = "softmax",
        unlabelled: str = "ignore",
    ) -> None:
        super().__init__()
        self.topk_divisor = topk_divisor
        self.class_activation = class_activation
        self.unlabelled = unlabelled

    def forward(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the loss of a batch."""
        activations, attention = scored[:2]
        valid, target = known["valid"], known["target"]
        log_p = self.log_probabilities(activations, attention)
        video = pool_top(log_p.exp(), valid, self.topk_divisor)
        present = (target > 0).to(video.dtype)[:, None, :].expand_as(video)
        # near 0 and 1 float32 has no room for a logarithm
        video = video.clamp(1e-6, 1 - 1e-6)
        loss = 0.5 * functional.binary_cross_entropy(video, present, reduction="none").sum(-1)
        says = (target > 0).any(dim=-1)
        if self.unlabelled == "background":
            says = torch.ones_like(says)
        loss = loss.sum(dim=-1) * says
        if "clip_target" in known:
            taught = known["taught"] > 0
            says = says | taught
            loss = loss + taught * self.teach(log_p, activations, attention, known)
        weight = known["weight"] * says
        return (weight * loss).sum() / weight.sum().clamp(min=1e-12)

    def log_probabilities(self, activations: Tensor, attention: Tensor) -> Tensor:
        """Return log p of every clip and class."""
        if self.class_activation == "sigmoid":
            return functional.logsigmoid(activations)
        # attention is the log-odds of not being background
        foreground = functional.logsigmoid(attention)[..., None]
        return torch.log_softmax(activations, dim=-1) + foreground

    def teach(self, log_p: Tensor, activations: Tensor, attention: Tensor, known: Known) -> Tensor:
        """Return the cross-entropy against what clips show, a mean over each video's clips."""
        goal, valid = known["clip_target"][:, :, None], known["valid"]
        if self.class_activation == "sigmoid":
            log_not = functional.logsigmoid(-activations)
            shown = goal[..., :-1]
            loss = -(shown * log_p + (1 - shown) * log_not).sum(dim=-1)
        else:
            background = functional.logsigmoid(-attention)[..., None]
            loss = -(goal * torch.cat([log_p, background], dim=-1)).sum(dim=-1)
        loss = torch.where(valid[..., None], loss, 0.0).sum(dim=-1)
        return loss.sum(dim=1) / valid.sum(dim=1)


def choose_activation(
    class_activation: str, labels_per_video: float, n_classes: int, topk_divisor: float
) -> str:
    """Return ``"softmax"`` or ``"sigmoid"``; ``"auto"`` goes by the labels.

    Under a softmax no two classes can have the same clip, and a class is learned by its contrast to
    the others. That asks too much where a video shows more than a third of all classes, so that
    labels hardly tell them apart, or so many that their best clips, one in `topk_divisor` each,
    would be more than half of the video.

    >>> choose_activation("auto", 2.2, 12, 8), choose_activation("auto", 5.5, 11, 8)
    ('softmax', 'sigmoid')
    """
    if class_activation != "auto":
        return class_activation
    few = min(MOST_SHOWN * n_classes, MOST_CLAIMED * topk_divisor)
    return "softmax" if labels_per_video <= few else "sigmoid"


def criterion_of(
    pooling: str, topk_divisor: float, class_activation: str, unlabelled: str
) -> tuple[type[nn.Module], dict[str, Any], str]:
    """Return the criterion of a pooling, its arguments, and the attention that it reads."""
    if pooling != "probability":
        divisor = topk_divisor if pooling == "topk" else 0  # of no effect: no other model
        attention = "max" if pooling == "topk" else "linear"
        return PooledCrossEntropy, {"pooling": pooling, "topk_divisor": divisor}, attention
    options = {
        "topk_divisor": topk_divisor,
        "class_activation": class_activation,
        "unlabelled": unlabelled,
    }
    attention = "background" if class_activation == "softmax" else "any"
    return ProbabilityPooling, options, attention


class MixtureCrossEntropy(nn.Module):
    """UntrimmedNet's soft selection: clip *probabilities* are averaged with softmax attention."""

    def forward(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the loss of a batch."""
        activations, attention = scored[:2]
        log_share = torch.log_softmax(hidden(attention, known["valid"]), dim=1)
        mixture = torch.logsumexp(
            log_share[..., None] + torch.log_softmax(activations, dim=-1), dim=1
        )
        return weighted_mean(cross_entropy(mixture, known), known)


class SparseSigmoid(nn.Module):
    """STPN: binary cross-entropy of sigmoid-attended activations, plus an L1 norm of attention.

    Parameters
    ----------
    sparsity : float
        Weight of the mean over clips of ``sigmoid(attention)`` (beta).
    """

    def __init__(self, sparsity: float = 1e-4) -> None:
        super().__init__()
        self.sparsity = sparsity

    def forward(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the loss of a batch."""
        activations, attention = scored[:2]
        valid = known["valid"][..., None]
        n_clips = valid.sum(dim=1)
        gate = torch.sigmoid(attention) * valid
        pooled = torch.einsum("nkm,nkmc->nmc", gate, activations) / n_clips[..., None]
        present = (known["target"] > 0).to(pooled.dtype)[:, None, :].expand_as(pooled)
        loss = functional.binary_cross_entropy_with_logits(pooled, present, reduction="none")
        labelled = present.any(dim=-1)  # what an unlabelled video shows is not known
        loss = (loss.mean(dim=-1) * labelled).sum(dim=1)
        norm = (gate.sum(dim=1) / n_clips).sum(dim=1)
        return weighted_mean(loss + self.sparsity * norm, known)


class CoActivity(nn.Module):
    """W-TALC: top-k cross-entropy mixed with the co-activity similarity loss.

    For two videos of a batch that share a class, features where the class is active (weighted
    with the softmax of its activation over the video's clips) must be closer, by a margin in
    cosine distance, than those of one are to the inactive features of the other. All such pairs
    of a batch count; W-TALC draws three a batch.

    Parameters
    ----------
    topk_divisor : float
    co_activity : float in [0, 1]
        Share of the co-activity loss (1 - lambda; 0.5 in W-TALC).
    margin : float
    """

    def __init__(
        self, topk_divisor: float = 8, co_activity: float = 0.5, margin: float = 0.5
    ) -> None:
        super().__init__()
        self.classify = PooledCrossEntropy("topk", topk_divisor)
        self.co_activity = co_activity
        self.margin = margin

    def forward(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the loss of a batch; the network gives clip features third."""
        loss = (1 - self.co_activity) * self.classify(scored, known)
        if self.co_activity:
            loss = loss + self.co_activity * self.similarity(scored, known)
        return loss

    def similarity(self, scored: tuple[Tensor, ...], known: Known) -> Tensor:
        """Return the mean ranking loss over ordered pairs of videos that share a class."""
        activations, _, features = scored
        valid = known["valid"]
        enough = (valid.sum(dim=1) > 1)[:, None]  # the rest of a video of one clip is nothing
        video, label = torch.nonzero((known["target"] > 0) & enough, as_tuple=True)
        share = torch.softmax(hidden(activations.mean(dim=2), valid), dim=1)
        high_share = share[video, :, label]  # (labels, clips)
        mask = valid[video]
        low_share = (1 - high_share) * mask / (mask.sum(dim=1, keepdim=True) - 1).clamp(min=1)
        high = functional.normalize(
            torch.einsum("rk,rkd->rd", high_share, features[video]), dim=1, eps=1e-6
        )
        low = functional.normalize(
            torch.einsum("rk,rkd->rd", low_share, features[video]), dim=1, eps=1e-6
        )
        pair = (label[:, None] == label[None]) & (video[:, None] != video[None])
        if not pair.any():
            return activations.sum() * 0.0
        # cosine distance: d(high, high) - d(high, low) = high.low - high.high
        together = (high @ high.T)[pair]
        apart = (high @ low.T)[pair]
        return torch.relu(apart - together + self.margin).mean()


def attention_share(attention: Tensor, valid: Tensor) -> Tensor:
    """Softmax of attention over the real clips of every video."""
    return torch.softmax(hidden(attention, valid), dim=1)


def hidden(values: Tensor, valid: Tensor) -> Tensor:
    """Put minus infinity where there is no clip; `values` is ``(n_videos, n_clips, ...)``."""
    return values.masked_fill(~valid.view(*valid.shape, *[1] * (values.ndim - 2)), -torch.inf)


def pool_top(activations: Tensor, valid: Tensor, divisor: float) -> Tensor:
    """Average the highest ``ceil(n_clips / divisor)`` activations of each class of each video.

    Parameters
    ----------
    activations : Tensor of shape (n_videos, n_clips, n_models, n_classes)
    valid : Tensor of bool, shape (n_videos, n_clips)
    divisor : float

    Returns
    -------
    Tensor of shape (n_videos, n_models, n_classes)
    """
    count = torch.ceil(valid.sum(dim=1).double() / divisor - 1e-9).clamp(min=1)
    top = hidden(activations, valid).topk(int(count.max()), dim=1).values
    chosen = torch.arange(top.shape[1], device=valid.device) < count[:, None]
    total = torch.where(chosen[..., None, None], top, 0.0).sum(dim=1)
    return total / count.to(total.dtype)[:, None, None]


def cross_entropy(log_probability: Tensor, known: Known) -> Tensor:
    """Return ``-sum(y log p)`` of every video, summed over models ``(n, n_models, n_classes)``."""
    return -(known["target"][:, None, :] * log_probability).sum(dim=(1, 2))


def weighted_mean(loss: Tensor, known: Known) -> Tensor:
    """Average the videos' losses with their weights."""
    return (known["weight"] * loss).sum() / known["weight"].sum()
