"""ActivityNet's JSON: the published annotations where they are, and small files written here."""

import gc
import json

import numpy as np
import pytest
from helpers.data import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.datasets import (
    load_activitynet,
    read_activitynet_results,
    write_activitynet_ground_truth,
    write_activitynet_results,
)

FILE = DATA / "activitynet12" / "activity_net.v1-2.min-missing-removed.json"
N_VIDEOS = {"training": 4441, "validation": 2198, "testing": 2268}


@pytest.fixture(scope="module")
def database():
    if not FILE.is_file():
        pytest.skip("ActivityNet's annotations are not in ../shared/data/activitynet12")
    return json.loads(FILE.read_text())["database"]


# --------------------------------------------------------------------- the published file


@pytest.mark.slow
def test_published_file_has_invalid_segments(database):
    with pytest.raises(ValueError, match=r"9 segments of .* are invalid: .*e6J_ygZ779A.annot") as e:
        load_activitynet(FILE)
    assert str(e.value).count("annotations[") == 9
    for subset, n in (("training", 6), ("validation", 3)):
        with pytest.raises(ValueError, match=f"^{n} segments"):
            load_activitynet(FILE, subset=subset)
    assert len(load_activitynet(FILE, subset="testing").y.label) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Left out. . segments")
@pytest.mark.parametrize("subset", [*N_VIDEOS, None])
def test_published_file(database, subset):
    mine = {v: e for v, e in database.items() if subset in (None, e["subset"])}
    data = load_activitynet(FILE, subset=subset, on_invalid="drop")
    assert len(mine) == N_VIDEOS.get(subset, 8907)
    assert data.y.ids.tolist() == list(mine)
    for video, entry, labels in zip(data.y, mine.values(), data.labels, strict=True):
        times = [(a["label"], *a["segment"]) for a in entry["annotations"]]
        assert [s[:3] for s in video] == [t for t in times if t[1] < t[2]]
        assert labels == {t[0] for t in times}  # also of segments left out
    assert data.duration.tolist() == [e["duration"] for e in mine.values()]
    assert data.subset.tolist() == [e["subset"] for e in mine.values()]
    assert len(data.classes) == 100
    assert data.classes.tolist() == sorted(data.classes)
    assert data.version == "VERSION 1.2"


@pytest.mark.slow
def test_published_ends_beyond_the_duration(database):
    """172 end after their video; none by more than half a second, so that all are kept."""
    late = [
        a["segment"][1] - e["duration"]
        for e in database.values()
        for a in e["annotations"]
        if a["segment"][1] > e["duration"]
    ]
    assert len(late) == 172
    assert sum(x > 0.0051 for x in late) == 5
    assert 0.3 < max(late) < 0.36
    with pytest.raises(ValueError, match=r"^181 segments"):
        load_activitynet(FILE, tolerance=0)
    with pytest.raises(ValueError, match=r"^14 segments"):
        load_activitynet(FILE, tolerance=0.0051)
    with pytest.warns(UserWarning, match="Left out: 9 segments"):
        data = load_activitynet(FILE, on_invalid="drop")
    assert np.sum(data.y.end > data.duration[data.y.video]) == 172


def test_published_file_round_trip(database, tmp_path):
    with pytest.warns(UserWarning, match="Left out: 3 segments"):
        data = load_activitynet(FILE, subset="validation", on_invalid="drop")
    path = tmp_path / "gt.json"
    write_activitynet_ground_truth(data.y, path, duration=data.duration, subset=data.subset)
    again = load_activitynet(path, subset="validation")
    assert again.y == data.y
    assert np.array_equal(again.duration, data.duration)


@pytest.mark.slow
def test_published_ids_may_start_with_v(database):
    """Why no prefix is guessed: YouTube's own ids may begin with v_."""
    ids = [v for v in database if v.startswith("v_")]
    assert len(ids) == 2
    subset = database[ids[0]]["subset"]
    assert load_activitynet(FILE, subset=subset, videos=ids[:1]).y.ids.tolist() == ids[:1]
    with pytest.raises(ValueError, match="1 videos are not in"):
        load_activitynet(FILE, videos=[f"v_{ids[0]}"])


# --------------------------------------------------------------------------- small files


def annotation(label, start, end):
    return {"label": label, "segment": [start, end]}


