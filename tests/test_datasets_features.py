"""Readers of extracted features, on small files written here and on a real I3D sample."""

import pickle
import pickletools
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.data import DATA

from sklearn_asn.datasets import (
    check_frame_counts,
    feature_timing,
    load_feature_folder,
    load_feature_hdf5,
    load_feature_object_array,
)

rng = np.random.default_rng(0)
ARRAYS = {
    "b": rng.standard_normal((5, 3)).astype(np.float32),
    "a": rng.standard_normal((4, 3)).astype(np.float32),
    "c": rng.standard_normal((1, 3)).astype(np.float32),
}
FLOW = {v: rng.standard_normal((len(x), 2)).astype(np.float32) for v, x in ARRAYS.items()}


def write_folder(folder, arrays, name="{}.npy"):
    folder.mkdir(exist_ok=True)
    for video, array in arrays.items():
        np.save(folder / name.format(video), array)
    return folder


@pytest.fixture
def rgb(tmp_path):
    return write_folder(tmp_path / "rgb", ARRAYS)


@pytest.fixture
def streams(tmp_path, rgb):
    return {"spatial": rgb, "temporal": write_folder(tmp_path / "flow", FLOW)}


def same(X, arrays):
    """X holds these arrays, in this order."""
    assert X.ids.tolist() == list(arrays)
    for video, array in zip(X, arrays.values(), strict=True):
        assert np.array_equal(video, array)


# --------------------------------------------------------------------------------- folders


def test_folder(rgb):
    X = load_feature_folder(str(rgb))
    same(X, {v: ARRAYS[v] for v in "abc"})  # sorted
    assert X.values.dtype == np.float32
    assert X.clip_seconds is X.start_seconds is X.feature_names is None


def test_videos_select_and_order(rgb):
    same(load_feature_folder(rgb, videos=["c", "b"]), {v: ARRAYS[v] for v in "cb"})
    same(load_feature_folder(rgb, videos=iter(["c", "b"])), {v: ARRAYS[v] for v in "cb"})


def test_two_streams(streams):
    X = load_feature_folder(streams)
    same(X, {v: np.hstack([ARRAYS[v], FLOW[v]]) for v in "abc"})
    assert X.feature_names.tolist() == [
        "spatial_0000", "spatial_0001", "spatial_0002", "temporal_0000", "temporal_0001",
    ]  # fmt: skip
    turned = load_feature_folder(dict(reversed(streams.items())))
    same(turned, {v: np.hstack([FLOW[v], ARRAYS[v]]) for v in "abc"})
    assert turned.feature_names[0] == "temporal_0000"


def test_pattern_names_the_id(tmp_path):
    folder = write_folder(tmp_path / "one", ARRAYS, "v_{}-rgb.npy")
    write_folder(folder, FLOW, "v_{}-flow.npy")
    (folder / "v_-rgb.npy").write_bytes(b"")  # no id: no match
    (folder / "readme.txt").write_text("")
    same(load_feature_folder(folder, pattern="v_*-rgb.npy"), {v: ARRAYS[v] for v in "abc"})
    pattern = {"spatial": "v_*-rgb.npy", "temporal": "v_*-flow.npy"}
    X = load_feature_folder(folder, pattern=pattern, videos=["b"])
    same(X, {"b": np.hstack([ARRAYS["b"], FLOW["b"]])})
    same(load_feature_folder(folder, pattern="*-flow.npy", videos=["v_a"]), {"v_a": FLOW["a"]})


def test_missing_video(streams):
    (streams["temporal"] / "b.npy").unlink()
    for videos in (None, ["c", "b", "a"]):
        with pytest.raises(ValueError, match=r"1 videos are not in .*rgb and .*flow: b\. on_miss"):
            load_feature_folder(streams, videos=videos)
    with pytest.warns(UserWarning, match="Left out: 1 videos .*: b"):
        X = load_feature_folder(streams, on_missing="drop", videos=["c", "b", "a"], fps=[1, 2, 4],
                                frames_per_feature=8)  # fmt: skip
    assert X.ids.tolist() == ["c", "a"]
    assert X.clip_seconds.tolist() == [8.0, 2.0]  # the rate of b goes with it
    with pytest.raises(ValueError, match=r"12 videos .*9, \.\.\. \(12 in all\)"):
        load_feature_folder(streams, videos=[f"v{i}" for i in range(12)])


