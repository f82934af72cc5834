"""Selections against plain loops written from the definitions."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from helpers.data import DATA
from helpers.segments import assert_segments
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_asn.selection._anchors as anchors_module
import sklearn_asn.selection._base as base_module
from sklearn_asn.selection import (
    SEGMENT_DTYPE,
    AutoLocSelection,
    NaiveSelection,
)

# of random sequences, many are longer than the few scales tried
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortScalesWarning")
GTEA = DATA / "gtea_scores" / "gtea_scores.npz"

# --- plain references -----------------------------------------------------------------------


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


def plain_naive(cas: Any, video_scores: Any, video_weight: float) -> list[tuple[Any, ...]]:
    found = []
    for label in range(cas.shape[1]):
        t = 0
        while t < len(cas):
            stop = t
            while stop < len(cas) and cas[stop, label] > 0:
                stop += 1
            if stop > t:
                mean = sum(float(v) for v in cas[t:stop, label]) / (stop - t)
                found.append((label, t, stop, mean + video_weight * video_scores[label]))
            t = stop + 1
    return sorted(found, key=lambda segment: -segment[3])


def mean_over(values: Any, pieces: list[tuple[float, float]]) -> float:
    """Mean over intervals of a function that is values[t] on [t, t + 1); 0 where none."""
    total = covered = 0.0
    for t, value in enumerate(values):
        for a, b in pieces:
            part = max(0.0, min(t + 1, b) - max(t, a))
            total, covered = total + part * float(value), covered + part
    return total / covered if covered else 0.0


def plain_contrast(values: Any, a: int, s: int, model: AutoLocSelection) -> float | None:
    n, margin = len(values), max(model.inflation * s, 1)
    start, end = max(a, 0), min(a + s, n)
    if start >= end:
        return None
    ring = [(a - margin, a), (a + s, a + s + margin)]
    return mean_over(values, [(start, end)]) - model.outer_weight * mean_over(values, ring)


def plain_autoloc(cas: Any, video_scores: Any, model: AutoLocSelection) -> list[tuple[Any, ...]]:
    found = []
    for label in range(cas.shape[1]):
        candidates: list[Any] = []
        for t in range(len(cas)):
            if not cas[t, label] > model.min_activation:
                continue
            best = None
            for s in model.scales:
                for o in model.offsets:
                    a = math.floor(t + o * s - s / 2 + 1)
                    contrast = plain_contrast(cas[:, label], a, s, model)
                    if contrast is not None and (best is None or contrast > best[2]):
                        best = (max(a, 0), min(a + s, len(cas)), contrast)
            if best is not None and best[2] > model.min_contrast:
                candidates.append(best)
        # the same box is never kept twice, whatever the threshold: the better one stays
        distinct = [
            i
            for i, box in enumerate(candidates)
            if all(
                (other[:2] != box[:2]) or (-other[2], j) >= (-box[2], i)
                for j, other in enumerate(candidates)
            )
        ]
        candidates = [candidates[i] for i in distinct]
        threshold = 1.0 if model.nms_threshold is None else model.nms_threshold
        kept = sorted(plain_nms(candidates, threshold))
        extra = model.video_weight * video_scores[label]
        found += [(label, *candidates[i][:2], candidates[i][2] + extra) for i in kept]
    return sorted(found, key=lambda segment: -segment[3])


def plain(model: Any, cas: Any, video_scores: Any) -> list[tuple[Any, ...]]:
    if isinstance(model, NaiveSelection):
        return plain_naive(cas, video_scores, model.video_weight)
    return plain_autoloc(cas, video_scores, model)


# --- data -----------------------------------------------------------------------------------


def random_videos(seed: int, lengths: list[int], n_classes: int = 3) -> tuple[Any, Any, Any]:
    """Smoothed noise with a part of the clips set to 0."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    cas = rng.random((offsets[-1] + 2, n_classes))
    cas = (cas[:-2] + cas[1:-1] + cas[2:]) / 3
    cas[rng.random(cas.shape) < 0.3] = 0
    return cas, offsets, rng.random((len(lengths), n_classes))


