"""From the class activation sequence (CAS) to scored segments: sections 4.3 and 4.4.

Segments are half-open intervals in clips: clip t covers ``[t, t + 1)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from sklearn_asn._anchors import Anchors, distinct_boxes, prefix_sums
from sklearn_asn._nms import _check_number, nms, soft_nms
from sklearn_asn._packed import Offsets, check_offsets, offsets_from_lengths

__all__ = ["SEGMENT_DTYPE", "AutoLocSelection", "NaiveSelection", "Selection", "nms", "soft_nms"]

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: What a selection returns: class index, half-open interval in clips, confidence.
SEGMENT_DTYPE = np.dtype(
    [("label", np.int64), ("start", np.float64), ("end", np.float64), ("score", np.float64)]
)

_BATCH_CELLS = 2**19  # clips x classes looked at together


class Selection(BaseEstimator):
    """What turns the CAS of a video into segments; subclass it for a selection of your own.

    A subclass implements `select`, for one video. `select_packed`, for all videos, then calls it
    video by video; override it too where all videos can go at once. Selections are estimators
    without a `fit`: they have `get_params`, so `selection__video_weight` can be grid-searched.

    See Also
    --------
    NaiveSelection, AutoLocSelection

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
        cas, offsets, video_scores = _check_packed(cas, offsets, video_scores)
        found = [
            _check_selected(self.select(cas[first:stop], scores), video, cas.shape[1])
            for video, (first, stop, scores) in enumerate(
                zip(offsets[:-1], offsets[1:], video_scores, strict=True)
            )
        ]
        segments = np.concatenate([np.empty(0, SEGMENT_DTYPE), *found])
        return segments, offsets_from_lengths([len(part) for part in found])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class _Found(NamedTuple):
    """Segments of a batch of videos, classes one after another."""

    video: Ints
    label: Ints
    start: Ints
    end: Ints
    score: Floats  # before the video's score is added


