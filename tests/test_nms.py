"""`nms` and `soft_nms` against plain loops written from their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn.selection import nms, soft_nms


def iou(a: Any, b: Any) -> float:
    both = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return float(both / ((a[1] - a[0]) + (b[1] - b[0]) - both))


def plain_nms(boxes: list[Any], threshold: float) -> list[int]:
    """Indices kept of (start, end, score) boxes, best first."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -boxes[i][2]):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def plain_soft_nms(boxes: list[Any], sigma: float, threshold: float) -> dict[int, float]:
    """Index -> new score."""
    left = {i: box[2] for i, box in enumerate(boxes) if box[2] >= threshold}
    kept = {}
    while left:
        best = max(left, key=lambda i: left[i])
        kept[best] = left.pop(best)
        for i in list(left):
            left[i] *= math.exp(-(iou(boxes[i], boxes[best]) ** 2) / sigma)
            if left[i] < threshold:
                del left[i]
    return kept


boxes_of_groups = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(-4, 4), st.integers(-2, 2)),
    max_size=25,
)


def columns(boxes: Any) -> tuple[Any, Any, Any, Any]:
    table = np.array(boxes, dtype=float).reshape(-1, 4)
    return table[:, 0], table[:, 0] + table[:, 1], table[:, 2] / 4, table[:, 3].astype(int)


@settings(max_examples=100, deadline=None)
@given(boxes_of_groups, st.sampled_from([0, 0.2, 0.4, 0.5, 1]))
def test_nms_equals_plain_loops(boxes: Any, threshold: float) -> None:
    start, end, score, group = columns(boxes)
    kept = nms(start, end, score, threshold, group=group)
    expected: list[int] = []
    for one in np.unique(group):
        own = np.flatnonzero(group == one)
        table = list(zip(start[own], end[own], score[own], strict=True))
        expected += own[plain_nms(table, threshold)].tolist()
    assert kept.tolist() == sorted(expected, key=lambda i: (-score[i], i))
    for i in range(len(start)):  # every suppressed box has a kept, better one that covers it
        covering = [
            j
            for j in kept
            if group[j] == group[i] and iou((start[i], end[i]), (start[j], end[j])) > threshold
        ]
        assert (i in kept) != any((-score[j], j) < (-score[i], i) for j in covering)


@settings(max_examples=100, deadline=None)
@given(boxes_of_groups, st.sampled_from([0.05, 0.3, 1]), st.sampled_from([0, 0.001, 0.3]))
def test_soft_nms_equals_plain_loops(boxes: Any, sigma: float, threshold: float) -> None:
    start, end, score, group = columns(boxes)
    score = score + 1
    kept, new = soft_nms(start, end, score, sigma=sigma, threshold=threshold, group=group)
    expected: dict[int, float] = {}
    for one in np.unique(group):
        own = np.flatnonzero(group == one)
        table = list(zip(start[own], end[own], score[own], strict=True))
        found = plain_soft_nms(table, sigma, threshold)
        expected |= {int(own[i]): value for i, value in found.items()}
    assert sorted(kept.tolist()) == sorted(expected)
    np.testing.assert_allclose(new, [expected[i] for i in kept.tolist()], rtol=1e-9)
    assert np.all(np.diff(new) <= 0)


def test_suppression_of_real_valued_boxes_equals_plain_loops() -> None:
    rng = np.random.default_rng(0)
    start = rng.random(300) * 50
    end, score = start + rng.uniform(0.1, 9, 300), rng.normal(size=300)
    boxes = list(zip(start, end, score, strict=True))
    assert nms(start, end, score, 0.3).tolist() == plain_nms(boxes, 0.3)
    boxes = list(zip(start, end, np.abs(score), strict=True))
    expected = plain_soft_nms(boxes, 0.3, 0.001)
    kept, new = soft_nms(start, end, np.abs(score))
    assert kept.tolist() == list(expected)
    np.testing.assert_allclose(new, list(expected.values()), rtol=1e-9)