@st.composite
def videos(draw: Any) -> tuple[Any, Any, Any]:
    """Packed videos whose values are multiples of 1/4, so that ties are many and exact."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    n_classes = draw(st.integers(1, 3))
    cells = sum(lengths) * n_classes
    values = draw(st.lists(st.integers(0, 4), min_size=cells, max_size=cells))
    scores = draw(
        st.lists(
            st.integers(0, 4), min_size=len(lengths) * n_classes, max_size=len(lengths) * n_classes
        )
    )
    return (
        np.array(values).reshape(-1, n_classes) / 4,
        np.concatenate([[0], np.cumsum(lengths)]),
        np.array(scores).reshape(-1, n_classes) / 4,
    )


autolocs = st.builds(
    AutoLocSelection,
    scales=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    offsets=st.lists(st.sampled_from([-1.5, -0.5, -0.25, 0, 0.25, 0.5, 2]), min_size=1, max_size=4),
    outer_weight=st.sampled_from([0, 1.0, 2.0, -0.5]),
    inflation=st.sampled_from([0, 0.25, 0.5, 1.5]),
    min_activation=st.sampled_from([0.1, 0.5, -1]),
    min_contrast=st.sampled_from([-0.4, 0.25, -100]),
    nms_threshold=st.sampled_from([None, 0, 0.25, 0.4, 1]),
    video_weight=st.sampled_from([0.0, 0.5]),
)
naives = st.builds(NaiveSelection, video_weight=st.sampled_from([0.0, 0.2, -1.0]))


# --- selections -----------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(videos(), st.one_of(naives, autolocs))
def test_select_packed_equals_plain_loops(data: Any, model: Any) -> None:
    cas, offsets, video_scores = data
    segments, borders = model.select_packed(cas, offsets, video_scores)
    assert len(borders) == len(offsets)
    assert borders[0] == 0
    assert borders[-1] == len(segments)
    for video, scores in enumerate(video_scores):
        rows = cas[offsets[video] : offsets[video + 1]]
        mine = segments[borders[video] : borders[video + 1]]
        assert_segments(mine, plain(model, rows, scores))
        np.testing.assert_array_equal(mine, model.select(rows, scores))  # to the last bit
        assert np.all((mine["start"] >= 0) & (mine["start"] < mine["end"]))
        assert np.all(mine["end"] <= len(rows))
        assert np.all(np.diff(mine["score"]) <= 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        NaiveSelection(),
        AutoLocSelection(),
        AutoLocSelection(outer_weight=2, inflation=0.35, video_weight=0.3),
        AutoLocSelection(scales=(3, 7, 64), offsets=(0.1, -1 / 3), inflation=0.7, outer_weight=5),
        AutoLocSelection(min_contrast=-10, min_activation=-1, nms_threshold=None),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("seed", range(3))
def test_real_valued_cas_equals_plain_loops(model: Any, seed: int) -> None:
    cas, offsets, video_scores = random_videos(seed, [1, 40, 2, 17])
    segments, borders = model.select_packed(cas, offsets, video_scores)
    for video, scores in enumerate(video_scores):
        rows = cas[offsets[video] : offsets[video + 1]]
        assert_segments(segments[borders[video] : borders[video + 1]], plain(model, rows, scores))


@pytest.mark.parametrize("model", [NaiveSelection(), AutoLocSelection()])
def test_batches_do_not_change_the_result(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_videos(5, [30, 1, 7, 50, 2, 30, 4])
    whole, borders = model.select_packed(*data)
    monkeypatch.setattr(base_module, "_BATCH_CELLS", 100)
    for name in ("_PREFIX_CELLS", "_ANCHOR_CELLS"):
        monkeypatch.setattr(anchors_module, name, 100)
    parts, part_borders = model.select_packed(*data)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(part_borders, borders)


@pytest.mark.parametrize("model", [NaiveSelection(), AutoLocSelection()])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_read_as_float64(model: Any, dtype: Any) -> None:
    cas, offsets, video_scores = random_videos(1, [40, 9])
    cas = cas.astype(dtype)
    narrow = model.select_packed(cas, offsets, video_scores)[0]
    np.testing.assert_array_equal(
        narrow, model.select_packed(cas.astype(np.float64), offsets, video_scores)[0]
    )


def test_thresholds_are_compared_as_float64() -> None:
    """0.1 rounds up in 32 bits and down in 16."""
    for dtype, above in ((np.float32, 1), (np.float16, 0), (np.float64, 0)):
        assert len(AutoLocSelection().select(np.array([[0.1]], dtype=dtype), [1.0])) == above


@pytest.mark.parametrize("model", [NaiveSelection(), AutoLocSelection()])
def test_nothing_activated_gives_no_segments(model: Any) -> None:
    segments, borders = model.select_packed(np.zeros((5, 2)), [0, 2, 2, 5], np.ones((3, 2)))
    assert segments.dtype == SEGMENT_DTYPE
    assert len(segments) == 0
    assert borders.tolist() == [0, 0, 0, 0]
    assert len(model.select(np.zeros((0, 2)), [0.5, 0.5])) == 0


@pytest.mark.parametrize("model", [NaiveSelection(), AutoLocSelection()])
def test_videos_without_clips_or_segments_keep_their_place(model: Any) -> None:
    cas = np.array([[0.0], [0.9], [0.0], [0.9]])
    segments, borders = model.select_packed(cas, [0, 1, 1, 3, 4], np.full((4, 1), 0.5))
    assert borders.tolist() == [0, 0, 0, 1, 2]
    assert segments[["start", "end"]].tolist() == [(0.0, 1.0), (0.0, 1.0)]


@settings(max_examples=60, deadline=None)
@given(videos())
def test_naive_segments_are_disjoint_and_cover_the_activated_clips(data: Any) -> None:
    cas, offsets, video_scores = data
    cas = cas[: offsets[1]]
    covered = np.zeros(cas.shape, dtype=int)
    for segment in NaiveSelection().select(cas, video_scores[0]):
        covered[int(segment["start"]) : int(segment["end"]), segment["label"]] += 1
    np.testing.assert_array_equal(covered, cas > 0)


def test_runs_end_at_the_border_of_a_video_and_of_a_class() -> None:
    cas = np.array([[0.5, 0.0], [0.5, 0.0], [0.5, 0.5], [0.0, 0.25]])
    segments, borders = NaiveSelection(0.0).select_packed(cas, [0, 2, 4], np.ones((2, 2)))
    assert segments.tolist() == [(0, 0.0, 2.0, 0.5), (0, 0.0, 1.0, 0.5), (1, 0.0, 2.0, 0.375)]
    assert borders.tolist() == [0, 1, 3]


# --- the worked example of AutoLoc and UntrimmedNet -----------------------------------------

EXAMPLE = np.array(
    [0.05, 0.05, 0.1, 0.8, 0.9, 0.85, 0.2, 0.05, 0.05, 0.6, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05]
)[:, None]


@pytest.mark.parametrize(
    ("scale", "inflation", "box", "expected"),
    [
        (3, 0.25, (3.0, 6.0), 0.85),
        (2, 0.25, (9.0, 11.0), 0.80),
        (9, 2 / 9, (2.0, 11.0), 0.7111111111111),  # their ring is 2 clips wide here
    ],
)
def test_autoloc_example(scale: int, inflation: float, box: Any, expected: float) -> None:
    """AutoLoc's score is (contrast + 1) / 2; its inclusive (3, 5) is [3, 6) here."""
    model = AutoLocSelection(scales=(scale,), offsets=(0,), inflation=inflation, nms_threshold=None)
    segments = model.select(EXAMPLE, [0.9])
    (found,) = segments[(segments["start"] == box[0]) & (segments["end"] == box[1])]
    assert (found["score"] + 1) / 2 == pytest.approx(expected, abs=1e-12)


