"""What every selection shares: the public base, checks of packed arrays, batches of videos."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from sklearn_asn._checks import as_floats, check_finite
from sklearn_asn._data.packed import Offsets, check_offsets, offsets_from_lengths
from sklearn_asn._doclink import DocumentedMixin
from sklearn_asn._intervals import blocks_of
from sklearn_asn.selection._keep import kept, limits_of

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: What a selection returns: class index, half-open interval in clips, confidence.
SEGMENT_DTYPE = np.dtype(
    [("label", np.int64), ("start", np.float64), ("end", np.float64), ("score", np.float64)]
)

_NOTHING = np.empty(0, SEGMENT_DTYPE)
_BATCH_CELLS = 2**19  # clips x classes looked at together


class Selection(DocumentedMixin, BaseEstimator):
    """What turns the CAS of a video into segments; subclass it for a selection of your own.

    A subclass implements `select`, for one video. `select_packed`, for all videos, then calls it
    video by video; override it too where all videos can go at once. Selections are estimators
    without a `fit`: they have `get_params`, so `selection__video_weight` can be grid-searched.

    A subclass that takes `min_score` or `top_k` in its ``__init__`` and stores them needs no more:
    this `select_packed`, which localizers call, keeps the segments of at least that score, and of
    these the `top_k` best of every video (ties: those that `select` returned first).

    See Also
    --------
    NaiveSelection, RelativeThresholdSelection, AutoLocSelection, MultiThresholdSelection,
    MultiQuantileSelection, TCAMSelection

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import SEGMENT_DTYPE, Selection
    >>> class WholeVideo(Selection):
    ...     def select(self, cas, video_scores):
    ...         segments = np.zeros(1, SEGMENT_DTYPE)
    ...         segments["label"], segments["end"] = np.argmax(video_scores), len(cas)
    ...         return segments
    >>> cas = np.zeros((5, 2))
    >>> WholeVideo().select_packed(cas, [0, 3, 5], [[0.9, 0.1], [0.2, 0.8]])[0]["end"]
    array([3., 2.])
    """

    #: Whether `select` and `select_packed` take the quantile level of every clip's attention as
    #: one more argument, `level`, and a CAS that the attention has not cut.
    needs_levels: ClassVar[bool] = False
    #: Whether `select` and `select_packed` take a CAS that the attention has not cut: 0 only in
    #: classes that do not pass the video threshold. Implied by `needs_levels`.
    uncut: ClassVar[bool] = False
    #: Whether `select` and `select_packed` take what the networks said of every clip as one more
    #: argument, `reading`: an object with `activations` and `attention` (see `TCAMSelection`).
    needs_reading: ClassVar[bool] = False

    min_score: float | None = None
    top_k: int | None = None

    def select(self, cas: ArrayLike, video_scores: ArrayLike) -> Array:
        """Select the segments of one video.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            Class activations; 0 where a clip or a class did not pass its threshold.
        video_scores : array-like of shape (n_classes,)
            The video's own score of every class.

        Returns
        -------
        structured ndarray of `SEGMENT_DTYPE`, shape (n_segments,)
            Fields label (class index), start, end (clips) and score, by decreasing score.

        Raises
        ------
        ValueError
            A parameter is outside its range, a shape is wrong, or a value is not finite.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement select.")

    def select_packed(
        self, cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike
    ) -> tuple[Array, Offsets]:
        """Select the segments of many videos.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            The clips of all videos, one video after another.
        offsets : array-like of int, shape (n_videos + 1,)
            Borders of the videos in `cas`.
        video_scores : array-like of shape (n_videos, n_classes)

        Returns
        -------
        segments : structured ndarray of `SEGMENT_DTYPE`, shape (n_segments,)
            One video after another, in each by decreasing score; times count from the video's
            own first clip.
        segment_offsets : ndarray of int64, shape (n_videos + 1,)
            Borders of the videos in `segments`.

        Raises
        ------
        ValueError
            As for `select`; or what `select` returned is no array of segments.
        """
        limits = limits_of(self)
        cas, offsets, video_scores = check_packed(cas, offsets, video_scores)
        found = [
            _check_selected(self.select(cas[first:stop], scores), video, cas.shape[1])
            for video, (first, stop, scores) in enumerate(
                zip(offsets[:-1], offsets[1:], video_scores, strict=True)
            )
        ]
        segments = np.concatenate([np.empty(0, SEGMENT_DTYPE), *found])
        video = np.repeat(np.arange(len(found)), [len(part) for part in found])
        keep = kept(segments["score"], video, *limits)
        counts = np.bincount(video[keep], minlength=len(found))
        return segments[keep], offsets_from_lengths(counts)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Batch(NamedTuple):
    """Packed videos looked at together."""

    cas: Array
    offsets: Offsets
    first: int  # row of the batch in the whole
    given: tuple[Array, ...]  # what the selection needs besides, n_clips rows each


