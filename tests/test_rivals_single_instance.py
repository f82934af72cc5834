"""The single-instance baseline: what it learns, how it cuts, and that it is a localizer."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.checks import run_check
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import Clips, ClipWise, report
from sklearn_asn.metrics import localization_map
from sklearn_asn.plotting import CASDisplay, QuantileCurveDisplay
from sklearn_asn.rivals import SingleInstance
from sklearn_asn.rivals.single_instance import EveryClip, smoothed
from sklearn_asn.saving import load_safetensors, save_safetensors


@pytest.fixture(scope="module")
def data(videos):
    X, y = videos
    return ClipWise(StandardScaler()).fit_transform(X), y


@pytest.fixture(scope="module")
def model(data):
    return SingleInstance(quantile=0.3, device="cpu").fit(*data)


@pytest.mark.slow
@parametrize_with_checks([SingleInstance(device="cpu")])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)


def test_it_is_ten_lines_of_plain_scikit_learn(data):
    X, y = data
    quantile = 0.3
    shown = np.array([[c in {s.label for s in video} for c in np.unique(y.label)] for video in y])
    clips, targets = np.concatenate(list(X)), np.repeat(shown, X.lengths, axis=0)
    classifiers = [LogisticRegression(max_iter=1000).fit(clips, t) for t in targets.T]
    probability = []
    for video in X:
        p = np.column_stack([c.predict_proba(video)[:, 1] for c in classifiers])
        near = [p[max(i - 1, 0) : i + 2].mean(axis=0) for i in range(len(p))]
        probability.append(np.array(near))
    limit = np.quantile(np.concatenate(probability).max(axis=1), quantile)

    model = SingleInstance(quantile=quantile, video_threshold=0, device="cpu").fit(X, y)
    np.testing.assert_allclose(model.threshold_, limit, atol=1e-4)
    scores = np.array([p.mean(axis=0) for p in probability])
    np.testing.assert_allclose(model.predict_proba(X), scores, atol=1e-4)
    for p, cas, attention in zip(probability, model.transform(X), model.attention(X), strict=True):
        np.testing.assert_allclose(attention, p.max(axis=1), atol=1e-4)
        clear = np.abs(p - limit) > 1e-3  # where float32 cannot tip the scales
        np.testing.assert_allclose(cas[clear], np.where(p >= limit, p, 0)[clear], atol=1e-4)


def test_coefficients_are_those_of_the_net(data, model):
    X, _ = data
    clips = np.concatenate(list(X)).astype(np.float32)
    logits = clips @ model.coef_.T + model.intercept_
    scored = model.model_.score(X, "cpu")
    np.testing.assert_allclose(scored.activations[:, 0], logits, rtol=1e-3, atol=1e-4)
    assert model.coef_.shape == (3, X.n_features)
    assert model.n_iter_ == model.history_[0]["n_iter"] > 1


def test_quantile_is_the_share_of_clips_without_a_class(data):
    X, y = data
    model = SingleInstance(video_threshold=0, device="cpu").fit(X, y)
    for quantile in (0.1, 0.5, 0.8):
        model.set_params(quantile=quantile)
        empty = ~np.concatenate(model.transform(X)).any(axis=1)
        assert empty.mean() == pytest.approx(quantile, abs=0.01)


def test_loss_is_logistic_regressions_own(data, model):
    X, y = data
    scored = model.model_.score(X, "cpu")
    n, k = len(X), int(X.lengths.max())
    activations = torch.zeros(n, k, 1, 3)
    valid = torch.zeros(n, k, dtype=torch.bool)
    for i, (first, stop) in enumerate(zip(X.offsets[:-1], X.offsets[1:], strict=True)):
        activations[i, : stop - first] = torch.from_numpy(scored.activations[first:stop])
        valid[i, : stop - first] = True
    target = np.array([[c in {s.label for s in video} for c in model.classes_] for video in y])
    known = {
        "target": torch.from_numpy(target).float(),
        "valid": valid,
        "weight": torch.from_numpy(X.lengths.astype(float)),
    }
    loss = EveryClip()((activations, None), known)  # a video weighs as much as it has clips
    assert float(loss) == pytest.approx(model.history_[0]["train_loss"], rel=1e-4)


@pytest.mark.parametrize("width", [1, 3, 7, 101])
def test_smoothing_stays_inside_videos(width):
    rng = np.random.default_rng(0)
    offsets = np.array([0, 1, 6, 30])
    values = rng.random((30, 2))
    got = smoothed(values, offsets, width)
    half = width // 2
    for first, stop in pairwise(offsets):
        part = values[first:stop]
        want = [part[max(i - half, 0) : i + half + 1].mean(axis=0) for i in range(len(part))]
        np.testing.assert_allclose(got[first:stop], want)


def test_of_segments_only_the_labels_are_read(data, model):
    X, y = data
    labels = [{segment.label for segment in video} for video in y]
    again = clone(model).fit(X, labels)
    np.testing.assert_array_equal(again.coef_, model.coef_)
    assert again.predict(X) == model.predict(X)


def test_weight_is_repetition(data):
    X, y = data
    weight = np.arange(len(X)) % 3
    weighted = SingleInstance(device="cpu").fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(len(X)), weight)
    repeated = SingleInstance(device="cpu").fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=2e-3)
    np.testing.assert_allclose(weighted.threshold_, repeated.threshold_, atol=1e-3)


def test_a_trimmed_video_is_one_clip(data):
    X, y = data
    labels = [{segment.label for segment in video} for video in y]
    trimmed = np.arange(len(X)) < 10
    got = SingleInstance(device="cpu").fit(X, labels, trimmed=trimmed)
    shorter = Clips.from_list(
        [v.mean(0, keepdims=True) if t else v for v, t in zip(X, trimmed, strict=True)]
    )
    want = SingleInstance(device="cpu").fit(shorter, labels)
    np.testing.assert_allclose(got.coef_, want.coef_, atol=2e-3)


def test_videos_without_labels(data):
    X, y = data
    labels = [{segment.label for segment in video} for video in y]
    some = [set() if i < 8 else found for i, found in enumerate(labels)]
    ignored = SingleInstance(device="cpu").fit(X, some)
    left_out = SingleInstance(device="cpu").fit(X[8:], labels[8:])
    np.testing.assert_array_equal(ignored.coef_, left_out.coef_)
    assert ignored.threshold_ != left_out.threshold_  # their clips count
    background = SingleInstance(unlabelled="background", device="cpu").fit(X, some)
    assert background.predict_proba(X[:8]).sum() < ignored.predict_proba(X[:8]).sum()


def test_a_class_of_all_videos_is_refused(data):
    X, y = data
    labels = [{"always"} | {segment.label for segment in video} for video in y]
    with pytest.raises(ValueError, match="'always' is a label of all 40 videos"):
        SingleInstance(device="cpu").fit(X, labels)
    some = [set() if i < 8 else found for i, found in enumerate(labels)]
    SingleInstance(unlabelled="background", device="cpu").fit(X, some)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smoothing": 2}, "smoothing=2; expected an odd"),
        ({"smoothing": 0}, "smoothing"),
        ({"C": 0}, "C="),
        ({"quantile": 1.5}, "quantile="),
        ({"unlabelled": "drop"}, "unlabelled="),
    ],
)
def test_bad_arguments(data, given, said):
    with pytest.raises(ValueError, match=said):
        SingleInstance(**given).fit(*data)


def test_another_smoothing_needs_a_fit(data, model):
    changed = pickle.loads(pickle.dumps(model)).set_params(smoothing=5)
    with pytest.raises(ValueError, match=r"smoothing=5, but .* trained with smoothing=3"):
        changed.predict(data[0])


@pytest.mark.slow
def test_search_pipeline_report_and_displays(videos, tmp_path):
    X, y = videos
    pipeline = make_pipeline(ClipWise(StandardScaler()), SingleInstance(device="cpu"))
    grid = {"singleinstance__quantile": [0.1, 0.5, 0.7], "singleinstance__C": [0.01, 1.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.score(X, y) == pytest.approx(localization_map(y, search.predict(X)))
    assert report(search, X[:5], y[:5], tmp_path / "page.html").is_file()
    CASDisplay.from_estimator(search, X, y, video=0)
    QuantileCurveDisplay.from_estimator(search, X, y)


def test_saved_it_is_the_same(data, model, tmp_path):
    X, _ = data
    copies = [
        pickle.loads(pickle.dumps(model)),
        load_safetensors(save_safetensors(model, tmp_path / "model.safetensors")),
    ]
    for again in copies:
        assert again.predict(X) == model.predict(X)
        np.testing.assert_array_equal(again.coef_, model.coef_)
        assert again.n_iter_ == model.n_iter_


def test_a_few_rows_make_a_clip(data):
    X, y = data
    model = SingleInstance(frames_per_clip=4, device="cpu").fit(X, y)
    assert [len(v) for v in model.transform(X)] == (-(-X.lengths // 4)).tolist()
    assert localization_map(y, model.predict(X), 0.1) > 0
