"""Segments as objects of other libraries, with these libraries where they are installed."""

import sys

import numpy as np
import pytest

from sklearn_asn import Segments
from sklearn_asn.interchange import (
    from_fiftyone,
    from_pyannote,
    from_sed_eval,
    read_dcase,
    read_fiftyone,
    to_fiftyone,
    to_pyannote,
    to_sed_eval,
    write_dcase,
    write_fiftyone,
)

TRUTH = Segments.from_list(
    [
        [("run", 0.1, 0.30000000000000004), ("fall", 0.25, 2.0), ("run", 0.25, 2.0)],
        [],
        [("a b", 3, 4)],
    ],
    ids=["v", "w", "x"],
)
FOUND = Segments.from_list([[("run", 0.12, 2.0, 0.75), ("fall", 0.2, 2.2, 1e-7)], []], ["v", "w"])
#: What the libraries say of themselves when they are imported.
quiet = pytest.mark.filterwarnings("ignore")


# ---------------------------------------------------------------------- pyannote.core


@pytest.fixture
def core():
    return pytest.importorskip("pyannote.core")


@quiet
def test_annotations_and_back(core):
    annotations = to_pyannote(TRUTH, modality="video")
    assert list(annotations) == ["v", "w", "x"]
    one = annotations["v"]
    assert (one.uri, one.modality, len(annotations["w"])) == ("v", "video", 0)
    tracks = [(time.start, time.end, label) for time, _, label in one.itertracks(yield_label=True)]
    assert sorted(tracks) == sorted((s.start, s.end, s.label) for s in TRUTH[0])
    assert one.label_duration("run") == pytest.approx(1.9)  # what they share counts once
    for given in (annotations, list(annotations.values())):
        assert from_pyannote(given) == TRUTH
    assert from_pyannote(one) == TRUTH[:1]
    assert from_pyannote(one, videos=["w", "v"]) == Segments.concatenate([TRUTH[1:2], TRUTH[:1]])


@quiet
def test_annotations_of_others(core):
    given = core.Annotation()
    given[core.Segment(1, 2)] = 7
    given[core.Segment(1, 2), "second"] = "x"
    expected = Segments.from_list([[("7", 1.0, 2.0), ("x", 1.0, 2.0)]], ids=["name"])
    assert from_pyannote({"name": given}) == expected
    with pytest.raises(ValueError, match=r"annotations\[0\] has the uri None; give a mapping"):
        from_pyannote(given)
    given.uri = "name"
    with pytest.raises(ValueError, match="annotations has two of 'name'"):
        from_pyannote([given, given])
    with pytest.raises(TypeError, match=r"annotations\['v'\] is a list; expected an Annotation"):
        from_pyannote({"v": []})
    with pytest.raises(TypeError, match=r"annotations\[0\] is a tuple"):
        from_pyannote(TRUTH.ids.tolist() and [("a", 1, 2)])
    with pytest.raises(ValueError, match=r"name, track _: ends at 2.0, after its video"):
        from_pyannote(given, duration=1.5)
    with pytest.warns(UserWarning, match="Cut to their video: 2"):
        cut = from_pyannote(given, duration=1.5, on_invalid="clip")
    assert cut.end.tolist() == [1.5, 1.5]


@quiet
def test_what_an_annotation_cannot_hold(core):
    with pytest.raises(ValueError, match=r"have scores, which a pyannote\.core"):
        to_pyannote(FOUND)
    assert len(to_pyannote(FOUND, drop_scores=True)["v"]) == 2
    short = Segments.from_list([[("run", 1.0, 1.0 + 1e-7)]], ids=["v"])
    with pytest.raises(ValueError, match=r"\('run', 1.0, .*\) of v is not longer than a micro"):
        to_pyannote(short)


def test_without_pyannote_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyannote.core", None)
    with pytest.raises(ImportError, match=r"sklearn-asn\[pyannote\]"):
        to_pyannote(TRUTH)


# ---------------------------------------------------------------------- sed_eval, dcase_util


def test_event_lists_and_back():
    lists = to_sed_eval(TRUTH, suffix=".wav")
    assert list(lists) == ["v", "w", "x"]
    assert lists["v"][0] == {
        "filename": "v.wav", "onset": 0.1, "offset": 0.30000000000000004, "event_label": "run",
    }  # fmt: skip
    assert from_sed_eval(lists, suffix=".wav") == TRUTH
    flat = [event for events in lists.values() for event in events]
    assert from_sed_eval(flat, suffix=".wav", videos=["v", "w", "x"]) == TRUTH
    with pytest.raises(ValueError, match="have scores, which a sed_eval"):
        to_sed_eval(FOUND)


