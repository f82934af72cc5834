"""Classical descriptors of clips, for use without a network: colour, gradients and flow.

Both streams have `PER_CELL` numbers for each cell of a grid, so that by default their halves of
the columns are equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._imports import need

Array = NDArray[Any]

HUES = 6
EDGES = 8  # orientations of gradients, half a turn
DIRECTIONS = 8  # of flow, a full turn
PER_CELL = 20
WEAK = 0.02  # mean gradient, of 1, below which the histogram of gradients fades
STILL, FAST = 0.5, 4.0  # pixels in 1/25 s, of pictures with a short side of REFERENCE pixels
REFERENCE, STEP = 256, 1 / 25
FINE = 100  # pixels of the short side of which flow is described at least


def describe_pictures(pictures: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    """Describe RGB pictures, shape ``(n, height, width, 3)``, by ``20 * grid**2`` numbers each.

    For each cell: mean and deviation of red, green and blue (6); a histogram of hue, weighted by
    chroma (6); a histogram of the orientation of gradients (8). Histograms are square roots of
    shares, fading to zero where the cell is grey or flat.
    """
    return np.stack([_describe_picture(picture, grid) for picture in pictures])


def describe_flow(flow: Array, steps: Array, grid: int) -> NDArray[np.float32]:
    """Describe stacks of flow, shape ``(n, n_flow, height, width, 2)``, like pictures.

    For each cell: a histogram of flow over 8 directions and two speeds, and the share that is
    still (17, square roots of shares, whose squares sum to 1); means of log(1 + speed), of
    divergence, and of curl. Speeds are per 1/25 s and relative to the short side, so that neither
    the frame rate nor the size of the picture matters.
    """
    return np.stack([_describe_stack(f, s, grid) for f, s in zip(flow, steps, strict=True)])


def _cells(height: int, width: int, grid: int) -> Array:
    """Return the number of the cell of every pixel."""
    rows = np.arange(height) * grid // height
    columns = np.arange(width) * grid // width
    return rows[:, None] * grid + columns[None, :]


def _mean(field: Array, grid: int) -> Array:
    """Return the mean of ``(height, width)`` in every cell (zero in cells without a pixel)."""
    rows, columns = (_averager(size, grid) for size in field.shape)
    return (rows @ field.astype(np.float64, copy=False) @ columns.T).ravel()


def _averager(size: int, grid: int) -> NDArray[np.float64]:
    member = np.arange(grid)[:, None] == np.arange(size) * grid // size
    return member / np.maximum(member.sum(axis=1, keepdims=True), 1)


def _histogram(cell: Array, position: Array, weight: Array, n_cells: int, n_bins: int) -> Array:
    """Sum weights, each shared between the two nearest of the bins, which are cyclic."""
    low = np.floor(position)
    share = position - low
    first = low.astype(np.int64)
    total = np.zeros(n_cells * n_bins)
    for bins, part in ((first, weight * (1 - share)), (first + 1, weight * share)):
        total += np.bincount(cell * n_bins + bins % n_bins, part, n_cells * n_bins)
    return total.reshape(n_cells, n_bins)


def _describe_picture(picture: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    cv2 = need("cv2")
    n_cells = grid * grid
    cell = _cells(picture.shape[0], picture.shape[1], grid).ravel()
    count = np.maximum(np.bincount(cell, minlength=n_cells), 1)[:, None]
    colour = picture.astype(np.float32) / 255
    mean = np.stack([_mean(colour[..., c], grid) for c in range(3)], axis=1)
    square = np.stack([_mean(colour[..., c] ** 2, grid) for c in range(3)], axis=1)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))

    hue, saturation, value = cv2.cvtColor(colour, cv2.COLOR_RGB2HSV).reshape(-1, 3).T
    position = hue * (HUES / 360)  # from degrees
    hues = _histogram(cell, position, saturation * value, n_cells, HUES) / count

    down, right = (part.ravel() for part in _gradient(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)))
    position = (np.arctan2(down, right) % np.pi) * (EDGES / np.pi)
    edges = _histogram(cell, position, np.hypot(down, right), n_cells, EDGES) / count
    edges /= edges.sum(axis=1, keepdims=True) + WEAK
    parts = [mean, deviation, np.sqrt(hues), np.sqrt(edges)]
    return np.concatenate(parts, axis=1).ravel().astype(np.float32)


def _describe_stack(flow: Array, steps: Array, grid: int) -> NDArray[np.float32]:
    n_cells = grid * grid
    short_side = min(flow.shape[1:3])
    rate = (STEP / np.maximum(steps, 1e-3)) * (REFERENCE / short_side)
    stride = max(1, short_side // FINE)  # flow is smooth
    flow = flow[:, ::stride, ::stride]
    n, height, width = flow.shape[:3]
    velocity = flow * rate[:, None, None, None].astype(np.float32)
    x, y = velocity[..., 0], velocity[..., 1]
    speed = np.sqrt(x * x + y * y)
    flat = _cells(height, width, grid).ravel()
    count = n * np.maximum(np.bincount(flat, minlength=n_cells), 1)[:, None]
    moving = np.flatnonzero(speed >= STILL)  # mostly few
    cell = flat[moving % (height * width)]
    direction = np.arctan2(y.ravel()[moving], x.ravel()[moving]) * (DIRECTIONS / (2 * np.pi))
    is_fast = speed.ravel()[moving] >= FAST
    slow, fast = (
        _histogram(cell, direction, kind.astype(np.float64), n_cells, DIRECTIONS) / count
        for kind in (~is_fast, is_fast)
    )
    still = 1 - (slow + fast).sum(axis=1, keepdims=True)
    shares = np.concatenate([slow, fast, still], axis=1)

    mean_x, mean_y = velocity.mean(axis=0).transpose(2, 0, 1)
    x_down, x_right = _gradient(mean_x)
    y_down, y_right = _gradient(mean_y)
    relative = short_side / stride / REFERENCE  # lengths cancel: per 1/25 s
    numbers = [
        _mean(np.log1p(speed).mean(axis=0), grid),
        _mean(x_right + y_down, grid) * relative,
        _mean(y_right - x_down, grid) * relative,
    ]
    features = np.column_stack([np.sqrt(np.maximum(shares, 0)), *numbers])
    return features.ravel().astype(np.float32)


def _gradient(field: Array) -> tuple[Array, Array]:
    """Return the derivatives of ``(height, width)`` down and to the right."""
    if min(field.shape) < 2:
        return np.zeros_like(field), np.zeros_like(field)
    down, right = np.gradient(field)
    return down, right
