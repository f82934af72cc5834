"""AutoLoc's boundary regressor: boxes moved by a network, their contrast, its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sklearn_asn._data.columns import Columns, join_columns
from sklearn_asn._localizers.model import Model
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.isolation import own_torch
from sklearn_asn._training.progress import Progress
from sklearn_asn._training.recipe import Plan

WIDTH_LIMIT = 2.0  # of dw: a box is exp(-2) to exp(2) times its anchor, whatever the network says
SLIVER = 1e-3  # clips; a box or ring with less of the video than that has nothing of it


@dataclass(frozen=True)
class Rule:
    """Which boxes are compared and kept; as in `AutoLoc`."""

    scales: NDArray[np.int64]
    outer_weight: float
    inflation: float
    min_activation: float
    min_contrast: float


class Boxes(NamedTuple):
    """The boxes of one video, clipped to it, by the clip that proposed them."""

    label: Tensor
    start: Tensor
    end: Tensor
    contrast: Tensor


class BoundaryRegressor(nn.Module):
    """Three temporal convolutions, then the move (dx, dw) of every anchor at every clip."""

    def __init__(self, n_features: int, hidden_size: int, n_anchors: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (n_features, hidden_size, hidden_size):
            convolution = nn.Conv1d(width, hidden_size, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(convolution.weight, 0.1, nonlinearity="leaky_relu")
            layers += [convolution, nn.BatchNorm1d(hidden_size), nn.LeakyReLU(0.1)]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv1d(hidden_size, 2 * n_anchors, 1)
        assert self.head.bias is not None
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, clips: Tensor) -> Tensor:
        """Turn one video ``(n_clips, n_features)`` into moves ``(n_clips, n_anchors, 2)``."""
        moves = self.head(self.trunk(clips.T[None]))[0].T
        return moves.reshape(len(clips), -1, 2)

    def export(self) -> dict[str, NDArray[Any]]:
        """Return all weights as plain arrays."""
        return {k: v.detach().cpu().numpy().copy() for k, v in self.state_dict().items()}


@dataclass(frozen=True)
class BoxPlan:
    """What the regressor is: the columns and rows that its localizer reads, and its size."""

    columns: tuple[int, ...]  # plain numbers: plans are compared
    frames_per_clip: int
    hidden_size: int
    scales: tuple[int, ...]

    @classmethod
    def over(cls, plan: Plan, hidden_size: int, scales: Any) -> BoxPlan:
        """Plan a regressor that reads what a localizer's plan does, main stream first."""
        columns = tuple(column for part in plan.columns for column in part)
        lengths = tuple(int(scale) for scale in scales)
        return cls(columns, plan.frames_per_clip, hidden_size, lengths)

    @property
    def reads(self) -> Columns:
        """The columns in the order in which the regressor takes them."""
        return join_columns([np.array(self.columns, dtype=np.int64)])

    @property
    def n_columns(self) -> int:
        """How many these are."""
        return len(self.columns)

    def build(self) -> BoundaryRegressor:
        """Make the network, with random weights."""
        return BoundaryRegressor(self.n_columns, self.hidden_size, len(self.scales))


class BoxModel(Model):
    """A trained boundary regressor."""

    @property
    def curves(self) -> NDArray[Any]:
        """None: boxes are compared with no quantile."""
        raise AttributeError("A boundary regressor has no attention quantiles.")

    def _lives(self, net: Any, device: str, compile: bool) -> bool:
        return str(next(net.parameters()).device) in (device, f"{device}:0")

    def _export(self) -> tuple[dict[str, NDArray[Any]], list[dict[str, Any]]]:
        return self._net.export(), self._history

    def _rebuild(self, device: str, compile: bool) -> BoundaryRegressor:
        weights = self.weights
        with own_torch(0):
            net = self.plan.build()
        net.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
        return net.to(device).eval()


