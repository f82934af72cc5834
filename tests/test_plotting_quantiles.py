import copy

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise
from sklearn_asn.metrics import localization_map
from sklearn_asn.plotting import QuantileCurveDisplay
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection, RelativeThresholdSelection

mpl.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")

FAST = {"max_epochs": 3, "batch_size": 16, "random_state": 0, "device": "cpu"}
LEVELS = [0.2, 0.5, 0.8]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def localizer(videos):
    return ASNLocalizer("temporal", quantile=0.3, **FAST).fit(*videos)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "protocol"),
    [
        ({"variant": "two-stream"}, "activitynet"),
        ({"variant": "two-stream", "attention_stream": "spatial"}, "thumos14"),
        ({"variant": "bottleneck", "hidden_size": 8, "frames_per_clip": 3}, "activitynet"),
        ({"variant": "fusion", "pooling": "topk", "init": "scratch"}, "thumos14"),
        ({"variant": "temporal", "selection": RelativeThresholdSelection()}, "activitynet"),
    ],
    ids=str,
)
def test_every_point_is_the_estimator_at_that_quantile(videos, options, protocol):
    X, y = videos
    model = make_pipeline(ClipWise(StandardScaler()), ASNLocalizer(**options, **FAST)).fit(X, y)
    display = QuantileCurveDisplay.from_estimator(
        model, X, y, quantiles=LEVELS, tiou=(0.1, 0.5), protocol=protocol
    )
    want = [
        localization_map(
            y,
            model.set_params(asnlocalizer__quantile=q).predict(X),
            (0.1, 0.5),
            protocol=protocol,
        )
        for q in LEVELS
    ]
    np.testing.assert_array_equal(display.scores, want)
    np.testing.assert_array_equal(display.quantiles, LEVELS)
    assert display.protocol == protocol
    for k, line in enumerate(display.line_):
        np.testing.assert_array_equal(line.get_ydata(), np.array(want)[:, k])


@pytest.mark.parametrize(
    "rival",
    [
        UntrimmedNet("two-stream", **FAST),
        UntrimmedNet("temporal", clip_selection="hard", **FAST),
        STPN("temporal", attention_size=8, **FAST),
        WTALC(hidden_size=8, **FAST),
    ],
    ids=lambda rival: type(rival).__name__,
)
def test_a_rival_is_cut_at_the_quantiles_of_its_attention(videos, rival):
    X, y = videos
    rival.fit(X, y)
    display = QuantileCurveDisplay.from_estimator(rival, X, y, quantiles=LEVELS, tiou=0.3)
    want = []
    for q in LEVELS:
        cut = MultiQuantileSelection((q,), outer_weight=0.0, video_weight=0.2, merge=None)
        want.append(localization_map(y, copy.copy(rival).set_params(selection=cut).predict(X), 0.3))
    assert display.scores.tolist() == want
    assert display.own_quantile is None
    assert rival.selection is None
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert "own quantile" not in labels


def test_the_network_is_asked_once_and_the_estimator_stays(videos, localizer, monkeypatch):
    X, y = videos
    score, calls = type(localizer.model_).score, []

    def counting(*args, **kwargs):
        calls.append(args)
        return score(*args, **kwargs)

    before = vars(localizer).copy()
    with monkeypatch.context() as patch:
        patch.setattr(type(localizer.model_), "score", counting)
        QuantileCurveDisplay.from_estimator(localizer, X, y)
    assert len(calls) == 1
    assert vars(localizer).keys() == before.keys()
    assert all(vars(localizer)[name] is value for name, value in before.items())


def test_the_default_curve_and_its_marks(videos, localizer):
    X, y = videos
    display = QuantileCurveDisplay.from_estimator(localizer, X, y, name="mine")
    np.testing.assert_allclose(display.quantiles, np.arange(0.05, 1.0, 0.05))
    assert display.scores.shape == (19,)
    assert display.own_quantile == 0.3
    assert display.own_scores == localizer.score(X, y)
    assert display.best_quantile == display.quantiles[display.scores.argmax()]
    marks = {line.get_marker(): line.get_xydata().tolist() for line in display.ax_.lines[1:]}
    assert marks == {
        "*": [[display.best_quantile, display.scores.max()]],
        "o": [[0.3, display.own_scores]],
    }
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    best = f"best {display.scores.max():.2f} at {display.best_quantile:.0%}"
    assert labels == [f"mine: {best}", "best", "own quantile"]
    assert display.ax_.get_ylabel() == "mAP at tIoU 0.5"
    assert display.ax_.get_ylim()[0] == 0