def test_autoloc_example_after_suppression() -> None:
    segments = AutoLocSelection(scales=(2, 3), offsets=(0,)).select(EXAMPLE, [0.9])
    assert segments[["start", "end"]][:2].tolist() == [(3.0, 6.0), (9.0, 11.0)]
    np.testing.assert_allclose((segments["score"][:2] + 1) / 2, [0.85, 0.80])


def test_naive_example() -> None:
    """Mean .85 and .65 of the clips above .3, plus 0.2 times the class score .9."""
    cas = np.where(EXAMPLE > 0.3, EXAMPLE, 0)
    segments = NaiveSelection().select(cas, [0.9])
    np.testing.assert_allclose(segments["score"], [0.85 + 0.18, 0.65 + 0.18])
    assert segments[["start", "end"]].tolist() == [(3.0, 6.0), (9.0, 11.0)]


@pytest.mark.parametrize(
    ("scale", "offset", "box"),
    [
        (1, 0.0, (5, 6)),
        (1, 0.5, (6, 7)),
        (2, 0.0, (5, 7)),
        (3, 0.0, (4, 7)),
        (4, 0.0, (4, 8)),
        (4, -0.5, (2, 6)),
        (32, 0.0, (0, 11)),
    ],
)
def test_place_of_anchors(scale: int, offset: float, box: Any) -> None:
    """Only clip 5 of 11 proposes a box."""
    cas = np.zeros((11, 1))
    cas[5] = 1
    model = AutoLocSelection(scales=(scale,), offsets=(offset,), min_contrast=-9, min_activation=0)
    assert model.select(cas, [1])[["start", "end"]].tolist() == [box]


