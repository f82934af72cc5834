"""Label Studio: the JSON itself, exports, and files that are damaged."""

import copy
import json

import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import label_studio_config, read_label_studio, write_label_studio

TRUTH = Segments.from_list([[("run", 0.0, 0.4), ("jump", 1.0, 1.04)], []], ids=["a", "b"])
FOUND = Segments.from_list([[("run", 0.0, 0.4, 0.9), ("jump", 1.0, 1.04, 0.6)], []], ids=["a", "b"])


def task(*regions, video="/data/upload/3/8f3c-clip%201.mp4", **annotation):
    return {
        "id": 7,
        "data": {"video": video},
        "annotations": [{"result": [*regions], **annotation}],
    }


def span(first, last, *labels, **more):
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [*labels]}
    return {"id": "x", "type": "timelinelabels", "from_name": "act", "value": value, **more}


def read(tmp_path, tasks, framerate=10, **options):
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return read_label_studio(tmp_path / "tasks.json", framerate, **options)


def test_annotations(tmp_path):
    path = tmp_path / "tasks.json"
    write_label_studio(TRUTH, path, 25, media="https://host/{id}.mp4")
    first, second = json.loads(path.read_text())
    names = {"from_name": "label", "to_name": "video", "type": "timelinelabels"}
    value = {"ranges": [{"start": 1, "end": 10}], "timelinelabels": ["run"]}
    single = {"ranges": [{"start": 26, "end": 26}], "timelinelabels": ["jump"]}
    regions = [{"id": "0_0", **names, "value": value}, {"id": "0_1", **names, "value": single}]
    assert first == {
        "data": {"video": "https://host/a.mp4", "video_id": "a"},
        "annotations": [{"result": regions}],
    }
    assert second["annotations"] == [{"result": []}]
    assert read_label_studio(path, 25) == TRUTH
    with pytest.raises(ValueError, match="has no predictions; the other `source`"):
        read_label_studio(path, 25, source="predictions")


def test_predictions(tmp_path):
    path = tmp_path / "tasks.json"
    write_label_studio(FOUND, path, None, model_version="asn")
    first, second = json.loads(path.read_text())
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("asn", 0.75)
    assert prediction["result"][0] == {
        "id": "0_0",
        "from_name": "label",
        "to_name": "audio",
        "type": "labels",
        "value": {"start": 0.0, "end": 0.4, "channel": 0, "labels": ["run"]},
        "score": 0.9,
    }
    assert second["predictions"] == [{"result": [], "model_version": "asn"}]
    assert first["data"] == {"video": "a", "video_id": "a"}
    assert read_label_studio(path, source="predictions") == FOUND
    with pytest.raises(ValueError, match="has no annotations; the other `source`"):
        read_label_studio(path)
    with pytest.raises(ValueError, match="have scores, which annotations lack"):
        write_label_studio(FOUND, path, None, as_predictions=False, overwrite=True)


@pytest.mark.parametrize("framerate", [25, 29.97, None])
def test_the_sdk_accepts_it(tmp_path, framerate):
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface
    config = interface(label_studio_config(["run", "jump"], framerate, data_key="clip"))
    other = interface(label_studio_config(["walk"], framerate, data_key="clip"))
    config.validate()
    path = tmp_path / "tasks.json"
    for y, source in ((TRUTH, "annotations"), (FOUND, "predictions")):
        write_label_studio(y, path, framerate, data_key="clip", overwrite=True)
        first, second = json.loads(path.read_text())
        assert config.validate_task({"data": first["data"]})
        check = f"validate_{source[:-1]}"
        assert getattr(config, check)(first[source][0])
        assert getattr(config, check)(second[source][0])
        assert not getattr(other, check)(first[source][0])


