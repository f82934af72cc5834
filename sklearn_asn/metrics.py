"""How good segments are: tIoU, average precision and mAP under the field's two rules (sec. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, make_scorer

from sklearn_asn._matching import Intervals, Pairs, match_in_turn, overlapping_pairs
from sklearn_asn._targets import check_comparable, parse_targets
from sklearn_asn.segments import Segments

PROTOCOLS = ("activitynet", "thumos14")

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
        Counts a video's segments that many times.

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
    Detections with equal scores keep their order (video by video).

    Examples
    --------
    >>> from sklearn_asn.metrics import localization_map
    >>> truth = [[("run", 0.0, 10.0)], [("run", 5.0, 15.0)]]
    >>> found = [[("run", 1.0, 10.0, 0.9)], [("run", 0.0, 5.0, 0.8)]]
    >>> localization_map(truth, found, 0.5)
    0.5
    """
    values = _average_precision(y_true, y_pred, tiou, protocol, ambiguous, sample_weight)[1]
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
    classes, values = _average_precision(y_true, y_pred, tiou, protocol, ambiguous, sample_weight)
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

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.metrics import localization_scorer
    >>> scoring = localization_scorer((0.3, 0.5, 0.7))
    >>> search = GridSearchCV(ASNLocalizer(), {"quantile": [0.3, 0.5]}, scoring=scoring)
    """
    _check_protocol(protocol, None)
    _check_tiou(tiou)
    return make_scorer(_mean_localization_map, tiou=tiou, protocol=protocol)


def recognition_accuracy(y_true: Any, y_score: ArrayLike, *, classes: ArrayLike) -> float:
    """Share of labelled videos whose best class is one of theirs.

    Parameters
    ----------
    y_true : labels in any form that `ASNLocalizer.fit` takes
        Videos without a label are left out.
    y_score : array-like of shape (n_videos, n_classes)
        Video-level scores, as of ``predict_proba``.
    classes : array-like of shape (n_classes,)
        What the columns stand for.

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_accuracy
    >>> recognition_accuracy(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"])
    0.5
    """
    targets, score, classes = _check_recognition(y_true, y_score, classes)
    order = np.argsort(classes)
    present = targets.indicator(classes[order])[:, np.argsort(order)]
    labelled = np.diff(targets.offsets) > 0
    if not labelled.any():
        raise ValueError("y_true has no labels at all.")
    hit = present[np.arange(len(score)), score.argmax(axis=1)]
    return float(hit[labelled].mean())


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
    y_score : array-like of shape (n_videos, n_classes)
    classes : array-like of shape (n_classes,)
        What the columns stand for. A label that is not among them counts 0.
    sample_weight : array-like of shape (n_videos,), default=None

    Examples
    --------
    >>> from sklearn_asn.metrics import recognition_map
    >>> recognition_map(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], classes=["a", "b"])
    1.0
    """
    targets, score, classes = _check_recognition(y_true, y_score, classes)
    seen = np.unique(targets.label)
    if not len(seen):
        raise ValueError("y_true has no labels at all.")
    present = targets.indicator(seen)
    column = {label: i for i, label in enumerate(classes.tolist())}
    values = [
        average_precision_score(present[:, i], score[:, column[label]], sample_weight=sample_weight)
        if label in column
        else 0.0
        for i, label in enumerate(seen.tolist())
    ]
    return float(np.mean(values))


def recognition_scorer(metric: str = "accuracy") -> Any:
    """Make a scorer of video-level recognition, for estimators with ``predict_proba``.

    Parameters
    ----------
    metric : {"accuracy", "map"}, default="accuracy"
        `recognition_accuracy` or `recognition_map`.

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
    """A scorer that reads the classes from the estimator; made by `recognition_scorer`."""

    metric: str

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        """Score an estimator on videos."""
        score = recognition_accuracy if self.metric == "accuracy" else recognition_map
        return score(y, estimator.predict_proba(X), classes=estimator.classes_)


def _mean_localization_map(y_true: Any, y_pred: Any, tiou: Any, protocol: str) -> float:
    return float(np.mean(localization_map(y_true, y_pred, tiou, protocol=protocol)))


def _average_precision(
    y_true: Any, y_pred: Any, tiou: Any, protocol: str, ambiguous: Any, sample_weight: Any
) -> tuple[Array, Array]:
    """Return the classes, and average precision ``(n_classes, n_tious)``."""
    _check_protocol(protocol, ambiguous)
    tious = _check_tiou(tiou)
    truth, found = _check_segments(y_true, y_pred)
    weight = _check_weight(sample_weight, len(truth))
    classes, true_class = np.unique(truth.label, return_inverse=True)
    order, found_class = _by_class_and_score(found, classes)
    video = found.video[order]
    detections = Intervals(video * len(classes) + found_class, found.start[order], found.end[order])
    targets = Intervals(truth.video * len(classes) + true_class, truth.start, truth.end)
    pairs = overlapping_pairs(detections, targets, float(tious.min()))
    ignored = np.zeros(len(order), dtype=bool)
    if ambiguous is not None:
        ignored = _overlaps_any(video, detections, _as_segments(ambiguous, "ambiguous"), len(truth))
    borders = np.searchsorted(found_class, np.arange(len(classes) + 1))
    n_true = np.bincount(true_class, weights=weight[truth.video], minlength=len(classes))
    values = np.zeros((len(classes), len(tious)))
    for k, threshold in enumerate(tious):
        hit = _match(pairs, threshold, protocol, len(order), len(truth.label))
        counted = np.where(ignored & ~hit, 0.0, weight[video])
        for c in range(len(classes)):
            rows = slice(borders[c], borders[c + 1])
            if n_true[c] > 0:
                values[c, k] = _area(
                    hit[rows], counted[rows], n_true[c], interpolate=protocol == "activitynet"
                )
    return classes[n_true > 0], values[n_true > 0]


def _by_class_and_score(found: Segments, classes: Array) -> tuple[Array, Array]:
    """Order detections by class, then decreasing score; those of other classes are left out."""
    if len(found.label):
        check_comparable(found.label, classes)
    code = np.minimum(np.searchsorted(classes, found.label), len(classes) - 1)
    known = np.flatnonzero(classes[code] == found.label) if len(found.label) else np.arange(0)
    order = known[np.lexsort((-found.score[known], code[known]))]
    return order, code[order]


def _match(pairs: Pairs, threshold: float, protocol: str, n_found: int, n_true: int) -> Array:
    """Tell which detections are true positives."""
    if protocol == "activitynet":
        some = pairs.tiou >= threshold
        asked = Pairs(pairs.left[some], pairs.right[some], pairs.tiou[some])
        return match_in_turn(asked, n_found, n_true) >= 0
    some = pairs.tiou > threshold
    asked = Pairs(pairs.right[some], pairs.left[some], pairs.tiou[some])
    taken = match_in_turn(asked, n_true, n_found)
    hit = np.zeros(n_found, dtype=bool)
    hit[taken[taken >= 0]] = True
    return hit


def _area(hit: Array, weight: Array, n_true: float, *, interpolate: bool) -> float:
    """Area under precision over recall, detections by decreasing score."""
    true = np.cumsum(hit * weight)
    precision = true / np.maximum(np.cumsum(weight), np.finfo(float).tiny)
    if interpolate:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((hit * weight) @ precision / n_true)


def _overlaps_any(video: Array, found: Intervals, ambiguous: Segments, n_videos: int) -> Array:
    if len(ambiguous) != n_videos:
        raise ValueError(f"ambiguous has {len(ambiguous)} videos, y_true has {n_videos}.")
    pairs = overlapping_pairs(
        Intervals(video, found.start, found.end),
        Intervals(ambiguous.video, ambiguous.start, ambiguous.end),
    )
    touched = np.zeros(len(video), dtype=bool)
    touched[pairs.left] = True
    return touched


def _as_segments(y: Any, name: str) -> Segments:
    if isinstance(y, Segments):
        return y
    try:
        return Segments.from_list(y)
    except TypeError:
        raise ValueError(f"{name} must be Segments or a list of lists of segments.") from None


def _check_segments(y_true: Any, y_pred: Any) -> tuple[Segments, Segments]:
    truth, found = _as_segments(y_true, "y_true"), _as_segments(y_pred, "y_pred")
    if len(truth) != len(found):
        raise ValueError(f"y_true has {len(truth)} videos, y_pred has {len(found)}.")
    if truth.ids is not None and found.ids is not None and np.any(truth.ids != found.ids):
        i = int(np.flatnonzero(truth.ids != found.ids)[0])
        raise ValueError(
            f"Video {i} is {truth.ids[i]} in y_true and {found.ids[i]} in y_pred; bring both to "
            "the same order."
        )
    if not len(truth.label):
        raise ValueError("y_true has no segments, so there is nothing to find.")
    bad = np.flatnonzero(~np.isfinite(found.score))
    if len(bad):
        raise ValueError(
            f"y_pred: a segment of video {found.video[bad[0]]} has the score "
            f"{found.score[bad[0]]}; detections need finite scores."
        )
    return truth, found


def _check_tiou(tiou: Any) -> NDArray[np.float64]:
    values = np.atleast_1d(np.asarray(tiou, dtype=np.float64))
    if values.ndim != 1 or not len(values) or not np.all((values > 0) & (values <= 1)):
        raise ValueError(f"tiou={tiou!r}; expected numbers in (0, 1].")
    return values


def _check_protocol(protocol: str, ambiguous: Any) -> None:
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol={protocol!r}; expected one of {PROTOCOLS}.")
    if ambiguous is not None and protocol != "thumos14":
        raise ValueError("ambiguous segments are part of protocol='thumos14' only.")


def _check_weight(sample_weight: Any, n_videos: int) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n_videos)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_videos,) or not np.all(np.isfinite(weight) & (weight >= 0)):
        raise ValueError(f"sample_weight must be {n_videos} finite numbers >= 0, one a video.")
    return weight


def _check_recognition(y_true: Any, y_score: Any, classes: Any) -> tuple[Any, Array, Array]:
    targets, score, classes = parse_targets(y_true), np.asarray(y_score), np.asarray(classes)
    if score.shape != (len(targets), len(classes)):
        raise ValueError(
            f"y_score has shape {score.shape}, expected ({len(targets)}, {len(classes)}): one row "
            "a video of y_true, one column a class."
        )
    return targets, score, classes