def test_streams_of_different_length(streams):
    np.save(streams["temporal"] / "b.npy", FLOW["b"][:-1])
    with pytest.raises(ValueError, match=r"streams of 1 videos differ in length: b \(5 and 4\)"):
        load_feature_folder(streams)
    X = load_feature_folder(streams, on_length_mismatch="repeat_last")
    flow = np.vstack([FLOW["b"][:-1], FLOW["b"][-2:-1]])  # algorithm.md 1.1
    same(X, {v: np.hstack([ARRAYS[v], flow if v == "b" else FLOW[v]]) for v in "abc"})
    np.save(streams["spatial"] / "a.npy", ARRAYS["a"][:-1])  # the other stream may be the shorter
    X = load_feature_folder(streams, on_length_mismatch="repeat_last")
    assert np.array_equal(X[0][-1, :3], ARRAYS["a"][-2])
    np.save(streams["temporal"] / "b.npy", FLOW["b"][:-2])
    with pytest.raises(ValueError, match=r"1 videos differ in length: b \(5 and 3\)\.$"):
        load_feature_folder(streams, on_length_mismatch="repeat_last")
    with pytest.raises(ValueError, match="on_length_mismatch='pad'; expected"):
        load_feature_folder(streams, on_length_mismatch="pad")


def test_dtype(rgb):
    np.save(rgb / "a.npy", ARRAYS["a"].astype(np.float64))
    assert load_feature_folder(rgb).values.dtype == np.float64
    X = load_feature_folder(rgb, dtype=np.float16)
    assert X.values.dtype == np.float16
    same(X, {v: ARRAYS[v].astype(np.float64).astype(np.float16) for v in "abc"})
    np.save(rgb / "a.npy", np.arange(6).reshape(2, 3))
    with pytest.raises(ValueError, match=r"a\.npy holds int64; expected floats"):
        load_feature_folder(rgb)
    assert load_feature_folder(rgb, dtype=np.float32)[0].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="dtype must be a floating type, got int32"):
        load_feature_folder(rgb, dtype=np.int32)
    np.save(rgb / "a.npy", np.full((2, 3), 1e30))
    with pytest.raises(ValueError, match=r"a\.npy has NaN or infinity \(as float16\)"):
        load_feature_folder(rgb, dtype=np.float16)


def test_packed_on_disk(streams, tmp_path):
    out = tmp_path / "packed.npy"
    X = load_feature_folder(streams, out=out)
    assert isinstance(X.values, np.memmap)
    assert load_feature_folder(streams) == X
    assert np.array_equal(np.load(out), X.values)
    with pytest.raises(FileExistsError, match=r"packed\.npy exists"):
        load_feature_folder(streams, out=out)
    np.save(streams["temporal"] / "c.npy", np.full((1, 2), np.nan))
    with pytest.raises(ValueError, match=r"c\.npy has NaN"):
        load_feature_folder(streams, out=tmp_path / "other.npy")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flow", "packed.npy", "rgb"]


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros(3), r"has shape \(3,\)"),
        (np.zeros((2, 3, 1)), r"has shape \(2, 3, 1\)"),
        (np.zeros(()), r"has shape \(\)"),
        (np.zeros((0, 3)), r"has shape \(0, 3\)"),
        (np.zeros((3, 0)), r"has shape \(3, 0\)"),
        (np.zeros((2, 3), complex), "holds complex128"),
        (np.array([["x"]]), "holds <U1"),
        (np.array([{}], dtype=object), "no .npy file of numbers"),
    ],
)
def test_bad_array(rgb, array, match):
    np.save(rgb / "c.npy", array)
    with pytest.raises(ValueError, match=rf"c\.npy .*{match}"):
        load_feature_folder(rgb)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(streams, value):
    FLOW_B = FLOW["b"].copy()
    FLOW_B[3, 1] = value
    np.save(streams["temporal"] / "b.npy", FLOW_B)
    with pytest.raises(ValueError, match=r"flow.b\.npy has NaN or infinity .* first is 3\."):
        load_feature_folder(streams)
    load_feature_folder(streams, videos=["a", "c"])


