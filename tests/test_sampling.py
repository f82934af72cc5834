import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from sklearn_asn._training.bags import Bags
from sklearn_asn._training.sampling import (
    BagBatches,
    ClipBlocks,
    balanced_batches,
    sample_clips,
    sample_rows,
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 9), st.integers(0, 99))
def test_sampled_clips_are_different_and_inside(n_clips, size, seed):
    n_clips = np.array(n_clips)
    chosen = sample_clips(n_clips, size, np.random.default_rng(seed))
    for n, row in zip(n_clips, chosen, strict=True):
        taken = row[row >= 0]
        assert len(taken) == min(n, size)
        assert len(set(taken)) == len(taken)
        assert taken.max() < n
        assert np.all(row[len(taken) :] == -1)


def test_every_set_of_clips_is_equally_likely():
    chosen = sample_clips(np.full(60_000, 5), 2, np.random.default_rng(0))
    pairs = np.sort(chosen, axis=1) @ [5, 1]
    counts = np.unique(pairs, return_counts=True)[1]
    assert len(counts) == 10
    assert chisquare(counts).pvalue > 1e-4


def test_sampled_rows_lie_one_in_each_part():
    rng = np.random.default_rng(0)
    start, stop = np.full(2000, 10), np.full(2000, 16)
    rows = sample_rows(start, stop, 3, rng)
    for part in range(3):
        assert set(rows[:, part]) == {10 + 2 * part, 11 + 2 * part}
    short = sample_rows(np.array([4]), np.array([5]), 3, rng)
    assert short.tolist() == [[4, 4, 4]]


def test_batches_hold_every_video_once_and_are_balanced():
    batches = balanced_batches(np.arange(23), 5, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(23))
    assert {len(b) for b in batches} == {4, 5}


def make_bags(lengths, frames_per_clip=1, trimmed=None, dtype=np.float32):
    lengths = np.array(lengths)
    values = np.random.default_rng(0).normal(size=(lengths.sum(), 4)).astype(dtype)
    target = np.eye(3, dtype=np.float32)[np.arange(len(lengths)) % 3]
    return Bags(values, lengths, slice(1, 4), frames_per_clip, target, trimmed=trimmed)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_clips_are_means_of_their_rows(dtype):
    bags = make_bags([5, 3], frames_per_clip=2, dtype=dtype)
    v = bags.values[:, 1:].astype(np.float32)
    want = [v[0:2].mean(0), v[2:4].mean(0), v[4], v[5:7].mean(0), v[7]]
    blocks = [x.numpy() for x, _ in ClipBlocks(bags, batch_size=2)]
    np.testing.assert_allclose(np.concatenate(blocks), want, rtol=1e-6)
    np.testing.assert_allclose(bags[1], want[3:], rtol=1e-6)


def test_training_batches_take_seven_clips_or_one():
    trimmed = np.arange(20) >= 12
    bags = make_bags([9] * 12 + [4] * 8, trimmed=trimmed)
    batches = BagBatches(bags, 5, 3, clips_per_video=7, frames_sampled=3, seed=0)
    seen = []
    for x, known in batches:
        assert x.shape[1] in (1, 7)
        assert len(x) <= (3 if x.shape[1] == 1 else 5)
        assert known["valid"].all()
        for video in x.numpy():  # every clip is a row of one video, none twice
            rows = [int(np.flatnonzero((bags.values[:, 1:] == c).all(1))[0]) for c in video]
            assert len(set(rows)) == len(rows)
            owner = np.searchsorted(bags.offsets, rows, side="right") - 1
            assert len(set(owner)) == 1
            assert trimmed[owner[0]] == (x.shape[1] == 1)
            seen.append(owner[0])
    assert sorted(seen) == list(range(20))


def test_short_videos_are_masked_not_padded_with_repeats():
    bags = make_bags([2, 9])
    ((x, known),) = BagBatches(bags, 5, 5, clips_per_video=7, frames_sampled=3, seed=0)
    counts = sorted(known["valid"].sum(1).tolist())
    assert counts == [2, 7]
    assert x.shape == (2, 7, 3)


def test_training_averages_sampled_rows():
    bags = make_bags([12], frames_per_clip=6)
    batches = BagBatches(bags, 5, 5, clips_per_video=7, frames_sampled=3, seed=0)
    ((x, _),) = batches
    v = bags.values[:, 1:]
    for clip in x[0].numpy():
        options = [
            np.mean([v[s + a], v[s + 2 + b], v[s + 4 + c]], axis=0)
            for s in (0, 6)
            for a in (0, 1)
            for b in (0, 1)
            for c in (0, 1)
        ]
        assert np.abs(np.array(options) - clip).max(axis=1).min() < 1e-6


def test_columns_need_not_be_consecutive():
    values = np.arange(12, dtype=np.float64).reshape(3, 4)
    bags = Bags(values, np.array([3]), np.array([3, 0]))
    np.testing.assert_array_equal(bags.clips(0, 3), values[:, [3, 0]])
    np.testing.assert_array_equal(bags.gather(np.array([[2], [0]])), values[[2, 0]][:, [3, 0]])
