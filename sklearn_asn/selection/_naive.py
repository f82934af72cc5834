"""Runs of activated clips as segments: the paper's naive selection, and its relatives' own."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_choice, check_count, check_number
from sklearn_asn._data.packed import Offsets
from sklearn_asn.selection._base import Batch, Found, VectorizedSelection
from sklearn_asn.selection._runs import Runs, at_least, cells_of, dilated, over_runs, runs_of

Array = NDArray[Any]
Floats = NDArray[np.float64]


class NaiveSelection(VectorizedSelection):
    """Every maximal run of activated clips is a segment (UntrimmedNet's selection, equation 4).

    A clip is activated for a class where its CAS is above 0. The score of a run of class v is the
    mean of its CAS plus `video_weight` times the video's score of v.

    Parameters
    ----------
    video_weight : float, default=0.2
        Weight of the video's score (lambda in equation 4).
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment); None keeps all.

    See Also
    --------
    RelativeThresholdSelection : Cuts every class at a part of its own maximum.
    AutoLocSelection : Compares candidate segments with what surrounds them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import NaiveSelection
    >>> cas = np.array([[0.0], [0.8], [0.6], [0.0], [0.4]])
    >>> NaiveSelection(video_weight=0.5).select(cas, [0.9])
    array([(0, 1., 3., 1.15), (0, 4., 5., 0.85)], dtype=...)
    """

    def __init__(
        self,
        video_weight: float = 0.2,
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.video_weight = video_weight
        self.min_score = min_score
        self.top_k = top_k

    def _check_params(self) -> None:
        return None

    def _find(self, batch: Batch, params: None) -> Found:
        cas, offsets = batch.cas, batch.offsets
        return _scored(runs_of(cells_of(cas > 0, offsets), offsets), cas, offsets, "mean")


class RelativeThresholdSelection(VectorizedSelection):
    """Runs of clips above a part of the class's own maximum in the video.

    A clip is activated for a class where its CAS is strictly above
    ``low + level * (high - low)``; high is the largest CAS of the class in the video, low is 0 or
    the smallest. A class whose CAS is 0 in the whole video gives nothing. The CAS may be negative,
    as where it holds logits.

    Parameters
    ----------
    level : float, default=0.5
        Where to cut between low and high, in ``[0, 1)``.
    floor : {"zero", "minimum"}, default="zero"
        What low is: 0, or the smallest CAS of the class in the video.
    smoothing : bool, default=False
        Replace the CAS of every clip by the mean of it and the next clip's (the last clip's
        stays), before all else.
    dilation : int, default=0
        Every run ends so many clips later, at most with the video; runs that then touch or
        overlap are one.
    min_length : int, default=1
        Runs of fewer clips, dilation included, are dropped.
    run_score : {"mean", "max"}, default="mean"
        What of the CAS in a run its score is.
    video_weight : float, default=0.2
        The score is that plus this times the video's score of the class.
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment); None keeps all.

    See Also
    --------
    NaiveSelection : Takes the CAS as it is cut: every clip above 0.

    Notes
    -----
    ``RelativeThresholdSelection(smoothing=True, dilation=1)`` is UntrimmedNet's own detection
    [1]_; its authors dilate to the right, by the definition of the function that they call.
    ``RelativeThresholdSelection(floor="minimum", min_length=2, run_score="max",
    video_weight=0.7)`` is W-TALC's [2]_, whose CAS and video scores are logits.

    References
    ----------
    .. [1] Wang et al., "UntrimmedNets for weakly supervised action recognition and detection",
       CVPR 2017; ``matlab/thumos_detection.m``.
    .. [2] Paul et al., "W-TALC: weakly-supervised temporal activity localization and
       classification", ECCV 2018; ``detectionMAP.py``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.selection import RelativeThresholdSelection
    >>> cas = np.array([[0.1], [0.8], [0.6], [0.1], [0.5]])
    >>> RelativeThresholdSelection(video_weight=0.5).select(cas, [0.9])
    array([(0, 1., 3., 1.15), (0, 4., 5., 0.95)], dtype=...)
    """

    def __init__(
        self,
        level: float = 0.5,
        floor: Literal["zero", "minimum"] = "zero",
        smoothing: bool = False,
        dilation: int = 0,
        min_length: int = 1,
        run_score: Literal["mean", "max"] = "mean",
        video_weight: float = 0.2,
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.level = level
        self.floor = floor
        self.smoothing = smoothing
        self.dilation = dilation
        self.min_length = min_length
        self.run_score = run_score
        self.video_weight = video_weight
        self.min_score = min_score
        self.top_k = top_k

    def _check_params(self) -> None:
        check_number(self.level, "level", 0, 1, open_high=True)
        check_choice(self.floor, "floor", ("zero", "minimum"))
        if not isinstance(self.smoothing, bool | np.bool_):
            raise ValueError(f"smoothing={self.smoothing!r}; expected True or False.")
        is_int = isinstance(self.dilation, Integral) and not isinstance(self.dilation, bool)
        if not is_int or self.dilation < 0:
            raise ValueError(f"dilation={self.dilation!r}; expected an integer of at least 0.")
        check_count(self.min_length, "min_length")
        check_choice(self.run_score, "run_score", ("mean", "max"))

    def _find(self, batch: Batch, params: None) -> Found:
        offsets = batch.offsets
        cas = np.asarray(batch.cas, dtype=np.float64)
        if self.smoothing:
            cas = _smoothed(cas, offsets)
        runs = runs_of(cells_of(cas > self._threshold(cas, offsets), offsets), offsets)
        runs = at_least(dilated(runs, self.dilation, offsets), self.min_length)
        return _scored(runs, cas, offsets, self.run_score)

    def _threshold(self, cas: Floats, offsets: Offsets) -> Floats:
        """Threshold of every cell, the same in all clips of a video."""
        length = np.diff(offsets)
        first, length = offsets[:-1][length > 0], length[length > 0]
        high = np.maximum.reduceat(cas, first, axis=0)
        low = np.minimum.reduceat(cas, first, axis=0) if self.floor == "minimum" else 0.0
        return np.repeat(low + self.level * (high - low), length, axis=0)


def _smoothed(cas: Floats, offsets: Offsets) -> Floats:
    following = np.arange(1, len(cas) + 1)
    last = offsets[1:][np.diff(offsets) > 0] - 1
    following[last] = last
    return (cas + cas[following]) / 2


def _scored(runs: Runs, cas: Array, offsets: Offsets, run_score: Literal["mean", "max"]) -> Found:
    """Score runs by the mean or the largest CAS inside."""
    if run_score == "mean":
        score = over_runs(np.add, cas, runs) / (runs.stop - runs.first)
    else:
        score = over_runs(np.maximum, cas, runs)
    origin = offsets[runs.video]
    return Found(runs.video, runs.label, runs.first - origin, runs.stop - origin, score)