def test_damaged_files(rgb):
    content = (rgb / "b.npy").read_bytes()
    header = content.replace(b"{", b"[", 1)  # NumPy parses it as Python
    for damaged in (content[:-5], content[:60], b"", b"no array at all, but text", header):
        (rgb / "b.npy").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"b\.npy is no \.npy file of numbers, or is cut"):
            load_feature_folder(rgb)
    np.savez(rgb / "b.npz", x=ARRAYS["b"])
    (rgb / "b.npz").replace(rgb / "b.npy")
    with pytest.raises(ValueError, match=r"b\.npy is no \.npy file"):
        load_feature_folder(rgb)


def test_different_widths(streams):
    np.save(streams["temporal"] / "b.npy", np.zeros((5, 4), np.float32))
    with pytest.raises(ValueError, match=r"flow.a\.npy has 2 features, but 1 .*b\.npy \(4\)"):
        load_feature_folder(streams)


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"pattern": "a.npy"}, ValueError, r"pattern='a\.npy'; expected a name with one"),
        ({"pattern": "*-*.npy"}, ValueError, "expected a name with one"),
        ({"pattern": "*/x.npy"}, ValueError, "expected a name with one"),
        ({"pattern": "*.txt"}, FileNotFoundError, r"rgb holds no files \*\.txt"),
        ({"videos": "a"}, TypeError, "videos must be a sequence"),
        ({"videos": ["a", "a"]}, ValueError, "videos must not repeat"),
        ({"on_missing": "skip"}, ValueError, "on_missing='skip'; expected"),
    ],
)
def test_arguments(rgb, kwargs, error, match):
    with pytest.raises(error, match=match):
        load_feature_folder(rgb, **kwargs)


def test_stream_arguments(streams, tmp_path):
    with pytest.raises(ValueError, match=r"pattern is for the streams \['flow'\]; expected"):
        load_feature_folder(streams, pattern={"flow": "*.npy"})
    with pytest.raises(ValueError, match="folder is for the streams"):
        load_feature_folder({})
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        load_feature_folder(tmp_path / "nowhere")


# ---------------------------------------------------------------------------------- timing


def test_timing_of_a_folder(rgb):
    X = load_feature_folder(rgb, clip_seconds=0.5, start_seconds={"a": 1, "b": -2, "c": 3})
    assert X.clip_seconds.tolist() == [0.5] * 3
    assert X.start_seconds.tolist() == [1.0, -2.0, 3.0]
    X = load_feature_folder(rgb, fps={"a": 10, "b": 20, "c": 40, "z": 1}, frames_per_feature=16)
    assert X.clip_seconds.tolist() == [1.6, 0.8, 0.4]
    assert X.start_seconds is None
    X = load_feature_folder(rgb, videos=["c", "a"], fps=pd.Series({"a": 10.0, "c": 40.0}),
                            frames_per_feature=16)  # fmt: skip
    assert X.clip_seconds.tolist() == [0.4, 1.6]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"fps": 30}, "fps and frames_per_feature together"),
        ({"frames_per_feature": 15}, "fps and frames_per_feature together"),
        ({"fps": 30, "frames_per_feature": -15}, "frames_per_feature=-15; expected"),
        ({"fps": 30, "frames_per_feature": 15, "clip_seconds": 1}, "or clip_seconds instead"),
        ({"fps": {"a": 1}, "frames_per_feature": 15}, "fps lacks 2 videos: b, c"),
        ({"fps": 0, "frames_per_feature": 15}, r"fps must be positive and finite, .* for 0\."),
        ({"fps": {"a": 1, "b": -1, "c": np.nan}, "frames_per_feature": 15}, r"b \(-1\), c \(nan\)"),
        ({"clip_seconds": [1, 2, 3]}, "clip_seconds is an array: give `videos`"),
        ({"clip_seconds": [1, 2], "videos": ["a", "b", "c"]}, r"shape \(2,\) for 3 videos"),
        ({"clip_seconds": "1 s"}, "clip_seconds must hold numbers"),
        ({"clip_seconds": 1, "start_seconds": np.inf}, "start_seconds must be finite"),
        ({"start_seconds": 1}, "start_seconds needs clip_seconds"),
    ],
)
def test_bad_timing(rgb, kwargs, match):
    with pytest.raises(ValueError, match=match):
        load_feature_folder(rgb, **kwargs)


