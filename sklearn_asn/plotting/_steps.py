"""Steps and bars along the time of a video, readable however long it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.segments import Segment
from sklearn_asn._thin import first_of, thin

MAX_STEPS = 2000  # more clips than these are drawn as the range of several
MANY_BARS = 500  # more bars than these are pixels in a vector file

Array = NDArray[Any]


def bins(borders: Array) -> tuple[Array, Array]:
    """Return the first clip of every step drawn, and the steps' borders.

    >>> first, edges = bins(np.arange(10_001.0))
    >>> len(first), edges[:2].tolist()
    (1000, [0.0, 10.0])
    """
    n_clips = len(borders) - 1
    first = first_of(n_clips, n_clips if n_clips <= MAX_STEPS else MAX_STEPS // 2)
    return first, borders[np.append(first, n_clips)]


def draw_steps(ax: Any, values: Array, borders: Array, colour: str, **style: Any) -> None:
    """Draw one value a clip or, of long videos, the range of the clips in each step."""
    first, edges = bins(borders)
    if len(first) == len(values):
        ax.stairs(values, edges, baseline=None, color=colour, **style)
        return
    low, high = thin(values, len(first))
    style |= {"linewidth": 0.6, "fill": True, "alpha": 0.7}
    ax.stairs(high, edges, baseline=low, color=colour, **style)


def draw_bars(ax: Any, segments: Sequence[Segment], y: list[float], **style: Any) -> None:
    """Draw a horizontal bar a segment, however short it is."""
    if segments:
        start, end = np.array([s.start for s in segments]), np.array([s.end for s in segments])
        for bar in ax.barh(y, end - start, left=start, **style):
            bar.set_rasterized(len(segments) > MANY_BARS)