def small():
    return {
        "version": "VERSION 1.3",
        "database": {
            "b": {
                "subset": "training",
                "duration": 20,
                "annotations": [annotation("Tango", 0, 12), annotation("Polo", 3.5, 20.4)],
            },
            "v_a": {
                "subset": "validation",
                "duration": 7.5,
                "annotations": [annotation("Polo", 1, 2)],
            },
            "c": {"subset": "training", "duration": 9.0, "annotations": []},
        },
    }


def write(path, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "anet.json", small())


def test_small(path):
    data = load_activitynet(str(path))
    assert data.y.ids.tolist() == ["b", "v_a", "c"]
    assert data.y.to_frame()[["video", "label", "start", "end"]].to_numpy().tolist() == [
        ["b", "Tango", 0.0, 12.0], ["b", "Polo", 3.5, 20.4], ["v_a", "Polo", 1.0, 2.0],
    ]  # fmt: skip
    assert data.classes.tolist() == ["Polo", "Tango"]
    assert data.labels == [{"Polo", "Tango"}, {"Polo"}, set()]


def test_subset_and_videos(path):
    data = load_activitynet(path, subset="training", videos=["c", "b"])
    assert data.y.ids.tolist() == ["c", "b"]
    assert data.y.lengths.tolist() == [0, 2]
    assert data.duration.tolist() == [9.0, 20.0]
    assert data.labels == [set(), {"Polo", "Tango"}]
    assert load_activitynet(path, subset="validation").classes.tolist() == ["Polo", "Tango"]
    with pytest.warns(UserWarning, match=r"Left out: 2 videos .*: x, v_a"):
        data = load_activitynet(
            path, subset="training", videos=["x", "c", "v_a"], on_missing="drop"
        )
    assert data.y.ids.tolist() == ["c"]
    assert data.duration.tolist() == [9.0]


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"subset": "train"}, ValueError, "no videos of subset='train'; it has"),
        ({"videos": ["b", "x"]}, ValueError, r"1 videos are not in .*anet\.json: x"),
        ({"videos": ["v_a"], "subset": "training"}, ValueError, "not in training of .*: v_a"),
        ({"videos": "b"}, TypeError, "videos must be a sequence"),
        ({"on_missing": "skip"}, ValueError, "on_missing='skip'; expected"),
        ({"on_invalid": "cut"}, ValueError, "on_invalid='cut'; expected"),
        ({"tolerance": -1}, ValueError, "tolerance=-1; expected"),
    ],
)
def test_arguments(path, kwargs, error, match):
    with pytest.raises(error, match=match):
        load_activitynet(path, **kwargs)


@pytest.mark.parametrize("times", [(3, 3), (4, 3), (-0.5, 3), (3, 20.6), (30, 40)])
def test_invalid_segments(tmp_path, times):
    data = small()
    data["database"]["b"]["annotations"].insert(1, annotation("Golf", *times))
    path = write(tmp_path / "anet.json", data)
    with pytest.raises(ValueError, match=r"1 segments .*: database\.b\.annotations\[1\] \["):
        load_activitynet(path)
    with pytest.warns(UserWarning, match=r"Left out: 1 segments .*annotations\[1\]"):
        loaded = load_activitynet(path, on_invalid="drop")
    assert loaded.y == load_activitynet(write(tmp_path / "ok.json", small())).y
    assert loaded.labels[0] == {"Golf", "Polo", "Tango"}
    assert len(load_activitynet(path, subset="validation").y.label) == 1  # not of this subset


def test_many_invalid_segments_are_counted_and_ten_named(tmp_path):
    data = small()
    data["database"]["b"]["annotations"] += [annotation("Golf", 2, 1)] * 25
    path = write(tmp_path / "anet.json", data)
    with pytest.raises(ValueError, match=r"^25 segments .*\.\.\. \(25 in all\)") as error:
        load_activitynet(path)
    assert str(error.value).count("annotations[") == 10


