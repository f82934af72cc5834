"""Heads that were trained elsewhere, and quantiles recorded without training."""

import joblib
import numpy as np
import pytest
import torch
from helpers.localizers import softmax
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer, saving
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, UntrimmedNet
from sklearn_asn.selection import MultiQuantileSelection

LEVELS = np.arange(101) / 100
FAST = {"max_epochs": 3, "random_state": 0, "clips_per_video": 5}
CLASSES = ["walk", "jump", "run"]


@pytest.fixture(scope="module")
def data():
    return make_untrimmed_videos(16, random_state=0)


def random_heads(streams=("temporal", "spatial"), width=4, n_classes=3, kind=np.asarray):
    rng = np.random.default_rng(0)
    return {
        stream: {
            "classification": (kind(rng.normal(size=(n_classes, width))), kind(np.arange(3.0))),
            "attention": (kind(rng.normal(size=(1, width))), kind(np.array([0.5]))),
        }
        for stream in streams
    }


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(1)
    return [rng.normal(size=(n, 8)).astype(np.float32) for n in (20, 30, 9)]


# ---------------------------------------------------------------- recording


KINDS = [
    ASNLocalizer("temporal", **FAST),
    ASNLocalizer("two-stream", **FAST),
    ASNLocalizer("fusion", init="scratch", pooling="topk", **FAST),
    ASNLocalizer("temporal", pooling="probability", **FAST),
    ASNLocalizer("temporal", context_layers=1, context_size=8, **FAST),
    ASNLocalizer("temporal", frames_per_clip=3, **FAST),
    UntrimmedNet(**FAST),
    STPN(max_epochs=1, random_state=0),
    WTALC(max_epochs=1, random_state=0, hidden_size=8),
]


@pytest.mark.parametrize("estimator", KINDS, ids=lambda e: type(e).__name__)
def test_recording_trains_nothing(data, estimator) -> None:
    X, y = data
    fitted = clone(estimator).fit(X[:10], y[:10])
    before = {name: value.copy() for name, value in fitted.model_.weights.items()}
    scores = fitted.predict_proba(X)
    assert fitted.record_quantiles(X[10:]) is fitted
    after = fitted.model_.weights
    for name in before.keys() - {"attention_quantiles"}:
        assert_array_equal(before[name], after[name])
    assert_array_equal(fitted.predict_proba(X), scores)
    raw = fitted.model_.score(X[10:]).attention
    expected = np.quantile(raw.astype(float), LEVELS, axis=0).T
    assert_allclose(np.atleast_2d(fitted.attention_quantiles_), expected, atol=1e-5)
    assert_array_equal(after["attention_quantiles"], np.atleast_2d(fitted.attention_quantiles_))
    live = fitted.net_.module_.attention_quantiles.numpy()
    assert_array_equal(live, after["attention_quantiles"])


def test_the_threshold_follows(data) -> None:
    X, y = data
    fitted = ASNLocalizer("temporal", quantile=0.3, **FAST).fit(X[:10], y[:10])
    darker = X.with_values(X.values * 0.5 + 0.1, X.feature_names)
    attention = np.concatenate(fitted.record_quantiles(darker).attention(darker))
    assert np.mean(attention < fitted.threshold_) == pytest.approx(0.3, abs=0.01)
    assert_allclose(fitted.threshold_, np.quantile(attention, 0.3), atol=1e-5)


@pytest.mark.parametrize("live", [True, False])
def test_every_format_keeps_what_was_recorded(data, tmp_path, live) -> None:
    X, y = data
    fitted = ASNLocalizer("two-stream", **FAST).fit(X[:10], y[:10])
    if not live:  # of plain arrays, as after unpickling
        fitted = joblib.load(joblib.dump(fitted, tmp_path / "plain")[0])
    fitted.record_quantiles(X[10:])
    saving.save_safetensors(fitted, tmp_path / "a.safetensors")
    joblib.dump(fitted, tmp_path / "a.joblib")
    for again in (
        saving.load_safetensors(tmp_path / "a.safetensors"),
        joblib.load(tmp_path / "a.joblib"),
    ):
        assert_array_equal(again.attention_quantiles_, fitted.attention_quantiles_)
        assert again.predict(X) == fitted.predict(X)


def test_ensembles_record_their_mean(data) -> None:
    X, y = data
    member = ASNLocalizer("temporal", pooling="probability", **FAST)
    members = [("one", member), ("other", clone(member).set_params(variant="spatial"))]
    fitted = SelfTrainingLocalizer(members, n_rounds=1, random_state=0).fit(X, y)
    fitted.record_quantiles(X[10:])
    attention = np.concatenate(fitted.attention(X[10:]))
    assert_allclose(fitted.attention_quantiles_, np.quantile(attention, LEVELS), atol=1e-4)


