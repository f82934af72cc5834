from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping

from sklearn_asn._training.bags import Bags
from sklearn_asn._training.criteria import PooledCrossEntropy
from sklearn_asn._training.net import (
    build_net,
    export,
    rebuild,
    score_clips,
    train_net,
)
from sklearn_asn._training.network import Heads
from sklearn_asn._training.recipe import Plan

RECIPE = Plan(
    columns=(tuple(range(6)),),
    frames_per_clip=1,
    network={
        "variant": "temporal",
        "n_main": 6,
        "n_other": 0,
        "n_classes": 3,
        "hidden_size": 0,
        "dropout": 0.0,
        "heads": Heads(dropout=0.0),
    },
    criterion=PooledCrossEntropy,
    criterion_options={},
    sampling={"clips_per_video": 20, "frames_sampled": 1, "trimmed_batch_size": 100},
    optimizer="sgd",
    optimizer_options={"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    lr=0.1,
    lr_milestones=(0.5, 0.75),
    max_epochs=4,
    batch_size=100,
    gradient_clip=None,
    quantile_momentum=0.9,
)


def recipe(network=None, optimizer_options=None, **changes):
    changes["network"] = {**RECIPE.network, **(network or {})}
    changes["optimizer_options"] = {**RECIPE.optimizer_options, **(optimizer_options or {})}
    return replace(RECIPE, **changes)


def make_bags(weight=None, target=None):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 8, size=12)
    values = rng.normal(size=(lengths.sum(), 6)).astype(np.float32)
    if target is None:
        target = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
        target[0] = [0.5, 0.5, 0]
    return Bags(values, lengths, slice(0, 6), 1, target, weight)


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def loss_and_gradient(w, bags):
    """Equation 3 for one-layer heads, and its gradient, video by video in plain numpy."""
    loss, grad = 0.0, {k: np.zeros_like(v) for k, v in w.items()}
    n = len(bags)
    for v in range(n):
        x = bags.values[bags.offsets[v] : bags.offsets[v + 1]].astype(float)
        share = softmax(x @ w["attention"])
        per_clip = x @ w["weight"].T + w["bias"]
        pooled = share @ per_clip
        y = bags.target[v]
        p = softmax(pooled)
        loss -= (y * np.log(p)).sum() / n
        g = (y.sum() * p - y) / n  # d loss / d pooled
        grad["weight"] += np.outer(g, share @ x)
        grad["bias"] += g
        grad["attention"] += x.T @ (share * (per_clip @ g - pooled @ g))
    return loss, grad


def heads(weights):
    return {
        "weight": weights["models.0.classification.weight"].astype(float),
        "bias": weights["models.0.classification.bias"].astype(float),
        "attention": weights["models.0.attention.weight"][0].astype(float),
    }


def test_training_is_nesterov_descent_of_equation_3():
    """Four epochs of full batches against a hand-written optimizer: milestones at 2 and 3."""
    bags = make_bags()
    start = heads(export(fresh_net()).weights)
    trained = export(train_net(RECIPE, bags, seed=3))
    w, velocity, losses = start, None, []
    for epoch in range(4):
        lr = 0.1 * 0.1 ** ((epoch >= 2) + (epoch >= 3))
        loss, grad = loss_and_gradient(w, bags)
        losses.append(loss)
        grad = {k: grad[k] + 0.01 * w[k] for k in w}
        velocity = grad if velocity is None else {k: 0.9 * velocity[k] + grad[k] for k in w}
        w = {k: w[k] - lr * (grad[k] + 0.9 * velocity[k]) for k in w}
    for name, value in heads(trained.weights).items():
        np.testing.assert_allclose(value, w[name], atol=1e-5)
    np.testing.assert_allclose([e["train_loss"] for e in trained.history], losses, rtol=1e-5)


def fresh_net():
    net = build_net(RECIPE, 3, "cpu")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return net.initialize()


def test_quantiles_of_one_batch_are_those_of_its_clips():
    bags = make_bags()
    net = train_net(recipe(max_epochs=1), bags, seed=3)
    start = heads(export(fresh_net()).weights)
    bias = export(fresh_net()).weights["models.0.attention.bias"]
    attention = bags.values @ start["attention"] + bias
    want = np.quantile(attention, np.linspace(0, 1, 101))
    np.testing.assert_allclose(net.module_.attention_quantiles[0], want, atol=1e-5)


