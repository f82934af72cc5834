"""VIA 3: the JSON itself, projects made by VIA, and files that are damaged."""

import json

import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import read_via, write_via

FOUND = Segments.from_list([[("run", 0.5, 2.0, 0.9), ("fall", 1 / 3, 2.5)], []], ids=["a", "b"])


def written(tmp_path, **options):
    write_via(FOUND, tmp_path / "my project.json", overwrite=True, **options)
    return json.loads((tmp_path / "my project.json").read_text())


def read(tmp_path, store, **options):
    (tmp_path / "via.json").write_text(json.dumps(store))
    return read_via(tmp_path / "via.json", **options)


def test_project(tmp_path):
    store = written(tmp_path)
    assert list(store) == ["project", "config", "attribute", "file", "view", "metadata"]
    assert store["project"]["vid_list"] == ["1", "2"]
    assert store["project"]["pname"] == "my project"
    assert store["file"]["2"] == {"fid": 2, "fname": "b", "type": 4, "loc": 1, "src": ""}
    assert store["view"]["2"] == {"fid_list": [2]}
    attributes = {k: (a["aname"], a["anchor_id"]) for k, a in store["attribute"].items()}
    assert attributes == {"1": ("label", "FILE1_Z2_XY0"), "2": ("score", "FILE1_Z2_XY0")}
    entry = {"vid": "1", "flg": 0, "z": [0.5, 2.0], "xy": [], "av": {"1": "run", "2": "0.9"}}
    assert store["metadata"]["1_0"] == entry
    assert store["metadata"]["1_1"]["av"] == {"1": "fall"}
    assert store["metadata"]["1_1"]["z"] == [1 / 3, 2.5]


def test_media(tmp_path):
    place = written(tmp_path, media={"a": "https://h/a.mp4", "b": "/v/b.mp4"})["file"]
    assert (place["1"]["loc"], place["1"]["src"]) == (2, "https://h/a.mp4")
    assert (place["2"]["loc"], place["2"]["src"]) == (3, "/v/b.mp4")
    assert [f["fname"] for f in place.values()] == ["a", "b"]


def test_other_attributes(tmp_path):
    store = written(tmp_path, attribute="action")
    assert read(tmp_path, store, attribute="action") == FOUND
    store["attribute"]["3"] = {**store["attribute"]["1"], "aname": "who"}
    for entry in store["metadata"].values():
        entry["av"]["3"] = "Ann"
    with pytest.raises(ValueError, match="temporal segments: action, who; name one: `attribute`"):
        read(tmp_path, store)
    assert [s.label for s in read(tmp_path, store, attribute="who")[0]] == ["Ann", "Ann"]
    with pytest.raises(ValueError, match="temporal segments: action, score, who; name one"):
        read(tmp_path, store, attribute="where")
    for attribute in store["attribute"].values():
        attribute["anchor_id"] = "FILE1_Z1_XY1"
    with pytest.raises(ValueError, match="temporal segments: none; name one"):
        read(tmp_path, store)
    with pytest.raises(ValueError, match="attribute='score'"):
        written(tmp_path, attribute="score")


def test_several_temporal_attributes(tmp_path):
    """VIA gives each of its tracks segments of their own, whose other values are not there."""
    store = written(tmp_path, attribute="action")
    store["attribute"]["3"] = {**store["attribute"]["1"], "aname": "who"}
    store["metadata"]["1_1"]["av"] = {"1": "", "3": "Ann"}
    assert [s.label for s in read(tmp_path, store, attribute="action")[0]] == ["run"]
    assert [s.label for s in read(tmp_path, store, attribute="who")[0]] == ["Ann"]
    both = read(tmp_path, store, attribute=["who", "action"])
    assert [s[:3] for s in both[0]] == [("run", 0.5, 2.0), ("Ann", 1 / 3, 2.5)]
    store["metadata"]["1_1"]["av"] = {"1": ""}
    with pytest.raises(ValueError, match=r"metadata.1_1: no label. on_invalid='drop'"):
        read(tmp_path, store, attribute="who")
    with pytest.raises(ValueError, match="temporal segments: action, score, who; name one"):
        read(tmp_path, store, attribute=["who", "where"])


