import re
import sys

import matplotlib as mpl
import numpy as np
import pytest
from helpers import processes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise, Segment, plotting
from sklearn_asn.plotting import CASDisplay
from sklearn_asn.rivals import WTALC

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=["bottleneck", "two-stream"])
def model(videos, request):
    asn = ASNLocalizer(request.param, max_epochs=4, hidden_size=8, random_state=0, device="cpu")
    return make_pipeline(ClipWise(StandardScaler()), asn).fit(*videos)


def test_draws_what_the_estimator_says(videos, model):
    X, y = videos
    display = CASDisplay.from_estimator(model, X, y, video=2)
    seen = model[:-1].transform(X)
    np.testing.assert_allclose(display.attention, model[-1].attention(seen)[2], rtol=1e-5)
    np.testing.assert_allclose(display.cas, model.transform(X)[2], rtol=1e-5)
    assert [s[:3] for s in display.true] == [s[:3] for s in y[2]]
    assert [s.label for s in display.predicted] == [s.label for s in model.predict(X)[2]]
    assert display.title == X.ids[2]
    attention, _, segments = display.axes_
    (steps,) = [p for p in attention.patches if not p.get_fill()]
    np.testing.assert_allclose(steps.get_data().values, display.attention)
    assert attention.lines[0].get_ydata()[0] == display.threshold
    assert segments.get_xlabel() == "time [s]"
    lanes = [t.get_text() for t in segments.get_yticklabels()]
    assert lanes == sorted(lanes)
    assert {s.label for s in y[2]} <= set(lanes)
    widths = sorted(p.get_width() for p in segments.patches if p.get_width() > 0)
    want = sorted(s.end - s.start for s in [*display.predicted, *display.true])
    np.testing.assert_allclose(widths, want)


def test_draws_into_given_axes(videos, model):
    X, _ = videos
    figure, axes = plt.subplots(1, 2)
    display = CASDisplay.from_estimator(model, X, video=-1, ax=axes[1])
    assert display.figure_ is figure
    assert display.true is None
    assert [t.get_text() for t in display.axes_[2].get_legend().get_texts()] == ["predicted"]


def test_draws_into_axes_outside_a_grid():
    axes = plt.figure().add_axes((0.1, 0.1, 0.5, 0.8))
    display = CASDisplay(np.arange(4.0), np.zeros(3), 0.5, np.zeros((3, 2)), np.array(["a", "b"]))
    assert display.plot(axes).figure_ is axes.figure
    assert display.axes_[0].get_position().x1 == pytest.approx(0.6)


@pytest.mark.parametrize("attention_stream", ["both", "temporal", "spatial"])
def test_the_threshold_is_what_attention_is_compared_with(videos, attention_stream):
    X, y = videos
    model = ASNLocalizer("two-stream", max_epochs=3, random_state=0, device="cpu").fit(X, y)
    model.set_params(attention_stream=attention_stream, video_threshold=0.0)
    display = CASDisplay.from_estimator(model, X, video=1)
    np.testing.assert_array_equal(
        display.attention >= display.threshold, display.cas.any(axis=1), strict=False
    )


@pytest.mark.slow
def test_a_rival_without_threshold_and_with_a_cas_of_either_sign(videos):
    X, y = videos
    rival = WTALC(hidden_size=8, max_epochs=2, random_state=0, device="cpu").fit(X, y)
    display = CASDisplay.from_estimator(rival, X, y)
    assert display.threshold is None
    assert not display.axes_[0].lines
    low, high = display.axes_[1].get_ylim()
    assert low < display.cas.min() < 0 < display.cas.max() < high


def test_a_search_is_its_best_estimator(videos):
    X, y = videos
    localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0, device="cpu")
    search = GridSearchCV(localizer, {"quantile": [0.3]}, cv=2).fit(X, y)
    display = CASDisplay.from_estimator(search, X, y, video=4)
    assert display.threshold == search.best_estimator_.threshold_


def long_video(n_clips=10_000, n_classes=3):
    rng = np.random.default_rng(0)
    attention = np.sin(np.arange(n_clips) / 50) + rng.normal(size=n_clips) / 2
    cas = np.zeros((n_clips, n_classes))
    cas[:, 0] = np.where(attention > 1, rng.uniform(0.2, 1, n_clips), 0)
    classes = np.array([f"class {i}" for i in range(n_classes)])
    return np.arange(n_clips + 1) / 2, attention, 1.0, cas, classes


