import matplotlib as mpl
import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, Segments
from sklearn_asn.metrics import average_precision_table, localization_map
from sklearn_asn.plotting import PrecisionRecallDisplay

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def area_under(line):
    """Area under a line as it is drawn, a step up to each point."""
    assert line.get_drawstyle() == "steps-pre"
    return float(np.diff(line.get_xdata()) @ line.get_ydata()[1:])


def random_segments(seed, n_videos=30, n_classes=4):
    """Ground truth, noisy scored detections of it (with ties), and ambiguous segments."""
    rng = np.random.default_rng(seed)
    truth, found, unclear = [], [], []
    for _ in range(n_videos):
        starts = np.arange(3) * 30 + rng.uniform(0, 10, 3)
        true = [(f"c{rng.integers(n_classes)}", s, s + rng.uniform(5, 15)) for s in starts]
        moved = [
            (label, s + rng.normal(), e + rng.normal() + 1, rng.integers(1, 20) / 20)
            for label, s, e in true
            for _ in range(rng.integers(3))
        ]
        false = [(f"c{rng.integers(n_classes + 1)}", s, s + 8, rng.uniform()) for s in starts - 15]
        truth.append(true)
        found.append(moved + false)
        unclear.append([("?", starts[0] - 15, starts[0] + 2)])  # over hits and misses
    return truth, found, unclear


