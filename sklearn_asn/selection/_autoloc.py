"""AutoLoc's selection: the boxes that contrast most with what surrounds them (equation 5)."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from sklearn_asn._checks import check_finite
from sklearn_asn.selection._anchors import Anchors, distinct_boxes, prefix_sums
from sklearn_asn.selection._base import Batch, Found, VectorizedSelection, check_sequence
from sklearn_asn.selection._nms import nms
from sklearn_asn.selection._runs import cells_of
from sklearn_asn.selection._scales import RunLengths


class AutoLocSelection(VectorizedSelection):
    """Keep the candidates that contrast most with what surrounds them (AutoLoc, equation 5).

    For every clip t whose CAS is above `min_activation`, boxes of every scale s and offset o are
    compared, ``[a, a + s)`` with ``a = floor(t + o * s - s / 2 + 1)``, clipped to the video. The
    contrast of a box is the mean CAS inside minus `outer_weight` times the mean CAS of the ring
    around it: ``max(inflation * s, 1)`` clips on each side of the box as it was before clipping,
    both sides one mean, only what lies in the video, 0 if nothing does. It is minus the OIC loss
    of equation 5, read as ``lambda * A_outer - A_inner``. The best box of the clip (ties: the
    first in the order of `scales`, then `offsets`) stays if its contrast is above `min_contrast`;
    then `nms` runs in every class of every video (ties: the earlier clip's box).

    Where this differs from AutoLoc's released layer: its boxes have inclusive integer ends, so
    that an anchor of s clips holds s + 1 of them, and are written as segments that end where their
    last clip begins; clips outside the video count as zeros, which gives boxes at its edges a
    ring for free; its scores are ``(contrast + 1) / 2``. Half-open boxes hold the clips that they
    are named for, and end where they end: on the class scores of the 21 GTEA videos their mAP at
    tIoU 0.5 is 46.3, that of the released layer 42.8 (45.9 with its last clips counted).

    Runs of a CAS that attention has cut to zero are found by `NaiveSelection`, too, and mostly
    better: contrast has little to measure there. See the page on reproducing the paper.

    Parameters
    ----------
    scales : sequence of int, default=(1, 2, 4, 8, 16, 32)
        Lengths of the boxes in clips: those of AutoLoc on THUMOS14, where a clip is 15 frames. On
        ActivityNet they are 16, 32, 64, 128, 256, 512. Where most runs of clips are longer than
        the largest, a `ShortScalesWarning` says so. `dense_scales` gives more of them: worth
        5 to 8 points of mAP on synthetic videos, 2 on HAPT, 10 to an oracle on THUMOS14.
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
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment); None keeps all.

    See Also
    --------
    NaiveSelection : Runs of activated clips.
    MultiQuantileSelection : Runs at many thresholds, scored by the same contrast.
    dense_scales : Lengths that leave no action between two of them.

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
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.scales = scales
        self.offsets = offsets
        self.outer_weight = outer_weight
        self.inflation = inflation
        self.min_activation = min_activation
        self.min_contrast = min_contrast
        self.nms_threshold = nms_threshold
        self.video_weight = video_weight
        self.min_score = min_score
        self.top_k = top_k

    def _check_params(self) -> tuple[Anchors, RunLengths]:
        for name in ("outer_weight", "inflation", "min_activation", "min_contrast"):
            check_finite(name, getattr(self, name))
        if self.inflation < 0:
            raise ValueError(f"inflation must be at least 0, got {self.inflation!r}.")
        if self.nms_threshold is not None and not (
            0 <= check_finite("nms_threshold", self.nms_threshold) <= 1
        ):
            raise ValueError(
                f"nms_threshold must be in [0, 1] or None, got {self.nms_threshold!r}."
            )
        scales = check_sequence("scales", self.scales, "positive ints")
        is_int = [isinstance(s, Integral) and not isinstance(s, bool) for s in scales]
        if not all(is_int) or min(scales) <= 0:
            raise ValueError(f"scales must be positive ints, got {self.scales!r}.")
        shifts = check_sequence("offsets", self.offsets, "finite numbers")
        anchors = Anchors(scales, [check_finite("offsets", o) for o in shifts], self.inflation)
        return anchors, RunLengths(scales)

    def _finish(self, params: tuple[Anchors, RunLengths]) -> None:
        params[1].warn(self.min_activation)

    def _find(self, batch: Batch, params: tuple[Anchors, RunLengths]) -> Found:
        anchors, lengths = params
        cas, offsets = batch.cas, batch.offsets
        # in float64, whatever the CAS is
        above = np.greater(cas, self.min_activation, signature="dd->?")
        cells = cells_of(above, offsets)
        lengths.add(cells, offsets)
        label, row, video = cells
        pair = np.flatnonzero(np.diff(label, prepend=-1) | np.diff(video, prepend=-1))
        group = np.repeat(np.arange(len(pair)), np.diff(pair, append=len(label)))
        first, length = offsets[video[pair]], np.diff(offsets)[video[pair]]
        prefix, base = prefix_sums(cas, label[pair], first, length)
        start, end, contrast = anchors.best_boxes(
            prefix, base[group], row - first[group], length[group], self.outer_weight
        )
        keep = np.flatnonzero(contrast > self.min_contrast)
        keep = keep[distinct_boxes(base[group[keep]] + start[keep], end[keep], contrast[keep])]
        if self.nms_threshold not in (None, 1):
            box = (start[keep], end[keep], contrast[keep])
            keep = keep[np.sort(nms(*box, self.nms_threshold, group=group[keep]))]
        return Found(video[keep], label[keep], start[keep], end[keep], contrast[keep])