class _VectorizedSelection(Selection):
    """A selection that finds the segments of a batch of videos at once, in `_find`."""

    video_weight: float

    def _check_params(self) -> Any:
        raise NotImplementedError

    def _find(self, cas: Array, offsets: Offsets, params: Any) -> _Found:
        raise NotImplementedError

    def select(self, cas: ArrayLike, video_scores: ArrayLike) -> Array:
        cas, video_scores = np.asarray(cas), np.asarray(video_scores)
        if cas.ndim != 2 or video_scores.shape != cas.shape[1:]:
            raise ValueError(
                "cas must have shape (n_clips, n_classes) and video_scores (n_classes,), "
                f"got {cas.shape} and {video_scores.shape}."
            )
        return self.select_packed(cas, [0, len(cas)], video_scores[None])[0]

    def select_packed(
        self, cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike
    ) -> tuple[Array, Offsets]:
        params = self._check_params()
        weight = _check_number("video_weight", self.video_weight)
        cas, offsets, video_scores = _check_packed(cas, offsets, video_scores)
        n_videos = len(offsets) - 1
        parts, counts = [np.empty(0, SEGMENT_DTYPE)], np.zeros(n_videos, dtype=np.int64)
        for first, stop in _batches(offsets, _BATCH_CELLS // max(cas.shape[1], 1)):
            rows = slice(int(offsets[first]), int(offsets[stop]))
            found = self._find(cas[rows], offsets[first : stop + 1] - rows.start, params)
            video = found.video + first
            score = found.score + weight * video_scores[video, found.label]
            order = np.lexsort((-score, video))
            part = np.empty(len(order), SEGMENT_DTYPE)
            for name, column in zip(
                ("label", "start", "end", "score"),
                (found.label, found.start, found.end, score),
                strict=True,
            ):
                part[name] = column[order]
            parts.append(part)
            counts += np.bincount(video, minlength=n_videos)
        return np.concatenate(parts), offsets_from_lengths(counts)


class NaiveSelection(_VectorizedSelection):
    """Every maximal run of activated clips is a segment (UntrimmedNet's selection, equation 4).

    A clip is activated for a class where its CAS is above 0. The score of a run of class v is the
    mean of its CAS plus `video_weight` times the video's score of v.

    Parameters
    ----------
    video_weight : float, default=0.2
        Weight of the video's score (lambda in equation 4).

    See Also
    --------
    AutoLocSelection : Compares candidate segments with what surrounds them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import NaiveSelection
    >>> cas = np.array([[0.0], [0.8], [0.6], [0.0], [0.4]])
    >>> NaiveSelection(video_weight=0.5).select(cas, [0.9])
    array([(0, 1., 3., 1.15), (0, 4., 5., 0.85)], dtype=...)
    """

    def __init__(self, video_weight: float = 0.2) -> None:
        self.video_weight = video_weight

    def _check_params(self) -> None:
        return None

    def _find(self, cas: Array, offsets: Offsets, params: Any) -> _Found:
        label, row, video = _clips_above(cas, offsets, 0.0)
        goes_on = (np.diff(row, prepend=-2) == 1) & (np.diff(label, prepend=-1) == 0)
        first = np.flatnonzero(~goes_on | (row == offsets[video]))
        length = np.diff(first, append=len(row))
        total = np.add.reduceat(cas[row, label].astype(np.float64), first)
        label, row, video = label[first], row[first], video[first]
        start = row - offsets[video]
        return _Found(video, label, start, start + length, total / length)


class AutoLocSelection(_VectorizedSelection):
    """Keep the candidates that contrast most with what surrounds them (AutoLoc, equation 5).

    For every clip t whose CAS is above `min_activation`, boxes of every scale s and offset o are
    compared, ``[a, a + s)`` with ``a = floor(t + o * s - s / 2 + 1)``, clipped to the video. The
    contrast of a box is the mean CAS inside minus `outer_weight` times the mean CAS of the ring
    around it: ``max(inflation * s, 1)`` clips on each side of the box as it was before clipping,
    both sides one mean, only what lies in the video, 0 if nothing does. It is minus the OIC loss
    of equation 5, read as ``lambda * A_outer - A_inner``. The best box of the clip (ties: the
    first in the order of `scales`, then `offsets`) stays if its contrast is above `min_contrast`;
    then `nms` runs in every class of every video (ties: the earlier clip's box).

    Parameters
    ----------
    scales : sequence of int, default=(1, 2, 4, 8, 16, 32)
        Lengths of the boxes in clips.
    offsets : sequence of float, default=(-0.5, -0.25, 0.0, 0.25, 0.5)
        Shifts of the boxes, in units of their scale.
    outer_weight : float, default=1.0
        Weight of the ring (lambda in equation 5; 2 for THUMOS14, 5 for ActivityNet 1.2).
    inflation : float, default=0.25
        Width of the ring on each side, in units of the scale (the paper: 0.35 and 0.7). Widths
        may be fractional: a clip counts by the part of it that the ring covers.
    min_activation : float, default=0.1
        Clips with a CAS above it propose boxes.
    min_contrast : float, default=-0.4
        Boxes with a contrast above it are kept. The video's score does not count here.
    nms_threshold : float or None, default=0.4
        Largest tIoU of two segments of one class and video. At 1 or None all stay, but for
        duplicates: of the same box, whatever the scale it came from, the best one stays.
    video_weight : float, default=0.0
        The score is the contrast plus this times the video's score of the class.

    See Also
    --------
    NaiveSelection : Runs of activated clips.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import AutoLocSelection
    >>> cas = np.array([[0.0], [0.1], [0.9], [0.8], [0.1], [0.0], [0.0]])
    >>> AutoLocSelection().select(cas, [1.0])
    array([(0, 2., 4., 0.75)], dtype=...)
    """

    def __init__(
        self,
        scales: Any = (1, 2, 4, 8, 16, 32),
        offsets: Any = (-0.5, -0.25, 0.0, 0.25, 0.5),
        outer_weight: float = 1.0,
        inflation: float = 0.25,
        min_activation: float = 0.1,
        min_contrast: float = -0.4,
        nms_threshold: float | None = 0.4,
        video_weight: float = 0.0,
    ) -> None:
        self.scales = scales
        self.offsets = offsets
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.min_activation = min_activation
        self.min_contrast = min_contrast
        self.nms_threshold = nms_threshold
        self.video_weight = video_weight

    def _check_params(self) -> Anchors:
        for name in ("outer_weight", "inflation", "min_activation", "min_contrast"):
            _check_number(name, getattr(self, name))
        if self.inflation < 0:
            raise ValueError(f"inflation must be at least 0, got {self.inflation!r}.")
        if self.nms_threshold is not None and not (
            0 <= _check_number("nms_threshold", self.nms_threshold) <= 1
        ):
            raise ValueError(
                f"nms_threshold must be in [0, 1] or None, got {self.nms_threshold!r}."
            )
        scales = _check_sequence("scales", self.scales, "positive ints")
        is_int = [isinstance(s, Integral) and not isinstance(s, bool) for s in scales]
        if not all(is_int) or min(scales) <= 0:
            raise ValueError(f"scales must be positive ints, got {self.scales!r}.")
        shifts = _check_sequence("offsets", self.offsets, "finite numbers")
        return Anchors(scales, [_check_number("offsets", o) for o in shifts], self.inflation)

    def _find(self, cas: Array, offsets: Offsets, params: Anchors) -> _Found:
        label, row, video = _clips_above(cas, offsets, self.min_activation)
        pair = np.flatnonzero(np.diff(label, prepend=-1) | np.diff(video, prepend=-1))
        group = np.repeat(np.arange(len(pair)), np.diff(pair, append=len(label)))
        first, length = offsets[video[pair]], np.diff(offsets)[video[pair]]
        prefix, base = prefix_sums(cas, label[pair], first, length)
        start, end, contrast = params.best_boxes(
            prefix, base[group], row - first[group], length[group], self.outer_weight
        )
        keep = np.flatnonzero(contrast > self.min_contrast)
        keep = keep[distinct_boxes(base[group[keep]] + start[keep], end[keep], contrast[keep])]
        if self.nms_threshold not in (None, 1):
            box = (start[keep], end[keep], contrast[keep])
            keep = keep[np.sort(nms(*box, self.nms_threshold, group=group[keep]))]
        return _Found(video[keep], label[keep], start[keep], end[keep], contrast[keep])


def _clips_above(cas: Array, offsets: Offsets, threshold: float) -> tuple[Ints, Ints, Ints]:
    """Label, row and video of every cell of `cas` above a threshold, classes one after another."""
    above = cas > np.float64(threshold)  # in float64, whatever the CAS is
    label, row = np.divmod(np.flatnonzero(above.T), max(len(cas), 1))
    return label, row, np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[row]


def _batches(offsets: Offsets, max_rows: int) -> Iterator[tuple[int, int]]:
    """Consecutive videos of at most `max_rows` rows together (a longer video goes alone)."""
    first = 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + max_rows, side="right")) - 1
        yield first, (first := max(last, first + 1))


