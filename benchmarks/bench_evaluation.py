"""Time `localization_map` against plain Python loops written from the two rules.

The default size is THUMOS14's test set: 213 videos with 1,000 detections each. The loops go over
every detection (ActivityNet) or every ground-truth segment (THUMOS'14 kit); they compute each
overlap once for all tIoUs, so the ratio is not won by repeating work. Runs are interleaved, times
are medians, and a difference in any mAP above 1e-12 (the order of sums) stops the benchmark.

    python benchmarks/bench_evaluation.py --videos 213 --detections 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from _keep import Kept, add_json_option, keep

from sklearn_asn import Segments
from sklearn_asn.metrics import localization_map

PROTOCOLS = ("activitynet", "thumos14")
TOLERANCE = 1e-12

Times = list[tuple[float, float]]
Overlaps = list[tuple[float, int]]  # tIoU, index of the other segment


def make_videos(
    n_videos: int, n_detections: int, n_true: int, n_classes: int, seed: int
) -> tuple[Segments, Segments]:
    """Videos of one class of 200 s; half of the detections have it, all lie near ground truth."""
    rng = np.random.default_rng(seed)
    own = rng.integers(n_classes, size=n_videos)
    start = rng.random(n_videos * n_true) * 200
    end = start + rng.uniform(2, 12, len(start))
    y_true = Segments(np.arange(n_videos + 1) * n_true, np.repeat(own, n_true), start, end)
    n = n_videos * n_detections
    video = np.repeat(np.arange(n_videos), n_detections)
    label = np.where(rng.random(n) < 0.5, own[video], rng.integers(n_classes, size=n))
    near = video * n_true + rng.integers(n_true, size=n)
    found = start[near] + rng.normal(0, 2, n)
    stop = np.maximum(end[near] + rng.normal(0, 2, n), found + 0.5)
    offsets = np.arange(n_videos + 1) * n_detections
    return y_true, Segments(offsets, label, found, stop, rng.random(n))


def overlaps(start: float, end: float, others: Times) -> Overlaps:
    """Positive tIoUs with others, the highest first (ties: the first)."""
    found = []
    for i, (a, b) in enumerate(others):
        inside = min(end, b) - max(start, a)
        if inside > 0:
            found.append((inside / ((end - start) + (b - a) - inside), i))
    return sorted(found, key=lambda pair: -pair[0])


def loop_average_precision(hits: list[bool], n_true: int, *, interpolate: bool) -> float:
    precision, found = [], 0
    for k, hit in enumerate(hits):
        found += hit
        if hit:
            precision.append(found / (k + 1))
    if interpolate:
        for k in reversed(range(len(precision) - 1)):
            precision[k] = max(precision[k], precision[k + 1])
    return sum(precision) / n_true


def loop_activitynet(true: list[Times], found: list[tuple[int, float, float]], tiou: Any) -> Any:
    """One class: every detection takes the best free ground truth of its video, in turn."""
    near = [overlaps(start, end, true[video]) for video, start, end in found]
    values = []
    for threshold in tiou:
        taken, hits = set(), []
        for (video, _, _), candidates in zip(found, near, strict=True):
            free = (i for t, i in candidates if t >= threshold and (video, i) not in taken)
            best = next(free, None)
            hits.append(best is not None)
            if best is not None:
                taken.add((video, best))
        values.append(loop_average_precision(hits, sum(map(len, true)), interpolate=True))
    return values


def loop_thumos14(true: list[Times], found: list[tuple[int, float, float]], tiou: Any) -> Any:
    """One class: every ground truth takes the best free detection of its video, in turn."""
    rows: list[list[int]] = [[] for _ in true]
    for k, (video, _, _) in enumerate(found):
        rows[video].append(k)
    near = []
    for video, segments in enumerate(true):
        boxes = [found[k][1:] for k in rows[video]]
        near += [
            [(t, rows[video][i]) for t, i in overlaps(start, end, boxes)] for start, end in segments
        ]
    values = []
    for threshold in tiou:
        hits = [False] * len(found)
        for candidates in near:
            best = next((k for t, k in candidates if t > threshold and not hits[k]), None)
            if best is not None:
                hits[best] = True
        values.append(loop_average_precision(hits, len(near), interpolate=False))
    return values


def loop_map(y_true: Segments, y_pred: Segments, tiou: Any, *, protocol: str) -> Any:
    """Mean average precision at every tIoU, class by class, in plain Python."""
    rule = loop_activitynet if protocol == "activitynet" else loop_thumos14
    true: dict[Any, list[Times]] = {}
    for video in range(len(y_true)):
        for s in y_true[video]:
            true.setdefault(s.label, [[] for _ in range(len(y_true))])[video].append(s[1:3])
    found: dict[Any, list[Any]] = {label: [] for label in true}
    for video in range(len(y_pred)):
        for s in y_pred[video]:
            if s.label in found:
                found[s.label].append((-s.score, (video, s.start, s.end)))
    for scored in found.values():
        scored.sort(key=lambda row: row[0])
    values = [rule(true[label], [row for _, row in found[label]], tiou) for label in sorted(true)]
    return np.mean(values, axis=0)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=213)
    parser.add_argument("--detections", type=int, default=1000, help="per video")
    parser.add_argument("--truth", type=int, default=16, help="ground-truth segments per video")
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--tious", type=float, nargs="+", default=np.linspace(0.5, 0.95, 10))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    add_json_option(parser)
    args = parser.parse_args()
    kept = Kept("bench_evaluation", videos=args.videos, detections=args.detections,
                truth=args.truth, classes=args.classes)  # fmt: skip
    tious = np.asarray(args.tious, dtype=float)
    y_true, y_pred = make_videos(args.videos, args.detections, args.truth, args.classes, args.seed)
    print(
        f"{args.videos} videos x {args.detections} detections, {args.truth} ground-truth segments "
        f"a video, {args.classes} classes, {len(tious)} tIoUs; CPU time, medians of {args.repeats}"
    )
    print(f"{'protocol':<12} {'loops s':>9} {'package s':>10} {'ratio':>7} {'difference':>11}")
    for protocol in PROTOCOLS:
        slow, fast, difference = [], [], 0.0
        for _ in range(args.repeats):
            seconds, want = timed(partial(loop_map, y_true, y_pred, tious, protocol=protocol))
            slow.append(seconds)
            seconds, got = timed(
                partial(localization_map, y_true, y_pred, tious, protocol=protocol)
            )
            fast.append(seconds)
            difference = max(difference, float(np.abs(got - want).max()))
            if not difference <= TOLERANCE:
                raise AssertionError(f"{protocol}: mAP differs by {difference:.1e}.")
        a, b = median(slow), median(fast)
        print(f"{protocol:<12} {a:>9.3f} {b:>10.3f} {a / b:>7.1f} {difference:>11.1e}")
        kept.add(protocol, 1e3 * b, "ms of CPU")
        kept.add(f"{protocol}: loops / package", a / b, "ratio", better="more")
    keep(kept, args)


if __name__ == "__main__":
    main()