def test_the_own_quantile_need_not_be_on_the_grid(videos, localizer):
    X, y = videos
    display = QuantileCurveDisplay.from_estimator(localizer, X, y, quantiles=[0.9, 0.1, 0.1])
    assert display.quantiles.tolist() == [0.1, 0.9]
    assert display.own_scores == localizer.score(X, y)


def test_several_estimators_share_an_axis(videos, localizer):
    X, y = videos
    first = QuantileCurveDisplay.from_estimator(localizer, X, y, name="a", quantiles=LEVELS)
    low = first.ax_.get_ylim()[1]
    second = QuantileCurveDisplay(np.array(LEVELS), np.array([0.1, 0.99, 0.2]))
    second.plot(first.ax_, name="b", curve_kwargs={"linewidth": 3})
    assert second.ax_ is first.ax_
    assert second.line_.get_linewidth() == 3
    assert second.ax_.get_ylim()[0] == 0
    assert second.ax_.get_ylim()[1] > 0.99 > low
    assert first.line_.get_color() != second.line_.get_color()
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    labels = [t.get_text() for t in first.ax_.get_legend().get_texts()]
    assert labels[1:] == ["b: best 0.99 at 50%", "best", "own quantile"]


def test_through_a_search_and_a_frozen_model(videos, localizer):
    X, y = videos
    grid = {"asnlocalizer__quantile": [0.4, 0.6]}
    search = GridSearchCV(
        make_pipeline(ClipWise(StandardScaler()), ASNLocalizer("temporal", **FAST)), grid, cv=2
    ).fit(X, y)
    given = {"quantiles": LEVELS}
    display = QuantileCurveDisplay.from_estimator(search, X, y, **given)
    inner = QuantileCurveDisplay.from_estimator(search.best_estimator_, X, y, **given)
    assert display.scores.tolist() == inner.scores.tolist()
    assert display.own_quantile == search.best_params_["asnlocalizer__quantile"]
    frozen = make_pipeline(FrozenEstimator(localizer))
    display = QuantileCurveDisplay.from_estimator(frozen, X, y, **given)
    assert display.own_quantile == 0.3


def test_ambiguous_segments_and_weights_reach_the_metric(videos, localizer):
    X, y = videos
    rule = {"protocol": "thumos14", "ambiguous": y[::-1], "sample_weight": np.arange(len(X))}
    y = y[:]
    y.ids = None
    rule["ambiguous"].ids = None
    display = QuantileCurveDisplay.from_estimator(
        localizer, X, y, quantiles=[0.3], tiou=0.3, **rule
    )
    assert display.scores.tolist() == [localization_map(y, localizer.predict(X), 0.3, **rule)]


def test_bad_input(videos, localizer):
    X, y = videos
    draw = QuantileCurveDisplay.from_estimator
    with pytest.raises(ValueError, match="labels only; a quantile is judged by segments"):
        draw(localizer, X, ["a"] * len(X))
    for quantiles in ([0.5, 1.1], [np.nan], [], [[0.5]]):
        with pytest.raises(ValueError, match=r"quantiles=.*expected numbers in"):
            draw(localizer, X, y, quantiles=quantiles)
    with pytest.raises(ValueError, match="protocol='voc'"):
        draw(localizer, X, y, protocol="voc")
    with pytest.raises(ValueError, match="but y has entries for 3"):
        draw(localizer, X, y[:3])
    with pytest.raises(ValueError, match="Are the units the same"):
        draw(localizer, Clips(X.values, X.offsets, 1e-3, feature_names=X.feature_names), y)
    with pytest.raises(NotFittedError):
        draw(ASNLocalizer(), X, y)
    own = copy.copy(localizer).set_params(selection=MultiQuantileSelection())
    with pytest.raises(ValueError, match="cuts at quantiles of its own"):
        draw(own, X, y)
    with pytest.raises(ValueError, match="AutoLoc has no curve over quantiles"):
        draw(AutoLoc(FrozenEstimator(localizer), random_state=0).fit(X, y), X, y)
