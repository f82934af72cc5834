"""Time and memory of a fitted `ASNLocalizer` in use, at the size of THUMOS14's test set.

213 videos of 400 clips, 2 x 1,024 columns of float32, 20 classes; models fitted for one epoch.

*forward* is the network over all clips, as `predict` runs it (`Model.score`, which reads
batch after batch). Its reference is one torch matrix product of all the rows, of the columns that
the variant reads, with k columns; k gives it at least as many multiply-adds a row as the network
does, and at least one column a class and one for attention. The other methods, with all that they
do besides (checking X, pooling, cutting, selecting), are held against the same product. Runs are
interleaved, times are medians.

*selection* is the time inside `select_packed` during `predict`, with a video threshold at which
2.5 classes a video pass: naive runs as a share of the forward, and AutoLoc's boxes.

The single streams show in their activations whatever feature is no number, so that `predict` need
not look for it: the whole of it should take 1.2 times the plain forward at most.

*latency* is the CPU time of `predict` for one video of 63 clips, the mean of many calls on one
thread, and the network's share of it: the module alone, called with the same rows.

*memory* is what `predict` adds to the peak of resident memory, of a fresh process, for the given
videos and for four times as many (Linux only). What is left when these are compared grows with the
clips: class scores, which are as wide as the classes, not as X.

    python benchmarks/bench_use.py
    python benchmarks/bench_use.py --variants bilinear --profile
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
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
    middle,
    now,
    set_machine,
    verdict,
)
from _keep import Kept, add_json_option, keep

from sklearn_asn import ASNLocalizer, Clips
from sklearn_asn.selection import AutoLocSelection, NaiveSelection

VARIANTS = ("temporal", "spatial", "two-stream", "fusion", "bottleneck", "bilinear")
N_CLASSES = 20


class Timed:
    """A selection that keeps how long it took."""

    def __init__(self, selection: Any) -> None:
        self.selection = selection
        for flag in ("needs_levels", "needs_reading", "uncut"):
            setattr(self, flag, getattr(selection, flag, False))

    def select(self, *given: Any) -> Any:
        return self.selection.select(*given)

    def select_packed(self, *given: Any) -> Any:
        began = now()
        found = self.selection.select_packed(*given)
        self.seconds = now() - began
        self.n_found = len(found[0])
        return found


def fitted(variant: str, X: Clips, device: str) -> ASNLocalizer:
    few = X[: 2 * N_CLASSES]
    model = ASNLocalizer(variant, init="scratch", max_epochs=1, device=device, random_state=0)
    return model.fit(few, make_labels(len(few), N_CLASSES, 0))


def multiply_adds(model: ASNLocalizer) -> int:
    """Multiply-adds a clip: a weight each, and the second half of a bilinear layer."""
    total = 0
    for weight in model.net_.module_.parameters():
        if weight.ndim >= 2:
            total += weight.numel()
        if weight.ndim == 3:
            total += weight.shape[0] * weight.shape[2]
    return total


def compare(variant: str, X: Clips, repeats: int, device: str, kept: Kept) -> None:
    model = fitted(variant, X, device)
    half = X.n_features // 2
    columns = {"temporal": slice(half, None), "spatial": slice(half)}.get(variant, slice(None))
    table = torch.from_numpy(X.values)[:, columns]
    per_row = multiply_adds(model)
    k = max(N_CLASSES + 1, -(-per_row // table.shape[1]))
    weight = torch.randn(table.shape[1], k, generator=torch.Generator().manual_seed(0))

    def product() -> Any:
        return (table.to(device) @ weight.to(device)).cpu()

    scores = model.predict_proba(X)
    model.video_threshold = float(np.sort(scores, axis=None)[-int(2.5 * len(X)) - 1])
    model.selection = naive = Timed(NaiveSelection())
    seconds: list[float] = []

    def predict() -> Any:
        found = model.predict(X)
        seconds.append(naive.seconds)
        return len(found)

    calls = {
        "product": product,
        "forward": lambda: model.model_.score(X, device).attention.shape,
        "predict_proba": lambda: model.predict_proba(X).shape,
        "transform": lambda: len(model.transform(X)),
        "predict": predict,
    }
    for call in calls.values():
        call()
    runs = interleaved(calls, repeats)
    base, forward = middle(runs["product"]), middle(runs["forward"])
    print(
        f"{variant}: {per_row} multiply-adds a clip\n"
        f"    product        {1e3 * base:9.1f} ms   ({len(table)} x {table.shape[1]}) @ "
        f"({table.shape[1]} x {k})"
    )
    for name in list(calls)[1:]:
        ratio = middle(runs[name]) / base
        print(f"    {name:14s} {1e3 * middle(runs[name]):9.1f} ms   {ratio:5.2f}x", end=" ")
        print(verdict(ratio, 1.2) if name == "forward" else "")
        target = 1.2 if name == "forward" else None
        kept.add(f"{variant}: {name} / product", ratio, "ratio", target)
    if variant in ("temporal", "spatial"):
        whole = middle(runs["predict"]) / forward
        print(f"    predict        {whole:9.2f} x the forward {verdict(whole, 1.2)}")
        kept.add(f"{variant}: predict / forward", whole, "ratio", 1.2)
    share = median(seconds) / forward
    print(
        f"    naive          {1e3 * median(seconds):9.1f} ms   {100 * share:.1f} % of the forward "
        f"{verdict(100 * share, 5)}, {naive.n_found} segments"
    )
    kept.add(f"{variant}: naive selection / forward", share, "ratio", 0.05)
    model.selection = autoloc = Timed(AutoLocSelection())
    seconds = []
    for _ in range(repeats):
        model.predict(X)
        seconds.append(autoloc.seconds)
    print(
        f"    AutoLoc        {1e3 * median(seconds):9.1f} ms   "
        f"{verdict(median(seconds), 0.5)}, {autoloc.n_found} segments",
        flush=True,
    )
    kept.add(f"{variant}: AutoLoc selection", median(seconds), "s", 0.5)


def profile(variant: str, X: Clips, device: str, n_lines: int = 30) -> None:
    import cProfile
    import pstats

    model = fitted(variant, X, device)
    model.predict(X)
    python = cProfile.Profile()
    python.runcall(model.predict, X)
    print(f"{variant}: predict")
    pstats.Stats(python).sort_stats("tottime").print_stats(n_lines)
    with torch.profiler.profile() as operators:
        model.predict(X)
    print(operators.key_averages().table(sort_by="self_cpu_time_total", row_limit=n_lines))


def resident(field: str) -> int:
    """Read a line of this process's memory (bytes): VmRSS, or its peak, VmHWM."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field}")


