"""Proposals at many quantiles of the attention at once, as the methods after the paper do."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import Offsets
from sklearn_asn.selection._base import (
    Batch,
    Found,
    VectorizedSelection,
    as_packed,
    check_level,
    check_sequence,
)
from sklearn_asn.selection._contrast import check_contrast, contrast, distinct, merged
from sklearn_asn.selection._runs import Cells, at_least, cells_of, runs_of

Array = NDArray[Any]
Floats = NDArray[np.float64]


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
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment); None keeps all.

    See Also
    --------
    NaiveSelection : Runs at one quantile.
    MultiThresholdSelection : Cuts the CAS in place of the attention, between clips too.
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
    uncut: ClassVar[bool] = True

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
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.quantiles = quantiles
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.video_weight = video_weight
        self.merge = merge
        self.nms_threshold = nms_threshold
        self.sigma = sigma
        self.min_length = min_length
        self.min_score = min_score
        self.top_k = top_k

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

    def _check_given(self, given: Any, cas: Array, offsets: Offsets) -> tuple[Array, ...]:
        return (check_level(given, cas, offsets),)

    def _check_params(self) -> Floats:
        quantiles = check_sequence("quantiles", self.quantiles, "numbers in [0, 1]")
        for quantile in quantiles:
            check_number(quantile, "quantiles", 0, 1)
        check_contrast(self)
        check_count(self.min_length, "min_length")
        return np.unique(np.asarray(quantiles, dtype=np.float64))

    def _find(self, batch: Batch, params: Floats) -> Found:
        cas, offsets, _, (level,) = batch
        cells = cells_of(cas > 0, offsets)
        reached = level[cells.row, cells.label if level.shape[1] > 1 else 0].astype(np.float64)
        at_each = []
        for quantile in params:
            active = np.flatnonzero(reached >= quantile)
            runs = runs_of(Cells(*(column[active] for column in cells)), offsets)
            at_each.append(at_least(runs, self.min_length))
        runs = distinct(at_each)
        start, end = runs.first - offsets[runs.video], runs.stop - offsets[runs.video]
        score = contrast(cas, offsets, runs, self.outer_weight, self.inflation)
        return Found(runs.video, runs.label, start, end, score)

    def _merge(self, found: Found) -> Found:
        return merged(found, self.merge, self.nms_threshold, self.sigma)
