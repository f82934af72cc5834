"""Files to frames: times, turned pictures, and everything that can be wrong with a file."""

import gc
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av")
pytest.importorskip("cv2")

from helpers.videos import halved, needs, noise, plain, render, with_matrix  # noqa: E402

from sklearn_asn.video._decode import VideoReader, _Stamps  # noqa: E402
from sklearn_asn.video._picture import Canvas, turn_of  # noqa: E402


def read(path, on_error="raise", time_zero="timestamps"):
    reader = VideoReader(str(path), f"Video 3 ({path})", on_error, time_zero)
    frames = list(reader)
    return frames, reader.complaints


def times_of(path, **options):
    return [frame.time for frame in read(path, **options)[0]]


def pixels(path, layout="rgb24"):
    reader = VideoReader(str(path), "Video 0", "raise", "timestamps")
    return [frame.pixels(layout, 10_000, False) for frame in reader]


# ---------------------------------------------------------------------- times


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_times_of_a_constant_rate(tmp_path, suffix):
    path = render(tmp_path / f"a.{suffix}", plain(30), fps=20)
    frames, complaints = read(path)
    assert [frame.time for frame in frames] == pytest.approx(np.arange(30) / 20)
    assert [frame.duration for frame in frames] == pytest.approx([1 / 20] * 30)
    assert complaints == []


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_times_of_a_variable_rate(tmp_path, suffix):
    times = np.r_[np.arange(25) / 25, 1 + np.arange(6) / 2, 4 + np.arange(20) / 50]
    path = render(tmp_path / f"a.{suffix}", plain(len(times)), times)
    assert times_of(path) == pytest.approx(times, abs=1.1e-3)


def test_frames_come_in_the_order_in_which_they_are_shown(tmp_path):
    path = render(tmp_path / "a.mp4", plain(40), codec="libx264", bf=3)
    assert times_of(path) == pytest.approx(np.arange(40) / 25)
    shades = [picture.mean() for picture in pixels(path)]
    assert np.all(np.diff(shades) > 0)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
@pytest.mark.parametrize("b_frames", [1, 2, 3])
def test_b_frames_in_avi(tmp_path, codec, b_frames):
    """AVI has decoding times only; presentation times guessed from them go back and forth."""
    options = {"bf": b_frames} if codec == "libx264" else {"bf": b_frames, "qscale": 2}
    path = render(tmp_path / "a.avi", plain(45), codec=codec, **options)
    with av.open(path) as container:
        kinds = {frame.pict_type for frame in container.decode(video=0)}
    assert av.video.frame.PictureType.B in kinds
    frames, complaints = read(path)
    times = np.array([frame.time for frame in frames])
    assert complaints == []
    assert len(frames) == 45
    assert np.all(np.diff(times) >= 0)
    late = times[0]  # by the frames that the decoder holds back
    assert 0 <= late <= 0.12
    assert times - late == pytest.approx(np.arange(45) / 25, abs=0.0801)
    assert np.diff(times)[5:] == pytest.approx(1 / 25)
    shades = [picture.mean() for picture in pixels(path)]
    assert shades == pytest.approx(40 + 3 * np.arange(45), abs=8)


