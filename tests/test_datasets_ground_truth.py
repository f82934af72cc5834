"""`load_ground_truth`: every form of the field, as its own code reads it."""

import json

import numpy as np
import pytest
from helpers.data import DATA

from sklearn_asn.datasets import (
    load_activitynet,
    load_ground_truth,
    load_thumos14_annotations,
    write_activitynet_ground_truth,
)


def times(data):
    return {v: [s[:3] for s in found] for v, found in zip(data.y.ids, data.y, strict=True)}


TRUTH = {"v_a": [("Golf", 1.0, 2.5), ("Polo", 2.0, 4.0)], "v_b": [("Polo", 0.5, 3.0)], "v_c": []}


def annotations(number=float):
    return {
        v: [{"label": n, "segment": [number(a), number(b)]} for n, a, b in rows]
        for v, rows in TRUTH.items()
    }


def written(path, content):
    path.write_text(json.dumps(content))
    return path


def object_array(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def wtalc(folder, **change):
    content = {
        "videoname": np.array([v.encode() for v in TRUTH]),
        "segments": object_array([[[a, b] for _, a, b in rows] for rows in TRUTH.values()]),
        "labels": object_array([[n for n, _, _ in rows] for rows in TRUTH.values()]),
        "subset": np.array([b"validation", b"test", b"test"]),
        "duration": np.array([9.0, 9.0, 9.0]),
        "classlist": np.array([b"Polo", b"Golf"]),
    } | change
    folder.mkdir(exist_ok=True)
    for name, values in content.items():
        if values is not None:
            np.save(folder / f"{name}.npy", values)
    return folder


def make(form, folder):
    """Write `TRUTH` in a form of the field."""
    if form == "activitynet":
        entries = {
            v: {"subset": "test", "duration": 9, "annotations": rows}
            for v, rows in annotations().items()
        }
        return written(folder / "anet.json", {"version": "1.3", "database": entries})
    if form == "gt.json":  # BaS-Net and its kin
        entries = {v: {"annotations": rows} for v, rows in annotations(str).items()}
        return written(folder / "gt.json", {"database": entries})
    if form == "bsn":
        return written(
            folder / "anet_anno_action.json",
            {
                v: {"duration_second": 9.0, "duration_frame": 270, "annotations": rows}
                for v, rows in annotations().items()
            },
        )
    if form == "actions":
        return written(
            folder / "charades.json",
            {
                v: {"subset": "test", "duration": 9.0, "actions": [list(row) for row in rows]}
                for v, rows in TRUTH.items()
            },
        )
    if form == "charades":
        lines = ["id,subject,scene,script,actions,length"]
        for v, rows in TRUTH.items():
            actions = ";".join(f"{n} {a:.2f} {b:.2f}" for n, a, b in rows)
            lines.append(f'{v},X,Den,"a, quoted ""script""",{actions},9.00')
        path = folder / "Charades_v1_test.csv"
        path.write_text("\n".join(lines) + "\n")
        return path
    if form == "wtalc":
        return wtalc(folder / "Annotations")
    raise AssertionError(form)


@pytest.mark.parametrize(
    ("form", "called", "knows"),
    [
        ("activitynet", "activitynet", True),
        ("gt.json", "activitynet", False),
        ("bsn", "bsn", True),
        ("actions", "actions", True),
        ("charades", "charades", True),
        ("wtalc", "wtalc", True),
    ],
)
def test_every_form_says_the_same(tmp_path, form, called, knows):
    data = load_ground_truth(make(form, tmp_path), allow_pickle=form == "wtalc")
    assert data.format == called
    assert times(data) == TRUTH
    assert data.labels == [{"Golf", "Polo"}, {"Polo"}, set()]
    assert sorted(data.classes) == ["Golf", "Polo"]
    np.testing.assert_array_equal(data.duration, [9.0] * 3 if knows else [np.nan] * 3)
    few = load_ground_truth(
        make(form, tmp_path), videos=["v_c", "v_b"], allow_pickle=form == "wtalc"
    )
    assert times(few) == {v: TRUTH[v] for v in ("v_c", "v_b")}
    assert sorted(few.classes) == ["Golf", "Polo"]


def test_folder_of_class_files(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "class_list.txt").write_text("1 Walk\n2 Sit\n")
    (tmp_path / "README.txt").write_text("The format is [video_name start_time end_time].")
    walk = "video_test_0000001 1.0 2.0\n\nvideo_validation_0000002 0.5 9.5\n"
    (tmp_path / "annotations" / "Walk.txt").write_text(walk)
    (tmp_path / "annotations" / "Sit.txt").write_text("video_test_0000001 1.5 3.0\r\n")
    data = load_ground_truth(tmp_path)
    assert data.format == "thumos"
    assert times(data) == {
        "video_test_0000001": [("Sit", 1.5, 3.0), ("Walk", 1.0, 2.0)],
        "video_validation_0000002": [("Walk", 0.5, 9.5)],
    }
    assert data.subset.tolist() == ["test", "validation"]
    assert data.classes.tolist() == ["Walk", "Sit"]  # in the list's order
    assert load_ground_truth(tmp_path, subset="test").y.ids.tolist() == ["video_test_0000001"]
    (tmp_path / "annotations" / "Run.txt").write_text("v 1 2\n")
    with pytest.raises(ValueError, match=r"classes not in class_list.txt: Run.txt"):
        load_ground_truth(tmp_path)
    (tmp_path / "annotations" / "Run.txt").unlink()
    (tmp_path / "annotations" / "Sit.txt").unlink()
    with pytest.raises(FileNotFoundError, match="lacks the files of 1: Sit"):
        load_ground_truth(tmp_path)


@pytest.mark.slow
def test_published_files_agree_with_their_own_readers():
    folder, file = DATA / "thumos14", DATA / "activitynet12"
    if not folder.is_dir():
        pytest.skip("the THUMOS14 annotations are not in ../shared/data/thumos14")
    mine = load_ground_truth(folder / "thumos14-test-annotations")
    theirs = load_thumos14_annotations(folder)
    assert len(mine.y.label) == len(theirs.y.label) == 3358
    assert len(mine.y) == 212  # one more has an Ambiguous segment only
    assert mine.classes.tolist() == theirs.classes.tolist()
    columns = ["video", "label", "start", "end"]
    both = [d.y.to_frame().sort_values(columns)[columns].to_numpy() for d in (mine, theirs)]
    assert (both[0] == both[1]).all()
    file = file / "activity_net.v1-2.min-missing-removed.json"
    with pytest.warns(UserWarning, match="Left out: 9 segments"):
        mine = load_ground_truth(file, on_invalid="drop")
    with pytest.warns(UserWarning, match="Left out: 9 segments"):
        theirs = load_activitynet(file, on_invalid="drop")
    assert mine.y == theirs.y
    np.testing.assert_array_equal(mine.duration, theirs.duration)
    assert mine.subset.tolist() == theirs.subset.tolist()


def test_what_is_written_is_read_back(tmp_path):
    y = load_ground_truth(make("gt.json", tmp_path)).y
    write_activitynet_ground_truth(y, tmp_path / "out.json", duration=9.0)
    assert load_ground_truth(tmp_path / "out.json").y == y


def test_numbers_as_classes(tmp_path):
    content = {"a": {"subset": "training", "duration": 5, "actions": [[3, 1, 2], [65, 2, 4]]}}
    data = load_ground_truth(written(tmp_path / "multithumos.json", content))
    assert data.y.label.tolist() == [3, 65]
    assert data.labels == [{3, 65}]
    content["b"] = {"duration": 5, "actions": [["3", 1, 2]]}
    with pytest.raises(ValueError, match="labels mixes strings and other types"):
        load_ground_truth(written(tmp_path / "multithumos.json", content))


def test_invalid_and_missing(tmp_path):
    path = make("bsn", tmp_path)
    content = json.loads(path.read_text())
    content["v_a"]["annotations"] += [{"label": "Golf", "segment": [3, 3]}]
    content["v_b"]["annotations"] += [{"label": "Golf", "segment": [8, 12]}]
    written(path, content)
    with pytest.raises(ValueError, match=r"2 segments .*v_a.annotations\[2\] \[3, 3\], v_b.ann"):
        load_ground_truth(path)
    with pytest.warns(UserWarning, match="Left out: 2 segments"):
        dropped = load_ground_truth(path, on_invalid="drop")
    assert times(dropped) == TRUTH
    assert dropped.labels[1] == {"Golf", "Polo"}
    with pytest.warns(UserWarning, match="Cut to their video: 1 segments"):
        cut = load_ground_truth(path, on_invalid="clip")
    assert times(cut)["v_b"][1] == ("Golf", 8, 9)
    with pytest.raises(ValueError, match="1 videos are not in"):
        load_ground_truth(path, videos=["x"], on_invalid="clip")
    with pytest.warns(UserWarning, match="invalid"):
        some = load_ground_truth(path, videos=["x", "v_a"], on_missing="empty", on_invalid="drop")
    assert some.y.lengths.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"no videos of subset='train'; it has none"):
        load_ground_truth(path, subset="train")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"results": {}}, "It holds detections: read_activitynet_results reads them"),
        ({}, "JSON of no known form"),
        ([1], "JSON of no known form"),
        ({"a": {"annotations": {}}}, "a.annotations is {}; expected a list"),
        ({"a": {"annotations": [{"segment": [1, 2]}]}}, r"annotations\[0\].label is None"),
        ({"a": {"annotations": [{"label": "", "segment": [1, 2]}]}}, "label is ''; expected a cl"),
        ({"a": {"annotations": [{"label": True, "segment": [1, 2]}]}}, "label is True"),
        ({"a": {"annotations": [{"label": "x", "segment": [1]}]}}, r"segment is \[1.0\]"),
        ({"a": {"annotations": [{"label": "x", "segment": ["1", "nan"]}]}}, "finite number"),
        ({"a": {"annotations": [{"label": "x", "segment": ["1", "1_0"]}]}}, "finite number"),
        ({"a": {"annotations": [], "duration_second": "x"}}, "duration_second has"),
        ({"a": {"annotations": [], "duration_second": 0}}, "expected more than 0"),
        ({"database": {"a": 3}}, "database.a is 3.0; expected an object"),
        ({"a": {"actions": [[1, 2]]}}, r"a.actions\[0\] is \[1.0, 2.0\]"),
    ],
)
def test_malformed_json(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        load_ground_truth(written(tmp_path / "x.json", content))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("id,actions\na,c1 1\n", "line 2: expected actions"),
        ("id,actions\na,c1 1 2\na,c1 1 2\n", "line 3: a was on a line before"),
        ("id,actions,length\na,c1 1 2,-3\n", "the length is '-3'"),
        ("name,actions\na,c1 1 2\n", "no column 'id'"),
        ("id,actions\n", "holds no videos"),
        ("a b c\n", "has no known form.*read_table"),
    ],
)
def test_malformed_tables(tmp_path, text, match):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=match):
        load_ground_truth(tmp_path / "x.csv")


def test_missing_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x.json is missing"):
        load_ground_truth(tmp_path / "x.json")
    with pytest.raises(ValueError, match="holds no text files of classes"):
        load_ground_truth(tmp_path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"duration": np.array([1.0])}, r"duration.npy holds 1 entries, videoname.npy names 3"),
        ({"labels": object_array([["Golf"], ["Polo"], []])}, "2 segments of shape .* 1 labels"),
        ({"segments": object_array([[[1]], [], []])}, "expected .start, end. for each label"),
        ({"segments": object_array([[["x", "y"]], [], []])}, "are no numbers"),
        ({"videoname": np.array([b"a", b"a", b"b"])}, "must not repeat a name"),
        ({"duration": np.array([1.0, -1.0, 1.0])}, "duration.npy holds"),
        ({"labels": object_array([[3, 4], ["Polo"], []])}, "expected text"),
    ],
)
def test_malformed_wtalc(tmp_path, change, match):
    with pytest.raises(ValueError, match=match):
        load_ground_truth(wtalc(tmp_path / "x", **change), allow_pickle=True)


def test_pickles_only_where_asked(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle=True reads pickles, which can run any code"):
        load_ground_truth(wtalc(tmp_path / "x"))
