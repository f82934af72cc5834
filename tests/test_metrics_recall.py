"""Recall at k x, average recall against proposals, tIoU, and warnings where nothing is shared.

The reference loops follow the definitions of ActionFormer's and mmaction2's evaluation.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.exceptions import LocalizationWarning, NothingSharedWarning
from sklearn_asn.metrics import (
    average_precision_table,
    average_recall,
    localization_map,
    recall_at,
    tiou,
)

# random detections may share nothing with the truth
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.NothingSharedWarning")


def iou(a: Any, b: Any) -> float:
    inside = max(0.0, min(a[2], b[2]) - max(a[1], b[1]))
    return float(inside / ((a[2] - a[1]) + (b[2] - b[1]) - inside))


def plain_recall_at(true: Any, pred: Any, k: int, threshold: float) -> float:
    recalls = []
    for label in sorted({s[0] for video in true for s in video}):
        found = total = 0
        for mine, theirs in zip(true, pred, strict=True):
            truths = [s for s in mine if s[0] == label]
            dets = sorted((s for s in theirs if s[0] == label), key=lambda s: -s[3])
            best = dets[: k * len(truths)]
            found += sum(any(iou(t, d) >= threshold for d in best) for t in truths)
            total += len(truths)
        recalls.append(found / total)
    return float(np.mean(recalls))


def plain_average_recall(true: Any, pred: Any, thresholds: Any, most: float | None) -> Any:
    n, total = len(true), sum(len(video) for video in pred)
    most = total / n if most is None else most
    ratio = most * n / total
    ranked = [sorted(video, key=lambda s: -s[3]) for video in pred]
    ranked = [video[: min(int(len(video) * ratio), len(video))] for video in ranked]
    retrieved = sum(map(len, ranked))
    parts = np.arange(1, 101) / 100.0 * (most * n / retrieved)
    recall = np.zeros((len(thresholds), 100))
    for row, threshold in enumerate(thresholds):
        for column, part in enumerate(parts):
            found = 0
            for truths, dets in zip(true, ranked, strict=True):
                some = dets[: min(int(len(dets) * part), len(dets))]
                found += sum(any(iou(t, d) >= threshold for d in some) for t in truths)
            recall[row, column] = found / sum(map(len, true))
    proposals = parts * (retrieved / n)
    average = recall.mean(axis=0)
    return recall, average, proposals, np.trapezoid(average, proposals) / proposals[-1]


def random_sets(seed: int, n_videos: int, n_classes: int) -> Any:
    """Times on a grid, so that tIoUs equal thresholds; scores that do not tie."""
    rng = np.random.default_rng(seed)

    def some(most: int) -> Any:
        start = rng.integers(0, 20, rng.integers(0, most))
        return [
            ("abc"[rng.integers(n_classes)], float(a), float(a + rng.integers(1, 10)))
            for a in start
        ]

    true = [some(5) for _ in range(n_videos)]
    true[0] = [("a", 2.0, 6.0), *true[0]]
    pred = [[(*s, float(rng.random())) for s in some(12)] for _ in range(n_videos)]
    pred[0] = [("a", 2.0, 7.0, 0.5), *pred[0]]
    return true, pred


sets = st.builds(random_sets, st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3))


@settings(max_examples=100, deadline=None)
@given(sets, st.integers(1, 6))
def test_recall_at_equals_plain_loops(data: Any, k: int) -> None:
    tious = (0.25, 0.5, 0.8, 1.0)
    expected = [plain_recall_at(*data, k, t) for t in tious]
    np.testing.assert_allclose(recall_at(*data, k, tious), expected, rtol=0, atol=1e-12)
    assert recall_at(*data, k, 0.5) == pytest.approx(expected[1])
    assert np.all(recall_at(*data, k + 1, tious) >= recall_at(*data, k, tious))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(sets, st.none() | st.sampled_from([0.5, 1, 2.5, 10, 100]), st.booleans())
def test_average_recall_equals_plain_loops(data: Any, most: float | None, own: bool) -> None:
    true, pred = data
    tious = (0.25, 0.5, 1.0) if own else np.linspace(0.5, 0.95, 10)
    total = sum(map(len, pred))
    ratio = 1.0 if most is None else most * len(true) / total
    if not any(int(len(video) * ratio) for video in pred):
        return  # nothing retrieved: divides by zero there
    expected = plain_average_recall(true, pred, tious, most)
    result = average_recall(true, pred, tious if own else None, max_proposals=most)
    for mine, theirs in zip(result, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)


def test_average_recall_without_proposals() -> None:
    truth = [[("a", 0.0, 1.0)], []]
    result = average_recall(truth, [[], []], max_proposals=50)
    assert (result.recall.shape, result.auc) == ((10, 100), 0.0)
    assert not result.average_recall.any()
    assert result.proposals_per_video[[0, 99]].tolist() == [0.5, 50.0]
    one = average_recall(truth, [[("a", 0, 1, 0.9)], []], max_proposals=0.1)  # a tenth of it
    assert (one.recall.max(), one.auc) == (0.0, 0.0)


@pytest.mark.parametrize("metric", [recall_at, average_recall])
@pytest.mark.parametrize(
    ("true", "pred", "match"),
    [
        ([[("a", 0, 1)]], [[("a", 0, 1)]], "detections need finite scores"),
        ([[("a", 0, 1)]], [[], []], "y_true has 1 videos, y_pred has 2"),
        ([[]], [[]], "y_true has no segments"),
    ],
)
def test_bad_segments(metric: Any, true: Any, pred: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        metric(true, pred)


def test_bad_arguments() -> None:
    data = random_sets(0, 2, 2)
    for k in (0, 1.5, True):
        with pytest.raises(ValueError, match=r"k=.*; expected an integer of at least 1"):
            recall_at(*data, k)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"tiou=0; expected numbers in \(0, 1\]"):
        recall_at(*data, tiou=0)
    for most in (0, -1, np.nan, "a"):
        with pytest.raises(ValueError, match=r"max_proposals=.*; expected a number"):
            average_recall(*data, max_proposals=most)  # type: ignore[arg-type]


times = st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)).map(lambda t: (t[0], t[0] + t[1]))


@given(st.lists(times, max_size=5), st.lists(times, max_size=5))
def test_tiou(a: Any, b: Any) -> None:
    values = tiou(a, b)
    assert values.shape == (len(a), len(b))
    expected = [[iou(("", *x), ("", *y)) for y in b] for x in a]
    np.testing.assert_array_equal(values, np.reshape(expected, values.shape))
    np.testing.assert_allclose(values, tiou(b, a).T, rtol=1e-12)
    assert np.all((values >= 0) & (values <= 1))
    for i, x in enumerate(a):
        assert tiou(x, x) == 1.0
        np.testing.assert_array_equal(tiou(x, b), values[i])
        np.testing.assert_array_equal(tiou(b, x).shape, (len(b),))


@pytest.mark.parametrize(
    ("a", "match"),
    [
        ([(0, 1, 2)], r"a must have shape \(n, 2\) or \(2,\), got \(1, 3\)"),
        (3.0, r"a must have shape .* got \(\)"),
        ([(0, 1), (2, 2)], r"a\[1\] is \(2, 2\); expected finite times with start < end"),
        ((0, np.inf), r"a\[0\] is \(0, inf\); expected finite"),
        ([("x", "y")], "a must hold numbers"),
    ],
)
def test_bad_tiou(a: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        tiou(a, (0, 1))


TRUTH = [[("run", 0.0, 10.0), ("jump", 40.0, 60.0)], [("run", 5.0, 80.0)]]


def predictions(scale: float = 1.0, shift: float = 0.0, label: Any = lambda name: name) -> Any:
    return [
        [(label(name), a * scale + shift, b * scale + shift, 0.5) for name, a, b in video]
        for video in TRUTH
    ]


@pytest.mark.parametrize("protocol", ["activitynet", "thumos14"])
@pytest.mark.parametrize(
    ("pred", "match"),
    [
        (predictions(label="a_{}".format), "No label of y_pred is one of y_true's: .*'a_jump'"),
        (predictions(label=str.upper), r"\['JUMP', 'RUN'\] against \['jump', 'run'\]"),
        (predictions(0.01), r"all times lie in \[0, 0.8\] in y_pred, in \[0, 80\] in y_true"),
        (predictions(25.0), "same unit"),  # frames
        (predictions(1000.0), "same unit"),
        (predictions(shift=500.0), "No prediction meets a true segment"),
    ],
)
def test_it_warns_where_nothing_is_shared(pred: Any, match: str, protocol: str) -> None:
    for metric in (localization_map, average_precision_table):
        with pytest.warns(NothingSharedWarning, match=match) as caught:
            values = metric(TRUTH, pred, 0.5, protocol=protocol)
        assert not np.any(values)
        assert caught[0].filename == __file__
    assert issubclass(NothingSharedWarning, LocalizationWarning)


@pytest.mark.parametrize(
    "pred",
    [
        predictions(),
        [[], []],  # nothing predicted: 0 by right
        [[("jump", 0, 10, 0.5)], []],  # at the right time
        [[("run", 3, 5, 0.5)], []],  # too short for .5
        [[("run", 9, 39, 0.5)], []],  # meets it, barely
        [[("swim", 0, 10, 0.5), ("run", 0, 10, 0.5)], []],
    ],
)
def test_it_does_not_warn_of_bad_predictions(pred: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        localization_map(TRUTH, pred, 0.5)


def test_numbers_as_labels() -> None:
    truth = Segments.from_list([[(1, 0.0, 10.0)]])
    with pytest.warns(NothingSharedWarning, match=r"\[2\] against \[1\]"):
        localization_map(truth, [[(2, 0.0, 10.0, 0.5)]])
