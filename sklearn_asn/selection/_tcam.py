"""STPN's detection: the weighted temporal class activation map (T-CAM) of every network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from sklearn_asn._checks import check_count, check_number
from sklearn_asn._data.packed import Offsets
from sklearn_asn.selection._base import Batch, Found, VectorizedSelection, as_packed, place
from sklearn_asn.selection._contrast import merged
from sklearn_asn.selection._points import Points

Array = NDArray[Any]


class TCAMSelection(VectorizedSelection):
    """Runs of the weighted T-CAM of every network, interpolated in time (STPN's detection).

    The weighted T-CAM of a network is the sigmoid of its attention times the sigmoid of its class
    activations. It is interpolated linearly inside each video to `interpolation` points a clip, and
    maximal runs of points above `activation_threshold` are proposals of that network. The score of
    a proposal is the mean over its points of the sigmoid of its network's attention times the class
    activation, the mean of all networks'. Then `nms` runs over the proposals of all networks, in
    every class of every video. Only classes whose CAS is above 0 somewhere in the video count.

    It takes one more argument than other selections, `reading`: what the networks said.

    Parameters
    ----------
    activation_threshold : float, default=0.05
        Of the weighted T-CAM, in ``[0, 1]``.
    interpolation : int, default=24
        Points a clip is interpolated to.
    nms_threshold : float, default=0.5
        Largest tIoU of two segments of one class and video.
    min_score : float or None, default=None
        Segments with a final score below it are dropped; None keeps all.
    top_k : int or None, default=None
        The most segments of a video, its best over all classes (ties: the lower class, then the
        earlier segment of the first network); None keeps all.

    See Also
    --------
    MultiThresholdSelection : Cuts the CAS at many thresholds, and compares with what surrounds.

    References
    ----------
    P. Nguyen, T. Liu, G. Prasad, B. Han, "Weakly Supervised Action Localization by Sparse Temporal
    Pooling Network", CVPR 2018.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from sklearn_asn.selection import TCAMSelection
    >>> activations = np.array([-9.0, 4.0, 4.0, -9.0]).reshape(4, 1, 1)
    >>> reading = SimpleNamespace(activations=activations, attention=np.full((4, 1), 9.0))
    >>> cas = np.array([[0.0], [0.98], [0.98], [0.0]])
    >>> found = TCAMSelection(0.5, interpolation=2).select(cas, [0.9], reading)
    >>> found["start"], found["end"], found["score"].round(3)
    (array([1.]), array([3.]), array([2.375]))
    """

    needs_reading: ClassVar[bool] = True
    video_weight = 0.0  # scores hold class activations already

    def __init__(
        self,
        activation_threshold: float = 0.05,
        interpolation: int = 24,
        nms_threshold: float = 0.5,
        min_score: float | None = None,
        top_k: int | None = None,
    ) -> None:
        self.activation_threshold = activation_threshold
        self.interpolation = interpolation
        self.nms_threshold = nms_threshold
        self.min_score = min_score
        self.top_k = top_k

    def select(  # type: ignore[override]  # `reading` is what `needs_reading` announces
        self, cas: ArrayLike, video_scores: ArrayLike, reading: Any
    ) -> Array:
        """Select the segments of one video.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            Class activations; above 0 somewhere in a class that passed its threshold.
        video_scores : array-like of shape (n_classes,)
            Not used.
        reading : object
            Its `activations`, shape (n_clips, n_models, n_classes), and its `attention`, shape
            (n_clips, n_models), are those of every network, before the sigmoid.

        Returns
        -------
        structured ndarray of `SEGMENT_DTYPE`, shape (n_segments,)
            Fields label (class index), start, end (clips) and score, by decreasing score.

        Raises
        ------
        ValueError
            A parameter is outside its range, a shape is wrong, or a value is not finite.
        """
        return self._select_packed(*as_packed(cas, video_scores), reading)[0]

    def select_packed(  # type: ignore[override]
        self, cas: ArrayLike, offsets: ArrayLike, video_scores: ArrayLike, reading: Any
    ) -> tuple[Array, Offsets]:
        """Select the segments of many videos.

        Parameters
        ----------
        cas : array-like of shape (n_clips, n_classes)
            The clips of all videos, one video after another.
        offsets : array-like of int, shape (n_videos + 1,)
            Borders of the videos in `cas`.
        video_scores : array-like of shape (n_videos, n_classes)
            Not used.
        reading : object
            As for `select`, of the clips of all videos.

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
        return self._select_packed(cas, offsets, video_scores, reading)

    def _check_params(self) -> None:
        check_number(self.activation_threshold, "activation_threshold", 0, 1)
        check_count(self.interpolation, "interpolation")
        check_number(self.nms_threshold, "nms_threshold", 0, 1)

    def _check_given(self, given: Any, cas: Array, offsets: Offsets) -> tuple[Array, ...]:
        return check_reading(given, cas, offsets)

    def _points_per_clip(self) -> int:
        return self.interpolation

    def _find(self, batch: Batch, params: None) -> Found:
        cas, offsets, origin, (activations, attention) = batch
        gate = expit(attention)[..., None]
        signal = gate * expit(activations)
        weight = gate * activations.mean(axis=1, keepdims=True)
        filled = np.flatnonzero(np.diff(offsets))
        passes = np.zeros((len(offsets) - 1, cas.shape[1]), dtype=bool)
        passes[filled] = np.logical_or.reduceat(cas > 0, offsets[filled], axis=0)
        # `rivals.STPN` has always counted places over all clips; so its last bits stay the same.
        points = Points(offsets, self.interpolation, origin)
        empty = np.empty(0, dtype=np.int64)
        parts = [Found(empty, empty, *[np.empty(0)] * 3)]
        for label in np.flatnonzero(passes.any(axis=0)):
            passing = passes[points.sequence, label]
            for model in range(signal.shape[1]):
                above = points.blend(signal[:, model, label]) > self.activation_threshold
                video, first, stop = points.runs(above & passing)
                total = points.blend(weight[:, model, label])
                start = (first - points.offsets[video]) / self.interpolation
                end = start + (stop - first) / self.interpolation
                score = _means(total, first, stop)
                parts.append(Found(video, np.full(len(video), label), start, end, score))
        return Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _merge(self, found: Found) -> Found:
        return merged(found, "nms", self.nms_threshold, 1.0)


def _means(values: Array, first: Array, stop: Array) -> Array:
    """Mean of the values of every run; runs are apart, so every other piece is one of them."""
    if not len(first):
        return np.empty(0)
    borders = np.stack([first, stop], axis=1).ravel()
    borders = borders[: len(borders) - int(stop[-1] == len(values))]
    return np.add.reduceat(values, borders)[::2] / (stop - first)


def check_reading(reading: Any, cas: Array, offsets: Offsets) -> tuple[Array, Array]:
    """Return a reading's activations and attention."""
    for name in ("activations", "attention"):
        if not hasattr(reading, name):
            raise ValueError(
                f"reading must have activations and attention; {type(reading).__name__} "
                f"lacks {name}."
            )
    columns = []
    for name in ("activations", "attention"):
        values = np.asarray(getattr(reading, name))
        columns.append(values if values.dtype.kind == "f" else values.astype(np.float64))
    activations, attention = columns
    n_clips, n_classes = cas.shape
    n_models = activations.shape[1] if activations.ndim > 1 else 1
    for name, values, expected in (
        ("activations", activations, (n_clips, n_models, n_classes)),
        ("attention", attention, (n_clips, n_models)),
    ):
        if values.shape != expected or not n_models:
            raise ValueError(
                f"reading.{name} must have shape (n_clips, n_models"
                f"{', n_classes' if name == 'activations' else ''}) = {expected} with at least "
                f"one model, got {values.shape}."
            )
        good = np.isfinite(values)
        if not good.all():
            at = np.argwhere(~good)[0]
            video, clip = place(int(at[0]), offsets)
            raise ValueError(
                f"reading.{name} of video {video} must be finite, got {values[tuple(at)]} at "
                f"clip {clip}, model {at[1]}."
            )
    return activations, attention
