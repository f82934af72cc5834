"""Criteria that read the labels of videos only."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.metrics import (
    weak_clip_accuracy,
    weak_clip_scorer,
    weak_detection_map,
    weak_detection_scorer,
)

LABELS = [{"a"}, {"b"}, {"a", "b"}, set()]
FOUND = [
    [("a", 0.0, 1.0, 0.9), ("b", 1.0, 2.0, 0.8)],
    [("b", 0.0, 5.0, 0.7), ("c", 0.0, 1.0, 0.9)],
    [("a", 0.0, 1.0, 0.3)],
    [("a", 2.0, 3.0, 0.5)],
]
CAS = [
    [[0.9, 0.1], [0.0, 0.0], [0.2, 0.5]],
    [[0.0, 0.4]],
    [[0.3, 0.2], [0.1, 0.7]],
    [[0.6, 0.0]],
]


def test_detections_are_right_by_label():
    a = average_precision_score([1, 0, 1], [0.9, 0.5, 0.3])
    b = average_precision_score([0, 1], [0.8, 0.7])
    assert weak_detection_map(LABELS, FOUND) == pytest.approx((a + b) / 2)


def test_times_do_not_matter():
    moved = [[(c, t + 100, u + 700, s) for c, t, u, s in video] for video in FOUND]
    assert weak_detection_map(LABELS, moved) == weak_detection_map(LABELS, FOUND)


def test_a_class_without_right_segments_counts_zero():
    labels = [*LABELS[:3], {"d"}]
    found = [*FOUND[:3], []]
    assert weak_detection_map(labels, found) == pytest.approx((1 + 0.5 + 0) / 3)
    assert weak_detection_map([{"a"}], [[]]) == 0


def test_clips_that_are_not_background():
    assert weak_clip_accuracy(LABELS, CAS, classes=["a", "b"]) == pytest.approx(4 / 6)
    assert weak_clip_accuracy(["a", "b"], np.zeros((2, 2)), classes=["a", "b"]) == 0
    swapped = [[row[::-1] for row in video] for video in CAS]
    assert weak_clip_accuracy(LABELS, swapped, classes=["b", "a"]) == pytest.approx(4 / 6)


def test_unknown_classes_are_never_right():
    assert weak_clip_accuracy(["z"], [[[0.3, 0.4]]], classes=["a", "b"]) == 0


@pytest.mark.parametrize("weight", [[2, 1, 0, 3], [1, 1, 1, 0]])
def test_weight_is_repetition(weight):
    rows = np.repeat(np.arange(4), weight)
    labels, found, cas = ([part[i] for i in rows] for part in (LABELS, FOUND, CAS))
    want = weak_detection_map(labels, found)
    assert weak_detection_map(LABELS, FOUND, sample_weight=weight) == pytest.approx(want)
    want = weak_clip_accuracy(labels, cas, classes=["a", "b"])
    got = weak_clip_accuracy(LABELS, CAS, classes=["a", "b"], sample_weight=weight)
    assert got == pytest.approx(want)


@pytest.mark.parametrize(
    ("labels", "found", "said"),
    [
        (LABELS[:2], FOUND, "y_true has 2 videos, y_pred has 4"),
        ([set(), set()], FOUND[:2], "no labels"),
        (["a"], [[("a", 0.0, 1.0, np.nan)]], "finite scores"),
        ([1], [[("a", 0.0, 1.0, 0.5)]], "cannot match"),
    ],
)
def test_detections_that_are_refused(labels, found, said):
    with pytest.raises(ValueError, match=said):
        weak_detection_map(labels, found)


@pytest.mark.parametrize(
    ("cas", "classes", "said"),
    [
        (CAS[:3], ["a", "b"], "y_true has 4 videos, cas has 3"),
        (CAS, ["a", "b", "c"], r"cas of video 0 has shape \(3, 2\), expected \(n_clips, 3\)"),
        ([*CAS[:3], [[np.nan, 0]]], ["a", "b"], "cas of video 3 is not finite"),
        (CAS, ["a", "a"], "repeats"),
        (CAS, [1, 2], "cannot match"),
    ],
)
def test_clips_that_are_refused(cas, classes, said):
    with pytest.raises(ValueError, match=said):
        weak_clip_accuracy(LABELS, cas, classes=classes)


@pytest.mark.slow
@pytest.mark.parametrize("make", [weak_detection_scorer, weak_clip_scorer])
def test_scorers_search_with_labels_only(videos, make):
    X, y = videos
    labels = [{segment.label for segment in video} for video in y]
    scoring = pickle.loads(pickle.dumps(make()))
    asn = ASNLocalizer("temporal", batch_size=16, max_epochs=5, device="cpu", random_state=0)
    pipeline = make_pipeline(ClipWise(StandardScaler()), asn)
    grid = {"asnlocalizer__weight_decay": [5e-4, 0.02]}
    search = GridSearchCV(pipeline, grid, scoring=scoring, cv=2, error_score="raise")
    search.fit(X, labels)
    scores = search.cv_results_["mean_test_score"]
    assert np.all((scores > 0) & (scores <= 1))
    assert scores[0] != scores[1]
    if make is weak_detection_scorer:
        want = weak_detection_map(labels, search.predict(X))
    else:
        want = weak_clip_accuracy(labels, search.transform(X), classes=search.classes_)
    assert search.score(X, labels) == pytest.approx(want)
