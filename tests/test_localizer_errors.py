"""What `ASNLocalizer` refuses, and that nothing is changed when it does."""

import numpy as np
import pytest
import torch
from helpers.localizers import fast
from sklearn.exceptions import NotFittedError

from sklearn_asn import ASNLocalizer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "trilinear"}, "variant='trilinear'"),
        ({"hidden_size": 0}, "hidden_size=0"),
        ({"hidden_size": 2.5}, "hidden_size=2.5"),
        ({"quantile": 1.5}, "quantile=1.5"),
        ({"quantile": -0.1}, "quantile=-0.1"),
        ({"quantile": "half"}, "quantile='half'"),
        ({"quantile_momentum": 2}, "quantile_momentum=2"),
        ({"init": "copy"}, "init='copy'"),
        ({"init": ASNLocalizer("temporal")}, "init is an ASNLocalizer that is not fitted"),
        ({"init": 3}, "init=3"),
        ({"main_stream": "audio"}, "main_stream='audio'"),
        ({"attention_stream": "audio"}, "attention_stream='audio'"),
        ({"clips_per_video": 0}, "clips_per_video=0"),
        ({"frames_per_clip": 0}, "frames_per_clip=0"),
        ({"max_epochs": 0}, "max_epochs=0"),
        ({"batch_size": -1}, "batch_size=-1"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"lr": -1}, "lr=-1"),
        ({"lr": np.nan}, "lr=nan"),
        ({"lr_milestones": (0.5, 2)}, "lr_milestones=2"),
        ({"momentum": 1}, "momentum=1"),
        ({"weight_decay": -1}, "weight_decay=-1"),
        ({"gradient_clip": 0}, "gradient_clip=0"),
        ({"attention_softening": 0}, "attention_softening=0"),
        ({"video_threshold": 2}, "video_threshold=2"),
        ({"selection": "naive"}, "selection='naive'"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"random_state": -1}, "random_state=-1"),
        ({"streams": {"temporal": slice(32, 35)}}, "streams lacks 'spatial'"),
        ({"streams": {"temporal": [0], "spatial": [999]}}, "reaches beyond"),
        ({"streams": "both"}, "streams must be None or a dict"),
    ],
)
def test_bad_parameters(videos, change, message):
    est = fast(**change)
    before = dict(vars(est))
    with pytest.raises(ValueError, match=message):
        est.fit(*videos)
    assert vars(est) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(videos):
    with pytest.raises(ValueError, match="torch sees 0 CUDA devices"):
        fast(device="cuda").fit(*videos)


def bad_X():
    rng = np.random.default_rng(0)
    good = [rng.normal(size=(5, 6)) for _ in range(4)]

    def swap(i, array):
        return [*good[:i], array, *good[i + 1 :]]

    nan, inf = good[2].copy(), good[1].copy()
    nan[3, 2], inf[0, 0] = np.nan, np.inf
    return [
        (swap(2, nan), "NaN: video 2, clip 3"),
        (swap(1, inf), "infinity: video 1, clip 0"),
        (swap(3, rng.normal(size=(5, 7))), "Video 3 has 7 features, but video 0 has 6"),
        (swap(1, np.empty((0, 6))), "Video 1 has no clips"),
        (swap(2, rng.normal(size=5)), "Video 2 has shape"),
        (swap(2, np.full((5, 6), "x")), "Video 2"),
        ([], "Found array with 0 sample|0 videos|Expected 2D"),
        (good[:3], "X has 3 videos, but y has entries for 4"),
    ]