def test_a_long_video_is_drawn_as_ranges_that_lose_no_extreme():
    display = CASDisplay(*long_video()).plot()
    attention, cas, segments = display.axes_
    ranges = attention.patches[0].get_data()
    assert len(ranges.values) == 1000
    assert ranges.values.max() == display.attention.max()
    assert ranges.baseline.min() == display.attention.min()
    assert ranges.edges[[0, -1]].tolist() == [0, 5000]
    np.testing.assert_array_equal(ranges.values, display.attention.reshape(1000, 10).max(axis=1))
    (only,) = cas.patches
    np.testing.assert_array_equal(
        only.get_data().values, display.cas[:, 0].reshape(1000, 10).max(axis=1)
    )
    assert segments.get_xlabel() == "time [s]   (a step is the range of 10 clips)"


@pytest.mark.slow
def test_many_segments_are_pixels_in_a_vector_file():
    given = long_video()
    found = [Segment("class 0", float(i), i + 0.5, i / 5000) for i in range(2000)]
    display = CASDisplay(*given, found).plot()
    bars = display.axes_[2].patches
    assert len(bars) == 2000
    assert all(bar.get_rasterized() for bar in bars)
    few = CASDisplay(*given, found[:10]).plot()
    assert not any(bar.get_rasterized() for bar in few.axes_[2].patches)


def test_only_classes_that_occur_have_a_lane_and_the_best_of_too_many():
    borders, attention, threshold, cas, classes = long_video(100, 50)
    found = [Segment(f"class {i}", 0.0, 5.0, i / 100) for i in range(20, 40)]
    true = [Segment("class 2", 3.0, 9.0), Segment("unheard of", 10.0, 20.0)]
    display = CASDisplay(borders, attention, threshold, cas, classes, found, true)

    def lanes(**options):
        axes = display.plot(**options).axes_[2]
        return [t.get_text() for t in axes.get_yticklabels()], axes.get_xlabel()

    best = [f"class {i}" for i in range(37, 40)]
    assert lanes(max_classes=5) == (
        ["class 2", *best, "unheard of"],
        "time [s]   (18 more classes not shown)",
    )
    shown, label = lanes(max_classes=50)
    assert label == "time [s]"
    assert shown[0] == "class 0"  # it has a CAS only
    assert len(shown) == 23
    assert len(lanes()[0]) == 12


def test_classes_of_one_colour_differ_in_hatching_and_dashes():
    borders, attention, threshold, _, classes = long_video(100, 12)
    found = [Segment(c, 0.0, 5.0, 0.5) for c in classes]
    display = CASDisplay(borders, attention, threshold, np.ones((100, 12)), classes, found).plot()
    _, cas, segments = display.axes_
    bars = {(bar.get_edgecolor(), bar.get_hatch()) for bar in segments.patches}
    lines = {(step.get_edgecolor(), str(step.get_linestyle())) for step in cas.patches}
    assert len(bars) == len(lines) == 12


def test_bad_input(videos, model):
    X, y = videos
    with pytest.raises(ValueError, match="video=99, but X has 40 videos"):
        CASDisplay.from_estimator(model, X, y, video=99)
    with pytest.raises(ValueError, match="y must hold the segments"):
        CASDisplay.from_estimator(model, X, ["a"] * len(X))
    with pytest.raises(ValueError, match="max_classes=0"):
        CASDisplay.from_estimator(model, X, max_classes=0)
    with pytest.raises(ValueError, match="ends in StandardScaler; expected a localizer"):
        CASDisplay.from_estimator(StandardScaler(), X)
    with pytest.raises(NotFittedError):
        CASDisplay.from_estimator(ASNLocalizer(), X)


@pytest.mark.slow
def test_the_package_does_not_import_matplotlib():
    code = "import sys, sklearn_asn, sklearn_asn.plotting; sys.exit('matplotlib' in sys.modules)"
    assert processes.status(processes.start(code)) == 0


@pytest.mark.parametrize(
    "draw",
    [
        "CASDisplay.from_estimator(None, None)",
        "QuantileCurveDisplay.from_estimator(None, None, None)",
        "PrecisionRecallDisplay.from_predictions(None, None)",
        "TrainingDisplay.from_estimator(None)",
        "TrainingDisplay([{'train_loss': 1.0}]).plot()",
    ],
)
def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch, draw):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = re.escape('pip install "sklearn-asn[plot]"')
    with pytest.raises(ImportError, match=message):
        eval(draw, vars(plotting))
