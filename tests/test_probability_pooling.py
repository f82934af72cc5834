"""A background column: what clips show, what videos say, against plain numpy."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from sklearn_asn import ASNLocalizer, Segment
from sklearn_asn._training.criteria import ProbabilityPooling
from sklearn_asn.selection import MultiThresholdSelection


def fast(**changes):
    given = {
        "variant": "fusion", "init": "scratch", "pooling": "probability", "context_layers": 1,
        "context_size": 8, "optimizer": "adamw", "lr": 5e-3, "lr_schedule": "cosine",
        "channel_dropout": True, "clips_per_video": None, "batch_size": 8, "max_epochs": 6,
        "random_state": 0,
    }  # fmt: skip
    return ASNLocalizer(**given | changes)


def plain_loss(logits, background, lengths, present, goal, taught, unlabelled):
    """The recipe: softmax over classes and background, top eighth, half a sum of two logs."""
    losses, counts = [], []
    for v, n in enumerate(lengths):
        z = np.concatenate([logits[v, :n], background[v, :n, None]], axis=1)
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        top = -np.sort(-p[:, :-1], axis=0)[: -(-n // 8)].mean(0)
        bce = -(present[v] * np.log(top) + (1 - present[v]) * np.log(1 - top)).sum()
        says = present[v].any() or unlabelled == "background"
        loss = 0.5 * bce * says
        if taught[v]:
            loss += -(goal[v, :n] * np.log(p)).sum(1).mean()
        losses.append(loss)
        counts.append(says or taught[v])
    return np.sum(losses) / np.sum(counts)


@pytest.mark.parametrize("unlabelled", ["ignore", "background"])
@pytest.mark.parametrize("teach", [False, True])
def test_the_loss_is_that_of_plain_numpy(unlabelled, teach):
    rng = np.random.default_rng(0)
    lengths = np.array([11, 3, 20, 8])
    logits, background = rng.normal(size=(4, 20, 3)) * 2, rng.normal(size=(4, 20))
    present = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]])
    goal = rng.dirichlet(np.ones(4), size=(4, 20))
    taught = np.array([1, 0, 0, 1]) * teach
    attention = np.log(np.exp(logits).sum(-1)) - background
    known = {
        "target": torch.tensor(present / np.maximum(present.sum(1, keepdims=True), 1)),
        "weight": torch.ones(4, dtype=torch.float64),
        "valid": torch.tensor(np.arange(20) < lengths[:, None]),
    }
    if teach:
        known |= {"clip_target": torch.tensor(goal), "taught": torch.tensor(taught)}
    scored = torch.tensor(logits)[:, :, None], torch.tensor(attention)[:, :, None]
    loss = ProbabilityPooling(8, unlabelled=unlabelled)(scored, known)
    want = plain_loss(logits, background, lengths, present, goal, taught, unlabelled)
    assert loss.item() == pytest.approx(want, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("class_activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("context_layers", [0, 2])
def test_attention_is_the_log_odds_of_not_being_background(
    videos, class_activation, context_layers
):
    X, y = videos
    model = fast(class_activation=class_activation, context_layers=context_layers).fit(X, y)
    model.set_params(selection=MultiThresholdSelection(), video_threshold=0.0, quantile=0.0)
    attention = np.concatenate(model.attention(X))
    p = np.concatenate(model.transform(X))  # nothing is below quantile 0 of its own training
    shown = p.sum(axis=1) if class_activation == "softmax" else 1 - np.prod(1 - p, axis=1)
    inside = p.any(axis=1)
    np.testing.assert_allclose(expit(attention)[inside], shown[inside], rtol=1e-3, atol=1e-5)
    curve = np.quantile(attention, [0.2, 0.5, 0.8])
    recorded = model.attention_quantiles_[[20, 50, 80]]
    assert np.all(np.abs(recorded - curve) < 2 * np.ptp(curve))  # a running one, with dropout


def test_videos_show_the_mean_of_their_best_clips(videos):
    X, y = videos
    model = fast().fit(X, y).set_params(quantile=0.0, video_threshold=0.0)
    for p, q in zip(model.transform(X), model.predict_proba(X), strict=True):
        top = -np.sort(-p, axis=0)[: -(-len(p) // 8)].mean(axis=0)
        np.testing.assert_allclose(q, top, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(expit(model.decision_function(X)), model.predict_proba(X), rtol=1e-4)


@pytest.mark.slow
def test_one_class_is_enough(videos):
    """Present or not: the commonest real case."""
    X, y = videos
    present = [[s for s in video if s.label == "class_0"] for video in y]
    model = fast(unlabelled="background", when_none_passes="nothing", max_epochs=30)
    model.set_params(selection=MultiThresholdSelection()).fit(X, present)
    assert model.classes_.tolist() == ["class_0"]
    assert model.predict_proba(X).shape == (len(X), 1)
    without = np.array([not video for video in present])
    chance = model.predict_proba(X)[:, 0]
    assert chance[~without].mean() > chance[without].mean() + 0.2
    found = model.predict(X)
    assert found.lengths[chance <= 0.1].sum() == 0
    with pytest.raises(ValueError, match="pooling='probability'"):
        fast(pooling="attention").fit(X, present)


def test_what_an_unlabelled_video_says_matters(videos):
    X, y = videos
    labels = [{s.label for s in video} for video in y]
    some = [v if i % 3 else set() for i, v in enumerate(labels)]
    ignored = fast().fit(X, some).predict_proba(X)
    empty = fast(unlabelled="background").fit(X, some).predict_proba(X)
    hidden = np.arange(len(X)) % 3 == 0
    assert empty[hidden].max(axis=1).mean() < ignored[hidden].max(axis=1).mean()


def test_where_no_class_passes(videos):
    X, y = videos
    model = fast().fit(X, y).set_params(video_threshold=1.0)
    assert np.all(model.predict(X).lengths > 0)
    model.set_params(video_threshold=0.999999, when_none_passes="nothing")
    with pytest.warns(UserWarning, match="no class scores above"):
        found = model.predict(X)
    assert not found.lengths.any()


@pytest.mark.slow
def test_no_times_are_read_unless_they_are_said_to_be_known(videos):
    X, y = videos
    rng = np.random.default_rng(0)
    moved = [[Segment(s.label, *np.sort(rng.random(2) * [1, 2]), np.nan) for s in v] for v in y]
    none = np.zeros(len(X), dtype=bool)
    a = fast().fit(X, y).attention(X)
    for model in (
        fast().fit(X, y, timed=none),
        fast().fit(X, moved),
        fast().fit(X, moved, timed=none),
    ):
        for one, other in zip(a, model.attention(X), strict=True):
            np.testing.assert_array_equal(one, other)
    known = none.copy()
    known[:10] = True
    b = fast().fit(X, y, timed=known).attention(X)
    c = fast().fit(X, moved, timed=known).attention(X)
    assert any(np.any(one != other) for one, other in zip(a, b, strict=True))
    assert any(np.any(one != other) for one, other in zip(b, c, strict=True))


@pytest.mark.slow
def test_all_times_are_full_supervision(videos):
    X, y = videos
    model = fast(max_epochs=20, selection=MultiThresholdSelection())
    weak = model.fit(X, y).score(X, y)
    full = model.fit(X, y, timed=np.ones(len(X), dtype=bool)).score(X, y)
    assert full > weak + 0.05


@pytest.mark.slow
def test_segments_of_some_videos_and_labels_of_the_others(videos):
    X, y = videos
    mixed = [list(v) if i < 10 else {s.label for s in v} for i, v in enumerate(y)]
    known = np.arange(len(X)) < 10
    a = fast().fit(X, mixed, timed=known).attention(X)
    b = fast().fit(X, y, timed=known).attention(X)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="timed is True for video 10"):
        fast().fit(X, mixed, timed=np.arange(len(X)) < 11)
    with pytest.raises(ValueError, match="timed needs a localizer that knows a background"):
        fast(pooling="topk").fit(X, y, timed=known)
