"""Time `read_activitynet_results` against `json.load` of the same file alone.

The default file is of THUMOS14's test set: 213 videos with 1,000 detections each, 21 MB. What is
read must be what was written, to the bit. Seconds are of CPU time, ratios of neighbouring runs.
A second file has a colon in one label: keys are then looked at object by object.

    python benchmarks/bench_reading.py
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import verdict
from _keep import Kept, add_json_option, keep

from sklearn_asn import Segments
from sklearn_asn.datasets import read_activitynet_results, write_activitynet_results


def make_detections(n_videos: int, n_detections: int, label: str) -> Segments:
    rng = np.random.default_rng(0)
    n = n_videos * n_detections
    start = rng.random(n) * 200
    return Segments(
        np.arange(n_videos + 1) * n_detections,
        np.array([label.format(k) for k in rng.integers(20, size=n)]),
        start,
        start + rng.uniform(0.1, 20, n),
        rng.random(n),
        [f"video_test_{video:07d}" for video in range(n_videos)],
    )


def seconds_of(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--videos", type=int, default=213)
    parser.add_argument("--detections", type=int, default=1000, help="per video")
    parser.add_argument("--repeats", type=int, default=9)
    add_json_option(parser)
    args = parser.parse_args()
    kept = Kept("bench_reading", videos=args.videos, detections=args.detections)
    for name, label in (("plain", "Class{:02d}"), ("colon in labels", "a:{:02d}")):
        written = make_detections(args.videos, args.detections, label)
        ours, theirs = [], []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.json"
            write_activitynet_results(written, file)
            for _ in range(args.repeats):
                theirs.append(seconds_of(lambda file=file: json.loads(file.read_text()))[0])
                seconds, found = seconds_of(lambda file=file: read_activitynet_results(file))
                ours.append(seconds)
                assert found == written
        ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
        target = 1.4 if name == "plain" else None
        kept.add(f"{name}: read", median(ours), "s of CPU")
        kept.add(f"{name}: json alone", median(theirs), "s of CPU")
        kept.add(f"{name}: read / json alone", ratio, "ratio", target)
        print(f"{name}: {median(ours):.2f} s of CPU, json alone {median(theirs):.2f}, "
              f"{ratio:.2f}x {verdict(ratio, target) if target else ''}", flush=True)  # fmt: skip
    keep(kept, args)


if __name__ == "__main__":
    main()
