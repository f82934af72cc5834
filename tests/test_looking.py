"""What a notebook shows of segments, displays and reports, and that a class keeps its colour."""

import html
import json
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, Segment, Segments, report
from sklearn_asn.interchange import read_csv, read_label_studio
from sklearn_asn.plotting import (
    CASDisplay,
    PrecisionRecallDisplay,
    QuantileCurveDisplay,
    TrainingDisplay,
    class_colours,
)

matplotlib = pytest.importorskip("matplotlib.pyplot").matplotlib
to_hex = matplotlib.colors.to_hex
FAST = {"max_epochs": 4, "batch_size": 16, "hidden_size": 8, "random_state": 0, "device": "cpu"}
NASTY = "</svg><script>alert('x')</script>&amp;\"'"


@pytest.fixture(scope="module")
def model(videos):
    return ASNLocalizer("temporal", **FAST).fit(*videos)


@pytest.fixture(autouse=True)
def close():
    yield
    matplotlib.pyplot.close("all")


class Parsed(HTMLParser):
    """Elements of a piece of HTML, all of which are closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.attributes = [], [], "", []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))
        if tag != "line":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# ---------------------------------------------------------------- segments


def test_segments_as_a_table_and_a_timeline():
    y = Segments.from_list(
        [[("jump", 1.0, 2.123456789, 0.75), ("run", 4.0, 9.0, 0.5)], []], ids=["a", "b"]
    )
    shown = Parsed(y._repr_html_())
    assert "2 videos, 2 segments, 2 classes" in shown.text
    assert shown.tags.count("tr") == 3
    assert "2.12" in shown.text
    assert "2.123" not in shown.text
    bars = [a for a in shown.attributes if "rx" in a or (a.get("height") and "fill-opacity" in a)]
    colours = class_colours(["jump", "run"])
    assert {bar["fill"] for bar in bars} == set(colours.values())
    (jump,) = (bar for bar in bars if bar["fill"] == colours["jump"])
    (run,) = (bar for bar in bars if bar["fill"] == colours["run"])
    assert float(run["width"]) / float(jump["width"]) == pytest.approx(5 / 1.12, rel=0.02)
    assert float(jump["fill-opacity"]) > float(run["fill-opacity"])


def test_segments_in_a_notebook_stay_small_and_show_both_ends():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 1e4, 200_000)
    offsets = np.linspace(0, 200_000, 2001).astype(int)
    labels = rng.integers(0, 500, 200_000)
    y = Segments(offsets, labels, start, start + 5, rng.uniform(size=200_000))
    text = y._repr_html_()
    assert len(text) < 300_000
    shown = Parsed(text)
    assert "2,000 videos, 200,000 segments, 500 classes" in shown.text
    assert shown.tags.count("tr") == 1 + 5 + 1 + 5
    assert "1999" in shown.text
    assert "and 490 more" in shown.text


@pytest.mark.parametrize("where", ["label", "id"])
def test_segments_in_a_notebook_are_escaped(where):
    label, name = (NASTY, "a") if where == "label" else ("a", NASTY)
    text = Segments.from_list([[(label, 0.0, 1.0, 0.5)]], ids=[name])._repr_html_()
    assert "<script" not in text
    assert "script" not in Parsed(text).tags
    assert "alert" in Parsed(text).text


@pytest.mark.parametrize("videos_", [[], [[]], [[], [("a", 0.0, 1.0)]], [[(3, -5.0, 1e-6)]]])
def test_segments_that_are_few_or_odd(videos_):
    shown = Parsed(Segments.from_list(videos_)._repr_html_())
    assert shown.text.startswith("Segments: ")
    assert "nan" not in shown.text


# ---------------------------------------------------------------- displays


@pytest.mark.slow
def test_displays_show_themselves(videos, model):
    X, y = videos
    found = model.predict(X)
    displays = [
        CASDisplay.from_estimator(model, X, y),
        PrecisionRecallDisplay.from_predictions(y, found),
        QuantileCurveDisplay.from_estimator(model, X, y),
        TrainingDisplay.from_estimator(model),
    ]
    for display in displays:
        assert display._repr_png_().startswith(b"\x89PNG")
    n_open = len(matplotlib.pyplot.get_fignums())
    never_drawn = CASDisplay(np.arange(4.0), np.ones(3), 0.5, np.ones((3, 1)), np.array(["run"]))
    assert never_drawn._repr_png_().startswith(b"\x89PNG")
    assert len(matplotlib.pyplot.get_fignums()) == n_open + 1


@pytest.mark.slow
def test_a_class_has_one_colour_in_all_pictures(videos, model, tmp_path):
    X, y = videos
    colours = class_colours(model.classes_)
    seen = {}
    for video in range(10):
        display = CASDisplay.from_estimator(model, X, y, video=video)
        names = [label.get_text() for label in display.axes_[2].get_yticklabels()]
        for step in display.axes_[1].patches:
            seen.setdefault(step.get_label(), set()).add(to_hex(step.get_edgecolor()))
        assert set(names) <= set(colours)
    assert seen == {label: {colour} for label, colour in colours.items()}
    curves = PrecisionRecallDisplay.from_predictions(y, model.predict(X))
    for label, line in zip(curves.classes, curves.line_, strict=True):
        assert to_hex(line.get_color()) == colours[label]
    page = report(model, X, y, tmp_path / "r.html").read_text(encoding="utf-8")
    first_rule = re.search(r":root \{ (--k0[^}]*)\}", page)[1]
    in_page = dict(re.findall(r"--k(\d): (#\w+);", first_rule))
    assert {label: in_page[str(i)] for i, label in enumerate(model.classes_)} == colours


def test_a_label_without_training_has_one_colour_too(videos, model):
    X, _ = videos
    y = Segments.from_list([[("zebra", 0.0, 5.0)], [("ant", 1.0, 2.0)], *[[]] * (len(X) - 2)])
    want = class_colours(model.classes_, ["ant", "zebra"])
    for video in range(2):
        assert CASDisplay.from_estimator(model, X, y, video=video).colours == want


def test_colours_by_place():
    many = class_colours(range(20))
    assert len(set(many.values())) == 8
    assert many[3] == many[11]
    assert class_colours(["b", "a"])["b"] == class_colours(["x"])["x"]
    assert list(class_colours([2, 1], ["x", 0, 2, True])) == [2, 1, 0, "x"]
    for wrong in ("abc", 5, None):
        with pytest.raises(ValueError, match="expected a sequence of labels"):
            class_colours(wrong)


# ---------------------------------------------------------------- report


def test_report_inline(videos, model, tmp_path):
    X, y = videos
    page = report(model, X[:3], y[:3], tmp_path / "r.html", width="80%", height=500)
    shown = page._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "width:80%;height:500px" in shown
    (frame,) = Parsed(shown).attributes
    assert frame["srcdoc"] == page.read_text(encoding="utf-8")
    assert html.unescape(shown.split('"')[1]).startswith("<!DOCTYPE html>")
    assert isinstance(page, Path)
    assert type(page.parent) is type(page / "x") is type(Path()) or page.parent.size is None
    assert pickle.loads(pickle.dumps(page)) == page
    page.unlink()
    assert page._repr_html_() is None
    for wrong in (0, -5, "wide", "10px;color:red", None, True, 2.5):
        with pytest.raises(ValueError, match="height="):
            report(model, X[:3], y[:3], tmp_path / "r.html", height=wrong)


def test_a_large_report_is_only_named(videos, model, tmp_path, monkeypatch):
    X, y = videos
    page = report(model, X[:3], y[:3], tmp_path / "r.html")
    monkeypatch.setattr("sklearn_asn._report._inline.MAX_INLINE", 100)
    shown = page._repr_html_()
    assert "iframe" not in shown
    assert "r.html" in shown


def test_missing_video_files_are_said_at_once(videos, model, tmp_path, monkeypatch):
    X, y = videos
    (tmp_path / "there.mp4").touch()
    monkeypatch.setattr(ASNLocalizer, "predict", lambda *_: pytest.fail("worked before looking"))
    there = {X.ids[0]: tmp_path / "there.mp4", X.ids[1]: "https://host/x.mp4"}
    message = r"2 of 4 files in videos .*'gone\.mp4' of video 'video_005'"
    with pytest.raises(FileNotFoundError, match=message):
        report(
            model, X, y, tmp_path / "r.html", {**there, X.ids[5]: "gone.mp4", X.ids[6]: tmp_path}
        )
    assert not (tmp_path / "r.html").exists()


def test_precision_and_recall_at_a_score(videos, model, tmp_path):
    """Against counting by hand, one prediction after another."""
    X, y = videos
    model = ASNLocalizer("temporal", **{**FAST, "max_epochs": 20}, quantile=0.5).fit(X, y)
    found = model.predict(X)
    shown = np.array([float(f"{score:.4g}") for score in found.score])  # as the page has them
    text = report(model, X, y, tmp_path / "r.html").read_text(encoding="utf-8")
    points = json.loads(re.search(r'application/json">(.*?)</script>', text)[1])["points"]
    taken, hit = set(), []
    rows = [(s.score, i, s) for i, video in enumerate(found) for s in video]
    for score, i, s in sorted(rows, key=lambda row: -row[0]):
        best = [(_tiou(s, t), j) for j, t in enumerate(y[i]) if t.label == s.label]
        for value, j in sorted(best, key=lambda pair: -pair[0]):
            if value >= 0.5 and (i, j) not in taken:
                taken.add((i, j))
                hit.append((float(f"{score:.4g}"), s.label))
                break
    assert hit
    assert points["s"] == sorted(points["s"])
    for row in points["rows"]:
        label = model.classes_[row["c"]]
        assert row["t"] == sum(y.label == label)
        for k in (0, len(points["s"]) // 2, len(points["s"]) - 1):
            least = points["s"][k] - 1e-12
            assert row["f"][k] == sum((found.label == label) & (shown >= least))
            assert row["h"][k] == sum(
                name == label for score, name in hit if float(f"{score:.4g}") >= least
            )
    assert f"{len(hit) / len(found.label):.3f}</strong> precision at tIoU 0.5" in text
    assert f"{len(hit) / len(y.label):.3f}</strong> recall at tIoU 0.5" in text


def _tiou(a, b):
    inside = max(0.0, min(a.end, b.end) - max(a.start, b.start))
    return inside / (a.end - a.start + b.end - b.start - inside)


# ---------------------------------------------------------------- from marks back to fit

CSV = """video,label,start,end,score,mark
video_001,class_1,3.5,9.25,,move
video_001,class_2,20,31,,accept
video_004,class_0,1e-7,12,,add
"""
TASKS = """[
 {"data": {"video": "file:///v/video_001.mp4", "video_id": "video_001"},
  "annotations": [{"result": [
  {"id": "1_0", "from_name": "label", "to_name": "audio", "type": "labels",
   "value": {"start": 3.5, "end": 9.25, "channel": 0, "labels": ["class_1"]}},
  {"id": "1_1", "from_name": "label", "to_name": "audio", "type": "labels",
   "value": {"start": 20, "end": 31, "channel": 0, "labels": ["class_2"]}}]}]},
 {"data": {"video": "video_004", "video_id": "video_004"}, "annotations": [{"result": [
  {"id": "4_0", "from_name": "label", "to_name": "audio", "type": "labels",
   "value": {"start": 1e-7, "end": 12, "channel": 0, "labels": ["class_0"]}}]}]}
]"""


@pytest.mark.parametrize(("text", "reader"), [(CSV, read_csv), (TASKS, read_label_studio)])
def test_saved_marks_lead_back_to_fit(videos, tmp_path, text, reader):
    """`test_report_marks` compares these with what a browser saves."""
    X, y = videos
    (tmp_path / "marks").write_text(text, encoding="utf-8")
    checked = reader(tmp_path / "marks")
    assert checked.ids.tolist() == ["video_001", "video_004"]
    assert checked[0] == [
        Segment("class_1", 3.5, 9.25, pytest.approx(np.nan, nan_ok=True)),
        Segment("class_2", 20.0, 31.0, pytest.approx(np.nan, nan_ok=True)),
    ]
    times = dict(zip(checked.ids.tolist(), checked, strict=True))
    labels = [{s.label for s in video} for video in y]
    corrected = [times.get(i, known) for i, known in zip(X.ids.tolist(), labels, strict=True)]
    asn = ASNLocalizer("temporal", pooling="probability", **FAST)
    fitted = asn.fit(X, corrected, timed=np.isin(X.ids, checked.ids))
    assert set(fitted.classes_) == {"class_0", "class_1", "class_2"}
    plain = ASNLocalizer("temporal", pooling="probability", **FAST).fit(X, corrected)
    assert not np.array_equal(fitted.predict_proba(X), plain.predict_proba(X))