def test_config():
    text = label_studio_config(['a "b" & <c>'], 29.97, from_name="act", data_key="clip")
    assert "<Label value='a \"b\" &amp; &lt;c&gt;'/>" in text
    assert '<Video name="video" value="$clip" frameRate="29.97"/>' in text
    text = label_studio_config(["run"], None)
    assert '<Labels name="label" toName="audio">' in text
    assert '<Video name="video" value="$video" sync="audio"/>' in text
    assert '<Audio name="audio" value="$video" sync="video"/>' in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"framerate": 0}, r"framerate=0; expected a number in \(0, inf\]"),
        ({"framerate": "25"}, "framerate='25'"),
        ({"framerate": None, "to_name": "video"}, "to_name='video' needs a framerate"),
        ({"framerate": 25, "from_name": ""}, "expected text for from_name"),
    ],
)
def test_bad_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        label_studio_config(["run"], **options)
    with pytest.raises(ValueError, match=message):
        write_label_studio(TRUTH, tmp_path / "tasks.json", **options)
    with pytest.raises(ValueError, match="data_key='video_id' is where the id goes"):
        write_label_studio(TRUTH, tmp_path / "tasks.json", 25, data_key="video_id")


def test_export(tmp_path):
    other = {"id": "y", "type": "choices", "from_name": "c", "value": {"choices": ["good"]}}
    box = {"type": "videorectangle", "value": {"sequence": [], "labels": ["dog"]}}
    sound = {"type": "labels", "value": {"start": 0.5, "end": 2.25, "labels": ["bark"]}}
    tasks = [task(span(1, 10, "run", "fall", score=0.9), other, box, sound)]
    expected = [[("run", 0.0, 1.0), ("fall", 0.0, 1.0), ("bark", 0.5, 2.25)]]
    assert read(tmp_path, tasks) == Segments.from_list(expected, ids=["8f3c-clip 1"])
    assert read(tmp_path, tasks, from_name="act").lengths.tolist() == [2]
    tasks[0]["data"] = {"video": "https://host/x/v.1.mp4?token=a/b"}
    assert read(tmp_path, tasks).ids.tolist() == ["v.1"]
    two = span(1, 10, "run")
    two["value"]["ranges"].append({"start": 21, "end": 21})
    assert [s[1:3] for s in read(tmp_path, [task(two)])[0]] == [(0.0, 1.0), (2.0, 2.1)]


def test_controls_of_a_region_are_no_labels(tmp_path):
    """Those with perRegion="true" repeat the region's times beside their own value."""
    named = span(1, 10, "run")
    beside = [
        {"type": kind, "from_name": kind, "id": "x", "value": {**value, **named["value"]}}
        for kind, value in [
            ("choices", {"choices": ["sure"]}),
            ("rating", {"rating": 3}),
            ("textarea", {"text": ["limps"]}),
            ("number", {"number": 2}),
        ]
    ]
    for region in beside:
        del region["value"]["timelinelabels"]
    sound = {"type": "labels", "value": {"start": 0.5, "end": 2.0, "labels": ["bark"]}}
    choice = {"type": "choices", "from_name": "dog", "value": {"start": 0.5, "end": 2.0}}
    choice["value"]["choices"] = ["big"]
    tasks = [task(beside[0], named, *beside[1:], sound, choice)]
    assert [s.label for s in read(tmp_path, tasks)[0]] == ["run", "bark"]
    assert [s[:3] for s in read(tmp_path, tasks, from_name="choices")[0]] == [("sure", 0.0, 1.0)]
    assert [s[:3] for s in read(tmp_path, tasks, from_name="dog")[0]] == [("big", 0.5, 2.0)]
    assert [s.label for s in read(tmp_path, tasks, from_name="textarea")[0]] == ["limps"]


def test_a_region_without_a_label(tmp_path):
    for region in (span(1, 10), {"type": "labels", "value": {"start": 0.0, "end": 1.0}}):
        with pytest.raises(ValueError, match=r"result\[1\]: no label. on_invalid='drop'"):
            read(tmp_path, [task(span(1, 5, "run"), region)])
        with pytest.warns(UserWarning, match="Left out: 1 invalid segments"):
            assert read(tmp_path, [task(region)], on_invalid="drop").lengths.tolist() == [0]


@pytest.mark.parametrize(
    ("link", "name"),
    [
        ("/data/local-files/?d=videos/walk%201.mp4", "walk 1"),
        ("/data/local-files/?d=videos%5Cday%5Cwalk.v2.mp4", "walk.v2"),
        ("http://host:8080/data/local-files/?d=a%26b.mp4&x=1", "a&b"),
        ("/tasks/7/resolve/?fileuri=czM6Ly9idWNrZXQvZGF5L3dhbGsubXA0", "walk"),
        ("s3://bucket/day/walk.mp4", "walk"),
        ("https://host/walk.mp4?d=other.mp4", "walk"),
        ("walk", "walk"),
    ],
)
def test_where_a_task_has_its_video(tmp_path, link, name):
    assert read(tmp_path, [task(span(1, 10, "run"), video=link)]).ids.tolist() == [name]