def broken(where, value):
    """The small file with one entry replaced (or removed: None)."""
    data = small()
    *keys, last = where
    place = data
    for key in keys:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("where", "value", "match"),
    [
        (("database",), None, "'database' in the file is None; expected an object"),
        (("database",), [1], r"'database' in the file is .*; expected an object"),
        (("database", "b"), 3, "'b' in database is 3.0; expected an object"),
        (("database", "b", "subset"), None, "'subset' in database.b is None; expected a string"),
        (("database", "c", "duration"), None, "'duration' in database.c .* a finite number"),
        (("database", "c", "duration"), "9", "'duration' in database.c is '9'"),
        (("database", "c", "duration"), True, "'duration' in database.c is True"),
        (("database", "c", "duration"), 0, r"duration must be positive .* c \(0\)"),
        (("database", "c", "annotations"), {}, "'annotations' in database.c .* a list"),
        (("database", "v_a", "annotations", 0), 5, r"'label' in database.v_a.annotations\[0\]"),
        (
            ("database", "v_a", "annotations", 0, "label"),
            5,
            r"annotations\[0\] is 5.0; .* a string",
        ),
        (("database", "v_a", "annotations", 0, "segment"), [1], r"segment is \[1.0\]; expected"),
        (("database", "v_a", "annotations", 0, "segment"), [1, None], "expected a finite number"),
        (("database", "v_a", "annotations", 0, "segment"), [1, float("nan")], "is nan; expected a"),
        (("database", "v_a", "annotations", 0, "segment"), [1, float("inf")], "is inf; expected a"),
        (("database", "v_a", "annotations", 0, "segment"), [1, 10**4000], "is inf; expected a"),
    ],
)
def test_malformed(tmp_path, where, value, match):
    path = write(tmp_path / "anet.json", broken(where, value))
    with pytest.raises(ValueError, match=match) as error:
        load_activitynet(path)
    assert "anet.json" in str(error.value)


@pytest.mark.parametrize("read", [load_activitynet, read_activitynet_results])
def test_no_json(tmp_path, read):
    text = json.dumps(small(), indent=1)
    path = write(tmp_path / "anet.json", text[:200])
    with pytest.raises(ValueError, match=r"anet\.json, line \d+: no JSON, or cut short"):
        read(path)
    path.write_bytes(b'{"version":\n "caf\xe9"}')
    with pytest.raises(ValueError, match=r"anet\.json, line 2: not UTF-8 text"):
        read(path)
    with pytest.raises(ValueError, match=r"in the file is None; expected an object"):
        read(write(path, "[1, 2]"))
    with pytest.raises(ValueError, match=r"anet\.json nests too deeply"):
        read(write(path, "[" * 200_000))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing.json")


def test_repeated_id(tmp_path):
    entry = json.dumps(small()["database"]["c"])
    path = write(tmp_path / "anet.json", f'{{"database": {{"c": {entry}, "c": {entry}}}}}')
    with pytest.raises(ValueError, match=r"anet\.json: an object must not repeat a name.*: c"):
        load_activitynet(path)


# ------------------------------------------------------------------------------- results

RESULTS = {
    "version": "VERSION 1.3",
    "results": {
        "b": [
            {"label": "Tango", "score": 0.25, "segment": [3, 4.5]},
            {"label": "Polo", "score": 1, "segment": [0, 90.5]},
        ],
        "v_a": [],
    },
    "external_data": {},
}


def test_read_results(tmp_path):
    path = write(tmp_path / "r.json", RESULTS)
    found = read_activitynet_results(path)
    assert found.ids.tolist() == ["b", "v_a"]
    assert found[0] == [("Tango", 3.0, 4.5, 0.25), ("Polo", 0.0, 90.5, 1.0)]
    assert found[1] == []
    wider = read_activitynet_results(path, videos=["v_a", "c", "b"])
    assert wider.ids.tolist() == ["v_a", "c", "b"]
    assert wider.lengths.tolist() == [0, 0, 2]
    with pytest.raises(ValueError, match=r"1 videos of .*r\.json are not in `videos`: b"):
        read_activitynet_results(path, videos=["v_a"])
    with pytest.warns(UserWarning, match=r"Left out: 1 videos of .*: b"):
        kept = read_activitynet_results(path, videos=["c", "v_a"], on_missing="drop")
    assert kept.ids.tolist() == ["c", "v_a"]
    assert len(kept.label) == 0
    path = write(path, {"results": {}})
    assert len(read_activitynet_results(path)) == 0
    assert read_activitynet_results(path, videos=["b"]).lengths.tolist() == [0]


