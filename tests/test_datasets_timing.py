"""`feature_timing`: frames of windows become times of clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn import Clips
from sklearn_asn.datasets import check_frame_counts, feature_timing


def middle(timing, i):
    return timing["start_seconds"] + (i + 0.5) * timing["clip_seconds"]


@pytest.mark.parametrize(
    ("preset", "stride", "window", "centre"),
    [
        ("actionformer_i3d", 4, 16, 8),
        ("opentad_videomae", 4, 16, 8),
        ("opentad_videomaev2", 4, 16, 8),
        ("opentad_internvideo2", 4, 16, 8),
        ("opentad_slowfast", 4, 32, 16),
        ("epic_slowfast", 16, 32, 16),
        ("wtalc_i3d", 16, 16, 8),
        ("untrimmednet", 15, 15, 8.5),
    ],
)
def test_presets(preset, stride, window, centre):
    timing = feature_timing(30.0, preset=preset)
    for i in (0, 7):
        assert middle(timing, i) == pytest.approx((stride * i + centre) / 30)
    for n_frames in (window, window + stride - 1, 997):
        assert timing.n_clips(n_frames) == len(range(0, n_frames - window + 1, stride))
    assert timing.n_clips([window - 1, window]).tolist() == [0, 1]


def test_untrimmednet_is_the_default():
    assert feature_timing(25.0) == feature_timing(25.0, preset="untrimmednet")
    assert feature_timing(25.0) == {"clip_seconds": 0.6, "start_seconds": 0.04}


@given(
    st.floats(1, 120), st.integers(1, 40), st.integers(0, 40), st.integers(0, 9), st.integers(0, 99)
)
def test_a_clip_is_the_middle_of_its_window(fps, stride, more, first, i):
    window = stride + more
    timing = feature_timing(fps, stride, window=window, first_frame=first)
    centre = first + stride * i + window / 2
    assert middle(timing, i) == pytest.approx(centre / fps)
    again = feature_timing(fps, stride, window=window, offset_frames=first + window / 2)
    assert again == pytest.approx(timing)


def test_actionformers_grid():
    """Its loader puts time t at ``t * fps / stride - 0.5 * window / stride`` of the features."""
    fps, stride, window = 29.97, 4, 16
    timing = feature_timing(fps, stride, window=window)
    for t in (0.3, 12.0):
        theirs = t * fps / stride - 0.5 * window / stride
        ours = (t - timing["start_seconds"]) / timing["clip_seconds"]
        assert ours - 0.5 == pytest.approx(theirs)  # point i of theirs is the middle of clip i


def test_by_id_and_as_options():
    timing = feature_timing({"a": 30.0, "b": 25.0}, 4, window=16)
    assert timing["clip_seconds"] == {"a": 4 / 30, "b": 0.16}
    assert timing["start_seconds"] == {"a": 0.2, "b": 0.24}
    assert feature_timing({7: 30.0})["clip_seconds"] == {"7": 0.5}
    clips = Clips.from_list([np.zeros((3, 2))], **feature_timing(25.0, 4, window=16))
    np.testing.assert_allclose(clips.spans, [[0.24, 0.72]])


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"preset": "i3d"}, "preset='i3d'; expected one of"),
        ({"preset": "wtalc_i3d", "window": 16}, "give it, or them"),
        ({"frames_per_feature": 8, "window": 4}, "window=4 is narrower than the stride"),
        ({"window": 0}, "window=0; expected"),
        ({"offset_frames": 8, "first_frame": 0}, "give no first_frame"),
        ({"offset_frames": -1}, "offset_frames=-1; expected"),
        ({"frames_per_feature": 0}, "frames_per_feature=0; expected"),
        ({"first_frame": -1}, "first_frame=-1; expected"),
    ],
)
def test_arguments(kwargs, match):
    with pytest.raises(ValueError, match=match):
        feature_timing(30.0, **kwargs)
    with pytest.raises(ValueError, match="n_frames must be finite"):
        feature_timing(30.0).n_clips([3, np.nan])


def test_frame_counts_of_wide_windows():
    timing = feature_timing(30.0, 4, window=32)
    X = Clips.from_list([np.zeros((int(timing.n_clips(n)), 2)) for n in (100, 333)])
    assert check_frame_counts(X, [100, 333], 4, 0, window=32) is X
    with pytest.raises(
        ValueError, match=r"windows of 32 every 4 frames give .*1 \(76 clips, not 80"
    ):
        check_frame_counts(X, [100, 350], 4, 0, window=32)
    with pytest.raises(ValueError, match="window=3; expected"):
        check_frame_counts(X, [100, 333], 4, window=3)
