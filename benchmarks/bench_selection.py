"""Time the selections and the suppressions against plain Python loops that give the same.

The default size is THUMOS14's test set: 213 videos, 20 classes, 2 or 3 active ones a video, with
about 400 clips. AutoLoc's six scales and five offsets are given explicitly. The suppressions get
1,000 boxes a video, with every video a group and with every (video, class) a group; a small case of
500 groups of 100 boxes is there too. Every loop below is a reference written from the definitions;
a run stops if a result differs: a score by more than 1e-9, or which boxes were kept at all.

    python benchmarks/bench_selection.py --reference-repeats 1 --detections 1000
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from _keep import Kept, add_json_option, keep

from sklearn_asn.selection import (
    AutoLocSelection,
    MultiQuantileSelection,
    MultiThresholdSelection,
    NaiveSelection,
    nms,
    soft_nms,
)

Box = tuple[float, float, float, int]  # start, end, score, index


def make_videos(n_videos: int, n_clips: int, n_classes: int, seed: int) -> tuple[Any, Any, Any]:
    """Smooth CAS, half of the clips of 2 or 3 classes a video activated; offsets; video scores."""
    rng = np.random.default_rng(seed)
    cas = np.zeros((n_videos, n_clips, n_classes))
    scores = rng.random((n_videos, n_classes)) * 0.1
    for video in range(n_videos):
        active = min(n_classes, int(rng.integers(2, 4)))
        for label in rng.choice(n_classes, active, replace=False):
            curve = np.convolve(rng.random(n_clips + 8), np.ones(9) / 9, "valid")
            curve = (curve - curve.min()) / max(np.ptp(curve), 1e-12)
            cas[video, :, label] = np.where(curve > np.median(curve), curve, 0)
            scores[video, label] = rng.uniform(0.1, 1)
    return cas.reshape(-1, n_classes), np.arange(n_videos + 1) * n_clips, scores


def make_levels(cas: Any, offsets: Any, seed: int) -> tuple[Any, Any]:
    """A CAS that the attention has not cut, and smooth levels, even in [0, 1] in every video."""
    rng = np.random.default_rng(seed)
    cas, level = cas.copy(), np.empty(len(cas))
    for first, stop in pairwise(offsets.tolist()):
        passes = cas[first:stop].any(axis=0)
        noise = rng.random((stop - first, int(passes.sum())))  # so that no scores tie
        cas[first:stop, passes] = 0.8 * cas[first:stop, passes] + 0.2 * noise
        curve = np.convolve(rng.random(stop - first + 8), np.ones(9) / 9, "valid")
        level[first:stop] = curve.argsort().argsort() / (stop - first)
    return cas, level


def make_boxes(n_groups: int, n_boxes: int, seed: int) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    start = rng.random(n_groups * n_boxes) * 400
    end = start + rng.uniform(1, 32, len(start))
    return start, end, rng.random(len(start)), np.repeat(np.arange(n_groups), n_boxes)


def make_groupings(args: argparse.Namespace) -> dict[str, tuple[Any, Any, Any, Any]]:
    """The boxes for nms and soft_nms, by what is one group."""
    start, end, score, video = make_boxes(args.videos, args.detections, args.seed)
    label = np.random.default_rng(args.seed + 1).integers(args.classes, size=len(start))
    return {
        f"{args.groups} x {args.boxes}": make_boxes(args.groups, args.boxes, args.seed),
        "video": (start, end, score, video),
        "video and class": (start, end, score, video * args.classes + label),
    }


def iou(a: Box, b: Box) -> float:
    both = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return both / (a[1] - a[0] + b[1] - b[0] - both)


def loop_nms_of_group(boxes: list[Box], threshold: float) -> list[Box]:
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box[2]):
        if all(iou(box, other) <= threshold for other in kept):
            kept.append(box)
    return kept


def loop_soft_nms_of_group(boxes: list[Box], sigma: float, threshold: float) -> list[Box]:
    kept = []
    boxes = [box for box in boxes if box[2] >= threshold]
    while boxes:
        best = max(boxes, key=lambda box: box[2])
        kept.append(best)
        boxes.remove(best)
        boxes = [(s, e, c * math.exp(-(iou((s, e, c, i), best) ** 2) / sigma), i)
                 for s, e, c, i in boxes]  # fmt: skip
        boxes = [box for box in boxes if box[2] >= threshold]
    return kept


def loop_groups(columns: tuple[Any, ...], of_group: Callable[[list[Box]], list[Box]]) -> list[Box]:
    groups: dict[int, list[Box]] = {}
    for i, (start, end, score, group) in enumerate(
        zip(*(c.tolist() for c in columns), strict=True)
    ):
        groups.setdefault(group, []).append((start, end, score, i))
    return [box for boxes in groups.values() for box in of_group(boxes)]


def loop_naive(values: list[float], weighted: float) -> list[Box]:
    runs: list[Box] = []
    t = 0
    while t < len(values):
        if values[t] > 0:
            first = t
            while t < len(values) and values[t] > 0:
                t += 1
            runs.append((first, t, sum(values[first:t]) / (t - first) + weighted, first))
        t += 1
    return runs


def running_total(values: list[float]) -> Callable[[float], float]:
    """Integral of the CAS from the video's start to any point."""
    n, total = len(values), [0.0]
    for value in values:
        total.append(total[-1] + value)

    def at(x: float) -> float:
        whole = min(int(x), n - 1)
        return total[whole] + (x - whole) * values[whole]

    return at


