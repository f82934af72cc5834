"""Invalid times, and videos that only one of two files has: raise, drop, clip, keep."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn._data.invalid import settle
from sklearn_asn.datasets import load_activitynet, read_activitynet_results
from sklearn_asn.metrics import localization_map

RESULTS = {
    "results": {
        "b": [
            {"label": "Tango", "score": 0.25, "segment": [3, 4.5]},
            {"label": "Polo", "score": 1, "segment": [0, 90.5]},
        ],
        "v_a": [],
    }
}


def annotation(label, start, end):
    return {"label": label, "segment": [start, end]}


def small():
    entries = {
        "b": ("training", 20, [annotation("Tango", 0, 12), annotation("Polo", 3.5, 20.4)]),
        "v_a": ("validation", 7.5, [annotation("Polo", 1, 2)]),
    }
    names = ("subset", "duration", "annotations")
    database = {v: dict(zip(names, entry, strict=True)) for v, entry in entries.items()}
    return {"version": "VERSION 1.3", "database": database}


def write(path, data):
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "anet.json", small())


def test_clip_cuts_to_the_video_and_says_so(tmp_path):
    data = small()
    data["database"]["b"]["annotations"] = [
        annotation("Golf", -1, 4),
        annotation("Polo", 3, 25),
        annotation("Polo", 20, 20.4),  # within the tolerance: kept as it is
        annotation("Golf", 3, 3),
        annotation("Golf", 30, 40),
    ]
    path = write(tmp_path / "anet.json", data)
    with pytest.warns(UserWarning, match="Cut to their video") as said:
        y = load_activitynet(path, on_invalid="clip").y
    text = str(said[0].message)
    assert re.search(r"Cut to their video: 2 segments .*annotations\[0\].*annotations\[1\]", text)
    assert re.search(r"Left out: 2 segments .*nothing is left.*\[3\].*\[4\]", text)
    b = y[y.ids.tolist().index("b")]
    assert [s[:3] for s in b] == [("Golf", 0, 4), ("Polo", 3, 20), ("Polo", 20, 20.4)]
    with pytest.warns(UserWarning, match="Left out: 3 segments"):
        y = load_activitynet(path, on_invalid="drop", tolerance=5).y
    assert y[y.ids.tolist().index("b")][0][:3] == ("Polo", 3, 25)


def test_empty_gives_unknown_videos_an_entry(path):
    data = load_activitynet(path, videos=["x", "b"], on_missing="empty")
    assert data.y.ids.tolist() == ["x", "b"]
    assert data.y.lengths.tolist() == [0, 2]
    assert np.isnan(data.duration[0])
    assert data.duration[1] == 20
    assert data.subset.tolist() == ["", "training"]
    assert data.labels[0] == set()


def test_detections_of_other_videos(tmp_path):
    other = {"x": [{"label": "Polo", "score": 0.5, "segment": [1, 9]}] * 3}
    path = write(tmp_path / "r.json", {"results": RESULTS["results"] | other})
    with pytest.warns(UserWarning, match=r"1 videos .*: x\. Their 3 detections .* mAP rises"):
        dropped = read_activitynet_results(path, videos=["b", "v_a"], on_missing="drop")
    kept = read_activitynet_results(path, videos=["q", "b", "v_a"], on_missing="empty")
    assert kept.ids.tolist() == ["q", "b", "v_a", "x"]
    assert kept.lengths.tolist()[0] == 0
    assert kept.lengths.tolist()[-1] == 3
    assert kept[1:3] == dropped
    with pytest.raises(ValueError, match="duration is an array: give a dict"):
        read_activitynet_results(
            path, videos=["b", "v_a"], on_missing="empty", duration=[20.0, 20.0]
        )
    with pytest.warns(UserWarning, match="Cut to their video: 3 segments"):
        cut = read_activitynet_results(
            path, on_invalid="clip", duration={"b": 99, "v_a": 99, "x": 5}
        )
    assert cut.end[-3:].tolist() == [5.0] * 3


def test_drop_raises_map_and_empty_does_not(tmp_path):
    """With the kit's rule, detections in a video without ground truth are false."""
    truth, path = write(tmp_path / "anet.json", small()), tmp_path / "r.json"
    found = {v: [{"label": "Polo", "score": int(p), "segment": [3.5, 20]}] for v, p in ("b4", "x9")}
    found = read_activitynet_results(write(path, {"results": found}))
    kept = load_activitynet(truth, videos=found.ids, on_missing="empty").y
    with pytest.warns(UserWarning, match="mAP rises"):
        dropped = read_activitynet_results(path, videos=["b"], on_missing="drop")
    few = load_activitynet(truth, videos=["b"]).y
    assert localization_map(few, dropped) > localization_map(kept, found)


times = st.one_of(st.floats(-5, 25), st.sampled_from([np.nan, np.inf, 0.0, 20.0]))


@pytest.mark.filterwarnings("ignore:Left out", "ignore:Cut to")
@given(st.lists(st.tuples(times, times, st.sampled_from([20.0, np.nan])), max_size=8))
def test_what_is_kept_is_valid_and_what_was_valid_is_kept(rows):
    start, end, high = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    known = np.where(np.isnan(high), np.inf, high)
    with np.errstate(invalid="ignore"):
        fine = np.isfinite(start) & np.isfinite(end) & (start < end)
        fine &= (start >= 0) & (end <= known + 0.5)
    how = {"high": high, "tolerance": 0.5}
    keep, *same = settle(start, end, str, "segments", "drop", **how)
    np.testing.assert_array_equal(keep, fine)
    np.testing.assert_array_equal(same, [start, end])
    keep, left, right = settle(start, end, str, "segments", "clip", **how)
    assert np.all(keep[fine])
    np.testing.assert_array_equal([left[fine], right[fine]], [start[fine], end[fine]])
    assert np.all((left[keep] >= 0) & (left[keep] < right[keep]))
    cut = keep & ~fine
    assert np.all(right[cut] <= known[cut])
    if not fine.all():
        with pytest.raises(ValueError, match=f"^{np.sum(~fine)} segments are invalid"):
            settle(start, end, str, "segments", "raise", **how)