TANGO = '"label": "Tango", "score": 0.25, "segment": [3, 4.5]'
POLO = '"label": "a\\u003aPolo", "score": 1, "segment": [0, 90.5]'


@pytest.mark.parametrize(
    "row",
    [
        TANGO,
        POLO,
        '"segment": [3, 4.5], "score": 0.25, "label": "http://a:b"',
        f'{TANGO}, "more": {{"a": "b:c", "d": [1]}}',
        TANGO.replace(":", " : "),
    ],
)
@pytest.mark.parametrize("details", ["", "see http://a:1", "\\u003a", '\\"a\\": 1'])
def test_keys_are_unique_whatever_strings_hold(tmp_path, row, details):
    more = f'"external_data": {{"used": true, "details": "{details}"}}'
    good = f'{{"results": {{"b:1": [{{{row}}}, {{{row}}}]}}, {more}}}'
    label = json.loads(f"{{{row}}}")["label"]
    found = read_activitynet_results(write(tmp_path / "r.json", good))
    assert found.label.tolist() == [label] * 2
    assert found.ids.tolist() == ["b:1"]
    repeated = {
        "score": good.replace("}]}, ", ', "score": 0.25}]}, '),
        "b:1": good.replace("]}, ", '], "b:1": []}, '),
        "used": good.replace("true,", 'true, "used": true,'),
        "results": good.replace('{"results"', '{"results": {}, "results"'),
    }
    for name, text in repeated.items():
        assert text != good
        with pytest.raises(ValueError, match=f"an object must not repeat a name.*: {name}"):
            read_activitynet_results(write(tmp_path / "r.json", text))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"score": None}, r"'score' in results.b\[1\] is None; expected a finite number"),
        ({"score": float("nan")}, r"'score' in results.b\[1\] is nan"),
        ({"score": "0.5"}, r"'score' in results.b\[1\] is '0.5'"),
        ({"label": 3}, r"'label' in results.b\[1\] is 3"),
        ({"segment": [1, 2, 3]}, r"results.b\[1\].segment is \[1.0, 2.0, 3.0\]"),
        ({"segment": [2, 2]}, r"1 segments of .* invalid: results.b\[1\] \[2.0, 2.0\]"),
        ({"segment": [-1, 2]}, r"1 segments of .* invalid: results.b\[1\] \[-1.0, 2.0\]"),
    ],
)
def test_malformed_results(tmp_path, change, match):
    data = json.loads(json.dumps(RESULTS))
    data["results"]["b"][1].update(change)
    path = write(tmp_path / "r.json", data)
    with pytest.raises(ValueError, match=match):
        read_activitynet_results(path)
    if "segment" in change and len(change["segment"]) == 2:
        with pytest.warns(UserWarning, match="Left out: 1 segments"):
            found = read_activitynet_results(path, on_invalid="drop")
        assert found.lengths.tolist() == [1, 0]


def test_written_results_have_the_official_form(tmp_path):
    found = Segments.from_list([[("Tango", 0.1, 12.0, 0.9)], []], ids=["b", "v_a"])
    write_activitynet_results(found, tmp_path / "r.json", external_data={"used": True})
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "version": "VERSION 1.3",
        "results": {
            "b": [{"label": "Tango", "score": 0.9, "segment": [0.1, 12.0]}],
            "v_a": [],
        },
        "external_data": {"used": True},
    }
    write_activitynet_results(found, tmp_path / "r.json", version="VERSION 1.2")  # replaced
    data = json.loads((tmp_path / "r.json").read_text())
    assert (data["version"], data["external_data"]) == ("VERSION 1.2", {})
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]  # nothing beside it


def test_failed_write_leaves_the_old_file(tmp_path):
    found = Segments.from_list([[("Tango", 0.1, 12.0, 0.9)]], ids=["b"])
    write_activitynet_results(found, tmp_path / "r.json")
    before = (tmp_path / "r.json").read_bytes()
    with pytest.raises(TypeError):
        write_activitynet_results(found, tmp_path / "r.json", external_data={"x": object()})
    assert (tmp_path / "r.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
    with pytest.raises(FileNotFoundError):
        write_activitynet_results(found, tmp_path / "none" / "r.json")


GOOD = {"videos": [[("Tango", 0.1, 12.0, 0.9)], []], "ids": ["b", "a"]}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"ids": None}, "Segments with ids"),
        ({"videos": [[("Tango", 0.1, 12.0)], []]}, "1 segments have no finite score, .* b"),
        ({"videos": [[(3, 0.1, 12.0, 0.9)], []]}, "labels of segments must be class names"),
        ({"videos": [[], [("Tango", -0.1, 12.0, 0.9)]]}, "1 segments start before 0, .* a"),
    ],
)
def test_unwritable_results(tmp_path, change, match):
    with pytest.raises(ValueError, match=match):
        write_activitynet_results(Segments.from_list(**{**GOOD, **change}), tmp_path / "r.json")
    assert not list(tmp_path.iterdir())


