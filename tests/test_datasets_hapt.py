"""The HAPT reader, on the real archive where there is one, and on a small one written here."""

import itertools
import time
import zipfile

import numpy as np
import pytest
from helpers.data import DATA
from helpers.hapt import (
    LABELS,
    N_SAMPLES,
    NAMES,
    features_by_hand,
    small_files,
    write_archive,
    write_folder,
)

from sklearn_asn import Clips, Segments
from sklearn_asn.datasets import load_hapt

ARCHIVE = DATA / "hapt" / "hapt.zip"
PUBLISHED = {"train": (21, 546, 23915, 1233), "test": (9, 224, 9754, 523)}


def numbers_of(path, top=""):
    """Rows of one text file of an archive, read by plain Python."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(top).decode().splitlines()
    return np.array([[float(word) for word in line.split()] for line in lines])


# --------------------------------------------------------------------- the published archive


@pytest.fixture(scope="module")
def timed():
    """The whole archive, and the seconds of CPU that loading it took."""
    if not ARCHIVE.is_file():
        pytest.skip("the HAPT archive is not in ../shared/data/hapt")
    start = time.process_time()
    return load_hapt(ARCHIVE), time.process_time() - start


@pytest.fixture(scope="module")
def real(timed):
    return timed[0]


def counted_by_hand():
    """Bags, clips, segments and bags without any, with plain loops over the archive's text."""
    labels = numbers_of(ARCHIVE, "RawData/labels.txt").astype(int)
    bags, clips, segments, bare = 0, 0, 0, 0
    for experiment, user in sorted({(row[0], row[1]) for row in labels}):
        with zipfile.ZipFile(ARCHIVE) as archive:
            text = archive.read(f"RawData/acc_exp{experiment:02d}_user{user:02d}.txt")
        n = text.count(b"\n")
        borders = [*range(0, n, 1500), n]
        if borders[-1] - borders[-2] < 64:
            del borders[-2]
        for start, end in itertools.pairwise(borders):
            inside = [row for row in labels if row[0] == experiment]
            inside = [row for row in inside if row[3] - 1 < end and row[4] > start]
            bags, segments, bare = bags + 1, segments + len(inside), bare + (not inside)
            clips += len(range(start, end - 63, 32))
    return bags, clips, segments, bare


@pytest.mark.slow
def test_real_counts(real):
    assert isinstance(real.X, Clips)
    assert isinstance(real.y, Segments)
    assert len(real.X) == len(real.y) == len(real.groups) == 770
    assert real.X.values.shape == (33669, 80)
    assert real.X.values.dtype == np.float32
    assert len(real.y.label) == 1756
    assert np.sum(real.y.lengths == 0) == 47
    assert counted_by_hand() == (770, 33669, 1756, 47)
    assert np.unique(real.groups).tolist() == list(range(1, 31))
    assert real.classes[[0, 11]].tolist() == ["WALKING", "LIE_TO_STAND"]
    assert set(real.y.label) == set(real.classes)
    labels = [{segment.label for segment in bag} for bag in real.y]
    assert 2.15 < np.mean([len(bag) for bag in labels if bag]) < 2.25
    assert real.X.ids[:2].tolist() == ["exp01_user01_0000s", "exp01_user01_0030s"]
    assert real.X.ids.tolist() == real.y.ids.tolist()
    assert np.all(real.X.clip_seconds == 0.64)
    assert np.all(real.X.start_seconds == 0.32)
    assert real.feature_names == real.X.feature_names.tolist()
    assert [real.feature_names[i] for i in (0, 39, 40, 79)] == [
        "gyro_x_mean",
        "gyro_mag_energy_3",
        "acc_x_mean",
        "acc_mag_energy_3",
    ]
    real.X.check_finite()