def test_real_i3d_features(tmp_path):
    """Real features of both streams: stacks of 24 frames every 12 at 15 frames a second."""
    file = DATA / "videos" / "v_GGSY1Qvo990_i3d.npz"
    if not file.is_file():
        pytest.skip("the I3D sample is not in ../shared/data/videos")
    with np.load(file) as real:
        rgb, flow, fps = real["rgb"], real["flow"], float(real["fps"])
        ends = real["timestamps_ms"] / 1000
    for name, array in (("rgb", rgb), ("flow", flow)):
        np.save(tmp_path / f"v_GGSY1Qvo990_{name}.npy", array)
    pattern = {"spatial": "v_*_rgb.npy", "temporal": "v_*_flow.npy"}
    X = load_feature_folder(tmp_path, pattern=pattern, **feature_timing(fps, 12, first_frame=0))
    same(X, {"GGSY1Qvo990": np.hstack([rgb, flow])})
    starts = X.to_time(np.zeros(21, int), np.arange(21))
    np.testing.assert_allclose(ends - starts, 24 / fps)
    check_frame_counts(X, 24 + 20 * 12, frames_per_feature=12)


# --------------------------------------------------------------------------- object arrays


def object_array(arrays):
    packed = np.empty(len(arrays), dtype=object)
    for i, array in enumerate(arrays):
        packed[i] = array
    return packed


@pytest.fixture
def one_file(tmp_path):
    np.save(tmp_path / "all.npy", object_array(ARRAYS.values()), allow_pickle=True)
    return tmp_path / "all.npy"


def test_object_array(one_file):
    X = load_feature_object_array(one_file, ids=list(ARRAYS), allow_pickle=True)
    same(X, ARRAYS)  # in the order of the file
    ids = np.array([v.encode() for v in ARRAYS])  # as W-TALC has them
    X = load_feature_object_array(
        one_file, ids=ids, allow_pickle=True, videos=["c", "b"], fps=[10, 20], frames_per_feature=4
    )
    same(X, {v: ARRAYS[v] for v in "cb"})
    assert X.clip_seconds.tolist() == [0.4, 0.2]


def test_no_pickle_unless_allowed(one_file):
    with pytest.raises(ValueError, match=r"all\.npy: .* need allow_pickle=True, .* any code"):
        load_feature_object_array(one_file, ids=list(ARRAYS))


class Malicious:
    def __reduce__(self):
        return (pytest.fail, ("code in the file has run",))


def test_code_in_a_file_does_not_run(tmp_path):
    np.save(tmp_path / "all.npy", object_array([Malicious()]), allow_pickle=True)
    with pytest.raises(ValueError, match="need allow_pickle=True"):
        load_feature_object_array(tmp_path / "all.npy", ids=["a"])
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Malicious()))  # a pickle, not .npy at all
    for allow in (False, True):
        with pytest.raises(ValueError, match=r"bare\.npy: .*the magic string is not correct"):
            load_feature_object_array(tmp_path / "bare.npy", ids=["a"], allow_pickle=allow)


