"""Train and predict on a folder of `Clips` larger than the memory; cost of a clip at any size.

Two measurements:

1. A folder of `--gb` gigabytes is written in pieces by `ClipsWriter`; then a process whose memory
   is limited to `--limit` gigabytes by a cgroup (page cache included; the kernel kills what goes
   beyond) opens it, trains and predicts, and tells its peak resident memory. Where no cgroup can
   be made, only the peak is told. The reference is the size of the file.
2. With `--cost`: microseconds a clip of `predict`, and a video of an epoch of `fit`, from 10^4
   to 10^7 clips on disk; ratios against the smallest. `--plot` saves the picture.

    python benchmarks/bench_size.py --gb 20 --limit 2
    python benchmarks/bench_size.py --cost --plot docs/images/cost_per_clip.png
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sklearn_asn import ASNLocalizer, Clips, ClipsWriter
from sklearn_asn.selection import NaiveSelection

N_CLASSES = 20
CGROUPS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")  # version 1, version 2
LIMITS = ("memory.limit_in_bytes", "memory.max")


def write_folder(folder: Path, n_clips: int, n_columns: int, dtype: str, seed: int = 0) -> float:
    """Write random features in pieces of 100 videos or so; return the seconds it took."""
    rng = np.random.default_rng(seed)
    began, written = time.perf_counter(), 0
    pool = rng.normal(size=(60_000, n_columns)).astype(dtype)
    with ClipsWriter(folder, dtype=dtype) as writer:
        while written < n_clips:
            lengths = np.maximum(1, rng.lognormal(np.log(300), 0.6, size=100).astype(int))
            lengths = lengths[np.cumsum(lengths) <= max(n_clips - written, lengths[0])]
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            rows = np.roll(pool[: offsets[-1]], written % 97, axis=1)
            writer.extend(Clips(rows, offsets))  # which refuses offsets beyond the pool
            written += int(offsets[-1])
    return time.perf_counter() - began


def labels_of(n_videos: int) -> list[set[int]]:
    return [{i % N_CLASSES, (7 * i) % N_CLASSES} for i in range(n_videos)]


def peak_gb() -> float:
    """Peak resident memory of this process, pages of mapped files included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e9
    raise OSError("/proc/self/status tells no VmHWM")


def use_folder(folder: str, variant: str, epochs: int, device: str) -> None:
    """Train and predict; print one line of JSON. Runs in the limited process."""
    baseline = peak_gb()
    clips = Clips.open(folder)
    model = ASNLocalizer(
        variant, init="scratch", max_epochs=epochs, random_state=0, device=device,
        selection=NaiveSelection(), quantile=0.8,
    )  # fmt: skip
    began = time.perf_counter()
    model.fit(clips, labels_of(len(clips)))
    fitted = time.perf_counter()
    found = model.predict(clips)
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "imports_gb": baseline,
                "peak_gb": peak_gb(),
                "fit_s": fitted - began,
                "predict_s": done - fitted,
                "n_videos": len(clips),
                "n_clips": int(clips.offsets[-1]),
                "n_segments": len(found.label),
            }
        )
    )


def limited(command: list[str], limit_gb: float) -> tuple[str, str]:
    """Run a command in a cgroup of its own; return its output and how it was limited."""
    for root, name in zip(CGROUPS, LIMITS, strict=True):
        group = Path(root) / f"sklearn_asn_{os.getpid()}"
        try:
            group.mkdir()
            (group / name).write_text(str(int(limit_gb * 1e9)))
        except OSError:
            if group.exists():
                group.rmdir()
            continue
        try:
            into = f'echo $$ > {group}/cgroup.procs && exec "$@"'
            result = subprocess.run(
                ["bash", "-c", into, "bash", *command], capture_output=True, text=True, check=False
            )
        finally:
            group.rmdir()
        if result.returncode:
            raise SystemExit(f"the limited process failed ({result.returncode}): {result.stderr}")
        return result.stdout, f"in a cgroup of {limit_gb:g} GB"
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout, "without a limit (no cgroup can be made here)"


