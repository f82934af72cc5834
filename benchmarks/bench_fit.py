"""Time `ASNLocalizer.fit` against a training loop written by hand that ends with the same weights.

The data have THUMOS14's shape: 200 and 1,010 untrimmed videos, lengths log-normal with a median of
300 clips, 2 x 1,024 columns of float32, 20 classes, 7 random clips of at most 512 videos a step.

The reference is plain torch: a module of linear layers and dropout, the bilinear layer as a matrix
product, the cross-entropy of activations pooled by softmax attention, clipped gradients, SGD with
Nesterov momentum, running attention quantiles. It takes the same steps: an untimed fit records the
weights and the state of the generator that training starts from, and the rows of every step, which
it reads off the features: one column holds the number of the row. So the reference draws no clips
itself -- what drawing costs counts against the package -- but it gathers their features inside the
timed loop, from the same array. The timed reference has torch's own `nn.Dropout`. An untimed one
drops what the fit does: a run stops if weights or quantiles end otherwise.

Two ratios: *loop* is the time from the first step to the last, *step* the median of single steps;
*fit* is the whole call, with its checks of the data and its set-up, against all of the reference's.
For the bilinear variant the loop is also run with `torch.nn.Bilinear` for a few steps.

    python benchmarks/bench_fit.py
    python benchmarks/bench_fit.py --videos 200 --variants temporal --profile
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from _common import (
    add_machine_options,
    interleaved,
    make_clips,
    make_labels,
    make_lengths,
    middle,
    now,
    set_machine,
    verdict,
)
from _keep import Kept, add_json_option, keep
from skorch.callbacks import Callback
from torch import Tensor, nn

from sklearn_asn import ASNLocalizer
from sklearn_asn._training.isolation import own_torch

N_STREAM, N_CLASSES, HIDDEN, CLIPS, LEVELS = 1024, 20, 128, 7, 101
ROW_UNIT = 2.0**-24  # the number of a row in this unit is exact in float32


class Shared(Callback):
    """A callback of which the fitted net keeps this very object."""

    def __copy__(self) -> Shared:
        return self


class Clock(Shared):
    """When training began, ended, and each of its steps did."""

    def __init__(self, device: str) -> None:
        self.device = device

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.times = [now(self.device)]

    def on_batch_end(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        if training:
            self.times.append(now())

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        self.end = now(self.device)


class Recorder(Shared):
    """What a training starts from, and the rows of every step."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.weights = {k: v.clone() for k, v in net.module_.state_dict().items()}
        self.generator = own_generator().get_state()
        self.cuda_generator = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        self.rows: list[Tensor] = []

    def on_batch_begin(self, net: Any, batch: Any, training: bool = False, **kwargs: Any) -> None:
        if training:
            number = batch[0][..., -N_STREAM].double() / ROW_UNIT  # the main stream's first column
            self.rows.append(number.round().long().cpu())


def own_generator() -> torch.Generator:
    """The generator that a fit draws from, inside it."""
    modes = torch.overrides._get_current_function_mode_stack()
    return next(mode.generator for mode in modes if hasattr(mode, "generator"))


@contextmanager
def draws_of(recorder: Recorder, device: str) -> Iterator[None]:
    """Draw as the fit did from here on, its dropout included."""
    with own_torch(0, device, shares=True):
        own_generator().set_state(recorder.generator)
        if device.startswith("cuda"):
            torch.cuda.set_rng_state(recorder.cuda_generator)
        yield


