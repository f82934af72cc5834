"""How good segments are: tIoU, average precision and mAP under the field's two rules (sec. 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import make_scorer

from sklearn_asn._data.segments import Segments
from sklearn_asn._data.supervision import judged
from sklearn_asn._data.targets import parse_targets
from sklearn_asn._typing import MatchingRule, OnePerVideo
from sklearn_asn.metrics._average_precision import (
    average_precision,
    check_protocol,
    check_tiou,
)

Array = NDArray[Any]


def localization_map(
    y_true: Any,
    y_pred: Any,
    tiou: float | ArrayLike = 0.5,
    *,
    protocol: MatchingRule = "activitynet",
    ambiguous: Any = None,
    sample_weight: OnePerVideo | None = None,
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
    protocol : {"activitynet", "thumos14", "thumos14-11point"}, default="activitynet"
        The rule; never compare across rules. Where predictions are few the numbers differ by some
        points, but with dense proposals that overlap (many thresholds, soft NMS) the THUMOS'14
        rule collapses: the same detections had 68 % by ActivityNet's and 17 % by it, at tIoU .1.
        There every true segment takes the detection that fits best, whatever its score, and all
        others, better scored, are false.

        ``"activitynet"``: detections of a class, of all videos, by decreasing score; each takes
        the free ground truth of its video with the highest tIoU if that is at least `tiou`. The
        average precision is interpolated (VOC 2011).

        ``"thumos14"``: ground truth in the order given; each takes the free detection with the
        highest tIoU if that is above `tiou`. False positives that overlap an ambiguous segment
        are left out. The average precision is the sum of precision at true positives over the
        number of ground-truth segments. It is the kit's edition of 2015-09-30.

        ``"thumos14-11point"``: the kit's first edition. Matched in the same way; the average
        precision is the mean of the best precision from each of the recalls 0, 0.1, ..., 1 on.
        AutoLoc's released detections have 28.2 / 20.2 at tIoU .3 / .5 by it, 26.6 / 18.5 by the
        later edition, and 35.5 / 21.2 by ActivityNet's rule.
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

    Warns
    -----
    NothingSharedWarning
        Both sides share no label (as bytes and text), or no time (as fractions and seconds).

    See Also
    --------
    average_precision_table, recall_at, average_recall, tiou

    Notes
    -----
    Detections with equal scores keep their order (video by video); of equal tIoUs, the first wins.
    Intervals are half-open, so tIoU uses plain lengths, end - start. Sources: the ActivityNet
    evaluation kit, and ``TH14evalDet.m`` of the THUMOS'14 kit (edition 2015-09-30). The former
    raises ``KeyError`` on detections of an unknown class; here they are left out.

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
    protocol: MatchingRule = "activitynet",
    ambiguous: Any = None,
    sample_weight: OnePerVideo | None = None,
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
    tiou: float | tuple[float, ...] = 0.5, *, protocol: MatchingRule = "activitynet"
) -> Any:
    """Make a scorer of localization mAP, for ``scoring=`` of `GridSearchCV` and its kin.

    Parameters
    ----------
    tiou : float or tuple of float, default=0.5
        With several, their mean.
    protocol : {"activitynet", "thumos14", "thumos14-11point"}, default="activitynet"
        The rule, as in `localization_map`.

    Returns
    -------
    callable
        A scorer, called with an estimator, X and y (ground-truth segments; where `y` has labels of
        some videos in their place, the others judge); it can be pickled.

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


def _mean_localization_map(
    y_true: Any, y_pred: Any, tiou: Any, protocol: MatchingRule, sample_weight: Any = None
) -> float:
    targets = None if isinstance(y_true, Segments) else parse_targets(y_true)
    if targets is not None and targets.some_segments is not None:
        y_pred, y_true, sample_weight = judged(y_pred, targets, sample_weight)
    values = localization_map(y_true, y_pred, tiou, protocol=protocol, sample_weight=sample_weight)
    return float(np.mean(values))
