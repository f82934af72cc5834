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
from skorch.callbacks import Callback, EpochScoring, GradientNormClipping, LRScheduler
from skorch.history import History
from skorch.utils import to_tensor
from torch import Tensor, nn
from torch.optim.lr_scheduler import MultiStepLR

from sklearn_asn._training.bags import Bags
from sklearn_asn._training.context import reach_of
from sklearn_asn._training.isolation import own_torch, threads
from sklearn_asn._training.network import ASENetwork
from sklearn_asn._training.progress import Progress, ShowProgress
from sklearn_asn._training.recipe import Plan, Trained
from sklearn_asn._training.rows import Rows
from sklearn_asn._training.sampling import BagBatches, ClipBlocks
from sklearn_asn._training.schedule import CosineSchedule
from sklearn_asn._training.validate import Validate, Validation
from sklearn_asn._training.watch import WatchAttention

CLIPS_A_VIDEO: float = 7  # in use, where training takes all of them: so many are scored at a time
#: Numbers that a step reads, below which one thread does it on the CPU. Such a step takes 10 ms or
#: so, half of them Python's: a second core could save a quarter, and costs many times that where
#: others use it. The result is then also the same for any number of threads.
SMALL_STEP = 2**20
RECORDED_LEVELS = [10, 30, 50, 70, 90]  # percent, in the history
QUANTILES = "attention_quantiles"  # as a record names them all
NOT_PRINTED = [
    f"attention_quantile_{level}{of}" for of in ("", "_of_2") for level in RECORDED_LEVELS
] + ["attention_peak"]
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
        validation: Validation | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.quantile_momentum = quantile_momentum
        self.precision = precision
        self.validation = validation

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
        for name, value in scalars_of(curves).items():
            self.history.record(name, value)

    def initialize_callbacks(self) -> ASNNet:
        """Let those that score forget skorch's cache.

        It holds outputs for the clips drawn in a step, padded, and targets that are no array;
        without it they are called with the videos (`Bags`), and score by the weights as they are.
        """
        super().initialize_callbacks()
        for _, callback in self.callbacks_:
            if isinstance(callback, EpochScoring):
                callback.use_caching = False
        return self

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Take what training makes of videos, and say what takes videos themselves."""
        if not isinstance(X, Bags):
            raise TypeError(
                f"net_ reads the columns and clips that training takes from videos, not "
                f"{type(X).__name__}. For videos use the localizer: predict, predict_proba, "
                "decision_function, transform or attention."
            )
        return super().get_dataset(X, y)

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
        if self.validation is not None and "dataset_valid" in cb_kwargs:
            cb_kwargs["dataset_valid"] = self.validation.bags
        try:
            super().notify(method_name, **cb_kwargs)
        except KeyboardInterrupt:
            if method_name != "on_epoch_end":
                raise
            raise StopTraining from None

    def forget_validation(self) -> None:
        """Let go of the videos held out, once training is over."""
        self.validation = None
        for name in ("callbacks", "callbacks_"):
            kept = [c for c in getattr(self, name) if not isinstance(_inner(c), Validate)]
            setattr(self, name, kept)

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
    validation: Validation | None = None,
) -> ASNNet:
    """Put a plan into skorch's terms (not yet initialised)."""
    milestones = [max(1, round(share * plan.max_epochs)) for share in plan.lr_milestones]
    verbose = 0 if progress is None else progress.verbose
    own: list[Any] = [("watch_attention", WatchAttention())]
    if validation is not None:
        own.append(("validate", Validate(validation)))
    if progress is not None and verbose:
        own.append(("show_progress", ShowProgress(progress)))
    if plan.lr_schedule == "cosine":
        own.append(("lr_scheduler", CosineSchedule()))
    elif milestones:
        decay = LRScheduler(policy=MultiStepLR, milestones=milestones, gamma=0.1)
        own.append(("lr_scheduler", decay))
    if plan.gradient_clip is not None:
        own.append(("gradient_clip", ClipGradients(plan.gradient_clip)))
    given = copies_of(callbacks)
    own = [(name, callback) for name, callback in own if not replaces(given, name)]
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
            {"callbacks__print_log__keys_ignored": NOT_PRINTED}
            if verbose > 1
            else {"callbacks__print_log": None}
        ),
        quantile_momentum=plan.quantile_momentum,
        precision=plan.precision,
        validation=validation,
        compile=compile,
        device=device,
        verbose=max(verbose - 1, 0),  # what callbacks print would go through the bar
    )