def test_equal_lengths_need_no_pickle(tmp_path):
    array = rng.standard_normal((2, 4, 3))
    np.save(tmp_path / "all.npy", array)
    same(load_feature_object_array(tmp_path / "all.npy", ids=["b", "a"]),
         {"b": array[0], "a": array[1]})  # fmt: skip
    np.save(tmp_path / "all.npy", array.astype(object), allow_pickle=True)
    same(
        load_feature_object_array(tmp_path / "all.npy", ids=["b", "a"], allow_pickle=True),
        {"b": array[0], "a": array[1]},
    )


def test_pickle_of_python_2(tmp_path):
    """Python 2 wrote array bytes as its `str`; the features of W-TALC are such."""
    data = pickle.dumps(object_array(ARRAYS.values()), protocol=3)
    old = bytearray(data)
    old[1] = 2
    for code, _, place in pickletools.genops(data):
        old_name = {"BINBYTES": b"T", "SHORT_BINBYTES": b"U"}.get(code.name)
        if old_name:
            old[place : place + 1] = old_name
    assert old.count(b"T") + old.count(b"U") > 0
    with (tmp_path / "all.npy").open("wb") as file:
        header = {"descr": "|O", "fortran_order": False, "shape": (len(ARRAYS),)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(old))
    X = load_feature_object_array(tmp_path / "all.npy", ids=list(ARRAYS), allow_pickle=True)
    same(X, ARRAYS)


def test_bad_object_array(one_file, tmp_path):
    kwargs = {"ids": list(ARRAYS), "allow_pickle": True}
    with pytest.raises(ValueError, match=r"ids holds b'caf\\xe9', which is not UTF-8"):
        load_feature_object_array(one_file, ids=[b"caf\xe9"], allow_pickle=True)
    with pytest.raises(ValueError, match="holds 3 videos, but ids names 2"):
        load_feature_object_array(one_file, ids=["a", "b"], allow_pickle=True)
    with pytest.raises(ValueError, match=r"ids must not repeat .*: a"):
        load_feature_object_array(one_file, ids=["a", "b", "a"], allow_pickle=True)
    with pytest.raises(ValueError, match=r"1 videos are not in .*: z"):
        load_feature_object_array(one_file, videos=["z"], **kwargs)
    content = one_file.read_bytes()
    for damaged in (content[:-30], content[:60], b""):
        one_file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"all\.npy: "):
            load_feature_object_array(one_file, **kwargs)
    with pytest.raises(FileNotFoundError):
        load_feature_object_array(tmp_path / "nothing.npy", **kwargs)
    bad = [ARRAYS["b"], np.zeros(3), ARRAYS["c"]]
    np.save(one_file, object_array(bad), allow_pickle=True)
    with pytest.raises(ValueError, match=r"all\.npy\[1\] \(a\) has shape \(3,\)"):
        load_feature_object_array(one_file, **kwargs)
    bad[1] = [[1.0, 2.0], [3.0]]
    np.save(one_file, object_array(bad), allow_pickle=True)
    with pytest.raises(ValueError, match=r"all\.npy\[1\] \(a\) is not a 2-D array"):
        load_feature_object_array(one_file, **kwargs)
    bad[1] = np.full((2, 3), np.nan, np.float32)
    np.save(one_file, object_array(bad), allow_pickle=True)
    with pytest.raises(ValueError, match=r"all\.npy\[1\] \(a\) has NaN"):
        load_feature_object_array(one_file, **kwargs)
    np.save(one_file, np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"has shape \(3, 3\); expected one 2-D array a video"):
        load_feature_object_array(one_file, **kwargs)


# ------------------------------------------------------------------------------------ HDF5


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py", reason="h5py is not installed")


def write_hdf5(h5py, path, items):
    with h5py.File(path, "w") as file:
        for key, array in items.items():
            file[key] = array
    return path


def test_hdf5(h5py, tmp_path):
    path = write_hdf5(h5py, tmp_path / "f.h5", {f"v_{v}": x for v, x in ARRAYS.items()})
    same(load_feature_hdf5(path, pattern="v_*"), {v: ARRAYS[v] for v in "abc"})
    X = load_feature_hdf5(path, videos=["v_c", "v_b"], **feature_timing({"v_c": 25, "v_b": 30}))
    same(X, {f"v_{v}": ARRAYS[v] for v in "cb"})
    np.testing.assert_allclose(X.clip_seconds, [0.6, 0.5])