def test_autoloc_records_in_its_localizer(data) -> None:
    X, y = data
    below = ASNLocalizer("temporal", **FAST).fit(X, y)
    kept = below.attention_quantiles_.copy()
    above = AutoLoc(FrozenEstimator(below), random_state=0).fit(X, y).record_quantiles(X[:5])
    assert_array_equal(below.attention_quantiles_, kept)  # frozen
    raw = np.concatenate(below.attention(X[:5]))
    assert_allclose(above.localizer_.attention_quantiles_, np.quantile(raw, LEVELS), atol=1e-5)
    above.predict(X)


def test_recording_needs_a_fit_and_fitting_videos(data) -> None:
    X, y = data
    with pytest.raises(NotFittedError):
        ASNLocalizer().record_quantiles(X)
    fitted = ASNLocalizer("temporal", **FAST).fit(X, y)
    with pytest.raises(ValueError, match="feature"):
        fitted.record_quantiles(X.with_values(X.values[:, 1:], X.feature_names[1:]))


# ---------------------------------------------------------------- given heads


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor, lambda a: a.tolist()])
@pytest.mark.parametrize("method", [ASNLocalizer, UntrimmedNet])
def test_given_heads_score_as_plain_numpy_does(X, method, kind) -> None:
    heads = random_heads(kind=kind)
    made = method.from_heads(heads, CLASSES)
    assert made.variant == "two-stream"
    assert made.classes_.tolist() == sorted(CLASSES)
    order = np.argsort(CLASSES)
    columns = {"spatial": slice(0, 4), "temporal": slice(4, 8)}
    expected = []
    for x in X:
        p = 0
        for stream, head in random_heads().items():
            (w, b), (v, c) = head["classification"], head["attention"]
            share = softmax((x[:, columns[stream]] @ v[0] + c) / 3)
            p = p + softmax(share @ (x[:, columns[stream]] @ w.T + b)) / 2
        expected.append(p[order])
    assert_allclose(made.predict_proba(X), expected, rtol=1e-4)
    raw = [x[:, 4:] @ random_heads()["temporal"]["attention"][0][0] + 0.5 for x in X]
    made.record_quantiles(X)
    assert_allclose(
        made.attention_quantiles_[0], np.quantile(np.concatenate(raw), LEVELS), atol=1e-4
    )
    assert made.n_iter_ == 0


def test_one_stream_of_wider_features(X) -> None:
    heads = random_heads(("spatial",))
    made = ASNLocalizer.from_heads(heads, CLASSES, localize_classes=["run"])
    assert (made.variant, made.n_features_in_) == ("spatial", 8)
    w, b = heads["spatial"]["attention"]
    for x, a in zip(X, made.attention(X), strict=True):
        assert_allclose(a, x[:, :4] @ w[0] + b, rtol=1e-4, atol=1e-5)
    found = made.record_quantiles(X).predict(X)
    assert set(found.label.tolist()) == {"run"}
    narrow = ASNLocalizer.from_heads(heads, CLASSES, n_features=4, streams={"spatial": slice(None)})
    assert_allclose(narrow.attention([x[:, :4] for x in X])[0], made.attention(X)[0])


def test_named_columns(X) -> None:
    names = [f"{kind}{i}" for i in range(4) for kind in "st"]
    streams = {"spatial": names[::2], "temporal": names[1::2]}
    made = ASNLocalizer.from_heads(random_heads(), CLASSES, streams=streams, feature_names=names)
    assert made.feature_names_in_.tolist() == names
    w, b = random_heads()["temporal"]["attention"]
    (scored,) = made.model_.score(_clips(X[:1], names)).attention.T[:1]
    assert_allclose(scored, X[0][:, 1::2] @ w[0] + b, rtol=1e-4, atol=1e-5)


def _clips(X, names):
    from sklearn_asn import Clips

    return Clips.from_list(X, feature_names=names)


def test_a_quantile_must_be_recorded_first(X) -> None:
    made = ASNLocalizer.from_heads(random_heads(), CLASSES)
    for use in (
        made.predict,
        made.transform,
        lambda X: made.threshold_,
        lambda X: clone_of(made, selection=MultiQuantileSelection()).predict(X),
    ):
        with pytest.raises(NotFittedError, match="record_quantiles"):
            use(X)
    made.predict_proba(X)
    UntrimmedNet.from_heads(random_heads(), CLASSES).predict(X)  # attention does not count


def clone_of(made, **parameters):
    return ASNLocalizer.from_heads(random_heads(), CLASSES, **parameters)