class Reference(nn.Module):
    """The three variants of the paper, in one place; temporal columns are the second half."""

    def __init__(self, variant: str, torch_bilinear: bool) -> None:
        super().__init__()
        self.variant = variant
        self.torch_bilinear = torch_bilinear
        self.dropout = nn.Dropout(0.5)
        self.head_dropout = nn.Dropout(0.5)
        width = N_STREAM + (HIDDEN if variant != "temporal" else 0)
        if variant == "bottleneck":
            self.reduce = nn.Linear(N_STREAM, HIDDEN)
        if variant == "bilinear":
            self.reduce_main = nn.Linear(N_STREAM, HIDDEN)
            self.reduce_other = nn.Linear(N_STREAM, HIDDEN)
            self.bilinear = nn.Bilinear(HIDDEN, HIDDEN, HIDDEN)
        self.classification = nn.Linear(width, N_CLASSES)
        self.attention = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.variant == "temporal":
            features = x
        else:
            other, main = x[:, :N_STREAM], x[:, N_STREAM:]
            if self.variant == "bottleneck":
                extra = self.reduce(self.dropout(other))
            else:
                a = self.dropout(torch.relu(self.reduce_main(self.dropout(main))))
                b = self.dropout(torch.relu(self.reduce_other(self.dropout(other))))
                extra = self.bilinear(a, b) if self.torch_bilinear else self.product(a, b)
            features = torch.cat([main, torch.relu(extra)], dim=1)
        return self.classification(self.head_dropout(features)), self.attention(features)[:, 0]

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Return ``a^T W_k b + c_k``: a product with all W at once, then one a row."""
        left = a @ self.bilinear.weight.permute(1, 0, 2).reshape(HIDDEN, HIDDEN * HIDDEN)
        out = torch.bmm(left.view(-1, HIDDEN, HIDDEN), b.unsqueeze(2)).squeeze(2)
        return out + self.bilinear.bias


class Trained(NamedTuple):
    """Seconds of the loop and of each step, and what it ends with."""

    loop: float
    steps: Any
    weights: dict[str, Tensor]
    quantiles: Any


@dataclass
class Job:
    """One training, given to both."""

    variant: str
    X: Any
    y: Any
    epochs: int
    device: str
    seed: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    steps: list[tuple[float, Tensor, Tensor]] = field(default_factory=list)  # lr, rows, targets
    recorder: Any = None

    def fit(self, *callbacks: Any) -> Any:
        return ASNLocalizer(
            self.variant,
            hidden_size=HIDDEN,
            init="scratch",
            max_epochs=self.epochs,
            device=self.device,
            callbacks=list(callbacks),
            random_state=self.seed,
        ).fit(self.X, self.y)

    def record(self) -> None:
        """Fit once, untimed, and keep what the reference needs to do the same."""
        self.recorder = Recorder()
        localizer = self.fit(self.recorder)
        self.weights = without_prefix(self.recorder.weights)
        target = np.zeros((len(self.X), N_CLASSES), dtype=np.float32)
        for video, labels in enumerate(self.y):
            target[video, np.searchsorted(localizer.classes_, sorted(labels))] = 1 / len(labels)
        per_epoch = len(self.recorder.rows) // self.epochs
        for step, rows in enumerate(self.recorder.rows):
            epoch = step // per_epoch
            lr = 0.1 * 0.1 ** sum(epoch >= max(1, round(s * self.epochs)) for s in (0.5, 0.75))
            video = np.searchsorted(self.X.offsets, rows[:, 0].numpy(), side="right") - 1
            self.steps.append((lr, rows.flatten(), torch.from_numpy(target[video])))

    def timed_fit(self) -> Trained:
        clock = Clock(self.device)
        localizer = self.fit(clock)
        return Trained(
            clock.end - clock.times[0],
            np.diff(clock.times),
            without_prefix(localizer.net_.module_.state_dict()),
            localizer.attention_quantiles_,
        )

    def reference(
        self, torch_bilinear: bool = False, n_steps: int | None = None, same_draws: bool = False
    ) -> Trained:
        """Train by hand, with torch's own dropout or, to compare weights, the fit's draws."""
        columns = slice(N_STREAM, None) if self.variant == "temporal" else slice(None)
        model = Reference(self.variant, torch_bilinear)
        model.load_state_dict(self.weights)
        model.to(self.device)
        table = torch.from_numpy(self.X.values[:, columns]).to(self.device)
        steps = [(lr, rows.to(self.device), target.to(self.device))
                 for lr, rows, target in self.steps[:n_steps]]  # fmt: skip
        parameters = list(model.parameters())
        optimizer = torch.optim.SGD(
            parameters, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
        )
        level = torch.linspace(0, 1, LEVELS, dtype=torch.float64, device=self.device)
        quantiles = None
        draws = draws_of(self.recorder, self.device) if same_draws else torch.random.fork_rng()
        with draws:
            times = [now(self.device)]
            for lr, rows, target in steps:
                optimizer.param_groups[0]["lr"] = lr
                x = table.index_select(0, rows)
                optimizer.zero_grad()
                activations, attention = model(x)
                share = torch.softmax(attention.view(-1, CLIPS), dim=1)
                pooled = (share.unsqueeze(2) * activations.view(-1, CLIPS, N_CLASSES)).sum(1)
                loss = -(target * torch.log_softmax(pooled, dim=1)).sum(1).mean()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                found = torch.quantile(attention.detach().double(), level).float()
                quantiles = found if quantiles is None else 0.9 * quantiles + 0.1 * found
                times.append(now())
            end = now(self.device)
        assert quantiles is not None
        return Trained(end - times[0], np.diff(times), model.state_dict(), quantiles.cpu().numpy())


def without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by the reference's names."""
    names = {k.removeprefix("models.0.").removeprefix("extractor."): v for k, v in state.items()}
    return {k: v for k, v in names.items() if k not in ("attention_quantiles", "n_batches")}