def test_stamps_are_chosen_as_ffmpeg_does():
    """FFmpeg's rule, guess_correct_pts, in another form."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        pts, dts = (np.sort(rng.integers(0, 60, 30)) for _ in range(2))
        pts[:: int(rng.integers(2, 9))] += rng.integers(-9, 9)
        stamps = _Stamps()
        for i, (p, d) in enumerate(zip(pts.tolist(), dts.tolist(), strict=True)):
            faults = [int(np.sum(np.diff(t[: i + 1]) <= 0)) for t in (pts, dts)]
            assert stamps.choose(p, d) == (p if faults[0] <= faults[1] else d)
        assert _Stamps().choose(None, 3) == 3
        assert _Stamps().choose(3, None) == 3
        assert _Stamps().choose(None, None) is None


def test_a_late_start_is_kept(tmp_path):
    path = render(tmp_path / "a.mkv", plain(10), 5 + np.arange(10) / 25)
    assert times_of(path)[0] == pytest.approx(5, abs=1e-3)
    assert times_of(path, time_zero="container")[0] == pytest.approx(0, abs=1e-3)


def test_transport_streams_start_anywhere(tmp_path):
    path = render(tmp_path / "a.ts", plain(10), codec="libx264")
    assert times_of(path)[0] > 0
    assert times_of(path, time_zero="container") == pytest.approx(np.arange(10) / 25)


def test_sound_that_starts_first_is_time_zero(tmp_path):
    needs("libx264")
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), "s16", "mono")
        silence.sample_rate, silence.pts, silence.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(sound.encode(silence))
        for i, picture in enumerate(plain(10)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i + 25, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    for zero in ("timestamps", "container"):
        assert times_of(path, time_zero=zero)[0] == pytest.approx(1.0, abs=0.01)


def test_files_without_timestamps_are_counted(tmp_path):
    path = render(tmp_path / "a.h264", plain(10), codec="libx264")
    assert times_of(path) == pytest.approx(np.arange(10) / 25)


# ---------------------------------------------------------------------- pictures


def corner_picture(height=48, width=64):
    """Red at the top left, green at the top right, blue at the bottom left."""
    picture = np.full((height, width, 3), 128, np.uint8)
    picture[:16, :16] = (250, 0, 0)
    picture[:16, -16:] = (0, 250, 0)
    picture[-16:, :16] = (0, 0, 250)
    return picture


QUARTER_TURNS = {
    (1, 0, 0, 1): lambda p: p,
    (0, 1, -1, 0): lambda p: np.rot90(p, -1),  # a telephone held upright: clockwise
    (-1, 0, 0, -1): lambda p: np.rot90(p, 2),
    (0, -1, 1, 0): lambda p: np.rot90(p, 1),
    (-1, 0, 0, 1): lambda p: p[:, ::-1],
    (1, 0, 0, -1): lambda p: p[::-1],
    (0, 1, 1, 0): lambda p: p.swapaxes(0, 1),
    (0, -1, -1, 0): lambda p: np.rot90(p, 2).swapaxes(0, 1),
}


@pytest.mark.parametrize("matrix", QUARTER_TURNS)
def test_pictures_are_upright(tmp_path, matrix):
    path = tmp_path / "a.mp4"
    picture = corner_picture()
    render(path, [picture] * 3)
    with_matrix(path, *matrix)
    turned = QUARTER_TURNS[matrix](picture)
    for drawn in pixels(path):
        assert drawn.shape == turned.shape
        assert np.abs(drawn.astype(int) - turned).mean() < 8
    with av.open(str(path)) as container:  # FFmpeg's own angle says the same
        frame = next(container.decode(video=0))
        if np.linalg.det(np.reshape(matrix, (2, 2))) > 0 and hasattr(frame, "rotation"):
            by_angle = np.rot90(picture, round(frame.rotation / 90))
            assert np.array_equal(by_angle, turned)


class _Unnamed:
    """A picture whose side data PyAV cannot list, for one of a kind that it has no name for."""

    def __init__(self, picture):
        self.picture, self.rotation = picture, picture.rotation

    @property
    def side_data(self):
        raise ValueError("31 is not a valid Type")


@pytest.mark.parametrize("matrix", list(QUARTER_TURNS)[:4])
def test_side_data_without_a_name_stops_nothing(tmp_path, matrix):
    path = with_matrix(Path(render(tmp_path / "a.mp4", [corner_picture()] * 2)), *matrix)
    frame = next(iter(VideoReader(str(path), "Video 0", "raise", "timestamps")))
    named, unnamed = Canvas("Video 0"), Canvas("Video 0")
    named._read_matrix(frame.picture)
    unnamed._read_matrix(_Unnamed(frame.picture))
    assert unnamed._turn == named._turn


def test_other_angles_are_refused(tmp_path):
    path = tmp_path / "a.mp4"
    render(path, plain(3))
    with_matrix(path, 0.7071, 0.7071, -0.7071, 0.7071)
    with pytest.raises(ValueError, match=r"Video 0 is to be shown turned by 45 degrees"):
        pixels(path)
    with pytest.raises(ValueError, match="V is to be shown"):
        turn_of(np.zeros(9, np.int32), "V")


def test_pixels_that_are_not_square(tmp_path):
    path = tmp_path / "a.mkv"
    needs("mpeg4")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        for i, picture in enumerate(plain(3)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert pixels(path)[0].shape == (48, 96, 3)


@pytest.mark.parametrize(
    ("codec", "layout"),
    [
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("ffv1", "yuv420p10le"),
        ("ffv1", "yuv444p12le"),
        ("ffv1", "bgra"),
        ("libx264", "yuv422p"),
        ("mjpeg", "yuvj420p"),
    ],
)
def test_pixel_formats(tmp_path, codec, layout):
    path = render(tmp_path / "a.mkv", plain(5), codec=codec, layout=layout)
    drawn = pixels(path)
    assert [p.mean() for p in drawn] == pytest.approx([40 + 3 * i for i in range(5)], abs=2.5)
    assert all(p.shape == (48, 64, 3) and p.dtype == np.uint8 for p in drawn)
    assert pixels(path, "gray")[2].mean() == pytest.approx(46, abs=2.5)


@pytest.mark.parametrize(("height", "width"), [(49, 67), (1, 1), (3, 101), (2, 2)])
def test_odd_sizes(tmp_path, height, width):
    path = render(tmp_path / "a.mkv", plain(3, height, width), codec="ffv1")
    assert pixels(path)[1].shape == (height, width, 3)
    assert pixels(path, "gray")[1].shape == (height, width)
    (first, *_), _ = read(path)
    assert min(first.pixels("gray", 20, True).shape) == 20


def test_scaling_keeps_the_shape(tmp_path):
    path = render(tmp_path / "a.mkv", plain(1, 48, 64))
    (frame,), _ = read(path)
    assert frame.pixels("rgb24", 24, False).shape == (24, 32, 3)
    assert frame.pixels("rgb24", 96, False).shape == (48, 64, 3)
    assert frame.pixels("gray", 96, True).shape == (96, 128)


def test_one_picture_is_a_video_of_one_frame(tmp_path):
    frames, _ = read(render(tmp_path / "a.png", plain(1), codec="png", layout="rgb24"))
    assert [frame.time for frame in frames] == [0]


# ---------------------------------------------------------------------- what is no video


def test_no_video_stream(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(ValueError, match=r"Video 3 \(.*a\.wav\) has no video stream.*audio"):
        read(path)


def test_the_cover_of_a_sound_file_is_no_video(tmp_path):
    needs("mjpeg")
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value
        frame = av.VideoFrame.from_ndarray(plain(1)[0], format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 1)
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        silence.sample_rate, silence.pts, silence.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with pytest.raises(ValueError, match="has no video stream"):
        read(path)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.mp4", b"", "is empty"),
        ("a.mp4", b"no video at all\n" * 50, "cannot be opened as a video"),
        ("a.txt", b"no video at all\n" * 50, "is not a video|cannot be opened"),
        ("a.avi", bytes(5000), "cannot be opened as a video"),
    ],
)
def test_what_is_not_a_video(tmp_path, name, content, match):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match) as caught:
        read(path)
    assert str(caught.value).startswith(f"Video 3 ({path})")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Video 3 \(.*no\.mp4\): there is no such file"):
        read(tmp_path / "no.mp4")
    with pytest.raises(ValueError, match=r"Video 3 .* is not a file"):
        read(tmp_path)


# ---------------------------------------------------------------------- damage


def test_cut_off_mp4_without_its_index(tmp_path):
    path = tmp_path / "a.mp4"
    render(path, noise(50))
    with pytest.raises(ValueError, match="its index is missing"):
        read(halved(path))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_cut_off_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    pictures = noise(50)
    if suffix == "mp4":  # the index first, as for streaming
        needs("mpeg4")
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            for i, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    else:
        render(path, pictures, codec="libx264")
    cut = halved(path, 0.6)
    with pytest.raises(ValueError, match=r"Video 3 \(.*cut.* is damaged: .*\d\.\d\d s"):
        read(cut)
    frames, (complaint,) = read(cut, on_error="truncate")
    assert 10 < len(frames) < 45
    assert [frame.time - frames[0].time for frame in frames] == pytest.approx(
        np.arange(len(frames)) / 25, abs=1e-3
    )
    assert "Video 3" in complaint
    assert "cut there" in complaint


def damaged(path, codec="libx264"):
    """A file with rubbish in its middle; gop 5, so that it recovers."""
    render(path, noise(60), codec=codec, gop=5)
    data = bytearray(path.read_bytes())
    at = len(data) // 2
    data[at : at + 6000] = bytes([255]) * 6000
    path.write_bytes(data)
    return path


def test_rubbish_in_the_middle(tmp_path):
    path = damaged(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"Video 3 .* is damaged: .* at \d\.\d\d s.*on_error="):
        read(path)
    before, (complaint,) = read(path, on_error="truncate")
    assert 10 < len(before) < 50
    assert f"at {before[-1].time + 0.04:.2f} s" in complaint
    around, (complaint,) = read(path, on_error="skip")
    assert len(before) < len(around) < 60
    assert around[-1].time == pytest.approx(59 / 25)
    assert "left out" in complaint


def test_time_that_goes_back_is_damage(tmp_path):
    path = tmp_path / "a.ts"
    render(path, plain(30), codec="libx264")
    data = path.read_bytes()
    path.write_bytes(data + data)  # two recordings, one behind the other
    with pytest.raises(ValueError, match=r"is damaged: (time goes back|a damaged|an incomplete)"):
        read(path)
    frames, (complaint,) = read(path, on_error="skip")
    assert np.all(np.diff([frame.time for frame in frames]) >= 0)


def test_time_that_leaps_is_damage(tmp_path):
    times = [0, 0.04, 0.08, 50_000, 50_000.04]
    path = render(tmp_path / "a.mkv", plain(5), times)
    with pytest.raises(ValueError, match=r"time leaps to 50000\.00 s at 0\.12 s"):
        read(path)
    assert len(read(path, on_error="truncate")[0]) == 3


def test_long_stills_are_no_damage(tmp_path):
    times = [0, 10, 20, 620]
    path = render(tmp_path / "a.mkv", plain(4), times)
    assert times_of(path) == pytest.approx(times)


@pytest.mark.slow
def test_frames_are_let_go_at_once(tmp_path):
    """Not only when Python looks for cycles: those of a large video would fill the memory."""
    path = render(tmp_path / "a.mp4", plain(60))
    gc.collect()
    gc.disable()
    try:
        for frame in VideoReader(path, "Video 0", "raise", "timestamps"):
            frame.pixels("gray", 32, False)
        del frame
        alive = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert alive <= 2


def test_the_file_is_closed_when_reading_stops(tmp_path):
    path = render(tmp_path / "a.mp4", plain(20))
    frames = iter(VideoReader(path, "Video 0", "raise", "timestamps"))
    next(frames)
    frames.close()
    assert path not in {str(link.resolve()) for link in Path("/proc/self/fd").glob("*")}