def peak_of_predict(variant: str, n_videos: int, n_clips: int, n_columns: int) -> dict[str, int]:
    """Peak of resident memory that `predict` adds, in this process."""
    X = make_clips(np.full(n_videos, n_clips), n_columns, 1)
    model = fitted(variant, X, "cpu")
    model.predict(X[:1])
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    model.predict(X)
    return {"extra": resident("VmHWM") - before, "X": X.values.nbytes}


def measure_latency(variant: str, X: Clips, kept: Kept, n_calls: int = 300) -> None:
    """Print what one short video costs, and what of that is the network."""
    model = fitted(variant, X, "cpu")
    one = Clips(X.values[:63].copy(), [0, 63], clip_seconds=1.0, ids=["a"])
    module, rows = model.net_.module_.eval(), torch.from_numpy(one.values)

    def network() -> Any:
        with torch.no_grad():
            return module(rows)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    cost = []
    for call in (lambda: model.predict(one), network):
        for _ in range(20):
            call()
        began = time.process_time()
        for _ in range(n_calls):
            call()
        cost.append(1e3 * (time.process_time() - began) / n_calls)
    torch.set_num_threads(threads)
    whole, alone = cost
    print(
        f"    latency        {whole:9.2f} ms of CPU for 63 clips {verdict(whole, 1)}, of which the "
        f"network {alone:.2f} ({100 * alone / whole:.0f} %)",
        flush=True,
    )
    kept.add(f"{variant}: predict of one short video", whole, "ms of CPU", 1)
    kept.add(f"{variant}: of which the network", alone, "ms of CPU")


def measure_memory(variant: str, args: argparse.Namespace, kept: Kept) -> None:
    extra, size = [], []
    at_once = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # give back
    for factor in (1, 4):
        given = [variant, str(factor * args.videos), str(args.clips), str(args.columns)]
        out = subprocess.run(
            [sys.executable, __file__, "--peak-of-predict", *given],
            env={**os.environ, **at_once},
            capture_output=True,
            text=True,
            check=True,
        )
        result = json.loads(out.stdout)
        extra.append(result["extra"])
        size.append(result["X"])
    growth = (extra[1] - extra[0]) / (3 * args.videos * args.clips)
    fixed = extra[0] - growth * args.videos * args.clips
    print(
        f"    memory         {extra[0] / 2**20:9.1f} MiB  at X of {size[0] / 2**20:.0f} MiB; "
        f"{extra[1] / 2**20:.1f} MiB at {size[1] / 2**20:.0f} MiB: {fixed / 2**20:.0f} MiB and "
        f"{growth:.0f} bytes a clip (a row of X: {4 * args.columns})",
        flush=True,
    )
    kept.add(f"{variant}: memory of predict", growth, "bytes a clip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--videos", type=int, default=213)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--repeats", type=int, default=5)
    add_machine_options(parser)
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--profile", action="store_true", help="profile instead of comparing")
    parser.add_argument("--peak-of-predict", nargs=4, help=argparse.SUPPRESS)
    add_json_option(parser)
    args = parser.parse_args()
    if args.peak_of_predict:
        variant, *sizes = args.peak_of_predict
        print(json.dumps(peak_of_predict(variant, *map(int, sizes))))
        return
    print(f"{set_machine(args)}; median of {args.repeats}", flush=True)
    kept = Kept("bench_use", args.device, cpu_time=args.cpu_time, videos=args.videos,
                clips=args.clips, columns=args.columns)  # fmt: skip
    X = make_clips(np.full(args.videos, args.clips), args.columns, 1)
    for variant in args.variants:
        if args.profile:
            profile(variant, X, args.device)
            continue
        compare(variant, X, args.repeats, args.device, kept)
        measure_latency(variant, X, kept)
        if not args.no_memory:
            measure_memory(variant, args, kept)
        keep(kept, args)


if __name__ == "__main__":
    main()