def _check_packed(
    cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike
) -> tuple[Array, Offsets, Floats]:
    cas = np.asarray(cas)
    if not np.issubdtype(cas.dtype, np.floating):
        cas = cas.astype(np.float64)
    if cas.ndim != 2:
        raise ValueError(f"cas must have shape (n_clips, n_classes), got {cas.shape}.")
    offsets = check_offsets(offsets, len(cas))
    video_scores = np.asarray(video_scores, dtype=np.float64)
    expected = (len(offsets) - 1, cas.shape[1])
    if video_scores.shape != expected:
        raise ValueError(
            f"video_scores must have shape (n_videos, n_classes) = {expected}, "
            f"got {video_scores.shape}."
        )
    if not np.isfinite([cas.min(initial=0), cas.max(initial=0)]).all():
        row, label = np.argwhere(~np.isfinite(cas))[0]
        video = int(np.searchsorted(offsets, row, side="right")) - 1
        raise ValueError(
            f"cas of video {video} must be finite, got {cas[row, label]} "
            f"at clip {row - offsets[video]}, class {label}."
        )
    if not np.isfinite(video_scores).all():
        video, label = np.argwhere(~np.isfinite(video_scores))[0]
        raise ValueError(
            f"video_scores of video {video} must be finite, got {video_scores[video, label]} "
            f"at class {label}."
        )
    return cas, offsets, video_scores


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


def _check_sequence(name: str, values: Any, expected: str) -> list[Any]:
    is_array = isinstance(values, np.ndarray) and values.ndim == 1
    is_sequence = isinstance(values, Sequence) and not isinstance(values, str)
    if not (is_array or is_sequence) or not len(values):
        raise ValueError(f"{name} must be a non-empty sequence of {expected}, got {values!r}.")
    return list(values)
