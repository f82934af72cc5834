"""Decoded pictures as upright arrays of one size for the whole video."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._imports import need

UNIT = 1 << 16  # the display matrix is in 16.16 fixed point


class Canvas:
    """Turns the decoded pictures of one video into arrays.

    Applies the pixel aspect ratio and the display matrix (rotation by quarter turns, mirroring),
    and scales to what the first picture gives, should the size change on the way.

    Parameters
    ----------
    name : str
        How messages call the video.
    aspect : float
        Width of a pixel over its height.
    """

    def __init__(self, name: str, aspect: float = 1.0) -> None:
        self.name = name
        self.aspect = aspect
        self._sizes: dict[tuple[int, bool], tuple[int, int]] = {}
        self._reformatters: dict[tuple[str, int, int], Any] = {}  # each is slow to set up
        self._angle: int | None = None
        self._turn = (False, False, False)

    def draw(self, picture: Any, layout: str, short_side: int, enlarge: bool) -> NDArray[np.uint8]:
        """Return ``(height, width, 3)`` ("rgb24") or ``(height, width)`` ("gray").

        The short side gets `short_side` pixels; without `enlarge`, at most.
        """
        self._read_matrix(picture)
        key = (short_side, enlarge)
        if key not in self._sizes:
            self._sizes[key] = self._size(picture, short_side, enlarge)
        width, height = self._sizes[key]
        goal = (layout, width, height)
        if goal not in self._reformatters:
            self._reformatters[goal] = need("av").video.reformatter.VideoReformatter()
        drawn = self._reformatters[goal].reformat(
            picture, width=width, height=height, format=layout, interpolation="BILINEAR"
        )
        array = drawn.to_ndarray()
        transpose, mirror, upside_down = self._turn
        if transpose:
            array = array.swapaxes(0, 1)
        if mirror:
            array = array[:, ::-1]
        if upside_down:
            array = array[::-1]
        return np.ascontiguousarray(array)

    def _read_matrix(self, picture: Any) -> None:
        """Read how to turn the picture, where that has changed.

        The angle is looked at first: asking a picture for its side data ties it to itself, and it
        stays in memory until Python looks for cycles.
        """
        if picture.rotation == self._angle:
            return
        self._angle = picture.rotation
        try:
            found = picture.side_data.get("DISPLAYMATRIX")
        except ValueError:  # beside it lies something that this PyAV has no name for
            self._turn = turn_of(_rotation(self._angle), self.name)
            return
        if found is not None:  # else as before: some files give it with the first picture only
            self._turn = turn_of(np.frombuffer(bytes(found), dtype="=i4")[:9], self.name)

    def _size(self, picture: Any, short_side: int, enlarge: bool) -> tuple[int, int]:
        width, height = picture.width * self.aspect, picture.height
        scale = short_side / min(width, height)
        if not enlarge:
            scale = min(scale, 1.0)
        return max(1, round(width * scale)), max(1, round(height * scale))


def _rotation(angle: int) -> NDArray[np.int32]:
    """Return the display matrix that turns by an angle as FFmpeg gives it: anticlockwise."""
    c, s = (round(UNIT * f(np.radians(angle))) for f in (np.cos, np.sin))
    return np.array([c, -s, 0, s, c, 0, 0, 0, 1 << 30], np.int32)


def turn_of(matrix: NDArray[np.int32], name: str) -> tuple[bool, bool, bool]:
    """Read a display matrix: whether to transpose, then to mirror, then to turn upside down.

    The pixel (x, y) is to be shown at ``(a x + c y, b x + d y)``, moved into view.
    """
    a, b, _, c, d = (int(v) / UNIT for v in matrix[:5])
    if max(abs(a), abs(d)) < 0.01 * min(abs(b), abs(c)):
        return True, c < 0, b < 0
    if max(abs(b), abs(c)) < 0.01 * min(abs(a), abs(d)):
        return False, a < 0, d < 0
    angle = np.degrees(np.arctan2(b, a))
    raise ValueError(
        f"{name} is to be shown turned by {angle:.0f} degrees; only quarter turns and mirroring "
        "are supported."
    )


def centre_crop(arrays: NDArray[Any], size: int) -> NDArray[Any]:
    """Cut the middle ``size`` x ``size`` out of axes -3 and -2."""
    top = (arrays.shape[-3] - size) // 2
    left = (arrays.shape[-2] - size) // 2
    return arrays[..., top : top + size, left : left + size, :]
