"""Check on a CUDA machine, within eight minutes, that the package works there, and how fast.

Nothing need be installed but what the package imports (modules that are missing are listed; pytest
is not needed), and the checkout is found from the place of this file:

    python benchmarks/check_gpu.py                       # gpu.json, in this folder
    python benchmarks/check_gpu.py --out FILE --minutes 5

*checks* are those of `tests/gpu_cases.py`: the CPU's results to 1e-4 by variant, pooling, context
layers and self-training; features resident, and larger than the free memory (which is filled);
bfloat16; compiled code; a file opened without a GPU; 30 fits that leave nothing behind; two
processes on one GPU.

*measures* are medians, and ratios to: a torch loop written by hand (`bench_fit.py`'s, which ends
with the same weights), the same on this machine's CPU, and the floor, which is the bytes that must
be read over the bandwidth of the memory (measured by a copy). Nothing is faster than its floor:
a ratio below 1 is a wrong measurement, and fails.

The JSON is written after every line, so that a run that is cut off leaves what it had. Without a
GPU the CPU half runs: the same checks on the CPU alone, and its measures. The status is 1 if a
check failed, and 2 if modules are missing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from _keep import Kept  # noqa: E402

NEEDED = ("filelock", "joblib", "numpy", "pandas", "scipy", "sklearn", "skorch", "torch", "tqdm")
VARIANTS = ("temporal", "bottleneck", "bilinear")


def missing_modules(names: tuple[str, ...] = NEEDED) -> list[str]:
    """Name the modules that cannot be imported, each with its error."""
    found = []
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            found.append(f"{name} ({error})")
    return found


def bandwidth(device: str, n_bytes: int, repeats: int = 7) -> float:
    """Bytes a second that a copy reads and writes."""
    import torch
    from _common import now

    source = torch.ones(n_bytes // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(repeats):
        began = now(device)
        target.copy_(source)
        seconds.append(now(device) - began)
    return 2 * n_bytes / min(seconds)


def make_data(n_videos: int, n_clips: int) -> tuple[Any, Any]:
    import numpy as np
    from _common import make_clips, make_labels, make_lengths
    from bench_fit import N_CLASSES, N_STREAM, ROW_UNIT

    X = make_clips(make_lengths(n_videos, 0, n_clips), 2 * N_STREAM, 1)
    X.values[:, N_STREAM] = np.arange(len(X.values)) * ROW_UNIT  # bench_fit reads rows off it
    return X, make_labels(n_videos, N_CLASSES, 2)


def measure_step(variant: str, X: Any, y: Any, device: str, epochs: int) -> dict[str, float]:
    """Seconds of a step and of the hand-written loop's, and how far their weights are apart."""
    from bench_fit import Job, check_same, typical_step

    job = Job(variant, X, y, epochs, device)
    job.record()
    gap = check_same(job.timed_fit(), job.reference(same_draws=True), tolerance=1e-3)  # float32
    ours, theirs = job.timed_fit(), job.reference()
    rows = sum(len(rows) for _, rows, _ in job.steps) / len(job.steps)
    columns = X.n_features // 2 if variant == "temporal" else X.n_features
    return {
        "step": typical_step([ours]),
        "loop": typical_step([theirs]),
        "bytes": 4 * rows * columns,
        "gap": gap,
    }


def measure_forward(variant: str, X: Any, device: str, repeats: int) -> dict[str, float]:
    """Seconds of the network over all clips, and of a torch loop over the same blocks."""
    import torch
    from _common import interleaved, middle
    from bench_fit import N_STREAM, Reference
    from bench_use import fitted

    model = fitted(variant, X, device)
    columns = slice(N_STREAM, None) if variant == "temporal" else slice(None)
    table = torch.from_numpy(X.values)[:, columns]
    network = Reference(variant, False).to(device).eval()

    def by_hand() -> Any:
        with torch.no_grad():
            parts = [network(block.to(device)) for block in table.split(3584)]
            return [torch.cat(part).cpu() for part in zip(*parts, strict=True)]

    calls = {"forward": lambda: model.model_.score(X, device).attention.shape, "loop": by_hand}
    for call in calls.values():
        call()
    runs = interleaved(calls, repeats)
    seconds = {name: middle(runs[name]) for name in calls}
    return {**seconds, "bytes": 4 * table.numel()}