def test_event_lists_of_others():
    old = [
        {"file": "a", "event_onset": "1.5", "event_offset": 2, "event_label": "dog"},
        {"file": "b"},
    ]
    expected = Segments.from_list([[("dog", 1.5, 2.0)], []], ids=["a", "b"])
    assert from_sed_eval(old) == expected
    events = [{"onset": 1, "offset": 2, "event_label": "dog"}]
    assert from_sed_eval({"a": events, "b": []}).lengths.tolist() == [1, 0]
    for wrong, error, says in [
        (events, ValueError, r"events\[0\] has no file name; give a mapping"),
        ({"a": [{"onset": 1, "event_label": "x"}]}, ValueError, r"events\['a'\]\[0\] lacks offset"),
        ({"a": [("x", 1, 2)]}, TypeError, r"events\['a'\]\[0\] is a tuple; expected a dict"),
        ({"b": [old[0]]}, ValueError, r"events\['b'\]\[0\] is of the file 'a'"),
        ({"a": [{**events[0], "offset": "x"}]}, ValueError, r"\[0\]: offset is 'x'"),
        ({"a": [{**events[0], "offset": 1}]}, ValueError, r"\[0\]: expected finite times"),
        ({"a": [{**events[0], "event_label": ""}]}, ValueError, r"\[0\]: no label"),
        ("a", TypeError, "events must be a sequence"),
    ]:
        with pytest.raises(error, match=says):
            from_sed_eval(wrong)


@quiet
def test_sed_eval_counts_them(tmp_path):
    sed_eval = pytest.importorskip("sed_eval")
    near = Segments.from_list(
        [[("run", 0.15, 0.4), ("fall", 0.3, 2.1), ("run", 9, 10)], [], [("a b", 3.05, 4)]],
        TRUTH.ids,
    )
    metric = sed_eval.sound_event.EventBasedMetrics(
        event_label_list=["run", "fall", "a b"], t_collar=0.2, evaluate_offset=True
    )
    reference, estimated = to_sed_eval(TRUTH), to_sed_eval(near)
    for name in reference:
        metric.evaluate(reference[name], estimated[name])
    overall = metric.results_overall_metrics()["f_measure"]
    assert overall["precision"] == pytest.approx(3 / 4)
    assert overall["recall"] == pytest.approx(3 / 4)
    write_dcase(TRUTH, tmp_path / "y.txt", heading=False, suffix=".wav")
    loaded = sed_eval.io.load_event_list(str(tmp_path / "y.txt"))
    assert from_sed_eval(loaded, suffix=".wav") == TRUTH
    container = type(loaded)([event for events in reference.values() for event in events])
    container.save(str(tmp_path / "theirs.txt"))
    back = read_dcase(tmp_path / "theirs.txt", videos=TRUTH.ids)
    assert [[s[:1] for s in video] for video in back] == [[s[:1] for s in v] for v in TRUTH]
    np.testing.assert_allclose(back.start, TRUTH.start, atol=1e-3)
    assert container.unique_event_labels == ["a b", "fall", "run"]


# ---------------------------------------------------------------------- FiftyOne


def test_labels_in_frames_and_back():
    labels = to_fiftyone(FOUND, framerate={"v": 25.0, "w": 30.0}, as_dicts=True)
    assert labels["w"] == {"_cls": "TemporalDetections", "detections": []}
    first = labels["v"]["detections"][0]
    assert first == {
        "_cls": "TemporalDetection", "tags": [], "label": "run", "support": [4, 50],
        "confidence": 0.75,
    }  # fmt: skip
    back = from_fiftyone(labels, framerate=25.0)
    assert back == FOUND  # whose times are whole frames
    with pytest.raises(ValueError, match=r"\('run', 0.12, 0.13\) of v has no frame.*25 a second"):
        to_fiftyone(Segments.from_list([[("run", 0.12, 0.13)]], ["v"]), 25.0, as_dicts=True)
    with pytest.raises(ValueError, match="framerate lacks 1 videos: w"):
        to_fiftyone(FOUND, {"v": 25.0}, as_dicts=True)


class Detection:
    """What a `fiftyone.TemporalDetection` has, for where it is not installed."""

    def __init__(self, label, support, confidence=None):
        self.label, self.support, self.confidence = label, support, confidence


class Detections:
    def __init__(self, *detections):
        self.detections = list(detections)


