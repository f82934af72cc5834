"""`ClipWise`: any scikit-learn transformer, applied to the clips of all videos."""

from __future__ import annotations

from typing import Any, Self, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_asn import _typing as types
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.holders import as_table
from sklearn_asn._doclink import DocumentedMixin, public


def _inner_has(method: str) -> Any:
    return lambda self: hasattr(getattr(self, "transformer_", self.transformer), method)


@public("sklearn_asn")
class ClipWise(DocumentedMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Apply a 2-D transformer to the clips of all videos in one call.

    The transformer sees one table with a row a clip; timing, ids and, where the transformer tells
    its output names, feature names survive. If the clips have feature names, the table is a
    pandas frame, so that a `ColumnTransformer` can choose columns by name.

    Parameters
    ----------
    transformer : estimator
        A scikit-learn transformer of 2-D data that keeps rows one to one. It is cloned, and
        fitted without y (labels belong to videos, not to clips).

    Attributes
    ----------
    transformer_ : estimator
        The fitted clone.
    n_features_in_ : int
        Features of a clip seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where the clips had names.

    Notes
    -----
    A 2-D X (each row a video of one clip) gives what the transformer gives; every ragged X gives
    `Clips`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_asn import ClipWise
    >>> X = [np.array([[0.0], [2.0]]), np.array([[4.0]])]
    >>> ClipWise(StandardScaler()).fit_transform(X)[1]
    array([[1.22...]])
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    def fit(self, X: types.X, y: Any = None) -> Self:
        """Fit the transformer on the clips of all videos; `y` is ignored."""
        table, _ = self._table(X, reset=True)
        self.transformer_ = clone(self.transformer).fit(table)
        return self

    @overload
    def fit_transform(self, X: types.Videos, y: Any = None) -> Clips: ...
    @overload
    def fit_transform(self, X: types.Stacked, y: Any = None) -> Any: ...
    def fit_transform(self, X: types.X, y: Any = None) -> Any:
        """Fit, then transform the same clips (in one step, where the transformer has one)."""
        table, clips = self._table(X, reset=True)
        transformer = clone(self.transformer)
        if hasattr(transformer, "fit_transform"):
            out = transformer.fit_transform(table)
        else:
            out = transformer.fit(table).transform(table)
        self.transformer_ = transformer
        return self._wrap(out, clips)

    @overload
    def transform(self, X: types.Videos) -> Clips: ...
    @overload
    def transform(self, X: types.Stacked) -> Any: ...
    def transform(self, X: types.X) -> Any:
        """Transform every clip; returns `Clips`, or a 2-D array for 2-D `X`."""
        check_is_fitted(self, "transformer_")
        table, clips = self._table(X, reset=False)
        return self._wrap(self.transformer_.transform(table), clips)

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform`, where the transformer can."""
        check_is_fitted(self, "transformer_")
        if not is_ragged(X):
            return self.transformer_.inverse_transform(X)
        clips = as_clips(X)
        values = np.asarray(self.transformer_.inverse_transform(clips.values))
        return clips.with_values(values, getattr(self, "feature_names_in_", None))

    @available_if(_inner_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the transformer's output columns."""
        check_is_fitted(self, "transformer_")
        return np.asarray(self.transformer_.get_feature_names_out(input_features), dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: the output is `Clips` whatever is asked for."""
        return self

    def _table(self, X: Any, reset: bool) -> tuple[Any, Clips | None]:
        if is_ragged(X):
            clips = as_clips(X)
            table = clips.to_table()
            validate_data(self, clips.head(), reset=reset, skip_check_array=True)
            return table, clips
        X = as_table(X)
        checked = validate_data(self, X, reset=reset, dtype="numeric")
        if isinstance(X, pd.DataFrame):  # the transformer may choose columns by name
            return X, None
        return checked, None

    def _wrap(self, out: Any, clips: Clips | None) -> Any:
        if clips is None:
            return out
        if sparse.issparse(out):
            raise ValueError(
                "ClipWise needs a dense result; make the transformer dense (sparse_output=False)."
            )
        names = None
        if isinstance(out, pd.DataFrame):
            names = list(out.columns)
            out = out.to_numpy()
        elif clips.feature_names is not None and hasattr(
            self.transformer_, "get_feature_names_out"
        ):
            names = self.transformer_.get_feature_names_out()
        out = np.asarray(out)
        if out.ndim != 2 or len(out) != clips.lengths.sum():
            raise ValueError(
                f"ClipWise needs a transformer that keeps rows one to one: {clips.lengths.sum()} "
                f"clips went in, an array of shape {out.shape} came out."
            )
        return clips.with_values(out, names)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.non_deterministic = inner.non_deterministic
        if inner.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = inner.transformer_tags.preserves_dtype
        return tags
