"""Plain Python against which the metrics are held."""

from collections import defaultdict

import numpy as np


def iou(a, b):
    inside = min(a[2], b[2]) - max(a[1], b[1])
    return inside / ((a[2] - a[1]) + (b[2] - b[1]) - inside) if inside > 0 else 0.0


def plain_map(true, pred, tiou, protocol, ambiguous=None, ties_as_one_step=False):
    """Both rules as algorithm.md (1.5 and 7) tells them, segment by segment."""
    values = []
    for label in sorted({s[0] for video in true for s in video}):
        n = sum(s[0] == label for video in true for s in video)
        dets = [(s, v) for v, video in enumerate(pred) for s in video if s[0] == label]
        dets.sort(key=lambda d: -d[0][3])
        taken, hits = set(), [False] * len(dets)
        if protocol == "activitynet":
            for k, (s, v) in enumerate(dets):
                gts = [(iou(s, g), -i) for i, g in enumerate(true[v]) if g[0] == label]
                for value, i in sorted(gts, reverse=True):
                    if value >= tiou and value > 0 and (v, -i) not in taken:
                        taken.add((v, -i))
                        hits[k] = True
                        break
        else:
            of_video = defaultdict(list)
            for k, (_, v) in enumerate(dets):
                of_video[v].append(k)
            for v, video in enumerate(true):
                for g in (g for g in video if g[0] == label):
                    best, which = tiou, None
                    for k in of_video[v]:
                        if not hits[k] and iou(dets[k][0], g) > best:
                            best, which = iou(dets[k][0], g), k
                    if which is not None:
                        hits[which] = True
            if ambiguous is not None:
                keep = [
                    k
                    for k, (s, v) in enumerate(dets)
                    if hits[k] or not any(iou(s, g) > 0 for g in ambiguous[v])
                ]
                hits, dets = [hits[k] for k in keep], [dets[k] for k in keep]
        precision, found = [], 0
        for k, hit in enumerate(hits):
            found += hit
            precision.append(found / (k + 1))
        if ties_as_one_step:  # every detection sees the precision behind the last of its score
            score = [s[3] for s, _ in dets]
            last = {value: k for k, value in enumerate(score)}
            precision = [precision[last[value]] for value in score]
        if protocol == "activitynet":
            for k in reversed(range(len(precision) - 1)):
                precision[k] = max(precision[k], precision[k + 1])
        if protocol == "thumos14-11point":
            recall = np.cumsum(hits) / n
            at = [
                max((p for p, r in zip(precision, recall, strict=True) if r > t - 1e-9), default=0)
                for t in np.arange(11) / 10
            ]
            values.append(sum(at) / 11)
            continue
        values.append(sum(p for p, h in zip(precision, hits, strict=True) if h) / n)
    return np.mean(values)