def test_label_objects():
    given = {"a": Detections(Detection("run", [1, 25]), Detection("x", (26, 50), 0.5)), "b": None}
    expected = Segments.from_list([[("run", 0.0, 1.0), ("x", 1.0, 2.0, 0.5)], []], ["a", "b"])
    assert from_fiftyone(given, 25.0) == expected
    for wrong, error, says in [
        (Detections(Detection("run", None)), ValueError, r"detection 0: support is None; expected"),
        (Detections(Detection(None, [1, 2])), ValueError, r"labels\['a'\], detection 0: no label"),
        (Detections(Detection("run", [5, 4])), ValueError, "detection 0: expected finite times"),
        (3, TypeError, r"labels\['a'\] is a int; expected TemporalDetections"),
    ]:
        with pytest.raises(error, match=says):
            from_fiftyone({"a": wrong}, 25.0)
    with pytest.raises(TypeError, match="labels must map ids"):
        from_fiftyone([], 25.0)


@quiet
def test_objects_of_fiftyone():
    fiftyone = pytest.importorskip("fiftyone", exc_type=ImportError)
    labels = to_fiftyone(FOUND, framerate=25.0)
    assert isinstance(labels["v"], fiftyone.TemporalDetections)
    assert from_fiftyone(labels, framerate=25.0) == FOUND
    dicts = to_fiftyone(FOUND, framerate=25.0, as_dicts=True)
    read = fiftyone.TemporalDetections.from_dict(dicts["v"])
    for ours, theirs in zip(labels["v"].detections, read.detections, strict=True):
        for name in ("label", "support", "confidence"):
            assert getattr(ours, name) == getattr(theirs, name)


@quiet
def test_fiftyone_reads_what_is_written(tmp_path):
    pytest.importorskip("fiftyone", exc_type=ImportError)
    from fiftyone.core.metadata import VideoMetadata
    from fiftyone.utils.data.importers import FiftyOneTemporalDetectionDatasetImporter

    (tmp_path / "data").mkdir()
    for name in FOUND.ids:
        (tmp_path / "data" / f"{name}.mp4").write_bytes(b"")
    write_fiftyone(FOUND, tmp_path / "labels.json")
    importer = FiftyOneTemporalDetectionDatasetImporter(str(tmp_path))
    importer.setup()
    parser = importer._sample_parser
    metadata = VideoMetadata(frame_rate=25, duration=4.0, total_frame_count=100)
    found = {}
    for name in importer._uuids:
        parser.with_sample((f"{name}.mp4", importer._labels_map[name]))
        parser._current_metadata = metadata
        found[name] = parser.get_label()
    assert list(found) == ["v", "w"]
    assert [one.label for one in found["v"].detections] == ["run", "fall"]
    back = from_fiftyone(found, framerate=25.0)
    np.testing.assert_allclose(back.start, FOUND.start, atol=1 / 25 + 1e-9)
    np.testing.assert_allclose(back.end, FOUND.end, atol=1 / 25 + 1e-9)
    np.testing.assert_array_equal(back.score, FOUND.score)


def test_labels_of_others(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(
        '{"classes": ["run", "fall"], "labels": {"a": [{"label": 1, "support": [1, 50]}, '
        '{"label": "x", "timestamps": ["00:01:02.5", "00:01:03"], "attributes": {"k": 1}}], '
        '"b": null}}'
    )
    expected = [[("fall", 0.0, 2.0), ("x", 62.5, 63.0)], []]
    assert read_fiftyone(path, framerate=25.0) == Segments.from_list(expected, ["a", "b"])
    with pytest.raises(ValueError, match=r"labels\['a'\]\[0\]: times are frames.*framerate"):
        read_fiftyone(path)
    for text, says in [
        ("[]", "expected an object"),
        ('{"labels": {"a": [{"label": "x"}]}}', r"\['a'\]\[0\]: support is None; expected two"),
        ('{"labels": {"a": [{"label": "x", "timestamps": [1]}]}}', "expected two numbers"),
        ('{"labels": {"a": [{"label": "x", "timestamps": [1, "y"]}]}}', "timestamps is 'y'"),
        ('{"classes": ["r"], "labels": {"a": [{"label": 1, "timestamps": [1, 2]}]}}', "1 classes"),
        ('{"labels": {"a": 3}}', "expected a list"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=says):
            read_fiftyone(path)


def test_without_fiftyone_it_says_what_goes_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ImportError, match="as_dicts=True"):
        to_fiftyone(FOUND, 25.0)
