"""Nothing that is no number comes back: features, weights and recorded quantiles."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_asn import ASNLocalizer, Clips, Segments, SelfTrainingLocalizer
from sklearn_asn._localizers import finite
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.exceptions import NonFiniteScoresError
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.LocalizationWarning")

FAST = {"max_epochs": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}
NET = {"hidden_size": 2, "init": "scratch", **FAST}
SOFT = {"pooling": "probability", "context_size": 3, **NET}


class Hiding(nn.Module):
    """A user's own features, of which ReLU hides much."""

    def __init__(self, n_main, n_other):
        super().__init__()
        self.n_out = 2
        self.layer = nn.Linear(n_main + n_other, 2)

    def forward(self, main, other):
        return torch.relu(self.layer(torch.cat([main, other], dim=-1)))


LOCALIZERS = {
    **{v: ASNLocalizer(v, **NET) for v in ("fusion", "two-stream", "bottleneck", "bilinear")},
    "bfloat16": ASNLocalizer("fusion", precision="bfloat16", **NET),
    "topk": ASNLocalizer("fusion", pooling="topk", **NET),
    "hiding": ASNLocalizer(Hiding, **NET),
    "background": ASNLocalizer("fusion", **SOFT),
    "any": ASNLocalizer("fusion", class_activation="sigmoid", **SOFT),
    "context": ASNLocalizer("bottleneck", context_layers=2, **SOFT),
    "channels": ASNLocalizer("fusion", context_layers=1, channel_dropout=True, **SOFT),
    "rows": ASNLocalizer("fusion", frames_per_clip=3, **NET),
    "untrimmednet": UntrimmedNet(**FAST),
    "stpn": STPN(attention_size=2, **FAST),
    "wtalc": WTALC(hidden_size=2, **FAST),
    "autoloc": AutoLoc(STPN(attention_size=2, **FAST), hidden_size=3, max_epochs=1, random_state=0),
    "single": SingleInstance(max_iter=20),
    "self-training": SelfTrainingLocalizer(
        [("a", ASNLocalizer("fusion", **SOFT)), ("b", ASNLocalizer("bottleneck", **SOFT))],
        n_rounds=0,
        random_state=0,
    ),
}  # fmt: skip
METHODS = ("predict", "transform", "predict_proba", "attention", "decision_function")


@pytest.fixture(scope="module")
def videos():
    X, y = make_untrimmed_videos(n_videos=12, n_classes=3, random_state=0)
    values = np.concatenate(list(X)).astype(np.float64)
    y = Segments(y.offsets, y.label, y.start, y.end)
    return Clips(values, X.offsets, ids=[f"v{i}" for i in range(len(X))]), y


@pytest.fixture(scope="module")
def fitted(videos):
    return {name: clone(one).fit(*videos) for name, one in LOCALIZERS.items()}


def spoiled(X, value, video, clip, column):
    values = X.values.copy()
    values[X.offsets[video] + clip, column] = value
    return X.with_values(values)  # not looked at, as what comes out of a scaler


@pytest.mark.slow
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39, -1e39])
@pytest.mark.parametrize("name", LOCALIZERS)
def test_a_feature_that_is_no_number_is_named(videos, fitted, name, value, monkeypatch):
    X, _ = videos
    monkeypatch.setattr(finite, "CLIPS_AT_ONCE", 3 * int(X.lengths.max()))  # the third block
    for column in (0, X.n_features - 1):
        bad = spoiled(X, value, 7, 4, column)
        for method in METHODS:
            with pytest.raises(ValueError, match=r"video 7, clip 4 \('v7'\)") as raised:
                getattr(fitted[name], method)(bad)
            said = "beyond float32" if np.isfinite(value) else ("NaN" if np.isnan(value) else "inf")
            assert said in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan, -1e39])
