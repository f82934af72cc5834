"""`ClipWise`: any scikit-learn transformer, applied to the clips of all videos."""

from __future__ import annotations

from typing import Any, ClassVar, Self, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from sklearn_asn import _typing as types
from sklearn_asn._checks import add_new, check_count, check_no_class
from sklearn_asn._data.blocks import (
    BLOCK,
    blocks_of_videos,
    put_together,
    with_nan,
    write_blocks,
)
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.holders import as_table, check_entries, entries_of
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.supervision import check_weights
from sklearn_asn._doclink import DocumentedMixin, public


def _inner_has(method: str) -> Any:
    return lambda self: hasattr(getattr(self, "transformer_", self.transformer), method)


@public("sklearn_asn")
class ClipWise(DocumentedMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Apply a 2-D transformer to the clips of all videos in one call.

    The transformer sees one table with a row a clip; timing, ids and, where the transformer tells
    its output names, feature names survive. If the clips have feature names, the table is a
    pandas frame, so that a `ColumnTransformer` can choose columns by name. NaN may come in where
    the transformer allows it, as imputers do; a localizer refuses what is left of them.

    Parameters
    ----------
    transformer : estimator
        A scikit-learn transformer of 2-D data that keeps rows one to one. It is cloned, and
        fitted without y (labels belong to videos, not to clips).
    batch_clips : int or None, default=None
        Whole videos of about so many clips are handed over at a time, in `fit` by ``partial_fit``,
        so that features on disk are never in memory all at once. None: all clips in one table.

    Attributes
    ----------
    transformer_ : estimator
        The fitted clone.
    n_features_in_ : int
        Features of a clip seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, where the clips had names.

    See Also
    --------
    ClipsWriter : Writes features that come video by video.

    Notes
    -----
    For features that are larger than memory, give `batch_clips`, a transformer that has
    ``partial_fit`` (`StandardScaler`, `MinMaxScaler`, `IncrementalPCA`, ...), and `out` in
    `transform`.

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

    # where metadata is routed, weights of videos are the localizer's unless they are asked for
    __metadata_request__fit: ClassVar[dict[str, Any]] = {"sample_weight": False}

    def __init__(self, transformer: Any, *, batch_clips: int | None = None) -> None:
        self.transformer = transformer
        self.batch_clips = batch_clips

    def fit(self, X: types.X, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the transformer on the clips of all videos.

        Parameters
        ----------
        X : Clips, list of arrays (n_clips, n_features), 3-D array, or 2-D array
        y : ignored
        sample_weight : array-like of shape (n_videos,), default=None
            Handed to the transformer for every clip of a video, where it takes weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            X has NaN that the transformer does not allow, or the transformer takes no weights or
            has no ``partial_fit``, where these are asked for.
        """
        self._fit(X, sample_weight)
        return self

    @overload
    def fit_transform(
        self, X: types.Videos, y: Any = None, sample_weight: Any = None, *, out: Any = None
    ) -> Clips: ...
    @overload
    def fit_transform(
        self, X: types.Stacked, y: Any = None, sample_weight: Any = None, *, out: Any = None
    ) -> Any: ...
    def fit_transform(
        self, X: types.X, y: Any = None, sample_weight: Any = None, *, out: Any = None
    ) -> Any:
        """Fit, then transform the same clips (in one step, where the transformer has one)."""
        one_step = self.batch_clips is None and sample_weight is None and out is None
        if not one_step or not hasattr(self.transformer, "fit_transform"):
            self._fit(X, sample_weight)
            return self.transform(X, out=out)
        table, clips = self._table(X, reset=True)
        transformer = clone(self.transformer)
        result = transformer.fit_transform(table)
        self.transformer_ = transformer
        return self._wrap(result, clips)

    @overload
    def transform(self, X: types.Videos, *, out: Any = None) -> Clips: ...
    @overload
    def transform(self, X: types.Stacked, *, out: Any = None) -> Any: ...
    def transform(self, X: types.X, *, out: Any = None) -> Any:
        """Transform every clip.

        Parameters
        ----------
        X : as in `fit`
        out : path, default=None
            Folder to make, in which the result is written block by block, instead of a copy in
            memory; it appears whole or not at all.

        Returns
        -------
        Clips, or a 2-D array for 2-D X
            With `out`, those that `Clips.open` reads there.

        Raises
        ------
        FileExistsError
            There is such a folder already.
        ValueError
            X is not as in `fit`, or the transformer does not keep rows one to one.
        """
        check_is_fitted(self, "transformer_")
        if out is None and self.batch_clips is None:
            table, clips = self._table(X, reset=False)
            return self._wrap(self.transformer_.transform(table), clips)
        clips = self._clips(X, reset=False)
        if clips is None:
            if out is not None:
                raise ValueError("out needs videos of several clips, not a 2-D X.")
            return self._wrap(self.transformer_.transform(self._table(X, reset=False)[0]), None)
        blocks = (
            self._wrap(self.transformer_.transform(block.to_table()), block)
            for block in blocks_of_videos(clips, self.batch_clips or BLOCK)
        )
        return put_together(clips, blocks) if out is None else write_blocks(clips, blocks, out)

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

    def _fit(self, X: Any, sample_weight: Any) -> None:
        """Fit a clone of the transformer, in one go or by blocks."""
        check_no_class(self.transformer, "transformer")
        if not hasattr(self.transformer, "fit"):
            raise TypeError(
                f"transformer={self.transformer!r:.80}; expected a scikit-learn transformer, such "
                "as StandardScaler()."
            )
        transformer = clone(self.transformer)
        if sample_weight is not None and not has_fit_parameter(transformer, "sample_weight"):
            raise ValueError(
                f"sample_weight is given, but {type(transformer).__name__} takes none in fit."
            )
        if self.batch_clips is not None:
            check_count(self.batch_clips, "batch_clips")
            if not hasattr(transformer, "partial_fit"):
                raise ValueError(
                    f"batch_clips={self.batch_clips} needs a transformer with partial_fit, such as "
                    f"StandardScaler or IncrementalPCA; {type(transformer).__name__} has none."
                )
        clips = self._clips(X, reset=True)
        check_same_videos(X if clips is None else clips, sample_weight, ("X", "sample_weight"))
        if clips is None or self.batch_clips is None:
            table, _ = self._table(X, reset=True)
            lengths = np.ones(len(table), dtype=int) if clips is None else clips.lengths
            weight = _one_a_video(sample_weight, len(lengths))
            transformer.fit(table, **_weights(weight, lengths))
        else:
            weight, first = _one_a_video(sample_weight, len(clips)), 0
            for block in blocks_of_videos(clips, self.batch_clips):
                some = None if weight is None else weight[first : first + len(block)]
                transformer.partial_fit(block.to_table(), **_weights(some, block.lengths))
                first += len(block)
        self.transformer_ = transformer

    def _clips(self, X: Any, reset: bool) -> Clips | None:
        """Read videos, with NaN where the transformer allows it; None: X is 2-D."""
        check_entries(X)
        if not is_ragged(X):
            return None
        clips = with_nan(X) if self._allows_nan() else as_clips(X)
        validate_data(self, clips.head(), reset=reset, skip_check_array=True)
        return clips

    def _table(self, X: Any, reset: bool) -> tuple[Any, Clips | None]:
        clips = self._clips(X, reset)
        if clips is not None:
            return clips.to_table(), clips
        X = as_table(X)
        finite = "allow-nan" if self._allows_nan() else True
        checked = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite=finite)
        if isinstance(X, pd.DataFrame):  # the transformer may choose columns by name
            return X, None
        return checked, None

    def _allows_nan(self) -> bool:
        return allows_nan(self.transformer)

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

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        add_new(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.non_deterministic = inner.non_deterministic
        tags.input_tags.allow_nan = self._allows_nan()
        if inner.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = inner.transformer_tags.preserves_dtype
        return tags


def _one_a_video(sample_weight: Any, n_videos: int) -> NDArray[np.float64] | None:
    """Return the weights of videos as they are given, checked; None: there are none."""
    check_weights(sample_weight, n_videos)
    if sample_weight is None:
        return None
    return np.asarray(entries_of(sample_weight), dtype=np.float64)


def _weights(weight: NDArray[np.float64] | None, lengths: NDArray[np.int64]) -> dict[str, Any]:
    """Return the weight of every clip as an argument, where there are weights."""
    return {} if weight is None else {"sample_weight": np.repeat(weight, lengths)}


def allows_nan(transformer: Any) -> bool:
    """Tell whether a transformer may be given NaN.

    Those that hold others do not say: of a pipeline the first step decides, and what hands columns
    to several leaves it to each of them.

    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> allows_nan(make_pipeline(SimpleImputer(), PCA())), allows_nan(PCA())
    (True, False)
    """
    if hasattr(transformer, "steps"):
        real = [step for _, step in transformer.steps if step not in (None, "passthrough")]
        return not real or allows_nan(real[0])
    several = getattr(transformer, "transformers", getattr(transformer, "transformer_list", None))
    if several is not None:
        return any(allows_nan(one[1]) for one in several if not isinstance(one[1], str))
    return bool(get_tags(transformer).input_tags.allow_nan)
