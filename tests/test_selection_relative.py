"""`RelativeThresholdSelection` against loops written from its definition, and worked examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sklearn_asn.selection._base as base_module
from sklearn_asn.selection import NaiveSelection, RelativeThresholdSelection

EXAMPLE = np.array(
    [0.05, 0.05, 0.1, 0.8, 0.9, 0.85, 0.2, 0.05, 0.05, 0.6, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05]
)[:, None]
W_TALC: dict[str, Any] = {
    "floor": "minimum", "min_length": 2, "run_score": "max", "video_weight": 0.7
}  # fmt: skip


def plain(cas: Any, video_scores: Any, model: RelativeThresholdSelection) -> list[Any]:
    found = []
    n, d = len(cas), model.dilation
    for label in range(cas.shape[1] if n else 0):
        s = [float(value) for value in cas[:, label]]
        if model.smoothing:
            s = [(s[t] + s[min(t + 1, n - 1)]) / 2 for t in range(n)]
        low = min(s) if model.floor == "minimum" else 0.0
        active = [value > low + model.level * (max(s) - low) for value in s]
        active = [any(active[max(t - d, 0) : t + 1]) for t in range(n)]
        for a in range(n):
            if not active[a] or (a and active[a - 1]):
                continue
            b = next((t for t in range(a, n) if not active[t]), n)
            if b - a >= model.min_length:
                score = max(s[a:b]) if model.run_score == "max" else sum(s[a:b]) / (b - a)
                found.append((label, a, b, score + model.video_weight * video_scores[label]))
    return sorted(found, key=lambda segment: -segment[3])


@st.composite
def videos(draw: Any) -> tuple[Any, Any, Any]:
    """Packed videos whose values are multiples of 1/4, so that sums and ties are exact."""
    lengths = draw(st.lists(st.integers(0, 14), min_size=1, max_size=4))
    n_classes = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cas = rng.integers(draw(st.sampled_from([-4, 0])), 5, (sum(lengths), n_classes)) / 4
    cas[:, rng.random(n_classes) < 0.2] = 0
    return cas, np.cumsum([0, *lengths]), rng.integers(-4, 5, (len(lengths), n_classes)) / 4


models = st.builds(
    RelativeThresholdSelection,
    level=st.sampled_from([0, 0.25, 0.5, 0.75]),
    floor=st.sampled_from(["zero", "minimum"]),
    smoothing=st.booleans(),
    dilation=st.sampled_from([0, 1, 3, 50]),
    min_length=st.integers(1, 4),
    run_score=st.sampled_from(["mean", "max"]),
    video_weight=st.sampled_from([0.0, 0.25, -1.0]),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(videos(), models)
def test_select_packed_equals_plain_loops(data: Any, model: Any) -> None:
    cas, offsets, video_scores = data
    segments, borders = model.select_packed(cas, offsets, video_scores)
    assert (borders[0], borders[-1], len(borders)) == (0, len(segments), len(offsets))
    for video, scores in enumerate(video_scores):
        rows = cas[offsets[video] : offsets[video + 1]]
        mine = segments[borders[video] : borders[video + 1]]
        assert mine.tolist() == plain(rows, scores, model)
        np.testing.assert_array_equal(mine, model.select(rows, scores))


@settings(max_examples=50, deadline=None)
@given(videos(), models, st.randoms())
def test_the_order_of_videos_does_not_matter(data: Any, model: Any, random: Any) -> None:
    cas, offsets, video_scores = data
    order = list(range(len(video_scores)))
    random.shuffle(order)
    shuffled = np.concatenate([cas[offsets[v] : offsets[v + 1]] for v in order])
    new_offsets = np.cumsum([0, *np.diff(offsets)[order]])
    segments, borders = model.select_packed(cas, offsets, video_scores)
    moved, new_borders = model.select_packed(shuffled, new_offsets, video_scores[order])
    for place, video in enumerate(order):
        mine = moved[new_borders[place] : new_borders[place + 1]]
        np.testing.assert_array_equal(mine, segments[borders[video] : borders[video + 1]])


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = rng.random((60, 2)), [0, 20, 20, 21, 50, 60], rng.random((5, 2))
    model = RelativeThresholdSelection(smoothing=True, dilation=1)
    whole, borders = model.select_packed(*data)
    monkeypatch.setattr(base_module, "_BATCH_CELLS", 50)
    parts, part_borders = model.select_packed(*data)
    np.testing.assert_array_equal(parts, whole)
    np.testing.assert_array_equal(part_borders, borders)


@pytest.mark.parametrize(
    ("dilation", "expected"),
    [
        (0, [(0, 2, 6, 0.855), (0, 9, 10, 0.83)]),
        (1, [(0, 2, 7, 0.745), (0, 9, 11, 0.6925)]),
    ],
)
def test_untrimmednet_example(dilation: int, expected: Any) -> None:
    model = RelativeThresholdSelection(smoothing=True, dilation=dilation)
    segments = model.select(EXAMPLE, [0.9])
    np.testing.assert_allclose(np.array(segments.tolist()), expected, rtol=0, atol=1e-12)


def test_untrimmednet_example_in_seconds() -> None:
    """First and last are 1-based there: 1 / fps + (first - 1) * 15 / fps to 1 / fps + last * ..."""
    for dilation, ends in ((0, (3.0333, 5.0333)), (1, (3.5333, 5.5333))):
        found = RelativeThresholdSelection(smoothing=True, dilation=dilation).select(EXAMPLE, [0.9])
        np.testing.assert_allclose((1 + 15 * found["start"]) / 30, (1.0333, 4.5333), atol=1e-4)
        np.testing.assert_allclose((1 + 15 * found["end"]) / 30, ends, atol=1e-4)


def test_w_talc_cuts_logits_at_the_middle_of_their_range() -> None:
    logits = np.array([[-3.0], [-1.0], [-0.5], [-2.0], [1.0], [-4.0], [-1.0]])  # middle: -1.5
    segments = RelativeThresholdSelection(**W_TALC).select(logits, [0.5])
    assert segments.tolist() == [(0, 1, 3, -0.5 + 0.35)]  # the runs of one clip are too short
    moved = RelativeThresholdSelection(**W_TALC).select(logits + 8, [0.5])
    assert moved[["start", "end"]].tolist() == segments[["start", "end"]].tolist()


@pytest.mark.parametrize("params", [{}, {"level": 0.0}, W_TALC, {"dilation": 3}])
def test_a_class_of_zeros_gives_nothing(params: Any) -> None:
    cas = np.zeros((6, 2))
    cas[2:4, 1] = 1
    assert set(RelativeThresholdSelection(**params).select(cas, [1, 1])["label"]) == {1}


def test_without_a_level_it_is_the_naive_selection() -> None:
    rng = np.random.default_rng(1)
    cas = np.where(rng.random((40, 3)) > 0.4, rng.random((40, 3)), 0)
    np.testing.assert_array_equal(
        RelativeThresholdSelection(level=0).select(cas, [0.1, 0.2, 0.3]),
        NaiveSelection().select(cas, [0.1, 0.2, 0.3]),
    )


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"level": 1}, r"level=1; expected a number in \[0, 1\)"),
        ({"level": -0.1}, "level=-0.1; expected"),
        ({"level": "x"}, "level='x'; expected"),
        ({"floor": "mean"}, r"floor='mean'; expected one of \('zero', 'minimum'\)"),
        ({"smoothing": 1}, "smoothing=1; expected True or False"),
        ({"dilation": -1}, "dilation=-1; expected an integer of at least 0"),
        ({"dilation": 1.0}, "dilation=1.0; expected"),
        ({"dilation": True}, "dilation=True; expected"),
        ({"min_length": 0}, "min_length=0; expected an integer of at least 1"),
        ({"run_score": "sum"}, r"run_score='sum'; expected one of \('mean', 'max'\)"),
        ({"video_weight": np.nan}, "video_weight must be a finite number, got nan"),
    ],
)
def test_bad_parameters_are_refused_at_use(params: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        RelativeThresholdSelection(**params).select(np.zeros((3, 1)), [0.5])
