import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn._localizers import cas

OFFSETS = np.array([0, 4, 5, 9])
rng = np.random.default_rng(0)
ACTIVATIONS = rng.normal(size=(9, 2, 3))
ATTENTION = rng.normal(size=(9, 2)) * 3


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def test_pooling_is_the_attention_average_of_each_video():
    got = cas.pool_videos(ACTIVATIONS, ATTENTION, OFFSETS, 3.0)
    for v, (a, b) in enumerate(itertools.pairwise(OFFSETS)):
        for m in range(2):
            share = softmax(ATTENTION[a:b, m] / 3)
            np.testing.assert_allclose(got[v, m], share @ ACTIVATIONS[a:b, m])


def test_softened_attention_example_of_untrimmednet():
    one_hot = np.eye(3)[:, None, :]
    got = cas.pool_videos(one_hot, np.array([[1.0], [2.0], [4.0]]), np.array([0, 3]), 3.0)
    np.testing.assert_allclose(got[0, 0], [0.1955, 0.2729, 0.5315], atol=5e-5)


def test_video_scores_average_the_softmaxes_of_both_streams():
    pooled = cas.pool_videos(ACTIVATIONS, ATTENTION, OFFSETS, 3.0)
    want = [(softmax(p[0]) + softmax(p[1])) / 2 for p in pooled]
    np.testing.assert_allclose(cas.video_scores(pooled), want)


def test_cas_in_three_steps():
    scores = np.array([[0.7, 0.2, 0.1], [0.05, 0.03, 0.02], [0.09, 0.9, 0.01]])
    active = np.array([1, 0, 1, 1, 1, 0, 1, 1, 0], dtype=bool)
    clip_scores = cas.softmax(ACTIVATIONS).mean(axis=1)
    got = cas.class_activation_sequence(
        clip_scores, cas.passing_classes(scores, 0.1), OFFSETS, active[:, None]
    )
    passing = [{0, 1}, {0}, {1}]  # video 1: none passes, so the best one
    for v, (a, b) in enumerate(itertools.pairwise(OFFSETS)):
        for i in range(a, b):
            for c in range(3):
                both = (softmax(ACTIVATIONS[i, 0])[c] + softmax(ACTIVATIONS[i, 1])[c]) / 2
                want = both if c in passing[v] and active[i] else 0
                assert got[i, c] == pytest.approx(want)


def test_the_threshold_is_strict_for_videos():
    assert cas.passing_classes(np.array([[0.1, 0.2]]), 0.1).tolist() == [[False, True]]


def test_only_allowed_classes_pass_even_where_none_would():
    scores = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.01]])
    got = cas.passing_classes(scores, 0.1, np.array([False, True, True]))
    assert got.tolist() == [[False, True, True], [False, True, False]]


@pytest.mark.parametrize("divisor", [1, 2, 7 / 3, 8])
def test_top_pooling_averages_the_best_clips_of_each_class(divisor):
    got = cas.pool_top(ACTIVATIONS, OFFSETS, divisor)
    for v, (a, b) in enumerate(itertools.pairwise(OFFSETS)):
        k = math.ceil((b - a) / divisor)
        np.testing.assert_allclose(got[v], -np.sort(-ACTIVATIONS[a:b], axis=0)[:k].mean(axis=0))


def test_gated_pooling_is_the_mean_of_weighted_activations():
    got = cas.pool_gated(ACTIVATIONS, ATTENTION, OFFSETS)
    gate = 1 / (1 + np.exp(-ATTENTION))
    for v, (a, b) in enumerate(itertools.pairwise(OFFSETS)):
        np.testing.assert_allclose(got[v], (gate[a:b, :, None] * ACTIVATIONS[a:b]).mean(axis=0))


def test_level_is_the_highest_percent_that_is_reached():
    curve = np.linspace(0, 10, 101)[None]
    evidence = np.array([-1.0, 0.0, 0.05, 3.0, 99.0])[:, None, None]
    got = cas.quantile_level(evidence, curve)
    assert got[:, 0].tolist() == [-0.01, 0.0, 0.0, 0.3, 1.0]
    both = cas.quantile_level(np.full((1, 2, 1), 3.0), np.vstack([curve, curve / 2]))
    assert both.item() == pytest.approx((0.3 + 0.6) / 2)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=2),
    st.lists(st.floats(0.1, 50), min_size=2, max_size=2),
)
def test_relative_attention_is_the_papers_quotient_for_positive_thresholds(a, q):
    got = cas.relative_attention(np.array([a]), np.array(q))[0]
    assert got == pytest.approx(np.mean(np.array(a) / np.array(q)), rel=1e-6, abs=1e-6)


def test_relative_attention_rises_with_attention_whatever_the_sign():
    a = np.linspace(-5, 5, 50)[:, None]
    for q in (-2.0, 0.0, 3.0):
        got = cas.relative_attention(a, np.array([q]))
        assert np.all(np.diff(got) > 0)
        np.testing.assert_array_equal(got >= 1, a[:, 0] >= q)


def test_softmax_survives_large_logits():
    np.testing.assert_allclose(cas.softmax(np.array([[1e4, 0.0]])), [[1, 0]])


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
    st.sampled_from([1, 3, 8, 1000.0]),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=40, deadline=None)
def test_the_highest_of_few_videos_are_those_of_many_to_the_bit(lengths, divisor, kind):
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    activations = np.random.default_rng(0).normal(size=(offsets[-1], 2, 3)).round(1).astype(kind)
    few = cas.pool_top(activations, offsets, divisor)
    more = np.concatenate([activations, np.zeros((20, 2, 3), kind)])  # 20 videos of one clip
    many = cas.pool_top(more, np.concatenate([offsets, offsets[-1] + 1 + np.arange(20)]), divisor)
    assert few.dtype == kind
    np.testing.assert_array_equal(few, many[: len(few)])
