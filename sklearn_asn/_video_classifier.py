"""`VideoClassifier`: a localizer as scikit-learn's tools for classifiers want it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._data.clips import Clips, as_clips
from sklearn_asn._data.targets import parse_targets
from sklearn_asn._doclink import DocumentedMixin, public

Array = NDArray[Any]


def _localizer_has(method: str) -> Any:
    return lambda self: hasattr(getattr(self, "localizer_", self.localizer), method)


@public("sklearn_asn")
class VideoClassifier(DocumentedMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Say which action a video shows, by a localizer: a classifier among scikit-learn's.

    A localizer's `predict` finds segments, which no voting, calibration or confusion matrix can
    use. Here it gives the label of each video, the class of the largest `predict_proba`.

    Parameters
    ----------
    localizer : estimator
        A localizer, or a `Pipeline` that ends in one. It is cloned for every fit.
    videos : Clips or list of arrays, default=None
        All videos, for tools that take nothing but a table: X then only says which of them, by
        their positions or ids, as an array of shape ``(n_videos,)`` or ``(n_videos, 1)``. They
        are not copied when the classifier is cloned.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    localizer_ : estimator
        The fitted one, which finds segments.

    See Also
    --------
    sklearn_asn.metrics.recognition_scorer : Judges a localizer without any wrapping.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_asn import ASNLocalizer, VideoClassifier
    >>> X = [np.full((8, 2), i % 2, dtype=float) for i in range(12)]
    >>> y = np.array(["sit", "walk"])[np.arange(12) % 2]
    >>> classifier = VideoClassifier(ASNLocalizer("temporal", max_epochs=20, random_state=0))
    >>> cross_val_score(classifier, X, y, cv=2, scoring="accuracy").shape
    (2,)
    >>> classifier.set_params(videos=X).fit(np.arange(12)[:, None], y).predict([[1]])
    array(['walk'], dtype='<U4')
    """

    def __init__(self, localizer: Any, *, videos: Any = None) -> None:
        self.localizer = localizer
        self.videos = videos

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Fit a clone of the localizer.

        Parameters
        ----------
        X : Clips, list of arrays, 3-D array or 2-D array; or as `videos` says
        y : array-like of shape (n_videos,)
            One label a video. Other forms that `ASNLocalizer.fit` takes will do where every
            video has one label.
        sample_weight : array-like of shape (n_videos,), default=None
            As in `ASNLocalizer.fit`.
        **fit_params
            Passed on to the localizer's `fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            A video has no label or several, X names a video that is not there, or what the
            localizer refuses.
        """
        features, labels = self._features(X), _one_label(y)
        if sample_weight is not None:
            fit_params |= {_name_in(self.localizer, "sample_weight"): sample_weight}
        self.localizer_ = clone(self.localizer).fit(features, labels, **fit_params)
        self.classes_ = self.localizer_.classes_
        return self

    def predict(self, X: Any) -> Array:
        """Return the label of every video ``(n_videos,)``."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Array:
        """Return class probabilities ``(n_videos, n_classes)`` that sum to 1 for every video.

        Those of the localizer; where a video may show several classes or none, so that they do
        not sum to 1, they are divided by their sum.
        """
        check_is_fitted(self, "localizer_")
        shown = self.localizer_.predict_proba(self._features(X)).astype(np.float64)
        total = shown.sum(axis=1, keepdims=True)
        return np.where(total > 0, shown / np.maximum(total, 1e-300), 1 / shown.shape[1])

    @available_if(_localizer_has("decision_function"))
    def decision_function(self, X: Any) -> Array:
        """Return the localizer's: ``(n_videos, n_classes)``, of two classes ``(n_videos,)``."""
        check_is_fitted(self, "localizer_")
        return self.localizer_.decision_function(self._features(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of videos whose label is found; `y` in any form that `fit` takes."""
        labels = _one_label(y)
        return float(accuracy_score(labels, self.predict(X), sample_weight=sample_weight))

    @property
    def n_features_in_(self) -> int:
        """Features of a clip, or 1 where X only names videos."""
        check_is_fitted(self, "localizer_")
        return 1 if self.videos is not None else int(self.localizer_.n_features_in_)

    def _features(self, X: Any) -> Any:
        """Return the videos that X holds, or names."""
        if self.videos is None:
            return X
        videos = as_clips(self.videos, "videos")
        names = np.asarray(X)
        if names.ndim == 2 and names.shape[1] == 1:
            names = names[:, 0]
        if names.ndim != 1:
            raise ValueError(
                f"X has shape {names.shape}; with videos given, it must name some of them, one a "
                "row: shape (n_videos,) or (n_videos, 1)."
            )
        return videos[_positions(names, videos)]

    def __sklearn_clone__(self) -> Self:
        # a clone of `videos` would be a copy of all features
        return type(self)(clone(self.localizer), videos=self.videos)

    def __sklearn_is_fitted__(self) -> bool:
        return "localizer_" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self.videos is None
        tags.input_tags.string = self.videos is not None
        return tags


def _positions(names: Array, videos: Clips) -> NDArray[np.int64]:
    """Return where in `videos` those are that are named by position or id."""
    if names.dtype.kind in "iuf":
        bad = np.flatnonzero(~((names >= 0) & (names < len(videos)) & (names == np.floor(names))))
        if len(bad):
            raise ValueError(
                f"X[{bad[0]}] is {names[bad[0]]}; expected a position in the {len(videos)} videos."
            )
        return names.astype(np.int64)
    if videos.ids is None:
        raise ValueError(f"X names videos by {names.dtype} values, but `videos` has no ids.")
    order = np.argsort(videos.ids)
    wanted = names.astype(np.str_)
    place = np.minimum(np.searchsorted(videos.ids, wanted, sorter=order), len(videos) - 1)
    unknown = np.flatnonzero(videos.ids[order[place]] != wanted)
    if len(unknown):
        raise ValueError(
            f"X[{unknown[0]}] is {str(wanted[unknown[0]])!r}, which is no id of `videos`."
        )
    return order[place]


def _one_label(y: Any) -> Array:
    """Return the label of every video."""
    targets = parse_targets(y)
    counts = np.diff(targets.offsets)
    odd = np.flatnonzero(counts != 1)
    if len(odd):
        raise ValueError(
            f"y[{odd[0]}] has {counts[odd[0]]} labels; a VideoClassifier needs one a video. For "
            "videos of several, wrap it in OneVsRestClassifier and give the indicator matrix, or "
            "use the localizer itself with recognition_scorer."
        )
    return targets.label


def _name_in(localizer: Any, name: str) -> str:
    """Return how an argument of `fit` is called outside of a Pipeline."""
    if hasattr(localizer, "steps") and not get_config()["enable_metadata_routing"]:
        return f"{localizer.steps[-1][0]}__{name}"
    return name
