"""`Model`: a plan with its weights and running quantiles, the only place where these live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sklearn_asn._checks import resolve_device
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.columns import Columns
from sklearn_asn._data.packed import Offsets
from sklearn_asn._doclink import public
from sklearn_asn._localizers.finite import check_curves, check_scores
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.net import export, plain_module, rebuild, score_clips
from sklearn_asn._training.recipe import Plan, Trained

Array = NDArray[Any]


@public("sklearn_asn.methods")
class Scored(NamedTuple):
    """What the network says of the clips of all videos."""

    activations: Array  # (n_clips, n_models, n_classes)
    attention: Array  # (n_clips, n_models)
    offsets: Offsets


class Model:
    """A trained network: its plan, weights, running quantiles and history.

    They are plain arrays until the net is asked for. From then on the net holds them, and
    whatever is done to it (``load_params``, assigning weights) shows in all that is read here.

    Parameters
    ----------
    plan : Plan
    weights : dict of str to ndarray
        The network's state, running quantiles among it.
    history : list of dict
        One record an epoch.
    trained_with : dict
        Plain values of the estimator's arguments of training.
    net : ASNNet, default=None
        The live net, where it is at hand.
    """

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[str, Array],
        history: list[dict[str, Any]],
        trained_with: Mapping[str, Any],
        net: Any = None,
    ) -> None:
        self.plan: Any = plan  # of AutoLoc's regressor another kind
        self.trained_with = dict(trained_with)
        self._weights = dict(weights)
        self._history = list(history)
        self._net = net
        self._read: Columns | None = None

    def net(self, device: str = "auto", compile: bool = False) -> Any:
        """Return the live net, made at the first call, on a device."""
        wanted = resolve_device(device, True)
        if self._net is None or not self._lives(self._net, wanted, compile):
            self._net = self._rebuild(wanted, compile)
        return self._net

    @property
    def weights(self) -> dict[str, Array]:
        """Weights and running quantiles by name, as plain arrays."""
        return self._weights if self._net is None else self._export()[0]

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, of plain values."""
        return self._history if self._net is None else self._export()[1]

    @property
    def curves(self) -> Array:
        """Recorded quantiles of raw attention, ``(n_models, 101)`` (eq. 2); NaN before any is."""
        if self._net is None:
            recorded = self._weights.get("n_batches", 1)
            curves = self._weights["attention_quantiles"]
        else:  # of the live net this alone: it is asked for with every block of clips
            module: Any = plain_module(self._net)
            recorded = int(module.n_batches)
            curves = np.array(module.attention_quantiles.detach().cpu().numpy())
        return check_curves(curves) if recorded else np.full_like(curves, np.nan)

    def record(self, curves: Array) -> None:
        """Put other quantiles in the place of those recorded, in the live net too."""
        if self._net is not None:
            module: Any = plain_module(self._net)
            with torch.no_grad():
                module.attention_quantiles.copy_(torch.from_numpy(curves))
                module.n_batches.clamp_(min=1)
            return
        self._weights["attention_quantiles"] = np.array(curves)
        if "n_batches" in self._weights:
            self._weights["n_batches"] = np.maximum(self._weights["n_batches"], 1)

    def score(self, clips: Clips, device: str = "auto", compile: bool = False) -> Scored:
        """Score every clip with the network.

        Raises
        ------
        NonFiniteScoresError
            A score is NaN, infinite or beyond all use; it says whether the features or the
            weights are to blame.
        """
        columns, rows_a_clip = self._columns, self.plan.frames_per_clip
        bags, net = Bags.of(clips, columns, rows_a_clip), self.net(device, compile)
        scored = Scored(*score_clips(net, bags), bags.offsets)
        check_scores(scored, clips, columns, rows_a_clip, plain_module(net))
        return scored

    @property
    def _columns(self) -> Columns:
        """What the network reads, kept: a plan has every column's number in a tuple."""
        if self._read is None:
            self._read = self.plan.reads
        return self._read

    def _lives(self, net: Any, device: str, compile: bool) -> bool:
        """Tell whether a net is as it is wanted."""
        return str(net.device) == device and bool(net.compile) == bool(compile)

    def _export(self) -> tuple[dict[str, Array], list[dict[str, Any]]]:
        return export(self._net)

    def _rebuild(self, device: str, compile: bool) -> Any:
        return rebuild(self.plan, Trained(self.weights, self.history), device, compile)

    def __getstate__(self) -> dict[str, Any]:
        """Weights travel as plain arrays: the net, which may sit on a GPU, is made anew."""
        weights = {name: np.array(value) for name, value in self.weights.items()}
        return {
            "plan": self.plan,
            "trained_with": self.trained_with,
            "_weights": weights,
            "_history": self.history,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._net = self._read = None
