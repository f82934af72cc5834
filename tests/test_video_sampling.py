"""Frames to clips, with frames that are only numbers: neither PyAV nor OpenCV is needed."""

import numpy as np
import pytest

from sklearn_asn.video._decode import Frame
from sklearn_asn.video._sampling import ClipSampler


def frames_at(times, duration=0.1):
    return [Frame(float(t), duration, i, None) for i, t in enumerate(times)]


def picture(frame):
    return np.full((2, 2, 3), frame.picture, np.uint8)


def grey(frame):
    return np.full((2, 2), frame.picture, np.uint8)


def flow(before, after):
    """Return which two frames were compared."""
    return np.stack([before, after], axis=-1).astype(np.float32)


def sampler(clip_seconds=1.0, n_samples=1, n_flow=2, max_fps=None):
    return ClipSampler(clip_seconds, n_samples, n_flow, picture, grey, flow, max_fps)


def shown(samples):
    return [sample.pictures[:, 0, 0, 0].tolist() for sample in samples]


def compared(samples):
    """Pairs of frames in every stack of every clip; [0, 0] is no motion."""
    return [sample.flow[:, :, 0, 0].astype(int).tolist() for sample in samples]


def test_a_moment_has_the_picture_shown_then():
    samples = list(sampler(n_samples=2)(frames_at([0, 0.2, 0.3, 0.7, 1.0, 1.25, 1.5])))
    # moments 0.25, 0.75 | 1.25 (that frame itself), 1.75
    assert shown(samples) == [[1, 3], [5, 6]]


def test_a_clip_without_frames_has_the_picture_before_it_and_no_motion():
    samples = list(sampler()(frames_at([0, 0.1, 0.2, 3.4, 3.5, 3.6], duration=0.4)))
    assert shown(samples) == [[2], [2], [2], [4]]
    assert compared(samples)[1:3] == [[[[0, 0], [0, 0]]]] * 2
    # nor is there motion across the gap: frames 2 and 3 are further apart than a clip
    assert compared(samples)[3] == [[[0, 0], [3, 4]]]
    assert np.isinf(samples[1].steps).all()


def test_a_motion_belongs_to_the_clip_of_its_later_frame_and_to_no_other():
    samples = list(sampler(n_flow=9)(frames_at(np.arange(10) / 5)))
    assert [sorted({tuple(pair) for pair in clip[0]}) for clip in compared(samples)] == [
        [(0, 1), (1, 2), (2, 3), (3, 4)],
        [(4, 5), (5, 6), (6, 7), (7, 8), (8, 9)],
    ]


def test_stacks_are_successive_motions_around_the_moment():
    (sample,) = sampler(n_samples=2, n_flow=3)(frames_at(np.arange(20) / 20, 0.05))
    first, second = compared([sample])[0]
    assert [b - a for a, b in first + second] == [1] * 6
    assert [a for a, _ in first] == list(range(first[0][0], first[0][0] + 3))
    assert first[0][1] <= 5 <= first[2][1]  # frame 5 is shown at 0.25
    assert second[0][1] <= 15 <= second[2][1]
    assert np.allclose(sample.steps, 0.05)


def test_short_clips_repeat_their_last_motion():
    samples = list(sampler(clip_seconds=0.2, n_flow=4)(frames_at(np.arange(4) / 10)))
    assert compared(samples) == [[[[0, 1]] * 4], [[[1, 2], [2, 3], [2, 3], [2, 3]]]]


def test_one_frame_is_one_clip_that_does_not_move():
    (sample,) = sampler(n_samples=3)(frames_at([4.0], duration=0.04))
    assert shown([sample]) == [[0, 0, 0]]
    assert sample.flow.shape == (3, 2, 2, 2, 2)
    assert not sample.flow.any()


def test_no_frame_is_no_clip():
    assert list(sampler()(iter([]))) == []


@pytest.mark.parametrize(
    ("n_frames", "n_clips"), [(1, 1), (4, 1), (10, 1), (14, 1), (15, 2), (20, 2), (24, 2), (25, 3)]
)
def test_the_last_clip_is_kept_if_half_covered(n_frames, n_clips):
    assert len(list(sampler()(frames_at(np.arange(n_frames) / 10)))) == n_clips


def test_the_last_frame_is_shown_for_its_duration():
    frames = [*frames_at([0, 0.5]), Frame(1.0, 3.0, 7, None)]
    assert shown(sampler()(frames)) == [[1], [7], [7], [7]]


def test_clips_start_with_the_first_frame():
    cut = sampler()
    assert shown(cut(frames_at([5.3, 5.8, 6.3, 6.8], 0.5))) == [[1], [3]]
    assert cut.start == 5.3


@pytest.mark.parametrize("rate", [10, 24, 25, 30, 30000 / 1001, 60])
@pytest.mark.parametrize("start", [0.0, 1.4, 1 / 3, 3600.04])
def test_times_on_borders_are_not_moved_by_rounding(rate, start):
    """Clips of exactly 6 frames: every clip has the same six, whatever floats do."""
    n = 600
    cut = ClipSampler(6 / rate, 6, 6, picture, grey, flow)
    frames = [Frame(start + i / rate, 1 / rate, i % 256, None) for i in range(n)]
    samples = list(cut(frames))
    assert len(samples) == n // 6
    for clip, sample in enumerate(samples):
        assert sample.pictures[:, 0, 0, 0].tolist() == [(6 * clip + i) % 256 for i in range(6)]
        assert sample.flow[0, -1, 0, 0, 1] == (6 * clip + 5) % 256


def test_max_fps_leaves_frames_out():
    frames = frames_at(np.arange(60) / 60, 1 / 60)
    (sample,) = sampler(n_flow=2, max_fps=30)(frames)
    assert compared([sample]) == [[[[26, 28], [28, 30]]]]
    assert np.allclose(sample.steps, 1 / 30)
    assert shown([sample]) == [[30]]


def test_max_fps_does_not_shorten_the_video():
    frames = frames_at([*(np.arange(60) / 60), 1.0], 0.5)  # the last frame, shown till 1.5 s
    assert len(list(sampler(max_fps=1)(frames))) == 2
    frames[-1] = frames[-1]._replace(time=0.9, duration=0.7)  # left out, but it was shown
    assert len(list(sampler(max_fps=1)(frames))) == 2


def test_only_the_pictures_sampled_are_made():
    made = []
    cut = ClipSampler(1.0, 1, 2, lambda f: made.append(f.picture) or picture(f), None, None)
    samples = list(cut(frames_at(np.arange(40) / 10)))
    assert len(made) == len(samples) == 4
    assert samples[0].flow is None
    cut = ClipSampler(1.0, 1, 2, None, grey, flow)
    assert all(sample.pictures is None for sample in cut(frames_at(np.arange(40) / 10)))


def test_only_the_frames_of_one_clip_are_held():
    held = []
    cut = sampler()

    def watched():
        for frame in frames_at(np.arange(250) / 10):
            held.append(len(cut._pairs) + len(cut._pictures))
            yield frame

    list(cut(watched()))
    assert max(held) <= 11


def test_a_sampler_starts_anew():
    cut = sampler()
    frames = frames_at(np.arange(25) / 10)
    first, second = list(cut(frames)), list(cut(frames))
    assert shown(first) == shown(second)
    assert compared(first) == compared(second)
