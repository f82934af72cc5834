"""Training (section 3.3): attention-pooled cross-entropy, running quantiles, through skorch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from skorch.history import History
from skorch.utils import to_tensor
from torch import Tensor, nn
from torch.optim.lr_scheduler import MultiStepLR

from sklearn_asn._training.bags import Bags
from sklearn_asn._training.context import reach_of
from sklearn_asn._training.isolation import own_torch
from sklearn_asn._training.network import ASENetwork
from sklearn_asn._training.progress import Progress, ShowProgress
from sklearn_asn._training.recipe import Plan, Trained
from sklearn_asn._training.rows import Rows
from sklearn_asn._training.sampling import BagBatches, ClipBlocks
from sklearn_asn._training.schedule import CosineSchedule
from sklearn_asn._training.watch import WatchAttention

CLIPS_A_VIDEO: float = 7  # in use, where training takes all of them: so many are scored at a time
RECORDED_LEVELS = [10, 30, 50, 70, 90]  # percent, in the history
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class ClipGradients(Callback):
    """Limit the gradient's norm of each independent model, as if it were trained alone."""

    def __init__(self, max_norm: float) -> None:
        self.max_norm = max_norm

    def on_grad_computed(self, net: Any, **kwargs: Any) -> None:
        """Scale gradients down where they are too long."""
        for model in net.module_.models:
            nn.utils.clip_grad_norm_(model.parameters(), self.max_norm)


class StopTraining(Exception):
    """A callback has asked for the end of training."""


class ASNNet(NeuralNet):
    """The skorch net: tracks attention quantiles and refuses to train on after a divergence."""

    def __init__(
        self,
        *args: Any,
        quantile_momentum: float = 0.9,
        precision: str = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.quantile_momentum = quantile_momentum
        self.precision = precision

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the network, its matrix products in the lower precision where asked for."""
        if self.precision == "float32":
            return self._infer(x, **fit_params)
        kind = torch.device(self.device).type
        with torch.autocast(kind, dtype=getattr(torch, self.precision)):
            scored = self._infer(x, **fit_params)
        return tuple(part.float() for part in scored)

    def _infer(self, x: Any, **fit_params: Any) -> Any:
        """Do as skorch does; it knows no `Rows`, which have nowhere to be moved to."""
        if not isinstance(x, dict) or not isinstance(x["x"], Rows):
            return super().infer(x, **fit_params)
        others = {name: value for name, value in x.items() if name != "x"}
        return self.module_(x["x"], **to_tensor(others, device=self.device), **fit_params)

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take skorch's step, then move the running quantiles by this batch's attention."""
        step = super().train_step_single(batch, **fit_params)
        if not torch.isfinite(step["loss"]):
            raise FloatingPointError(self._advice(step["loss"].item()))
        known = batch[1]
        attention = step["y_pred"][1]
        valid = known["valid"]
        if "recorded" in known:
            if not known["recorded"].any():  # trimmed videos alone
                return step
            valid = valid & known["recorded"][:, None]
        valid = valid.to(attention.device)
        weight = known["weight"].to(attention.device)[:, None].expand(valid.shape)
        self.module_.track_quantiles(
            attention.detach()[valid], weight[valid], self.quantile_momentum
        )
        return step

    def on_epoch_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Record the running quantiles at a few levels, for `TrainingDisplay`."""
        super().on_epoch_end(net, *args, **kwargs)
        curves = self.module_.attention_quantiles[:, RECORDED_LEVELS].tolist()
        self.history.record("attention_quantiles", curves if len(curves) > 1 else curves[0])

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Check the last step too, whose result no later loss has seen."""
        super().on_train_end(net, X=X, y=y, **kwargs)
        if not all(bool(torch.isfinite(p).all()) for p in self.module_.parameters()):
            raise FloatingPointError(self._advice(float("nan")))

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any) -> ASNNet:
        """Train without skorch's silent catch of a keyboard interrupt."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        with suppress(StopTraining):
            self.fit_loop(X, y, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Tell callbacks; one that raises KeyboardInterrupt after an epoch (EarlyStopping) ends it.

        Anywhere else a KeyboardInterrupt is the user's, and goes up.
        """
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt:
            if method_name != "on_epoch_end":
                raise
            raise StopTraining from None

    def _advice(self, loss: float) -> str:
        (group,) = self.optimizer_.param_groups[:1]
        return (
            f"Training diverged in epoch {max(len(self.history), 1)}: the loss is {loss} "
            f"(lr is {group['lr']:g}). Use a smaller lr, a smaller gradient_clip (1.0, say), "
            "or scale the features, e.g. with ClipWise(StandardScaler()) before the localizer."
        )


