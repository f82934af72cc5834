"""Choosing parameters with the times of a few videos: `TimedSplit`, `tune`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_array
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._data.clips import as_clips, is_ragged
from sklearn_asn._data.supervision import check_timed
from sklearn_asn._data.targets import parse_beside, parse_targets
from sklearn_asn._localizers.parameters import declared
from sklearn_asn._localizers.remembered import remembering
from sklearn_asn.exceptions import NoClassPassedWarning, NoClipPassedWarning

__all__ = ["TimedSplit", "Tuned", "tune"]


class TimedSplit(BaseCrossValidator):
    """Train on all videos, judge on those whose segments are known.

    For ``cv=`` of `GridSearchCV`, `HalvingGridSearchCV`, `cross_val_score` and their kin, where
    `y` has segments for some videos and labels for the others. Every test set consists of videos
    with times, so that scores are localization mAP.

    Parameters
    ----------
    n_splits : int, default=None
        None: one split; all videos train, those with times test. Training reads labels only, so
        this is sound for what training does not read: parameters of use (`quantile`,
        `video_threshold`, `selection`, ...), as long as `fit` is not given ``timed=``.

        k, at least 2: the videos with times are cut into k folds; each is tested by what all the
        other videos have trained, those without times always among them. This is sound for
        parameters of training, and with ``fit(timed=mask)``, too.
    timed : array-like of bool, shape (n_videos,), default=None
        Which videos test. None: all of which `y` has segments.
    shuffle : bool, default=False
        Whether videos with times are drawn into folds, not cut in their order.
    random_state : int, RandomState or None, default=None
        Of the drawing.

    See Also
    --------
    tune : Choose parameters of use on a fitted localizer, without training again.

    Notes
    -----
    With `groups` (people, cameras, matches) and `n_splits`, whole groups are tested, and none of
    their videos trains, with times or without. One split of all videos cannot keep groups apart,
    and refuses them.

    Examples
    --------
    >>> from sklearn_asn.model_selection import TimedSplit
    >>> y = [{"run"}, [("run", 0.0, 2.0)], {"jump"}, [("jump", 1.0, 4.0)]]
    >>> for train, test in TimedSplit().split(y, y):
    ...     print(train, test)
    [0 1 2 3] [1 3]
    >>> for train, test in TimedSplit(n_splits=2).split(y, y):
    ...     print(train, test)
    [0 2 3] [1]
    [0 1 2] [3]

    In a search:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_asn import ASNLocalizer
    >>> search = GridSearchCV(ASNLocalizer(), {"quantile": [0.3, 0.5]}, cv=TimedSplit())
    """

    # scikit-learn reads from it that `groups` come without being asked for
    __metadata_request__split = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        timed: ArrayLike | None = None,
        shuffle: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.timed = timed
        self.shuffle = shuffle
        self.random_state = random_state

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Give indices of training and test videos, split after split.

        Parameters
        ----------
        X : Clips, list of arrays, 3-D or 2-D array
            Only its length is looked at.
        y : segments of some videos, labels of the others, or Segments
        groups : array-like of shape (n_videos,), default=None
            What must not be torn apart; with `n_splits` alone.

        Yields
        ------
        train, test : ndarray of int

        Raises
        ------
        ValueError
            No video has times, fewer than `n_splits` (or their groups) do, `timed` names one that
            has none, or lengths differ.
        """
        known, groups = self._checked(X, y, groups)
        everyone = np.arange(len(known))
        if self.n_splits is None:
            yield everyone, known.nonzero()[0]
            return
        candidates = known.nonzero()[0]
        seen = None if groups is None else groups[candidates]
        draw = {"random_state": self.random_state} if self.shuffle else {}
        kind = KFold if groups is None else GroupKFold
        folds = kind(self.n_splits, shuffle=self.shuffle, **draw)
        for _, fold in folds.split(candidates, groups=seen):
            test = candidates[fold]
            out = np.isin(everyone, test) if groups is None else np.isin(groups, groups[test])
            yield everyone[~out], test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return 1 if self.n_splits is None else int(self.n_splits)

    def _checked(self, X: Any, y: Any, groups: Any) -> tuple[NDArray[np.bool_], Any]:
        """Return which videos test, and the groups as an array."""
        if y is None:
            raise ValueError("TimedSplit needs y: it says of which videos segments are known.")
        n_videos = len(X) if hasattr(X, "__len__") else X.shape[0]
        targets = parse_beside(y, n_videos)
        given = self.timed is not None
        known = check_timed(self.timed, targets, n_videos) if given else targets.has_times
        if not known.any():
            says = "timed is False for every video" if given else "y has segments of no video"
            raise ValueError(
                f"{says}, so that there is nothing to judge by. Give lists of (label, start, end) "
                "in place of sets of labels for some videos."
            )
        if groups is not None:
            if self.n_splits is None:
                raise ValueError(
                    "groups were given, but TimedSplit() trains on all videos and cannot keep "
                    "them apart; use TimedSplit(n_splits=...) or leave groups out."
                )
            groups = check_array(groups, ensure_2d=False, dtype=None, input_name="groups")
            if len(groups) != n_videos:
                raise ValueError(f"X has {n_videos} videos, but groups has {len(groups)} entries.")
        self._check_number(known, groups)
        return known, groups

    def _check_number(self, known: NDArray[np.bool_], groups: Any) -> None:
        if self.n_splits is None:
            return
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits={self.n_splits!r}; expected None or an integer >= 2.")
        there = int(known.sum()) if groups is None else len(np.unique(groups[known]))
        if there < self.n_splits:
            what = "videos with times" if groups is None else "groups with times"
            raise ValueError(f"n_splits={self.n_splits}, but there are {there} {what}.")


