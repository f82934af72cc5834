"""What labels of whole videos can say of segments and clips, where no times are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score

from sklearn_asn._checks import as_floats
from sklearn_asn._data.convert import as_labels
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.targets import Targets, check_comparable, parse_targets
from sklearn_asn.metrics._average_precision import as_segments, check_scores, check_weight
from sklearn_asn.metrics._recognition import warn_unjudged
from sklearn_asn.metrics._routed import RoutedScorer

Array = NDArray[Any]


def weak_detection_map(
    y_true: Any, y_pred: Any, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean average precision of segments, right where their label is one of the video's.

    A segment's times do not enter, so this needs no ground truth of times, and cannot see whether
    a segment is where the action is. It sees whether confident segments show what the video is
    said to show. Compare only models that cut at the same `quantile` and have the same selection:
    a single sure segment a video scores best.

    Parameters
    ----------
    y_true : labels in any form that `ASNLocalizer.fit` takes
        A video without a label has none that is right.
    y_pred : Segments or list of lists of segments
        Scored detections for the same videos in the same order. Those of a class that `y_true`
        never has are left out.
    sample_weight : array-like of shape (n_videos,), default=None
        Non-negative. A class whose videos all weigh 0 is left out.

    Returns
    -------
    float
        In [0, 1]: the mean, over the classes of `y_true`, of scikit-learn's average precision of
        a class's segments (recall is among those found). A class of which no segment is right
        counts 0.

    Raises
    ------
    ValueError
        Videos do not correspond, detections lack scores, `y_true` has no labels, or
        `sample_weight` is out of range.

    See Also
    --------
    weak_detection_scorer : The same for ``scoring=``.
    localization_map : Where times are known.

    Examples
    --------
    >>> from sklearn_asn.metrics import weak_detection_map
    >>> found = [[("run", 0.0, 4.0, 0.9)], [("run", 2.0, 5.0, 0.8), ("jump", 5.0, 9.0, 0.5)]]
    >>> weak_detection_map([{"jump"}, {"run", "jump"}], found)
    0.75
    """
    targets, segments = _labels(y_true), as_segments(y_pred, "y_pred")
    if len(targets) != len(segments):
        raise ValueError(f"y_true has {len(targets)} videos, y_pred has {len(segments)}.")
    check_same_videos(y_true, y_pred, ("y_true", "y_pred"))
    check_scores(segments)
    weight = check_weight(sample_weight, len(targets), y_true)
    classes = np.unique(targets.label)
    present = targets.indicator(classes)
    if len(segments.label):
        check_comparable(segments.label, classes)
    counts = np.flatnonzero(weight @ present > 0)
    if not len(counts):
        raise ValueError("sample_weight is zero for every video of y_true that has labels.")
    values = []
    for c in counts:
        rows = np.flatnonzero(segments.label == classes[c])
        right = present[segments.video[rows], c]
        weights = weight[segments.video[rows]]
        some = bool(np.any(right & (weights > 0)))
        values.append(
            average_precision_score(right, segments.score[rows], sample_weight=weights)
            if some
            else 0.0
        )
    return float(np.mean(values))