class Found(NamedTuple):
    """Segments of a batch of videos, classes one after another."""

    video: Ints
    label: Ints
    start: Array  # clips, whole or in fractions
    end: Array
    score: Floats

    def take(self, index: Ints) -> Found:
        """Return the segments `index`, in that order."""
        return Found(
            self.video[index],
            self.label[index],
            self.start[index],
            self.end[index],
            self.score[index],
        )


class VectorizedSelection(Selection):
    """A selection that finds the segments of a batch of videos at once, in `_find`."""

    video_weight: float

    def _check_params(self) -> Any:
        raise NotImplementedError

    def _check_given(self, given: Any, cas: Array, offsets: Offsets) -> tuple[Array, ...]:
        """Return arrays with a row a clip from the argument that only some selections take."""
        return ()

    def _points_per_clip(self) -> int:
        """How many numbers are made of a clip, if more than classes: bounds the batches."""
        return 1

    def _find(self, batch: Batch, params: Any) -> Found:
        """Return segments scored without the video's score."""
        raise NotImplementedError

    def _merge(self, found: Found) -> Found:
        """Suppress segments by their whole score."""
        return found

    def _finish(self, params: Any) -> None:
        """Do what is left when all batches have been seen."""

    def select(self, cas: ArrayLike, video_scores: ArrayLike) -> Array:
        return self._select_packed(*as_packed(cas, video_scores))[0]

    def select_packed(
        self, cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike
    ) -> tuple[Array, Offsets]:
        return self._select_packed(cas, offsets, video_scores)

    def _select_packed(
        self,
        cas: ArrayLike,
        offsets: ArrayLike,
        video_scores: ArrayLike,
        given: Any = None,
    ) -> tuple[Array, Offsets]:
        params, limits = self._check_params(), limits_of(self)
        weight = check_finite("video_weight", self.video_weight)
        cas, offsets, video_scores = check_packed(cas, offsets, video_scores)
        columns = self._check_given(given, cas, offsets)
        n_videos = len(offsets) - 1
        per_clip = max(cas.shape[1], self._points_per_clip(), 1)
        parts, counts = [], np.zeros(n_videos, dtype=np.int64)
        for first, stop in blocks_of(offsets, _BATCH_CELLS // per_clip):
            rows = slice(int(offsets[first]), int(offsets[stop]))
            own = offsets[first : stop + 1] - rows.start
            batch = Batch(cas[rows], own, rows.start, tuple(column[rows] for column in columns))
            found = self._find(batch, params)
            weighted = weight * video_scores[found.video + first, found.label]
            found = self._merge(found._replace(score=found.score + weighted))
            if limits != (None, None):
                found = found.take(kept(found.score, found.video, *limits))
            order = np.lexsort((-found.score, found.video))
            part = np.empty(len(order), SEGMENT_DTYPE)
            for name in SEGMENT_DTYPE.names or ():
                part[name] = getattr(found, name)[order]
            parts.append(part)
            counts += np.bincount(found.video + first, minlength=n_videos)
        self._finish(params)
        segments = parts[0] if len(parts) == 1 else np.concatenate([_NOTHING, *parts])
        return segments, offsets_from_lengths(counts)


def as_packed(cas: ArrayLike, video_scores: ArrayLike) -> tuple[Array, list[int], Array]:
    """Pack one video: its CAS, offsets and video scores."""
    cas, video_scores = np.asarray(cas), np.asarray(video_scores)
    if cas.ndim != 2 or video_scores.shape != cas.shape[1:]:
        raise ValueError(
            "cas must have shape (n_clips, n_classes) and video_scores (n_classes,), "
            f"got {cas.shape} and {video_scores.shape}."
        )
    return cas, [0, len(cas)], video_scores[None]


def check_packed(
    cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike
) -> tuple[Array, Offsets, Floats]:
    cas = np.asarray(cas)
    if cas.dtype.kind != "f":
        cas = as_floats(cas, "cas")
    if cas.ndim != 2:
        raise ValueError(f"cas must have shape (n_clips, n_classes), got {cas.shape}.")
    offsets = check_offsets(offsets, len(cas))
    video_scores = as_floats(video_scores, "video_scores")
    expected = (len(offsets) - 1, cas.shape[1])
    if video_scores.shape != expected:
        raise ValueError(
            f"video_scores must have shape (n_videos, n_classes) = {expected}, "
            f"got {video_scores.shape}."
        )
    if not (isfinite(cas.min(initial=0)) and isfinite(cas.max(initial=0))):
        row, label = np.argwhere(~np.isfinite(cas))[0]
        video, clip = place(row, offsets)
        raise ValueError(
            f"cas of video {video} must be finite, got {cas[row, label]} "
            f"at clip {clip}, class {label}."
        )
    if not np.isfinite(video_scores).all():
        video, label = np.argwhere(~np.isfinite(video_scores))[0]
        raise ValueError(
            f"video_scores of video {video} must be finite, got {video_scores[video, label]} "
            f"at class {label}."
        )
    return cas, offsets, video_scores


def check_level(level: ArrayLike | None, cas: Array, offsets: Offsets) -> Array:
    """Return quantile levels as a 2-D array with one column or one a class."""
    levels: Array = np.asarray(level)
    if not np.issubdtype(levels.dtype, np.floating):
        levels = levels.astype(np.float64)
    n_clips, n_classes = cas.shape
    if levels.shape not in ((n_clips,), (n_clips, 1), (n_clips, n_classes)):
        raise ValueError(
            f"level must have shape ({n_clips},), ({n_clips}, 1) or ({n_clips}, {n_classes}), "
            f"got {levels.shape}."
        )
    levels = levels[:, None] if levels.ndim == 1 else levels
    good = levels <= 1  # False for NaN
    if not good.all():
        row, column = np.argwhere(~good)[0]
        video, clip = place(row, offsets)
        raise ValueError(
            f"level of video {video} must be at most 1 and not NaN, got {levels[row, column]} "
            f"at clip {clip}."
        )
    return levels


def place(row: int, offsets: Offsets) -> tuple[int, int]:
    """Video of a packed row, and its clip there."""
    video = int(np.searchsorted(offsets, row, side="right")) - 1
    return video, int(row - offsets[video])


def _check_selected(selected: Any, video: int, n_classes: int) -> Array:
    """Validate what a user's `select` returned."""
    names = getattr(getattr(selected, "dtype", None), "names", None) or ()
    if set(names) != set(SEGMENT_DTYPE.names or ()) or selected.ndim != 1:
        raise ValueError(
            f"select must return a 1-D structured array with the fields {SEGMENT_DTYPE.names}; "
            f"got {type(selected).__name__} for video {video}."
        )
    segments = np.empty(len(selected), SEGMENT_DTYPE)
    for name in names:
        segments[name] = selected[name]
    good = (segments["label"] >= 0) & (segments["label"] < n_classes)
    good &= (segments["start"] < segments["end"]) & np.isfinite(segments["score"])
    if not good.all():
        raise ValueError(
            f"select must return labels in [0, {n_classes}), start < end and finite scores; "
            f"got {segments[~good][0]} in video {video}."
        )
    return segments


def check_sequence(name: str, values: Any, expected: str) -> list[Any]:
    """Return a non-empty sequence or 1-D array as a list."""
    is_array = isinstance(values, np.ndarray) and values.ndim == 1
    is_sequence = isinstance(values, Sequence) and not isinstance(values, str)
    if not (is_array or is_sequence) or not len(values):
        raise ValueError(f"{name} must be a non-empty sequence of {expected}, got {values!r}.")
    return list(values)
