"""AutoLoc's boundary regressor: contrast and gradient, training, use, persistence."""

import io

import joblib
import numpy as np
import pytest
import torch
from helpers.checks import run_check
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_asn import ASNLocalizer, Clips, ClipWise, Segments
from sklearn_asn.metrics import localization_map
from sklearn_asn.rivals import UntrimmedNet
from sklearn_asn.rivals._boundary import (
    WIDTH_LIMIT,
    BoundaryRegressor,
    Rule,
    best_boxes,
    box_contrast,
    move_anchors,
)
from sklearn_asn.rivals.autoloc import AutoLoc
from sklearn_asn.selection import AutoLocSelection

LOCALIZER = ASNLocalizer("temporal", max_epochs=15, batch_size=16, device="cpu", random_state=0)
FAST = {"hidden_size": 8, "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def data(videos):
    X, y = videos
    return ClipWise(StandardScaler()).fit_transform(X), y


@pytest.fixture(scope="module")
def frozen(data):
    return FrozenEstimator(clone(LOCALIZER).fit(*data))


@pytest.fixture(scope="module")
def model(data, frozen):
    return AutoLoc(frozen, **FAST).fit(*data)


def numpy_contrast(cas, start, end, outer_weight, inflation, extent):
    """The same number by the overlap of every clip with box and ring."""
    t = np.arange(len(cas))

    def covered(a, b):
        a, b = np.clip([a, b], 0, extent)
        part = np.clip(np.minimum(b, t + 1) - np.maximum(a, t), 0, None)
        return part @ cas, part.sum()

    margin = max(inflation * (end - start), 1)
    inner, length = covered(start, end)
    sides = [covered(start - margin, start), covered(end, end + margin)]
    ring, ring_length = np.sum(sides, axis=0)
    return inner / length - (outer_weight * ring / ring_length if ring_length > 0 else 0)


@pytest.mark.parametrize("seed", range(4))
def test_contrast_is_that_of_overlaps(seed):
    rng = np.random.default_rng(seed)
    cas = rng.random((12, 2)) * (rng.random((12, 1)) > 0.3)
    start = rng.uniform(-4, 11, 50)
    end = np.maximum(start, 0) + rng.uniform(0.1, 14, 50)
    label = rng.integers(2, size=50)
    given = [torch.from_numpy(v) for v in (cas, label, start, end)]
    got = box_contrast(*given, 11.4, 2.0, 0.35).numpy()
    want = [
        numpy_contrast(cas[:, k], a, b, 2.0, 0.35, 11.4)
        for k, a, b in zip(label, start, end, strict=True)
    ]
    np.testing.assert_allclose(got, want, atol=1e-9)


def test_contrast_of_whole_videos_and_of_boxes_outside():
    cas = torch.ones(3, 1, dtype=torch.float64)
    start, end = torch.tensor([0.0, 3.0, -5.0]), torch.tensor([3.0, 8.0, 0.0])
    contrast = box_contrast(cas, torch.zeros(3, dtype=torch.int64), start, end, 3.0, 1.0, 0.25)
    assert contrast.tolist() == [1.0, -np.inf, -np.inf]


def test_gradient_of_contrast_is_that_of_finite_differences():
    rng = np.random.default_rng(0)
    cas = torch.from_numpy(rng.random((20, 2)))
    clip, label = torch.tensor([1, 9, 18]), torch.tensor([[0], [1], [0]])
    scales = torch.tensor([2, 4, 8])
    moves = torch.from_numpy(rng.normal(0, 0.2, (3, 3, 2))).requires_grad_()

    def contrast(moves):
        return box_contrast(cas, label, *move_anchors(moves, clip, scales), 20.0, 2.0, 0.35)

    assert torch.autograd.gradcheck(contrast, moves)
    # without a ring: the CAS at the end minus the mean, over the length
    start, end = torch.tensor([4.3], dtype=torch.float64), torch.tensor([8.6], dtype=torch.float64)
    end.requires_grad_()
    mean = box_contrast(cas, label[0], start, end, 20.0, 0.0, 0.25)
    mean.backward()
    assert end.grad.item() == pytest.approx((cas[8, 0] - mean.item()).item() / 4.3)


def test_widths_are_limited():
    moves = torch.tensor([[[0.0, 50.0], [0.0, -50.0]]], dtype=torch.float64)
    start, end = move_anchors(moves, torch.tensor([3]), torch.tensor([4, 4]))
    np.testing.assert_allclose(
        (end - start).numpy()[0], [4 * np.exp(WIDTH_LIMIT), 4 * np.exp(-WIDTH_LIMIT)]
    )


def test_best_boxes_at_rest_by_loops():
    rng = np.random.default_rng(1)
    cas = np.where(rng.random((30, 3)) > 0.5, rng.random((30, 3)), 0)
    rule = Rule(np.array([1, 2, 4, 8]), 1.5, 0.3, 0.2, -0.1)
    found = best_boxes(torch.zeros(30, 4, 2).double(), torch.from_numpy(cas), 30.0, rule)
    want = []
    for t, k in np.argwhere(cas > 0.2):
        boxes = [(t + 0.5 - s / 2, t + 0.5 + s / 2) for s in (1, 2, 4, 8)]
        contrast = [numpy_contrast(cas[:, k], *box, 1.5, 0.3, 30) for box in boxes]
        best = int(np.argmax(np.round(contrast, 12)))
        if contrast[best] > -0.1:
            want.append([k, *np.clip(boxes[best], 0, 30), contrast[best]])
    np.testing.assert_allclose(np.stack(found, axis=1), want, atol=1e-9)


def at_rest(model):
    """Return a copy of which the regressor moves nothing."""
    still = joblib.load(dumped(model))
    for name in ("head.weight", "head.bias"):
        still.model_.weights[name][:] = 0
    return still


def dumped(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("nms_threshold", [0.4, None])
def test_at_rest_it_is_the_selection_without_offsets(data, frozen, nms_threshold):
    """For odd scales, whose anchors are whole clips."""
    X, y = data
    settings = {
        "scales": (1, 3, 5, 9),
        "outer_weight": 2.0,
        "inflation": 0.35,
        "video_weight": 0.2,
        "nms_threshold": nms_threshold,
    }
    still = at_rest(AutoLoc(frozen, **settings, **FAST).fit(X, y))
    selection = AutoLocSelection(offsets=(0.0,), **settings)
    want = clone(LOCALIZER).set_params(selection=selection).fit(X, y).predict(X)
    got = still.predict(X)
    np.testing.assert_array_equal(got.offsets, want.offsets)
    for name in ("start", "end", "score"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), atol=1e-6)
    np.testing.assert_array_equal(got.label, want.label)


@pytest.mark.slow
def test_training_raises_contrast(data, frozen):
    X, y = data
    still = AutoLoc(frozen, lr=0.0, **FAST).fit(X, y)
    trained = AutoLoc(frozen, lr=0.05, max_epochs=10, **FAST).fit(X, y)
    loss = [record["train_loss"] for record in trained.history_]
    assert len(loss) == trained.n_iter_ == 10
    assert loss[-1] < still.history_[0]["train_loss"] - 0.02
    contrast = [m.set_params(nms_threshold=None).predict(X).score.mean() for m in (still, trained)]
    assert contrast[1] > contrast[0] + 0.02


@pytest.mark.slow
def test_decay_stops_training(data, frozen):
    X, y = data
    once, often = (
        AutoLoc(frozen, lr=0.05, max_epochs=3, lr_decay_steps=steps, **FAST).fit(X, y)
        for steps in (None, 1)
    )
    fresh = AutoLoc(frozen, lr=0.0, max_epochs=3, **FAST).fit(X, y)

    def distance(model):
        return np.abs(
            model.model_.weights["head.weight"] - fresh.model_.weights["head.weight"]
        ).max()

    assert 0 < distance(often) < distance(once)


@pytest.mark.slow
def test_finds_actions_from_labels_alone(data):
    X, y = data
    labels = [{s.label for s in video} for video in y]
    localizer = UntrimmedNet(max_epochs=40, batch_size=16, device="cpu")
    model = AutoLoc(localizer, scales=(8, 16, 32), max_epochs=5, **FAST).fit(X, labels)
    everywhere = Segments.from_list(
        [[(k, *span, 1.0) for k in model.classes_] for span in X.spans.tolist()], ids=X.ids
    )
    found = model.predict(X)
    assert localization_map(y, found, 0.1) > 2 * localization_map(y, everywhere, 0.1)
    assert model.score(X, y) == localization_map(y, found, 0.5)
    assert np.all(found.start >= X.spans[found.video, 0])
    assert np.all(found.end <= X.spans[found.video, 1] + 1e-9)


@pytest.mark.slow
def test_weak_supervision_seeds_and_global_generators(data, numpy_state):
    """Times are never read, equal seeds give equal bits, and nothing global moves."""
    X, y = data
    moved = Segments(y.offsets, y.label, y.start + 1, y.end + 2, ids=y.ids)
    before = numpy_state(), torch.get_rng_state()
    model = AutoLoc(clone(LOCALIZER).set_params(random_state=None, max_epochs=2), **FAST)
    a, b = clone(model).fit(X, y), clone(model).fit(X, moved)
    assert model.localizer.random_state is None
    for name, weights in a.model_.weights.items():
        np.testing.assert_array_equal(weights, b.model_.weights[name])
    assert a.history_ == b.history_
    assert a.predict(X) == b.predict(X)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert a.predict(X) != other.predict(X)
    np.testing.assert_array_equal(before[0], numpy_state())
    assert torch.equal(before[1], torch.get_rng_state())


def test_round_trip(data, model):
    X, _ = data
    again = joblib.load(dumped(model))
    assert "_net" not in again.__dict__
    assert again.predict(X) == model.predict(X)
    assert isinstance(again.net_, BoundaryRegressor)
    assert again.history_ == model.history_
    assert all(type(v) is np.ndarray for v in again.model_.weights.values())


def test_delegates_to_the_localizer(data, frozen, model):
    X, _ = data
    localizer = frozen.estimator
    assert model.localizer_ is localizer
    for method in ("transform", "attention"):
        for a, b in zip(getattr(model, method)(X), getattr(localizer, method)(X), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.predict_proba(X), localizer.predict_proba(X))
    np.testing.assert_array_equal(model.decision_function(X), localizer.decision_function(X))
    assert list(model.classes_) == list(localizer.classes_) == list(model.get_feature_names_out())


def test_rows_averaged_into_clips_stay_inside_their_video(data):
    """Also where the last clip is a part of one."""
    X, y = data
    localizer = clone(LOCALIZER).set_params(frames_per_clip=4)
    found = AutoLoc(localizer, min_contrast=-1.0, nms_threshold=None, **FAST).fit(X, y).predict(X)
    assert np.any(X.lengths % 4)
    assert np.all(found.end <= X.spans[found.video, 1] + 1e-9)
    assert np.any(np.isclose(found.end, X.spans[found.video, 1]))


def test_weights_and_trimmed_videos(data, frozen):
    X, y = data
    rng = np.random.default_rng(0)
    drop = rng.random(len(X)) < 0.5
    weighted = AutoLoc(frozen, **FAST).fit(X, y, sample_weight=(~drop).astype(float))
    trimmed = AutoLoc(frozen, **FAST).fit(X, y, trimmed=drop)
    alone = AutoLoc(frozen, **FAST).fit(X, y)
    assert weighted.history_ == trimmed.history_ != alone.history_
    with pytest.warns(UserWarning, match="No video proposes a box to learn from"):
        AutoLoc(frozen, min_activation=2.0, **FAST).fit(X, y)


def test_in_a_pipeline_with_the_default_localizer(videos):
    X, y = videos[0][:6], videos[1][:6]
    model = make_pipeline(ClipWise(StandardScaler()), AutoLoc(**FAST)).fit(X, y)
    assert type(model[-1].localizer_).__name__ == "UntrimmedNet"
    assert len(model.predict(X)) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scales": ()}, r"scales=\(\)"),
        ({"scales": (1, 0)}, "scales=0"),
        ({"scales": "16"}, "scales='16'"),
        ({"inflation": -1}, "inflation=-1"),
        ({"min_activation": -0.1}, "min_activation=-0.1"),
        ({"nms_threshold": 2}, "nms_threshold=2"),
        ({"outer_weight": None}, "outer_weight=None"),
        ({"min_contrast": np.nan}, "min_contrast=nan"),
        ({"video_weight": "x"}, "video_weight='x'"),
        ({"hidden_size": 0}, "hidden_size=0"),
        ({"max_epochs": 0}, "max_epochs=0"),
        ({"lr": -1}, "lr=-1"),
        ({"lr_decay_steps": 0}, "lr_decay_steps=0"),
        ({"device": "abacus"}, "device='abacus'"),
        ({"localizer": StandardScaler()}, r"localizer=StandardScaler\(\)"),
        ({"localizer": AutoLoc()}, r"localizer=AutoLoc\(\)"),
        ({"localizer": FrozenEstimator(ASNLocalizer())}, "localizer is frozen, but not fitted"),
    ],
)
def test_bad_parameters(data, change, message):
    model = AutoLoc(LOCALIZER).set_params(**change)
    with pytest.raises(ValueError, match=message):
        model.fit(data[0][:6], data[1][:6])
    assert not hasattr(model, "classes_")


def test_an_error_in_fit_changes_nothing(data, model):
    X, y = data
    model = joblib.load(dumped(model))
    before = model.predict(X)
    with pytest.raises(ValueError, match="entries for 3"):
        model.fit(X, y[:3])
    narrow = Clips.from_list([video[:, :4] for video in X], feature_names=X.feature_names[:4])
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(narrow, y)  # the frozen localizer was fitted on more
    params = {name: model.get_params()[name] for name in ("lr", "max_epochs")}
    model.set_params(lr=1e30, max_epochs=2)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="smaller lr"):
        model.fit(X, y)
    model.set_params(**params)
    assert model.predict(X) == before
    model.set_params(nms_threshold=7)
    with pytest.raises(ValueError, match="nms_threshold=7"):
        model.predict(X)


@pytest.mark.slow
@parametrize_with_checks([AutoLoc(ASNLocalizer("temporal", max_epochs=2), hidden_size=4)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_estimator(estimator, check):
    run_check(estimator, check)