def build_net(
    plan: Plan,
    seed: int,
    device: str,
    callbacks: list[Any] | None = None,
    progress: Progress | None = None,
    compile: bool = False,
) -> ASNNet:
    """Put a plan into skorch's terms (not yet initialised)."""
    milestones = [max(1, round(share * plan.max_epochs)) for share in plan.lr_milestones]
    verbose = 0 if progress is None else progress.verbose
    own: list[Any] = [WatchAttention()]
    if progress is not None and verbose:
        own.append(ShowProgress(progress))
    if plan.lr_schedule == "cosine":
        own.append(("lr_scheduler", CosineSchedule()))
    elif milestones:
        decay = LRScheduler(policy=MultiStepLR, milestones=milestones, gamma=0.1)
        own.append(("lr_scheduler", decay))
    if plan.gradient_clip is not None:
        own.append(("gradient_clip", ClipGradients(plan.gradient_clip)))
    # copied: a callback keeps state, and belongs to the estimator that it was given to
    given = copy.deepcopy(list(callbacks or []))
    context = plan.heads.context_layers
    clips_a_video = plan.sampling["clips_per_video"] or CLIPS_A_VIDEO
    decay_apart = {"weight_decay": plan.extractor_weight_decay}
    return ASNNet(
        ASENetwork,
        **{f"module__{name}": value for name, value in plan.network.items()},
        criterion=plan.criterion,
        **{f"criterion__{name}": value for name, value in plan.criterion_options.items()},
        optimizer=OPTIMIZERS[plan.optimizer],
        **{f"optimizer__{name}": value for name, value in plan.optimizer_options.items()},
        **(
            {}
            if plan.extractor_weight_decay is None
            else {"optimizer__param_groups": [("models.*.extractor.*", decay_apart)]}
        ),
        lr=plan.lr,
        max_epochs=plan.max_epochs,
        batch_size=plan.batch_size,
        iterator_train=BagBatches,
        **{f"iterator_train__{name}": value for name, value in plan.sampling.items()},
        iterator_train__seed=seed,
        iterator_train__whole=context > 0,
        iterator_valid=ClipBlocks,
        iterator_valid__batch_size=max(1, int(plan.batch_size * clips_a_video)),
        iterator_valid__reach=reach_of(context),
        iterator_valid__packed=context > 0,
        train_split=None,
        callbacks=own + given,
        **(
            {"callbacks__print_log__keys_ignored": ["attention_quantiles", "attention_peak"]}
            if verbose > 1
            else {"callbacks__print_log": None}
        ),
        quantile_momentum=plan.quantile_momentum,
        precision=plan.precision,
        compile=compile,
        device=device,
        verbose=max(verbose - 1, 0),  # what callbacks print would go through the bar
    )


def train_net(
    plan: Plan,
    bags: Bags,
    seed: int,
    parent: Mapping[str, NDArray[Any]] | None = None,
    callbacks: list[Any] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    compile: bool = False,
) -> ASNNet:
    """Train one network from random weights, or from a main-stream `parent`'s heads."""
    net = build_net(plan, seed, device, callbacks, progress, compile)
    bags.table.hold_on(device, lends=not compile)
    with own_torch(seed, device, shares=draws_unknown(plan, callbacks, compile)):
        net.initialize()
        if parent is not None:
            net.module_.inherit(_as_tensors(parent))
        net.partial_fit(bags)
    return net


def draws_unknown(plan: Plan, callbacks: Any, compile: bool) -> bool:
    """Tell whether a training runs code that may draw random numbers in any way."""
    return bool(compile or callbacks or plan.user_classes)


def export(net: ASNNet) -> Trained:
    """Take weights and history out of a net as plain arrays and numbers."""
    state = plain_module(net).state_dict()
    weights = {k: v.detach().cpu().numpy().copy() for k, v in state.items()}
    history = [
        {k: _plain(v) for k, v in epoch.items() if np.isscalar(v) or k == "attention_quantiles"}
        for epoch in net.history.to_list()
    ]
    return Trained(weights, history)


def plain_module(net: ASNNet) -> nn.Module:
    """Return the network itself, not what `torch.compile` has put around it."""
    module: Any = net.module_
    return getattr(module, "_orig_mod", module)


def rebuild(plan: Plan, trained: Trained, device: str, compile: bool = False) -> ASNNet:
    """Make the net of a plan again, with the weights and history of a training."""
    net = build_net(plan, 0, device, compile=compile)
    with own_torch(0, device, shares=draws_unknown(plan, None, compile)):
        net.initialize()
    plain_module(net).load_state_dict(_as_tensors(trained.weights))
    net.history_ = History({**epoch, "batches": []} for epoch in trained.history)
    return net


def blank_weights(plan: Plan) -> dict[str, NDArray[Any]]:
    """Return weights by name in the shapes of a plan's network, with no quantiles recorded."""
    with own_torch(0, "cpu"):
        module = ASENetwork(**plan.network)
    return {name: value.numpy().copy() for name, value in module.state_dict().items()}


def score_clips(net: ASNNet, bags: Bags) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Score every clip: activations ``(n_clips, n_models, n_classes)`` and raw attention."""
    n_clips = int(bags.offsets[-1])
    activations = attention = np.empty(0, dtype=np.float32)
    first = 0
    if any(module.training for module in net.module_.modules()):
        net.module_.eval()  # once, where skorch would do it for every block
    for block, _ in net.get_iterator(bags, training=False):
        with torch.no_grad():
            scores, weights = (part.cpu() for part in net.infer(block)[:2])
        if len(scores) == n_clips:
            return scores.numpy(), weights.numpy()
        if not first:
            activations = np.empty((n_clips, *scores.shape[1:]), dtype=np.float32)
            attention = np.empty((n_clips, *weights.shape[1:]), dtype=np.float32)
        stop = first + len(scores)
        activations[first:stop], attention[first:stop] = scores.numpy(), weights.numpy()
        first = stop
    return activations, attention


def _plain(value: Any) -> Any:
    """Turn a NumPy scalar into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _as_tensors(weights: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
