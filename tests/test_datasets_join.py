"""Videos, order, timing and labels from different files brought together by id."""

import numpy as np
import pandas as pd
import pytest
from helpers.data import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Clips, Segments
from sklearn_asn.datasets import (
    align,
    check_frame_counts,
    feature_timing,
    load_feature_folder,
    load_thumos14_annotations,
    restrict_labels,
)


def clips_of(ids):
    return Clips.from_list([np.full((i + 1, 2), i) for i in range(len(ids))], ids=ids)


def segments_of(ids):
    videos = [[("run", float(i), i + 0.5)] * (i % 2) for i in range(len(ids))]
    return Segments.from_list(videos, ids=ids)


@given(order=st.permutations(list("abcdef")))
@settings(max_examples=25, deadline=None)
def test_align(order):
    X, y = clips_of(list("abcdef")), segments_of(order)
    first, second = align(X, y)
    assert first == X
    assert second.ids.tolist() == list("abcdef")
    for video, found in zip(second.ids, second, strict=True):
        assert found == y[order.index(video)] or str(found) == str(y[order.index(video)])
    back, _ = align(y, X)
    assert back == y


def test_align_missing():
    X, y = clips_of(["a", "b", "c"]), segments_of(["d", "c", "e", "a"])
    with pytest.raises(ValueError, match=r"^3 videos are in one of X and y only: b \(X only\), d "):
        align(X, y)
    with pytest.warns(UserWarning, match=r"Left out: 3 videos .* e \(y only\)"):
        first, second = align(X, y, on_missing="drop")
    assert first.ids.tolist() == second.ids.tolist() == ["a", "c"]
    assert first.lengths.tolist() == [1, 3]
    assert second.lengths.tolist() == [1, 1]
    many = clips_of([f"v{i}" for i in range(30)])
    with pytest.raises(ValueError, match=r"^29 videos .*\(29 in all\)") as error:
        align(many, clips_of(["v3"]))
    assert str(error.value).count("X only") == 10


@pytest.mark.parametrize(
    ("X", "y", "match"),
    [
        (clips_of(["a"]), segments_of(["v_a"]), "no video in common; X has a, y has v_a"),
        (Clips.from_list([np.zeros((2, 2))]), segments_of(["a"]), "X must be Clips or Segments w"),
        (clips_of(["a"]), Segments.from_list([[]]), "y must be Clips or Segments with ids"),
        (clips_of(["a"]), [{"run"}], "y must be Clips or Segments with ids"),
        (clips_of(["a", "b"])[[0, 0]], segments_of(["a"]), "ids of X must not repeat .*: a"),
    ],
)
def test_align_arguments(X, y, match):
    with pytest.raises(ValueError, match=match):
        align(X, y)
    with pytest.raises(ValueError, match="on_missing='keep'; expected"):
        align(X, y, on_missing="keep")


def test_check_frame_counts():
    X = clips_of(["a", "b", "c"])  # 1, 2, 3 clips
    assert check_frame_counts(X, [15, 30, 45], 15, tolerance=0) is X
    check_frame_counts(X, {"c": 59, "b": 20, "a": 16}, 15)
    with pytest.raises(ValueError, match=r"^1 videos .*: c \(3 clips, not 4\.1\)\. on_mismatch="):
        check_frame_counts(X, {"c": 61, "b": 20, "a": 16}, 15)
    with pytest.raises(ValueError, match=r"^2 videos .*: a \(1 clips, not 2.0\), c \(3 clips,"):
        check_frame_counts(X, 30, 15, tolerance=0.5)
    with pytest.warns(UserWarning, match=r"Left out: 1 videos .*: a \(1 clips, not 4\.0\)\.$"):
        kept = check_frame_counts(X, [60, 30, 45], 15, on_mismatch="drop")
    assert kept.ids.tolist() == ["b", "c"]
    with pytest.raises(ValueError, match=r"^3 videos .*"):  # nothing would be left
        check_frame_counts(X, 600, 15, on_mismatch="drop")
    with pytest.raises(ValueError, match="on_mismatch='skip'; expected"):
        check_frame_counts(X, 30, 15, on_mismatch="skip")
    with pytest.raises(ValueError, match="n_frames lacks 1 videos: b"):
        check_frame_counts(X, {"c": 61, "a": 16}, 15)
    with pytest.raises(ValueError, match=r"n_frames must be positive .* b \(nan\)"):
        check_frame_counts(X, [15, np.nan, 45], 15)
    with pytest.raises(ValueError, match="frames_per_feature=0; expected"):
        check_frame_counts(X, 30, 0)
    no_ids = Clips.from_list([np.zeros((9, 2))])
    check_frame_counts(no_ids, [130], 15)
    with pytest.raises(ValueError, match=r": 0 \(9 clips, not 20\.0\)"):
        check_frame_counts(no_ids, [300], 15)


