"""Localizers that train in a moment, and comparisons of what they learnt."""

import numpy as np
from numpy.testing import assert_array_equal

from sklearn_asn import ASNLocalizer

FAST = {"max_epochs": 5, "hidden_size": 8, "batch_size": 16, "random_state": 0, "device": "cpu"}


def fast(variant="bottleneck", **changes):
    return ASNLocalizer(variant, **{**FAST, **changes})


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def weights(estimator):
    return {k: v.numpy().copy() for k, v in estimator.net_.module_.state_dict().items()}


def assert_same_weights(a, b):
    a, b = weights(a), weights(b)
    assert a.keys() == b.keys()
    for name in a:
        assert_array_equal(a[name], b[name], err_msg=name)