def test_labels_times_ranges_are_limited(tmp_path):
    region = span(1, 10, *map(str, range(1001)))
    region["value"]["ranges"] *= 1001
    with pytest.raises(ValueError, match=r"result\[0\]: 1001 labels for 1001 ranges"):
        read(tmp_path, [task(region)])


def test_several_annotations(tmp_path):
    one = task(span(1, 10, "run"))
    one["annotations"].append({"result": [span(1, 20, "fall")]})
    one["annotations"].append({"result": [span(1, 30, "skipped")], "was_cancelled": True})
    with pytest.raises(ValueError, match=r"tasks.json: \[0\] has 2 annotations; `several` says"):
        read(tmp_path, [one])
    labels = {
        several: [s.label for s in read(tmp_path, [one], several=several)[0]]
        for several in ("first", "last", "all")
    }
    assert labels == {"first": ["run"], "last": ["fall"], "all": ["run", "fall"]}


def test_tasks_without_annotations(tmp_path):
    done, empty = task(span(1, 10, "run"), video="a.mp4"), task(video="b.mp4")
    skipped = task(video="c.mp4", was_cancelled=True)
    none = {"data": {"video": "d.mp4"}, "annotations": []}
    with pytest.warns(UserWarning, match="2 videos of .* without annotations: c, d"):
        y = read(tmp_path, [done, empty, skipped, none])
    assert (y.ids.tolist(), y.lengths.tolist()) == (["a", "b"], [1, 0])
    assert len(read(tmp_path, [])) == 0


REGION = "tasks.json: \\[0\\].annotations\\[0\\].result\\[0\\]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(data=None), r"\[0\]: 'data' is None; expected an object"),
        (lambda t: t["data"].pop("video"), r"\[0\].data: 'video' is None; expected a string"),
        (lambda t: t.update(annotations={}), r"\[0\]: 'annotations' is \{\}; expected a list"),
        (lambda t: t["annotations"][0].pop("result"), r"\[0\].annotations\[0\]: 'result' is None"),
        (lambda t: t["annotations"][0]["result"].insert(0, 3), f"{REGION}: 'region' is 3.0"),
    ],
)
def test_damaged_tasks(tmp_path, change, message):
    broken = task(span(1, 10, "run"))
    change(broken)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, [broken])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"ranges": [{"start": None, "end": 3}]}, f"{REGION}: 'start' is None; expected a finite"),
        ({"ranges": [{"start": 0, "end": 3}]}, f"{REGION}: starts at frame 0; frames count from 1"),
        ({"ranges": [{"start": 4, "end": 3}]}, f"{REGION}: expected finite times with start < end"),
        ({"ranges": 3}, f"{REGION}.value: 'ranges' is 3.0; expected a list"),
        ({"timelinelabels": None}, f"{REGION}.value: 'timelinelabels' is None; expected a list"),
        ({"timelinelabels": [3]}, f"{REGION}.value: 'timelinelabels' is 3.0; expected a string"),
    ],
)
def test_damaged_regions(tmp_path, value, message):
    broken = copy.deepcopy(span(1, 10, "run"))
    broken["value"].update(value)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, [task(broken)])


def test_damaged_files(tmp_path):
    with pytest.raises(ValueError, match=f"{REGION} counts frames: give `framerate`"):
        read(tmp_path, [task(span(1, 10, "run"))], framerate=None)
    with pytest.raises(ValueError, match=r"'the whole' is \{'a': 1.0\}; expected a list"):
        read(tmp_path, {"a": 1})
    with pytest.raises(ValueError, match="must not repeat a name; repeated: a"):
        read(tmp_path, [task(video="x/a.mp4"), task(video="y/a.mp4")])
    (tmp_path / "tasks.json").write_text('[\n{"data": ')
    with pytest.raises(ValueError, match=r"tasks.json, line 2: no JSON, or cut short"):
        read_label_studio(tmp_path / "tasks.json")