@pytest.mark.parametrize("name", ["bottleneck", "bilinear", "hiding", "wtalc", "context"])
def test_layers_with_relu_hide_nothing(videos, fitted, name, value):
    """With weights of one sign, minus infinity leaves the layer as 0."""
    X, _ = videos
    model = pickle.loads(pickle.dumps(fitted[name])) if name != "hiding" else fitted[name]
    with torch.no_grad():
        for parameter in model.net_.module_.parameters():
            parameter.abs_()
    with pytest.raises(ValueError, match="video 3, clip 2"):
        model.predict(spoiled(X, value, 3, 2, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fusion", "two-stream", "untrimmednet", "single", "topk"])
def test_a_weight_of_zero_hides_nothing(videos, fitted, name):
    X, _ = videos
    model = pickle.loads(pickle.dumps(fitted[name]))
    with torch.no_grad():
        for parameter in model.net_.module_.parameters():
            parameter.zero_()
    for value in (np.nan, np.inf, -np.inf, 1e39):
        with pytest.raises(ValueError, match="video 3, clip 2"):
            model.predict(spoiled(X, value, 3, 2, 1))


def test_columns_that_a_model_does_not_read_may_hold_anything(videos):
    X, y = videos
    model = ASNLocalizer("temporal", **FAST).fit(X, y)
    assert model.predict(spoiled(X, np.nan, 3, 2, 0)) == model.predict(X)
    with pytest.raises(ValueError, match="video 3, clip 2"):
        model.predict(spoiled(X, np.nan, 3, 2, -1))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
@pytest.mark.parametrize("kind", ["list", "2-D", "table"])
def test_every_form_of_X_is_looked_at(videos, value, kind):
    X, y = videos
    if kind == "2-D":
        table = np.stack([video.mean(axis=0) for video in X])
        labels = np.arange(len(X)) % 3
        model = ASNLocalizer("fusion", **NET).fit(table, labels)
        table[2, 3] = value
        with pytest.raises(ValueError, match=r"video 2|NaN|infinity"):
            model.fit(table, labels)
        with pytest.raises(ValueError, match=r"video 2|NaN|infinity"):
            model.predict(table)
        return
    rows = [video.copy() for video in X]
    given = rows if kind == "list" else np.stack([video[:5] for video in rows])
    model = ASNLocalizer("fusion", **NET).fit(given, y)
    given[5][1, 2] = value
    with pytest.raises(ValueError, match="video 5, clip 1"):
        model.predict(given)
    with pytest.raises(ValueError, match="video 5, clip 1"):
        model.fit(given, y)
    assert model.n_iter_ == 2


@pytest.mark.parametrize("name", LOCALIZERS)
def test_features_that_overflow_are_to_blame(videos, fitted, name):
    X, _ = videos
    huge = X.with_values(X.values * 1e37)
    with pytest.raises(NonFiniteScoresError, match=r"features.*to blame"):
        fitted[name].predict(huge)


def test_products_of_large_features_are_to_blame(videos, fitted):
    X, _ = videos
    model = pickle.loads(pickle.dumps(fitted["bilinear"]))
    for parameter in model.net_.module_.parameters():
        parameter.data.abs_()  # nothing is cut off before the product, whatever was drawn
    values = X.values.copy()
    values[X.offsets[4] :] = 1e30
    with pytest.raises(NonFiniteScoresError, match=r"video 4, clip 0 \('v4'\).*features are to"):
        model.predict(X.with_values(values))


@pytest.mark.slow
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", LOCALIZERS)
def test_weights_that_are_no_numbers_are_to_blame(videos, fitted, name, value):
    X, _ = videos
    if name == "hiding":
        model = clone(LOCALIZERS[name]).fit(*videos)
    else:
        model = pickle.loads(pickle.dumps(fitted[name]))
    inner = getattr(model, "localizers_", [getattr(model, "localizer_", model)])[0]
    with torch.no_grad():
        inner.net_.module_.models[0].classification.weight[0, 0] = value
    for method in METHODS:
        with pytest.raises(NonFiniteScoresError, match=r"weights are to blame: models.0.class"):
            getattr(model, method)(X)


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_recorded_quantiles_that_are_no_numbers(videos, fitted, value, live):
    X, _ = videos
    model = pickle.loads(pickle.dumps(fitted["fusion"]))
    if live:
        model.net_.module_.attention_quantiles[0, 3] = value
    else:
        model.model_._weights["attention_quantiles"][0, 3] = value
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        for method in METHODS:
            with pytest.raises(NonFiniteScoresError, match="recorded quantiles"):
                getattr(one, method)(X)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fusion", "bilinear", "untrimmednet", "stpn", "wtalc"])
@pytest.mark.parametrize("lr", [1e10, 1e20, 1e30])
def test_a_last_step_that_diverges_is_an_error_of_fit(videos, name, lr):
    """The only step: no later loss has seen what it made."""
    X, y = videos
    model = clone(LOCALIZERS[name]).fit(X, y)
    before = vars(model).copy()
    model.set_params(lr=lr, max_epochs=1, batch_size=100)
    if hasattr(model, "gradient_clip"):
        model.set_params(gradient_clip=None)
    wanted = {**before, **{k: getattr(model, k) for k in model.get_params(deep=False)}}
    try:
        model.fit(X, y)
    except FloatingPointError:
        assert vars(model).keys() == wanted.keys()
        assert all(vars(model)[key] is wanted[key] for key in wanted if key.endswith("_"))
    else:
        assert np.isfinite(model.predict_proba(X)).all()


def test_features_beyond_float32_are_refused_by_fit(videos):
    X, y = videos
    for name in LOCALIZERS:
        with pytest.raises(ValueError, match=r"beyond float32.*video 2, clip 1 \('v2'\)"):
            clone(LOCALIZERS[name]).fit(spoiled(X, 1e300, 2, 1, 0), y)


@pytest.mark.slow
@pytest.mark.parametrize("softening", [0, 1e-45, 1e-46, 1e-38, 1e-300])
@pytest.mark.parametrize("kind", [ASNLocalizer, UntrimmedNet])
def test_a_softening_that_is_none_in_float32_is_refused(videos, kind, softening):
    X, y = videos
    model = kind(attention_softening=softening, **FAST)
    with pytest.raises(ValueError, match="attention_softening"):
        model.fit(X, y)
    fitted = kind(**FAST).fit(X, y).set_params(attention_softening=softening)
    with pytest.raises(ValueError, match="attention_softening"):
        fitted.predict(X)


@pytest.mark.parametrize("kind", [ASNLocalizer, UntrimmedNet])
def test_the_least_softening_gives_numbers(videos, kind):
    X, y = videos
    model = kind(attention_softening=1e-6, **FAST).fit(X, y)
    with torch.no_grad():
        model.net_.module_.models[0].attention.weight.mul_(1e25)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.isfinite(model.decision_function(X)).all()


def test_the_error_survives_processes():
    error = NonFiniteScoresError(3, "b", "{video}{id} of {name} is bad").counted_from(2)
    assert str(pickle.loads(pickle.dumps(error))) == "video 5 ('b') of X is bad"
    assert isinstance(error, ValueError)
    assert isinstance(error, FloatingPointError)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 3e38), ("weight_decay", 1e39), ("gradient_clip", 1e-45), ("lr", 1e300)],
)
def test_factors_that_float32_does_not_hold_are_refused(videos, name, value):
    with pytest.raises(ValueError, match=f"{name}="):
        ASNLocalizer(**{**FAST, name: value}).fit(*videos)


def test_a_column_that_float32_makes_zero_is_refused_by_fit(videos):
    X, y = videos
    values = X.values.copy()
    values[:, 3] *= 1e-50
    with pytest.raises(ValueError, match="Column 3 of X"):
        ASNLocalizer("fusion", **NET).fit(X.with_values(values), y)
