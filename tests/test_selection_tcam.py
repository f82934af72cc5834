"""`TCAMSelection` against STPN's detection in plain loops."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

import sklearn_asn.selection._base as base_module
from sklearn_asn.selection import SEGMENT_DTYPE, MultiThresholdSelection, TCAMSelection


def iou(a: Any, b: Any) -> float:
    both = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return float(both / ((a[1] - a[0]) + (b[1] - b[0]) - both))


def spread(values: Any, first: int, last: int, factor: int) -> Any:
    """Interpolate rows ``[first, last]`` of packed values, point by point."""
    points = []
    for point in range(first * factor, (last + 1) * factor):
        place = min(max((point + 0.5) / factor - 0.5, first), last)
        left = int(np.floor(place))
        part = np.float64(place - left)  # so that float32 values are read as float64
        points.append((1 - part) * values[left] + part * values[min(left + 1, last)])
    return np.array(points)


def plain(cas: Any, offsets: Any, reading: Any, model: TCAMSelection) -> list[Any]:
    activations, attention = reading.activations, reading.attention
    gate = expit(attention)[..., None]
    signal, logit = gate * expit(activations), gate * activations.mean(axis=1, keepdims=True)
    segments = []
    f = model.interpolation
    for first, stop in pairwise(offsets.tolist()):
        of_video = []
        for label in range(cas.shape[1]):
            if not np.any(cas[first:stop, label] > 0):
                continue
            boxes = []
            for m in range(activations.shape[1]):
                points = spread(signal[:, m, label], first, stop - 1, f)
                weight = spread(logit[:, m, label], first, stop - 1, f)
                t = 0
                while t < len(points):
                    a = t
                    while t < len(points) and points[t] > model.activation_threshold:
                        t += 1
                    if t > a:  # its sum as NumPy's ufunc sums a piece
                        score = np.add.reduceat(weight[a:t], [0])[0] / (t - a)
                        boxes.append((a / f, a / f + (t - a) / f, score))
                    t += 1
            boxes.sort(key=lambda box: -box[2])  # stable: the first model's come first
            kept: list[Any] = []
            for box in boxes:
                if all(iou(box, other) <= model.nms_threshold for other in kept):
                    kept.append(box)
            of_video += [(label, *box) for box in kept]
        segments.append(sorted(of_video, key=lambda segment: -segment[3]))
    return segments


def random_reading(seed: int, lengths: list[int], shape: tuple[int, int], dtype: Any) -> Any:
    rng = np.random.default_rng(seed)
    n_models, n_classes = shape
    n = sum(lengths)
    offsets = np.cumsum([0, *lengths])
    activations = rng.normal(0, 3, (n, n_models, n_classes)).astype(dtype)
    attention = rng.normal(0, 3, (n, n_models)).astype(dtype)
    cas = (expit(attention)[..., None] * expit(activations)).mean(axis=1)
    for first, stop in pairwise(offsets):
        cas[first:stop, rng.random(n_classes) < 0.3] = 0
    reading = SimpleNamespace(activations=activations, attention=attention)
    return cas, offsets, rng.random((len(lengths), n_classes)), reading


readings = st.builds(
    random_reading,
    st.integers(0, 2**32),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from([np.float32, np.float64]),
)
models = st.builds(
    TCAMSelection,
    activation_threshold=st.sampled_from([0.05, 0.3, 0.7]),
    interpolation=st.sampled_from([1, 3, 4, 24]),
    nms_threshold=st.sampled_from([0.1, 0.5, 1]),
)


@settings(max_examples=100, deadline=None)
@given(readings, models)
def test_select_packed_equals_plain_loops_to_the_bit(data: Any, model: Any) -> None:
    cas, offsets, _, reading = data
    segments, borders = model.select_packed(*data)
    assert segments.dtype == SEGMENT_DTYPE
    assert len(borders) == len(offsets)
    expected = plain(cas, offsets, reading, model)
    for video, (a, b) in enumerate(pairwise(borders)):
        assert segments[a:b].tolist() == expected[video]


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_reading(1, [40, 0, 3, 70, 11], (2, 3), np.float32)
    model = TCAMSelection(0.1)
    whole, borders = model.select_packed(*data)
    assert len(whole) > 50
    monkeypatch.setattr(base_module, "_BATCH_CELLS", 60)
    parts, part_borders = model.select_packed(*data)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(part_borders, borders)


def test_one_video_is_as_among_others() -> None:
    cas, offsets, scores, reading = random_reading(2, [12, 9], (2, 2), np.float64)
    model = TCAMSelection(0.1)
    whole, borders = model.select_packed(cas, offsets, scores, reading)
    own = SimpleNamespace(activations=reading.activations[12:], attention=reading.attention[12:])
    one = model.select(cas[12:], scores[1], own)
    np.testing.assert_allclose(
        np.array(one.tolist()), np.array(whole[borders[1] :].tolist()), rtol=0, atol=1e-12
    )


def test_it_says_what_it_needs() -> None:
    assert TCAMSelection.needs_reading
    assert not TCAMSelection.needs_levels
    assert not MultiThresholdSelection.needs_reading


def reading_of(activations: Any, attention: Any) -> Any:
    return SimpleNamespace(activations=activations, attention=attention)


@pytest.mark.parametrize(
    ("reading", "match"),
    [
        (None, "reading must have activations and attention; NoneType lacks activations"),
        (SimpleNamespace(activations=np.zeros((4, 1, 2))), "SimpleNamespace lacks attention"),
        (
            reading_of(np.zeros((3, 1, 2)), np.zeros((3, 1))),
            r"reading.activations must have shape .* = \(4, 1, 2\) .* got \(3, 1, 2\)",
        ),
        (
            reading_of(np.zeros((4, 2)), np.zeros(4)),
            r"reading.activations must have shape .* got \(4, 2\)",
        ),
        (reading_of(np.zeros((4, 0, 2)), np.zeros((4, 0))), "at least one model"),
        (
            reading_of(np.zeros((4, 2, 2)), np.zeros((4, 1))),
            r"reading.attention must have shape \(n_clips, n_models\) = \(4, 2\) .* got \(4, 1\)",
        ),
        (
            reading_of(np.zeros((4, 1, 2)), [[0], [0], [np.nan], [0]]),
            "reading.attention of video 1 must be finite, got nan at clip 1, model 0",
        ),
        (
            reading_of([[[0, 0]], [[0, np.inf]], [[0, 0]], [[0, 0]]], np.zeros((4, 1))),
            "reading.activations of video 1 must be finite, got inf at clip 0, model 0",
        ),
    ],
)
def test_bad_readings(reading: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        TCAMSelection().select_packed(np.ones((4, 2)), [0, 1, 4], np.zeros((2, 2)), reading)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"activation_threshold": 1.1}, "activation_threshold=1.1; expected"),
        ({"activation_threshold": None}, "activation_threshold=None; expected"),
        ({"interpolation": 0}, "interpolation=0; expected"),
        ({"nms_threshold": -0.1}, "nms_threshold=-0.1; expected"),
    ],
)
def test_bad_parameters_are_refused_at_use(params: Any, match: str) -> None:
    reading = reading_of(np.zeros((1, 1, 1)), np.zeros((1, 1)))
    with pytest.raises(ValueError, match=match):
        TCAMSelection(**params).select(np.ones((1, 1)), [0.5], reading)
