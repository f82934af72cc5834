"""What all formats of `sklearn_asn.interchange` have in common."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from helpers.interchange import FORMATS, NAMED, as_text, by_time, segments
from helpers.thorough import examples
from hypothesis import given
from hypothesis import strategies as st

from sklearn_asn import Segments
from sklearn_asn.interchange import _files


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@examples(15)
@given(data=st.data())
def test_round_trip(name, data):
    form = FORMATS[name]
    y = data.draw(segments(form))
    with TemporaryDirectory() as folder:
        form.write(y, Path(folder, form.path))
        back = form.read(Path(folder, form.path), videos=y.ids.tolist())
    expected = by_time(y) if form.sorts else y
    assert by_time(back) == by_time(expected)
    if not form.ties:
        assert back == expected


@pytest.mark.parametrize("name", FORMATS)
def test_videos_without_segments(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[], [("run", 1.0, 2.0)], []], ids=["c", "b", "a"])
    form.write(y, tmp_path / form.path)
    assert form.read(tmp_path / form.path, videos=["c", "b", "a"]) == y
    kept = form.read(tmp_path / form.path)
    expected = ["c", "b", "a"] if form.one_file else ["a", "b", "c"]
    expected = ["b"] if name == "csv" or not form.empty else expected
    assert kept.ids.tolist() == expected
    assert form.read(tmp_path / form.path, videos=["z", *"abc"]).lengths.tolist() == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="videos that are not in `videos`: b"):
        form.read(tmp_path / form.path, videos=["a", "c"])


@pytest.mark.parametrize("name", FORMATS)
def test_no_segments_at_all(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[], []], ids=["a", "b"])
    form.write(y, tmp_path / form.path)
    assert form.read(tmp_path / form.path, videos=["a", "b"]) == y


@pytest.mark.parametrize("name", FORMATS)
def test_int_labels_come_back_as_text(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[(7, 1.0, 2.0)]], ids=["a"])
    form.write(y, tmp_path / form.path)
    assert form.read(tmp_path / form.path) == as_text(y)


@pytest.mark.parametrize("name", FORMATS)
def test_overwrite(tmp_path, name):
    form = FORMATS[name]
    first, second = (Segments.from_list([[("run", t, 2.0)]], ids=["a"]) for t in (0.0, 1.0))
    path = tmp_path / form.path
    form.write(first, path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        form.write(second, path)
    assert form.read(path) == first
    form.write(second, str(path), overwrite=True)
    assert form.read(str(path)) == second
    left = os.listdir(path.parent if form.one_file else path)
    assert all(not name.startswith(".") for name in left)
    assert len(left) == 1


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_a_failed_write(tmp_path, name, monkeypatch):
    form = FORMATS[name]
    y = Segments.from_list([[("run", 0.0, 2.0)]], ids=["a"])

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(_files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        form.write(y, tmp_path / form.path)
    folder = (tmp_path / form.path).parent if form.one_file else tmp_path / form.path
    assert os.listdir(folder) == []


@pytest.mark.parametrize("name", FORMATS)
def test_ids(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[("run", 0.0, 2.0)]])
    named = Segments.from_list([[("run", 0.0, 2.0)]], ids=["x"])
    if name != "csv":
        with pytest.raises(ValueError, match="no ids"):
            form.write(y, tmp_path / form.path)
    with pytest.raises(ValueError, match="names 2 videos, expected 1"):
        form.write(y, tmp_path / form.path, ids=["x", "y"])
    form.write(y, tmp_path / form.path, ids=["x"])
    assert form.read(tmp_path / form.path) == named
    twice = Segments.from_list([[], []])
    with pytest.raises(ValueError, match="must not repeat"):
        form.write(twice, tmp_path / form.path, ids=["x", "x"])


@pytest.mark.parametrize("name", FORMATS)
def test_what_cannot_be_written(tmp_path, name):
    form = FORMATS[name]

    def write(y, **options):
        form.write(y, tmp_path / form.path, **options)

    with pytest.raises(TypeError, match="must be Segments, got list"):
        write([[("run", 0.0, 1.0)]])
    with pytest.raises(ValueError, match="infinite"):
        write(Segments.from_list([[("run", 0.0, 1.0, np.inf)]], ids=["a"]))
    early = Segments.from_list([[("run", -1.0, 1.0)], []], ids=["a", "b"])
    if name == "csv":
        write(early)
        assert form.read(tmp_path / form.path, videos=["a", "b"]) == early
    else:
        with pytest.raises(ValueError, match="1 segments start before 0, in the videos a"):
            write(early)
    lone = Segments.from_list([[("a\ud800b", 0.0, 1.0)]], ids=["a"])
    with pytest.raises(ValueError, match=r"'a?\\ud800"):
        write(lone, overwrite=True)
    assert name == "csv" or not (tmp_path / form.path).is_file()


EMPTY = {"rttm": "<NA>"}  # how a format says that there is none


def read_gap(form, file, text):
    """Praat's intervals without text are no segments without a label, but what lies between."""
    file.write_text(text.replace('text = "QQQ"', 'text = " "'))
    return [s[:3] for s in form.read(file)[0]] == [("run", 1.0, 2.0)]


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_label_is_no_class(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[("QQQ", 0.0, 1.0), ("run", 1.0, 2.0)]], ids=["a"])
    form.write(y, tmp_path / form.path)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    text = file.read_text()
    if name == "textgrid":
        assert read_gap(form, file, text)
        return
    old, new = (">QQQ<", "><") if name == "eaf" else ("QQQ", EMPTY.get(name, ""))
    file.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=rf"{file.name}.*: no label\. on_invalid='drop'"):
        form.read(tmp_path / form.path)
    for choice in ("drop", "clip"):
        with pytest.warns(UserWarning, match=r"Left out: 1 invalid segments: .*: no label"):
            back = form.read(tmp_path / form.path, on_invalid=choice)
        assert [s[:3] for s in back[0]] == [("run", 1.0, 2.0)]
    with pytest.raises(ValueError, match="segments have empty labels, in the videos a"):
        form.write(Segments.from_list([[("", 0.0, 1.0)]], ["a"]), tmp_path / form.path)


