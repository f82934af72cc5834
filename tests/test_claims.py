"""Files that claim more than they hold, or that reach for other files: refused, and quickly."""

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from sklearn_asn._disk.claims import FREE, check_claim, check_npz
from sklearn_asn.datasets import (
    load_feature_folder,
    load_feature_hdf5,
    load_feature_object_array,
    load_ground_truth,
    load_hapt,
)

h5py = pytest.importorskip("h5py")
HUGE = (10**9, 1)  # 4 GB of float32


def npy_claiming(shape, data=b"\0" * 64):
    """A .npy whose header claims `shape` of float32."""
    head = io.BytesIO()
    form = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, form)
    return head.getvalue() + data


@pytest.fixture(autouse=True)
def little_memory():
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**27


def test_what_deflate_can_do_passes():
    check_claim(FREE, 0, "x")
    check_claim(2 * FREE, FREE // 500, "x")
    with pytest.raises(ValueError, match=r"x claims 134217728 octets, but 1000 are stored"):
        check_claim(2 * FREE, 1000, "x")


def test_npz_header(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_claiming(HUGE))
    assert path.stat().st_size < 1500
    with pytest.raises(ValueError, match=r"a\.npz: x\.npy claims 4000000000 octets"):
        load_feature_folder(tmp_path, pattern="*.npz")


def test_npz_member(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_claiming(HUGE))
    content = path.read_bytes()
    size = len(npy_claiming(HUGE)).to_bytes(4, "little")
    assert content.count(size) == 2  # before the member, and in the archive's directory
    path.write_bytes(content.replace(size, (4 * 10**9).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"a\.npz: x\.npy claims 4000000000 octets, but"):
        check_npz(path)


def test_npz_of_zeros_is_honest(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((20000, 50), np.float32))
    check_npz(tmp_path / "a.npz")
    assert load_feature_folder(tmp_path, pattern="*.npz").n_features == 50


def test_npy(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(npy_claiming(HUGE))
    with pytest.raises(ValueError, match=r"a\.npy"):
        load_feature_folder(tmp_path)
    path.write_bytes(npy_claiming((10**6, 10**3, 1)))
    with pytest.raises(ValueError, match=r"a\.npy claims 4000000000 octets of numbers"):
        load_feature_object_array(path, ids=["a"])


def test_ground_truth(tmp_path):
    for name in ("videoname", "segments", "labels"):
        (tmp_path / f"{name}.npy").write_bytes(npy_claiming((10**9,)))
    for allow in (False, True):
        with pytest.raises(ValueError, match=r"videoname\.npy claims 4000000000"):
            load_ground_truth(tmp_path, allow_pickle=allow)


def test_archives(tmp_path):
    path = tmp_path / "hapt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("RawData/labels.txt", b"1 1 1 1 1\n")
    content = path.read_bytes()
    size = (10).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (4 * 10**9).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"labels\.txt claims 4000000000 octets"):
        load_hapt(path)


def test_hdf5_of_chunks_that_are_not_there(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=HUGE, chunks=(1000, 1), dtype="f4", compression="gzip")
    assert path.stat().st_size < 20_000
    with pytest.raises(ValueError, match=r"a\.h5: a claims 4000000000 octets, but 0 are stored"):
        load_feature_hdf5(path)


def test_hdf5_of_one_huge_chunk(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        chunks = (10**9 // 4, 1)
        kind = {"maxshape": (None, 1), "chunks": chunks, "dtype": "f4"}
        file.create_dataset("a", shape=(4, 1), **kind)
    with pytest.raises(ValueError, match=r"a: a chunk claims 1000000000 octets"):
        load_feature_hdf5(path)


def test_hdf5_that_was_never_finished(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        half = file.create_dataset("a", shape=(8, 3), chunks=(4, 3), dtype="f4")
        half[:4] = 1
    with pytest.raises(ValueError, match="a has 1 of its 2 chunks: it was never finished"):
        load_feature_hdf5(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(8, 3), dtype="f4")
    with pytest.raises(ValueError, match="a was never written"):
        load_feature_hdf5(path)


@pytest.fixture
def secret(tmp_path):
    """Another file, whose bytes must never come as features."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones((4, 3), np.float32)
        file.create_group("g")["c3d"] = np.ones((4, 3), np.float32)
    return path


def test_hdf5_external_links(tmp_path, secret):
    path = tmp_path / "a.h5"
    for make in (
        {"a": h5py.ExternalLink(str(secret), "/a")},
        {"hidden": h5py.ExternalLink(str(secret), "/"), "a": h5py.SoftLink("/hidden/a")},
    ):
        with h5py.File(path, "w") as file:
            for name, link in make.items():
                file[name] = link
        with pytest.raises(ValueError, match=r"a is a link into another file, .*secret\.h5.*refus"):
            load_feature_hdf5(path, videos=["a"])
    for make in (
        {"a": h5py.ExternalLink(str(secret), "/g")},
        {"a/c3d": h5py.ExternalLink(str(secret), "/a")},
    ):
        with h5py.File(path, "w") as file:
            for name, link in make.items():
                file[name] = link
        with pytest.raises(ValueError, match=r"a/c3d is a link into another file"):
            load_feature_hdf5(path, dataset="c3d")


def test_hdf5_links_within_the_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["deep/one"] = np.ones((4, 3), np.float32)
        file["deep/two"] = h5py.SoftLink("one")
        file["v"] = h5py.SoftLink("/deep/two")
        file["loop"] = h5py.SoftLink("/loop")
    X = load_feature_hdf5(path, videos=["v"])
    assert X.values.sum() == 12
    with pytest.raises(ValueError, match=r"loop"):
        load_feature_hdf5(path, videos=["loop"])


def test_hdf5_external_and_virtual_storage(tmp_path, secret):
    path, raw = tmp_path / "a.h5", tmp_path / "passwd"
    raw.write_bytes(os.urandom(96))
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(4, 3), dtype="f8", external=[(str(raw), 0, 96)])
    with pytest.raises(ValueError, match="a keeps its numbers in another file"):
        load_feature_hdf5(path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "a", shape=(4, 3))
        file.create_virtual_dataset("a", layout)
    with pytest.raises(ValueError, match="a keeps its numbers in another file"):
        load_feature_hdf5(path)
