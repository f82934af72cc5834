"""Optical flow: how to estimate it, and the 8-bit form in which two-stream networks read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._imports import need

Flow = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
METHODS = ("dis", "dis-fast", "farneback", "tvl1")
SMALLEST = 32  # pixels of the short side below which OpenCV's methods fail or say nothing


def flow_method(method: Any) -> Flow:
    """Return the function that estimates the flow from one grey picture to the next.

    Parameters
    ----------
    method : {"dis", "dis-fast", "farneback", "tvl1"} or callable
    """
    if callable(method):
        return _checked(method)
    cv2 = need("cv2")
    if method == "farneback":
        return lambda a, b: cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    if method == "tvl1":
        estimator = _tvl1(cv2)
    else:
        preset = "FAST" if method == "dis-fast" else "MEDIUM"
        estimator = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    return lambda a, b: _padded(estimator, a, b)


def quantise(flow: NDArray[Any], bound: float) -> NDArray[np.uint8]:
    """Map [-bound, bound] pixels to 0..255, as flow is stored for two-stream networks.

    No motion becomes 128. What lies outside is clipped.
    """
    scaled = (np.clip(flow, -bound, bound) + bound) * (255 / (2 * bound))
    return np.rint(scaled).astype(np.uint8)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep OpenCV to one thread: videos are what runs in parallel."""
    cv2 = need("cv2")
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _tvl1(cv2: Any) -> Any:
    if not hasattr(cv2, "optflow"):
        raise ImportError(
            "flow_method='tvl1' needs OpenCV's contributed modules: pip install "
            "opencv-contrib-python-headless (in place of opencv-python-headless)."
        )
    return cv2.optflow.DualTVL1OpticalFlow_create()


def _padded(estimator: Any, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate, on pictures padded by their own edge where they are too small for OpenCV."""
    height, width = a.shape
    if min(height, width) >= SMALLEST:
        return estimator.calc(a, b, None)
    pad = ((0, max(0, SMALLEST - height)), (0, max(0, SMALLEST - width)))
    a, b = np.pad(a, pad, mode="edge"), np.pad(b, pad, mode="edge")
    return estimator.calc(a, b, None)[:height, :width]


def _checked(method: Any) -> Flow:
    def run(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
        flow = np.asarray(method(a, b), dtype=np.float32)
        if flow.shape != (*a.shape, 2) or not np.all(np.isfinite(flow)):
            raise ValueError(
                f"flow_method returned an array of shape {flow.shape}; expected finite values of "
                f"shape {(*a.shape, 2)}: x and y in pixels."
            )
        return flow

    return run
