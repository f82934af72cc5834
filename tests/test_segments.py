"""The file form of Segments, and putting them one after another."""

import io
import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_asn import Segments

NAN = float("nan")

EXAMPLES = {
    "strings": Segments.from_list([[("run", 0.1, 1 / 3)], [], [("jump high", 2, 3, 0.7)]]),
    "ids": Segments.from_list([[], [("läuft 跑", 0.0, 1e-9, NAN)]], ids=["é", "b c"]),
    "integers": Segments.from_list([[(3, 0.0, 1.0, -np.inf), (-1, 0.0, 1.0, np.inf)]]),
    "floats": Segments.from_list([[(0.1, -5.0, 1.0)]]),
    "booleans": Segments([0, 2], [True, False], [0, 0], [1, 1]),
    "no segments": Segments.from_list([[], []], ids=["a", "b"]),
    "no videos": Segments([0], [], [], []),
    "no videos, ids": Segments.from_list([[("a", 0, 1)]], ids=["a"])[:0],
    "empty frame": Segments.from_frame(
        pd.DataFrame({"video": [], "label": pd.Series([], dtype=object), "start": [], "end": []}),
        videos=["a"],
    ),
}


@pytest.mark.parametrize("segments", EXAMPLES.values(), ids=EXAMPLES)
def test_save_and_open(segments, tmp_path):
    path = segments.save(tmp_path / "new folder" / "found.npz")
    again = Segments.open(path)
    assert again == segments
    assert (again.ids is None) == (segments.ids is None)
    if len(segments.label):
        assert again.label.dtype == segments.label.dtype
    assert_array_equal(np.isnan(again.score), np.isnan(segments.score))
    assert [p.name for p in path.parent.iterdir()] == ["found.npz"]


def test_the_file_needs_no_pickle_and_takes_any_name(tmp_path):
    path = EXAMPLES["ids"].save(tmp_path / "found")
    assert path == tmp_path / "found"
    with np.load(path, allow_pickle=False) as file:
        assert {file[name].dtype.hasobject for name in file} == {False}
        assert file["format"].item() == "sklearn_asn.Segments"


def test_overwrite(tmp_path):
    a, b = EXAMPLES["strings"], EXAMPLES["integers"]
    path = a.save(tmp_path / "found.npz")
    with pytest.raises(FileExistsError, match=r"found\.npz.*overwrite=True"):
        b.save(path)
    assert Segments.open(path) == a
    assert Segments.open(b.save(path, overwrite=True)) == b


@pytest.mark.parametrize("stop", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(stop, tmp_path, monkeypatch):
    path = EXAMPLES["strings"].save(tmp_path / "found.npz")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, stop, fail)
    with pytest.raises(OSError, match="disk full"):
        EXAMPLES["integers"].save(path, overwrite=True)
    monkeypatch.undo()
    assert Segments.open(path) == EXAMPLES["strings"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b)))
    EXAMPLES["strings"].save(tmp_path / "found.npz")
    assert order == ["fsync", "replace", "fsync"]  # the file, its name, the folder


def test_the_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    path = EXAMPLES["strings"].save(tmp_path / "found.npz")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_labels_of_other_types_are_refused(tmp_path):
    segments = Segments([0, 1], np.array([(1, 2), None], dtype=object)[:1], [0], [1])
    with pytest.raises(ValueError, match="label holds object values"):
        segments.save(tmp_path / "found.npz")
    assert list(tmp_path.iterdir()) == []


def test_truncated_at_any_place(tmp_path):
    whole = EXAMPLES["ids"].save(tmp_path / "found.npz").read_bytes()
    part = tmp_path / "part.npz"
    for n in [*range(0, len(whole), 37), len(whole) - 1]:
        part.write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"part\.npz holds no Segments, or is damaged"):
            Segments.open(part)


def test_a_changed_byte_gives_an_error_or_the_same(tmp_path):
    """Some bytes mean nothing (times in the directory); none gives other segments."""
    segments = EXAMPLES["ids"]
    whole = segments.save(tmp_path / "found.npz").read_bytes()
    path, messages = tmp_path / "changed.npz", []
    for i in range(0, len(whole), 3):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x10]) + whole[i + 1 :])
        try:
            assert Segments.open(path) == segments
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > len(whole) / 3 / 3
    assert all("changed.npz" in message for message in messages)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"video,label,start,end\n",
    "pickle": pickle.dumps({"format": "sklearn_asn.Segments"}),
    "array": npy(np.arange(3)),
    "other npz": npz(offsets=[0, 0]),
    "newer": npz(format="sklearn_asn.Segments", version=2),
    "other format": npz(format="sklearn_asn.Clips", version=1),
    "columns missing": npz(format="sklearn_asn.Segments", version=1, offsets=[0]),
    "columns do not fit": npz(
        **{"format": "sklearn_asn.Segments", "version": 1, "offsets": [0, 2]},
        **{"label": ["a"], "start": [0], "end": [1], "score": [1]},
    ),
    "objects": npz(format=np.array("sklearn_asn.Segments", dtype=object), version=1),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(content, tmp_path):
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.npz holds no Segments, or is damaged"):
        Segments.open(path)