def test_restrict_labels():
    y = Segments.from_list(
        [[("run", 0, 1), ("golf", 1, 2)], [("golf", 0, 3)], [], [("jump", 0, 1), ("golf", 2, 3)]],
        ids=["a", "b", "c", "d"],
    )
    assert restrict_labels(y, ["golf", "jump", "run", "swim"]) == y
    with pytest.raises(ValueError, match=r"^2 labels .*: golf \(3 segments\), jump \(1 segments\)"):
        restrict_labels(y, ["run"])
    with pytest.warns(UserWarning, match=r"Left out: 1 labels .*: golf \(3 segments\)"):
        kept = restrict_labels(y, {"run", "jump"}, on_unknown="drop")
    assert kept.ids.tolist() == ["a", "b", "c", "d"]
    assert [[s.label for s in video] for video in kept] == [["run"], [], [], ["jump"]]
    numbers = Segments.from_list([[(3, 0, 1), (5, 1, 2)]])
    with pytest.warns(UserWarning, match=r"5 \(1 segments\)"):
        assert restrict_labels(numbers, np.array([3]), on_unknown="drop").label.tolist() == [3]
    assert len(restrict_labels(Segments.from_list([[]]), ["run"])) == 1
    with pytest.raises(TypeError, match="y must be Segments, got list"):
        restrict_labels([{"run"}], ["run"])
    with pytest.raises(TypeError, match="classes must be a sequence, got 'run'"):
        restrict_labels(y, "run")
    with pytest.raises(ValueError, match="on_unknown='keep'; expected"):
        restrict_labels(y, ["run"], on_unknown="keep")


# ---------------------------------------------------------------------------------- timing


@given(
    fps=st.floats(1, 120),
    step=st.integers(1, 64),
    n=st.integers(1, 50),
    first=st.sampled_from([0, 1]),
)
@settings(max_examples=30, deadline=None)
def test_feature_timing(fps, step, n, first):
    """Feature i starts at frame first + step * i, frame f is at f / fps (algorithm.md 1.4)."""
    timing = feature_timing(fps, step, first_frame=first)
    X = Clips.from_list([np.zeros((n, 1))], **timing)
    starts = X.to_time(np.zeros(n, dtype=int), np.arange(n))
    np.testing.assert_allclose(starts, [(first + step * i) / fps for i in range(n)])


def test_feature_timing_is_untrimmednets_by_default():
    """The worked example of algorithm.md 1.4: clips 2 to 5 at 30 fps are 1.0333 to 3.0333 s."""
    X = Clips.from_list([np.zeros((16, 1))], **feature_timing(30))
    np.testing.assert_allclose(X.to_time(np.zeros(2, int), np.array([2, 6])), [1.03333, 3.03333],
                               atol=1e-5)  # fmt: skip
    for fps in ({"x": 25.0, "y": 30.0}, pd.Series({"x": 25.0, "y": 30.0})):
        timing = feature_timing(fps, 10)
        assert timing == {
            "clip_seconds": {"x": 0.4, "y": 10 / 30},
            "start_seconds": {"x": 0.04, "y": 1 / 30},
        }
    assert feature_timing([25.0, 50.0], 10)["clip_seconds"] == [0.4, 0.2]
    with pytest.raises(ValueError, match=r"fps must be positive .* 1 \(0\)"):
        feature_timing([25.0, 0.0])
    with pytest.raises(ValueError, match=r"fps must be positive .* y \(-1\)"):
        feature_timing({"x": 25.0, "y": -1})
    with pytest.raises(ValueError, match="frames_per_feature=0; expected"):
        feature_timing(25.0, 0)
    with pytest.raises(ValueError, match="first_frame=-1; expected"):
        feature_timing(25.0, first_frame=-1)


def test_thumos14_features_and_annotations_together(tmp_path):
    """The whole way: official annotations, features in files, UntrimmedNet's timing, one order."""
    if not (DATA / "thumos14").is_dir():
        pytest.skip("the THUMOS14 annotations are not in ../shared/data/thumos14")
    data = load_thumos14_annotations(DATA / "thumos14", subset="validation")
    frames = data.table["n_frames"]
    chosen = data.y.ids[::10][::-1].tolist()
    counts = {v: 1 + int(frames[v] - 1) // 15 for v in chosen}  # frames 1, 16, 31, ...
    for video, n in counts.items():
        np.save(tmp_path / f"{video}.npy", np.ones((n, 2), np.float32))
    X = load_feature_folder(tmp_path, videos=chosen, **feature_timing(data.table["fps"]))
    check_frame_counts(X, frames, 15)
    with pytest.raises(ValueError, match=r"^20 videos have another number of clips"):
        check_frame_counts(X, frames, 16)
    with pytest.warns(UserWarning, match="Left out: 180 videos"):
        X, y = align(X, data.y, on_missing="drop")
    assert X.ids.tolist() == y.ids.tolist() == chosen
    inside = y.filter(y.start < X.spans[y.video, 1])
    assert len(inside.label) > 0.98 * len(y.label)
    assert np.all(inside.end < X.spans[inside.video, 1] + 1)