def check_same(found: Trained, expected: Trained, tolerance: float = 1e-5) -> float:
    """Refuse weights or quantiles that differ by more than `tolerance` of their largest value."""
    worst = 0.0
    pairs = {name: (found.weights[name], value) for name, value in expected.weights.items()}
    pairs["quantiles"] = (torch.as_tensor(found.quantiles), torch.as_tensor(expected.quantiles))
    for name, (a, b) in pairs.items():
        gap = float((a.cpu() - b.cpu()).abs().max() / b.abs().max())
        worst = max(worst, gap)
        if not gap <= tolerance:
            raise AssertionError(f"{name} of the package and of the reference differ by {gap:.1e}")
    return worst


def typical_step(trained: list[Trained]) -> float:
    return median(np.concatenate([one.steps for one in trained]).tolist())


def compare(job: Job, repeats: int, kept: Kept) -> None:
    job.record()
    runs = interleaved({"fit": job.timed_fit, "loop": job.reference}, repeats)
    ours, theirs = ([trained for _, trained in runs[name]] for name in ("fit", "loop"))
    same = job.reference(same_draws=True)
    gap = max(check_same(trained, same) for trained in ours)
    moved = max(float((job.weights[k] - v.cpu()).abs().max()) for k, v in theirs[0].weights.items())
    n_steps, n_rows = len(job.steps), len(job.steps[0][1])
    loop, their_loop = (median(t.loop for t in side) / n_steps for side in (ours, theirs))
    step, their_step = typical_step(ours), typical_step(theirs)
    fit, their_fit = middle(runs["fit"]), middle(runs["loop"])
    set_up, their_set_up = (median(s - t.loop for s, t in runs[name]) for name in ("fit", "loop"))
    print(
        f"{job.variant:11s}{len(job.X):5d} videos {n_steps:4d} steps of {n_rows} rows\n"
        f"    loop  {1e3 * loop:8.2f} ms a step, reference {1e3 * their_loop:8.2f}   "
        f"{loop / their_loop:5.2f}x {verdict(loop / their_loop, 1.1)}\n"
        f"    step  {1e3 * step:8.2f} ms median, reference {1e3 * their_step:8.2f}   "
        f"{step / their_step:5.2f}x\n"
        f"    fit   {fit:8.3f} s  whole,  reference {their_fit:8.3f}   {fit / their_fit:5.2f}x; "
        f"set-up {set_up:.3f} s, reference {their_set_up:.3f}\n"
        f"    weights differ by {gap:.1e} at most (training moved one by {moved:.2g})",
        flush=True,
    )
    name = f"{job.variant}, {len(job.X)} videos"
    kept.add(f"{name}: a step", 1e3 * step, "ms")
    kept.add(f"{name}: loop / by hand", loop / their_loop, "ratio", 1.1)
    kept.add(f"{name}: step / by hand", step / their_step, "ratio")
    kept.add(f"{name}: fit / by hand", fit / their_fit, "ratio")


