"""Audacity, RTTM, DCASE and THUMOS'14: the text itself, as others read it, and damaged text."""

import json
import re

import numpy as np
import pytest
from helpers.interchange import FORMATS, segments
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.datasets import load_activitynet, load_thumos14_annotations
from sklearn_asn.interchange import (
    read_audacity,
    read_dcase,
    read_rttm,
    read_thumos14_results,
    write_activitynet_ground_truth,
    write_audacity,
    write_dcase,
    write_rttm,
    write_thumos14_annotations,
    write_thumos14_results,
)

TRUTH = Segments.from_list(
    [[("run", 0.1, 0.30000000000000004), ("fall", 0.25, 2.0)], []], ids=["v", "w"]
)
FOUND = Segments.from_list([[("run", 0.1, 2.0, 0.75), ("fall", 0.25, 2.0, 1e-7)], []], ["v", "w"])
CLASSES = {"run": 7, "fall": 3}


def rows(y):
    return [[s[:3] for s in video] for video in y]


def put(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    return tmp_path / name


# ---------------------------------------------------------------------- Audacity


def test_audacity_text(tmp_path):
    write_audacity(TRUTH, tmp_path)
    text = "0.1\t0.30000000000000004\trun\n0.25\t2.0\tfall\n"
    assert (tmp_path / "v.txt").read_text() == text
    assert (tmp_path / "w.txt").read_text() == ""


def test_audacity_of_others(tmp_path):
    text = "2.150000\t3.5\ta\tb \r\n\\\t6928.456\t7000\r\n\r\n4\t5\tdog\r\n"
    path = put(tmp_path, "v.txt", text)
    assert rows(read_audacity(path)) == [[("a\tb", 2.15, 3.5), ("dog", 4.0, 5.0)]]
    put(tmp_path, "v.txt", "2\t2\tpoint\n3\t4\trun\n")
    with pytest.raises(ValueError, match=r"v.txt, line 1: expected finite times with start < end"):
        read_audacity(path)
    with pytest.warns(UserWarning, match="Left out: 1 invalid"):
        assert rows(read_audacity(path, on_invalid="drop")) == [[("run", 3.0, 4.0)]]


@pytest.mark.filterwarnings("ignore")  # of its pandas
def test_crowsetta_reads_audacity(tmp_path):
    crowsetta = pytest.importorskip("crowsetta")
    write_audacity(TRUTH[:1], tmp_path)
    annotation = crowsetta.formats.seq.AudSeq.from_file(tmp_path / "v.txt")
    found = list(zip(annotation.labels, annotation.start_times, annotation.end_times, strict=True))
    assert found == rows(TRUTH)[0]
    annotation.to_file(tmp_path / "theirs.txt")
    assert rows(read_audacity(tmp_path / "theirs.txt")) == rows(TRUTH[:1])


# ---------------------------------------------------------------------- RTTM


def test_rttm_text(tmp_path):
    write_rttm(FOUND, tmp_path / "y.rttm")
    assert (tmp_path / "y.rttm").read_text() == (
        "SPEAKER v 1 0.100 1.900 <NA> <NA> run 0.75 <NA>\n"
        "SPEAKER v 1 0.250 1.750 <NA> <NA> fall 1e-07 <NA>\n"
    )
    for label in ("a b", "<NA>", "a\u00a0b"):
        with pytest.raises(ValueError, match="label"):
            write_rttm(Segments.from_list([[(label, 0.0, 1.0)]], ["v"]), tmp_path / "z.rttm")
    with pytest.raises(ValueError, match="The id 'a b' cannot stand in a RTTM file"):
        write_rttm(TRUTH, tmp_path / "z.rttm", ids=["a b", "c"])


def test_rttm_of_others(tmp_path):
    text = (
        ";; made by hand\nSPKR-INFO v 1 <NA> <NA> <NA> unknown ann <NA>\n"
        "SPEAKER  v 1 0.1 0.2 <NA> <NA> ann <NA>\nLEXEME v 1 0.1 0.1 hi lex ann 0.5 <NA>\n"
        "SPEAKER v 1 1e0 .5 <NA> <NA> bob 0.5 <NA>\n"
    )
    y = read_rttm(put(tmp_path, "y.rttm", text))
    assert y == Segments.from_list([[("ann", 0.1, 0.3), ("bob", 1.0, 1.5, 0.5)]], ["v"])


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_pyannote_reads_rttm(tmp_path_factory, data):
    load = pytest.importorskip("pyannote.database.util").load_rttm
    y = data.draw(segments(FORMATS["rttm"]))
    labels = np.array([f"L{re.sub('[^a-z0-9]', '', label)}" for label in y.label], np.str_)
    ids = [f"v{i}" for i in range(len(y))]  # pandas, which it reads with, takes "NA" for none
    y = Segments(y.offsets, labels, y.start, y.end, y.score, ids)
    path = tmp_path_factory.mktemp("rttm") / "y.rttm"
    write_rttm(y, path)
    theirs = load(path, keep_type="SPEAKER") if path.stat().st_size else {}
    for video, ours in zip(y.ids.tolist(), y, strict=True):
        got = theirs[video].itertracks(yield_label=True) if ours else []
        found = sorted((label, round(s.start, 3), round(s.end, 3)) for s, _, label in got)
        assert found == sorted((s.label, round(s.start, 3), round(s.end, 3)) for s in ours)


def test_pyannote_writes_rttm(tmp_path):
    core = pytest.importorskip("pyannote.core")
    annotation = core.Annotation(uri="v")
    annotation[core.Segment(0.1, 0.3), "x"] = "ann"
    annotation[core.Segment(0.25, 2.0), "y"] = "bob"
    with open(tmp_path / "y.rttm", "w") as file:
        annotation.write_rttm(file)
    assert rows(read_rttm(tmp_path / "y.rttm")) == [[("ann", 0.1, 0.3), ("bob", 0.25, 2.0)]]


# ---------------------------------------------------------------------- DCASE


def test_dcase_text(tmp_path):
    write_dcase(TRUTH, tmp_path / "y.tsv", suffix=".wav")
    assert (tmp_path / "y.tsv").read_text() == (
        "filename\tonset\toffset\tevent_label\n"
        "v.wav\t0.1\t0.30000000000000004\trun\nv.wav\t0.25\t2.0\tfall\nw.wav\t\t\t\n"
    )
    assert read_dcase(tmp_path / "y.tsv").ids.tolist() == ["v.wav", "w.wav"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("0.5\t1.5\trun\n2\t3\tfall\n", ["y"]),
        ("v\t0.5\t1.5\trun\nv\t2\t3\tfall\n", ["v"]),
        ("v;office;0.5;1.5;run\nv;office;2;3;fall", ["v"]),
        ("filename,onset,offset,event_label,extra\nv,0.5,1.5,run,\nv,2,3,fall,x\n", ["v"]),
        ("event_label\tonset\toffset\nrun\t0.5\t1.5\nfall\t2\t3\n", ["y"]),
        ("filename\tonset\toffset\tevent_label\nv\t0.5\t1.5\trun\nv\t2\t3\tfall\nw\tNaN\tNaN\tNaN\n",
         ["v", "w"]),
    ],
)  # fmt: skip
def test_dcase_of_others(tmp_path, text, ids):
    y = read_dcase(put(tmp_path, "y.txt", text))
    assert y.ids.tolist() == ids
    assert rows(y)[0] == [("run", 0.5, 1.5), ("fall", 2.0, 3.0)]


