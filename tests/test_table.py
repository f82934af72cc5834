import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn._disk.mapped import MappedFile
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
    folder = tmp_path / "joblib_memmapping_folder_1"
    folder.mkdir(exist_ok=True)
    np.save(folder / "x.npy", VALUES.astype(np.float32))
    yield "shared by joblib", np.load(folder / "x.npy", mmap_mode="r")


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


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "x.npy"
    np.save(path, VALUES.astype(np.float32))
    return np.load(path, mmap_mode="r")


@settings(max_examples=50, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 20)), max_size=12),
    octets=st.sampled_from([1, 200, 2**21]),
    long_run=st.sampled_from([0, 2**16]),
)
def test_runs_of_a_file_in_any_order(mapped, runs, octets, long_run):
    index = np.concatenate([np.arange(i, min(i + n, 40)) for i, n in [*runs, (0, 0)]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn_asn._training.table._OCTETS_AT_ONCE", octets)
        patch.setattr("sklearn_asn._training.table._LONG_RUN", long_run)
        for columns in (slice(0, 12), slice(3, 9), np.array([4, 1])):
            got = Table(mapped, columns).rows(index)
            np.testing.assert_array_equal(got, mapped[index][:, columns])


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


@pytest.mark.slow
def test_what_joblib_shows_to_its_processes_is_in_memory(tmp_path):
    """Its files are read like memory, and no key of a cache: their names change every time."""
    assert (
        joblib.Parallel(2, max_nbytes=1)([joblib.delayed(MappedFile.of)(VALUES)] * 2) == [None] * 2
    )
    shared = dict(layouts(tmp_path))["shared by joblib"]
    memory = Table(VALUES.astype(np.float32), slice(0, 12))
    assert Table(shared, slice(0, 12)).fingerprint() == memory.fingerprint()