class Run:
    """Checks and measures, in order, until the time is over; everything is kept as it comes."""

    def __init__(self, args: argparse.Namespace, device: str) -> None:
        self.began = time.monotonic()
        self.limit = 60 * args.minutes
        self.out = args.out
        self.kept = Kept("check_gpu", device, tiny=args.tiny, minutes=args.minutes)
        self.checks: dict[str, Any] = {}
        self.kept.data["checks"] = self.checks
        self.kept.write(self.out)

    def check(self, name: str, call: Callable[[], Any], share: float = 0.95) -> Any:
        """Call one unless `share` of the time is over; say and keep what came of it."""
        began = time.monotonic()
        result: Any = None
        if began - self.began > share * self.limit:
            found: dict[str, Any] = {"status": "not run", "why": "the time was over"}
        else:
            try:
                result = call()
                found = {"status": "ok", **(result if isinstance(result, dict) else {})}
            except Exception as error:
                trace = traceback.format_exc().splitlines()[-12:]
                found = {"status": "failed", "why": f"{error!r:.500}", "trace": trace}
        found["seconds"] = round(time.monotonic() - began, 2)
        self.checks[name] = found
        self.kept.write(self.out)
        print(f"{found['seconds']:7.1f} s  {found['status']:8s}{name}", flush=True)
        if found["status"] == "failed":
            print("\n".join(found["trace"]), flush=True)
        return result

    def keep(self, name: str, measured: dict[str, float], rate: float) -> None:
        """Keep what was measured of one call, with its ratios to the loop and to the floor."""
        what = "step" if "step" in measured else "forward"
        seconds, floor = measured[what], measured["bytes"] / rate
        add = self.kept.add
        add(f"{name}: {what}", seconds, "s")
        add(f"{name}: {what} / loop by hand", seconds / measured["loop"], "ratio", 1.1)
        add(f"{name}: {what} / floor of bandwidth", seconds / floor, "ratio")
        print(f"           {what} {1e3 * seconds:.3f} ms, {seconds / measured['loop']:.2f} x the "
              f"loop by hand, {seconds / floor:.1f} x the floor")  # fmt: skip
        assert seconds >= floor, f"{seconds:.2e} s is less than the floor of {floor:.2e} s"

    def measure(self, sizes: dict[str, Any], devices: list[str]) -> None:
        """Measure steps and forwards on the devices, the last of which is the CPU."""
        X, y = make_data(sizes["videos"], sizes["clips"])
        rates = {}
        for device in devices:
            n_bytes = sizes["bytes"]
            rates[device] = rate = bandwidth(device, n_bytes)
            self.kept.add(f"{device}: bandwidth", rate / 1e9, "GB/s", better="more")
            print(f"           {device}: {rate / 1e9:.0f} GB/s", flush=True)
        for variant in VARIANTS:
            found: dict[tuple[str, str], float] = {}
            for device in devices:
                epochs = sizes["epochs"] if device != "cpu" or len(devices) == 1 else 1
                for what, call in {
                    "step": partial(measure_step, variant, X, y, device, epochs),
                    "forward": partial(measure_forward, variant, X, device, sizes["repeats"]),
                }.items():
                    name = f"{device}, {variant}"

                    def one(call: Any = call, name: str = name, device: str = device) -> Any:
                        measured = call()
                        self.keep(name, measured, rates[device])
                        return measured

                    if (result := self.check(f"measure: {name}, {what}", one)) is not None:
                        found[device, what] = result[what]
            for what in ("step", "forward"):
                if len(devices) == 2 and all((d, what) in found for d in devices):
                    ratio = found[devices[1], what] / found[devices[0], what]
                    name = f"{variant}: {what}, times as fast as the CPU"
                    self.kept.add(name, ratio, "ratio", better="more")
                    print(f"           {name}: {ratio:.1f}", flush=True)
        self.kept.write(self.out)


def main(given: list[str] | None = None) -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--device", help="default: cuda where there is one, else cpu")
    parser.add_argument("--tiny", action="store_true", help="tests the script, measures nothing")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="CHECK")
    parser.add_argument("--no-measures", action="store_true", help="the checks alone")
    args = parser.parse_args(given)
    if missing := missing_modules():
        print("Missing modules, without which nothing runs:", *missing, sep="\n  ")
        return 2
    import torch
    from gpu_cases import CHECKS, run_check

    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    run = Run(args, device)
    print(run.kept.data["machine"], f"commit {run.kept.data['commit']}", sep="\n", flush=True)
    if device == "cpu":
        print("No GPU is used: this is the CPU half.", flush=True)
    for name in CHECKS:
        if name in args.leave_out:
            run.checks[name] = {"status": "not run", "why": "left out"}
            continue
        few = {"n_fits": 4, "warm_up": 2} if args.tiny and "growth" in name else {}
        call = partial(run_check, name, device, 2 if args.tiny else 10, **few)
        run.check(name, call, share=0.7)
    if args.tiny:
        sizes = {"videos": 24, "clips": 20, "bytes": 2**22, "epochs": 1, "repeats": 1}
    else:
        large = device != "cpu"
        sizes = {
            "videos": 400 if large else 100,
            "clips": 300,
            "bytes": 2**30 if large else 2**27,
            "epochs": 20 if large else 3,
            "repeats": 5,
        }
    if not args.no_measures:
        run.measure(sizes, [device] if device == "cpu" else [device, "cpu"])
    failed = [name for name, found in run.checks.items() if found["status"] == "failed"]
    left = [name for name, found in run.checks.items() if found["status"] == "not run"]
    print(f"{len(run.checks)} checks: {len(failed)} failed, {len(left)} not run; "
          f"{time.monotonic() - run.began:.0f} s; {args.out}")  # fmt: skip
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