def test_hdf5_streams(h5py, tmp_path):
    both = {v: np.hstack([ARRAYS[v], FLOW[v]]) for v in "abc"}
    items = {f"{v}/rgb": ARRAYS[v] for v in ARRAYS} | {f"{v}/flow": FLOW[v] for v in FLOW}
    path = write_hdf5(h5py, tmp_path / "f.h5", items)
    same(load_feature_hdf5(path, dataset="flow"), {v: FLOW[v] for v in "abc"})
    X = load_feature_hdf5(path, dataset={"spatial": "rgb", "temporal": "flow"})
    same(X, both)
    assert X.feature_names[3] == "temporal_0000"
    paths = {
        "spatial": write_hdf5(h5py, tmp_path / "r.h5", ARRAYS),
        "temporal": write_hdf5(h5py, tmp_path / "o.h5", FLOW),
    }
    assert load_feature_hdf5(paths) == X


def test_bad_hdf5(h5py, tmp_path):
    path = write_hdf5(h5py, tmp_path / "f.h5", {"a/x": ARRAYS["a"], "b": ARRAYS["b"]})
    with pytest.raises(ValueError, match=r"f\.h5: a is not a data set"):
        load_feature_hdf5(path)
    with pytest.raises(ValueError, match=r"f\.h5: b/x is not a data set"):
        load_feature_hdf5(path, dataset="x")
    with pytest.raises(ValueError, match=r"f\.h5: a/y is not a data set"):
        load_feature_hdf5(path, dataset="y", videos=["a"])
    with pytest.raises(ValueError, match=r"1 videos are not in .*f\.h5: z"):
        load_feature_hdf5(path, videos=["b", "z"])
    with pytest.raises(ValueError, match="No videos to read"):
        load_feature_hdf5(path, pattern="v_*")
    nan = write_hdf5(h5py, tmp_path / "n.h5", {"a": np.full((2, 2), np.nan)})
    with pytest.raises(ValueError, match=r"n\.h5: a has NaN"):
        load_feature_hdf5(nan)
    empty = write_hdf5(h5py, tmp_path / "e.h5", {"a": h5py.Empty("f")})
    with pytest.raises(ValueError, match=r"e\.h5: a has shape None"):
        load_feature_hdf5(empty)
    named_type = write_hdf5(h5py, tmp_path / "t.h5", {"a": np.dtype("f4")})
    with pytest.raises(ValueError, match=r"t\.h5: a is not a data set"):
        load_feature_hdf5(named_type)
    latin = write_hdf5(h5py, tmp_path / "l.h5", {b"caf\xe9": ARRAYS["a"]})
    with pytest.raises(ValueError, match=r"l\.h5: the names at the top holds b'caf.xe9'"):
        load_feature_hdf5(latin)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"f\.h5 is no HDF5 file, or is cut short"):
        load_feature_hdf5(path)
    with pytest.raises(FileNotFoundError):
        load_feature_hdf5(tmp_path / "nothing.h5")


def test_damaged_hdf5(h5py, tmp_path):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.zeros((64, 64)), compression="gzip", chunks=(64, 64))
        where = file["a"].id.get_chunk_info(0).byte_offset
    content = path.read_bytes()
    path.write_bytes(content[:where] + b"\xff" * 8 + content[where + 8 :])
    with pytest.raises(ValueError, match=r"f\.h5: a is damaged"):
        load_feature_hdf5(path)
    path.write_bytes(content.replace(b"TREE", b"tree"))  # the index of names
    with pytest.raises(ValueError, match=r"f\.h5 is no HDF5 file, or is cut short"):
        load_feature_hdf5(path)


def test_hdf5_without_h5py(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        load_feature_hdf5(tmp_path / "f.h5")