def weak_clip_accuracy(
    y_true: Any, cas: Any, *, classes: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Share of the clips that are not background whose best class is one of the video's.

    Like `weak_detection_map` it knows no times, and may be compared only between models that take
    about the same share of clips for background.

    Parameters
    ----------
    y_true : labels in any form that `ASNLocalizer.fit` takes
        A video without a label has none that is right.
    cas : list of array-like of shape (n_clips, n_classes), or one such array
        Of ``transform``. In one array, a video is one clip. A clip of zeros is background.
    classes : array-like of shape (n_classes,)
        What the columns stand for.
    sample_weight : array-like of shape (n_videos,), default=None
        Non-negative: how often a video's clips count.

    Returns
    -------
    float
        In [0, 1]; 0 where all clips are background.

    Raises
    ------
    ValueError
        Videos or columns do not correspond, a value is not finite, `y_true` has no labels, or
        `sample_weight` is out of range.

    See Also
    --------
    weak_clip_scorer : The same for ``scoring=``.

    Examples
    --------
    >>> from sklearn_asn.metrics import weak_clip_accuracy
    >>> cas = [[[0.9, 0.2], [0.0, 0.0]], [[0.6, 0.3]]]
    >>> weak_clip_accuracy(["run", "jump"], cas, classes=["run", "jump"])
    0.5
    """
    targets, names = _labels(y_true), as_labels(classes, "classes")
    if len(np.unique(names)) != len(names):
        raise ValueError("classes repeats a class.")
    if not hasattr(cas, "__len__") or isinstance(cas, str):
        raise TypeError(f"cas={cas!r:.80}; expected an array (n_clips, n_classes) a video.")
    if len(cas) != len(targets):
        raise ValueError(f"y_true has {len(targets)} videos, cas has {len(cas)}.")
    check_same_videos(y_true, cas, ("y_true", "cas"))
    check_comparable(targets.label, names)
    weight = check_weight(sample_weight, len(targets), y_true)
    if isinstance(cas, np.ndarray) and cas.ndim == 2:
        cas = cas[:, None]
    parts = [as_floats(part, f"cas of video {i}") for i, part in enumerate(cas)]
    for i, part in enumerate(parts):
        if part.ndim != 2 or part.shape[1] != len(names):
            raise ValueError(
                f"cas of video {i} has shape {part.shape}, expected (n_clips, {len(names)}): a "
                "column a class."
            )
        if not np.isfinite(part).all():
            raise ValueError(f"cas of video {i} is not finite.")
    values = np.concatenate(parts)
    offsets = offsets_from_lengths([len(part) for part in parts])
    video = np.repeat(np.arange(len(parts)), np.diff(offsets))
    order = np.argsort(names)
    present = targets.indicator(names[order])[:, np.argsort(order)]
    found = np.flatnonzero(values.any(axis=1))
    right = present[video[found], values[found].argmax(axis=1)]
    total = weight[video[found]].sum()
    return float(weight[video[found]] @ right / total) if total else 0.0


def weak_detection_scorer() -> Any:
    """Make a scorer of `weak_detection_map`, for ``scoring=`` of `GridSearchCV` and its kin.

    **Not for `quantile`, `selection` or thresholds**: see `weak_detection_map`. How little
    they say of localization elsewhere is measured in the guide (`docs/guide/choosing.md`).

    Returns
    -------
    callable
        A scorer, called with an estimator, X and y (labels are enough); it can be pickled.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.metrics import weak_detection_scorer
    >>> scoring = weak_detection_scorer()
    >>> search = GridSearchCV(ASNLocalizer(), {"weight_decay": [5e-4, 0.02]}, scoring=scoring)
    """
    return _score_segments


def weak_clip_scorer() -> Any:
    """Make a scorer of `weak_clip_accuracy`, for ``scoring=`` of `GridSearchCV` and its kin.

    **Not for `quantile`, `selection` or thresholds**: see `weak_clip_accuracy`. How little
    they say of localization elsewhere is measured in the guide (`docs/guide/choosing.md`).

    Returns
    -------
    callable
        A scorer, called with an estimator (or a `Pipeline` that ends in one), X and y (labels are
        enough); it can be pickled.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.metrics import weak_clip_scorer
    >>> scoring = weak_clip_scorer()
    >>> search = GridSearchCV(ASNLocalizer(), {"weight_decay": [5e-4, 0.02]}, scoring=scoring)
    """
    return _WeakClipScorer()


def _score_segments(estimator: Any, X: Any, y: Any) -> float:
    warn_unjudged(estimator)
    check_same_videos(X, y)
    return weak_detection_map(y, estimator.predict(X))


@dataclass(frozen=True)
class _WeakClipScorer(RoutedScorer):
    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None) -> float:
        warn_unjudged(estimator)
        check_same_videos(X, y)
        given = {"classes": estimator.classes_, "sample_weight": sample_weight}
        return weak_clip_accuracy(y, estimator.transform(X), **given)


def _labels(y_true: Any) -> Targets:
    targets = parse_targets(y_true)
    if not len(targets.label):
        raise ValueError("y_true has no labels at all.")
    return targets
