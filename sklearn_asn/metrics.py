"""How good segments are: tIoU, average precision and mAP under the field's two rules (sec. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, make_scorer

from sklearn_asn._average_precision import (
    average_precision,
    check_protocol,
    check_tiou,
    check_weight,
)
from sklearn_asn._targets import check_comparable, parse_targets
from sklearn_asn._validation import check_count
from sklearn_asn.segments import check_label_array

Array = NDArray[Any]


def localization_map(
    y_true: Any,
    y_pred: Any,
    tiou: float | ArrayLike = 0.5,
    *,
    protocol: str = "activitynet",
    ambiguous: Any = None,
    sample_weight: ArrayLike | None = None,
) -> Any:
    """Mean average precision of detected segments, in [0, 1].

    Parameters
    ----------
    y_true : Segments or list of lists of segments
        Ground truth, one entry a video.
    y_pred : Segments or list of lists of segments
        Scored detections for the same videos in the same order. Those of a class that `y_true`
        never has are left out; those on videos without their class are false positives.
    tiou : float or array-like of float, default=0.5
        Temporal intersection over union, in (0, 1], that a detection needs.
    protocol : {"activitynet", "thumos14"}, default="activitynet"
        The rule, which changes the numbers by several points; never compare across rules.

        ``"activitynet"``: detections of a class, of all videos, by decreasing score; each takes
        the free ground truth of its video with the highest tIoU if that is at least `tiou`. The
        average precision is interpolated (VOC 2011).

        ``"thumos14"``: ground truth in the order given; each takes the free detection with the
        highest tIoU if that is above `tiou`. False positives that overlap an ambiguous segment
        are left out. The average precision is the sum of precision at true positives over the
        number of ground-truth segments.
    ambiguous : Segments or list of lists of segments, default=None
        THUMOS'14 only: segments, of whatever label, that count neither for nor against.
    sample_weight : array-like of shape (n_videos,), default=None
        Non-negative; counts a video's segments that many times. A video of weight 2 equals the
        video given twice, with the two as one step of recall where their scores tie. A class
        whose videos all weigh 0 is left out.

    Returns
    -------
    float, or ndarray of shape (len(tiou),)
        The mean over the classes of `y_true`; a class without detections counts 0.

    Raises
    ------
    ValueError
        Videos do not correspond, detections lack scores, `y_true` has no segments, or an argument
        is out of range.

    Notes
    -----
    Detections with equal scores keep their order (video by video); of equal tIoUs, the first wins.
    Intervals are half-open, so tIoU uses plain lengths, end - start. Sources: the ActivityNet
    evaluation kit, and ``TH14evalDet.m`` of the THUMOS'14 kit. The former raises ``KeyError`` on
    detections of an unknown class; here they are left out.

    Examples
    --------
    >>> from sklearn_asn.metrics import localization_map
    >>> truth = [[("run", 0.0, 10.0)], [("run", 5.0, 15.0)]]
    >>> found = [[("run", 1.0, 10.0, 0.9)], [("run", 0.0, 5.0, 0.8)]]
    >>> localization_map(truth, found, 0.5)
    0.5
    """
    values = average_precision(y_true, y_pred, tiou, protocol, ambiguous, sample_weight)[1]
    mean = values.mean(axis=0)
    return float(mean[0]) if np.ndim(tiou) == 0 else mean


def average_precision_table(
    y_true: Any,
    y_pred: Any,
    tiou: float | ArrayLike = (0.3, 0.4, 0.5, 0.6, 0.7),
    *,
    protocol: str = "activitynet",
    ambiguous: Any = None,
    sample_weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Average precision of every class at every tIoU; `localization_map` is its column mean.

    Parameters
    ----------
    y_true, y_pred, tiou, protocol, ambiguous, sample_weight
        As in `localization_map`.

    Returns
    -------
    DataFrame
        One row a class of `y_true` (index ``label``), one column a tIoU (``tiou``); its
        ``attrs["protocol"]`` names the rule.

    Raises
    ------
    ValueError
        As `localization_map`.

    Examples
    --------
    >>> from sklearn_asn.metrics import average_precision_table
    >>> truth = [[("run", 0.0, 10.0)], [("jump", 5.0, 15.0)]]
    >>> average_precision_table(truth, [[("run", 1.0, 10.0, 0.9)], []], (0.5, 0.95))
    tiou   0.50  0.95
    label
    jump    0.0   0.0
    run     1.0   0.0
    """
    classes, values = average_precision(y_true, y_pred, tiou, protocol, ambiguous, sample_weight)
    columns = pd.Index(np.atleast_1d(np.asarray(tiou, dtype=np.float64)), name="tiou")
    table = pd.DataFrame(values, index=pd.Index(classes, name="label"), columns=columns)
    table.attrs["protocol"] = protocol
    return table


def localization_scorer(
    tiou: float | tuple[float, ...] = 0.5, *, protocol: str = "activitynet"
) -> Any:
    """Make a scorer of localization mAP, for ``scoring=`` of `GridSearchCV` and its kin.

    Parameters
    ----------
    tiou : float or tuple of float, default=0.5
        With several, their mean.
    protocol : {"activitynet", "thumos14"}, default="activitynet"
        The rule, as in `localization_map`.

    Returns
    -------
    callable
        A scorer, called with an estimator, X and y (ground-truth segments); it can be pickled.

    Raises
    ------
    ValueError
        `tiou` or `protocol` is out of range.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.metrics import localization_scorer
    >>> scoring = localization_scorer((0.3, 0.5, 0.7))
    >>> search = GridSearchCV(ASNLocalizer(), {"quantile": [0.3, 0.5]}, scoring=scoring)
    """
    check_protocol(protocol, None)
    check_tiou(tiou)
    return make_scorer(_mean_localization_map, tiou=tiou, protocol=protocol)


