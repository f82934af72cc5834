"""Every criterion against a few lines of plain numpy, video by video."""

import math

import numpy as np
import pytest
import torch

from sklearn_asn._training.criteria import (
    CoActivity,
    MixtureCrossEntropy,
    PooledCrossEntropy,
    SparseSigmoid,
)

rng = np.random.default_rng(0)
N, K, C, D = 5, 6, 3, 4
ACTIVATIONS, FEATURES = rng.normal(size=(N, K, 1, C)), rng.normal(size=(N, K, D))
ATTENTION = rng.normal(size=(N, K, 1))
LENGTHS = np.array([6, 3, 1, 5, 4])
TARGET = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]])
WEIGHT = np.array([1.0, 2.0, 1.0, 1.0, 3.0])
KNOWN = {
    "target": torch.tensor(TARGET),
    "weight": torch.tensor(WEIGHT),
    "valid": torch.tensor(np.arange(K) < LENGTHS[:, None]),
}
SCORED = tuple(torch.tensor(a) for a in (ACTIVATIONS, ATTENTION, FEATURES))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def videos():
    for v in range(N):
        yield ACTIVATIONS[v, : LENGTHS[v], 0], ATTENTION[v, : LENGTHS[v], 0], TARGET[v]


def mean(losses):
    return np.average(losses, weights=WEIGHT)


def entropy(y, p):
    return -(y * np.log(p)).sum()


def test_attention_pooling_is_equation_3():
    want = mean([entropy(y, softmax(softmax(a) @ x)) for x, a, y in videos()])
    assert PooledCrossEntropy()(SCORED, KNOWN).item() == pytest.approx(want)


@pytest.mark.parametrize("divisor", [2, 7 / 3, 8])
def test_top_k_pooling(divisor):
    def top(x):
        return -np.sort(-x, axis=0)[: math.ceil(len(x) / divisor)]

    want = mean([entropy(y, softmax(top(x).mean(axis=0))) for x, _, y in videos()])
    assert PooledCrossEntropy("topk", divisor)(SCORED, KNOWN).item() == pytest.approx(want)


def test_untrimmednet_averages_probabilities():
    want = mean([entropy(y, softmax(a) @ softmax(x)) for x, a, y in videos()])
    assert MixtureCrossEntropy()(SCORED, KNOWN).item() == pytest.approx(want)


def test_stpn_is_binary_cross_entropy_with_a_sparse_gate():
    losses = []
    for x, a, y in videos():
        p = sigmoid((sigmoid(a)[:, None] * x).mean(axis=0))
        bce = -np.where(y > 0, np.log(p), np.log(1 - p)).mean() if y.any() else 0.0
        losses.append(bce + 0.1 * sigmoid(a).mean())
    assert SparseSigmoid(0.1)(SCORED, KNOWN).item() == pytest.approx(mean(losses))


def test_co_activity_ranks_every_pair_of_videos_that_share_a_class():
    def distance(u, v):
        return 1 - u @ v / np.linalg.norm(u) / np.linalg.norm(v)

    regions = {}
    for v, (x, _, y) in enumerate(videos()):
        for c in np.flatnonzero(y):
            if len(x) > 1:  # a video of one clip has no inactive rest
                high = softmax(x[:, c])
                f = FEATURES[v, : len(x)]
                regions[v, c] = high @ f, (1 - high) / (len(x) - 1) @ f
    hinges = [
        max(
            0, distance(regions[a][0], regions[b][0]) - distance(regions[a][0], regions[b][1]) + 0.5
        )
        for a in regions
        for b in regions
        if a[1] == b[1] and a[0] != b[0]
    ]
    assert len(hinges) == 6  # videos 0, 1, 4 share class 0; video 1 alone has class 1
    loss = CoActivity(8, co_activity=1.0, margin=0.5)
    assert loss(SCORED, KNOWN).item() == pytest.approx(np.mean(hinges))
    both = CoActivity(8, co_activity=0.25)(SCORED, KNOWN).item()
    want = 0.25 * np.mean(hinges) + 0.75 * PooledCrossEntropy("topk", 8)(SCORED, KNOWN).item()
    assert both == pytest.approx(want)


def test_co_activity_without_pairs_is_zero():
    alone = {key: value[:1] for key, value in KNOWN.items()}
    loss = CoActivity(8, co_activity=1.0)(tuple(part[:1] for part in SCORED), alone)
    assert loss.item() == 0.0


@pytest.mark.parametrize(
    "loss", [PooledCrossEntropy(), PooledCrossEntropy("topk", 2), MixtureCrossEntropy(),
             SparseSigmoid(), CoActivity(2)],
    ids=lambda loss: type(loss).__name__,
)  # fmt: skip
def test_gradients_are_finite_and_clips_that_are_not_there_have_none(loss):
    leaves = [part.clone().requires_grad_() for part in SCORED]
    loss(tuple(leaves), KNOWN).backward()
    for leaf in leaves:
        if leaf.grad is not None:
            assert torch.isfinite(leaf.grad).all()
            assert not leaf.grad[~KNOWN["valid"]].any()
