"""`min_score` and `top_k` of every selection, and `Segments.above`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.selection import (
    SEGMENT_DTYPE,
    AutoLocSelection,
    MultiQuantileSelection,
    MultiThresholdSelection,
    NaiveSelection,
    RelativeThresholdSelection,
    Selection,
    TCAMSelection,
)

OFFSETS = [0, 30, 30, 31, 60]


class Own(Selection):
    """Every clip above 0 of class 0, in the order of the clips."""

    def __init__(self, min_score: float | None = None, top_k: int | None = None) -> None:
        self.min_score = min_score
        self.top_k = top_k

    def select(self, cas: Any, video_scores: Any) -> Any:
        clips = np.flatnonzero(cas[:, 0] > 0)
        segments = np.zeros(len(clips), SEGMENT_DTYPE)
        segments["start"], segments["end"], segments["score"] = clips, clips + 1, cas[clips, 0]
        return segments


SELECTIONS = [
    NaiveSelection(),
    RelativeThresholdSelection(),
    AutoLocSelection(nms_threshold=None),
    MultiQuantileSelection(merge=None),
    MultiQuantileSelection(),
    MultiThresholdSelection(),
    TCAMSelection(0.3, interpolation=4),
    Own(),
]


def data_for(model: Any, seed: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    cas = np.where(rng.random((60, 2)) < 0.5, rng.integers(0, 9, (60, 2)) / 8, 0)  # with ties
    given: tuple[Any, ...] = (cas, OFFSETS, rng.random((4, 2)).round(1))
    if model.needs_levels:
        given += (rng.random(60),)
    if model.needs_reading:
        given += (
            SimpleNamespace(
                activations=rng.normal(size=(60, 2, 2)), attention=rng.normal(size=(60, 2))
            ),
        )
    return given


@pytest.mark.slow
@pytest.mark.parametrize("model", SELECTIONS, ids=lambda model: type(model).__name__)
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    quantile=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(1, 12),
)
def test_they_leave_the_first_of_all_that_is_found(
    model: Any, seed: int, quantile: float | None, top_k: int | None
) -> None:
    data = data_for(model, seed)
    model.set_params(min_score=None, top_k=None)
    everything, borders = model.select_packed(*data)
    scores = np.append(everything["score"], 0.0)
    min_score = None if quantile is None else float(np.quantile(scores, quantile, method="lower"))
    some, counts = model.set_params(min_score=min_score, top_k=top_k).select_packed(*data)
    for video in range(4):
        expected = everything[borders[video] : borders[video + 1]].tolist()
        if min_score is not None:
            expected = [segment for segment in expected if segment[3] >= min_score]
        if top_k is not None:
            best = sorted(range(len(expected)), key=lambda i: (-expected[i][3], i))[:top_k]
            expected = [expected[i] for i in sorted(best)]
        assert some[counts[video] : counts[video + 1]].tolist() == expected


def test_of_one_video() -> None:
    cas = np.array([[0.0], [0.8], [0.6], [0.0], [0.4], [0.0], [0.7]])
    model = NaiveSelection(video_weight=0.0, min_score=0.7)
    scores = [0.9]
    assert model.select(cas, scores)["score"].tolist() == pytest.approx([0.7, 0.7])
    assert model.set_params(top_k=1).select(cas, scores)["start"].tolist() == [1.0]
    assert len(model.set_params(min_score=0.71).select(cas, scores)) == 0


@pytest.mark.parametrize("model", SELECTIONS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"min_score": np.nan}, "min_score=nan; expected a number"),
        ({"min_score": "0.3"}, "min_score='0.3'; expected a number"),
        ({"min_score": True}, "min_score=True; expected a number"),
        ({"top_k": 0}, "top_k=0; expected an integer of at least 1"),
        ({"top_k": 2.0}, "top_k=2.0; expected an integer"),
    ],
)
def test_bad_limits_are_refused_at_use(model: Any, params: Any, match: str) -> None:
    model = type(model)(**params)
    with pytest.raises(ValueError, match=match):
        model.select_packed(*data_for(model, 0))


def test_segments_above() -> None:
    found = Segments.from_list(
        [[("a", 0.0, 1.0, 0.3), ("b", 1.0, 2.0, 0.31)], [], [("a", 0.0, 1.0, -1.0)]],
        ids=["x", "y", "z"],
    )
    assert found.above(0.3) == Segments.from_list([[("b", 1.0, 2.0, 0.31)], [], []], "xyz")
    assert found.above(-2) == found
    assert found.above(np.float32(1)).lengths.tolist() == [0, 0, 0]


@pytest.mark.parametrize("score", [np.nan, np.inf, "0.3", None, True, [0.3]])
def test_segments_above_refuses_what_is_no_number(score: Any) -> None:
    with pytest.raises(ValueError, match=r"score=.*; expected a number"):
        Segments.from_list([[("a", 0.0, 1.0, 0.3)]]).above(score)


def test_segments_above_refuses_ground_truth() -> None:
    truth = Segments.from_list([[("a", 0.0, 1.0, 0.5)], [("b", 2.0, 3.0), ("b", 4.0, 5.0)]])
    with pytest.raises(ValueError, match=r"Segment 0 of video 1 \(b, 2, 3\) has no score \(2 such"):
        truth.above(0.1)