@pytest.mark.parametrize("threshold", [0, 1e-300, 0.1, 0.5, 0.95])
def test_nms_of_lengths_and_times_far_apart_equals_plain_loops(
    threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sklearn_asn._intervals.MAX_PAIRS", 50)
    rng = np.random.default_rng(1)
    start = rng.random(400) * 30 + rng.choice([-1e6, 0, 1e6], 400)
    end = start + 10 ** rng.uniform(-3, 2, 400)
    score, group = rng.integers(0, 40, 400) / 4, rng.choice([-(2**60), 0, 5, 2**60], 400)
    expected: list[int] = []
    for one in np.unique(group):
        own = np.flatnonzero(group == one)
        table = list(zip(start[own], end[own], score[own], strict=True))
        expected += own[plain_nms(table, threshold)].tolist()
    kept = nms(start, end, score, threshold, group=group)
    assert kept.tolist() == sorted(expected, key=lambda i: (-score[i], i))


def test_nms_of_a_long_chain_in_one_group() -> None:
    rng = np.random.default_rng(2)
    start = np.sort(rng.random(1500) * 40)
    end, score = start + rng.uniform(1, 6, 1500), rng.random(1500)
    boxes = list(zip(start.tolist(), end.tolist(), score.tolist(), strict=True))
    assert nms(start, end, score, 0.6).tolist() == plain_nms(boxes, 0.6)
    assert nms(start, end, start, 0.6).tolist() == plain_nms(
        [(a, b, a) for a, b, _ in boxes], 0.6
    )  # scores that rise along the chain


def test_suppression_within_groups_only_and_boxes_that_touch() -> None:
    assert nms([0, 0], [2, 2], [0.1, 0.2], 0, group=[3, -1]).tolist() == [1, 0]
    assert nms([0, 2], [2, 4], [0.1, 0.2], 0).tolist() == [1, 0]
    assert nms([0, 0], [2, 2], [0.1, 0.2], 0.99).tolist() == [1]
    assert nms([0, 0], [2, 2], [0.1, 0.2], 1.0).tolist() == [1, 0]
    assert nms([0, 0], [2, 5], [0.1, 0.2], 0.4).tolist() == [1, 0]  # tIoU is 0.4, not above


@pytest.mark.parametrize("suppress", [nms, lambda *box, **kw: soft_nms(*box, **kw)[0]])
def test_no_boxes(suppress: Any) -> None:
    assert suppress([], [], []).tolist() == []
    assert suppress([], [], [], group=[]).dtype == np.int64


def test_soft_nms_drops_what_is_below_the_threshold() -> None:
    kept, new = soft_nms([0, 0, 9], [2, 2, 10], [0.9, 0.5, 0.0005], sigma=0.5, threshold=0.001)
    assert kept.tolist() == [0, 1]
    np.testing.assert_allclose(new, [0.9, 0.5 * math.exp(-2)])
    assert soft_nms([0, 0], [2, 2], [0.9, 0.5], sigma=0.1)[0].tolist() == [0]


@pytest.mark.parametrize(
    ("args", "options", "match"),
    [
        (([0, 1], [1], [1, 1]), {}, "one length, got end"),
        (([0, 1], [1, 2], [1]), {}, "one length, got score"),
        (([0], [0], [1]), {}, r"box 0 \[0, 0\) must have start < end"),
        (([0, 5], [1, 4], [1, 1]), {}, "box 1"),
        (([0], [np.nan], [1]), {}, "end of box 0 is not finite"),
        (([0, 0], [1, 1], [1, np.nan]), {}, "score of box 1 is not finite"),
        (([0], [1], [1]), {"group": [1, 2]}, r"group must be one int a box, expected shape \(1,\)"),
        (([0], [1], [1]), {"group": [0.5]}, "group must be one int"),
        (([0], [1], [1]), {"threshold": -0.1}, "threshold must be .* got -0.1"),
        (([0], [1], [1]), {"threshold": "0.4"}, "threshold must be a finite number, got '0.4'"),
    ],
)
@pytest.mark.parametrize("suppress", [nms, soft_nms])
def test_suppression_refuses(suppress: Any, args: Any, options: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        suppress(*args, **options)


def test_suppression_refuses_its_own_parameters() -> None:
    with pytest.raises(ValueError, match=r"threshold must be in \[0, 1\], got 1.5"):
        nms([0], [1], [1], 1.5)
    with pytest.raises(ValueError, match="sigma must be above 0, got 0"):
        soft_nms([0], [1], [1], sigma=0)
    with pytest.raises(ValueError, match="score must not be negative in soft_nms, got -1"):
        soft_nms([0], [1], [-1])