def larger_than_memory(args: argparse.Namespace, folder: Path) -> None:
    row = args.columns * np.dtype(args.dtype).itemsize
    n_clips = int(args.gb * 1e9 / row)
    seconds = write_folder(folder, n_clips, args.columns, args.dtype)
    size = (folder / "values.npy").stat().st_size / 1e9
    print(f"wrote {size:.2f} GB ({args.dtype}, {args.columns} columns) in {seconds:.0f} s")
    for variant in args.variants:
        command = [sys.executable, __file__, "--use", str(folder), "--variants", variant]
        command += ["--epochs", str(args.epochs), "--device", args.device]
        output, how = limited(command, args.limit)
        r = json.loads(output.splitlines()[-1])
        per_clip = 1e6 * r["predict_s"] / r["n_clips"]
        print(
            f"{variant:<11} {how}: peak {r['peak_gb']:.2f} GB ({r['imports_gb']:.2f} of them "
            f"imports), {size / r['peak_gb']:.0f}x less than the file; fit {args.epochs} epochs "
            f"{r['fit_s']:.1f} s, predict {r['predict_s']:.1f} s ({per_clip:.1f} us a clip), "
            f"{r['n_videos']} videos, {r['n_clips']} clips, {r['n_segments']} segments",
            flush=True,
        )


def cost_per_clip(args: argparse.Namespace, folder: Path) -> None:
    rows = []
    print(f"{args.columns} columns of {args.dtype}; medians of {args.repeats}")
    print(f"{'clips':>10} {'predict us/clip':>16} {'ratio':>6} {'fit us/video':>13} {'ratio':>6}")
    for n_clips in args.clips:
        shutil.rmtree(folder, ignore_errors=True)
        write_folder(folder, n_clips, args.columns, args.dtype)
        clips = Clips.open(folder)
        y = labels_of(len(clips))
        model = ASNLocalizer(
            "bottleneck", init="scratch", max_epochs=args.epochs, random_state=0,
            device=args.device, quantile=0.8,
        )  # fmt: skip
        repeats = args.repeats if n_clips <= 10**6 else max(1, args.repeats // 5)
        if n_clips == args.clips[0]:  # what only the first use costs
            model.fit(clips, y).predict(clips)
        fit = median(timed(lambda m=model, c=clips, y=y: m.fit(c, y)) for _ in range(repeats))
        use = median(timed(lambda m=model, c=clips: m.predict(c)) for _ in range(repeats))
        rows.append((len(clips), int(clips.offsets[-1]), use, fit, args.epochs))
        (a, b), (base_a, base_b) = costs(rows[-1]), costs(rows[0])
        print(
            f"{int(clips.offsets[-1]):>10} {a:>16.2f} {a / base_a:>6.2f} "
            f"{b:>13.1f} {b / base_b:>6.2f}",
            flush=True,
        )
    if args.plot:
        draw(rows, args.plot)


def costs(row: tuple[int, int, float, float, int]) -> tuple[float, float]:
    """Microseconds a clip of `predict`, and a video of an epoch of `fit`."""
    n_videos, n_clips, use, fit, epochs = row
    return 1e6 * use / n_clips, 1e6 * fit / (n_videos * epochs)


def timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def draw(rows: list[tuple[int, int, float, float, int]], path: str) -> None:
    import matplotlib.pyplot as plt

    n = np.array([row[1] for row in rows])
    use, videos = np.array([costs(row) for row in rows]).T
    figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    ax.plot(n, use, "o-", color="#0072B2", label="predict, a clip")
    ax.plot(n, videos, "s--", color="#D55E00", label="fit, a video of an epoch")
    ax.set(xscale="log", yscale="log", xlabel="clips in the folder", ylabel="microseconds")
    ax.set_ylim(10 ** np.floor(np.log10(use.min())), 10 ** np.ceil(np.log10(videos.max())))
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gb", type=float, default=4.0, help="size of the folder")
    parser.add_argument("--limit", type=float, default=2.0, help="memory of the process, GB")
    parser.add_argument("--columns", type=int, default=None, help="2048; with --cost 64")
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--variants", nargs="+", default=["temporal", "bottleneck"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--folder", default=None, help="where to write (default: a temporary one)")
    parser.add_argument("--cost", action="store_true", help="measure the cost of a clip")
    parser.add_argument("--clips", type=int, nargs="+", default=[10**4, 10**5, 10**6, 10**7])
    parser.add_argument("--plot", default=None)
    parser.add_argument("--use", default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.use:
        use_folder(args.use, args.variants[0], args.epochs, args.device)
        return
    args.columns = args.columns or (64 if args.cost else 2048)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        measure = cost_per_clip if args.cost else larger_than_memory
        measure(args, Path(folder) / "clips")


if __name__ == "__main__":
    main()