@pytest.mark.slow
@pytest.mark.parametrize("bag_seconds", [30.0, 7.5, None])
def test_real_segments_rejoin(real, bag_seconds):
    """What is cut at the bags' borders adds up to the published labels, activity by activity."""
    labels = numbers_of(ARCHIVE, "RawData/labels.txt").astype(int)
    loaded = real if bag_seconds == 30 else load_hapt(ARCHIVE, bag_seconds=bag_seconds)
    y = loaded.y
    samples = dict.fromkeys(real.classes, 0)
    for _, _, activity, first, last in labels:
        samples[real.classes[activity - 1]] += last - first + 1
    for name, n in samples.items():
        mine = y.label == name
        np.testing.assert_allclose(np.sum(y.end[mine] - y.start[mine]), n / 50)
    if bag_seconds is None:
        assert len(y) == 61
        assert len(y.label) == 1214
    n_samples = len(numbers_of(ARCHIVE, "RawData/gyro_exp01_user01.txt"))
    rows = labels[labels[:, 0] == 1]
    truth, rebuilt = np.zeros(n_samples, dtype=int), np.zeros(n_samples, dtype=int)
    for _, _, activity, first, last in rows:
        truth[first - 1 : last] = activity
    for name, bag in zip(y.ids, y, strict=True):
        if name.startswith("exp01_"):
            zero = float(name.split("_")[2][:-1])
            for label, start, end, _ in bag:
                piece = slice(round((zero + start) * 50), round((zero + end) * 50))
                rebuilt[piece] = list(real.classes).index(label) + 1
    assert np.array_equal(truth, rebuilt)


@pytest.mark.slow
def test_real_background_share(real):
    labelled = np.sum(real.y.end - real.y.start)
    assert round(100 * (1 - labelled / (1122772 / 50))) == 27


@pytest.mark.slow
def test_real_feature_by_hand(real):
    bag = real.X.ids.tolist().index("exp05_user03_0060s")
    for clip in (0, 17, len(real.X[bag]) - 1):
        first = 60 * 50 + 32 * clip
        expected = [
            features_by_hand(numbers_of(ARCHIVE, f"RawData/{s}_exp05_user03.txt")[first:][:64])
            for s in ("gyro", "acc")
        ]
        np.testing.assert_allclose(
            real.X[bag][clip], np.concatenate(expected), rtol=2e-5, atol=2e-6
        )


@pytest.mark.slow
def test_real_split(real):
    parts = {subset: load_hapt(ARCHIVE, subset=subset) for subset in PUBLISHED}
    for subset, (n_people, n_bags, n_clips, n_segments) in PUBLISHED.items():
        part = parts[subset]
        assert len(set(part.groups)) == n_people
        assert (len(part.X), len(part.X.values), len(part.y.label)) == (n_bags, n_clips, n_segments)
        chosen = np.isin(real.groups, part.groups)
        assert real.X[chosen] == part.X
        assert real.y[chosen] == part.y
    assert not set(parts["train"].groups) & set(parts["test"].groups)


@pytest.mark.slow
def test_real_archive_loads_in_seconds(timed):
    assert timed[1] < 8


# ------------------------------------------------------------------------ a small copy of it


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "hapt", small_files())


def same(a, b):
    assert a.X == b.X
    assert a.y == b.y
    assert np.array_equal(a.groups, b.groups)
    assert np.array_equal(a.classes, b.classes)


def test_archive_and_folder_are_equal(folder, tmp_path):
    data = load_hapt(folder, bag_seconds=2)
    same(data, load_hapt(str(write_archive(tmp_path / "a.zip", small_files())), bag_seconds=2))
    below = {f"HAPT Data Set/{name}": text for name, text in small_files().items()}
    same(data, load_hapt(write_archive(tmp_path / "b.zip", below), bag_seconds=2))
    same(data, load_hapt(write_folder(tmp_path / "below", below), bag_seconds=2))


def test_line_ends_and_trailing_blanks_do_not_matter(folder, tmp_path):
    files = {name: text.replace("\n", " \r\n") + "\r\n" for name, text in small_files().items()}
    path = tmp_path / "windows.zip"
    same(load_hapt(folder), load_hapt(write_archive(path, files)))


def test_order_of_label_rows_does_not_matter(folder):
    data = load_hapt(folder, bag_seconds=2)
    rows = (folder / "RawData/labels.txt").read_text().splitlines()
    (folder / "RawData/labels.txt").write_text("\n".join(rows[::-1]))
    same(data, load_hapt(folder, bag_seconds=2))


