"""Marks, the slider, frames and long tables, in a browser (as `test_report_browser`)."""

import json
import time

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, Clips, Segment, Segments, report
from sklearn_asn.interchange import read_csv, read_label_studio

browser = pytest.importorskip("test_report_browser")
Page = browser.Page

pytestmark = pytest.mark.slow

NASTY = 'a|b, "c"\n<i>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory, videos):
    folder = tmp_path_factory.mktemp("marks")
    X, y = videos
    fast = {"max_epochs": 20, "random_state": 0, "device": "cpu"}
    asn = ASNLocalizer("temporal", quantile=0.4, video_threshold=0.35, **fast).fit(X, y)
    report(asn, X, y, folder / "report.html")
    odd = Segments(y.offsets, [f"{NASTY}{v}" for v in y.label], y.start, y.end)
    X = Clips(X.values, X.offsets, 1.0, feature_names=X.feature_names)
    report(asn.fit(X, odd), X, odd, folder / "odd.html")
    return folder


@pytest.fixture
def page(driver, folder):
    driver.set_window_size(1280, 1000)
    page = Page(driver, folder / "report.html")
    page.js("localStorage.clear()")
    return Page(driver, folder / "report.html")


def predicted(page, i):
    """Segments of a video, as the page has them."""
    return page.js(
        "return timelines[arguments[0]].segments.filter((s) => s.what === 'predicted')"
        ".map((s) => [s.name, s.start, s.end, s.score])",
        i,
    )


def choose(page, i, k):
    page.js(
        "timelines[arguments[0]].segments.filter((s) => s.what === 'predicted')[arguments[1]]"
        ".node.focus()",
        i,
        k,
    )


def button(page, where, text):
    (node,) = [b for b in page.all(f"{where} .correct button") if b.text == text]
    return node


def test_the_slider_hides_and_counts(page):
    where = page.timeline(0)
    data = page.data()
    scores, rows = data["points"]["s"], data["points"]["rows"]
    step = len(scores) // 2
    before = len(predicted(page, 0))
    assert f"{sum(row['f'][0] for row in rows):,} segments" in page.one("#operating").text
    page.js(
        "const s = document.querySelector('#by-score'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('input'))",
        step,
    )
    found, hit = (sum(row[k][step] for row in rows) for k in "fh")
    true = sum(row["t"] for row in rows)
    text = page.one("#operating").text
    assert text.startswith(f"score ≥ {scores[step]:g}: {found:,} segments")
    assert f"precision {hit / found:.3f}, recall {hit / true:.3f}" in text
    shown = len(page.all(f"{where} .seg.found:not([hidden])"))
    assert shown == sum(s[3] >= scores[step] for s in predicted(page, 0)) < before
    later = page.timeline(30)  # drawn after the slider was moved
    assert len(page.all(f"{later} .seg.found:not([hidden])")) == sum(
        s[3] >= scores[step] for s in predicted(page, 30)
    )
    page.js("document.querySelector('#by-class').focus()")
    page.press(data["labels"][1])
    (row,) = [row for row in rows if row["c"] == 1]
    assert f"{row['f'][step]:,} segments" in page.one("#operating").text


