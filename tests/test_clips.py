import json
import pickle
import shutil

import numpy as np
import pytest

from sklearn_asn import ASNLocalizer, Clips, ClipsWriter
from sklearn_asn._training.table import Table
from sklearn_asn.datasets import make_untrimmed_videos

RNG = np.random.default_rng(0)


def make_clips(lengths=(4, 1, 7, 3), n_features=6, dtype=np.float32, **more):
    arrays = [RNG.normal(size=(n, n_features)).astype(dtype) for n in lengths]
    return Clips.from_list(arrays, clip_seconds=0.5, ids=[f"v{i}" for i in range(len(lengths))])


@pytest.fixture
def on_disk(tmp_path):
    clips = make_clips()
    return clips, Clips.open(clips.save(tmp_path / "clips"))


@pytest.mark.parametrize(
    "key", [slice(1, 3), slice(None), [2, 0, 2], np.array([False, True, True, False]), [3], []]
)
def test_selections_of_clips_on_disk_equal_those_in_memory(on_disk, key):
    memory, disk = on_disk
    chosen = disk[key]
    assert chosen == memory[key]
    assert [video.tolist() for video in chosen] == [video.tolist() for video in memory[key]]
    assert chosen[:1] == memory[key][:1]  # a selection of a selection


def test_selecting_videos_on_disk_copies_nothing(on_disk):
    _, disk = on_disk
    chosen = disk[[2, 0]][[1, 0]]
    assert np.shares_memory(chosen[0], disk[0])
    assert isinstance(chosen[1], np.memmap)


def test_clips_on_disk_are_pickled_as_their_path(on_disk):
    memory, disk = on_disk
    big = disk[np.zeros(200, dtype=int)]
    assert len(pickle.dumps(big)) < 12_000
    assert pickle.loads(pickle.dumps(disk)) == memory
    assert pickle.loads(pickle.dumps(disk[[2, 0]])) == memory[[2, 0]]
    assert pickle.loads(pickle.dumps(memory[1:3])) == memory[1:3]


def test_a_pickle_of_a_file_that_changed_or_went_away(tmp_path):
    folder = make_clips().save(tmp_path / "clips")
    data = pickle.dumps(Clips.open(folder))
    make_clips(lengths=(5, 5)).save(folder, overwrite=True)
    with pytest.raises(ValueError, match=r"clips/values.npy has changed since"):
        pickle.loads(data)
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match="pickled as their path"):
        pickle.loads(data)


def test_a_memory_map_of_the_users_own_stays_on_disk(tmp_path):
    values = RNG.normal(size=(9, 4))
    np.save(tmp_path / "x.npy", values)
    clips = Clips(np.load(tmp_path / "x.npy", mmap_mode="r"), [0, 4, 9])
    assert isinstance(clips[[1]].values, np.memmap)
    part = Clips(np.load(tmp_path / "x.npy", mmap_mode="r")[4:], [0, 5])  # not a whole file
    assert pickle.loads(pickle.dumps(part)) == clips[[1]]


def test_bad_features_on_disk_are_found_once_saved_or_opened(tmp_path):
    clips = make_clips()
    clips.values[5, 0] = np.nan
    assert json.loads((clips.save(tmp_path / "a") / "clips.json").read_text())["finite"] is False
    for opened in (Clips.open(tmp_path / "a"), Clips.open(tmp_path / "a")[[3, 2]]):
        with pytest.raises(ValueError, match=r"X contains NaN: video [21], clip 0"):
            opened.check_finite()
    good = make_clips().save(tmp_path / "b")
    assert json.loads((good / "clips.json").read_text())["finite"] is True


def test_blocks_hold_whole_videos():
    clips = make_clips((4, 1, 7, 3))
    assert [block.lengths.tolist() for block in clips.blocks(5)] == [[4, 1], [7], [3]]
    assert [len(block) for block in clips.blocks(100)] == [4]


def test_float16_halves_the_file_and_must_hold_the_values(tmp_path):
    clips = make_clips()
    small = Clips.open(clips.save(tmp_path / "half", dtype="float16"))
    assert small.dtype == np.float16
    np.testing.assert_allclose(small.values, clips.values, rtol=1e-3, atol=1e-4)
    clips.values[2, 3] = 1e5
    with pytest.raises(ValueError, match=r"100000 \(clip 2, column 3\) does not fit into float16"):
        clips.save(tmp_path / "more", dtype="float16")
    assert not (tmp_path / "more").exists()
    with pytest.raises(ValueError, match="dtype='int8'"):
        clips.save(tmp_path / "more", dtype="int8")