def test_given_heads_are_kept(X, tmp_path) -> None:
    made = ASNLocalizer.from_heads(random_heads(), CLASSES)
    saving.save_safetensors(made, tmp_path / "a.safetensors")
    again = saving.load_safetensors(tmp_path / "a.safetensors")
    with pytest.raises(NotFittedError, match="record_quantiles"):
        again.predict(X)
    assert again.record_quantiles(X).predict(X) == made.record_quantiles(X).predict(X)


def broken(stream="temporal", part="attention", value=None, **others):
    heads = random_heads()
    heads[stream][part] = value
    return heads


@pytest.mark.parametrize(
    ("heads", "parameters", "message"),
    [
        ({}, {}, "heads must map"),
        ({"audio": {}}, {}, "heads must map.*audio"),
        (random_heads(), {"variant": "temporal"}, "make 'two-stream'"),
        (random_heads(), {"n_features": 10}, r"heads\['temporal'\] reads 4 columns, but 5"),
        (broken(value=(np.ones((2, 4)), [0.0])), {}, r"\['attention'\] must have shapes \(1, n_"),
        (broken(value=(np.ones(5), 0.0)), {}, "both heads must read the same columns"),
        (broken(value=(np.full(4, np.nan), 0.0)), {}, "must be finite"),
        (broken(value=np.ones(4)), {}, "two arrays"),
        (broken(value="none"), {}, "two arrays"),
        (broken("spatial", "classification", (np.ones((4, 4)), np.ones(4))), {}, r"\(3, n_col"),
        ({"temporal": {"attention": 0}}, {}, "must map 'classification' and 'attention'"),
        (random_heads(), {"pooling": "topk"}, "no linear head 'attention'"),
        (random_heads(), {"context_layers": 1}, "linear heads|linear head"),
        (random_heads(), {"quantile": 2}, "quantile=2"),
    ],
)
def test_heads_that_do_not_fit(heads, parameters, message) -> None:
    with pytest.raises(ValueError, match=message):
        ASNLocalizer.from_heads(heads, CLASSES, **parameters)


def test_classes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="all different"):
        ASNLocalizer.from_heads(random_heads(), ["a", "b", "a"])
    with pytest.raises(ValueError, match=r"shapes \(2, n_columns\)"):
        ASNLocalizer.from_heads(random_heads(), ["a", "b"])


# ---------------------------------------------------------------- one parent a stream


def test_two_stream_starts_from_a_parent_a_stream(data) -> None:
    X, y = data
    parents = {s: ASNLocalizer(s, **FAST).fit(X, y) for s in ("temporal", "spatial")}
    child = ASNLocalizer("two-stream", init=parents, **{**FAST, "lr": 0.0}).fit(X, y)
    mean = sum(parent.predict_proba(X) for parent in parents.values()) / 2
    assert_allclose(child.predict_proba(X), mean, rtol=1e-5)
    frozen = {s: FrozenEstimator(parent) for s, parent in parents.items()}
    again = clone(ASNLocalizer("two-stream", init=frozen, **FAST))
    weights = again.fit(X, y).model_.weights
    assert not np.array_equal(
        weights["models.1.attention.weight"],
        parents["spatial"].model_.weights["models.0.attention.weight"],
    )


def test_heads_given_elsewhere_are_a_parent(X) -> None:
    heads = random_heads()
    y = ["walk", "jump", "run"]
    parents = {s: ASNLocalizer.from_heads({s: heads[s]}, CLASSES) for s in heads}
    halves = {"spatial": slice(0, 4), "temporal": slice(4, 8)}
    given = {**FAST, "lr": 0.0, "streams": halves}
    child = ASNLocalizer("two-stream", init=parents, **given).fit(X, y)
    both = ASNLocalizer.from_heads(heads, CLASSES)
    assert_allclose(child.predict_proba(X), both.predict_proba(X), rtol=1e-5)


def test_parents_that_do_not_fit(data) -> None:
    X, y = data
    one = ASNLocalizer("temporal", **FAST).fit(X, y)
    for variant, init, message in (
        ("two-stream", {"temporal": one}, "init gives parents of"),
        ("fusion", {"temporal": one, "spatial": one}, "other variants one localizer"),
        ("two-stream", {"temporal": one, "spatial": one}, "'spatial' is this stream"),
        ("two-stream", {"temporal": one, "spatial": 3}, "init=3"),
        ("two-stream", {"temporal": one, "spatial": ASNLocalizer("spatial")}, "not fitted"),
    ):
        with pytest.raises(ValueError, match=message):
            ASNLocalizer(variant, init=init, **FAST).fit(X, y)
