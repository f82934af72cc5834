"""One source of truth: a model's weights and quantiles live in `model_`, and `net_` shows them."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from sklearn_asn import ASNLocalizer
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet
from sklearn_asn.saving import SKOPS_TYPES, load_safetensors, save_safetensors

FAST = {"max_epochs": 3, "batch_size": 16, "random_state": 0}
LOCALIZERS = [
    *(ASNLocalizer(v, hidden_size=8, **FAST) for v in ("temporal", "two-stream", "bilinear")),
    UntrimmedNet(**FAST),
    STPN(**FAST),
    WTALC(hidden_size=8, **FAST),
    SingleInstance(max_iter=20),
]


def by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def by_skops(model, folder):
    io = pytest.importorskip("skops.io")
    io.dump(model, folder / "model.skops")
    assert set(io.get_untrusted_types(file=folder / "model.skops")) <= set(SKOPS_TYPES)
    return io.load(folder / "model.skops", trusted=list(SKOPS_TYPES))


def by_safetensors(model, folder):
    pytest.importorskip("safetensors")
    return load_safetensors(save_safetensors(model, folder / "model.safetensors"))


def by_copy(model, folder):
    return copy.deepcopy(model)


COPIES = [by_pickle, by_joblib, by_skops, by_safetensors, by_copy]


def same(a, b, X):
    assert a.predict(X) == b.predict(X)
    np.testing.assert_array_equal(a.attention_quantiles_, b.attention_quantiles_)
    for one, other in zip(a.transform(X), b.transform(X), strict=True):
        np.testing.assert_array_equal(one, other)
    if hasattr(a, "threshold_"):
        np.testing.assert_array_equal(a.threshold_, b.threshold_)


@pytest.fixture(scope="module", params=LOCALIZERS, ids=lambda e: type(e).__name__ + str(e)[:24])
def two(request, videos):
    """One localizer fitted to all videos, and one to some of them."""
    X, y = videos
    return clone(request.param).fit(X, y), clone(request.param).fit(X[:25], y[:25])


@pytest.mark.slow
@pytest.mark.parametrize("duplicate", COPIES)
def test_what_is_loaded_into_the_net_holds_everywhere(videos, tmp_path, two, duplicate):
    """skorch's own idiom: weights of a checkpoint go into the net."""
    X, (model, other) = videos[0], map(copy.deepcopy, two)
    other.net_.save_params(f_params=tmp_path / "params.pt")
    before = model.predict(X)
    model.net_.load_params(f_params=tmp_path / "params.pt")
    assert model.predict(X) != before
    same(model, other, X)
    same(duplicate(model, tmp_path), other, X)


@pytest.mark.parametrize("duplicate", COPIES)
def test_weights_assigned_in_the_module_hold_everywhere(videos, tmp_path, duplicate):
    X, y = videos
    model = ASNLocalizer("temporal", quantile=0.5, **FAST).fit(X, y)
    module = model.net_.module_
    module.models[0].attention.bias.data += 3
    module.attention_quantiles += 3
    assert model.threshold_ == pytest.approx(module.attention_quantiles[0, 50].item())
    assert model.threshold_ == model.attention_quantiles_[50]
    again = duplicate(model, tmp_path)
    same(again, model, X)
    assert "_net" not in vars(again.model_) or again.model_._net is not model.model_._net


@pytest.mark.slow
def test_a_regressor_of_boxes_is_a_live_view_too(videos, tmp_path):
    X, y = videos
    model = AutoLoc(ASNLocalizer("temporal", **FAST), random_state=0).fit(X, y)
    before = model.predict(X)
    model.net_.head.bias.data += 0.5
    changed = model.predict(X)
    assert changed != before
    for duplicate in COPIES:
        assert duplicate(model, tmp_path).predict(X) == changed
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_history_loaded_into_the_net_is_the_models(videos, tmp_path):
    X, y = videos
    longer = ASNLocalizer("temporal", **{**FAST, "max_epochs": 5}).fit(X, y)
    longer.net_.save_params(f_history=tmp_path / "history.json")
    model = ASNLocalizer("temporal", **FAST).fit(X, y)
    model.net_.load_params(f_history=tmp_path / "history.json")
    assert model.n_iter_ == 5
    assert pickle.loads(pickle.dumps(model)).history_ == model.history_