@dataclass(frozen=True)
class Tuned:
    """What `tune` has chosen.

    Parameters
    ----------
    estimator : localizer or Pipeline
        Fitted as it was, with the best parameters set.
    params : dict
        These parameters.
    score : float
        Their score, on the videos that they were chosen by: it flatters.
    results : DataFrame
        One row a candidate, in the order of the grid: its parameters, ``"score"`` and ``"rank"``
        (1 is best; equals share a rank).

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.model_selection import Tuned
    >>> table = pd.DataFrame({"quantile": [0.3], "score": [0.4], "rank": [1]})
    >>> Tuned(ASNLocalizer(quantile=0.3), {"quantile": 0.3}, 0.4, table).params
    {'quantile': 0.3}
    """

    estimator: Any
    params: dict[str, Any]
    score: float
    results: pd.DataFrame


def tune(
    estimator: Any, X: Any, y: Any, param_grid: Any, *, scoring: Any = None, timed: Any = None
) -> Tuned:
    """Choose parameters of use on a fitted localizer, by the segments of some videos.

    Nothing is trained: the networks score the clips of the videos with times once, and each
    candidate reads these scores. The videos may be among those of the training, whose `fit` reads
    labels only; not where their times were trained on (``fit(timed=mask)``).

    Parameters
    ----------
    estimator : fitted localizer, or Pipeline that ends in one
        It stays as it is.
    X : Clips, list of arrays, or 3-D array
        Videos; those without times are not looked at.
    y : Segments, or segments of some videos and labels of the others
    param_grid : dict or list of dict
        As for `GridSearchCV`: names (of a pipeline's step, as ``step__quantile``) and values to
        try. Parameters that hold on a fitted localizer only: see the reference of its class.
    scoring : callable or str, default=None
        As for `GridSearchCV`; called with a localizer, clips as the localizer sees them (after a
        pipeline's other steps) and segments. None: the localizer's `score`, mAP at tIoU 0.5.
    timed : array-like of bool, shape (n_videos,), default=None
        Which videos judge; None: all of which `y` has segments.

    Returns
    -------
    Tuned
        With the best (of equals the first) candidate's parameters set on a copy of `estimator`,
        which shares the trained networks with it.

    Raises
    ------
    ValueError
        A parameter needs a fit, changes nothing, or does not exist; no video has times; a value
        is out of range.
    NotFittedError
        `estimator` is not fitted.

    See Also
    --------
    TimedSplit : The same in a `GridSearchCV`, for parameters of training too.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.model_selection import tune
    >>> X, y = make_untrimmed_videos(n_videos=40, random_state=0)
    >>> some = [list(v) if i < 10 else {s.label for s in v} for i, v in enumerate(y)]
    >>> model = ASNLocalizer("temporal", batch_size=16, max_epochs=20, random_state=0).fit(X, some)
    >>> tuned = tune(model, X, some, {"quantile": [0.2, 0.4, 0.6]})
    >>> tuned.results.columns.tolist()
    ['quantile', 'score', 'rank']
    >>> model = tuned.estimator
    """
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise ValueError(f"scoring={scoring!r}; expected None, a string or one scorer.")
    check_is_fitted(estimator)
    is_pipeline = isinstance(estimator, Pipeline)
    localizer = estimator[-1] if is_pipeline else estimator
    prefix = f"{estimator.steps[-1][0]}__" if is_pipeline else ""
    candidates = list(ParameterGrid(param_grid))
    inner = [_of_use(localizer, candidate, prefix) for candidate in candidates]
    given, segments = _judges(X, y, timed)
    seen = estimator[:-1].transform(given) if is_pipeline and len(estimator) > 1 else given
    reader = localizer
    if is_ragged(seen):
        seen = as_clips(seen)
        reader = remembering(localizer, seen)
    score = check_scoring(localizer, scoring)
    with warnings.catch_warnings():  # of thresholds that go too far, which the score shows
        warnings.simplefilter("ignore", NoClassPassedWarning)
        warnings.simplefilter("ignore", NoClipPassedWarning)
        scores = np.array([float(score(_with(reader, p), seen, segments)) for p in inner])
    if np.isnan(scores).any():
        raise ValueError(
            f"The score of {candidates[int(np.isnan(scores).argmax())]} is not a number."
        )
    best = int(scores.argmax())
    chosen = _with(localizer, inner[best])
    if is_pipeline:
        whole = copy.copy(estimator)
        whole.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], chosen)]
        chosen = whole
    rank = (scores[:, None] < scores).sum(axis=1) + 1
    table = pd.DataFrame(candidates).assign(score=scores, rank=rank)
    return Tuned(chosen, dict(candidates[best]), float(scores[best]), table)


