"""`load_feature_folder` on every kind of file in which features circulate."""

import pickle

import numpy as np
import pytest
import torch

from sklearn_asn.datasets import load_feature_folder

VIDEOS = {"a": np.arange(12.0).reshape(4, 3), "b": np.arange(6.0).reshape(2, 3) / 7}


class Malicious:
    def __reduce__(self):
        return (pytest.fail, ("code in a file was run",))


def csv_of(path, array, **how):
    np.savetxt(path, array, delimiter=",", fmt="%.17g", **how)


def safetensors_of(path, tensors):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    save_file({k: torch.tensor(v).contiguous() for k, v in tensors.items()}, path)


WRITERS = {
    ".npy": lambda path, x: np.save(path, x),
    ".npz": lambda path, x: np.savez_compressed(path, features=x),
    ".pt": lambda path, x: torch.save(torch.tensor(x), path),
    ".pth": lambda path, x: torch.save({"feats": torch.tensor(x)}, path),
    ".csv": lambda path, x: csv_of(path, x),
    ".safetensors": lambda path, x: safetensors_of(path, {"x": x}),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_kind_of_file(tmp_path, suffix):
    for video, array in VIDEOS.items():
        WRITERS[suffix](tmp_path / f"v_{video}{suffix}", array)
    X = load_feature_folder(tmp_path, pattern=f"v_*{suffix}")
    assert X.ids.tolist() == ["a", "b"]
    for video, array in zip(X, VIDEOS.values(), strict=True):
        np.testing.assert_array_equal(video, array)
    X = load_feature_folder(tmp_path, pattern=f"v_*{suffix}", dtype=np.float32)
    assert X.dtype == np.float32


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
@pytest.mark.parametrize(
    ("layout", "arrange"),
    [
        ("CT", lambda x: x.T),
        ("T1C", lambda x: x[:, None]),
        ("1tc", lambda x: x[None]),
        ("1CT", lambda x: x.T[None]),
        ("TC11", lambda x: x[:, :, None, None]),
    ],
)
def test_layouts(tmp_path, suffix, layout, arrange):
    for video, array in VIDEOS.items():
        WRITERS[suffix](tmp_path / f"{video}{suffix}", np.ascontiguousarray(arrange(array)))
    X = load_feature_folder(tmp_path, pattern=f"*{suffix}", layout=layout)
    for video, array in zip(X, VIDEOS.values(), strict=True):
        np.testing.assert_array_equal(video, array)
    if len(layout) > 2:
        with pytest.raises(ValueError, match=r"has shape .*; expected \(n_clips, n_features\)"):
            load_feature_folder(tmp_path, pattern=f"*{suffix}")


def test_a_layout_that_does_not_fit(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match=r"a.npy has shape \(4, 2, 3\); layout='T1C' wants 1"):
        load_feature_folder(tmp_path, layout="T1C")
    with pytest.raises(ValueError, match=r"shape \(4, 2, 3\); expected layout='CT'"):
        load_feature_folder(tmp_path, layout="CT")
    for layout in ("TT", "T", "TCC", "NTC", None, ""):
        with pytest.raises(ValueError, match=r"layout=.*; expected 'TC'"):
            load_feature_folder(tmp_path, layout=layout)


def test_several_arrays_need_a_key(tmp_path):
    for video, x in VIDEOS.items():
        np.savez(tmp_path / f"{video}.npz", rgb=x, flow=x + 1)
        torch.save({"rgb": torch.tensor(x), "flow": torch.tensor(x + 1)}, tmp_path / f"{video}.pt")
        safetensors_of(tmp_path / f"{video}.safetensors", {"rgb": x, "flow": x + 1})
    for suffix in (".npz", ".pt", ".safetensors"):
        X = load_feature_folder(tmp_path, pattern=f"*{suffix}", key="flow")
        np.testing.assert_array_equal(X[0], VIDEOS["a"] + 1)
        with pytest.raises(ValueError, match=r"it holds 2 arrays: .*key=None names none"):
            load_feature_folder(tmp_path, pattern=f"*{suffix}")
    np.save(tmp_path / "a.npy", VIDEOS["a"])
    with pytest.raises(ValueError, match="holds one array, without names, but key='rgb'"):
        load_feature_folder(tmp_path, key="rgb")


def test_half_precision_tensors(tmp_path):
    torch.save(torch.ones(4, 3, dtype=torch.bfloat16, requires_grad=True), tmp_path / "a.pt")
    assert load_feature_folder(tmp_path, pattern="*.pt").dtype == np.float32
    torch.save(torch.ones(4, 3, dtype=torch.float16), tmp_path / "a.pt")
    assert load_feature_folder(tmp_path, pattern="*.pt").dtype == np.float16


def test_csv_with_a_header(tmp_path):
    csv_of(tmp_path / "a.csv", VIDEOS["a"], header="f0,f1,f2", comments="")
    np.testing.assert_array_equal(load_feature_folder(tmp_path, pattern="*.csv")[0], VIDEOS["a"])
    (tmp_path / "a.csv").write_text("f0,f1\n1,2\n3,\n")
    with pytest.raises(ValueError, match=r"a.csv is no .csv file of numbers"):
        load_feature_folder(tmp_path, pattern="*.csv")
    (tmp_path / "a.csv").write_text("1,2\n3,nan\n")
    with pytest.raises(ValueError, match=r"a.csv has NaN or infinity .* the first is 1"):
        load_feature_folder(tmp_path, pattern="*.csv")


def test_pickles_only_where_asked(tmp_path):
    objects = np.empty((), dtype=object)
    objects[()] = {"rgb": VIDEOS["a"]}
    np.save(tmp_path / "a.npy", objects)
    np.savez(tmp_path / "a.npz", x=np.array([VIDEOS["a"], None], dtype=object))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"rgb": VIDEOS["a"]}))
    for suffix in (".npy", ".npz", ".pkl"):
        with pytest.raises(
            ValueError, match=rf"a\{suffix} is no .*allow_pickle=True reads pickles"
        ):
            load_feature_folder(tmp_path, pattern=f"*{suffix}")
    for suffix in (".npy", ".pkl"):
        X = load_feature_folder(tmp_path, pattern=f"*{suffix}", allow_pickle=True)
        np.testing.assert_array_equal(X[0], VIDEOS["a"])