def test_dcase_names_alone(tmp_path):
    path = put(tmp_path, "y.txt", "w.wav\nv.wav\t0.5\t1.5\trun\nu.wav\n")
    y = read_dcase(path, suffix=".wav")
    assert y == Segments.from_list([[], [("run", 0.5, 1.5)], []], ids=["w", "v", "u"])
    with pytest.raises(ValueError, match="line 2: 1 fields; expected onset, offset, event_label"):
        read_dcase(put(tmp_path, "y.txt", "0.5\t1.5\trun\nu.wav\n"))


def test_dcase_util_reads_it(tmp_path):
    container = pytest.importorskip("dcase_util").containers.MetaDataContainer
    y = Segments.from_list([[("run", 0.5, 2.25), ("fall", 1.0, 2.0)]], ids=["v"])
    write_dcase(y, tmp_path / "y.txt", suffix=".wav", heading=False)
    theirs = container(filename=str(tmp_path / "y.txt")).load()
    found = [(item.event_label, item.onset, item.offset, item.filename) for item in theirs]
    assert found == [("run", 0.5, 2.25, "v.wav"), ("fall", 1.0, 2.0, "v.wav")]
    theirs.save(str(tmp_path / "theirs.txt"))
    assert read_dcase(tmp_path / "theirs.txt", suffix=".wav") == y


# ---------------------------------------------------------------------- THUMOS'14, ActivityNet


@pytest.mark.parametrize("subset", ["test", "validation"])
def test_thumos14_annotations(tmp_path, subset):
    write_thumos14_annotations(TRUTH, tmp_path, classes=CLASSES, subset=subset)
    data = load_thumos14_annotations(tmp_path, subset=subset)
    assert rows(data.y) == [sorted(rows(TRUTH)[0], key=lambda s: ["run", "fall"].index(s[0]))]
    assert dict(zip(data.classes, data.class_numbers, strict=True)) == CLASSES
    assert data.y.ids.tolist() == ["v"]
    with pytest.raises(FileExistsError):
        write_thumos14_annotations(TRUTH, tmp_path, classes=CLASSES, subset=subset)
    with pytest.raises(ValueError, match="have scores, which a THUMOS'14 annotation"):
        write_thumos14_annotations(FOUND, tmp_path, classes=CLASSES)


