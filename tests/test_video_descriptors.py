"""Optical flow and the classical descriptors."""

import sys

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from sklearn_asn.video._descriptors import (  # noqa: E402
    DIRECTIONS,
    PER_CELL,
    describe_flow,
    describe_pictures,
)
from sklearn_asn.video._flow import (  # noqa: E402
    METHODS,
    flow_method,
    quantise,
    single_threaded,
)

METHODS_HERE = [m for m in METHODS if m != "tvl1" or hasattr(cv2, "optflow")]


def texture(height=120, width=160, seed=0):
    rng = np.random.default_rng(seed)
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width), dtype=np.uint8), (0, 0), 2)


def constant(x, y, height=48, width=64, n=1, n_flow=2):
    return np.broadcast_to(np.float32([x, y]), (n, n_flow, height, width, 2))


def described(flow, step=1 / 25, grid=1):
    steps = np.full(flow.shape[:2], step)
    return describe_flow(flow, steps, grid).reshape(len(flow), grid * grid, PER_CELL)


# ---------------------------------------------------------------------- flow


@pytest.mark.parametrize("method", METHODS_HERE)
@pytest.mark.parametrize(("x", "y"), [(3, 0), (0, -2), (0, 0)])
def test_flow_of_a_known_shift(method, x, y):
    before = texture()
    after = np.roll(before, (y, x), axis=(0, 1))
    flow = flow_method(method)(before, after)
    assert flow.shape == (120, 160, 2)
    assert flow.dtype == np.float32
    assert np.median(flow[20:-20, 20:-20], axis=(0, 1)) == pytest.approx([x, y], abs=0.3)


@pytest.mark.parametrize("method", METHODS_HERE)
@pytest.mark.parametrize("shape", [(1, 1), (2, 50), (9, 9), (31, 33), (40, 3)])
def test_flow_of_tiny_pictures(method, shape):
    flow = flow_method(method)(texture(*shape), texture(*shape))
    assert flow.shape == (*shape, 2)
    assert np.all(np.isfinite(flow))


def test_tvl1_says_what_it_needs(monkeypatch):
    monkeypatch.delattr(cv2, "optflow", raising=False)
    with pytest.raises(ImportError, match="opencv-contrib-python-headless"):
        flow_method("tvl1")


def test_flow_may_be_a_function():
    mine = flow_method(lambda a, b: np.ones((*a.shape, 2)))
    assert mine(texture(), texture()).dtype == np.float32
    with pytest.raises(ValueError, match=r"shape \(2,\); expected finite values of shape \(120"):
        flow_method(lambda a, b: np.zeros(2))(texture(), texture())


def test_eight_bit_flow_is_that_of_tsn():
    flow = np.array([-30, -20, -10, 0, 10, 20, 30])
    assert quantise(flow, 20.0).tolist() == [0, 0, 64, 128, 191, 255, 255]
    assert quantise(np.array([0.0]), 7.3).tolist() == [128]
    assert quantise(flow, 20.0).dtype == np.uint8


def test_single_threaded_is_undone():
    before = cv2.getNumThreads()
    with single_threaded():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before
    with pytest.raises(cv2.error), single_threaded():
        cv2.cvtColor(np.zeros(3), cv2.COLOR_RGB2GRAY)
    assert cv2.getNumThreads() == before


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"OpenCV.*pip install \"sklearn-asn\[video\]\""):
        flow_method("dis")


# ---------------------------------------------------------------------- descriptors of flow


def test_directions_have_bins_of_their_own():
    step = 2 * np.pi / DIRECTIONS
    for k in range(DIRECTIONS):
        flow = constant(10 * np.cos(k * step), 10 * np.sin(k * step))
        (cell,) = described(flow)[0]
        fast = cell[DIRECTIONS : 2 * DIRECTIONS]
        assert fast[k] == pytest.approx(1, abs=1e-3)
        assert cell[:DIRECTIONS] == pytest.approx(0, abs=1e-6)


def test_a_direction_between_two_bins_is_shared():
    angle = np.pi / DIRECTIONS
    (cell,) = described(constant(10 * np.cos(angle), 10 * np.sin(angle)))[0]
    assert cell[DIRECTIONS : DIRECTIONS + 2] == pytest.approx(np.sqrt([0.5, 0.5]), abs=1e-3)


