"""The face of recorded quantiles: reading them, and recording them anew (section 3.2)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_asn import _typing as types
from sklearn_asn._checks import check_number
from sklearn_asn._data.clips import Clips
from sklearn_asn._localizers.finite import over_blocks
from sklearn_asn._localizers.parameters import value_of
from sklearn_asn._training.network import attention_quantiles
from sklearn_asn._training.recipe import threshold_at

Array = NDArray[Any]


class RecordedQuantiles:
    """Localizers whose model holds quantiles of raw attention."""

    model_: Any

    def record_quantiles(self, X: types.X) -> Self:
        """Record the quantiles of attention by running over videos; train nothing.

        They take the place of those recorded in training (eq. 2): every clip of X counts once.
        For weights that come without quantiles, and for videos whose attention lies elsewhere
        than that of the training videos (another camera, another place): no labels are needed.

        Parameters
        ----------
        X : as in `fit`
            Untrimmed videos: of trimmed ones a quantile does not tell the share of background.

        Returns
        -------
        self
            With new `attention_quantiles_`, and the thresholds that follow from them; the weights
            stay as they are.

        Raises
        ------
        ValueError
            X does not fit this localizer.
        NonFiniteScoresError
            Some attention is not finite; nothing is recorded.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0).fit(X[:10], y[:10])
        >>> localizer = localizer.record_quantiles(X[10:])
        >>> attention = np.concatenate(localizer.attention(X[10:]))
        >>> round(float(np.mean(attention < localizer.threshold_)), 2)  # quantile=0.5
        0.5
        """
        clips = self._check_use(X)  # type: ignore[attr-defined]
        parts = over_blocks(clips, self.model_.plan.frames_per_clip, self._attention_of)
        values = torch.from_numpy(np.concatenate(parts))
        self.model_.record(attention_quantiles(values, torch.ones(len(values))).numpy())
        return self

    def _attention_of(self, clips: Clips) -> Array:
        """Return raw attention ``(n_clips, n_models)``, of every model."""
        where = (value_of(self, "device"), value_of(self, "compile"))
        attention: Array = self.model_.score(clips, *where).attention
        return attention

    @property
    def quantile_levels_(self) -> Array:
        """Levels of `attention_quantiles_`: every percent."""
        check_is_fitted(self)
        n_levels = self.model_.curves.shape[1]
        return np.arange(n_levels) / (n_levels - 1)

    @property
    def attention_quantiles_(self) -> Array:
        """Recorded quantile of raw attention at every level (eq. 2), a row a stream if two."""
        check_is_fitted(self)
        curves: Array = self.model_.curves
        return curves if len(curves) > 1 else curves[0]


class Thresholds:
    """Localizers that compare attention with a quantile."""

    model_: Any
    quantile: float | None

    @property
    def threshold_(self) -> Any:
        """Recorded attention quantile at the level `quantile`; a value a stream if two."""
        check_is_fitted(self)
        if self.quantile is None:
            raise AttributeError("quantile is None: attention is compared with no threshold.")
        check_number(self.quantile, "quantile", 0, 1)
        values = threshold_at(self.model_.curves, self.quantile)
        return values if len(values) > 1 else float(values[0])
