import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, Segments
from sklearn_asn._report import _collect, report
from sklearn_asn._report._timeline import MAX_SEGMENTS, Spans, thin, timeline
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import average_precision_table, localization_map, recognition_map
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection

FAST = {"max_epochs": 4, "hidden_size": 8, "random_state": 0, "device": "cpu"}
NASTY = '</script><script>alert("1")</script>\'&amp; {{data}} <!-- é 動作 \u202e \u2028'


@pytest.fixture(scope="module")
def model(videos):
    return make_pipeline(ClipWise(StandardScaler()), ASNLocalizer(**FAST)).fit(*videos)


class Page(HTMLParser):
    """Elements of a page, the text of each, and what the script reads."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements, self.open = [], []
        self.feed(self.source)
        self.close()
        assert not self.open, "elements that are not closed"
        (data,) = self.find("script", id="data")
        self.data = json.loads(data["text"])

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in self.VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def find(self, tag, **attrs):
        return [
            e
            for e in self.elements
            if e["tag"] == tag and all(e.get(k) == v for k, v in attrs.items())
        ]

    @property
    def rows(self):
        return [e["text"] for e in self.elements if "data-i" in e]

    @property
    def facts(self):
        (facts,) = self.find("ul")
        return facts["text"]


def decode(curve):
    low, high, *parts = curve
    codes = [np.frombuffer(base64.b64decode(part), "<u2") for part in parts]
    return [low + (high - low) * code / 65535 for code in codes]


@pytest.mark.slow
def test_shows_what_the_estimator_says(videos, model, tmp_path):
    X, y = videos
    path = report(model, X, y, tmp_path / "new" / "report.html")
    assert path == tmp_path / "new" / "report.html"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    page, found = Page(path), model.predict(X)
    seen = model[:-1].transform(X)
    assert [v["id"] for v in page.data["videos"]] == X.ids.tolist()
    assert page.data["labels"] == model[-1].classes_.tolist()
    assert page.data["threshold"] == model[-1].threshold_
    for i, video in enumerate(page.data["videos"]):
        assert [video["start"], video["end"], video["step"]] == [*X.spans[i], X.clip_seconds[i]]
        (attention,) = decode(video["a"])
        np.testing.assert_allclose(attention, model[-1].attention(seen)[i], atol=2e-4)
        cas, shown = model.transform(X)[i], set()
        for row in video["rows"]:
            label = page.data["labels"][row["c"]]
            want = [s for s in sorted(found[i], key=lambda s: s.start) if s.label == label]
            got = [(*s[:3],) for s in row["f"]]
            np.testing.assert_allclose(got, [s[1:] for s in want], rtol=1e-3)
            true = [s[1:3] for s in sorted(y[i], key=lambda s: s.start) if s.label == label]
            np.testing.assert_allclose([s[:2] for s in row["t"]], true, rtol=1e-6)
            if "k" in row:
                np.testing.assert_allclose(decode(row["k"])[0], cas[:, row["c"]], atol=1e-4)
                shown.add(row["c"])
        assert shown == set(np.flatnonzero(cas.any(axis=0)).tolist())
    score = localization_map(y, found)
    for text in ("40 videos", f"{len(found.label):,} segments", f"{score:.3f} mAP at tIoU 0.5"):
        assert text in page.facts
    assert f"{recognition_map(y, model.predict_proba(X), classes=model.classes_):.3f}" in page.facts
    table = average_precision_table(y, found)
    for label, values in table.iterrows():
        assert "".join(f"{v:.3f}" for v in values) in page.source.replace("</td><td>", "")
        assert str(label) in page.source
    (dl,) = page.find("dl")
    for text in ("ClipWise(transformer=StandardScaler())", "bilinear", "hidden_size8", "0.5"):
        assert text in dl["text"]


def test_table_of_videos(videos, model, tmp_path):
    X, y = videos
    page = Page(report(model, X, y, tmp_path / "r.html"))
    found = model.predict(X)
    assert len(page.rows) == len(X)
    for i, text in enumerate(page.rows):
        assert text.startswith(f"{X.ids[i]}{X.spans[i, 1]:g}")
        assert f"{len(found[i])}{len(y[i])}" in text
        best = [
            max((tiou(s, t) for s in found[i] if s.label == t.label), default=0.0) for t in y[i]
        ]
        precision = localization_map(y[i : i + 1], found[i : i + 1])
        assert text.endswith(f"{np.mean(best):.2f}{precision:.2f}")


def tiou(a, b):
    inside = max(0.0, min(a.end, b.end) - max(a.start, b.start))
    return inside / (a.end - a.start + b.end - b.start - inside)


def test_nothing_comes_from_elsewhere(videos, model, tmp_path):
    X, y = videos
    page = Page(report(model, X, y, tmp_path / "r.html"))
    assert re.findall(r"https?://[^\"'\s<]*", page.source) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|srcset", page.source)
    for element in page.elements:
        assert element.get("src") is None
        href = element.get("href")
        assert href is None or href == "data:," or href.startswith("#")
        assert not [name for name in element if name.startswith("on") or name == "style"]
    (policy,) = [m["content"] for m in page.find("meta") if "http-equiv" in m]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "media-src 'none'" in policy
    assert "This file loads nothing from a network." in page.source
    page.source.encode("ascii" if page.source.isascii() else "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["ids", "labels", "title", "files"])
def test_escapes(videos, tmp_path, where, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = videos
    title = NASTY if where == "title" else None
    links = [f"{NASTY}/{i}.mp4" for i in range(len(X))] if where == "files" else None
    for link in links or ():
        touch(tmp_path / link)
    if where == "ids":
        X = Clips(X.values, X.offsets, 1.0, ids=[f"{NASTY}\0\ud800{i}" for i in range(len(X))])
        y = Segments(y.offsets, y.label, y.start, y.end)
    if where == "labels":
        y = Segments(y.offsets, [f"{NASTY}{v}" for v in y.label], y.start, y.end, ids=X.ids)
    asn = ASNLocalizer("temporal", **FAST).fit(X, y)
    path = report(asn, X, y, tmp_path / "r.html", links, title=title)
    page = Page(path)
    plain = Page(
        report(ASNLocalizer("temporal", **FAST).fit(*videos), *videos, tmp_path / "p.html")
    )
    assert [e["tag"] for e in page.elements] == [e["tag"] for e in plain.elements]
    assert "<script>alert" not in page.source
    assert page.source.count("</script>") == 4
    assert page.source.count("<!--") == 0
    shown = {
        "ids": page.data["videos"][3]["id"] if where == "ids" else None,
        "labels": page.data["labels"][1],
        "title": page.find("h1")[0]["text"],
        "files": page.data["videos"][0]["url"],
    }[where]
    assert re.fullmatch(r"[\w%./:-]+", shown) if where == "files" else NASTY in shown


@pytest.mark.slow
def test_long_videos_are_thinned_and_the_file_is_bounded(videos, tmp_path):
    asn = ASNLocalizer("temporal", **FAST).fit(*videos)
    X, y = make_untrimmed_videos(
        n_videos=4, n_classes=3, n_clips=20_000, n_instances=(700, 800), random_state=0
    )
    path = report(asn, X, y, tmp_path / "r.html")
    page = Page(path)
    fixed = Page(report(asn, X[:1], None, tmp_path / "one.html", max_points=50))
    assert path.stat().st_size < 45_000 + 4 * 75_000
    assert "drawn thinned, by the minimum and maximum of each of 500 columns" in page.source
    assert "20,000 clips" in page.source
    for video, attention in zip(page.data["videos"], asn.attention(X), strict=True):
        low, high = decode(video["a"])
        assert len(low) == len(high) == 500
        pieces = attention.reshape(500, 40)
        np.testing.assert_allclose(low, pieces.min(axis=1), atol=1e-3)
        np.testing.assert_allclose(high, pieces.max(axis=1), atol=1e-3)
        assert sum(len(row["f"]) for row in video["rows"]) <= MAX_SEGMENTS
        assert sum(len(row["t"]) for row in video["rows"]) == MAX_SEGMENTS
        assert "more true segments" in video["more"]
        assert "more predicted segments" in video["more"]
    assert [len(part) for part in decode(fixed.data["videos"][0]["a"])] == [25, 25]
    found = asn.predict(X)
    for i, video in enumerate(page.data["videos"]):
        drawn = sorted(s[2] for row in video["rows"] for s in row["f"])
        best = np.sort([s.score for s in found[i]])[-MAX_SEGMENTS:]
        np.testing.assert_allclose(drawn, best, rtol=1e-3)
    total = len(found.label)
    assert f"{total:,} segments" in page.facts
    assert sum(v["found"] for v in page.data["videos"]) == total


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 23, 1000])
def test_thin_keeps_extremes(n):
    values = np.random.default_rng(n).normal(size=n)
    low, high = thin(values, 8)
    size = min(n, 8)
    column = np.array([max(j for j in range(size) if j * n // size <= i) for i in range(n)])
    np.testing.assert_array_equal(low, [values[column == j].min() for j in range(size)])
    np.testing.assert_array_equal(high, [values[column == j].max() for j in range(size)])
    # how the page finds the column of a clip
    np.testing.assert_array_equal(column, ((np.arange(n) + 1) * size - 1) // n)


def test_many_classes_and_overlaps():
    n = 40
    found = Spans(
        np.repeat([30, 2], 6), np.arange(12.0), np.arange(12.0) + 5, np.linspace(0, 1, 12)
    )
    drawn = timeline(
        np.zeros(n), np.ones((n, 31)), np.arange(31), np.linspace(0.5, 0, 31), found, found, 10
    )
    assert [row["c"] for row in drawn["rows"]] == [2, 30, 0, 1, 3, 4, 5, 6]
    assert drawn["more"] == "Not drawn: 23 more classes."
    lanes = [s[3] for s in drawn["rows"][0]["f"]]
    assert max(lanes) == 3
    assert lanes[-1] == 0  # the best comes first
    json.dumps(drawn, allow_nan=False)


def test_works_block_by_block(videos, model, tmp_path, monkeypatch):
    X, y = videos
    whole = report(model, X, y, tmp_path / "whole.html")
    sizes = []
    attention = ASNLocalizer.attention

    def spy(self, X):
        sizes.append(int(X.lengths.sum()))
        return attention(self, X)

    monkeypatch.setattr(ASNLocalizer, "attention", spy)
    monkeypatch.setattr(_collect, "BLOCK_CLIPS", 150)
    blocks = report(model, X, y, tmp_path / "blocks.html")
    assert sum(sizes) == len(X.values)
    assert max(sizes) <= 150
    assert len(sizes) > 10
    one, other = Page(whole), Page(blocks)
    assert one.facts == other.facts
    assert one.rows == other.rows
    for a, b in zip(one.data["videos"], other.data["videos"], strict=True):
        np.testing.assert_allclose(decode(a["a"])[0], decode(b["a"])[0], atol=1e-3)
        assert [(row["c"], row["t"]) for row in a["rows"]] == [
            (row["c"], row["t"]) for row in b["rows"]
        ]
    monkeypatch.setattr(_collect, "BLOCK_CLIPS", 1)  # a video is not cut
    sizes.clear()
    report(model, X[:5], y[:5], tmp_path / "blocks.html")
    assert sizes == X.lengths[:5].tolist()


def test_truth_of_labels_only_or_none(videos, model, tmp_path):
    X, y = videos
    labels = [{s.label for s in video} for video in y]
    page = Page(report(model, X, labels, tmp_path / "r.html"))
    assert not page.data["truth"]
    assert "labels only" in page.source
    assert "mAP of video labels" in page.facts
    assert "true segments" not in page.facts
    assert "best tIoU" not in page.find("table", id="table")[0]["text"]
    for text, names in zip(page.rows, labels, strict=True):
        assert ", ".join(sorted(names)) in text
    page = Page(report(model, X, None, tmp_path / "r.html"))
    assert "nothing is scored" in page.source
    assert "mAP" not in page.facts
    assert "true classes" not in page.find("table", id="table")[0]["text"]
    none = Segments.from_list([[] for _ in X])
    page = Page(report(model, X, none, tmp_path / "r.html"))
    assert "nothing is scored" in page.source


def test_video_without_truth_and_label_without_training(videos, model, tmp_path):
    X, _ = videos
    y = Segments.from_list([[("new", 1.0, 5.0)], [("class_0", 0.5, 4.0)], []])
    page = Page(report(model, X[:3], y, tmp_path / "r.html"))
    assert page.data["labels"] == ["class_0", "class_1", "class_2", "new"]
    (row,) = [r for r in page.data["videos"][0]["rows"] if r["c"] == 3]
    assert row == {"c": 3, "f": [], "t": [[1.0, 5.0, None, 0]]}
    assert page.rows[0].endswith("0.000.00")
    assert page.rows[2].endswith("\N{EN DASH}" * 2)
    assert "3" in page.find("tr", **{"data-i": "0"})[0]["data-classes"].split()


def test_two_classes_with_int_labels_as_lists(tmp_path):
    X, y = make_untrimmed_videos(n_videos=20, n_classes=2, random_state=0)
    codes = Segments(y.offsets, [int(v[-1]) for v in y.label], y.start, y.end)
    arrays = list(X)
    asn = ASNLocalizer("spatial", **FAST).fit(arrays, codes)
    page = Page(report(asn, arrays, codes, tmp_path / "r.html"))
    assert page.data["labels"] == ["0", "1"]
    assert page.data["unit"] == "clips"
    assert [v["id"] for v in page.data["videos"]] == [f"video {i}" for i in range(20)]
    assert [v["end"] for v in page.data["videos"]] == X.lengths.tolist()
    with pytest.raises(ValueError, match="cannot match"):
        report(asn, arrays, y, tmp_path / "r.html")


@pytest.mark.parametrize("as_frame", [False, True])
def test_videos_of_one_clip(tmp_path, as_frame):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 6)), np.arange(30) % 3
    X = pd.DataFrame(X, columns=list("abcdef")) if as_frame else X
    model = make_pipeline(StandardScaler(), ASNLocalizer(**FAST))
    if as_frame:
        model.set_output(transform="pandas")
    page = Page(report(model.fit(X, y), X, y, tmp_path / "r.html"))
    assert len(page.data["videos"]) == 30
    assert {v["n"] for v in page.data["videos"]} == {1}


@pytest.mark.parametrize("stream", ["both", "temporal", "spatial"])
def test_threshold_is_on_the_scale_of_attention(videos, tmp_path, stream):
    X, y = videos
    asn = ASNLocalizer("two-stream", attention_stream=stream, video_threshold=0.0, **FAST).fit(X, y)
    page = Page(report(asn, X, y, tmp_path / "r.html"))
    for attention, cas in zip(asn.attention(X), asn.transform(X), strict=True):
        np.testing.assert_array_equal(attention >= page.data["threshold"] - 1e-6, cas.any(axis=1))


def test_frames_per_clip(videos, tmp_path):
    X, y = videos
    asn = ASNLocalizer("temporal", frames_per_clip=4, **FAST).fit(X, y)
    page = Page(report(asn, X, y, tmp_path / "r.html"))
    for video, length in zip(page.data["videos"], X.lengths.tolist(), strict=True):
        assert video["step"] == 4
        assert video["n"] == -(-length // 4)
        assert video["end"] == length


@pytest.mark.parametrize(
    "estimator",
    [
        UntrimmedNet(max_epochs=2, random_state=0, device="cpu"),
        STPN(max_epochs=2, attention_size=8, random_state=0, device="cpu"),
        WTALC(hidden_size=8, max_epochs=2, random_state=0, device="cpu"),
        AutoLoc(
            UntrimmedNet(max_epochs=2, random_state=0, device="cpu"),
            scales=(1, 2, 4),
            hidden_size=8,
            random_state=0,
            device="cpu",
        ),
        ASNLocalizer(pooling="topk", selection=MultiQuantileSelection(), **FAST),
        ASNLocalizer(localize_classes=["class_1"], **FAST),
    ],
    ids=lambda e: type(e).__name__,
)
def test_other_localizers(videos, tmp_path, estimator):
    X, y = (part[:8] for part in videos)
    page = Page(report(estimator.fit(X, y), X, y, tmp_path / "r.html"))
    assert (page.data["threshold"] is None) == (not isinstance(estimator, ASNLocalizer))
    assert page.find("h1")[0]["text"] == f"{type(estimator).__name__} report"
    score = localization_map(y, estimator.predict(X))
    assert f"{score:.3f} mAP at tIoU 0.5" in page.facts


@pytest.mark.slow
def test_searches_and_frozen_estimators(videos, model, tmp_path):
    X, y = videos
    want = Page(report(model, X, y, tmp_path / "r.html"))
    search = GridSearchCV(model, {"asnlocalizer__quantile": [0.5]}, cv=2).fit(X, y)
    nested = make_pipeline(FrozenEstimator(model[:-1]), FrozenEstimator(model[-1]))
    for estimator in (search, FrozenEstimator(model), nested):
        got = Page(report(estimator, X, y, tmp_path / "r.html"))
        assert got.facts == want.facts
        assert got.rows == want.rows


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_videos_are_linked(videos, model, tmp_path):
    X, y = videos
    touch(tmp_path / "clip 2.mp4")
    links = {X.ids[0]: "https://host/a.mp4", X.ids[2]: tmp_path / "clip 2.mp4"}
    page = Page(report(model, X, y, tmp_path / "r.html", links))
    urls = [v["url"] for v in page.data["videos"]]
    assert urls[:4] == ["https://host/a.mp4", None, "clip%202.mp4", None]
    (policy,) = [m["content"] for m in page.find("meta") if "http-equiv" in m]
    assert "media-src https://host 'self' file:;" in policy
    assert "except the linked video files" in page.source


def test_replaces_reports_only(videos, model, tmp_path):
    X, y = videos
    path = tmp_path / "r.html"
    report(model, X[:2], y[:2], path, title="first")
    report(model, X[:2], y[:2], path, title="second")
    assert "second" in path.read_text(encoding="utf-8")
    path.write_text("my own page")
    with pytest.raises(FileExistsError, match="not a report"):
        report(model, X[:2], y[:2], path)
    assert path.read_text() == "my own page"
    report(model, X[:2], y[:2], path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(FileExistsError, match="folder"):
        report(model, X[:2], y[:2], tmp_path, overwrite=True)


def test_a_failed_write_leaves_the_old_file(videos, model, tmp_path, monkeypatch):
    X, y = videos
    path = report(model, X[:2], y[:2], tmp_path / "r.html")
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("sklearn_asn._disk.files.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        report(model, X, y, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input(videos, model, tmp_path):
    X, y = videos
    path = tmp_path / "r.html"
    with pytest.raises(NotFittedError):
        report(ASNLocalizer(), X, y, path)
    with pytest.raises(NotFittedError):
        report(make_pipeline(ClipWise(StandardScaler()), ASNLocalizer()), X, y, path)
    for wrong in (StandardScaler(), ASNLocalizer, None, "model"):
        with pytest.raises(ValueError, match="expected a localizer of sklearn_asn, fitted"):
            report(wrong, X, y, path)
    with pytest.raises(ValueError, match="X has 40 videos, but y has entries for 3"):
        report(model, X, y[:3], path)
    with pytest.raises(ValueError, match="bring both to the same order"):
        report(model, X, y[::-1], path)
    late = Segments(y.offsets, y.label, y.start + 1e4, y.end + 1e4)
    with pytest.raises(ValueError, match="Are the units the same"):
        report(model, X, late, path)
    with pytest.raises(ValueError, match="0 videos"):
        report(model, X[:0], None, path)
    with pytest.raises(ValueError, match="0 videos"):
        report(model, np.empty((0, 64)), None, path)
    with pytest.raises(ValueError, match="2-D array; got an array of shape"):
        report(model, 5, None, path)
    with pytest.raises(ValueError, match="feature names"):
        report(model, Clips(X.values[:, :5], X.offsets, feature_names="abcde"), y, path)
    with pytest.raises(ValueError, match="max_points"):
        report(model, X, y, path, max_points=10)
    with pytest.raises(ValueError, match="X has 40 videos, but videos has 1 entries"):
        report(model, X, y, path, ["a.mp4"])
    with pytest.raises(ValueError, match="expected one path or URL a video"):
        report(model, X, y, path, "a.mp4")
    with pytest.raises(ValueError, match=r"ids that X does not have: \['nobody'\]"):
        report(model, X, y, path, {"nobody": "a.mp4"})
    untimed = Clips(X.values, X.offsets, feature_names=X.feature_names)
    with pytest.raises(ValueError, match="X has no ids"):
        report(model, untimed, None, path, {"video_000": "a.mp4"})
    with pytest.raises(ValueError, match="needs X with timing"):
        report(model, untimed, None, path, ["a.mp4"] * 40)
    assert not path.exists()