def test_marks_by_keyboard_and_mouse_are_kept_and_saved(page, driver, folder, tmp_path, videos):
    X, _ = videos
    where = page.timeline(0)
    segments = predicted(page, 0)
    assert len(segments) >= 4
    choose(page, 0, 0)
    page.press("a")
    choose(page, 0, 1)
    page.press("w")
    choose(page, 0, 2)
    page.press("m")
    start, end = page.all(f"{where} .choice input")
    assert page.focused() == start
    for field, value in ((start, "3.25"), (end, "9.5")):
        field.clear()
        field.send_keys(value)
    button(page, where, "move").click()
    assert page.one(f"{where} .correct output").text == f"3 of {len(segments)} marked"
    assert page.one("#marks-count").text.startswith("3 marks in 1 video, 0 of them done.")
    seg = page.all(f"{where} .seg[data-mark=move]")[0]
    assert "3.25 to 9.5 s" in seg.get_attribute("aria-label")
    for value in ("50", "0"):  # an end before the start, or none of this video
        end = page.all(f"{where} .choice input")[1]
        end.clear()
        end.send_keys(value if value == "0" else "1e6")
        button(page, where, "move").click()
        assert "start must be before the end" in page.one(f"{where} .problem").text
    button(page, where, "accept the others").click()
    assert page.one(f"{where} .all input[type=checkbox]").is_selected()
    page.js("document.querySelector('#video-0 details').open = true")
    start, end = page.all(f"{where} details input")
    start.send_keys("20.125")
    end.send_keys("21")
    button(page, where, "add").click()
    assert page.js("return document.querySelectorAll('#video-0 .seg[data-mark=add]').length") == 1

    page.timeline(3)  # partly marked: not among what is saved
    choose(page, 3, 0)
    page.press("a")
    page = Page(driver, folder / "report.html")  # opened anew
    page.timeline(0)
    n = len(segments)
    assert page.one(f"{where} .correct output").text == f"{n} of {n} marked, 1 added"
    assert len(page.all(f"{where} .seg[data-mark=wrong]")) == 1

    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    page.one("#save-csv").click()
    page.one("#save-label-studio").click()
    page.wait(lambda: len(list(tmp_path.glob("marks.*"))) == 2)
    labels = page.data()["labels"]
    want = [(s[0], s[1], s[2]) for k, s in enumerate(segments) if k not in (1, 2)]
    want = sorted([*want, (segments[2][0], 3.25, 9.5), (labels[0], 20.125, 21.0)])
    for found in (read_csv(tmp_path / "marks.csv"), read_label_studio(tmp_path / "marks.json")):
        assert found.ids.tolist() == ["video_000"]
        assert sorted(s[:3] for s in found[0]) == want
        assert np.isnan(found.score).all()
    assert read_csv(tmp_path / "marks.csv", videos=X.ids.tolist()).lengths[0] == len(want)
    frames = json.loads(page.js("return marks.labelStudio(25, true)"))
    assert len(frames) == 2
    (tmp_path / "frames.json").write_text(json.dumps(frames))
    found = read_label_studio(tmp_path / "frames.json", 25)
    assert found.ids.tolist() == ["video_000", "video_003"]
    np.testing.assert_allclose(sorted(found[0])[0][1:3], want[0][1:], atol=0.02)

    page.timeline(0)
    choose(page, 0, 1)
    page.press("u")
    assert page.all(f"{where} .seg[data-mark=wrong]") == []
    assert not page.one(f"{where} .all input[type=checkbox]").is_selected()


def test_what_is_saved_is_what_the_readers_test(page, tmp_path):
    """The texts of `test_looking`, which need no browser, are the page's own."""
    from test_looking import CSV, TASKS

    page.js(
        "marks.videos = { 1: { done: true, marks: { 'class_1|3|9': ['move', 3.5, 9.25],"
        "'class_0|1|2': ['wrong', 1, 2], 'class_2|20|31': ['accept', 20, 31] }, added: [] },"
        "4: { done: true, marks: {}, added: [['class_0', 1e-7, 12]] } };"
        "data.videos[1].url = 'file:///v/video_001.mp4'"
    )
    assert page.js("return marks.csv()") == CSV
    assert json.loads(page.js("return marks.labelStudio()")) == json.loads(TASKS)


def test_marks_of_odd_labels_and_videos_without_ids(driver, folder, tmp_path):
    page = Page(driver, folder / "odd.html")
    page.timeline(2)
    segments = predicted(page, 2)
    for k in range(len(segments)):
        choose(page, 2, k)
        page.press("a")
    (tmp_path / "m.csv").write_text(page.js("return marks.csv()"), newline="")
    found = read_csv(tmp_path / "m.csv", videos=40)
    assert found.lengths.tolist() == [0, 0, len(segments), *[0] * 37]
    assert [s[:3] for s in found[2]] == [(*s[:3],) for s in segments]
    assert all(isinstance(s, Segment) and NASTY in s.label for s in found[2])
    assert driver.get_log("browser") == []


def test_marks_belong_to_their_segments(page, driver, folder, videos, tmp_path):
    page.timeline(0)
    choose(page, 0, 0)
    page.press("a")
    X, y = videos
    other = ASNLocalizer("temporal", quantile=0.3, max_epochs=4, random_state=0, device="cpu")
    again = Page(driver, report(other.fit(X, y), X, y, tmp_path / "other.html"))
    assert again.one("#marks-count").text.startswith("0 marks")


