"""Proposals at many quantiles of the attention at once, as the methods after the paper do."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import Offsets
from sklearn_asn.selection._anchors import prefix_sums
from sklearn_asn.selection._base import (
    Batch,
    Found,
    VectorizedSelection,
    as_packed,
    check_sequence,
)
from sklearn_asn.selection._nms import nms, soft_nms
from sklearn_asn.selection._runs import Cells, Runs, at_least, cells_of, runs_of

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SOFT_NMS_THRESHOLD = 0.001


class MultiQuantileSelection(VectorizedSelection):
    """Runs of clips at many quantiles of the attention, scored by their contrast.

    For every quantile q, a clip is activated where its attention reaches q on the recorded curve
    of quantiles (its level is at least q) and its CAS is above 0. Maximal runs of activated clips
    are proposals; the same run at several quantiles is one. The score of a proposal is the mean
    CAS inside minus `outer_weight` times the mean CAS of the ring around it, plus `video_weight`
    times the video's score. The ring is ``max(inflation * length, 1)`` clips on each side, both
    sides one mean, only what lies in the video, 0 if nothing does. Then `merge` suppresses
    proposals of one class and video that overlap.

    So the quantile needs no tuning. It takes one more argument than other selections, `level`,
    and a CAS that the attention has not cut: 0 only in the classes that do not pass the video
    threshold (they give nothing), or the ring would be empty of what contrasts.

    Parameters
    ----------
    quantiles : sequence of float, default=(0.1, 0.2, ..., 0.9)
        Quantiles in ``[0, 1]`` that the attention is cut at.
    outer_weight : float, default=1.0
        Weight of the ring.
    inflation : float, default=0.25
        Width of the ring on each side, in units of the proposal's length. Widths may be
        fractional: a clip counts by the part of it that the ring covers.
    video_weight : float, default=0.2
        Weight of the video's score.
    merge : {"nms", "soft-nms"} or None, default="nms"
        "nms" drops, "soft-nms" lowers the score of what overlaps a better proposal (see `nms` and
        `soft_nms`; ties: the earlier, then the shorter proposal first). "soft-nms" takes a
        negative score for 0, and drops scores below 0.001. With None all proposals stay.
    nms_threshold : float, default=0.4
        Largest tIoU of two segments of one class and video, for "nms".
    sigma : float, default=0.3
        Width of the Gaussian decay, for "soft-nms".
    min_length : int, default=1
        Runs of fewer clips are no proposals.

    See Also
    --------
    NaiveSelection : Runs at one quantile.
    AutoLocSelection : Boxes of fixed scales, scored by the same contrast.

    Notes
    -----
    Cutting at many thresholds and merging what comes out is common to the methods after the
    paper. BaS-Net, UM and CoLA cut the CAS (UM also the features' magnitude, CoLA also an
    actionness) and use hard NMS; HAM-Net [1]_ and CO2-Net [2]_ cut the attention at
    ``np.linspace(0.1, 0.9, 10)`` and use soft NMS with ``sigma=0.3``. All of them weigh the ring
    by 1, make it 0.25 of the proposal wide and add 0.2 of the video's score, the defaults here.
    They cut at values of the attention, this selection at its quantiles; they truncate the ring to
    whole clips, this selection interpolates. Soft NMS works, as theirs, on the whole score, the
    video's included.

    References
    ----------
    .. [1] Islam et al., "A hybrid attention mechanism for weakly-supervised temporal action
       localization", AAAI 2021.
    .. [2] Hong et al., "Cross-modal consensus network for weakly supervised temporal action
       localization", ACM MM 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import MultiQuantileSelection
    >>> cas = np.array([[0.1], [0.1], [0.9], [0.8], [0.1], [0.1], [0.1]])
    >>> level = [0.0, 0.35, 0.95, 0.7, 0.2, 0.0, -np.inf]
    >>> MultiQuantileSelection(video_weight=0.0).select(cas, [1.0], level)
    array([(0, 2., 4., 0.75)], dtype=...)
    """

    needs_levels: ClassVar[bool] = True

    def __init__(
        self,
        quantiles: Any = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        outer_weight: float = 1.0,
        inflation: float = 0.25,
        video_weight: float = 0.2,
        merge: Literal["nms", "soft-nms"] | None = "nms",
        nms_threshold: float = 0.4,
        sigma: float = 0.3,
        min_length: int = 1,
    ) -> None:
        self.quantiles = quantiles
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.video_weight = video_weight
        self.merge = merge
        self.nms_threshold = nms_threshold
        self.sigma = sigma
        self.min_length = min_length

    def select(  # type: ignore[override]  # `level` is what `needs_levels` announces
        self, cas: ArrayLike, video_scores: ArrayLike, level: ArrayLike
    ) -> Array:
        """Select the segments of one video.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            Class activations, not cut by attention; 0 in a class that did not pass its threshold.
        video_scores : array-like of shape (n_classes,)
            The video's own score of every class.
        level : array-like of shape (n_clips,), (n_clips, 1) or (n_clips, n_classes)
            Quantile level, at most 1, that the attention of every clip reaches on the recorded
            curve; negative, as ``-inf``, below the curve. One for all classes, or one a class.

        Returns
        -------
        structured ndarray of `SEGMENT_DTYPE`, shape (n_segments,)
            Fields label (class index), start, end (clips) and score, by decreasing score.

        Raises
        ------
        ValueError
            A parameter is outside its range, a shape is wrong, or a value is not finite.
        """
        return self._select_packed(*as_packed(cas, video_scores), level)[0]

    def select_packed(  # type: ignore[override]
        self, cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike, level: ArrayLike
    ) -> tuple[Array, Offsets]:
        """Select the segments of many videos.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            The clips of all videos, one video after another, not cut by attention.
        offsets : array-like of int, shape (n_videos + 1,)
            Borders of the videos in `cas`.
        video_scores : array-like of shape (n_videos, n_classes)
            The videos' own scores.
        level : array-like of shape (n_clips,), (n_clips, 1) or (n_clips, n_classes)
            As for `select`.

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
            As for `select`.
        """
        return self._select_packed(cas, offsets, video_scores, level)

    def _check_params(self) -> Floats:
        quantiles = check_sequence("quantiles", self.quantiles, "numbers in [0, 1]")
        for quantile in quantiles:
            check_number(quantile, "quantiles", 0, 1)
        check_number(self.outer_weight, "outer_weight")
        check_number(self.inflation, "inflation", 0)
        if self.merge not in ("nms", "soft-nms", None):
            raise ValueError(f"merge={self.merge!r}; expected 'nms', 'soft-nms' or None.")
        check_number(self.nms_threshold, "nms_threshold", 0, 1)
        check_number(self.sigma, "sigma", 0, open_low=True)
        check_count(self.min_length, "min_length")
        return np.unique(np.asarray(quantiles, dtype=np.float64))

    def _find(self, batch: Batch, params: Floats) -> Found:
        cas, offsets, level = batch
        assert level is not None
        cells = cells_of(cas > 0, offsets)
        reached = level[cells.row, cells.label if level.shape[1] > 1 else 0].astype(np.float64)
        at_each = []
        for quantile in params:
            active = np.flatnonzero(reached >= quantile)
            runs = runs_of(Cells(*(column[active] for column in cells)), offsets)
            at_each.append(at_least(runs, self.min_length))
        runs = _distinct(at_each)
        start, end = runs.first - offsets[runs.video], runs.stop - offsets[runs.video]
        return Found(runs.video, runs.label, start, end, self._contrast(cas, offsets, runs))

    def _contrast(self, cas: Array, offsets: Offsets, runs: Runs) -> Floats:
        """Mean inside minus the weighted mean of the ring, borders looked up in running totals."""
        label, video, _, _ = runs
        pair = np.flatnonzero(np.diff(label, prepend=-1) | np.diff(video, prepend=-1))
        first, last = offsets[video[pair]], offsets[video[pair] + 1]
        prefix, base = prefix_sums(cas, label[pair], first, last - first)
        group = np.repeat(np.arange(len(pair)), np.diff(pair, append=len(label)))
        start, end = runs.first - first[group], runs.stop - first[group]
        length, base = (last - first)[group], base[group]
        margin = np.maximum(self.inflation * (end - start), 1.0)
        left, right = np.maximum(start - margin, 0.0), np.minimum(end + margin, length)
        at_start, at_end = prefix[base + start], prefix[base + end]
        ring = at_start - _total_at(left, prefix, base, length)
        ring += _total_at(right, prefix, base, length) - at_end
        width = (start - left) + (right - end)
        # A side is at least one clip wide, or outside the video: then its sum is 0.
        outer = ring / np.maximum(width, 1.0)
        return (at_end - at_start) / (end - start) - self.outer_weight * outer

    def _merge(self, found: Found) -> Found:
        if self.merge is None or not len(found.label):
            return found
        group = found.video * (found.label.max() + 1) + found.label
        if self.merge == "nms":
            keep = nms(found.start, found.end, found.score, self.nms_threshold, group=group)
        else:
            keep, score = soft_nms(
                found.start,
                found.end,
                np.maximum(found.score, 0.0),
                sigma=self.sigma,
                threshold=_SOFT_NMS_THRESHOLD,
                group=group,
            )
            found = found._replace(score=found.score.copy())
            found.score[keep] = score
        return found.take(np.sort(keep))


def _distinct(at_each: list[Runs]) -> Runs:
    """Put runs in the order of class, start and end, each once."""
    runs = Runs(*(np.concatenate(columns) for columns in zip(*at_each, strict=True)))
    order = np.lexsort((runs.stop, runs.first, runs.label))
    label, video, first, stop = (column[order] for column in runs)
    new = np.diff(label, prepend=-1) | np.diff(first, prepend=-1) | np.diff(stop, prepend=-1)
    keep = np.flatnonzero(new)
    return Runs(label[keep], video[keep], first[keep], stop[keep])


def _total_at(position: Floats, prefix: Floats, base: Ints, length: Ints) -> Floats:
    """Look up the running total at a fractional position; exact for a CAS constant in clips."""
    whole = np.floor(position).astype(np.int64)
    total = prefix[base + whole]
    following = prefix[base + np.minimum(whole + 1, length)]
    return total + (position - whole) * (following - total)