@pytest.mark.parametrize(("X", "message"), bad_X())
def test_bad_X(X, message):
    est = fast()
    before = dict(vars(est))
    with pytest.raises(ValueError, match=message):
        est.fit(X, ["a", "b", "a", "b"])
    assert vars(est) == before


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * 4, r"y has 1 class\(es\)"),
        ([set()] * 4, r"y has 0 class\(es\)"),
        (None, "requires y to be passed"),
        (["a", "b", "a"], "X has 4 videos, but y has entries for 3"),
        ([0.1, 0.2, 0.3, 0.4], "Unknown label type"),
        (np.array([1.0, 2.0, np.nan, 1.0]), "NaN"),
        ([[("a", 2.0, 1.0)], [], [], []], r"video 0 \(a, 2, 1\).*start < end"),
        ([[("a", 0.0, 1.0)], [("b", np.nan, 1.0)], [], []], "video 1"),
    ],
)
def test_bad_y(y, message):
    X = np.random.default_rng(0).normal(size=(4, 5, 6))
    with pytest.raises(ValueError, match=message):
        fast().fit(X, y)


def test_bad_extras(videos):
    X, y = videos
    n = len(X)
    with pytest.raises(ValueError, match="trimmed must be a boolean array"):
        fast().fit(X, y, trimmed=np.zeros(n))
    with pytest.raises(ValueError, match="trimmed must be a boolean array"):
        fast().fit(X, y, trimmed=np.zeros(3, dtype=bool))
    with pytest.raises(ValueError, match="sample_weight of video 1 is -1"):
        fast().fit(X, y, sample_weight=[1, -1, *[1] * (n - 2)])
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        fast().fit(X, y, sample_weight=[1, 1])


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.UnscaledFeaturesWarning")
def test_a_failed_refit_leaves_the_fitted_model(videos):
    X, y = videos
    est = fast().fit(X, y)
    found = est.predict(X)
    with pytest.raises(ValueError, match="1 class"):
        est.fit(X[:4], ["a"] * 4)
    assert est.predict(X) == found
    est.set_params(lr=1e30, gradient_clip=None)
    with pytest.raises(FloatingPointError, match="diverged in epoch"):
        est.fit(X.with_values(X.values * 1e4, X.feature_names), y)
    est.set_params(lr=0.1, gradient_clip=1.0)
    assert est.predict(X) == found


def test_use_before_fit(videos):
    X, y = videos
    for method in ("predict", "transform", "attention", "decision_function", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(fast(), method)(X)
    with pytest.raises(NotFittedError):
        fast().score(X, y)
    for name in ("net_", "threshold_"):
        with pytest.raises(NotFittedError):
            getattr(fast(), name)


def test_other_width_or_names_in_use(videos):
    X, y = videos
    plain = fast("single").fit(list(X), y)
    with pytest.raises(ValueError, match="X has 63 features, but ASNLocalizer is expecting 64"):
        plain.predict([x[:, :-1] for x in X])
    est = fast().fit(X, y)
    renamed = X.with_values(X.values, [f"other{i}" for i in range(X.n_features)])
    with pytest.raises(ValueError, match="feature names"):
        est.predict(renamed)


def test_bad_parameter_set_after_fit(videos):
    X, y = videos
    est = fast().fit(X, y)
    with pytest.raises(ValueError, match="quantile=7"):
        est.set_params(quantile=7).predict(X)


def test_segments_outside_their_video(videos):
    X, y = videos
    est = fast().fit(X, y)
    wrong = [list(video) for video in y]
    wrong[3] = [("class_0", 1e4, 1e4 + 5)]
    with pytest.raises(ValueError, match=r"segment of video 3.*lies outside the video"):
        est.score(X, wrong)


def test_init_that_does_not_fit(videos):
    X, y = videos
    spatial = fast("spatial").fit(X, y)
    with pytest.raises(ValueError, match="'spatial' model, but 'temporal' is the main stream"):
        fast(init=spatial).fit(X, y)
    other = fast("temporal").fit(X, [f"{i % 2}" for i in range(len(X))])
    with pytest.raises(ValueError, match="init was trained on the classes"):
        fast(init=other).fit(X, y)
    narrow = fast("temporal").fit(X.with_values(X.values[:, ::2]), y)
    with pytest.raises(ValueError, match="init reads"):
        fast(init=narrow).fit(X, y)
