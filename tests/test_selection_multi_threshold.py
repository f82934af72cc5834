"""`MultiThresholdSelection` against loops written from its definition, and its invariances."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from helpers.segments import assert_segments
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sklearn_asn.selection._base as base_module
import sklearn_asn.selection._multi_threshold as module
from sklearn_asn.selection import MultiQuantileSelection, MultiThresholdSelection, NaiveSelection


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


def plain_merge(boxes: list[Any], model: MultiThresholdSelection) -> list[Any]:
    if model.merge is None:
        return boxes
    kept = []
    left = boxes
    if model.merge == "soft-nms":
        left = [(a, b, max(s, 0.0)) for a, b, s in left]
    while left:
        best = max(left, key=lambda box: box[2])
        left = [box for box in left if box is not best]
        if model.merge == "nms":
            left = [box for box in left if iou(box, best) <= model.nms_threshold]
        elif best[2] < 0.001:
            break
        else:
            decay = [math.exp(-(iou(box, best) ** 2) / model.sigma) for box in left]
            left = [(a, b, s * d) for (a, b, s), d in zip(left, decay, strict=True)]
        kept.append(best)
    return kept


def interpolated(values: Any, factor: int) -> Any:
    middles = np.arange(len(values)) + 0.5
    at = (np.arange(len(values) * factor) + 0.5) / factor
    return np.interp(at, middles, values)  # flat beyond the first and the last


def plain(cas: Any, video_scores: Any, model: MultiThresholdSelection) -> list[Any]:
    found = []
    f = model.interpolation
    for label in range(cas.shape[1]):
        if not np.any(cas[:, label]):
            continue
        points = interpolated(cas[:, label].astype(float), f)
        n, proposals = len(points), set()
        for threshold in model.thresholds:
            t = 0
            while t < n:
                a = t
                while t < n and points[t] > threshold:
                    t += 1
                if t > a:
                    proposals.add((a, t))
                t += 1
        boxes = []
        for a, b in sorted(proposals):
            g = max(model.inflation * (b - a), f)
            ring = [(max(a - g, 0), a), (b, min(b + g, n))]
            score = mean_over(points, [(a, b)]) - model.outer_weight * mean_over(points, ring)
            boxes.append((a / f, b / f, score + model.video_weight * video_scores[label]))
        found += [(label, *box) for box in plain_merge(boxes, model)]
    return sorted(found, key=lambda segment: -segment[3])


def random_videos(seed: int, lengths: list[int], n_classes: int, scale: float) -> Any:
    """Real-valued activations, which do not tie, of both signs; some classes do not pass."""
    rng = np.random.default_rng(seed)
    cas = (1.2 * rng.random((sum(lengths), n_classes)) - 0.2) * scale
    offsets = np.cumsum([0, *lengths])
    for first, stop in pairwise(offsets):
        cas[first:stop, rng.random(n_classes) < 0.3] = 0
    return cas, offsets, rng.random((len(lengths), n_classes))


videos = st.builds(
    random_videos,
    st.integers(0, 2**32),
    st.lists(st.integers(0, 14), min_size=1, max_size=4),
    st.integers(1, 3),
    st.sampled_from([1.0, 10.0]),
)
models = st.builds(
    MultiThresholdSelection,
    thresholds=st.lists(
        st.sampled_from([-0.1, 0, 0.05, 0.2, 0.3, 0.5, 0.9, 4]), min_size=1, max_size=7
    ),
    interpolation=st.integers(1, 6),
    outer_weight=st.sampled_from([0, 0.25, 1.0, 3.0]),
    inflation=st.sampled_from([0, 0.25, 0.35, 2.0]),
    video_weight=st.sampled_from([0.0, 0.2, -1.0]),
    merge=st.sampled_from(["nms", "soft-nms", None]),
    nms_threshold=st.sampled_from([0, 0.4, 0.7, 1]),
    sigma=st.sampled_from([0.1, 0.3, 5]),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(videos, models)
@example(  # two of equal score, but for the last digit
    random_videos(0, [3], 3, 1.0),
    MultiThresholdSelection(
        [0.5], interpolation=3, outer_weight=3.0, inflation=0, video_weight=0.0, nms_threshold=0
    ),
)
def test_select_packed_equals_plain_loops(data: Any, model: Any) -> None:
    cas, offsets, video_scores = data
    segments, borders = model.select_packed(*data)
    assert (borders[0], borders[-1], len(borders)) == (0, len(segments), len(offsets))
    for video, scores in enumerate(video_scores):
        rows = slice(offsets[video], offsets[video + 1])
        mine = segments[borders[video] : borders[video + 1]]
        assert_segments(mine, plain(cas[rows], scores, model))
        np.testing.assert_array_equal(mine, model.select(cas[rows], scores))


@settings(max_examples=50, deadline=None)
@given(videos, models, st.sampled_from([0.5, 2.0, 4.0]))
def test_the_scale_of_the_cas_does_not_matter(data: Any, model: Any, scale: float) -> None:
    cas, offsets, video_scores = data
    model.set_params(merge=None)
    plain, _ = model.select_packed(cas, offsets, video_scores)
    model.set_params(thresholds=scale * np.array(model.thresholds))
    scaled, _ = model.select_packed(scale * cas, offsets, scale * video_scores)
    for name in ("label", "start", "end"):
        np.testing.assert_array_equal(scaled[name], plain[name])
    np.testing.assert_allclose(scaled["score"], scale * plain["score"], rtol=1e-12)


@pytest.mark.parametrize("merge", ["nms", "soft-nms", None])
def test_batches_and_order_of_thresholds_do_not_matter(
    merge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random_videos(3, [30, 1, 0, 50, 2, 30, 0], 3, 1.0)
    model = MultiThresholdSelection(merge=merge)
    whole, borders = model.select_packed(*data)
    assert len(whole) > 20
    model.set_params(thresholds=np.array((0.05, *model.thresholds[::-1])))
    for name, limit in (("_POINTS", 50), ("_BATCH_CELLS", 60)):
        monkeypatch.setattr(module if name == "_POINTS" else base_module, name, limit)
        parts, part_borders = model.select_packed(*data)
        np.testing.assert_array_equal(parts, whole)
        np.testing.assert_array_equal(part_borders, borders)


def test_without_interpolation_one_threshold_finds_the_runs_of_the_naive_selection() -> None:
    cas, offsets, scores = random_videos(4, [40, 9], 2, 1.0)
    model = MultiThresholdSelection([0.3], interpolation=1, outer_weight=0, merge=None)
    assert_segments(
        model.select_packed(cas, offsets, scores)[0],
        NaiveSelection().select_packed(np.where(cas > 0.3, cas, 0), offsets, scores)[0].tolist(),
    )


@pytest.mark.parametrize("merge", ["nms", "soft-nms", None])
def test_without_interpolation_it_cuts_as_the_quantiles_of_the_cas_do(merge: Any) -> None:
    """Where the level is the CAS itself, and no value equals a threshold."""
    cas, offsets, scores = random_videos(5, [40, 9, 3], 2, 1.0)
    cas = np.abs(cas)
    cuts = (0.2, 0.4, 0.6)
    level = np.minimum(cas, 1)
    np.testing.assert_array_equal(
        MultiThresholdSelection(cuts, interpolation=1, merge=merge).select_packed(
            cas, offsets, scores
        )[0],
        MultiQuantileSelection(cuts, merge=merge).select_packed(cas, offsets, scores, level)[0],
    )


def test_worked_example() -> None:
    """Middles .5 to 4.5; the points of [1.5, 2.5) rise as .125, .375, .625, .875, then fall."""
    cas = np.array([[0.0], [0.0], [1.0], [0.0], [0.0]])
    model = MultiThresholdSelection([0.5, 0.25], video_weight=0.5, merge=None)
    wide, narrow = 5 / 8, 3 / 4
    assert_segments(
        model.select(cas, [0.5]),
        # [2, 3) holds .625, .875, .875, .625; its ring of a clip a side .375, .125, 0, 0.
        # [1.75, 3.25) holds .375 on either side more; its ring .125, 0, 0, 0.
        [(0, 2, 3, narrow - 0.125 + 0.25), (0, 1.75, 3.25, wide - 1 / 32 + 0.25)],
    )


def test_a_flat_cas_is_not_above_its_own_value() -> None:
    for value in np.random.default_rng(0).random(200):
        cas = np.full((7, 1), value)
        assert len(MultiThresholdSelection([value], interpolation=5).select(cas, [1.0])) == 0


def test_class_that_does_not_pass_gives_nothing_below_zero_either() -> None:
    cas = np.array([[-1.0, 0.0], [-3.0, 0.0]])
    found = MultiThresholdSelection([-5.0], merge=None).select(cas, [0.0, 0.0])
    assert found[["label", "start", "end"]].tolist() == [(0, 0.0, 2.0)]


@pytest.mark.parametrize("merge", ["nms", "soft-nms", None])
def test_nothing_passed_gives_nothing(merge: Any) -> None:
    model = MultiThresholdSelection(merge=merge)
    segments, borders = model.select_packed(np.zeros((5, 2)), [0, 2, 2, 5], np.ones((3, 2)))
    assert len(segments) == 0
    assert borders.tolist() == [0, 0, 0, 0]
    assert len(model.select(np.zeros((0, 2)), [0.5, 0.5])) == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_read_as_float64(dtype: Any) -> None:
    cas, offsets, scores = random_videos(1, [40, 9], 2, 1.0)
    cas = cas.astype(dtype)
    model = MultiThresholdSelection()
    np.testing.assert_array_equal(
        model.select_packed(cas, offsets, scores)[0],
        model.select_packed(cas.astype(np.float64), offsets, scores)[0],
    )


def test_it_says_which_cas_it_takes() -> None:
    assert MultiThresholdSelection.uncut
    assert not MultiThresholdSelection.needs_levels
    assert MultiQuantileSelection.uncut
    assert not NaiveSelection.uncut


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"thresholds": ()}, "thresholds must be a non-empty sequence of finite numbers"),
        ({"thresholds": 0.5}, "thresholds must be a non-empty sequence"),
        ({"thresholds": (0.5, np.nan)}, "thresholds=nan; expected a number"),
        ({"interpolation": 0}, "interpolation=0; expected an integer of at least 1"),
        ({"interpolation": 1.5}, "interpolation=1.5; expected"),
        ({"outer_weight": np.nan}, "outer_weight=nan; expected"),
        ({"inflation": -0.1}, "inflation=-0.1; expected"),
        ({"merge": "soft"}, "merge='soft'; expected 'nms', 'soft-nms' or None"),
        ({"nms_threshold": 1.1}, "nms_threshold=1.1; expected"),
        ({"sigma": 0}, "sigma=0; expected"),
        ({"video_weight": "x"}, "video_weight must be a finite number, got 'x'"),
    ],
)
def test_bad_parameters_are_refused_at_use(params: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        MultiThresholdSelection(**params).select(np.zeros((3, 1)), [0.5])
