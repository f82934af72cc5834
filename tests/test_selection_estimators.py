"""Selections as estimators: parameters, errors, scikit-learn's checks, one of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks, get_tags

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


class Middle(Selection):
    """One segment of half the video for the best class; the score type is not float64."""

    def __init__(self, score: float = 0.5) -> None:
        self.score = score

    def select(self, cas: Any, video_scores: Any) -> Any:
        segments = np.zeros(1, [("score", "f4"), ("label", "i4"), ("start", "f8"), ("end", "f8")])
        segments["label"] = np.argmax(video_scores)
        segments["start"], segments["end"] = len(cas) / 4, len(cas) * 3 / 4
        segments["score"] = self.score
        return segments


def test_a_selection_of_ones_own() -> None:
    segments, borders = Middle().select_packed(np.zeros((6, 2)), [0, 4, 6], [[0, 1], [1, 0]])
    assert segments.dtype == SEGMENT_DTYPE
    assert segments.tolist() == [(1, 1.0, 3.0, 0.5), (0, 0.5, 1.5, 0.5)]
    assert borders.tolist() == [0, 1, 2]
    with pytest.raises(NotImplementedError, match="Selection must implement select"):
        Selection().select(np.zeros((1, 1)), [0])


@pytest.mark.parametrize(
    ("returned", "match"),
    [
        ([(0, 0, 1, 0.5)], "structured array with the fields .* got list for video 1"),
        (np.zeros((1, 1), SEGMENT_DTYPE), "1-D structured array"),
        (np.array([(2, 0, 1, 0.5)], SEGMENT_DTYPE), r"labels in \[0, 2\).* in video 1"),
        (np.array([(0, 1, 1, 0.5)], SEGMENT_DTYPE), "start < end.* in video 1"),
        (np.array([(0, 0, 1, np.nan)], SEGMENT_DTYPE), "finite scores.* in video 1"),
    ],
)
def test_what_select_returns_is_checked(returned: Any, match: str) -> None:
    class Own(Middle):
        def select(self, cas: Any, video_scores: Any) -> Any:
            return returned if len(cas) == 2 else super().select(cas, video_scores)

    with pytest.raises(ValueError, match=match):
        Own().select_packed(np.zeros((6, 2)), [0, 4, 6], np.zeros((2, 2)))


@pytest.mark.parametrize(
    "model",
    [
        NaiveSelection(),
        RelativeThresholdSelection(),
        AutoLocSelection(),
        MultiThresholdSelection(),
        Middle(),
    ],
)
@pytest.mark.parametrize(
    ("cas", "offsets", "video_scores", "match"),
    [
        (np.zeros(4), [0, 4], [[0.0]], r"cas must have shape \(n_clips, n_classes\), got \(4,\)"),
        (np.zeros((4, 2)), [0, 3], [[0, 0]], "offsets must be 1-D, start at 0 and end at the 4"),
        (np.zeros((4, 2)), [0, 3, 2, 4], np.zeros((3, 2)), "offsets must not decrease"),
        (np.zeros((4, 2)), [0, 4], [[0.0]], r"video_scores must have shape .* = \(1, 2\), got"),
        (np.zeros((4, 2)), [0, 4], [[0.0, np.nan]], "video_scores of video 0 .* nan at class 1"),
        (
            np.array([[0.0], [0.0], [np.nan]]),
            [0, 1, 3],
            [[0], [0]],
            "cas of video 1 must be finite, got nan at clip 1, class 0",
        ),
        (np.array([[np.inf]]), [0, 1], [[0]], "cas of video 0 must be finite, got inf"),
        (np.array([["a"]]), [0, 1], [[0]], "cas must hold numbers"),
    ],
)
def test_bad_arrays(model: Any, cas: Any, offsets: Any, video_scores: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        model.select_packed(cas, offsets, video_scores)


@pytest.mark.parametrize(
    "model", [NaiveSelection(), RelativeThresholdSelection(), AutoLocSelection()]
)
def test_bad_arrays_of_one_video(model: Any) -> None:
    for cas, video_scores in [
        (np.zeros((4, 2)), [0.0]),
        (np.zeros((4, 2)), [[0.0, 0.0]]),
        (np.zeros(4), [0.0]),
        (np.zeros((4, 2)), 0.0),
    ]:
        with pytest.raises(ValueError, match=r"cas must have shape .* and video_scores"):
            model.select(cas, video_scores)
    with pytest.raises(ValueError, match="cas of video 0"):
        model.select([[np.nan]], [0.0])


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"scales": ()}, r"scales must be a non-empty sequence of positive ints, got \(\)"),
        ({"scales": 4}, "scales must be a non-empty sequence of positive ints, got 4"),
        ({"scales": np.array(4)}, "scales must be a non-empty sequence"),
        ({"scales": (1, 0)}, r"scales must be positive ints, got \(1, 0\)"),
        ({"scales": (1.5,)}, "scales must be positive ints"),
        ({"scales": (True,)}, "scales must be positive ints"),
        ({"offsets": []}, r"offsets must be a non-empty sequence of finite numbers, got \[\]"),
        ({"offsets": "ab"}, "offsets must be a non-empty sequence"),
        ({"offsets": (0, np.nan)}, "offsets must be a finite number, got nan"),
        ({"inflation": -0.1}, "inflation must be at least 0, got -0.1"),
        ({"inflation": np.inf}, "inflation must be a finite number, got inf"),
        ({"outer_weight": np.nan}, "outer_weight must be a finite number, got nan"),
        ({"min_activation": None}, "min_activation must be a finite number, got None"),
        ({"min_contrast": "low"}, "min_contrast must be a finite number, got 'low'"),
        ({"nms_threshold": 1.1}, r"nms_threshold must be in \[0, 1\] or None, got 1.1"),
        ({"nms_threshold": "x"}, "nms_threshold must be a finite number"),
        ({"video_weight": np.inf}, "video_weight must be a finite number, got inf"),
    ],
)
def test_bad_parameters_are_refused_at_use(params: Any, match: str) -> None:
    model = AutoLocSelection(**params)  # not before
    with pytest.raises(ValueError, match=match):
        model.select(np.zeros((3, 1)), [0.5])


def test_naive_refuses_its_weight_at_use() -> None:
    with pytest.raises(ValueError, match="video_weight must be a finite number, got 'x'"):
        NaiveSelection("x").select(np.zeros((3, 1)), [0.5])  # type: ignore[arg-type]


def test_parameters_given_as_arrays_and_numpy_numbers() -> None:
    cas = np.random.default_rng(2).random((30, 3))
    half: Any = np.float32(0.5)
    model = AutoLocSelection(np.array([2, 4]), np.array([0.0, 0.5]), inflation=half)
    same = AutoLocSelection([2, 4], [0, 0.5], inflation=0.5)
    np.testing.assert_array_equal(
        model.select(cas, [0.1, 0.2, 0.3]),
        same.select(cas, [0.1, 0.2, 0.3]),
    )


@pytest.mark.parametrize(
    "model",
    [
        NaiveSelection(0.7),
        RelativeThresholdSelection(dilation=2, run_score="max"),
        AutoLocSelection(inflation=0.35),
        MultiQuantileSelection(quantiles=(0.3, 0.5), merge=None),
        MultiThresholdSelection((0.3, 0.5), merge=None),
    ],
)
def test_get_params_set_params_clone(model: Any) -> None:
    params = clone(model).get_params()
    assert params == model.get_params()
    changed = clone(model).set_params(video_weight=3.0)
    assert changed.get_params() == {**params, "video_weight": 3.0}
    assert not get_tags(model).requires_fit
    level = ([1.0, 1.0],) if model.needs_levels else ()
    segments = changed.select(np.ones((2, 1)), [1.0], *level)
    assert segments["score"].tolist() == [4.0]


@pytest.mark.parametrize(
    "model",
    [
        NaiveSelection(),
        RelativeThresholdSelection(),
        AutoLocSelection(),
        MultiQuantileSelection(),
        MultiThresholdSelection(),
        TCAMSelection(),
    ],
)
@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_tags_renamed",
        "check_valid_tag_types",
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_mixin_order",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_set_params",
    ],
)
def test_scikit_learn_checks(model: Any, check: str) -> None:
    getattr(estimator_checks, check)(type(model).__name__, model)