def test_ring_is_one_mean_over_what_lies_in_the_video() -> None:
    cas = np.array([[0.2], [0.4], [0.9], [0.8], [0.3], [0.1], [0.6]])
    model = AutoLocSelection(
        scales=(2,), offsets=(0,), inflation=0.75, outer_weight=2, min_activation=0.85
    )
    (found,) = model.select(cas, [0])  # clip 2: [2, 4), ring [0.5, 2) and [4, 5.5)
    ring = (0.5 * 0.2 + 0.4 + 0.3 + 0.5 * 0.1) / 3
    assert found["score"] == pytest.approx(0.85 - 2 * ring)
    model.set_params(inflation=5, scales=(7,))  # the box is the video: no ring
    (found,) = model.set_params(offsets=(1 / 7,)).select(cas, [0])
    assert found.tolist() == pytest.approx((0, 0, 7, cas.mean()))


def test_ring_of_a_clipped_box_keeps_the_width_of_the_scale() -> None:
    cas = np.array([[1.0], [0.5], [0.25], [0.25], [0.25]])
    model = AutoLocSelection(scales=(4,), offsets=(-0.5,), inflation=0.5, min_activation=0.6)
    (found,) = model.select(cas, [0])  # [-3, 1): inner [0, 1), ring [1, 3)
    assert found.tolist() == (0, 0, 1, 1 - 0.375)


# --- real scores ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gtea() -> tuple[Any, Any, Any, list[Any]]:
    """Packed CAS (scores above .3, background left out), offsets, video scores, true labels."""
    if not GTEA.exists():
        pytest.skip("the GTEA scores are not in ../shared/data/gtea_scores")
    with np.load(GTEA) as file:
        names = sorted(name.split("/")[0] for name in file.files if name.endswith("/scores"))
        scores = [file[f"{name}/scores"].astype(np.float64)[:, 1:] for name in names]
        truth = [file[f"{name}/labels"].astype(int) - 1 for name in names]
    offsets = np.concatenate([[0], np.cumsum([len(video) for video in scores])])
    cas = np.concatenate(scores)
    video_scores = np.array([video.max(axis=0) for video in scores])
    return np.where(cas > 0.3, cas, 0), offsets, video_scores, truth


@pytest.mark.slow
@pytest.mark.parametrize("model", [NaiveSelection(), AutoLocSelection(scales=(4, 8, 16))])
def test_real_scores(gtea: Any, model: Any) -> None:
    cas, offsets, video_scores, truth = gtea
    segments, borders = model.select_packed(cas, offsets, video_scores)
    found = found_shifted = n_true = 0
    for video, labels in enumerate(truth):
        mine = segments[borders[video] : borders[video + 1]]
        rows = cas[offsets[video] : offsets[video + 1]]
        if isinstance(model, NaiveSelection) or video < 2:  # the other loop is slow
            assert_segments(mine, plain(model, rows, video_scores[video]))
        assert np.all(rows.any(axis=0)[mine["label"]])
        edges = np.flatnonzero(np.diff(labels, prepend=-2, append=-2))
        for first, stop in pairwise(edges):
            if labels[first] >= 0:
                own = mine[mine["label"] == labels[first]]
                n_true += 1
                shift = len(labels) // 2
                found += any(iou((a, b), (first, stop)) >= 0.5 for _, a, b, _ in own)
                found_shifted += any(
                    iou(((a + shift) % len(labels), (a + shift) % len(labels) + b - a),
                        (first, stop)) >= 0.5
                    for _, a, b, _ in own
                )  # fmt: skip
    assert n_true == 391
    assert found > 0.6 * n_true
    assert found > 3 * found_shifted