@pytest.mark.parametrize(("speed", "first"), [(0.01, 16), (0.4, 0), (3.0, 8)])
def test_speeds_have_bins_of_their_own(speed, first):
    (cell,) = described(constant(speed, 0))[0]  # of a short side of 48: 5.3 times as much
    assert cell[first] == pytest.approx(1)
    assert np.sum(cell[:17] ** 2) == pytest.approx(1)
    assert cell[17] == pytest.approx(np.log1p(speed * 256 / 48), rel=1e-5)


def test_divergence_and_curl():
    y, x = np.mgrid[-24:24, -32:32].astype(np.float32)
    for fx, fy, divergence, curl in (
        (0.1 * x, 0.1 * y, 0.2, 0),
        (-0.1 * y, 0.1 * x, 0, 0.2),
        (0.1 * y, 0.1 * x, 0, 0),
    ):
        flow = np.stack([fx, fy], axis=-1)[None, None]
        (cell,) = described(flow)[0]
        assert cell[18:] == pytest.approx([divergence, curl], abs=1e-4)


def test_neither_size_nor_rate_matters():
    reference = described(constant(2, 1), step=1 / 25)
    assert described(constant(4, 2, 96, 128), step=1 / 25) == pytest.approx(reference, abs=1e-5)
    assert described(constant(1, 0.5), step=1 / 50) == pytest.approx(reference, abs=1e-5)


def test_large_flow_is_thinned_without_harm():
    y, x = np.mgrid[-60:60, -80:80].astype(np.float32) / 60
    small = np.stack([3 * x - y, 2 * y * x], axis=-1)[None, None]
    y, x = np.mgrid[-240:240, -320:320].astype(np.float32) / 240
    large = 4 * np.stack([3 * x - y, 2 * y * x], axis=-1)[None, None]
    assert described(large, grid=2) == pytest.approx(described(small, grid=2), abs=0.02)


def test_no_motion_is_still():
    (cell,) = described(constant(0, 0), step=np.inf)[0]
    assert cell.tolist() == [0] * 16 + [1, 0, 0, 0]


def test_cells_are_where_they_should_be():
    flow = np.zeros((1, 1, 60, 80, 2), np.float32)
    flow[0, 0, :30, 40:, 0] = 5  # the top right moves to the right
    cells = described(flow, grid=2)[0]
    assert cells[:, 16] == pytest.approx([1, 0, 1, 1])
    assert cells[1, 8] == pytest.approx(1)


# ---------------------------------------------------------------------- descriptors of pictures


def cells_of(picture, grid=1):
    return describe_pictures(picture[None], grid).reshape(grid * grid, PER_CELL)


@pytest.mark.parametrize(
    ("colour", "hue"),
    [((255, 0, 0), 0), ((255, 255, 0), 1), ((0, 255, 0), 2), ((0, 0, 255), 4)],
)
def test_colours(colour, hue):
    (cell,) = cells_of(np.full((48, 64, 3), colour, np.uint8))
    assert cell[:3] == pytest.approx(np.array(colour) / 255)
    assert cell[3:6] == pytest.approx(0, abs=1e-3)
    assert cell[6 + hue] == pytest.approx(1, abs=1e-3)
    assert cell[12:] == pytest.approx(0, abs=1e-3)


def test_grey_has_no_hue_and_flat_no_edges():
    (cell,) = cells_of(np.full((48, 64, 3), 77, np.uint8))
    assert cell[6:] == pytest.approx(0, abs=1e-3)
    speck = np.full((48, 64, 3), 77, np.uint8)
    speck[10, 10] = 79  # noise is not blown up by normalisation
    assert cells_of(speck)[0][12:].max() < 0.1


@pytest.mark.parametrize(("axis", "bin_"), [(1, 0), (0, 4)])
def test_edges(axis, bin_):
    stripes = np.where((np.indices((48, 64))[axis] // 4) % 2, 200, 50).astype(np.uint8)
    (cell,) = cells_of(np.repeat(stripes[..., None], 3, axis=2))
    assert cell[12 + bin_] > 0.9
    assert np.sum(cell[12:] ** 2) <= 1 + 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 200)])
def test_pictures_smaller_than_the_grid(shape):
    cells = cells_of(np.full((*shape, 3), 9, np.uint8), grid=4)
    assert np.all(np.isfinite(cells))
    flow = described(np.zeros((1, 1, *shape, 2), np.float32), grid=4)
    assert np.all(np.isfinite(flow))
