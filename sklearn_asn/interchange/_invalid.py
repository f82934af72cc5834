"""What becomes of segments that a file has but that cannot be: one rule for every reader."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sklearn_asn._data.invalid import check_on_invalid
from sklearn_asn._data.segments import Segment
from sklearn_asn._typing import OnInvalid
from sklearn_asn.datasets._reading import PerVideo, listed, per_video


class Read(NamedTuple):
    """A segment as read, whatever its label and times, and where."""

    segment: Segment
    where: str


class Rule(NamedTuple):
    """How a reader treats invalid segments; `new_rule` checks the values."""

    on_invalid: OnInvalid = "raise"
    tolerance: float = 0.0
    duration: PerVideo | None = None


def new_rule(on_invalid: OnInvalid, tolerance: float, duration: PerVideo | None) -> Rule:
    """Return a rule, after checking that it is one."""
    check_on_invalid(on_invalid, tolerance)
    return Rule(on_invalid, tolerance, duration)


def settle(
    found: dict[str, list[Read]], order: Iterable[str], has_order: bool, rule: Rule
) -> dict[str, list[Segment]]:
    """Return the segments to keep, by video.

    Invalid is one without a label, with times that are not finite or not in order and, where the
    duration is known, one that starts before 0 or ends more than the tolerance after its video.
    """
    ends = _ends(list(order), has_order, rule)
    kept: dict[str, list[Segment]] = {}
    lost, cut = [], []
    for video, rows in found.items():
        end = ends.get(video, math.inf)
        low = -math.inf if rule.duration is None else 0.0
        kept[video] = []
        for segment, where in rows:
            problem = _problem(segment, low, end, rule.tolerance)
            if not problem:
                kept[video].append(segment)
                continue
            if rule.on_invalid == "clip":
                clipped = segment._replace(start=max(segment.start, low), end=min(segment.end, end))
                if not _problem(clipped, low, end, 0.0):
                    kept[video].append(clipped)
                    cut.append(f"{where}: {problem}")
                    continue
            lost.append(f"{where}: {problem}")
    if lost and rule.on_invalid == "raise":
        more = f" ({len(lost)} such segments)" if len(lost) > 1 else ""
        hint = "on_invalid='drop' leaves such segments out, 'clip' cuts them to their video."
        raise ValueError(f"{lost[0]}{more}. {hint}")
    texts = [(cut, "Cut to their video"), (lost, "Left out")]
    for problems, done in texts:
        if problems:
            text = f"{done}: {len(problems)} invalid segments: {listed(problems, 3)}."
            warnings.warn(text, UserWarning, stacklevel=4)
    return kept


def _ends(order: list[str], has_order: bool, rule: Rule) -> dict[str, float]:
    if rule.duration is None:
        return {}
    seconds = per_video(rule.duration, "duration", order, order if has_order else None)
    return dict(zip(order, np.broadcast_to(seconds, len(order)).tolist(), strict=True))


def _problem(segment: Segment, low: float, high: float, tolerance: float) -> str:
    """Return what is wrong with a segment, or nothing."""
    label, start, end, _ = segment
    if not label:
        return "no label"
    if not (math.isfinite(start) and math.isfinite(end) and start < end):
        return f"expected finite times with start < end, got {start}, {end}"
    if start < low:
        return f"starts before 0, at {start}"
    if end > high + tolerance:
        return f"ends at {end}, after its video, which lasts {high} s"
    return ""