def compare_torch_bilinear(job: Job, n_steps: int, kept: Kept) -> None:
    """Hold the package's steps against those of the same loop with `torch.nn.Bilinear`."""
    if not job.steps:
        job.record()
    before = job.timed_fit()
    slow = job.reference(torch_bilinear=True, n_steps=n_steps)
    pair = (job.reference(kind, n_steps=n_steps, same_draws=True) for kind in (True, False))
    check_same(*pair)
    step, their_step = typical_step([before, job.timed_fit()]), typical_step([slow])
    print(
        f"bilinear   {len(job.X):5d} videos {len(slow.steps):4d} steps with torch.nn.Bilinear\n"
        f"    step  {1e3 * step:8.2f} ms median, reference {1e3 * their_step:8.2f}   "
        f"{their_step / step:5.1f}x faster {verdict(their_step / step, 15, at_least=True)}",
        flush=True,
    )
    name = f"bilinear, {len(job.X)} videos: torch.nn.Bilinear / step"
    kept.add(name, their_step / step, "ratio", 15, better="more")


def profile(job: Job, n_lines: int = 30) -> None:
    """Print where the time of a fit goes: Python's functions, then torch's operators."""
    python = cProfile.Profile()
    python.runcall(job.fit)
    for order in ("tottime", "cumulative"):
        text = io.StringIO()
        pstats.Stats(python, stream=text).sort_stats(order).print_stats(n_lines)
        print(text.getvalue())
    for name, call in (("ASNLocalizer.fit", job.fit), ("reference", job.reference)):
        with torch.profiler.profile() as operators:
            call()
        averages = operators.key_averages()
        print(name, averages.table(sort_by="self_cpu_time_total", row_limit=n_lines), sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--videos", type=int, nargs="+", default=[200, 1010])
    parser.add_argument("--variants", nargs="+", default=["temporal", "bottleneck", "bilinear"],
                        choices=["temporal", "bottleneck", "bilinear"])  # fmt: skip
    parser.add_argument("--epochs", type=int, default=10, help="of the bilinear variant")
    parser.add_argument("--fast-epochs", type=int, help="of the others (default: 4 times as many)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--bilinear-steps", type=int, default=5,
                        help="steps of torch.nn.Bilinear at the first size; 0: none")  # fmt: skip
    add_machine_options(parser)
    parser.add_argument("--profile", action="store_true", help="profile instead of comparing")
    add_json_option(parser)
    args = parser.parse_args()
    print(f"{set_machine(args)}; median of {args.repeats}", flush=True)
    kept = Kept("bench_fit", args.device, cpu_time=args.cpu_time, epochs=args.epochs)
    fast_epochs = args.fast_epochs or 4 * args.epochs
    for n_videos in args.videos:
        X = make_clips(make_lengths(n_videos, 0), 2 * N_STREAM, 1)
        X.values[:, N_STREAM] = np.arange(len(X.values)) * ROW_UNIT
        y = make_labels(n_videos, N_CLASSES, 2)
        print(f"{n_videos} videos, {len(X.values)} clips, {X.values.nbytes / 2**30:.2f} GiB")
        make = partial(Job, X=X, y=y, device=args.device)
        for variant in args.variants:
            job = make(variant, epochs=args.epochs if variant == "bilinear" else fast_epochs)
            if args.profile:
                job.record()
                profile(job)
                continue
            compare(job, args.repeats, kept)
            if variant == "bilinear" and args.bilinear_steps and n_videos == args.videos[0]:
                epochs = max(args.epochs, args.bilinear_steps)
                job = job if epochs == args.epochs else make(variant, epochs=epochs)
                compare_torch_bilinear(job, args.bilinear_steps, kept)
            keep(kept, args)


if __name__ == "__main__":
    main()
