"""Time and memory of nets with `context_layers`, against plain torch on padded bags.

*step*: a fit (probability pooling, two layers of context, channel dropout, SGD) against a loop
written by hand: bags padded to the longest of a batch, `conv1d`, zeros behind the ends. It takes
the same videos in every step, the same weights and the same dropout, and a run stops if the two
end with different weights (so SGD: AdamW blows differences of rounding up, where gradients are near
0). What padding costs is the reference's own affair: lengths are
log-normal, as videos' are; then all bags are equally long, where there is none (``--equal``: that
alone).

*memory*: peak resident memory of a fit on 2 x 1,024 columns, above what stands before it (features
included), against the features of a batch of bags plus the net (weights, gradients, moments).

*long*: a video of 10^6 clips in one call: peak memory above its features, and the greatest
difference from one pass over the whole video.

*preset*: CPU seconds of `localization_pipeline` on 200 videos of 400 clips and 2,048 columns, a few
epochs of each network timed and multiplied; against 100 steps of CoLA, 7.3 s each.

    python benchmarks/bench_context.py --cpu-time
    python benchmarks/bench_context.py --cpu-time --parts step --equal
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _common import (
    add_machine_options,
    interleaved,
    make_clips,
    make_labels,
    make_lengths,
    now,
    set_machine,
    verdict,
)
from _keep import Kept, add_json_option, keep
from bench_fit import LEVELS, Clock, Shared, own_generator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from sklearn_asn import ASNLocalizer, Clips, localization_pipeline
from sklearn_asn._training.isolation import own_torch

N_CLASSES, UNITS, LAYERS, BATCH, LR, DECAY, CLIP = 20, 64, 2, 64, 0.005, 1e-3, 5.0


def localizer(**changes: Any) -> ASNLocalizer:
    given = {
        "variant": "fusion", "init": "scratch", "context_layers": LAYERS, "context_size": UNITS,
        "pooling": "probability", "channel_dropout": True, "clips_per_video": None,
        "batch_size": BATCH, "optimizer": "sgd", "lr": LR, "lr_milestones": (),
        "weight_decay": DECAY, "gradient_clip": CLIP, "random_state": 0, "device": "cpu",
    }  # fmt: skip
    return ASNLocalizer(**given | changes)


class Recorder(Shared):
    """What a training starts from, and the videos of every step, known by their first clips."""

    def __init__(self, X: Clips) -> None:
        first = X.values[X.offsets[:-1]]
        self.number = {row[:8].tobytes(): video for video, row in enumerate(first)}

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.weights = {k: v.clone() for k, v in net.module_.state_dict().items()}
        self.generator = own_generator().get_state()
        self.videos: list[Any] = []

    def on_batch_begin(self, net: Any, batch: Any, training: bool = False, **kwargs: Any) -> None:
        if training:
            first = batch[0]["before"] == 0
            rows = batch[0]["x"][first].numpy()
            self.videos.append(np.array([self.number[row[:8].tobytes()] for row in rows]))


class Reference(nn.Module):
    """Convolutions of width three over padded bags, and a head with a background."""

    def __init__(self, n_columns: int) -> None:
        super().__init__()
        widths = [n_columns, *[UNITS] * (LAYERS - 1)]
        self.layers = nn.ModuleList(
            nn.Conv1d(n, UNITS, 3, padding=2**i, dilation=2**i) for i, n in enumerate(widths)
        )
        self.head = nn.Linear(UNITS, N_CLASSES + 1)

    def take(self, weights: dict[str, Tensor]) -> None:
        """Start from the package's weights."""
        with torch.no_grad():
            for name, value in self.named(weights):
                value.copy_(weights[name].permute(1, 2, 0) if value.ndim == 3 else weights[name])

    def named(self, weights: Any = None) -> Any:
        """Give own parameters under the package's names."""
        for i, layer in enumerate(self.layers):
            name = "context.first" if i == 0 else f"context.more.{i - 1}"
            yield f"models.0.{name}.weight", layer.weight
            yield f"models.0.{name}.bias", layer.bias
        yield "models.0.classification.weight", self.head.weight
        yield "models.0.classification.bias", self.head.bias

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        def dropped(x: Tensor) -> Tensor:
            # not `functional.dropout`: inside a fit's own torch that draws packed bits if large
            return x * torch.empty(x.shape[:2]).bernoulli_(0.5).div_(0.5)[:, :, None]

        x = torch.relu(self.layers[0](dropped(x))) * there
        for layer in self.layers[1:]:
            x = (x + torch.relu(layer(dropped(x)))) * there
        return self.head(dropped(x).transpose(1, 2))


