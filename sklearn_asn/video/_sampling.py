"""From frames to clips: which frames stand for a clip, and which motions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._decode import Frame

Array = NDArray[Any]
EPSILON = 1e-6  # of a clip: a time that falls on a border but for rounding is the border


class Sample(NamedTuple):
    """What stands for one clip."""

    pictures: NDArray[np.uint8] | None  # (n_samples, height, width, 3)
    flow: NDArray[np.float32] | None  # (n_samples, n_flow, height, width, 2), in pixels
    steps: NDArray[np.float64] | None  # (n_samples, n_flow), seconds between the two frames


class _Pair(NamedTuple):
    """Two successive frames; the motion belongs to the time of the later one."""

    before: Array
    after: Array
    time: float
    step: float


class ClipSampler:
    """Cuts a video into clips and samples each; holds the frames of one clip at most.

    Clip i covers ``[start + i * clip_seconds, start + (i + 1) * clip_seconds)``, start being the
    time of the first frame.

    Parameters
    ----------
    clip_seconds : float
    n_samples : int
        Moments sampled in a clip, evenly: the middles of as many equal parts.
    n_flow : int
        Successive motions in a stack.
    picture : callable of Frame, or None
        Makes the picture of a sampled frame.
    grey : callable of Frame, or None
        Makes what `flow` compares.
    flow : callable of two grey pictures, or None
        Returns the motion from the first to the second; goes with `grey`.
    max_fps : float or None
        Frames in excess are left out.

    Attributes
    ----------
    start : float
        When the first clip starts; known once a clip was given.
    """

    def __init__(
        self,
        clip_seconds: float,
        n_samples: int,
        n_flow: int,
        picture: Callable[[Frame], Array] | None,
        grey: Callable[[Frame], Array] | None,
        flow: Callable[[Array, Array], Array] | None,
        max_fps: float | None = None,
    ) -> None:
        self.clip_seconds = clip_seconds
        self.moments = (np.arange(n_samples) + 0.5) / n_samples * clip_seconds
        self.n_flow = n_flow
        self.picture = picture
        self.grey = grey
        self.flow = flow
        self.max_fps = max_fps
        self.start = 0.0

    def __call__(self, frames: Iterable[Frame]) -> Iterator[Sample]:
        """Yield one sample a clip."""
        self._pictures: list[Array] = []
        self._pairs: list[_Pair] = []
        self._grey: Array = np.empty((0, 0), np.uint8)
        shown: Frame | None = None
        clip, end = 0, 0.0
        for frame in frames:
            end = frame.time + frame.duration
            if shown is None:
                self.start, self._slot = frame.time, -1
            if self._is_excess(frame.time):
                continue
            if shown is not None:
                while clip < self._clip_at(frame.time):
                    yield self._close(clip, shown)
                    clip += 1
                self._sample_pictures(clip, shown, frame.time)
            if self.grey is not None:
                grey = self.grey(frame)
                if shown is not None:
                    pair = _Pair(self._grey, grey, frame.time, frame.time - shown.time)
                    self._pairs.append(pair)
                self._grey = grey
            shown = frame
        if shown is not None:
            covered = (end - self.start) / self.clip_seconds
            for last in range(clip, max(1, int(covered + 0.5 + EPSILON))):
                yield self._close(last, shown)

    def _clip_at(self, time: float) -> int:
        return int((time - self.start) / self.clip_seconds + EPSILON)

    def _is_excess(self, time: float) -> bool:
        if self.max_fps is None:
            return False
        slot = int((time - self.start) * self.max_fps + EPSILON)
        if slot <= self._slot:
            return True
        self._slot = slot
        return False

    def _sample_pictures(self, clip: int, shown: Frame, until: float) -> None:
        """Take the picture shown at each moment of the clip that comes before `until`."""
        if self.picture is None:
            return
        first = self.start + clip * self.clip_seconds
        drawn = None
        while len(self._pictures) < len(self.moments):
            if first + self.moments[len(self._pictures)] >= until - EPSILON * self.clip_seconds:
                return
            drawn = self.picture(shown) if drawn is None else drawn
            self._pictures.append(drawn)

    def _close(self, clip: int, shown: Frame) -> Sample:
        self._sample_pictures(clip, shown, np.inf)
        pictures = np.stack(self._pictures) if self.picture is not None else None
        flow, steps = (None, None) if self.grey is None else self._stacks(clip)
        self._pictures, self._pairs = [], []
        return Sample(pictures, flow, steps)

    def _stacks(self, clip: int) -> tuple[Array, Array]:
        """Return stacks of successive motions around the moments, from within the clip."""
        n = len(self._pairs)
        if n == 0:  # a still picture: nothing moves
            shape = (len(self.moments), self.n_flow, *self._grey.shape[:2], 2)
            return np.zeros(shape, np.float32), np.full(shape[:2], np.inf)
        times = np.array([pair.time for pair in self._pairs])
        moments = self.start + clip * self.clip_seconds + self.moments
        nearest = np.searchsorted(times, moments, side="right") - 1
        first = np.clip(nearest - self.n_flow // 2, 0, max(0, n - self.n_flow))
        rows = np.minimum(first[:, None] + np.arange(self.n_flow), n - 1)
        used, where = np.unique(rows, return_inverse=True)
        flows = np.stack([self._motion(self._pairs[i]) for i in used])
        steps = np.array([self._pairs[i].step for i in used])
        where = where.reshape(rows.shape)
        return flows[where], steps[where]

    def _motion(self, pair: _Pair) -> Array:
        """Return the motion of a pair; frames further apart than a clip have none."""
        if pair.step > self.clip_seconds * (1 + EPSILON):
            return np.zeros((*pair.before.shape[:2], 2), np.float32)
        assert self.flow is not None
        return self.flow(pair.before, pair.after)
