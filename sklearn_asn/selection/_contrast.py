"""What selections that cut at many thresholds share: distinct runs, their contrast, merging."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_number
from sklearn_asn._data.packed import Offsets
from sklearn_asn.selection._anchors import prefix_sums
from sklearn_asn.selection._base import Found
from sklearn_asn.selection._nms import nms, soft_nms
from sklearn_asn.selection._runs import Runs

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SOFT_NMS_THRESHOLD = 0.001


def check_contrast(selection: Any) -> None:
    """Check the parameters that `contrast` and `merged` take from a selection."""
    check_number(selection.outer_weight, "outer_weight")
    check_number(selection.inflation, "inflation", 0)
    if selection.merge not in ("nms", "soft-nms", None):
        raise ValueError(f"merge={selection.merge!r}; expected 'nms', 'soft-nms' or None.")
    check_number(selection.nms_threshold, "nms_threshold", 0, 1)
    check_number(selection.sigma, "sigma", 0, open_low=True)


def distinct(at_each: list[Runs]) -> Runs:
    """Put runs in the order of class, start and end, each once."""
    runs = Runs(*(np.concatenate(columns) for columns in zip(*at_each, strict=True)))
    order = np.lexsort((runs.stop, runs.first, runs.label))
    label, video, first, stop = (column[order] for column in runs)
    new = np.diff(label, prepend=-1) | np.diff(first, prepend=-1) | np.diff(stop, prepend=-1)
    keep = np.flatnonzero(new)
    return Runs(label[keep], video[keep], first[keep], stop[keep])


def contrast(
    cas: Array,
    offsets: Offsets,
    runs: Runs,
    outer_weight: float,
    inflation: float,
    min_margin: int = 1,
) -> Floats:
    """Mean inside every run minus the weighted mean of the ring around it.

    The ring is `inflation` times the run's length on each side, at least `min_margin` rows; only
    what lies in the video, 0 if nothing does. Borders are looked up in running totals.
    """
    label, video, _, _ = runs
    pair = np.flatnonzero(np.diff(label, prepend=-1) | np.diff(video, prepend=-1))
    first, last = offsets[video[pair]], offsets[video[pair] + 1]
    prefix, base = prefix_sums(cas, label[pair], first, last - first)
    group = np.repeat(np.arange(len(pair)), np.diff(pair, append=len(label)))
    start, end = runs.first - first[group], runs.stop - first[group]
    length, base = (last - first)[group], base[group]
    margin = np.maximum(inflation * (end - start), float(min_margin))
    left, right = np.maximum(start - margin, 0.0), np.minimum(end + margin, length)
    at_start, at_end = prefix[base + start], prefix[base + end]
    ring = at_start - _total_at(left, prefix, base, length)
    ring += _total_at(right, prefix, base, length) - at_end
    width = (start - left) + (right - end)
    # A side is at least one row wide, or outside the video: then its sum is 0.
    outer = ring / np.maximum(width, 1.0)
    return (at_end - at_start) / (end - start) - outer_weight * outer


def merged(found: Found, merge: str | None, nms_threshold: float, sigma: float) -> Found:
    """Suppress what overlaps a better segment of its class and video, by `nms` or `soft_nms`."""
    if merge is None or not len(found.label):
        return found
    group = found.video * (found.label.max() + 1) + found.label
    if merge == "nms":
        keep = nms(found.start, found.end, found.score, nms_threshold, group=group)
    else:
        keep, score = soft_nms(
            found.start,
            found.end,
            np.maximum(found.score, 0.0),
            sigma=sigma,
            threshold=_SOFT_NMS_THRESHOLD,
            group=group,
        )
        found = found._replace(score=found.score.copy())
        found.score[keep] = score
    return found.take(np.sort(keep))


def _total_at(position: Floats, prefix: Floats, base: Ints, length: Ints) -> Floats:
    """Look up the running total at a fractional row; exact for a CAS constant in rows."""
    whole = np.floor(position).astype(np.int64)
    total = prefix[base + whole]
    following = prefix[base + np.minimum(whole + 1, length)]
    return total + (position - whole) * (following - total)
