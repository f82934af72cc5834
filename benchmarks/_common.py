"""What the speed benchmarks share: data of THUMOS14's shape, interleaved timing, the machine."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import sklearn_asn
from sklearn_asn import Clips

_clock = time.perf_counter


def now(device: str = "cpu") -> float:
    """Seconds, once the device has done what it was given: of the wall, or of this process."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return _clock()


def use_cpu_time() -> None:
    """Count the process's own CPU time: right on a busy machine, with one thread and no GPU."""
    global _clock
    _clock = time.process_time
    torch.set_num_threads(1)


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="torch's; default: as it finds them")
    parser.add_argument("--cpu-time", action="store_true",
                        help="CPU time on one thread, for a machine that others use")  # fmt: skip


def make_clips(lengths: Any, n_columns: int, seed: int, smooth: int = 8) -> Clips:
    """Noise that is alike in `smooth` neighbouring clips, float32; filled block by block."""
    rng = np.random.default_rng(seed)
    n_clips = int(np.sum(lengths))
    values = np.empty((n_clips, n_columns), dtype=np.float32)
    for first in range(0, n_clips, 4096):
        block = values[first : first + 4096]
        rng.standard_normal(out=block, dtype=np.float32)
        block *= 0.5
        for part in range(0, len(block), smooth):
            block[part : part + smooth] += block[part]
    return Clips(values, np.concatenate([[0], np.cumsum(lengths)]))


def make_lengths(n_videos: int, seed: int, typical: float = 300, sigma: float = 0.6) -> Any:
    """Log-normal numbers of clips with the median `typical`; at least 7, at most 20 times it."""
    drawn = np.random.default_rng(seed).lognormal(np.log(typical), sigma, n_videos)
    return np.clip(drawn, 7, 20 * typical).astype(np.int64)


def make_labels(n_videos: int, n_classes: int, seed: int) -> list[set[int]]:
    """One label a video, two in one of five; every class occurs."""
    rng = np.random.default_rng(seed)
    first = rng.permutation(np.arange(n_videos) % n_classes)
    second = (first + rng.integers(1, n_classes, n_videos)) % n_classes
    two = rng.random(n_videos) < 0.2
    return [{int(a), int(b)} if t else {int(a)} for a, b, t in zip(first, second, two, strict=True)]


def interleaved(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[Any]]:
    """Call all in turn, `repeats` times, every other time backwards: ``(seconds, result)`` each."""
    runs: dict[str, list[Any]] = {name: [] for name in calls}
    for repeat in range(repeats):
        for name in list(calls)[:: -1 if repeat % 2 else 1]:
            began = now()
            result = calls[name]()
            runs[name].append((now() - began, result))
    return runs


def middle(runs: list[Any]) -> float:
    """Median seconds of the runs of one call."""
    return median(seconds for seconds, _ in runs)


def verdict(value: float, limit: float, at_least: bool = False) -> str:
    """Say whether a target is met."""
    sign = ">=" if at_least else "<="
    met = value >= limit if at_least else value <= limit
    return f"(target {sign} {limit:g}: {'met' if met else 'MISSED'})"


def set_machine(args: argparse.Namespace) -> str:
    """Do as the machine's options say, and describe the machine in a line."""
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.cpu_time:
        use_cpu_time()
    on_gpu = args.device.startswith("cuda")
    name = torch.cuda.get_device_name(args.device) if on_gpu else platform.machine()
    return (
        f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
        f"{', CPU time' if args.cpu_time else ''}, torch {torch.__version__}, "
        f"numpy {np.__version__}, sklearn_asn of {Path(sklearn_asn.__file__).parent}"
    )
