import os
import time

import numpy as np
import pytest
from helpers import processes
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_asn import Clips, ClipsWriter

RNG = np.random.default_rng(0)


def videos(lengths, n_features=3):
    return [RNG.normal(size=(n, n_features)).astype(np.float32) for n in lengths]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    closes=st.lists(st.booleans(), min_size=6, max_size=6),
    timed=st.booleans(),
)
def test_any_sequence_of_writers_gives_what_was_appended(tmp_path_factory, lengths, closes, timed):
    folder = tmp_path_factory.mktemp("w") / "clips"
    arrays = videos(lengths)
    seconds = [0.5 + i for i in range(len(arrays))] if timed else None
    ids = [f"v{i}" for i in range(len(arrays))]
    writer = ClipsWriter(folder)
    for i, (array, close) in enumerate(zip(arrays, closes, strict=False)):
        more = {"clip_seconds": seconds[i], "start_seconds": 2.0} if timed else {}
        writer.append(array, id=ids[i], **more)
        start = 2.0 if timed else None
        want = Clips.from_list(arrays[: i + 1], seconds and seconds[: i + 1], start, ids[: i + 1])
        assert Clips.open(folder) == want  # while it is being written
        if close:
            writer.close()
            assert Clips.open(folder) == want
            assert Clips.open(folder, mmap=False) == want
            writer = ClipsWriter(folder, append=True)
    writer.close()
    assert Clips.open(folder) == want
    assert sorted(p.name for p in folder.iterdir()) == ["clips.json", "index.npz", "values.npy"]


def test_the_finished_folder_is_that_of_save(tmp_path):
    clips = Clips.from_list(videos([3, 2]), feature_names=["a", "b", "c"])
    with ClipsWriter(tmp_path / "written") as writer:
        writer.extend(clips)
    clips.save(tmp_path / "saved")
    for name in ("values.npy", "clips.json"):
        written = (tmp_path / "written" / name).read_bytes()
        assert written == (tmp_path / "saved" / name).read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "written" / "values.npy"), clips.values)


KILLED = """
import sys, numpy as np
from sklearn_asn import ClipsWriter
writer = ClipsWriter(sys.argv[1], append=True)
for i in range(len(writer), 10**6):
    writer.append(np.full((200, 64), i, dtype=np.float32), id=str(i))
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_videos(tmp_path):
    folder = tmp_path / "clips"
    seen = 0
    for _ in range(3):
        process = processes.start(KILLED, folder)
        began = time.monotonic()
        while not folder.exists() or not (folder / "videos.jsonl").exists():
            assert time.monotonic() - began < 60
            time.sleep(0.01)
        time.sleep(0.4)
        process.kill()
        process.join()
        clips = Clips.open(folder)
        assert len(clips) >= seen
        seen = len(clips)
        for i in range(len(clips)):
            assert clips[i].shape == (200, 64)
            assert np.all(clips[i] == i)
    assert seen > 0


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_half_a_video_does_not_show(tmp_path, cut):
    folder = tmp_path / "clips"
    a, b = videos([4, 3])
    writer = ClipsWriter(folder)
    writer.append(a)
    committed = (folder / "videos.jsonl").read_bytes()
    writer.append(b)
    lines = (folder / "videos.jsonl").read_bytes()
    (folder / "videos.jsonl").write_bytes(lines[: len(committed) + cut])  # power failed
    assert Clips.open(folder) == Clips.from_list([a])
    for held in (writer._lock.release, writer._values.close, writer._journal.close):
        held()
    with ClipsWriter(folder, append=True) as again:
        assert len(again) == 1
        again.append(b)
    assert Clips.open(folder) == Clips.from_list([a, b])


def test_errors_name_the_video_and_write_nothing(tmp_path):
    folder = tmp_path / "clips"
    (a,) = videos([4])
    with ClipsWriter(folder, dtype="float16") as writer:
        writer.append(a, id="a", clip_seconds=1.0)
        for bad, message in [
            ({"features": np.zeros((2, 4)), "id": "b", "clip_seconds": 1.0}, "Video 1 has 4 feat"),
            ({"features": a, "clip_seconds": 1.0}, "Video 1 has no id, those before have"),
            ({"features": a, "id": "b"}, "Video 1 has no clip_second, those before have"),
            ({"features": a, "id": "a", "clip_seconds": 1.0}, "Video 1: the id 'a' is there"),
            ({"features": a * 1e6, "id": "b", "clip_seconds": 1.0}, "Video 1: .* float16"),
            ({"features": np.zeros(3), "id": "b"}, r"Video 1 has shape \(3,\)"),
            ({"features": np.zeros((0, 3)), "id": "b"}, "Video 1 has no clips"),
        ]:
            with pytest.raises(ValueError, match=message):
                writer.append(**bad)
        assert len(writer) == 1
    assert len(Clips.open(folder)) == 1
    with pytest.raises(ValueError, match="closed"):
        writer.append(a, id="c", clip_seconds=1.0)


def test_folders_that_are_there(tmp_path):
    folder = tmp_path / "clips"
    first = ClipsWriter(folder)
    first.append(np.ones((2, 3)))
    with pytest.raises(FileExistsError, match="append=True"):
        ClipsWriter(folder)
    with pytest.raises(ValueError, match="Another ClipsWriter is at work"):
        ClipsWriter(folder, append=True)
    first.close()
    first.close()
    with pytest.raises(ValueError, match="holds float64, not float16"):
        ClipsWriter(folder, dtype="float16", append=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(FileNotFoundError, match=r"no clips\.json"):
        ClipsWriter(tmp_path / "other", append=True)
    assert os.listdir(tmp_path / "other") == ["notes.txt"]


def test_nothing_appended_leaves_nothing(tmp_path):
    with ClipsWriter(tmp_path / "clips"):
        pass
    assert not (tmp_path / "clips").exists()


def test_killed_before_its_first_video_it_goes_on(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / ".lock").touch()
    (a,) = videos([4])
    with ClipsWriter(tmp_path / "clips", append=True) as writer:
        writer.append(a)
    assert Clips.open(tmp_path / "clips") == Clips.from_list([a])


def test_a_writer_that_could_not_undo_says_so(tmp_path, monkeypatch):
    a, b = videos([4, 3])
    writer = ClipsWriter(tmp_path / "clips")
    writer.append(a)
    monkeypatch.setattr("sklearn_asn._data.writer.sync", lambda file: {}["no disk"])
    writer._journal.close()  # so that neither writing nor undoing works
    with pytest.raises(KeyError):
        writer.append(b)
    monkeypatch.undo()
    for use in (lambda: writer.append(b), writer.close, writer.close):
        with pytest.raises(OSError, match=r"failed .*The 1 videos that were appended can be read"):
            use()
    assert Clips.open(tmp_path / "clips") == Clips.from_list([a])
    with ClipsWriter(tmp_path / "clips", append=True) as again:
        again.append(b)
    assert Clips.open(tmp_path / "clips") == Clips.from_list([a, b])