def _of_use(localizer: Any, candidate: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return a candidate with the localizer's own names; refuse what is not of use."""
    if not hasattr(localizer, "_parameters"):
        raise ValueError(f"tune needs a localizer of sklearn_asn, got {localizer!r}.")
    own, known = {}, declared(type(localizer))
    for name, value in candidate.items():
        if not name.startswith(prefix):
            raise ValueError(
                f"{name!r} is no parameter of the localizer; in this pipeline these are written "
                f"{prefix}quantile, say. Parameters of other steps need a fit."
            )
        inner = name.removeprefix(prefix)
        head = inner.split("__")[0]
        if head not in known and head not in localizer.get_params():
            raise ValueError(
                f"{name!r} is no parameter of {type(localizer).__name__}; those of use are "
                f"{[n for n, p in known.items() if p.stage == 'use']}."
            )
        stage = known[head].stage if head in known else "train"
        if stage == "train":
            raise ValueError(
                f"{name!r} is a parameter of training and needs a fit, which tune does not do. "
                "Search over it with GridSearchCV(..., cv=TimedSplit(n_splits=...))."
            )
        if stage == "machine":
            raise ValueError(f"{name!r} changes nothing in the result: there is nothing to choose.")
        own[inner] = value
    return own


def _judges(X: Any, y: Any, timed: Any) -> tuple[Any, Any]:
    """Return the videos with times, and their segments."""
    split = TimedSplit(timed=timed)
    _, test = next(split.split(X, y))
    videos = as_clips(X) if is_ragged(X) else X
    return _safe_indexing(videos, test), parse_targets(y).timed_segments()[test]


def _with(localizer: Any, params: dict[str, Any]) -> Any:
    """Return a copy with other parameters, which shares what was fitted."""
    new = copy.copy(localizer)
    if hasattr(getattr(new, "selection", None), "get_params"):
        new.selection = clone(new.selection)  # its parameters may be among them
    return new.set_params(**{name: clone(value, safe=False) for name, value in params.items()})
