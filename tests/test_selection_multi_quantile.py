"""`MultiQuantileSelection` against loops written from its definition, and its invariances."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from helpers.segments import assert_segments
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_asn.selection._anchors as anchors_module
import sklearn_asn.selection._base as base_module
from sklearn_asn.selection import MultiQuantileSelection, NaiveSelection

GRID = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def mean_over(values: Any, pieces: list[tuple[float, float]]) -> float:
    """Mean over intervals of a function that is values[t] on [t, t + 1); 0 where none."""
    total = covered = 0.0
    for t, value in enumerate(values):
        for a, b in pieces:
            part = max(0.0, min(t + 1, b) - max(t, a))
            total, covered = total + part * float(value), covered + part
    return total / covered if covered else 0.0


def iou(a: Any, b: Any) -> float:
    both = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return float(both / ((a[1] - a[0]) + (b[1] - b[0]) - both))


def plain_merge(boxes: list[Any], model: MultiQuantileSelection) -> list[Any]:
    """Merge (start, end, score) boxes of one class and video."""
    if model.merge is None:
        return boxes
    kept = []
    left = [(a, b, s) for a, b, s in boxes]
    if model.merge == "soft-nms":
        left = [(a, b, max(s, 0.0)) for a, b, s in left]
    while left:
        best = max(left, key=lambda box: box[2])
        left.remove(best)
        if model.merge == "nms":
            left = [box for box in left if iou(box, best) <= model.nms_threshold]
        elif best[2] < 0.001:
            break
        else:
            decay = [math.exp(-(iou(box, best) ** 2) / model.sigma) for box in left]
            left = [(a, b, s * d) for (a, b, s), d in zip(left, decay, strict=True)]
        kept.append(best)
    return kept


def plain(cas: Any, video_scores: Any, level: Any, model: MultiQuantileSelection) -> list[Any]:
    found = []
    n = len(cas)
    level = np.broadcast_to(np.reshape(level, (n, -1)) if n else np.zeros((0, 1)), cas.shape)
    for label in range(cas.shape[1]):
        proposals = set()
        for q in model.quantiles:
            active = [bool(level[t, label] >= q and cas[t, label] > 0) for t in range(n)]
            for a in range(n):
                if active[a] and not (a and active[a - 1]):
                    b = next((t for t in range(a, n) if not active[t]), n)
                    if b - a >= model.min_length:
                        proposals.add((a, b))
        boxes = []
        for a, b in sorted(proposals):
            g = max(model.inflation * (b - a), 1)
            score = mean_over(cas[:, label], [(a, b)])
            score -= model.outer_weight * mean_over(cas[:, label], [(a - g, a), (b, b + g)])
            boxes.append((a, b, score + model.video_weight * video_scores[label]))
        found += [(label, *box) for box in plain_merge(boxes, model)]
    return sorted(found, key=lambda segment: -segment[3])


def random_videos(seed: int, lengths: list[int], n_classes: int, own: bool) -> Any:
    """Real-valued scores, which do not tie; levels that often equal a quantile, or -inf."""
    rng = np.random.default_rng(seed)
    cas = 1 - rng.random((sum(lengths), n_classes))
    offsets = np.cumsum([0, *lengths])
    for first, stop in pairwise(offsets):
        cas[first:stop, rng.random(n_classes) < 0.3] = 0  # did not pass the video threshold
    level = rng.choice([-np.inf, -1, 0, *GRID, 1], (len(cas), n_classes if own else 1))
    return cas, offsets, rng.random((len(lengths), n_classes)), level


videos = st.builds(
    random_videos,
    st.integers(0, 2**32),
    st.lists(st.integers(0, 14), min_size=1, max_size=4),
    st.integers(1, 3),
    st.booleans(),
)
models = st.builds(
    MultiQuantileSelection,
    quantiles=st.lists(st.sampled_from([0, *GRID, 1]), min_size=1, max_size=9),
    outer_weight=st.sampled_from([0, 0.25, 1.0, 3.0]),
    inflation=st.sampled_from([0, 0.25, 0.35, 2.0]),
    video_weight=st.sampled_from([0.0, 0.2, -1.0]),
    merge=st.sampled_from(["nms", "soft-nms", None]),
    nms_threshold=st.sampled_from([0, 0.4, 0.7, 1]),
    sigma=st.sampled_from([0.1, 0.3, 5]),
    min_length=st.integers(1, 3),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(videos, models)
def test_select_packed_equals_plain_loops(data: Any, model: Any) -> None:
    cas, offsets, video_scores, level = data
    segments, borders = model.select_packed(*data)
    assert (borders[0], borders[-1], len(borders)) == (0, len(segments), len(offsets))
    for video, scores in enumerate(video_scores):
        rows = slice(offsets[video], offsets[video + 1])
        mine = segments[borders[video] : borders[video + 1]]
        assert_segments(mine, plain(cas[rows], scores, level[rows], model))
        np.testing.assert_array_equal(mine, model.select(cas[rows], scores, level[rows]))


@settings(max_examples=50, deadline=None)
@given(videos, models, st.randoms())
def test_the_order_of_videos_does_not_matter(data: Any, model: Any, random: Any) -> None:
    cas, offsets, video_scores, level = data
    order = list(range(len(video_scores)))
    random.shuffle(order)
    rows = np.concatenate([np.arange(offsets[v], offsets[v + 1]) for v in order])
    new_offsets = np.cumsum([0, *np.diff(offsets)[order]])
    segments, borders = model.select_packed(*data)
    moved, new_borders = model.select_packed(
        cas[rows], new_offsets, video_scores[order], level[rows]
    )
    for place, video in enumerate(order):
        mine = moved[new_borders[place] : new_borders[place + 1]]
        np.testing.assert_array_equal(mine, segments[borders[video] : borders[video + 1]])


@pytest.mark.parametrize("merge", ["nms", "soft-nms", None])
def test_batches_order_of_quantiles_and_form_of_level_do_not_matter(
    merge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cas, offsets, scores, level = random_videos(3, [30, 1, 0, 50, 2, 30], 3, own=False)
    model = MultiQuantileSelection(merge=merge)
    whole, borders = model.select_packed(cas, offsets, scores, level)
    assert len(whole) > 20
    for same in (level[:, 0], np.repeat(level, 3, axis=1), level[:, 0].tolist()):
        np.testing.assert_array_equal(model.select_packed(cas, offsets, scores, same)[0], whole)
    model.set_params(quantiles=np.array((0.5, *GRID[::-1])))
    monkeypatch.setattr(base_module, "_BATCH_CELLS", 60)
    monkeypatch.setattr(anchors_module, "_PREFIX_CELLS", 60)
    parts, part_borders = model.select_packed(cas, offsets, scores, level)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(part_borders, borders)


def test_one_quantile_finds_the_runs_of_the_naive_selection() -> None:
    cas, offsets, scores, level = random_videos(4, [40, 9], 2, own=True)
    cut = np.where(level >= 0.3, cas, 0)
    model = MultiQuantileSelection(quantiles=[0.3], outer_weight=0, merge=None)
    assert_segments(
        model.select_packed(cas, offsets, scores, level)[0],
        NaiveSelection().select_packed(cut, offsets, scores)[0].tolist(),
    )


def test_worked_example() -> None:
    """The CAS of UntrimmedNet's example; above .3 its runs are [3, 6) and [9, 11).

    Means .85 and .65, rings (.1 + .2) / 2 and .05, and 0.2 times the video's .9.
    """
    cas = np.full(16, 0.05)
    cas[2:7], cas[9:11] = (0.1, 0.8, 0.9, 0.85, 0.2), (0.6, 0.7)
    level = np.where(cas > 0.3, 0.5, 0.2)
    segments = MultiQuantileSelection(quantiles=(0.4, 0.5)).select(cas[:, None], [0.9], level)
    assert_segments(segments, [(0, 3, 6, 0.85 - 0.15 + 0.18), (0, 9, 11, 0.65 - 0.05 + 0.18)])


def test_borders_of_the_ring_are_interpolated() -> None:
    cas = np.array([[0.5], [0.25], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [0.75], [0.125]])
    level = (cas[:, 0] == 1).astype(float)
    model = MultiQuantileSelection(quantiles=[1], video_weight=0)
    (found,) = model.select(cas, [0], level)  # [2, 8), 1.5 clips on each side
    ring = (0.5 * 0.5 + 0.25 + 0.75 + 0.5 * 0.125) / 3
    assert found.tolist() == pytest.approx((0, 2, 8, 1 - ring), abs=1e-15)
    (found,) = model.set_params(quantiles=[0]).select(cas, [0], level)  # no ring
    assert found.tolist() == pytest.approx((0, 0, 10, cas.mean()), abs=1e-15)


def test_soft_nms_takes_negative_scores_for_0_and_drops_them() -> None:
    cas, level = np.array([[0.25], [0.75], [0.25], [0.75]]), [0.9, 0.1, 0.9, 0.5]
    model = MultiQuantileSelection(quantiles=[0.9], video_weight=0, merge=None)
    assert model.select(cas, [0], level)["score"].tolist() == [-0.5, -0.5]
    assert len(model.set_params(merge="soft-nms").select(cas, [0], level)) == 0
    assert len(model.set_params(merge="nms").select(cas, [0], level)) == 2


@pytest.mark.parametrize("merge", ["nms", "soft-nms", None])
def test_nothing_reached_or_passed_gives_nothing(merge: Any) -> None:
    model = MultiQuantileSelection(merge=merge)
    for cas, level in ((np.zeros((5, 2)), np.ones(5)), (np.ones((5, 2)), np.full(5, -np.inf))):
        segments, borders = model.select_packed(cas, [0, 2, 2, 5], np.ones((3, 2)), level)
        assert len(segments) == 0
        assert borders.tolist() == [0, 0, 0, 0]
    assert len(model.select(np.zeros((0, 2)), [0.5, 0.5], [])) == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_read_as_float64(dtype: Any) -> None:
    cas, offsets, scores, level = random_videos(1, [40, 9], 2, own=False)
    cas, level = cas.astype(dtype), level.astype(dtype)
    model = MultiQuantileSelection()
    np.testing.assert_array_equal(
        model.select_packed(cas, offsets, scores, level)[0],
        model.select_packed(cas.astype(np.float64), offsets, scores, level.astype(np.float64))[0],
    )


@pytest.mark.parametrize(
    ("level", "match"),
    [
        (np.zeros(3), r"level must have shape \(4,\), \(4, 1\) or \(4, 2\), got \(3,\)"),
        (np.zeros((4, 3)), r"level must have shape .* got \(4, 3\)"),
        (0.5, r"level must have shape .* got \(\)"),
        (None, r"level must have shape .* got \(\)"),
        ([0, 0, 0, np.nan], "level of video 1 must be at most 1 and not NaN, got nan at clip 2"),
        ([0, 50, 0, 0], "level of video 1 must be at most 1 and not NaN, got 50.0 at clip 0"),
    ],
)
def test_bad_levels(level: Any, match: str) -> None:
    assert MultiQuantileSelection.needs_levels
    assert not NaiveSelection.needs_levels
    with pytest.raises(ValueError, match=match):
        MultiQuantileSelection().select_packed(np.ones((4, 2)), [0, 1, 4], np.zeros((2, 2)), level)


def test_bad_arrays_of_one_video() -> None:
    with pytest.raises(ValueError, match=r"cas must have shape .* and video_scores"):
        MultiQuantileSelection().select(np.ones((4, 2)), [0.0], np.zeros(4))
    with pytest.raises(ValueError, match="cas of video 0 must be finite"):
        MultiQuantileSelection().select([[np.nan]], [0.0], [0.0])


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"quantiles": ()}, "quantiles must be a non-empty sequence of numbers in"),
        ({"quantiles": 0.5}, "quantiles must be a non-empty sequence"),
        ({"quantiles": (0.5, 1.5)}, r"quantiles=1.5; expected a number in \[0, 1\]"),
        ({"quantiles": ("a",)}, "quantiles='a'; expected"),
        ({"outer_weight": np.nan}, "outer_weight=nan; expected"),
        ({"inflation": -0.1}, "inflation=-0.1; expected"),
        ({"merge": "soft"}, "merge='soft'; expected 'nms', 'soft-nms' or None"),
        ({"merge": False}, "merge=False; expected"),
        ({"nms_threshold": 1.1}, r"nms_threshold=1.1; expected a number in \[0, 1\]"),
        ({"nms_threshold": None}, "nms_threshold=None; expected"),
        ({"sigma": 0}, "sigma=0; expected"),
        ({"min_length": 1.5}, "min_length=1.5; expected an integer of at least 1"),
        ({"video_weight": "x"}, "video_weight must be a finite number, got 'x'"),
    ],
)
def test_bad_parameters_are_refused_at_use(params: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        MultiQuantileSelection(**params).select(np.zeros((3, 1)), [0.5], [0.0] * 3)
