import matplotlib as mpl
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.plotting import TrainingDisplay
from sklearn_asn.rivals import STPN, AutoLoc

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

FAST = {"max_epochs": 4, "random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module", params=["temporal", "two-stream"])
def model(videos, request):
    localizer = ASNLocalizer(request.param, quantile=0.3, **FAST)
    return make_pipeline(ClipWise(StandardScaler()), localizer).fit(*videos)


def records(n_epochs, *shape):
    """A history, with running quantiles of this shape."""
    rng = np.random.default_rng(0)
    return [
        {"train_loss": 1 / (e + 1), "event_lr": 0.1, "attention_quantiles": q.tolist()}
        for e, q in enumerate(np.sort(rng.normal(size=(n_epochs, *shape)), axis=-1))
    ]


def test_draws_loss_and_learning_rate_of_every_epoch(model):
    localizer = model[-1]
    display = TrainingDisplay.from_estimator(model, name="mine")
    assert display.line_.get_xdata().tolist() == [1, 2, 3, 4]
    assert display.line_.get_ydata().tolist() == [e["train_loss"] for e in localizer.history_]
    assert display.lr_line_.get_ydata().tolist() == [e["event_lr"] for e in localizer.history_]
    assert display.axes_[0].get_title() == "mine"
    assert len(display.axes_) == 2


def test_without_records_an_epoch_the_curve_at_the_end_is_drawn(model):
    localizer = model[-1]
    display = TrainingDisplay.from_estimator(model)
    for record in display.history:
        record.pop("attention_quantiles", None)
    display.plot()
    curves = np.atleast_2d(localizer.attention_quantiles_)
    assert len(display.quantile_lines_) == len(curves)
    for line, curve in zip(display.quantile_lines_, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), localizer.quantile_levels_)
        np.testing.assert_array_equal(line.get_ydata(), curve)
    right = display.axes_[1]
    assert right.get_title() == "running quantiles after the last epoch"
    marks = [line.get_xydata()[0] for line in right.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(
        marks, [(0.3, value) for value in np.atleast_1d(localizer.threshold_)], rtol=1e-6
    )
    labels = [t.get_text() for t in right.get_legend().get_texts()]
    if len(curves) == 2:
        assert labels[::2] == ["temporal", "spatial"]


@pytest.mark.parametrize("shape", [(5,), (1, 5), (2, 5)])
@pytest.mark.parametrize("n_epochs", [1, 40])
def test_draws_running_quantiles_that_the_history_records(shape, n_epochs):
    history = records(n_epochs, *shape)
    display = TrainingDisplay(history, models=("temporal", "spatial")).plot()
    want = np.array([e["attention_quantiles"] for e in history]).reshape(n_epochs, -1)
    got = np.array([line.get_ydata() for line in display.quantile_lines_]).T
    np.testing.assert_array_equal(got, want)
    right = display.axes_[1]
    assert right.get_ylabel() == "running quantiles of attention"
    assert [t.get_text() for t in right.texts[:5]] == ["10%", "30%", "50%", "70%", "90%"]
    assert (right.get_legend() is not None) == (shape == (2, 5))


@pytest.mark.slow
def test_a_record_that_only_some_epochs_have_is_none():
    history = records(4, 5)
    del history[0]["attention_quantiles"], history[1]["event_lr"]
    display = TrainingDisplay(history, np.array([0.0, 1.0]), np.array([-1.0, 1.0])).plot()
    assert display.axes_[1].get_xlabel() == "quantile"
    assert display.lr_line_ is None
    alone = TrainingDisplay(history).plot()
    assert len(alone.axes_) == 1
    assert alone.quantile_lines_ == []


def test_rivals(videos):
    X, y = videos[0][:12], videos[1][:12]
    rival = STPN("temporal", attention_size=8, **FAST).fit(X, y)
    display = TrainingDisplay.from_estimator(rival)
    assert display.lr_line_ is None  # Adam at a constant rate
    assert display.quantile is None
    boundaries = AutoLoc(ASNLocalizer("temporal", **FAST), random_state=0).fit(X, y)
    display = TrainingDisplay.from_estimator(boundaries)
    assert display.line_.get_ydata().tolist() == [boundaries.history_[0]["train_loss"]]
    assert display.quantile == 0.5


def test_draws_into_given_axes(model):
    figure, axes = plt.subplots(2)
    display = TrainingDisplay.from_estimator(model, ax=axes[1])
    assert display.figure_ is figure
    assert display.axes_[0].get_position().y1 < axes[0].get_position().y0


def test_bad_input():
    for history in ([], [{"epoch": 1}], [{"train_loss": 1.0}, {}]):
        with pytest.raises(ValueError, match="history needs the key 'train_loss'"):
            TrainingDisplay(history).plot()
    with pytest.raises(ValueError, match=r"of shape \(4,\) in every record; expected \(5,\)"):
        TrainingDisplay(records(3, 4)).plot()
    with pytest.raises(ValueError, match="ends in str; expected a localizer"):
        TrainingDisplay.from_estimator("model")
