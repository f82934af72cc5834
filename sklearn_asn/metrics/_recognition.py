"""How good video-level scores are: accuracy, mean average precision, and their scorer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import as_floats, as_list, check_count
from sklearn_asn._data.convert import as_labels
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.targets import check_comparable, parse_targets
from sklearn_asn._typing import OnePerVideo, RecognitionMetric
from sklearn_asn.metrics._average_precision import check_weight
from sklearn_asn.metrics._routed import RoutedScorer

Array = NDArray[Any]


def recognition_accuracy(
    y_true: Any,
    y_score: ArrayLike,
    *,
    classes: ArrayLike,
    k: int = 1,
    sample_weight: OnePerVideo | None = None,
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
    sample_weight : array-like of shape (n_videos,), default=None
        Non-negative: how many videos each one stands for.

    Returns
    -------
    float
        In [0, 1]. With one label a video this is scikit-learn's accuracy.

    Raises
    ------
    ValueError
        Shapes do not correspond, a score is not finite, `classes` repeats one or is of another type
        than the labels, there are no labels at all, or `sample_weight` is out of range.

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
    if sample_weight is None:
        return float(np.mean(hit[labelled]))
    weight = check_weight(sample_weight, len(targets), y_true) * labelled
    if not weight.any():
        raise ValueError("sample_weight is zero for every video of y_true that has labels.")
    return float(np.average(hit, weights=weight))


def recognition_map(
    y_true: Any,
    y_score: ArrayLike,
    *,
    classes: ArrayLike,
    sample_weight: OnePerVideo | None = None,
) -> float:
    """Mean over classes of the average precision of video-level scores (as scikit-learn's).

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
        As `recognition_accuracy`.

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_map
    >>> recognition_map(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"])
    1.0
    """
    targets, score, classes = _check_recognition(y_true, y_score, classes)
    weight = check_weight(sample_weight, len(targets), y_true)
    seen = np.unique(targets.label)
    present = targets.indicator(seen)
    counts = weight @ present > 0
    if not counts.any():
        raise ValueError("sample_weight is zero for every video of y_true that has labels.")
    column = {label: i for i, label in enumerate(classes.tolist())}
    at = np.array([column.get(label, -1) for label in seen.tolist()])
    known = counts & (at >= 0)
    values = average_precisions(present[:, known], score[:, at[known]], weight)
    return float(values.sum() / counts.sum())


def average_precisions(present: Array, score: Array, weight: Array) -> Array:
    """Return the average precision of every column, as scikit-learn's `average_precision_score`.

    All columns at once, and nothing is checked: validation asks for this after every epoch.

    Parameters
    ----------
    present : ndarray of bool, shape (n_videos, n_classes)
        Each column has one that weighs something.
    score : ndarray of shape (n_videos, n_classes)
    weight : ndarray of shape (n_videos,)
    """
    order = np.argsort(-score, axis=0, kind="stable")
    ranked = np.take_along_axis(score, order, axis=0)
    counts = weight[order]
    right = np.take_along_axis(present, order, axis=0) * counts
    n_all, n_right = np.cumsum(counts, axis=0), np.cumsum(right, axis=0)
    precision = np.divide(n_right, n_all, out=np.zeros_like(n_right), where=n_all > 0)
    # videos of the same score come in at once: each with the precision behind the last of them
    index = np.arange(len(score))[:, None]
    last = np.ones(score.shape, dtype=bool)
    last[:-1] = ranked[:-1] != ranked[1:]
    behind = np.where(last, index, len(score))[::-1]
    behind = np.minimum.accumulate(behind, axis=0)[::-1]
    precision = np.take_along_axis(precision, behind, axis=0)
    return np.asarray((right * precision).sum(axis=0) / n_right[-1])


def recognition_scorer(metric: RecognitionMetric = "accuracy") -> Any:
    """Make a scorer of video-level recognition, for estimators with ``predict_proba``.

    Parameters
    ----------
    metric : {"accuracy", "map"}, default="accuracy"
        `recognition_accuracy` or `recognition_map`.

    Returns
    -------
    RecognitionScorer
        Called with an estimator (or a `Pipeline` that ends in one), X, y and, where wanted,
        `sample_weight`. With metadata routing it has ``set_score_request``.

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
class RecognitionScorer(RoutedScorer):
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

    metric: RecognitionMetric

    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None) -> float:
        """Score an estimator on videos."""
        warn_unjudged(estimator)
        check_same_videos(X, y)
        score = recognition_accuracy if self.metric == "accuracy" else recognition_map
        probabilities = estimator.predict_proba(X)
        return score(y, probabilities, classes=estimator.classes_, sample_weight=sample_weight)


def warn_unjudged(estimator: Any) -> None:
    """Let a localizer (the last step of a pipeline) warn of parameters that labels cannot judge."""
    final = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if hasattr(final, "_warn_unjudged"):
        final._warn_unjudged()


def _check_recognition(y_true: Any, y_score: Any, classes: Any) -> tuple[Any, Array, Array]:
    targets, score = parse_targets(y_true), as_floats(y_score, "y_score")
    classes = (
        as_labels(as_list(classes, "classes", "a sequence of labels"), "classes")
        if isinstance(classes, str | bytes)
        else as_labels(classes, "classes")
    )
    if len(np.unique(classes)) != len(classes):
        raise ValueError("classes repeats a class.")
    if score.shape != (len(targets), len(classes)):
        raise ValueError(
            f"y_score has shape {score.shape}, expected ({len(targets)}, {len(classes)}): one row "
            "a video of y_true, one column a class."
        )
    check_same_videos(y_true, y_score, ("y_true", "y_score"))
    _check_columns(y_score, classes)
    bad = np.flatnonzero(~np.isfinite(score).all(axis=1))
    if len(bad):
        raise ValueError(f"y_score of video {bad[0]} is not finite.")
    if not len(targets.label):
        raise ValueError("y_true has no labels at all.")
    check_comparable(targets.label, classes)
    return targets, score, classes


def _check_columns(y_score: Any, classes: Array) -> None:
    """Refuse a frame of scores whose columns are named after other classes, or in another order."""
    columns = getattr(y_score, "columns", None)
    if columns is None or isinstance(columns, pd.RangeIndex):
        return
    names, wanted = list(map(str, columns)), list(map(str, classes.tolist()))
    if set(names) == set(wanted) and names != wanted:
        i = next(i for i, name in enumerate(names) if name != wanted[i])
        raise ValueError(
            f"Column {i} of y_score is {names[i]!r}, but classes[{i}] is {wanted[i]!r}; give both "
            "in the same order."
        )