def test_a_folder_of_version_1_still_opens(tmp_path):
    clips = make_clips()
    folder = clips.save(tmp_path / "clips")
    header = {"format": "sklearn_asn.Clips", "version": 1, "n_videos": 4}
    (folder / "clips.json").write_text(json.dumps(header))
    opened = Clips.open(folder)
    assert opened == clips
    opened.check_finite()


@pytest.mark.parametrize("name", ["values.npy", "index.npz", "clips.json"])
def test_damaged_folders_are_named(tmp_path, name):
    folder = make_clips().save(tmp_path / "clips")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged"):
        Clips.open(folder)


def test_saving_over_the_folder_that_one_reads_from(tmp_path):
    clips = make_clips()
    disk = Clips.open(clips.save(tmp_path / "clips"))
    disk[[3, 1]].save(tmp_path / "clips", overwrite=True)
    assert Clips.open(tmp_path / "clips") == clips[[3, 1]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips"]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"frames_per_clip": 3}, {"context_layers": 1}])
@pytest.mark.parametrize("variant", ["bilinear", "two-stream"])
def test_training_and_use_on_disk_equal_those_in_memory(tmp_path, variant, options):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    disk = Clips.open(X.save(tmp_path / "clips"))
    order = np.random.default_rng(1).permutation(24)  # in the file, videos lie in another order
    model = ASNLocalizer(
        variant, max_epochs=3, hidden_size=8, random_state=0, context_size=8, **options
    )
    want = model.fit(X[order], y[order])
    found, cas = want.predict(X[order]), want.transform(X[order])
    got = model.fit(disk[order], y[order])
    assert got.predict(disk[order]) == found
    for a, b in zip(got.transform(disk[order]), cas, strict=True):
        np.testing.assert_array_equal(a, b)


def test_use_in_small_blocks_gives_the_same(monkeypatch):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    model = ASNLocalizer("two-stream", max_epochs=3, random_state=0).fit(X, y)
    whole = [model.predict(X), model.predict_proba(X), *model.transform(X), *model.attention(X)]
    monkeypatch.setattr("sklearn_asn._localizers.finite.CLIPS_AT_ONCE", 50)
    parts = [model.predict(X), model.predict_proba(X), *model.transform(X), *model.attention(X)]
    assert parts[0].to_frame()[["label", "start"]].equals(whole[0].to_frame()[["label", "start"]])
    for a, b in zip(parts[1:], whole[1:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_no_more_than_a_batch_of_clips_on_disk_is_read_at_once(tmp_path, monkeypatch):
    X, y = make_untrimmed_videos(n_videos=40, random_state=0)
    disk = Clips.open(X.save(tmp_path / "clips"))[::-1]
    read = []

    def counting(original):
        def method(table, *args):
            read.append(len(rows := original(table, *args)))
            return rows

        return method

    for name in ("rows", "block"):
        monkeypatch.setattr(Table, name, counting(getattr(Table, name)))
    values = Clips.values.fget

    def of_memory(clips):
        return values(clips) if len(clips) < len(disk) else pytest.fail("all were read")

    monkeypatch.setattr(Clips, "values", property(of_memory))
    model = ASNLocalizer("fusion", max_epochs=2, batch_size=8, random_state=0)
    model.fit(disk, y[::-1])
    model.predict(disk)
    model.transform(disk)
    assert max(read) <= 8 * 7


# ------------------------------------------------------------------ checksums


@pytest.fixture
def damaged(tmp_path):
    """Clips of which one bit of video 2 was flipped on disk."""
    folder = make_clips().save(tmp_path / "clips")
    content = bytearray((folder / "values.npy").read_bytes())
    content[128 + 5 * 6 * 4 + 9] ^= 4
    (folder / "values.npy").write_bytes(content)
    return folder


MESSAGE = r"clips/values.npy is damaged: the features of video 2 \('v2'\)"


def test_a_damaged_video_is_an_error_when_it_is_used(damaged):
    disk = Clips.open(damaged)
    assert disk[1].shape == (1, 6)
    for use in (lambda: disk[2], lambda: disk.values, lambda: list(disk[[3, 2]]), disk.verify):
        with pytest.raises(ValueError, match=MESSAGE):
            use()
    with pytest.raises(ValueError, match=MESSAGE):
        pickle.loads(pickle.dumps(disk[[3, 2]]))[1]
    assert disk[[0, 3]].verify() == 2
    with pytest.raises(ValueError, match=MESSAGE):
        Clips.open(damaged, mmap=False)


@pytest.mark.parametrize("options", [{}, {"frames_per_clip": 3}])
def test_damage_is_found_in_training_and_in_use(tmp_path, options):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    folder = X.save(tmp_path / "clips")
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0, hidden_size=4)
    model.fit(Clips.open(folder), y)
    content = bytearray((folder / "values.npy").read_bytes())
    content[128 + int(X.offsets[5]) * X.n_features * X.values.itemsize + 1] ^= 1
    (folder / "values.npy").write_bytes(content)
    for use in (model.predict, lambda X: model.fit(X, y)):
        with pytest.raises(ValueError, match=r"values.npy is damaged: the features of video 5"):
            use(Clips.open(folder))
    model.predict(Clips.open(folder)[6:])  # of what is not used nothing is read


def test_verify_counts_what_has_a_checksum(tmp_path):
    clips = make_clips()
    assert clips.verify() == 0
    assert Clips.open(clips.save(tmp_path / "clips")).verify() == 4


@pytest.mark.parametrize("name", ["values.npy", "index.npz", "clips.json"])
def test_files_of_two_saves_do_not_go_together(tmp_path, name):
    one, two = (make_clips().save(tmp_path / folder) for folder in "ab")
    shutil.copy(one / name, two / name)
    with pytest.raises(ValueError, match=r"b is damaged: .*together"):
        Clips.open(two)


def test_a_folder_of_version_2_still_opens_and_goes_on(tmp_path):
    clips = make_clips()
    folder = tmp_path / "clips"
    folder.mkdir()
    np.save(folder / "values.npy", clips.values)
    names = ("offsets", "clip_seconds", "ids")
    np.savez(folder / "index.npz", **{name: getattr(clips, name) for name in names})
    header = {"format": "sklearn_asn.Clips", "version": 2, "n_videos": 4, "finite": True}
    (folder / "clips.json").write_text(json.dumps(header))
    opened = Clips.open(folder)
    assert opened == clips
    assert opened.verify() == 0
    with ClipsWriter(folder, append=True) as writer:
        writer.append(clips[0], clip_seconds=0.5, id="more")
    assert Clips.open(folder)[:4] == clips
    assert Clips.open(folder).verify() == 1


def test_saving_over_keeps_what_it_must(tmp_path):
    folder = make_clips().save(tmp_path / "clips")
    with ClipsWriter(folder, append=True) as writer:
        with pytest.raises(ValueError, match="Another ClipsWriter is at work"):
            make_clips().save(folder, overwrite=True)
        writer.append(np.ones((2, 6)), clip_seconds=0.5, id="more")
    assert len(Clips.open(folder)) == 5
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"also holds notes\.txt"):
        make_clips().save(folder, overwrite=True)
    assert len(Clips.open(folder)) == 5
    assert sorted(p.name for p in folder.iterdir()) == [
        *("clips.json", "index.npz", "notes.txt", "values.npy")
    ]


def test_a_column_that_float16_would_make_zero_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 4)).astype(np.float32)
    values[:, 2] *= 1e-9
    clips = Clips(values, [0, 5, 9])
    with pytest.raises(ValueError, match=r"\(clip 0, column 2\) becomes 0 in float16"):
        clips.save(tmp_path / "a", dtype="float16")
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match="becomes 0 in float16"):
        Clips(values * 1e-9, [0, 9]).save(tmp_path / "a", dtype="float16")
    with (
        ClipsWriter(tmp_path / "w", dtype="float16") as writer,
        pytest.raises(ValueError, match="becomes 0 in float16"),
    ):
        writer.append(values)
    with pytest.raises(ValueError, match="becomes 0 in float32"):
        Clips(values.astype(float) * 1e-60, [0, 9]).save(tmp_path / "a", dtype="float32")


def test_a_small_number_beside_larger_ones_is_rounded(tmp_path):
    values = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    values[3, 1], values[4, 2] = 1e-9, 0
    again = Clips.open(Clips(values, [0, 5, 9]).save(tmp_path / "a", dtype="float16"))
    np.testing.assert_allclose(again.values, values, rtol=1e-3, atol=1e-7)
