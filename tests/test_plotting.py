import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.plotting import CASDisplay

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


def test_bad_input(videos, model):
    X, y = videos
    with pytest.raises(ValueError, match="video=99, but X has 40 videos"):
        CASDisplay.from_estimator(model, X, y, video=99)
    with pytest.raises(ValueError, match="y must hold the segments"):
        CASDisplay.from_estimator(model, X, ["a"] * len(X))


def test_the_package_does_not_import_matplotlib():
    code = "import sys, sklearn_asn, sklearn_asn.plotting; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
