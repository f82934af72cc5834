"""From frame rates and windows of frames to the times of clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import check_choice, check_number
from sklearn_asn.datasets._reading import PerVideo, as_ids, per_video


class Sampling(NamedTuple):
    """How an extractor goes over a video, in frames."""

    stride: float  # from one window to the next
    window: float  # frames that a feature sees
    start: float  # of the first clip: half a stride before the centre of the first window


#: Features as they circulate. ActionFormer's and OpenTAD's code say where theirs are centred.
PRESETS = {
    "actionformer_i3d": Sampling(4, 16, 6),
    "opentad_videomae": Sampling(4, 16, 6),
    "opentad_videomaev2": Sampling(4, 16, 6),
    "opentad_internvideo2": Sampling(4, 16, 6),
    "opentad_slowfast": Sampling(4, 32, 14),
    "epic_slowfast": Sampling(16, 32, 8),
    "wtalc_i3d": Sampling(16, 16, 0),
    "untrimmednet": Sampling(15, 15, 1),  # its first frame has the number 1
}


class FeatureTiming(dict[str, Any]):
    """The dict that `feature_timing` returns; it also knows the frames behind it."""

    def __init__(self, times: dict[str, Any], sampling: Sampling) -> None:
        super().__init__(times)
        self.sampling = sampling

    def n_clips(self, n_frames: ArrayLike) -> NDArray[np.int64]:
        """Return how many whole windows fit into videos of so many frames, at least 0.

        Parameters
        ----------
        n_frames : float or array-like of shape (n_videos,)

        Returns
        -------
        ndarray of int, of the shape of `n_frames`
        """
        return windows_within(n_frames, self.sampling.stride, self.sampling.window)


def windows_within(n_frames: ArrayLike, stride: float, window: float) -> NDArray[np.int64]:
    """Return how many windows fit: those of which the last frame is there."""
    frames = np.asarray(n_frames, dtype=np.float64)
    if not np.isfinite(frames).all() or (frames < 0).any():
        raise ValueError("n_frames must be finite and not negative.")
    count = np.floor((frames - window) / stride + 1e-9) + 1  # 1e-9: 0.3 / 0.1 is 2.9999...
    return np.maximum(count, 0).astype(np.int64)


def feature_timing(
    fps: PerVideo,
    frames_per_feature: float | None = None,
    *,
    first_frame: float | None = None,
    window: float | None = None,
    offset_frames: float | None = None,
    preset: str | None = None,
) -> FeatureTiming:
    """Turn frame rates into the timing that `Clips` and the readers of features take.

    Feature i is the clip of `frames_per_feature` frames around the middle of its window of frames;
    frame f is at ``f / fps`` seconds. Without `window` a feature sees just those frames: from
    ``first_frame + i * frames_per_feature`` on, UntrimmedNet's by default. Where windows are wider
    than their stride (ActionFormer's I3D features see 16 frames, every 4), the middle of the window
    is what the feature says most of; taking its first frame instead makes all segments come early.

    ======================== ======= ======= =============== ======================================
    ``preset``               stride  window  centred at      features
    ======================== ======= ======= =============== ======================================
    "actionformer_i3d"       4       16      4i + 8          ActionFormer's and TriDet's, THUMOS14
    "opentad_videomae"       4       16      4i + 8          OpenTAD's VideoMAE, THUMOS14
    "opentad_videomaev2"     4       16      4i + 8          VideoMAEv2-g, THUMOS14
    "opentad_internvideo2"   4       16      4i + 8          InternVideo2-6B, THUMOS14
    "opentad_slowfast"       4       32      4i + 16         OpenTAD's SlowFast, THUMOS14
    "epic_slowfast"          16      32      16i + 16        ActionFormer's, EPIC-KITCHENS-100
    "wtalc_i3d"              16      16      16i + 8         W-TALC's and BaS-Net's I3D: `fps` is 25
    "untrimmednet"           15      15      15i + 8.5       UntrimmedNet's, first frame 1
    ======================== ======= ======= =============== ======================================

    Parameters
    ----------
    fps : float, array-like of shape (n_videos,), or mapping from id to number
        Frames a second, of the video as it was decoded.
    frames_per_feature : float, default=None
        The stride: frames from one feature to the next. None: 15, or that of the `preset`.
    first_frame : float, default=None
        Number of the frame that the first window starts with. None: 1, or 0 with a `window`.
    window : float, default=None
        Frames that a feature sees. None: `frames_per_feature`.
    offset_frames : float, default=None
        The frame that the first window is centred at, as in OpenTAD's configurations. None:
        ``first_frame + window / 2``.
    preset : str, default=None
        A row of the table, in place of all of these.

    Returns
    -------
    FeatureTiming
        A dict with ``clip_seconds`` and ``start_seconds``: a number, a list or a dict by id each,
        as `fps` is. Its method ``n_clips(n_frames)`` predicts how many features a video of so many
        frames has.

    Raises
    ------
    ValueError
        A number is out of range, `window` is narrower than the stride, or arguments contradict
        each other.

    See Also
    --------
    check_frame_counts : Compare that number with the features there are.

    Examples
    --------
    >>> from sklearn_asn.datasets import feature_timing
    >>> feature_timing({"a": 30.0, "b": 25.0})
    {'clip_seconds': {'a': 0.5, 'b': 0.6}, 'start_seconds': {'a': 0.0333..., 'b': 0.04}}
    >>> timing = feature_timing(25.0, 4, window=16)
    >>> timing, timing.n_clips(300).item()
    ({'clip_seconds': 0.16, 'start_seconds': 0.24}, 72)
    >>> timing == feature_timing(25.0, preset="actionformer_i3d")
    True
    """
    given = (frames_per_feature, first_frame, window, offset_frames)
    sampling = _preset(preset, given) if preset is not None else _sampling(*given)
    frames = {"clip_seconds": sampling.stride, "start_seconds": sampling.start}
    by_id = isinstance(fps, Mapping | pd.Series)
    ids = [str(i) for i in range(np.size(fps))]  # type: ignore[arg-type]
    if isinstance(fps, Mapping | pd.Series):
        ids = as_ids(list(fps.keys()), "ids of fps")
        fps = dict(zip(ids, [rate for _, rate in fps.items()], strict=True))
    rate = np.asarray(per_video(fps, "fps", ids, ids))
    times = {k: (n / rate).tolist() for k, n in frames.items()}
    times = {k: dict(zip(ids, t, strict=True)) if by_id else t for k, t in times.items()}
    return FeatureTiming(times, sampling)


def _preset(preset: str, given: tuple[float | None, ...]) -> Sampling:
    check_choice(preset, "preset", tuple(PRESETS))
    if any(value is not None for value in given):
        raise ValueError(
            f"preset={preset!r} says all of frames_per_feature, first_frame, window and "
            "offset_frames; give it, or them."
        )
    return PRESETS[preset]


def _sampling(
    stride: float | None, first: float | None, window: float | None, offset: float | None
) -> Sampling:
    stride = 15 if stride is None else stride
    check_number(stride, "frames_per_feature", 0, open_low=True)
    if window is not None:
        check_number(window, "window", 0, open_low=True)
        if window < stride:
            raise ValueError(
                f"window={window!r} is narrower than the stride, frames_per_feature={stride!r}: "
                "what lies between windows is in no feature."
            )
    if offset is not None:
        check_number(offset, "offset_frames", 0)
        if first is not None:
            raise ValueError("offset_frames says where the first window is; give no first_frame.")
        return Sampling(stride, stride if window is None else window, offset - stride / 2)
    first = (1 if window is None else 0) if first is None else first
    check_number(first, "first_frame", 0)
    if window is None:
        return Sampling(stride, stride, first)
    return Sampling(stride, window, first + (window - stride) / 2)