def loop_autoloc(values: list[float], weighted: float, model: AutoLocSelection) -> list[Box]:
    n, at = len(values), running_total(values)

    def area(a: float, b: float) -> float:
        return at(b) - at(a)

    best_of_box: dict[tuple[int, int], Box] = {}
    for t in range(n):
        if values[t] <= model.min_activation:
            continue
        best = (-math.inf, 0, 0)
        for s in model.scales:
            for o in model.offsets:
                a = math.floor(t + o * s - s / 2 + 1)
                margin = max(model.inflation * s, 1)
                lo, hi = max(a, 0), min(a + s, n)
                if lo >= hi:
                    continue
                outer_lo, outer_hi = max(a - margin, 0), min(a + s + margin, n)
                inner, width = area(lo, hi), (outer_hi - outer_lo) - (hi - lo)
                ring = (area(outer_lo, outer_hi) - inner) / width if width > 0 else 0
                contrast = inner / (hi - lo) - model.outer_weight * ring
                if contrast > best[0]:
                    best = (contrast, lo, hi)
        contrast, lo, hi = best
        if contrast > model.min_contrast and (
            (lo, hi) not in best_of_box or contrast > best_of_box[lo, hi][2]
        ):
            best_of_box[lo, hi] = (lo, hi, contrast, t)
    boxes = sorted(best_of_box.values(), key=lambda box: box[3])
    assert model.nms_threshold is not None
    kept = loop_nms_of_group(boxes, model.nms_threshold)
    return [(start, end, score + weighted, i) for start, end, score, i in kept]


def loop_multi_threshold(
    values: list[float], weighted: float, model: MultiThresholdSelection
) -> list[Box]:
    if not any(values):
        return []
    factor, n = model.interpolation, len(values) * model.interpolation
    points = []
    for i in range(n):
        place = min(max((i + 0.5) / factor - 0.5, 0), len(values) - 1)
        left = int(place)
        right = min(left + 1, len(values) - 1)
        points.append(values[left] + (place - left) * (values[right] - values[left]))
    runs: set[tuple[int, int]] = set()
    for threshold in model.thresholds:
        t = 0
        while t < n:
            first = t
            while t < n and points[t] > threshold:
                t += 1
            if t > first:
                runs.add((first, t))
            t += 1
    boxes = [
        (start / factor, end / factor, score + weighted, i)
        for start, end, score, i in loop_contrast(points, runs, model, factor)
    ]
    return loop_merge(boxes, model)


def loop_contrast(
    values: list[float], runs: set[tuple[int, int]], model: Any, least: float
) -> list[Box]:
    n, at = len(values), running_total(values)
    boxes: list[Box] = []
    for i, (start, end) in enumerate(sorted(runs)):
        margin = max(model.inflation * (end - start), least)
        left, right = max(start - margin, 0), min(end + margin, n)
        inner, width = at(end) - at(start), (right - left) - (end - start)
        ring = (at(right) - at(left) - inner) / width if width > 0 else 0
        boxes.append((start, end, inner / (end - start) - model.outer_weight * ring, i))
    return boxes


def loop_merge(boxes: list[Box], model: Any) -> list[Box]:
    if model.merge == "nms":
        return loop_nms_of_group(boxes, model.nms_threshold)
    boxes = [(start, end, max(score, 0), i) for start, end, score, i in boxes]
    return loop_soft_nms_of_group(boxes, model.sigma, 0.001)


def loop_multi_quantile(
    values: list[float], weighted: float, level: list[float], model: MultiQuantileSelection
) -> list[Box]:
    n = len(values)
    runs: set[tuple[int, int]] = set()
    for quantile in model.quantiles:
        t = 0
        while t < n:
            first = t
            while t < n and level[t] >= quantile and values[t] > 0:
                t += 1
            if t > first:
                runs.add((first, t))
            t += 1
    boxes = [
        (start, end, score + weighted, i)
        for start, end, score, i in loop_contrast(values, runs, model, 1)
    ]
    return loop_merge(boxes, model)


def fast_select(model: Any, *data: Any) -> Any:
    return model.select_packed(*data)[0]


