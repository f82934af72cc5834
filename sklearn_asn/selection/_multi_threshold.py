"""Proposals at many thresholds of the CAS at once, found between clips as well."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import Offsets, offsets_from_lengths, rows_of
from sklearn_asn._intervals import blocks_of
from sklearn_asn.selection._base import Batch, Found, VectorizedSelection, check_sequence
from sklearn_asn.selection._contrast import check_contrast, contrast, distinct, merged
from sklearn_asn.selection._points import Points
from sklearn_asn.selection._runs import Runs

Array = NDArray[Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_POINTS = 2**20  # interpolated together; the points of one class of one video always are

_THRESHOLDS = tuple(i / 20 for i in range(1, 20))


class MultiThresholdSelection(VectorizedSelection):
    """Runs at many thresholds of the CAS, interpolated in time and scored by their contrast.

    The CAS of a class is interpolated linearly inside each video to `interpolation` points a clip.
    A clip's value stands at its middle; before the first middle and after the last it stays.
    Maximal runs of points above a threshold are proposals; the same run at several thresholds is
    one. Their times come in fractions of clips. The score of a proposal is the mean of its points
    minus `outer_weight` times the mean of the ring around it, plus `video_weight` times the
    video's score. The ring is `inflation` times the length on each side, at least one clip, both
    sides one mean, only what lies in the video, 0 if nothing does. Then `merge` suppresses
    proposals of one class and video that overlap.

    It takes a CAS that the attention has not cut: 0 only in the classes that do not pass the video
    threshold (they give nothing), or the ring would be empty of what contrasts. Localizers see by
    `uncut` that they must give it such a one.

    Parameters
    ----------
    thresholds : sequence of float, default=(0.05, 0.1, ..., 0.95)
        What the CAS is cut at, in its own scale; the default is for probabilities.
    interpolation : int, default=4
        Points a clip is interpolated to; 1 leaves the CAS as it is.
    outer_weight : float, default=1.0
        Weight of the ring.
    inflation : float, default=0.25
        Width of the ring on each side, in units of the proposal's length. Widths may be
        fractional: a point counts by the part of it that the ring covers.
    video_weight : float, default=0.2
        Weight of the video's score.
    merge : {"soft-nms", "nms"} or None, default="soft-nms"
        "nms" drops, "soft-nms" lowers the score of what overlaps a better proposal (see `nms` and
        `soft_nms`; ties: the earlier, then the shorter proposal first). "soft-nms" takes a
        negative score for 0, and drops scores below 0.001. With None all proposals stay.
    nms_threshold : float, default=0.4
        Largest tIoU of two segments of one class and video, for "nms".
    sigma : float, default=0.3
        Width of the Gaussian decay, for "soft-nms".
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment); None keeps all.

    See Also
    --------
    MultiQuantileSelection : Cuts the attention at quantiles in place of the CAS.
    RelativeThresholdSelection : Cuts every class at a part of its own maximum.

    Notes
    -----
    Memory is bounded by batches, of videos and of the classes that pass in them, so that only one
    class of one very long video must fit.

    Examples
    --------
    A clip of 1 between clips of 0 is above one half in the half clips on either side of its middle:

    >>> import numpy as np
    >>> from sklearn_asn.selection import MultiThresholdSelection
    >>> cas = np.array([[0.0], [0.0], [1.0], [0.0], [0.0]])
    >>> found = MultiThresholdSelection([0.5], video_weight=0.0).select(cas, [1.0])
    >>> found["start"], found["end"], found["score"]
    (array([2.]), array([3.]), array([0.625]))
    """

    uncut: ClassVar[bool] = True

    def __init__(
        self,
        thresholds: Any = _THRESHOLDS,
        interpolation: int = 4,
        outer_weight: float = 1.0,
        inflation: float = 0.25,
        video_weight: float = 0.2,
        merge: Literal["nms", "soft-nms"] | None = "soft-nms",
        nms_threshold: float = 0.4,
        sigma: float = 0.3,
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.thresholds = thresholds
        self.interpolation = interpolation
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.video_weight = video_weight
        self.merge = merge
        self.nms_threshold = nms_threshold
        self.sigma = sigma
        self.min_score = min_score
        self.top_k = top_k

    def _check_params(self) -> Floats:
        thresholds = check_sequence("thresholds", self.thresholds, "finite numbers")
        for threshold in thresholds:
            check_number(threshold, "thresholds")
        check_count(self.interpolation, "interpolation")
        check_contrast(self)
        return np.unique(np.asarray(thresholds, dtype=np.float64))

    def _find(self, batch: Batch, params: Floats) -> Found:
        cas, offsets = batch.cas, batch.offsets
        filled = np.flatnonzero(np.diff(offsets))
        present = np.logical_or.reduceat(cas != 0, offsets[filled], axis=0)
        label, video = np.nonzero(present.T)  # 0 throughout: the class does not pass
        video = filled[video]
        borders = offsets_from_lengths(np.diff(offsets)[video] * self.interpolation)
        parts = []
        for a, b in blocks_of(borders, _POINTS):
            runs, score = self._runs(cas, offsets, label[a:b], video[a:b], params)
            origin = (borders[a:b] - borders[a])[runs.video]
            start, end = runs.first - origin, runs.stop - origin
            own = runs.video + a
            start, end = start / self.interpolation, end / self.interpolation
            parts.append(Found(video[own], label[own], start, end, score))
        empty = np.empty(0, dtype=np.int64)
        columns = zip(Found(empty, empty, *[np.empty(0)] * 3), *parts, strict=True)
        return Found(*(np.concatenate(column) for column in columns))

    def _runs(
        self, cas: Array, offsets: Offsets, label: Ints, video: Ints, thresholds: Floats
    ) -> tuple[Runs, Floats]:
        """Cut some classes of some videos, one after another as if each were a video.

        Rows of what is returned are points, and `Runs.video` counts these sequences.
        """
        length = np.diff(offsets)[video]
        values = cas[rows_of(offsets, video), np.repeat(label, length)].astype(np.float64)
        points = Points(offsets_from_lengths(length), self.interpolation)
        spread = points.spread(values)
        at_each = []
        for threshold in thresholds:
            sequence, first, stop = points.runs(spread > threshold)
            at_each.append(Runs(np.zeros_like(sequence), sequence, first, stop))
        runs = distinct(at_each)
        score = contrast(
            spread[:, None],
            points.offsets,
            runs,
            self.outer_weight,
            self.inflation,
            self.interpolation,
        )
        return runs, score

    def _merge(self, found: Found) -> Found:
        return merged(found, self.merge, self.nms_threshold, self.sigma)