def test_options(tmp_path):
    store = written(tmp_path)
    store["attribute"]["1"].update(type=4, options={"0": "running", "1": "falling"})
    store["metadata"]["1_0"]["av"]["1"] = "1"
    store["metadata"]["1_1"]["av"]["1"] = "free text"
    assert [s.label for s in read(tmp_path, store)[0]] == ["falling", "free text"]
    store["attribute"]["1"]["type"] = 2
    store["metadata"]["1_0"]["av"]["1"] = "1,0"
    assert [s[:3] for s in read(tmp_path, store)[0]] == [
        ("falling", 0.5, 2.0),
        ("running", 0.5, 2.0),
        ("free text", 1 / 3, 2.5),
    ]


def test_what_is_no_segment_is_left_out(tmp_path):
    store = written(tmp_path)
    box = {"vid": "1", "flg": 0, "z": [0.9], "xy": [2, 1, 2, 3, 4], "av": {}}
    store["metadata"] |= {"x": box, "y": {**box, "z": [1.0, 2.0]}, "z": {**box, "xy": []}}
    assert read(tmp_path, store) == FOUND


def test_before_version_3_1_1(tmp_path):
    """The form of VIA's own example, _via_demo_video_annotator.js."""
    store = {
        "project": {"pid": "x", "data_format_version": "3.1.0"},
        "attribute": {"1": {"aname": "Activity", "anchor_id": "FILE1_Z2_XY0", "type": 1}},
        "file": {"1": {"fid": 1, "fname": "Alioli.mp4", "type": 4, "loc": 4, "src": "data:"}},
        "view": {"1": {"fid_list": [1]}},
        "vid_list": ["1"],
        "metadata": {
            "-glfwaaX": {"vid": "1", "flg": 0, "z": [2, 6.5], "xy": [], "av": {"1": "1. break egg"}}
        },
    }
    expected = [[("1. break egg", 2.0, 6.5)]]
    assert read(tmp_path, store) == Segments.from_list(expected, ids=["Alioli.mp4"])


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["project"], None, "via.json: 'project' is None; expected an object"),
        (["project", "vid_list"], 1, "via.json: project: 'vid_list' is 1.0; expected a list"),
        (["project", "vid_list"], ["9"], "via.json: view.9: '9' is None; expected an object"),
        (["project", "vid_list"], ["2"], "metadata.1_0: 'vid' is '1', which is not in vid_list"),
        (["view", "1", "fid_list"], [1, 2], "view.1 has 2 files; expected one"),
        (["view", "1", "fid_list"], [7], "via.json: file: '7' is None; expected an object"),
        (["file", "1", "fname"], 3, "file.1: 'fname' is 3.0; expected a string"),
        (["file", "1", "fname"], "b", "fname must not repeat a name; repeated: b"),
        (["attribute", "1", "aname"], None, "attribute.1: 'aname' is None; expected a string"),
        (["metadata", "1_0"], [], "metadata.1_0: 'z' is None; expected a list"),
        (["metadata", "1_0", "z"], [0, "1"], "metadata.1_0: 'z' is '1'; expected a finite number"),
        (["metadata", "1_0", "z"], [1, 1], "metadata.1_0: expected finite times with start < end"),
        (["metadata", "1_0", "av"], {}, "metadata.1_0: no label. on_invalid='drop'"),
        (
            ["metadata", "1_0", "av", "2"],
            "high",
            "metadata.1_0.av: score is 'high'; expected a num",
        ),
    ],
)
def test_damaged(tmp_path, keys, value, message):
    store = written(tmp_path)
    part = store
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises(ValueError, match=message):
        read(tmp_path, store)


def test_damaged_text(tmp_path):
    (tmp_path / "via.json").write_text('{"project":\n{]')
    with pytest.raises(ValueError, match=r"via.json, line 2: no JSON, or cut short"):
        read_via(tmp_path / "via.json")