def test_bags(folder):
    data = load_hapt(folder, bag_seconds=2.0)
    # 330 samples: 3 bags, the rest of 30 joined to the last; 260: the rest of 60 joined, too
    assert data.X.ids.tolist() == [
        "exp01_user01_0000s",
        "exp01_user01_0002s",
        "exp01_user01_0004s",
        "exp02_user01_0000s",
        "exp02_user01_0002s",
        "exp03_user02_0000s",
        "exp03_user02_0002s",
        "exp04_user05_0000s",
    ]
    assert data.X.lengths.tolist() == [2, 2, 3, 2, 2, 2, 4, 1]
    assert data.groups.tolist() == [1, 1, 1, 1, 1, 2, 2, 5]
    segments = [[(s.label, s.start, s.end) for s in bag] for bag in data.y]
    assert segments == [
        [("SITTING", 0.2, 2.0)],
        [("SITTING", 0.0, 1.0), ("WALKING", 1.0, 2.0)],
        [("WALKING", 0.0, 2.6)],
        [],
        [("LAYING", 0.0, 2.0)],
        [("WALKING", 0.0, 2.0)],
        [("SITTING", 2.98, 3.0)],
        [],
    ]
    assert np.isnan(data.y.score).all()


def test_last_bag_may_be_shorter(folder):
    data = load_hapt(folder, bag_seconds=2.5)  # 330 = 125 + 125 + 80
    assert data.X.ids[:3].tolist() == [
        "exp01_user01_0000s",
        "exp01_user01_0002.50s",
        "exp01_user01_0005s",
    ]
    assert data.X.lengths[:3].tolist() == [2, 2, 1]


def test_whole_recordings(folder):
    data = load_hapt(folder, bag_seconds=None)
    assert data.X.ids.tolist() == [f"exp0{e}_user0{u}_0000s" for e, u in N_SAMPLES]
    assert data.X.lengths.tolist() == [(n - 64) // 32 + 1 for n in N_SAMPLES.values()]
    rows = zip(data.y.video + 1, data.y.label, data.y.start, data.y.end, strict=True)
    expected = [(e, NAMES[k - 1], (first - 1) / 50, last / 50) for e, _, k, first, last in LABELS]
    assert list(rows) == expected


def test_features_and_dtype(folder):
    data = load_hapt(folder, bag_seconds=2, dtype=np.float64)
    assert data.X.values.dtype == np.float64
    gyro, acc = (np.loadtxt(folder / f"RawData/{s}_exp03_user02.txt") for s in ("gyro", "acc"))
    for clip in range(4):  # the second bag of the third recording
        rows = slice(100 + 32 * clip, 164 + 32 * clip)
        expected = np.concatenate([features_by_hand(gyro[rows]), features_by_hand(acc[rows])])
        np.testing.assert_allclose(data.X[6][clip], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        load_hapt(folder, bag_seconds=2).X.values, data.X.values, rtol=1e-6, atol=1e-6
    )


def test_clips_lie_in_the_middle_of_their_windows(folder):
    """A burst in the middle half of a window is seen most by the clip whose time it has."""
    quiet = np.zeros((330, 3))
    quiet[16 + 5 * 32 : 48 + 5 * 32] = np.random.default_rng(0).standard_normal((32, 3))
    np.savetxt(folder / "RawData/acc_exp01_user01.txt", quiet)
    X = load_hapt(folder, bag_seconds=None).X
    clip = int(np.argmax(X[0][:, X.feature_names.tolist().index("acc_mag_absdiff")]))
    span = X.to_time(np.array([0, 0]), np.array([clip, clip + 1])) * 50
    np.testing.assert_allclose(span, [16 + 5 * 32, 48 + 5 * 32])


def test_subsets(folder):
    assert set(load_hapt(folder, subset="train").groups) == {1, 5}
    test = load_hapt(folder, subset="test", bag_seconds=None)
    assert test.groups.tolist() == [2]
    assert test.y == load_hapt(folder, bag_seconds=None).y[2:3]
    (folder / "Train" / "subject_id_train.txt").unlink()
    assert len(set(load_hapt(folder).groups)) == 3  # the lists are not needed for all


def test_description(folder):
    text = load_hapt(folder).DESCR
    assert "not video" in text
    assert "CC BY 4.0" in text
