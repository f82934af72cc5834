import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn._training.table import Table

VALUES = np.random.default_rng(0).normal(size=(40, 12))
COLUMNS = [
    slice(0, 12),
    slice(3, 9),
    np.r_[6:12, 0:6],
    np.array([4, 1]),
    np.arange(0, 12, 2)[::-1],
    np.random.default_rng(1).permutation(12),
]


def layouts(tmp_path):
    np.save(tmp_path / "x.npy", VALUES.astype(np.float32))
    np.save(tmp_path / "half.npy", VALUES.astype(np.float16))
    yield "float32", VALUES.astype(np.float32)
    yield "float64", VALUES
    yield "float16", VALUES.astype(np.float16)
    yield "big-endian", VALUES.astype(">f4")
    yield "columns first", np.asfortranarray(VALUES.astype(np.float32))
    yield "reversed", VALUES.astype(np.float32)[::-1]
    read_only = VALUES.astype(np.float32)
    read_only.flags.writeable = False
    yield "read-only", read_only
    yield "file", np.load(tmp_path / "x.npy", mmap_mode="r")
    yield "float16 file", np.load(tmp_path / "half.npy", mmap_mode="r")
    yield "part of a file", np.load(tmp_path / "x.npy", mmap_mode="r")[5:]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_rows_and_blocks_are_those_of_numpy(tmp_path, columns):
    for name, values in layouts(tmp_path):
        table = Table(values, columns)
        index = np.array([7, 0, 30, 7, 29])
        for got, want in [
            (table.rows(index), values[index][:, columns]),
            (table.block(3, 20), values[3:20][:, columns]),
            (table.rows(index[:0]), values[:0][:, columns]),
        ]:
            assert got.dtype == torch.float32, name
            np.testing.assert_array_equal(got.numpy(), want.astype(np.float32), err_msg=name)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(12)), st.integers(1, 12))
def test_any_choice_of_columns(order, n):
    columns = np.array(order[:n])
    table = Table(VALUES, columns)
    assert table.n_columns == n
    np.testing.assert_array_equal(
        table.rows(np.array([5, 2])).numpy(), VALUES[[5, 2]][:, columns].astype(np.float32)
    )


def test_a_fingerprint_is_of_the_content_or_of_the_file(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    memory = Table(VALUES, slice(0, 12)).fingerprint()
    assert Table(VALUES.copy(), slice(0, 12)).fingerprint() == memory
    assert Table(np.asfortranarray(VALUES), slice(0, 12)).fingerprint() == memory
    assert Table(VALUES + 1e-9, slice(0, 12)).fingerprint() != memory
    assert Table(VALUES.reshape(12, 40), slice(0, 12)).fingerprint() != memory
    file = Table(np.load(tmp_path / "x.npy", mmap_mode="r"), slice(0, 12)).fingerprint()
    assert str(tmp_path / "x.npy") in file