def recognition_accuracy(
    y_true: Any, y_score: ArrayLike, *, classes: ArrayLike, k: int = 1
) -> float:
    """Share of labelled videos of whose `k` best classes one is theirs.

    Parameters
    ----------
    y_true : labels in any form that `ASNLocalizer.fit` takes
        Videos without a label are left out.
    y_score : array-like of shape (n_videos, n_classes)
        Video-level scores, as of ``predict_proba``.
    classes : array-like of shape (n_classes,)
        What the columns of `y_score` stand for, in any order.
    k : int, default=1
        Guesses a video has: ActivityNet's Hit@1 and Hit@3. (THUMOS'14 and ActivityNet rank by
        `recognition_map`, whose average precision is not interpolated.)

    Returns
    -------
    float
        In [0, 1]. With one label a video this is scikit-learn's accuracy.

    Raises
    ------
    ValueError
        Shapes do not correspond, a score is not finite, `classes` repeats one or is of another type
        than the labels, or there are no labels at all.

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_accuracy
    >>> recognition_accuracy(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"])
    0.5
    """
    check_count(k, "k")
    targets, score, classes = _check_recognition(y_true, y_score, classes)
    order = np.argsort(classes)
    present = targets.indicator(classes[order])[:, np.argsort(order)]
    labelled = np.diff(targets.offsets) > 0
    best = np.argsort(-score, axis=1, kind="stable")[:, :k]
    hit = np.asarray(np.take_along_axis(present, best, axis=1).any(axis=1))
    return float(np.mean(hit[labelled]))


def recognition_map(
    y_true: Any,
    y_score: ArrayLike,
    *,
    classes: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean over classes of the average precision of video-level scores (scikit-learn's).

    Parameters
    ----------
    y_true : labels in any form that `ASNLocalizer.fit` takes
        Videos without a label are negatives of every class.
    y_score : array-like of shape (n_videos, n_classes)
        Video-level scores, as of ``predict_proba``.
    classes : array-like of shape (n_classes,)
        What the columns stand for. A label that is not among them counts 0.
    sample_weight : array-like of shape (n_videos,), default=None
        Non-negative. A class whose videos all weigh 0 is left out.

    Returns
    -------
    float
        In [0, 1]; the mean over the classes that occur in `y_true`.

    Raises
    ------
    ValueError
        As `recognition_accuracy`, or `sample_weight` is out of range.

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_map
    >>> recognition_map(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"])
    1.0
    """
    targets, score, classes = _check_recognition(y_true, y_score, classes)
    weight = check_weight(sample_weight, len(targets))
    seen = np.unique(targets.label)
    present = targets.indicator(seen)
    counts = weight @ present > 0
    if not counts.any():
        raise ValueError("sample_weight is zero for every video of y_true that has labels.")
    column = {label: i for i, label in enumerate(classes.tolist())}
    values = [
        average_precision_score(present[:, i], score[:, column[label]], sample_weight=weight)
        if label in column
        else 0.0
        for i, label in enumerate(seen.tolist())
        if counts[i]
    ]
    return float(np.mean(values))


def recognition_scorer(metric: str = "accuracy") -> Any:
    """Make a scorer of video-level recognition, for estimators with ``predict_proba``.

    Parameters
    ----------
    metric : {"accuracy", "map"}, default="accuracy"
        `recognition_accuracy` or `recognition_map`.

    Returns
    -------
    RecognitionScorer
        Called with an estimator (or a `Pipeline` that ends in one), X and y.

    Raises
    ------
    ValueError
        `metric` is another.

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_scorer
    >>> recognition_scorer("map")
    RecognitionScorer(metric='map')
    """
    if metric not in ("accuracy", "map"):
        raise ValueError(f"metric={metric!r}; expected 'accuracy' or 'map'.")
    return RecognitionScorer(metric)


@dataclass(frozen=True)
class RecognitionScorer:
    """A scorer that reads the classes from the estimator; made by `recognition_scorer`.

    Parameters
    ----------
    metric : {"accuracy", "map"}
        `recognition_accuracy` or `recognition_map`.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.metrics import RecognitionScorer
    >>> scoring = RecognitionScorer("map")
    >>> search = GridSearchCV(ASNLocalizer(), {"weight_decay": [5e-4, 0.02]}, scoring=scoring)
    """

    metric: str

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Score an estimator on videos."""
        score = recognition_accuracy if self.metric == "accuracy" else recognition_map
        return score(y, estimator.predict_proba(X), classes=estimator.classes_)


def _mean_localization_map(
    y_true: Any, y_pred: Any, tiou: Any, protocol: str, sample_weight: Any = None
) -> float:
    values = localization_map(y_true, y_pred, tiou, protocol=protocol, sample_weight=sample_weight)
    return float(np.mean(values))


def _check_recognition(y_true: Any, y_score: Any, classes: Any) -> tuple[Any, Array, Array]:
    targets, score = parse_targets(y_true), np.asarray(y_score, dtype=np.float64)
    classes = check_label_array(classes, "classes")
    if len(np.unique(classes)) != len(classes):
        raise ValueError("classes repeats a class.")
    if score.shape != (len(targets), len(classes)):
        raise ValueError(
            f"y_score has shape {score.shape}, expected ({len(targets)}, {len(classes)}): one row "
            "a video of y_true, one column a class."
        )
    bad = np.flatnonzero(~np.isfinite(score).all(axis=1))
    if len(bad):
        raise ValueError(f"y_score of video {bad[0]} is not finite.")
    if not len(targets.label):
        raise ValueError("y_true has no labels at all.")
    check_comparable(targets.label, classes)
    return targets, score, classes