def train_net(
    plan: Plan,
    bags: Bags,
    seed: int,
    start: Mapping[str, NDArray[Any]] | Trained | None = None,
    callbacks: list[Any] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    compile: bool = False,
    validation: Validation | None = None,
) -> ASNNet:
    """Train one network: from random weights, with a parent's heads, or on from where it was.

    `start` says which: None, the weights of a main-stream parent, or what a training of the same
    plan has left.
    """
    net = build_net(plan, seed, device, callbacks, progress, compile, validation)
    bags.table.hold_on(device, lends=not compile)
    small = torch.device(device).type == "cpu" and step_size(plan, bags) < SMALL_STEP
    n_threads = 1 if small else torch.get_num_threads()
    shares = draws_unknown(plan, callbacks, compile)
    with threads(n_threads), own_torch(seed, device, shares=shares):
        net.initialize()
        if isinstance(start, Trained):
            plain_module(net).load_state_dict(_as_tensors(start.weights))
        elif start is not None:
            net.module_.inherit(_as_tensors(start))
        net.partial_fit(bags)
    net.forget_validation()
    if isinstance(start, Trained):  # not before: skorch's schedules go on from a history's end
        later = [{**e, "epoch": e["epoch"] + len(start.history)} for e in net.history.to_list()]
        net.history_ = History([*history_of(start.history), *later])
    return net


def step_size(plan: Plan, bags: Bags) -> float:
    """Return how many numbers a step reads of the videos, on the average."""
    clips = float(bags.offsets[-1]) / len(bags)
    if not plan.heads.context_layers:  # a context reads whole videos, whatever is drawn of them
        clips = min(clips, plan.sampling["clips_per_video"] or clips)
    n_columns = sum(map(len, plan.columns))
    return min(plan.batch_size, len(bags)) * clips * n_columns


def draws_unknown(plan: Plan, callbacks: Any, compile: bool) -> bool:
    """Tell whether a training runs code that may draw random numbers in any way."""
    return bool(compile or callbacks or plan.user_classes)


def export(net: ASNNet) -> Trained:
    """Take weights and history out of a net as plain arrays and numbers."""
    state = plain_module(net).state_dict()
    weights = {k: v.detach().cpu().numpy().copy() for k, v in state.items()}
    return Trained(weights, [record_of(epoch) for epoch in net.history.to_list()])


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
    net.history_ = history_of(trained.history)
    return net


def history_of(records: list[dict[str, Any]]) -> History:
    """Return skorch's history of records, the quantiles one by one."""
    return History(
        {
            **{name: value for name, value in epoch.items() if name != QUANTILES},
            **(scalars_of(epoch[QUANTILES]) if QUANTILES in epoch else {}),
            "batches": [],
        }
        for epoch in records
    )


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


def _inner(callback: Any) -> Any:
    return callback[1] if isinstance(callback, tuple | list) else callback


def copies_of(callbacks: Any) -> list[Any]:
    """Return callbacks of a net's own, which share what the user's hold: writers, trials, runs."""
    given = []
    for callback in callbacks or []:
        inner = copy.copy(_inner(callback))
        given.append((callback[0], inner) if isinstance(callback, tuple | list) else inner)
    return given


def replaces(given: list[Any], name: str) -> bool:
    """Tell whether one of the user's callbacks stands for one of ours: by its name or its kind."""
    kinds = {"lr_scheduler": LRScheduler, "gradient_clip": GradientNormClipping}
    for callback in given:
        named = isinstance(callback, tuple)
        inner = _inner(callback)
        kind = inner if isinstance(inner, type) else type(inner)
        if (named and callback[0] == name) or issubclass(kind, kinds.get(name, ())):
            return True
    return False


def scalars_of(curves: Any) -> dict[str, float]:
    """Name the recorded quantiles one by one, as loggers want them.

    >>> list(scalars_of([[0.0] * 5, [0.1] * 5]))[4:6]
    ['attention_quantile_90', 'attention_quantile_10_of_2']
    """
    rows = np.atleast_2d(curves).tolist()
    return {
        f"attention_quantile_{level}" + (f"_of_{i + 1}" if i else ""): value
        for i, row in enumerate(rows)
        for level, value in zip(RECORDED_LEVELS, row, strict=True)
    }


def record_of(epoch: Mapping[str, Any]) -> dict[str, Any]:
    """Return an epoch as plain values, the quantiles together under one name."""
    quantiles = [v for k, v in epoch.items() if k.startswith("attention_quantile_")]
    record: dict[str, Any] = {}
    for name, value in epoch.items():
        if not name.startswith("attention_quantile_"):
            if np.isscalar(value):
                record[name] = _plain(value)
        elif QUANTILES not in record:
            rows = np.reshape(quantiles, (-1, len(RECORDED_LEVELS))).tolist()
            record[QUANTILES] = rows if len(rows) > 1 else rows[0]
    return record


def _plain(value: Any) -> Any:
    """Turn a NumPy scalar into Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _as_tensors(weights: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