def loop_select(
    model: Any, cas: Any, offsets: Any, video_scores: Any, level: Any = None
) -> list[tuple[Any, ...]]:
    found = []
    for video in range(len(offsets) - 1):
        rows = []
        for label in range(cas.shape[1]):
            values = cas[offsets[video] : offsets[video + 1], label].tolist()
            weighted = model.video_weight * float(video_scores[video, label])
            if isinstance(model, NaiveSelection):
                boxes = loop_naive(values, weighted)
            elif isinstance(model, MultiThresholdSelection):
                boxes = loop_multi_threshold(values, weighted, model)
            elif isinstance(model, MultiQuantileSelection):
                levels = level[offsets[video] : offsets[video + 1]].tolist()
                boxes = loop_multi_quantile(values, weighted, levels, model)
            else:
                boxes = loop_autoloc(values, weighted, model)
            rows += [(label, start, end, score) for start, end, score, _ in boxes]
        found += sorted(rows, key=lambda row: -row[3])
    return found


def timed(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        result = call()
        seconds.append(time.process_time() - began)
    return median(seconds), result


def rows_of_boxes(boxes: list[Box]) -> Any:
    """Index and score of every box, in the order of index."""
    return np.array(sorted((box[3], box[2]) for box in boxes), dtype=float).reshape(-1, 2)


def suppression_cases(
    boxes: tuple[Any, Any, Any, Any],
) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    start, end, score, group = boxes

    def fast_nms() -> Any:
        kept = nms(start, end, score, 0.4, group=group)
        return kept, score[kept]

    return {
        "nms": (
            fast_nms,
            lambda: loop_groups(boxes, lambda group: loop_nms_of_group(group, 0.4)),
        ),
        "soft_nms": (
            lambda: soft_nms(start, end, score, group=group),
            lambda: loop_groups(boxes, lambda group: loop_soft_nms_of_group(group, 0.3, 0.001)),
        ),
    }


def compare(result: Any, expected: Any) -> int:
    """Stop if results differ; returns how many boxes there are."""
    if isinstance(result, tuple):
        rows = np.column_stack(result)[np.argsort(result[0])]
        expected = rows_of_boxes(expected)
        np.testing.assert_array_equal(rows[:, 0], expected[:, 0])
    else:
        rows = np.array(result.tolist(), dtype=float).reshape(-1, 4)
        expected = np.array(expected, dtype=float).reshape(-1, 4)
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-9)
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--videos", type=int, default=213)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--detections", type=int, default=1000, help="boxes a video")
    parser.add_argument("--groups", type=int, default=500, help="groups of the small case")
    parser.add_argument("--boxes", type=int, default=100, help="boxes a group of the small case")
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--offsets", type=float, nargs="+", default=[-0.5, -0.25, 0, 0.25, 0.5])
    parser.add_argument("--repeats", type=int, default=5, help="runs of the package")
    parser.add_argument("--reference-repeats", type=int, default=1, help="runs of the loops")
    parser.add_argument("--seed", type=int, default=0)
    add_json_option(parser)
    args = parser.parse_args()
    kept = Kept("bench_selection", videos=args.videos, clips=args.clips, classes=args.classes,
                detections=args.detections)  # fmt: skip

    data = make_videos(args.videos, args.clips, args.classes, args.seed)
    uncut, level = make_levels(data[0], data[1], args.seed)
    autoloc = AutoLocSelection(scales=args.scales, offsets=args.offsets)
    cases: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {}
    for name, model in (("Naive", NaiveSelection()), ("AutoLoc", autoloc)):
        cases[name] = (partial(fast_select, model, *data), partial(loop_select, model, *data))
    for merge in ("nms", "soft-nms"):
        multi = MultiQuantileSelection(merge=merge)
        cases[f"MultiQuantile, {merge}"] = (
            partial(fast_select, multi, uncut, *data[1:], level),
            partial(loop_select, multi, uncut, *data[1:], level),
        )
        threshold = MultiThresholdSelection(merge=merge)
        cases[f"MultiThreshold, {merge}"] = (
            partial(fast_select, threshold, uncut, *data[1:]),
            partial(loop_select, threshold, uncut, *data[1:]),
        )
    for grouping, boxes in make_groupings(args).items():
        for name, case in suppression_cases(boxes).items():
            cases[f"{name}, {grouping}"] = case
    print(
        f"Selections: {args.videos} videos x {args.clips} clips x {args.classes} classes, AutoLoc "
        f"with {len(args.scales)} scales x {len(args.offsets)} offsets. nms, soft_nms: "
        f"{args.videos} videos x {args.detections} boxes, a group every video or every video and "
        f"class; and {args.groups} groups x {args.boxes} boxes.\n"
        f"CPU time. Package: median of {args.repeats} runs. Loops: median of "
        f"{args.reference_repeats}."
    )
    for name, (fast, slow) in cases.items():
        seconds, result = timed(fast, args.repeats)
        slow_seconds, expected = timed(slow, args.reference_repeats)
        n_boxes = compare(result, expected)
        print(
            f"{name:25s} {1e3 * seconds:9.1f} ms   loops {1e3 * slow_seconds:10.1f} ms   "
            f"{slow_seconds / seconds:7.1f}x   {n_boxes} boxes",
            flush=True,
        )
        kept.add(name, 1e3 * seconds, "ms of CPU")
        kept.add(f"{name}: loops / package", slow_seconds / seconds, "ratio", better="more")
        keep(kept, args)


if __name__ == "__main__":
    main()