def test_masked_clips_do_not_count():
    known = {
        "target": torch.tensor([[1.0, 0.0]]),
        "weight": torch.ones(1),
        "valid": torch.tensor([[True, True, False]]),
    }
    activations, attention = torch.randn(1, 3, 1, 2), torch.randn(1, 3, 1)
    short = {**known, "valid": torch.ones(1, 2, dtype=torch.bool)}
    loss = PooledCrossEntropy()
    assert loss((activations, attention), known) == loss(
        (activations[:, :2], attention[:, :2]), short
    )


def test_a_video_without_labels_adds_no_gradient():
    bags = make_bags()
    bags.target[3] = 0
    with_empty = export(train_net(recipe(max_epochs=1), bags, seed=3)).weights
    x = bags.values.copy()
    x[bags.offsets[3] : bags.offsets[4]] += 5
    other = Bags(x, np.diff(bags.offsets), slice(0, 6), 1, bags.target)
    changed = export(train_net(recipe(max_epochs=1), other, seed=3)).weights
    np.testing.assert_allclose(
        with_empty["models.0.classification.weight"],
        changed["models.0.classification.weight"],
        rtol=1e-6,
    )
    assert not np.allclose(with_empty["attention_quantiles"], changed["attention_quantiles"])


def test_gradient_clip_limits_each_stream_alone():
    """Two-stream with clipping is what its streams are when trained alone."""
    bags = make_bags()
    both = Bags(
        np.hstack([bags.values, bags.values[:, ::-1] * 7]),
        np.diff(bags.offsets),
        slice(0, 12),
        1,
        bags.target,
    )
    clip = {"gradient_clip": 0.05, "max_epochs": 3}
    two = train_net(recipe({"variant": "two-stream", "n_other": 6}, **clip), both, seed=3)
    alone = train_net(recipe(**clip), bags, seed=3)
    for name, value in alone.module_.state_dict().items():
        if name.startswith("models.0"):
            torch.testing.assert_close(two.module_.state_dict()[name], value)
    free = train_net(recipe(max_epochs=3), bags, seed=3)
    assert not torch.allclose(
        free.module_.models[0].classification.weight, alone.module_.models[0].classification.weight
    )


def test_a_divergence_names_the_epoch_and_a_cure():
    bags = make_bags()
    bags.values[:] *= 1e4
    with pytest.raises(FloatingPointError, match=r"epoch \d+.*lr.*gradient_clip.*StandardScaler"):
        train_net(recipe(lr=1e30, max_epochs=5), bags, seed=0)


def test_the_last_step_is_checked_too():
    with pytest.raises(FloatingPointError, match="epoch 1"):
        train_net(
            recipe(optimizer_options={"weight_decay": 10.0}, lr=3e38, max_epochs=1),
            make_bags(),
            seed=0,
        )


def numpy_state():
    return np.random.get_state()[1].copy()  # noqa: NPY002


def test_global_generators_stay_as_they_were():
    before = torch.get_rng_state(), numpy_state()
    net = train_net(recipe({"heads": Heads(dropout=0.5)}), make_bags(), seed=0)
    rebuild(RECIPE, export(net), "cpu")
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], numpy_state())


def test_rebuilt_net_scores_alike_and_keeps_its_history():
    bags = make_bags()
    net = train_net(RECIPE, bags, seed=0)
    again = rebuild(RECIPE, export(net), "cpu")
    for a, b in zip(score_clips(net, bags), score_clips(again, bags), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.history[:, "train_loss"] == net.history[:, "train_loss"]


class Interrupt(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt


def test_keyboard_interrupt_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        train_net(RECIPE, make_bags(), 0, callbacks=[Interrupt()])


def test_callbacks_are_copied():
    stop = EarlyStopping("train_loss", patience=1, threshold=10.0, sink=lambda text: None)
    net = train_net(recipe(max_epochs=10), make_bags(), 0, callbacks=[("stop", stop)])
    assert len(net.history) < 10
    assert stop.misses_ == 0