def test_repeated_videos_are_not_written(tmp_path):
    found = Segments.from_list(**GOOD)[[0, 0]]
    with pytest.raises(ValueError, match=r"ids of segments must not repeat .*: b"):
        write_activitynet_results(found, tmp_path / "r.json")


def test_written_ground_truth(tmp_path):
    true = Segments.from_list([[("Tango", 0.1, 12.0)], []], ids=["b", "v_a"])
    path = tmp_path / "gt.json"
    durations = [20.25, 7.0], {"v_a": 7.0, "b": 20.25, "other": 1.0}
    for duration in durations:
        write_activitynet_ground_truth(
            true, path, duration=duration, subset=["training", "testing"]
        )
        data = load_activitynet(path)
        assert data.y == true
        assert data.duration.tolist() == [20.25, 7.0]
        assert data.subset.tolist() == ["training", "testing"]
    assert {"version", "taxonomy", "database"} == set(json.loads(path.read_text()))
    write_activitynet_ground_truth(true, path, duration=30)
    assert load_activitynet(path, subset="validation").duration.tolist() == [30.0, 30.0]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"duration": [1.0]}, r"duration has shape \(1,\) for 2 videos"),
        ({"duration": {"b": 1.0}}, "duration lacks 1 videos: v_a"),
        ({"duration": [1.0, 0.0]}, r"duration must be positive .* v_a \(0\)"),
        ({"duration": "long"}, "duration must hold numbers"),
        ({"duration": 20, "subset": ["training"]}, "subset names 1 videos, expected 2"),
    ],
)
def test_unwritable_ground_truth(tmp_path, kwargs, match):
    true = Segments.from_list([[("Tango", 0.1, 12.0)], []], ids=["b", "v_a"])
    with pytest.raises(ValueError, match=match):
        write_activitynet_ground_truth(true, tmp_path / "gt.json", **kwargs)
    found = Segments.from_list(**GOOD)
    with pytest.raises(ValueError, match="segments have scores"):
        write_activitynet_ground_truth(found, tmp_path / "gt.json", duration=20)


times = st.tuples(st.floats(0, 1e4), st.floats(1e-3, 1e4)).map(lambda t: (t[0], t[0] + t[1]))
detections = st.lists(st.tuples(st.text(min_size=1), times, st.floats(-1e6, 1e6)), max_size=4)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(videos=st.dictionaries(st.text(), detections, max_size=4))
def test_results_round_trip(tmp_path, videos):
    """Every label, id and number comes back exactly."""
    rows = [[(label, *t, score) for label, t, score in video] for video in videos.values()]
    rows = [[(label.rstrip("\0") or "x", *rest) for label, *rest in video] for video in rows]
    ids = list(dict.fromkeys(v.rstrip("\0") for v in videos))  # NumPy drops trailing nulls
    found = Segments.from_list(rows[: len(ids)], ids=ids)
    write_activitynet_results(found, tmp_path / "r.json")
    again = read_activitynet_results(tmp_path / "r.json")
    assert again == found


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize("text", ['{"results": {}}', '{"results": '])
def test_garbage_collection_is_as_it_was(tmp_path, text, collects):
    """Reading pauses it; also where the file is cut short."""
    path, before = tmp_path / "results.json", gc.isenabled()
    path.write_text(text)
    try:
        (gc.enable if collects else gc.disable)()
        if text.endswith("}"):
            assert len(read_activitynet_results(path)) == 0
        else:
            with pytest.raises(ValueError, match="cut short"):
                read_activitynet_results(path)
        assert gc.isenabled() == collects
    finally:
        (gc.enable if before else gc.disable)()