def test_zip_of_another_kind(tmp_path):
    with zipfile.ZipFile(tmp_path / "foreign.npz", "w") as file:
        file.writestr("format.txt", "x")
    with pytest.raises(ValueError, match=r"foreign\.npz"):
        Segments.open(tmp_path / "foreign.npz")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        Segments.open(tmp_path / "none.npz")


# ---------------------------------------------------------------------- concatenate


def test_concatenate_undoes_slicing():
    rng = np.random.default_rng(0)
    videos = [
        [(f"class {'x' * int(rng.integers(9))}", float(s), float(s) + 1, 0.5) for s in range(n)]
        for n in rng.integers(0, 4, 20)
    ]
    whole = Segments.from_list(videos, ids=[f"video {i}" for i in range(20)])
    parts = [whole[:3], whole[3:3], whole[3:11], whole[11:]]
    assert Segments.concatenate(iter(parts)) == whole
    assert Segments.concatenate([whole]) == whole
    without = Segments.from_list(videos)
    assert Segments.concatenate([without[:9], without[9:]]) == without


def test_concatenate_takes_no_type_from_empty_parts():
    empty = Segments.from_list([[]])  # its labels are an empty array of floats
    numbers = Segments.from_list([[(2**53 + 1, 0, 1)]])
    joined = Segments.concatenate([empty, numbers])
    assert joined.label.dtype == np.int64
    assert joined.label.tolist() == [2**53 + 1]
    texts = Segments.concatenate([empty, Segments.from_list([[("a", 0, 1)]]), empty])
    assert texts.label.tolist() == ["a"]
    assert texts.lengths.tolist() == [0, 1, 0]
    assert len(Segments.concatenate([Segments([0], [], [], [])])) == 0


def test_concatenate_refuses():
    a = Segments.from_list([[("a", 0, 1)]], ids=["one"])
    with pytest.raises(ValueError, match=r"unique; repeated: \['one'\]"):
        Segments.concatenate([a, a])
    with pytest.raises(ValueError, match="1 of 2 parts have ids"):
        Segments.concatenate([a, Segments.from_list([[]])])
    with pytest.raises(ValueError, match="some parts are strings"):
        Segments.concatenate([a, Segments.from_list([[(1, 0, 1)]], ids=["two"])])
    with pytest.raises(ValueError, match="parts is empty"):
        Segments.concatenate([])
    with pytest.raises(ValueError, match=r"parts\[1\] is list"):
        Segments.concatenate([a, [("a", 0, 1)]])


def frame_of_bad_times():
    rows = [("a", "x", 1, 2), ("b", "x", 3, 3), ("a", "x", np.nan, 4), ("b", "y", 2, 9)]
    return pd.DataFrame(rows, columns=["video", "label", "start", "end"])


def test_from_frame_says_which_rows_are_invalid():
    with pytest.raises(ValueError, match=r"2 segments .* invalid: row 2 \(a, x, nan, 4\), row 1"):
        Segments.from_frame(frame_of_bad_times())
    for choice in ("drop", "clip"):
        with pytest.warns(UserWarning, match=r"Left out: 2 segments.*row 2.*row 1"):
            y = Segments.from_frame(frame_of_bad_times(), on_invalid=choice)
        assert [[s[:3] for s in video] for video in y] == [[("x", 1, 2)], [("y", 2, 9)]]


@pytest.mark.parametrize(
    "duration", [8.0, [8.0, 8.0], {"b": 8.0, "a": 8.0}, pd.Series(8.0, ["a", "b"])]
)
def test_from_frame_with_durations(duration):
    frame = frame_of_bad_times().iloc[[0, 3]]
    assert Segments.from_frame(frame, duration=duration, tolerance=1).end.tolist() == [2, 9]
    with pytest.raises(ValueError, match=r"row 1 \(b, y, 2, 9\)"):
        Segments.from_frame(frame, duration=duration)
    with pytest.warns(UserWarning, match="Cut to their video: 1 segments"):
        y = Segments.from_frame(frame, duration=duration, on_invalid="clip", tolerance=0.5)
    assert y.end.tolist() == [2, 8]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"on_invalid": "skip"}, "on_invalid='skip'; expected"),
        ({"tolerance": -1}, "tolerance=-1; expected"),
        ({"duration": [1.0]}, r"duration has shape \(1,\), expected \(2,\)"),
        ({"duration": {"a": 1.0}}, r"duration lacks 1 videos: \['b'\]"),
        ({"duration": [1.0, 0.0]}, "duration of video 1 is 0.0"),
    ],
)
def test_from_frame_arguments(kwargs, match):
    with pytest.raises(ValueError, match=match):
        Segments.from_frame(frame_of_bad_times(), **kwargs)