@pytest.mark.parametrize("name", FORMATS)
def test_segments_that_cannot_be(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[("run", 0.0, 2.0), ("jump", 2.0, 4.0), ("fall", 4.0, 5.0)]], ids=["a"])
    form.write(y, tmp_path / form.path)
    path = tmp_path / form.path
    assert form.read(path, duration=5.0) == y
    assert form.read(path, duration=4.5, tolerance=0.5) == y
    with pytest.raises(ValueError, match=r": ends at 4.0, after its video, .* 3.0 s \(2 su"):
        form.read(path, duration={"a": 3.0})
    with pytest.warns(UserWarning, match="Left out: 1 invalid segments: .*: ends at 5.0"):
        assert form.read(path, duration={"a": 4.0}, on_invalid="drop") == y.filter(y.end < 5)
    with pytest.warns(UserWarning, match="Cut|Left") as told:
        cut = form.read(path, duration=[3.0], videos=["a"], on_invalid="clip")
    assert [str(w.message)[:17] for w in told] == ["Cut to their vide", "Left out: 1 inval"]
    assert [s[:3] for s in cut[0]] == [("run", 0.0, 2.0), ("jump", 2.0, 3.0)]
    with pytest.raises(ValueError, match="on_invalid='skip'; expected one of"):
        form.read(path, on_invalid="skip")
    with pytest.raises(ValueError, match="tolerance=-1; expected a number"):
        form.read(path, tolerance=-1)


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].scored])
def test_scores_are_not_lost_in_silence(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[("run", 0.0, 2.0, 0.5)]], ids=["a"])
    with pytest.raises(ValueError, match=r"have scores, which a .* cannot hold: drop_scores=True"):
        form.write(y, tmp_path / form.path)
    form.write(y, tmp_path / form.path, drop_scores=True)
    assert form.read(tmp_path / form.path) == Segments.from_list([[("run", 0.0, 2.0)]], ids=["a"])


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].resolution])
def test_rounding(tmp_path, name):
    form = FORMATS[name]
    unit = 1 / form.resolution
    y = Segments.from_list([[("run", 10.3 * unit, 11.6 * unit)]], ids=["a"])
    form.write(y, tmp_path / form.path)
    expected = [[("run", 10 / form.resolution, 12 / form.resolution)]]
    assert form.read(tmp_path / form.path) == Segments.from_list(expected, ids=["a"])
    short = Segments.from_list([[("run", 10.1 * unit, 10.3 * unit)]], ids=["a"])
    with pytest.raises(
        ValueError, match=r"Segment \(run, .* of a has no (length|frame) when round"
    ):
        form.write(short, tmp_path / form.path, overwrite=True)
    assert form.read(tmp_path / form.path) == Segments.from_list(expected, ids=["a"])


@pytest.mark.parametrize("name", NAMED)
def test_files_a_video(tmp_path, name):
    form = FORMATS[name]
    y = Segments.from_list([[("run", 0.0, 2.0)], [("jump", 1.0, 2.0)]], ids=["v.1", "a b"])
    form.write(y, tmp_path / "made" / "here")
    folder = tmp_path / "made" / "here"
    suffix = form.suffix or name
    assert sorted(os.listdir(folder)) == [f"a b.{suffix}", f"v.1.{suffix}"]
    one = form.read(folder / f"v.1.{suffix}")
    assert one == y[:1]
    assert form.read([folder / f"v.1.{suffix}", str(folder / f"a b.{suffix}")]) == y
    assert form.read(folder) == y[[1, 0]]
    (folder / "notes.md").write_text("not one of them")
    assert form.read(folder) == y[[1, 0]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=rf"(?i)empty has no \.{suffix} files"):
        form.read(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        form.read(tmp_path / f"none.{suffix}")


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a\\b", "a\nb", "a\0b"])
def test_ids_that_name_no_file(tmp_path, name, bad):
    y = Segments.from_list([[("run", 0.0, 2.0)]], ids=["ok"])
    with pytest.raises(ValueError, match="1 ids cannot name files"):
        FORMATS[name].write(y, tmp_path, ids=[bad])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_that_are_no_text(tmp_path, name):
    form = FORMATS[name]
    suffix = form.path.rpartition(".")[2] if form.one_file else form.suffix or name
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"ok\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"line (1|2): no"):
        form.read(path)
