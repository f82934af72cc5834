import base64
import json
import shutil
import time
import wave

import pytest

from sklearn_asn import ASNLocalizer, Clips, Segments, report

webdriver = pytest.importorskip("selenium.webdriver")
if not (shutil.which("chromium") and shutil.which("chromedriver")):
    pytest.skip("chromium and chromedriver are not installed", allow_module_level=True)

from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

pytestmark = pytest.mark.slow

NASTY = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory, videos):
    """Reports of a few videos, the first of which has a file that plays."""
    folder = tmp_path_factory.mktemp("report")
    X, y = videos
    asn = ASNLocalizer(
        "temporal", quantile=0.4, video_threshold=0.35, max_epochs=20, random_state=0, device="cpu"
    )
    asn.fit(X, y)
    with wave.open(str(folder / "clip #0.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(3000)
        sound.writeframes(bytes(3000 * 80))
    names = {X.ids[0]: folder / "clip #0.wav", X.ids[1]: folder / "missing.mp4"}
    (folder / "missing.mp4").touch()
    report(asn, X, y, folder / "report.html", names)
    (folder / "missing.mp4").unlink()  # the page was moved without it
    report(asn, X[:3], None, folder / "no_truth.html", title=NASTY)
    nasty = [f"{NASTY}{i}" for i in range(len(X))]
    X = Clips(X.values, X.offsets, 1.0, ids=nasty, feature_names=X.feature_names)
    y = Segments(y.offsets, [f"{NASTY}{v}" for v in y.label], y.start, y.end, ids=nasty)
    report(asn.fit(X, y), X[:4], y[:4], folder / "nasty.html", title=NASTY)
    return folder


class Page:
    """A loaded report."""

    def __init__(self, driver, path):
        self.driver, self.path = driver, path
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(path.as_uri())
        self.js("document.documentElement.style.scrollBehavior = 'auto'")

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.all(selector)[0]

    def wait(self, condition, seconds=20):
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition())

    def timeline(self, i):
        """Scroll a video into view; return where it is."""
        self.js("document.getElementById(arguments[0]).scrollIntoView()", f"video-{i}")
        self.wait(lambda: self.all(f"#video-{i} .plot"))
        return f"#video-{i}"

    def focused(self):
        return self.js("return document.activeElement")

    def press(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def back(self):
        """Press Shift and Tab."""
        actions = webdriver.ActionChains(self.driver)
        actions.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()

    def point(self, element, share):
        """Move the mouse over an element, at a share of its width."""
        away = (share - 0.5) * element.size["width"]
        actions = webdriver.ActionChains(self.driver, duration=20)  # ms: a few places on the way
        actions.move_to_element_with_offset(element, int(away) - 3, 0)  # it may be there already
        actions.move_to_element_with_offset(element, int(away), 0).perform()

    def readout(self, where):
        return self.one(f"{where} .readout").text

    def values(self, where):
        return [e.text for e in self.all(f"{where} .name output")]

    def column(self, i):
        return self.js(
            "return [...document.querySelectorAll('#table tbody tr')].filter((r) => !r.hidden)"
            ".map((r) => r.cells[arguments[0]].textContent)",
            i,
        )

    def data(self):
        return json.loads(self.js("return document.getElementById('data').textContent"))


@pytest.fixture
def page(driver, folder):
    driver.set_window_size(1280, 1000)
    return Page(driver, folder / "report.html")


@pytest.mark.parametrize("name", ["report", "no_truth", "nasty"])
def test_loads_without_errors_or_requests(driver, folder, name):
    page = Page(driver, folder / f"{name}.html")
    page.timeline(2)
    time.sleep(0.3)
    assert [m for m in driver.get_log("browser") if m["level"] != "INFO"] == []
    messages = [json.loads(m["message"])["message"] for m in driver.get_log("performance")]
    urls = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    assert {u for u in urls if not u.startswith("data:")} == {page.path.as_uri()}
    if name != "report":
        assert driver.title == NASTY
        assert page.one("h1").text == NASTY
        assert page.all("img") == []


def test_policy_forbids_the_network(driver, folder):
    page = Page(driver, folder / "no_truth.html")
    failed = driver.execute_async_script(
        "const done = arguments[0]; const seen = [];"
        "document.addEventListener('securitypolicyviolation',"
        "  (e) => { seen.push(e.effectiveDirective); if (seen.length === 4) done(seen); });"
        "fetch('https://example.org/').catch(() => {});"
        "for (const [tag, name] of [['img', 'src'], ['video', 'src'], ['script', 'src']]) {"
        "  const node = document.createElement(tag);"
        "  node.setAttribute(name, 'https://example.org/x'); document.body.append(node); }"
    )
    assert sorted(failed) == ["connect-src", "img-src", "media-src", "script-src-elem"]
    page.js("return 1")


def test_sorts_by_mouse_and_keyboard(page):
    ids, numbers = page.column(0), [float(v) for v in page.column(4)]
    head = page.all("#table thead button")
    head[4].click()
    assert [float(v) for v in page.column(4)] == sorted(numbers)
    assert page.one("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.js("arguments[0].focus()", head[4])
    page.press(Keys.ENTER)
    assert [float(v) for v in page.column(4)] == sorted(numbers, reverse=True)
    assert page.one("th[aria-sort]").get_attribute("aria-sort") == "descending"
    order = page.js("return [...document.querySelectorAll('.video')].map((v) => v.id)")
    rows = page.js(
        "return [...document.querySelectorAll('tbody tr[data-i]')].map((r) => r.dataset.i)"
    )
    assert order == [f"video-{i}" for i in rows]
    page.back()  # the heading before
    page.press(Keys.SPACE)
    assert page.one("th[aria-sort]").text.startswith("true classes")
    head[0].click()
    assert page.column(0) == sorted(ids)


def test_filters(page):
    data, n = page.data(), len(page.column(0))
    label = data["labels"][1]
    page.js("document.querySelector('#by-class').focus()")
    page.press(label)
    kept = page.column(0)
    has = [v["id"] for v in data["videos"] if any(row["c"] == 1 for row in v["rows"])]
    assert kept == has
    assert 0 < len(kept) < n
    assert page.one("#count").text == f"{len(kept)} of {n} videos"
    shown = page.js(
        "return [...document.querySelectorAll('.video')].filter((v) => !v.hidden).length"
    )
    assert shown == len(kept)
    page.one("#by-text").send_keys(kept[-1])
    assert page.column(0) == [kept[-1]]
    page.one("#by-text").send_keys("no such video")
    assert page.column(0) == []


def test_draws_when_scrolled_into_view(page):
    assert page.all("#video-39 .plot") == []
    where = page.timeline(39)
    data = page.data()["videos"][39]
    assert len(page.all(f"{where} .seg")) == sum(len(r["f"]) + len(r["t"]) for r in data["rows"])
    box = page.one(f"{where} .over").rect
    for row in data["rows"]:
        name = page.data()["labels"][row["c"]]
        for start, end, *_ in row["f"]:
            (seg,) = page.all(
                f'{where} .seg[aria-label^="predicted {name}, {start:g} to {end:g} s"]'
            )
            assert seg.rect["x"] == pytest.approx(
                box["x"] + box["width"] * start / data["end"], abs=4.5
            )
            assert seg.rect["width"] == pytest.approx(
                max(4, box["width"] * (end - start) / data["end"]), abs=1
            )


def test_hovering_shows_values(page):
    where = page.timeline(0)
    data = page.data()["videos"][0]
    assert page.values(where) == [""] * (1 + len(data["rows"]))
    page.point(page.one(f"{where} .track.attention"), 0.5)
    at = page.wait(lambda: page.readout(where))
    clip = int(float(at.split()[0]))
    assert clip == pytest.approx(data["end"] / 2, abs=1.5)
    shown = page.values(where)
    assert len([v for v in shown if v]) == len(shown)
    for value, drawn in zip(
        shown, [data["a"], *(row.get("k") for row in data["rows"])], strict=True
    ):
        if drawn is None:
            assert value == "0"
            continue
        low, high, text = drawn
        code = int.from_bytes(base64.b64decode(text)[2 * clip : 2 * clip + 2], "little")
        assert float(value) == pytest.approx(low + (high - low) * code / 65535, abs=6e-4)
    for share in (0.2, 0.4, 0.6, 0.8):
        page.point(page.one(f"{where} .track.attention"), share)
        t = float(page.readout(where).split()[0])
        assert t == pytest.approx(share * data["end"], abs=1)
        named = page.readout(where).split(" · ")[1:]
        covering = [s for row in data["rows"] for s in (*row["f"], *row["t"]) if s[0] <= t < s[1]]
        assert len(named) == min(len(covering), 4)
    seg = page.one(f"{where} .seg.found")
    page.point(seg, 0.5)
    page.wait(lambda: seg.get_attribute("aria-label") in page.readout(where))
    page.point(page.one("#video-0 h3"), 0.5)
    page.wait(lambda: page.readout(where) == "")
    assert page.values(where) == [""] * len(shown)


def test_keyboard_moves_a_cursor_and_between_segments(page):
    where = page.timeline(2)
    page.js("document.querySelector('#video-2').focus()")
    page.press(Keys.TAB)
    slider = page.focused()
    assert slider.get_attribute("role") == "slider"
    assert page.js("return getComputedStyle(arguments[0]).outlineStyle", slider) == "solid"
    before = float(slider.get_attribute("aria-valuenow"))
    page.press(Keys.ARROW_RIGHT)
    assert float(slider.get_attribute("aria-valuenow")) == pytest.approx(before + 1)
    page.press(Keys.HOME)
    assert slider.get_attribute("aria-valuetext").startswith("0.5 s, attention ")
    assert page.readout(where).startswith("0.5 s")
    page.press(Keys.TAB)
    segments = page.js(
        "return document.querySelector('#video-2').timeline.segments.map((s) => s.node)"
    )
    assert page.focused() == segments[0]
    assert segments[0].get_attribute("aria-label") in page.readout(where)
    page.press(Keys.ARROW_RIGHT)
    assert page.focused() == segments[1]
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page.focused() == segments[0]
    page.press(Keys.END)
    assert page.focused() == segments[-1]
    assert page.js("return document.querySelectorAll('#video-2 .seg[tabindex=\"0\"]').length") == 1
    page.press(Keys.ENTER)
    assert segments[-1].get_attribute("aria-pressed") == "true"
    page.press(Keys.TAB)  # leaves the video: what was chosen stays
    assert segments[-1].get_attribute("aria-label") in page.readout(where)
    page.back()
    page.press(Keys.ESCAPE)
    assert segments[-1].get_attribute("aria-pressed") == "false"
    assert page.readout(where) == ""


def test_a_segment_seeks_in_the_video(page, folder):
    where = page.timeline(0)
    assert page.all("video") == []
    url = (folder / "clip #0.wav").as_uri()
    now = "document.querySelector('video').currentTime"
    for i in (1, 0):
        seg = page.all(f"{where} .seg.found")[i]
        start, end = (
            float(v) for v in seg.get_attribute("aria-label").split(", ")[1].split()[:3:2]
        )
        seg.click()  # which may put another player in the place of the last one
        page.wait(lambda: page.js("return document.querySelector('video').readyState >= 1"))
        page.wait(lambda: start <= page.js(f"return {now}") <= end + 0.5)  # noqa: B023
        # asked in the page at once: the read-out is written anew while the video plays
        links = f"return [...document.querySelectorAll('{where} .readout a')].map((a) => a.href)"
        assert page.js(links) == [f"{url}#t={start:g},{end:g}"]
    page.wait(lambda: page.js("return document.querySelector('video').paused"), 60)  # at its end
    assert page.js(f"return {now}") == pytest.approx(end, abs=1.5)
    seg.send_keys(Keys.ESCAPE)
    assert page.all("video") == []
    assert page.all(f"{where} > h3 a")[0].get_attribute("href") == url


def test_a_video_that_cannot_play(page):
    where = page.timeline(1)
    page.one(f"{where} .seg.found").click()
    (note,) = page.wait(lambda: page.all(f"{where} [role=alert]"))
    assert "cannot play" in note.text
    assert page.all("video") == []
    assert len(page.all(f"{where} .readout a")) == 1


@pytest.mark.parametrize("width", [320, 400])
@pytest.mark.parametrize("name", ["report", "nasty"])
def test_narrow_windows(driver, folder, width, name):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page = Page(driver, folder / f"{name}.html")
        for i in range(3):
            page.timeline(i)
        page.point(page.one("#video-2 .track.attention"), 0.9)
        assert page.js("return innerWidth") == width
        root = "document.documentElement"
        assert page.js(f"return {root}.scrollWidth - {root}.clientWidth") == 0
        assert page.one("#video-2 .track").rect["width"] > 0.75 * width
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def luminance(colour):
    parts = [float(v) / 255 for v in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(driver, folder, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page = Page(driver, folder / "report.html")
        page.timeline(0)
        card = page.js("return getComputedStyle(document.querySelector('.video')).backgroundColor")
        assert (luminance(card) < 0.1) == (scheme == "dark")

        def contrast(colour, back):
            low, high = sorted([luminance(colour), luminance(back)])
            return (high + 0.05) / (low + 0.05)

        track = page.js("return getComputedStyle(document.querySelector('.track')).backgroundColor")
        for selector in (
            ".video h3",
            ".video h3 span",
            ".name .of",
            ".readout",
            ".note",
            ".video a",
        ):
            colour = page.js(
                "return getComputedStyle(document.querySelector(arguments[0])).color", selector
            )
            assert contrast(colour, card) >= 4.5, selector
            assert contrast(colour, track) >= 4.5, selector
        for k in range(8):
            colour = page.js(
                "const p = document.querySelector('path.line.k0').cloneNode();"
                "p.setAttribute('class', `line k${arguments[0]}`);"
                "document.querySelector('.track svg').append(p); return getComputedStyle(p).stroke",
                k,
            )
            assert contrast(colour, track) >= 3, k
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_printing_draws_everything(page):
    assert len(page.all(".video .plot")) < 40
    printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"pageRanges": "1"})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    assert len(page.all(".video .plot")) == 40
