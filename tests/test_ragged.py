"""One video's array is not taken for as many videos as it has clips."""

import numpy as np
import pandas as pd
import pytest
from helpers.localizers import fast
from helpers.saving import SAVERS
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer, diagnose, report
from sklearn_asn._data.clips import as_clips
from sklearn_asn.metrics import recognition_scorer
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

FEW = {"max_epochs": 1, "random_state": 0, "device": "cpu"}
ONE_VIDEO = r"X is 2-D, of shape \(\d+, 64\): .* give X\[i:i\+1\]; for one array of clips, \[a"
MEMBER = ASNLocalizer("fusion", init="scratch", pooling="probability", **FEW)
LOCALIZERS = [
    ASNLocalizer("temporal", **FEW),
    UntrimmedNet(**FEW),
    STPN(**FEW),
    WTALC(4, **FEW),
    AutoLoc(UntrimmedNet(**FEW), **FEW),
    SelfTrainingLocalizer([("a", MEMBER)], n_rounds=0, random_state=0),
    SingleInstance(),
]
METHODS = ("predict", "transform", "attention", "predict_proba", "decision_function")


@pytest.mark.parametrize("localizer", LOCALIZERS, ids=lambda one: type(one).__name__)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_one_array_is_refused_after_a_ragged_fit(localizer, videos):
    X, y = videos
    model = clone(localizer).fit(X, y)
    assert model.ragged_in_
    for one in (X[0], pd.DataFrame(X[0], columns=X.feature_names), X[0].tolist()):
        for name in METHODS:
            with pytest.raises(ValueError, match=ONE_VIDEO):
                getattr(model, name)(one)
        labels = ["class_0", *["class_1"] * (len(one) - 1)]
        with pytest.raises(ValueError, match=ONE_VIDEO):
            model.score(one, labels)
    assert len(model.predict(X[:1])) == len(model.predict([X[0]])) == 1
    assert len(model.predict(X[0][:, None])) == len(X[0])  # a video of one clip each
    for inner in (*getattr(model, "localizers_", ()), getattr(model, "localizer_", model)):
        with pytest.raises(ValueError, match=ONE_VIDEO):
            inner.predict(X[0])


def test_of_whatever_asks_a_localizer(videos, tmp_path):
    X, y = videos
    model = make_pipeline(ClipWise(StandardScaler()), fast("single")).fit(list(X), y)
    for ask in (
        model.predict,
        lambda X: diagnose(model, X),
        lambda X: report(model, X, None, tmp_path / "page.html"),
        lambda X: recognition_scorer()(model, X, ["class_0"] * len(X)),
    ):
        with pytest.raises(ValueError, match=ONE_VIDEO):
            ask(X[0])
    frozen = AutoLoc(FrozenEstimator(model[-1]), **FEW)
    with pytest.raises(ValueError, match=ONE_VIDEO):
        frozen.fit(X[0], ["class_0", "class_1"] * (len(X[0]) // 2) + ["class_1"] * (len(X[0]) % 2))


@pytest.mark.parametrize("form", [lambda X: list(X), lambda X: tuple(X), lambda X: X])
def test_every_ragged_form_is_remembered(form, videos):
    X, y = videos
    model = fast("single").fit(form(X), y)
    with pytest.raises(ValueError, match="X is 2-D"):
        model.transform(X[3].copy())


@pytest.mark.slow
@pytest.mark.parametrize("fmt", SAVERS)
@pytest.mark.parametrize("kind", [LOCALIZERS[0], LOCALIZERS[4], LOCALIZERS[5]])
def test_it_is_kept_in_every_format(fmt, kind, videos, tmp_path):
    X, y = videos
    save, load = SAVERS[fmt]
    model = clone(kind).fit(X, y)
    save(model, tmp_path / f"model.{fmt}")
    again = load(tmp_path / f"model.{fmt}")
    with pytest.raises(ValueError, match=ONE_VIDEO):
        again.predict(X[0])
    assert again.predict(X) == model.predict(X)


def test_it_is_kept_of_two_dimensions_too(tmp_path):
    rng = np.random.default_rng(0)
    flat, y = rng.normal(size=(20, 6)), np.arange(20) % 2
    save, load = SAVERS["safetensors"]
    model = fast("single").fit(flat, y)
    save(model, tmp_path / "flat.safetensors")
    again = load(tmp_path / "flat.safetensors")
    assert again.ragged_in_ is False
    assert again.predict(flat) == model.predict(flat)


def test_after_two_dimensions_ragged_videos_are_taken():
    """They can be nothing else: clips that were learnt one by one are found in long videos."""
    rng = np.random.default_rng(0)
    flat, y = rng.normal(size=(20, 6)), np.arange(20) % 2
    model = fast("single").fit(flat, y)
    assert model.ragged_in_ is False
    found = model.transform([flat[:12], flat[12:]])
    assert [len(part) for part in found] == [12, 8]
    assert model.transform(flat).shape == (20, 2)


def test_what_lies_together_is_read_where_it_lies():
    """In use nothing is copied; a container that lives on has features of its own."""
    table = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    for given in (table, [table[0]]):
        seen = as_clips(given, look=False, copy=False)
        assert np.shares_memory(seen.values, table)
        own = Clips.from_list(given)
        assert own == seen
        assert not np.shares_memory(own.values, table)


def test_what_does_not_lie_together_is_read_the_same():
    table = np.random.default_rng(0).normal(size=(3, 5, 4))
    for given in (
        table.transpose(0, 2, 1).copy().transpose(0, 2, 1),
        np.asfortranarray(table),
        table[:, ::-1][:, ::-1],
        list(table),
    ):
        assert as_clips(given, look=False, copy=False) == Clips.from_list(list(table))
    whole = (10 * table).astype(int)
    assert as_clips(whole, look=False, copy=False) == Clips.from_list(list(whole))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_predict_leaves_the_array_alone(videos):
    X, y = videos
    model = fast("bottleneck", pooling="topk", init="scratch").fit(X, y)
    one = X[0].copy()
    one.flags.writeable = False
    for given in ([one], one[None]):
        assert model.predict(given)[0] == model.predict(Clips.from_list([one]))[0]
    np.testing.assert_array_equal(one, X[0])
