"""Video files made for the tests."""

import itertools
import struct
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")


def needs(codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    try:
        av.CodecContext.create(codec, "w")
    except (ValueError, av.error.FFmpegError):
        pytest.skip(f"this FFmpeg cannot encode with {codec}")


def render(path, pictures, times=None, fps=25, codec="mpeg4", layout=None, gop=12, **options):
    """Write RGB pictures, shown at `times` (seconds; evenly at `fps` if None)."""
    needs(codec)
    pictures = iter(pictures)
    first = next(pictures)
    lossless = {"ffv1": "bgr0", "libx264rgb": "rgb24"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = layout or lossless.get(codec, "yuv420p")
        stream.gop_size = gop
        stream.options = {key: str(value) for key, value in options.items()}
        if codec == "mpeg4" and not options:
            stream.options = {"qscale": "2"}
            stream.bit_rate = 4_000_000
        base = Fraction(1, fps) if times is None else Fraction(1, 1000)
        if times is not None:
            stream.codec_context.time_base = base
        for i, picture in enumerate(itertools.chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = i if times is None else round(1000 * times[i])
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


def plain(n, height=48, width=64):
    """Pictures whose grey tells which they are."""
    return [np.full((height, width, 3), 40 + (3 * i) % 180, np.uint8) for i in range(n)]


def noise(n, height=96, width=128, seed=0):
    """Pictures that need many bytes."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(n)]


def halved(path, share=0.5):
    data = path.read_bytes()
    cut = path.with_name("cut" + path.suffix)
    cut.write_bytes(data[: int(len(data) * share)])
    return cut


def with_matrix(path, a, b, c, d):
    """Write a display matrix into an mp4's track header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 40 if data[at] == 0 else 52
    fixed = [round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)]
    data[at : at + 36] = struct.pack(">9i", *fixed, 1 << 30)
    path.write_bytes(data)
    return path


def scene(n, position, colour=(230, 60, 40), height=96, width=128, seed=0):
    """A textured square, at the place `position(i)` in picture i, before a grey background."""
    rng = np.random.default_rng(seed)
    square = rng.integers(0, 256, (32, 32, 1)) // 3 + np.array(colour) * 2 // 3
    square = cv2.GaussianBlur(square.astype(np.uint8), (0, 0), 1.5)
    for i in range(n):
        picture = np.full((height, width, 3), 128, np.uint8)
        x, y = (round(v) for v in position(i))
        picture[y : y + 32, x : x + 32] = square
        yield picture