def test_thumos14_results(tmp_path):
    path = tmp_path / "found.txt"
    write_thumos14_results(FOUND, path, classes=CLASSES)
    assert path.read_text() == "v 0.1 2.0 7 0.75\nv 0.25 2.0 3 1e-07\n"
    assert read_thumos14_results(path, classes=CLASSES, videos=["v", "w"]) == FOUND
    with pytest.raises(ValueError, match="1 segments have no score"):
        write_thumos14_results(
            Segments.from_list([[("run", 0.0, 1.0)]], ["v"]), path, classes=CLASSES, overwrite=True
        )
    for classes, message in [
        ({"run": 7}, "labels that are not in `classes`: fall"),
        ({"run": 7, "fall": 7}, "a number each, of its own"),
        ({"run": 7, "fall": 3, "a b": 4}, "The class 'a b' cannot stand"),
    ]:
        with pytest.raises(ValueError, match=message):
            write_thumos14_results(FOUND, path, classes=classes, overwrite=True)


def test_activitynet_with_label_ids(tmp_path):
    path = tmp_path / "y.json"
    options = {"duration": 10.0, "classes": ["fall", "run"], "frame_rate": {"v": 30, "w": 25}}
    write_activitynet_ground_truth(TRUTH, path, **options)
    entries = json.loads(path.read_text())["database"]
    assert [(a["label"], a["label_id"]) for a in entries["v"]["annotations"]] == [
        ("run", 1), ("fall", 0)
    ]  # fmt: skip
    assert (entries["v"]["fps"], entries["w"]["fps"]) == (30, 25)
    assert load_activitynet(path).y == TRUTH
    with pytest.raises(ValueError, match="labels that are not in `classes`: fall"):
        write_activitynet_ground_truth(TRUTH, path, **{**options, "classes": ["run"]})
    write_activitynet_ground_truth(TRUTH, path, duration=10.0)
    first = json.loads(path.read_text())["database"]["v"]
    assert set(first) == {"subset", "duration", "annotations"}
    assert set(first["annotations"][0]) == {"label", "segment"}


# ---------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_audacity, "0.5\n", "line 1: '0.5'; expected start, end and label by tabs"),
        (read_audacity, "\n0.5\tx\trun\n", "line 2: end is 'x'; expected a number"),
        (read_audacity, "0.5\t1\n", "line 1: no label"),
        (read_rttm, "SPEAKER v 1 0 1\n", "line 1: 'SPEAKER v 1 0 1'; expected SPEAKER, an id"),
        (read_rttm, "TALKER v 1 0 1 a b c\n", "line 1: 'TALKER v"),
        (read_rttm, "SPEAKER v 1 x 1 <NA> <NA> a <NA> <NA>", "line 1: start is 'x'"),
        (read_rttm, "SPEAKER v 1 0 nan <NA> <NA> a <NA> <NA>", "line 1: expected finite times"),
        (read_rttm, "SPEAKER v 1 0 1e999999999 <NA> <NA> a <NA> <NA>", "line 1: expected finite"),
        (read_rttm, "SPEAKER v 1 0 1 <NA> <NA> a high <NA>", "line 1: confidence is 'high'"),
        (read_rttm, "SPEAKER v 1 0 1 <NA> <NA> <NA> 1 <NA>", "line 1: no label"),
        (read_dcase, "a\tb\n", "line 1: 2 fields; expected 3 to 5, or a heading"),
        (read_dcase, "0\t1\ta\n0\t1\n", "line 2: 2 fields; expected onset, offset, event_label"),
        (read_dcase, "onset\tevent_label\n", "line 1: the heading lacks or repeats offset"),
        (read_dcase, "v\t0\t\trun\n", "line 1: offset is ''; expected a number"),
        (read_dcase, "v\t0\t1\t\n", "line 1: no label"),
        (read_dcase, "\t0\t1\trun\n", "line 1: no file name"),
    ],
)
def test_damaged(tmp_path, read, text, message):
    with pytest.raises(ValueError, match=rf"y\.txt, {message}"):
        read(put(tmp_path, "y.txt", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 1 7\n", "line 1: 'v 0 1 7'; expected video, start, end, class and score"),
        ("v 0 1 8 0.5\n", "line 1: class is 8; expected a number of `classes`"),
        ("v 0 1 7 nan\n", "line 1: score is NaN"),
        ("v 0 1 7 inf\n", "line 1: the score is infinite"),
        ("v 1 1 7 0.5\n", "line 1: expected finite times"),
    ],
)
def test_damaged_thumos14(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"y\.txt, {message}"):
        read_thumos14_results(put(tmp_path, "y.txt", text), classes=CLASSES)