def by_hand(X: Clips, target: Tensor, recorder: Recorder) -> tuple[list[float], Reference]:
    """Train with padded bags; return when each step ended."""
    half = X.n_features // 2
    table = torch.from_numpy(np.roll(X.values, half, axis=1))  # the main stream comes first
    bags = [table[a:b] for a, b in zip(X.offsets[:-1], X.offsets[1:], strict=True)]
    model = Reference(table.shape[1])
    model.take(recorder.weights)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=LR, momentum=0.9, nesterov=True, weight_decay=DECAY)
    level = torch.linspace(0, 1, LEVELS, dtype=torch.float64)
    quantiles = None
    with own_torch(0, shares=True):
        own_generator().set_state(recorder.generator)
        times = [now()]
        for videos in recorder.videos:
            x = pad_sequence([bags[v] for v in videos], batch_first=True).transpose(1, 2)
            lengths = torch.tensor([len(bags[v]) for v in videos])
            there = torch.arange(x.shape[2]) < lengths[:, None]
            optimizer.zero_grad()
            scores = model(x, there[:, None])
            shown = torch.softmax(scores, dim=2)[:, :, :-1] * there[:, :, None]
            k = -(-lengths // 8)
            top = shown.topk(int(k.max()), dim=1)[0]
            counts = torch.arange(top.shape[1]) < k[:, None]
            video = (top * counts[:, :, None]).sum(1) / k[:, None]
            loss = functional.binary_cross_entropy(
                video.clamp(1e-6, 1 - 1e-6), target[videos], reduction="none"
            )
            (0.5 * loss.sum(1).mean()).backward()
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            with torch.no_grad():
                odds = torch.logsumexp(scores[..., :-1], dim=-1) - scores[..., -1]
                found = torch.quantile(odds[there].double(), level).float()
                quantiles = found if quantiles is None else 0.9 * quantiles + 0.1 * found
            times.append(now())
    return times, model


def step(n_columns: int, n_videos: int, epochs: int, repeats: int, equal: bool, kept: Kept) -> None:
    lengths = np.full(n_videos, 300) if equal else make_lengths(n_videos, 0)
    X = make_clips(lengths, n_columns, 1)
    y = make_labels(n_videos, N_CLASSES, 2)
    recorder = Recorder(X)
    fitted = localizer(max_epochs=epochs, callbacks=[recorder]).fit(X, y)
    target = torch.zeros((n_videos, N_CLASSES))
    for video, labels in enumerate(y):
        target[video, np.searchsorted(fitted.classes_, sorted(labels))] = 1

    def ours() -> Any:
        clock = Clock("cpu")
        model = localizer(max_epochs=epochs, callbacks=[clock]).fit(X, y)
        return clock.times, model

    runs = interleaved({"ours": ours, "theirs": lambda: by_hand(X, target, recorder)}, repeats)
    gap = moved = 0.0
    for (_, (_, a)), (_, (_, b)) in zip(runs["ours"], runs["theirs"], strict=True):
        state = a.net_.module_.state_dict()
        for name, parameter in b.named():
            value = parameter.detach()
            other = value.permute(2, 0, 1) if value.ndim == 3 else value
            gap = max(gap, float((state[name] - other).abs().max()))
            moved = max(moved, float((recorder.weights[name] - other).abs().max()))
    if not gap <= 1e-5:
        raise AssertionError(f"weights differ by {gap:.1e}")
    own, hand = (
        median(np.concatenate([np.diff(times) for _, (times, _) in runs[name]]).tolist())
        for name in ("ours", "theirs")
    )
    kind = "equal" if equal else f"{lengths.min()} to {lengths.max()}"
    print(
        f"step   {n_columns:5d} columns, {n_videos} videos of {kind} clips: {1e3 * own:8.1f} ms, "
        f"by hand {1e3 * hand:8.1f}   {own / hand:5.2f}x {verdict(own / hand, 1.15)}; weights "
        f"differ by {gap:.0e} (training moved one by {moved:.2g})",
        flush=True,
    )
    name = f"{n_columns} columns, lengths {'equal' if equal else 'log-normal'}: step / by hand"
    kept.add(name, own / hand, "ratio", 1.15)


def peak() -> float:
    """Peak resident MiB since `forget_peak`."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def memory() -> None:
    """In a process of its own: what a fit needs beside its data."""
    torch.set_num_threads(1)
    small = make_clips(np.full(20, 10), 2048, 1)
    localizer(max_epochs=1).fit(small, make_labels(20, N_CLASSES, 2))  # what is loaded late
    X, y = make_clips(np.full(256, 300), 2048, 1), make_labels(256, N_CLASSES, 2)
    forget_peak()
    before = peak()
    model = localizer(max_epochs=3).fit(X, y)
    used = peak() - before
    weights = sum(v.numel() for v in model.net_.module_.parameters()) * 4 / 2**20
    features = BATCH * 300 * 2048 * 4 / 2**20
    limit = 1.2 * (features + 4 * weights)
    print(
        f"memory a fit, 2 x 1,024 columns: {used:.0f} MiB; a batch's features {features:.0f}, net "
        f"{4 * weights:.0f} {verdict(used / (limit / 1.2), 1.2)}, {used / (limit / 1.2):.2f}x",
        flush=True,
    )


def long(n_clips: int) -> None:
    """In a process of its own: one very long video."""
    torch.set_num_threads(1)
    X, y = make_clips(np.full(64, 100), 80, 1), make_labels(64, N_CLASSES, 2)
    model = localizer(max_epochs=2).fit(X, y)
    model.attention(X)
    video = make_clips([n_clips], 80, 3)
    forget_peak()
    before = peak()
    blocks = model.attention(video)[0]
    used = peak() - before
    model.net_.set_params(iterator_valid__batch_size=n_clips)
    forget_peak()
    before = peak()
    whole = model.attention(video)[0]
    gap = float(np.abs(blocks - whole).max() / np.abs(whole).max())
    print(
        f"long   a video of {n_clips:,} clips: {used:.0f} MiB above its features "
        f"({video.values.nbytes / 2**20:.0f}); in one pass {peak() - before:.0f}; differs by "
        f"{gap:.0e} {verdict(gap, 1e-5)}",
        flush=True,
    )


def preset(n_videos: int, n_clips: int) -> None:
    """Time some steps of each network, and count how many there are."""
    X, y = make_clips(np.full(n_videos, n_clips), 2048, 1), make_labels(n_videos, N_CLASSES, 2)
    pipeline = localization_pipeline(X, random_state=0)
    members = pipeline[-1].localizers
    total = 0.0
    for name, member in members:
        clock = Clock("cpu")
        steps_an_epoch = -(-n_videos // member.batch_size)
        n_steps = steps_an_epoch * member.max_epochs * (pipeline[-1].n_rounds + 1)
        member.set_params(max_epochs=2, callbacks=[clock], random_state=0).fit(X, y)
        each = median(np.diff(clock.times)[1:].tolist())
        total += each * n_steps
        print(f"preset {name}: {1e3 * each:.0f} ms a step, {n_steps} steps", flush=True)
    print(
        f"preset {n_videos} videos of {n_clips} clips, 2,048 columns: {total:.0f} s of training "
        f"steps {verdict(total, 730)} (100 steps of CoLA)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parts = ("step", "memory", "long", "preset")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--videos", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clips", type=int, default=10**6, help="of the long video")
    parser.add_argument("--equal", action="store_true", help="steps of bags of equal length alone")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    add_machine_options(parser)
    add_json_option(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # of so few steps
    if args.alone:
        memory() if "memory" in args.parts else long(args.clips)
        return
    print(f"{set_machine(args)}; median of {args.repeats}", flush=True)
    kept = Kept("bench_context", args.device, cpu_time=args.cpu_time, videos=args.videos,
                epochs=args.epochs)  # fmt: skip
    if "step" in args.parts:
        for n_columns in (80, 2048):
            for equal in (True,) if args.equal else (False, True):
                step(n_columns, args.videos, args.epochs, args.repeats, equal, kept)
                keep(kept, args)
    for part in ("memory", "long"):
        if part in args.parts:
            command = [sys.executable, __file__, "--alone", "--parts", part]
            subprocess.run([*command, "--clips", str(args.clips)], check=True)
    if "preset" in args.parts:
        preset(200, 400)


if __name__ == "__main__":
    main()
