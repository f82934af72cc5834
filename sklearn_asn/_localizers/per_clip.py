"""What localizers say clip by clip: the CAS, and attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sklearn_asn import _typing as types
from sklearn_asn._data.clips import Clips, is_ragged
from sklearn_asn._localizers import advice
from sklearn_asn._localizers.model import Model
from sklearn_asn._localizers.reading import Reading

Array = NDArray[Any]


class PerClip:
    """Localizers whose readings are shown clip by clip."""

    model_: Model
    _check_use: Callable[[Any], Clips]
    _cut: Any
    _over_blocks: Any
    _shown_attention: Callable[[Reading], Array]

    @overload
    def transform(self, X: types.Videos) -> types.PerClip: ...
    @overload
    def transform(self, X: types.Stacked) -> types.PerClip | Array: ...
    def transform(self, X: types.X) -> types.PerClip | Array:
        """Return the class activation sequence (CAS) of every video.

        Returns
        -------
        list of ndarray of shape (n_clips, n_classes), or one such array for 2-D X
            Class probabilities of every clip, zero where the class does not pass the video
            threshold, or the clip's attention not the attention threshold.
        """

        def sequence(reading: Reading, clips: Clips) -> tuple[Array, advice.Note]:
            return self._cut(reading)

        return self._clip_by_clip(X, sequence)

    @overload
    def attention(self, X: types.Videos) -> types.PerClip: ...
    @overload
    def attention(self, X: types.Stacked) -> types.PerClip | Array: ...
    def attention(self, X: types.X) -> types.PerClip | Array:
        """Return raw attention of every clip: a list of ``(n_clips,)`` (one array for 2-D X).

        Where clips are compared with a quantile, those below `threshold_` are background. Of two
        streams it is the mean; where both are compared with a quantile, the mean of both, each
        relative to its own threshold, and 1 is the limit.
        """

        def shown(reading: Reading, clips: Clips) -> tuple[Array, None]:
            return self._shown_attention(reading), None

        return self._clip_by_clip(X, shown)

    def _clip_by_clip(
        self, X: Any, read: Callable[[Reading, Clips], tuple[Array, advice.Note | None]]
    ) -> types.PerClip | Array:
        """Return what `read` makes of every clip: a list of arrays, or one array for 2-D X."""
        clips = self._check_use(X)
        values = np.concatenate(self._over_blocks(clips, read))
        if not is_ragged(X):
            return values
        n_clips = -(-clips.lengths // self.model_.plan.frames_per_clip)
        return np.split(values, np.cumsum(n_clips)[:-1])