def test_no_code_is_run(tmp_path):
    bad = np.empty(1, dtype=object)
    bad[0] = Malicious()
    np.save(tmp_path / "a.npy", bad)
    np.savez(tmp_path / "a.npz", bad)
    torch.save({"x": Malicious()}, tmp_path / "a.pt")
    (tmp_path / "a.pth").write_bytes(pickle.dumps(Malicious()))
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(Malicious()))
    for suffix in (".npy", ".npz", ".pt", ".pth", ".pickle"):
        with pytest.raises(ValueError, match=rf"a\{suffix} is no"):
            load_feature_folder(tmp_path, pattern=f"*{suffix}")


@pytest.mark.parametrize("suffix", [*WRITERS, ".pkl"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01 nothing of this kind \xff" * 9])
def test_damaged_files(tmp_path, suffix, content):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\{suffix}"):
        load_feature_folder(tmp_path, pattern=f"*{suffix}", allow_pickle=suffix == ".pkl")


def test_what_the_folder_holds_instead(tmp_path):
    torch.save(torch.ones(4, 3), tmp_path / "a.pt")
    with pytest.raises(FileNotFoundError, match=r"no files \*.npy. It holds .pt: give pattern='\*"):
        load_feature_folder(tmp_path)
    (tmp_path / "a.dat").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a.dat is of an unknown kind; known are .npy, .npz"):
        load_feature_folder(tmp_path, pattern="*.dat")


def test_streams_of_several_kinds_and_out(tmp_path):
    for stream, suffix in (("rgb", ".npz"), ("flow", ".pt")):
        (tmp_path / stream).mkdir()
        for video, x in VIDEOS.items():
            WRITERS[suffix](tmp_path / stream / f"{video}{suffix}", np.ascontiguousarray(x.T))
    X = load_feature_folder(
        {"spatial": tmp_path / "rgb", "temporal": tmp_path / "flow"},
        pattern={"spatial": "*.npz", "temporal": "*.pt"},
        layout="CT",
        out=tmp_path / "all.npy",
    )
    np.testing.assert_array_equal(X[1], np.hstack([VIDEOS["b"]] * 2))