def test_frames(driver, folder, videos, tmp_path):
    av = pytest.importorskip("av")
    X, y = videos
    file = tmp_path / "grey.webm"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=2)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(int(2 * X.spans[0, 1])):
            grey = np.full((48, 64, 3), 40 + k, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        container.mux(stream.encode())
    asn = ASNLocalizer("temporal", quantile=0.4, max_epochs=4, random_state=0, device="cpu")
    page = Page(driver, report(asn.fit(X, y), X, y, tmp_path / "r.html", {X.ids[0]: file}))
    where = page.timeline(0)
    page.wait(lambda: not page.js("return frames.busy") and page.all(f"{where} .frame"))
    pictures = page.js("return timelines[0].frames.pictures.map(([s]) => (s.start + s.end) / 2)")
    assert len(pictures) == min(len(predicted(page, 0)), 10)
    # a file of its own taints what is drawn of it: compare what is seen, in a screenshot
    around = page.one(f"{where} .frames")
    png, left, top = around.screenshot_as_png, around.rect["x"], around.rect["y"]
    for t, node in zip(pictures, page.all(f"{where} canvas"), strict=True):
        box = node.rect
        picture = _grey(png, box["x"] - left, box["y"] - top, box["width"], box["height"])
        assert picture == pytest.approx(40 + 2 * t, abs=5)
    page.all(f"{where} .frame")[0].click()
    assert page.all(f"{where} .seg[aria-pressed=true]")
    page.js("document.querySelector('#with-frames').click()")
    assert not page.one(f"{where} .frames").is_displayed()


def _grey(png, left, top, width, height):
    """Return the median of a part of a picture, which lies wholly in it."""
    import io

    from matplotlib.image import imread

    picture = imread(io.BytesIO(png))
    rows, columns = (slice(round(a), round(a + n)) for a, n in ((top, height), (left, width)))
    assert 0 <= rows.start < rows.stop <= len(picture)
    assert 0 <= columns.start < columns.stop <= picture.shape[1]
    picture = picture[rows, columns]
    return 255 * float(np.median(picture[..., :3]))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 6)), np.arange(5000) % 3
    X[np.arange(5000), y] += 3
    asn = ASNLocalizer("single", max_epochs=1, random_state=0, device="cpu").fit(X, y)
    return report(asn, X, y, tmp_path_factory.mktemp("many") / "r.html")


def test_5000_videos(driver, many):
    driver.set_window_size(1280, 1000)
    start = time.perf_counter()
    page = Page(driver, many)
    page.js("return document.body.offsetHeight")
    assert time.perf_counter() - start < 2 + 4  # 0.6 s; a shared machine may be slow
    in_page = "return document.querySelectorAll('#table tbody tr[data-i]').length"
    assert 10 <= page.js(in_page) < 100
    assert page.one("#count").text == "5000 of 5000 videos"
    box = page.one(".scroll:has(#table)")

    def scroll(to):
        driver.execute_async_script(  # until what follows a scroll was drawn
            "const [box, to, done] = arguments; box.scrollTop = to;"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))",
            box,
            to,
        )
        return page.js(
            "const view = arguments[0].getBoundingClientRect();"
            "return [...document.querySelectorAll('#table tbody tr[data-i]')].filter((row) => {"
            "  const at = row.getBoundingClientRect();"
            "  return at.height && at.y > view.y + 40 && at.y < view.bottom - 30;"
            "}).map((row) => row.querySelector('th').textContent.trim())",
            box,
        )

    for share in (0.0, 0.3, 0.77, 1.0):
        most = page.js("return arguments[0].scrollHeight - arguments[0].clientHeight", box)
        seen = scroll(share * most)
        numbers = [int(name.split()[1]) for name in seen]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) > 5
        assert numbers[0] == pytest.approx(share * 5000, abs=25)
        assert page.js(in_page) < 100
    assert numbers[-1] >= 4998
    page.all("#table thead button")[0].click()
    page.all("#table thead button")[0].click()  # descending
    assert scroll(0)[0] in ("video 4999", "video 4998")
    page.one("#by-text").send_keys("video 123")
    assert page.one("#count").text == "11 of 5000 videos"
    assert page.js(in_page) == 11
    assert set(page.column(0)) == {"video 123", *(f"video 123{k}" for k in range(10))}
    page.js("document.querySelector('#table tbody a').click()")
    first = page.column(0)[0].split()[1]
    page.wait(lambda: page.all(f"#video-{first} .plot"))
    assert page.one(f"#video-{first} h3").text.startswith(f"video {first}")
    assert [m for m in driver.get_log("browser") if m["level"] != "INFO"] == []
