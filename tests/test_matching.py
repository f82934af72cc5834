import numpy as np
from helpers.metrics import iou
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn.metrics._matching import Intervals, overlapping_pairs, sort_order

KEYS = st.one_of(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30).map(
        lambda key: np.array(key, dtype=np.float64)
    ),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30).map(
        lambda key: np.array(key, dtype=np.int64)
    ),
)


@settings(max_examples=200, deadline=None)
@given(KEYS, st.integers(0, 2**32 - 1))
def test_sort_order_is_a_stable_lexsort(key, seed):
    rng = np.random.default_rng(seed)
    key = key[rng.integers(len(key), size=2 * len(key))] if len(key) else key  # with ties
    other = rng.choice([-1.5, -0.0, 0.0, 2.0], len(key))
    for keys in ((key,), (key, other), (other, key), (-other, key, other)):
        assert sort_order(*keys).tolist() == np.lexsort(keys).tolist()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_overlapping_pairs_are_all_pairs_that_overlap_enough(seed, min_tiou):
    rng = np.random.default_rng(seed)

    def intervals():
        n = int(rng.integers(0, 40))
        start = rng.integers(0, 30, n) * 0.1 + rng.choice([0.0, 0.0, 1e4])
        return Intervals(rng.integers(-1, 3, n), start, start + rng.integers(1, 30, n) * 0.1)

    left, right = intervals(), intervals()
    pairs = overlapping_pairs(left, right, min_tiou)
    want = {}
    for i, a in enumerate(zip(*left, strict=True)):
        for j, b in enumerate(zip(*right, strict=True)):
            value = iou(a, b)
            if a[0] == b[0] and value > 0 and value >= min_tiou:
                want[i, j] = value
    got = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
    assert dict(zip(got, pairs.tiou.tolist(), strict=True)) == want