@pytest.mark.parametrize(("seed", "tiou"), [(0, 0.3), (1, 0.7)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("rule", ["activitynet", "thumos14", "thumos14, ambiguous"])
def test_the_area_under_the_drawn_curve_is_the_average_precision(seed, tiou, weighted, rule):
    truth, found, unclear = random_segments(seed)
    given = {"protocol": rule.split(",")[0]}
    if "ambiguous" in rule:
        given["ambiguous"] = unclear
    if weighted:
        given["sample_weight"] = np.random.default_rng(seed).integers(0, 3, len(truth))
    display = PrecisionRecallDisplay.from_predictions(truth, found, tiou=tiou, **given)
    table = average_precision_table(truth, found, tiou, **given)[tiou]
    assert display.classes.tolist() == table.index.tolist()
    np.testing.assert_allclose([area_under(line) for line in display.line_], table, atol=1e-12)
    np.testing.assert_allclose(display.average_precision, table, atol=1e-12)
    want = localization_map(truth, found, tiou, **given)
    assert area_under(display.mean_line_) == pytest.approx(want, abs=1e-12)
    assert 0 < want < 1


def test_a_curve_by_hand():
    truth = [[("run", 0.0, 10.0), ("run", 20.0, 30.0)], [("run", 0.0, 10.0)]]
    found = [
        [("run", 0.0, 10.0, 0.9), ("run", 12.0, 18.0, 0.8), ("run", 21.0, 30.0, 0.7)],
        [("run", 50.0, 60.0, 0.95)],
    ]
    rough = PrecisionRecallDisplay.from_predictions(truth, found, protocol="thumos14")
    np.testing.assert_allclose(rough.line_[0].get_xdata(), [0, 1 / 3, 2 / 3])
    np.testing.assert_allclose(rough.line_[0].get_ydata(), [1 / 2, 1 / 2, 2 / 4])
    found[0][1] = ("run", 12.0, 18.0, 0.1)
    smooth = PrecisionRecallDisplay.from_predictions(truth, found)
    np.testing.assert_allclose(smooth.line_[0].get_ydata(), [2 / 3, 2 / 3, 2 / 3])
    assert smooth.mean_line_ is None  # one class is its own mean
    labels = [t.get_text() for t in smooth.ax_.get_legend().get_texts()]
    assert labels == ["run, AP = 0.44"]
    assert smooth.ax_.get_title() == "tIoU 0.5, activitynet rule"


def test_classes_without_a_hit_count_zero():
    truth = [[("a", 0.0, 1.0), ("b", 0.0, 1.0), ("c", 0.0, 1.0)]]
    found = [[("a", 0.0, 1.0, 0.5), ("b", 5.0, 6.0, 0.5), ("z", 0.0, 1.0, 0.5)]]
    display = PrecisionRecallDisplay.from_predictions(truth, found)
    assert display.classes.tolist() == ["a", "b", "c"]
    assert [area_under(line) for line in display.line_] == [1, 0, 0]
    assert area_under(display.mean_line_) == pytest.approx(1 / 3)
    nothing = PrecisionRecallDisplay.from_predictions(truth, [[]])
    assert nothing.average_precision.tolist() == [0, 0, 0]


def test_from_an_estimator(videos):
    X, y = videos
    model = ASNLocalizer("temporal", max_epochs=4, random_state=0, device="cpu").fit(X, y)
    given = {"tiou": 0.3, "protocol": "thumos14"}
    display = PrecisionRecallDisplay.from_estimator(model, X, y, **given, name="mine")
    table = average_precision_table(y, model.predict(X), **given)[0.3]
    np.testing.assert_allclose([area_under(line) for line in display.line_], table, atol=1e-12)
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert labels == [
        *(f"mine: {label}, AP = {ap:.2f}" for label, ap in table.items()),
        f"mine: mean, mAP = {table.mean():.2f}",
    ]


def test_of_many_classes_the_best_and_the_worst_are_told_apart():
    truth, found, _ = random_segments(0, n_videos=200, n_classes=30)
    display = PrecisionRecallDisplay.from_predictions(truth, found)
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    order = np.argsort(-display.average_precision, kind="stable")
    told = [
        labels.index(next(v for v in labels if v.startswith(f"{c},")))
        for c in display.classes[[*order[:3], *order[-3:]]]
    ]
    assert told == [1, 2, 3, 4, 5, 6]
    assert labels[0] == "24 other classes"
    assert len(labels) == 8
    assert len(display.line_) == 30
    grey = [line for line in display.line_ if line.get_color() == "0.75"]
    assert len(grey) == 24
    chosen = display.plot(classes=["c7"])
    labels = [t.get_text() for t in chosen.ax_.get_legend().get_texts()]
    assert [v.split(",")[0] for v in labels] == ["29 other classes", "c7", "mean"]


def test_means_of_several_estimators_share_an_axis():
    truth, found, _ = random_segments(0)
    first = PrecisionRecallDisplay.from_predictions(truth, found, name="a", classes=())
    _, worse, _ = random_segments(1)
    second = PrecisionRecallDisplay.from_predictions(
        truth, worse, name="b", classes=(), ax=first.ax_
    )
    assert first.line_ == second.line_ == []
    assert first.mean_line_.get_color() != second.mean_line_.get_color()
    assert first.mean_line_.get_linestyle() != second.mean_line_.get_linestyle()
    labels = [t.get_text().split(":")[0] for t in second.ax_.get_legend().get_texts()]
    assert labels == ["a", "b"]


def test_bad_input():
    truth, found, unclear = random_segments(0)
    draw = PrecisionRecallDisplay.from_predictions
    for tiou, message in ((0.0, "expected numbers in"), ((0.3, 0.5), "expected one number")):
        with pytest.raises(ValueError, match=message):
            draw(truth, found, tiou=tiou)
    with pytest.raises(ValueError, match="protocol='voc'"):
        draw(truth, found, protocol="voc")
    with pytest.raises(ValueError, match="ambiguous segments are part of"):
        draw(truth, found, ambiguous=unclear)
    with pytest.raises(ValueError, match="y_true: Segments of video 0 must be"):
        draw(["a"] * 30, found)
    with pytest.raises(ValueError, match="detections need finite scores"):
        draw(truth, truth)
    with pytest.raises(ValueError, match="sample_weight is zero for every video"):
        draw(truth, found, sample_weight=np.zeros(30))
    with pytest.raises(ValueError, match=r"classes names \['x'\]"):
        draw(truth, found, classes=["x"])
    with pytest.raises(ValueError, match="precision has 1, recall has 1, classes has 2"):
        PrecisionRecallDisplay([np.ones(1)], [np.ones(1)], np.array(["a", "b"]))
    by_columns = draw(Segments.from_list(truth), Segments.from_list(found))
    np.testing.assert_array_equal(
        by_columns.average_precision, draw(truth, found).average_precision
    )


def test_eleven_points_are_no_area():
    true, found = [[("a", 0, 10)]], [[("a", 0, 10, 0.5)]]
    with pytest.raises(ValueError, match="mean of eleven points"):
        PrecisionRecallDisplay.from_predictions(true, found, protocol="thumos14-11point")
