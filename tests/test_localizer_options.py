"""Options beyond the paper: temporal context, top-k pooling, hiding, levels, class subsets."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.metrics import localization_map
from sklearn_asn.selection import MultiQuantileSelection, NaiveSelection


def fast(variant="fusion", **changes):
    given = {"hidden_size": 8, "batch_size": 16, "max_epochs": 4, "random_state": 0}
    return ASNLocalizer(variant, device="cpu", **{**given, **changes})


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_a_context_layer_is_a_convolution_with_zeros_beyond_the_video(videos):
    X, y = videos
    model = fast("temporal", context_layers=1, context_size=5, dropout=0.0).fit(X, y)
    w = {k.removeprefix("models.0."): v for k, v in model.model_.weights.items()}
    half = X.n_features // 2
    for video, attention, logits in zip(
        X, model.attention(X), np.split(model.model_.score(X).activations[:, 0], X.offsets[1:-1]),
        strict=True,
    ):  # fmt: skip
        x = np.pad(video[:, half:], ((1, 1), (0, 0)))
        window = np.hstack([x[:-2], x[1:-1], x[2:]])
        weight = np.hstack(w["context.first.weight"])  # before, itself, after
        units = np.maximum(window @ weight.T + w["context.first.bias"], 0)
        want = units @ w["attention.weight"][0] + w["attention.bias"]
        np.testing.assert_allclose(attention, want, rtol=1e-4, atol=1e-5)
        want = units @ w["classification.weight"].T + w["classification.bias"]
        np.testing.assert_allclose(logits, want, rtol=1e-4, atol=1e-5)


def test_context_in_training_sees_what_it_sees_in_use(videos):
    """With every clip drawn and nothing dropped, the first loss is that of the scores in use."""
    X, y = videos
    model = fast(
        "temporal", context_layers=2, dropout=0.0, clips_per_video=None, batch_size=100,
        lr=0.0, max_epochs=1, attention_softening=1.0,
    ).fit(X, y)  # fmt: skip
    present = np.array([[c in {s.label for s in video} for c in model.classes_] for video in y])
    target = present / present.sum(axis=1, keepdims=True)
    want = -(target * np.log(softmax(model.decision_function(X)))).sum(axis=1).mean()
    assert model.history_[0]["train_loss"] == pytest.approx(want, rel=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.DeadStreamWarning")  # zero, by eq. 1
@pytest.mark.parametrize("pooling", ["attention", "topk"])
def test_fusion_with_context_starts_with_its_parents_outputs(videos, pooling):
    """Equation 1 holds for the convolution too."""
    X, y = videos
    options = {"context_layers": 1, "context_size": 6, "pooling": pooling}
    parent = fast("temporal", **options).fit(X, y)
    child = fast(init=FrozenEstimator(parent), **options, lr=0.0, max_epochs=1).fit(X, y)
    for a, b in zip(parent.attention(X), child.attention(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        parent.decision_function(X), child.decision_function(X), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(ValueError, match="init has other heads"):
        fast(init=FrozenEstimator(parent), **{**options, "context_layers": 0}).fit(X, y)


def test_top_pooling_cuts_every_class_by_its_own_activation(videos):
    X, y = videos
    model = fast(pooling="topk", topk_divisor=4, video_threshold=0.0, quantile=0.6).fit(X, y)
    activations = model.model_.score(X).activations[:, 0]
    want = softmax(activations) * (activations >= model.threshold_)
    np.testing.assert_allclose(np.concatenate(model.transform(X)), want, rtol=1e-5)
    np.testing.assert_allclose(
        np.concatenate(model.attention(X)), activations.max(axis=1), rtol=1e-6
    )
    for v, z in enumerate(np.split(activations, X.offsets[1:-1])):
        top = -np.sort(-z, axis=0)[: -(-len(z) // 4)]
        np.testing.assert_allclose(model.decision_function(X)[v], top.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize(
    ("variant", "attention_stream"), [("fusion", "both"), ("two-stream", "spatial")]
)
@pytest.mark.parametrize("pooling", ["attention", "topk"])
def test_one_quantile_of_many_is_that_quantile(videos, variant, attention_stream, pooling):
    """Without ring and merging, proposals at a quantile are the runs of the CAS cut there."""
    X, y = videos
    model = fast(variant, pooling=pooling, attention_stream=attention_stream).fit(X, y)
    for quantile in (0.1, 0.35, 0.7):
        model.set_params(selection=NaiveSelection(), quantile=quantile)
        naive = model.predict(X)
        model.set_params(
            selection=MultiQuantileSelection((quantile,), outer_weight=0.0, merge=None),
            quantile=0.99,  # is not read
        )
        many = model.predict(X)
        np.testing.assert_array_equal(many.lengths, naive.lengths)
        columns = ("video", "label", "start", "end")
        frames = [f.to_frame().sort_values(list(columns)) for f in (many, naive)]
        for column in columns:
            assert frames[0][column].tolist() == frames[1][column].tolist()
        np.testing.assert_allclose(frames[0]["score"], frames[1]["score"], rtol=1e-5)


def test_many_quantiles_of_two_streams_read_the_mean_level(videos):
    X, y = videos
    model = fast("two-stream", video_threshold=0.0).fit(X, y)
    scored = model.model_.score(X)
    level = np.mean(
        [(curve <= a[:, None]).sum(axis=1) - 1
         for curve, a in zip(model.attention_quantiles_, scored.attention.T, strict=True)],
        axis=0,
    )  # fmt: skip
    select = MultiQuantileSelection((0.3,), outer_weight=0.0, merge=None)
    found = model.set_params(selection=select).predict(X)
    inside = np.zeros((len(level), 3), dtype=bool)
    label = np.searchsorted(model.classes_, found.label)
    for v, c, start, end in zip(found.video, label, found.start, found.end, strict=True):
        first = X.offsets[v]
        inside[first + int(start) : first + int(end), c] = True
    np.testing.assert_array_equal(inside, np.repeat(level[:, None] >= 30, 3, axis=1))


def test_hiding_changes_training_only_where_asked_for(videos):
    X, y = videos
    plain, none, half = (fast(hide_probability=p, hide_clips=c).fit(X, y)
                         for p, c in ((0.0, 1), (0.0, 9), (0.5, 2)))  # fmt: skip
    np.testing.assert_array_equal(plain.predict_proba(X), none.predict_proba(X))
    assert not np.allclose(plain.predict_proba(X), half.predict_proba(X))


def test_training_on_all_classes_and_detecting_some(videos):
    X, y = videos
    model = fast("temporal").fit(X, y)
    everything = model.predict_proba(X)
    model.set_params(localize_classes=["class_2", "class_0"])
    assert set(model.predict(X).label) == {"class_0", "class_2"}
    np.testing.assert_array_equal(model.predict_proba(X), everything)  # softmax over all of them
    assert not np.concatenate(model.transform(X))[:, 1].any()
    assert 0 <= localization_map(y, model.predict(X)) <= 1
    for bad in (["walk"], [], "class_0"):
        with pytest.raises(ValueError, match="localize_classes"):
            model.set_params(localize_classes=bad).predict(X)
    with pytest.raises(ValueError, match="localize_classes"):
        clone(model).set_params(localize_classes=["walk"]).fit(X, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context_layers": -1}, "context_layers=-1"),
        ({"context_layers": 1.5}, "context_layers=1.5"),
        ({"context_layers": 40}, "context_layers=40"),
        ({"unlabelled": "background"}, "unlabelled='background' needs pooling='probability'"),
        ({"class_activation": "sigmoid"}, "class_activation='sigmoid' needs pooling"),
        ({"optimizer": "adam"}, "optimizer='adam'"),
        ({"when_none_passes": "all"}, "when_none_passes='all'"),
        ({"extractor_weight_decay": -1}, "extractor_weight_decay=-1"),
        ({"context_size": 0}, "context_size=0"),
        ({"pooling": "max"}, "pooling='max'"),
        ({"topk_divisor": 0}, "topk_divisor=0"),
        ({"hide_probability": 1}, "hide_probability=1"),
        ({"hide_clips": 0}, "hide_clips=0"),
        ({"clips_per_video": 0}, "clips_per_video=0"),
    ],
)
def test_bad_options(videos, change, message):
    with pytest.raises(ValueError, match=message):
        fast(**change).fit(*videos)


@pytest.mark.parametrize("variant", ["two-stream", "bilinear"])
def test_lower_precision_stays_near_the_full(variant):
    X, y = make_untrimmed_videos(n_videos=30, random_state=0)
    model = ASNLocalizer(variant, hidden_size=8, max_epochs=5, random_state=0, device="cpu")
    full = model.fit(X, y).predict_proba(X)
    coarse = model.set_params(precision="bfloat16").fit(X, y)
    assert all(w.dtype == np.float32 for w in coarse.model_.weights.values() if w.ndim)
    got = coarse.predict_proba(X)
    assert not np.array_equal(got, full)
    np.testing.assert_allclose(got, full, atol=0.02)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"precision": "float16"}, "precision='float16'"), ({"compile": "yes"}, "compile='yes'")],
)
def test_what_the_machine_options_may_be(parameters, message):
    X, y = make_untrimmed_videos(n_videos=12, random_state=0)
    with pytest.raises(ValueError, match=message):
        ASNLocalizer(**parameters).fit(X, y)