def move_anchors(moves: Tensor, clip: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
    """Return start and end (not clipped) of anchors centred on clips, moved by (dx, dw).

    Parameters
    ----------
    moves : Tensor of shape (n_positions, n_anchors, 2)
    clip : Tensor of shape (n_positions,)
    scales : Tensor of shape (n_anchors,)

    Examples
    --------
    >>> moves = torch.tensor([[[0.0, 0.0], [0.25, 0.0]]])
    >>> start, end = move_anchors(moves, torch.tensor([5]), torch.tensor([2, 4]))
    >>> start.tolist(), end.tolist()
    ([[4.5, 4.5]], [[6.5, 8.5]])
    """
    dx, dw = moves.unbind(dim=-1)
    centre = clip[:, None] + 0.5 + dx * scales
    half = dw.clamp(-WIDTH_LIMIT, WIDTH_LIMIT).exp() * scales / 2
    return centre - half, centre + half


def box_contrast(
    sequence: Tensor,
    label: Tensor,
    start: Tensor,
    end: Tensor,
    extent: float,
    outer_weight: float,
    inflation: float,
) -> Tensor:
    """Return mean CAS inside boxes minus `outer_weight` times that of the ring around them.

    The CAS is a step function of time, so its integral up to a border is interpolated linearly
    between cumulative sums. The gradient of a mean to one of its ends is then what AutoLoc's
    layer computes by hand: the CAS there minus the mean, over the length.

    Parameters
    ----------
    sequence : Tensor of shape (n_clips, n_classes)
        The CAS, in float64.
    label : Tensor of int, broadcastable to `start`
    start, end : Tensor
        Boxes, not clipped.
    extent : float
        Length of the video in clips (its last clip may be a part of one).
    outer_weight, inflation : float

    Returns
    -------
    Tensor of the shape of `start`; minus infinity for boxes outside the video

    Examples
    --------
    >>> cas = torch.tensor([[0.0], [0.8], [0.4], [0.0]], dtype=torch.float64)
    >>> label, start, end = torch.tensor([0]), torch.tensor([1.5]), torch.tensor([3.0])
    >>> box_contrast(cas, label, start, end, 4.0, 1.0, 0.25).round(decimals=3)
    tensor([0.3330], dtype=torch.float64)
    """
    total = functional.pad(sequence.cumsum(dim=0), (0, 0, 1, 0))
    margin = (inflation * (end - start)).clamp(min=1.0)
    border = torch.stack([start, end, start - margin, end + margin]).clamp(0.0, extent)
    clip = border.detach().long().clamp(max=len(sequence) - 1)
    until = total[clip, label] + (border - clip) * sequence[clip, label]
    inner, inner_length = until[1] - until[0], border[1] - border[0]
    ring, ring_length = until[3] - until[2] - inner, border[3] - border[2] - inner_length
    around = torch.where(ring_length > SLIVER, ring / ring_length.clamp(min=SLIVER), 0.0)
    contrast = inner / inner_length.clamp(min=SLIVER) - outer_weight * around
    return torch.where(inner_length > SLIVER, contrast, -torch.inf)


def best_boxes(moves: Tensor, sequence: Tensor, extent: float, rule: Rule) -> Boxes:
    """Return the box of most contrast at every activated clip of every class, if it has enough."""
    clip, label = (sequence > rule.min_activation).nonzero(as_tuple=True)
    start, end = move_anchors(moves[clip], clip, torch.from_numpy(rule.scales))
    contrast = box_contrast(
        sequence, label[:, None], start, end, extent, rule.outer_weight, rule.inflation
    )
    best = contrast.argmax(dim=1, keepdim=True)
    start, end, contrast = (v.gather(1, best)[:, 0] for v in (start, end, contrast))
    kept = contrast > rule.min_contrast
    start, end = start[kept].clamp(0.0, extent), end[kept].clamp(0.0, extent)
    return Boxes(label[kept], start, end, contrast[kept])


def propose(
    net: BoundaryRegressor, bags: Bags, sequence: NDArray[Any], video: int, rule: Rule
) -> Boxes:
    """Return the best boxes of one video; `sequence` is the CAS of all of them."""
    first, stop = bags.offsets[video : video + 2].tolist()
    device = next(net.parameters()).device
    # boxes are few: in float64 on the CPU, exact and the same in every run
    moves = net(bags.clips(first, stop).to(device)).cpu().double()
    if not torch.isfinite(moves).all():
        raise FloatingPointError(
            f"The boundary regressor's output for video {video} is not finite. Use a smaller lr, "
            "or scale the features, e.g. with ClipWise(StandardScaler()) before AutoLoc."
        )
    own = torch.from_numpy(sequence[first:stop].astype(np.float64))
    extent = float(bags.lengths[video]) / bags.frames_per_clip
    return best_boxes(moves, own, extent, rule)


def proposing_videos(
    sequence: NDArray[Any], bags: Bags, min_activation: float
) -> NDArray[np.int64]:
    """Return the videos that have an activated clip."""
    # in float64 also where NumPy is older than 2
    activated = np.greater(sequence, min_activation, signature="dd->?").any(axis=1)
    return np.flatnonzero(np.add.reduceat(activated, bags.offsets[:-1], dtype=np.int64))


def train_regressor(
    net: BoundaryRegressor,
    bags: Bags,
    sequence: NDArray[Any],
    rule: Rule,
    *,
    lr: float,
    weight_decay: float,
    lr_decay_steps: int | None,
    max_epochs: int,
    seed: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Move boxes towards more contrast, one video a step; return one record an epoch.

    `sequence` is zero for the classes that a video does not show. Of one clip there is nothing
    to move, so such videos are left out.
    """
    videos = proposing_videos(sequence, bags, rule.min_activation)
    videos = videos[np.diff(bags.offsets)[videos] > 1]
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, weight_decay=weight_decay)
    decay = torch.optim.lr_scheduler.StepLR(optimizer, lr_decay_steps or 1, gamma=0.1)
    rng = np.random.default_rng(seed)
    history = []
    net.train()
    progress.start(max_epochs * len(videos))
    progress.begin()
    for epoch in range(1, max_epochs + 1):
        losses: list[float] = []
        n_boxes = 0
        for done, video in enumerate(rng.permutation(videos).tolist()):
            if losses:
                progress.step((epoch - 1) * len(videos) + done, losses[-1])
            contrast = propose(net, bags, sequence, video, rule).contrast
            if not len(contrast):
                continue
            loss = -contrast.mean()
            optimizer.zero_grad()
            (float(bags.weight[video]) * loss).backward()
            optimizer.step()
            if lr_decay_steps is not None:
                decay.step()
            losses.append(loss.item())
            n_boxes += len(contrast)
        mean = float(np.mean(losses)) if losses else float("nan")
        history.append({"epoch": epoch, "train_loss": mean, "n_boxes": n_boxes})
        if progress.verbose > 1:
            print(f"epoch {epoch}: train_loss {mean:.4f}, {n_boxes} boxes")
    progress.finish(history)
    net.eval()
    if not all(bool(torch.isfinite(p).all()) for p in net.parameters()):
        raise FloatingPointError(
            f"Training of the boundary regressor diverged; use a smaller lr than {lr:g}."
        )
    return history
