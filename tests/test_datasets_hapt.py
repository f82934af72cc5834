"""The HAPT reader, on the real archive where there is one, and on a small one written here."""

import itertools
import time
import zipfile

import numpy as np
import pytest
from helpers.data import DATA

from sklearn_asn import Clips, Segments
from sklearn_asn.datasets import load_hapt

ARCHIVE = DATA / "hapt" / "hapt.zip"
PUBLISHED = {"train": (21, 546, 23915, 1233), "test": (9, 224, 9754, 523)}
NAMES = ["WALKING", "SITTING", "LAYING"]
N_SAMPLES = {(1, 1): 330, (2, 1): 200, (3, 2): 260, (4, 5): 64}
LABELS = [
    (1, 1, 2, 11, 150),
    (1, 1, 1, 151, 330),
    (2, 1, 3, 101, 200),  # begins where the second bag of 2 s does
    (3, 2, 1, 1, 100),
    (3, 2, 2, 250, 250),
]


def numbers_of(path, top=""):
    """Rows of one text file of an archive, read by plain Python."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(top).decode().splitlines()
    return np.array([[float(word) for word in line.split()] for line in lines])


def features_by_hand(window):
    """The 40 features of one window ``(64, 3)``, from their description."""
    columns = [*window.T, np.sqrt((window**2).sum(axis=1))]
    features = []
    for v in columns:
        features += [v.mean(), v.std(), v.min(), v.max()]
        features += [np.mean([abs(v[i + 1] - v[i]) for i in range(63)]), v[63] - v[0]]
        energy = [0.0, 0.0, 0.0, 0.0]
        for k in range(33):  # a plain Fourier sum at k * 50 / 64 Hz
            wave = np.exp(-2j * np.pi * k * np.arange(64) / 64)
            hertz = k * 50 / 64
            band = 0 if hertz < 2 else 1 if hertz < 5 else 2 if hertz < 10 else 3
            energy[band] += abs(((v - v.mean()) * wave).sum()) ** 2 / 64
        features += [np.log(e + 1e-6) for e in energy]
    return np.array(features)


# --------------------------------------------------------------------- the published archive


@pytest.fixture(scope="module")
def real():
    if not ARCHIVE.is_file():
        pytest.skip("the HAPT archive is not in ../shared/data/hapt")
    return load_hapt(ARCHIVE)


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


@pytest.mark.parametrize("bag_seconds", [30.0, 7.5, None])
def test_real_segments_rejoin(real, bag_seconds):
    """What is cut at the bags' borders adds up to the published labels, activity by activity."""
    labels = numbers_of(ARCHIVE, "RawData/labels.txt").astype(int)
    y = load_hapt(ARCHIVE, bag_seconds=bag_seconds).y
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


def test_real_background_share(real):
    labelled = np.sum(real.y.end - real.y.start)
    assert round(100 * (1 - labelled / (1122772 / 50))) == 27


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


def test_real_archive_loads_in_seconds(real):
    start = time.process_time()
    load_hapt(ARCHIVE)
    assert time.process_time() - start < 8


# ------------------------------------------------------------------------ a small copy of it


def small_files():
    """Return the small data set as a dict of name to text, as published."""
    rng = np.random.default_rng(0)
    files = {
        "activity_labels.txt": "".join(f"{i} {name:<20}\n" for i, name in enumerate(NAMES, 1)),
        "RawData/labels.txt": "".join(" ".join(map(str, row)) + "\n" for row in LABELS),
        "Train/subject_id_train.txt": "1\n1\n5\n",
        "Test/subject_id_test.txt": "2\n",
    }
    for (experiment, user), n in N_SAMPLES.items():
        for sensor in ("acc", "gyro"):
            rows = rng.standard_normal((n, 3)).cumsum(axis=0)
            text = "".join("{!r} {!r} {!r}\n".format(*row) for row in rows.tolist())
            files[f"RawData/{sensor}_exp{experiment:02d}_user{user:02d}.txt"] = text
    return files


def write_folder(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write_archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


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


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("subset", ["Train", "validation", None])
def test_unknown_subset(folder, subset):
    with pytest.raises(ValueError, match="subset must be"):
        load_hapt(folder, subset=subset)


@pytest.mark.parametrize("seconds", [1.26, 0, -3.0, 30.01, np.nan, np.inf, "30"])
def test_bag_seconds(folder, seconds):
    with pytest.raises(ValueError, match="bag_seconds must be"):
        load_hapt(folder, bag_seconds=seconds)


def test_dtype(folder):
    with pytest.raises(ValueError, match="dtype must be"):
        load_hapt(folder, dtype=np.int32)


def test_no_such_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.zip"):
        load_hapt(tmp_path / "nowhere.zip")


def test_no_raw_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="RawData"):
        load_hapt(tmp_path)
    for name in ("a", "b"):
        write_folder(tmp_path / name, small_files())
    with pytest.raises(FileNotFoundError, match="RawData in 2"):
        load_hapt(tmp_path)


def test_no_archive(folder):
    with pytest.raises(ValueError, match=r"labels\.txt is no zip archive"):
        load_hapt(folder / "RawData" / "labels.txt")


def test_truncated_archive(tmp_path):
    path = write_archive(tmp_path / "a.zip", small_files())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"a\.zip is no zip archive, or is cut short"):
        load_hapt(path)


def test_damaged_member(tmp_path):
    path = write_archive(tmp_path / "a.zip", small_files())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("RawData/gyro_exp02_user01.txt")
        middle = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    content = bytearray(path.read_bytes())
    content[middle : middle + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"gyro_exp02_user01\.txt is damaged"):
        load_hapt(path)


@pytest.mark.parametrize(
    "name",
    [
        "activity_labels.txt",
        "RawData/labels.txt",
        "RawData/acc_exp03_user02.txt",
        "RawData/gyro_exp03_user02.txt",
        "Train/subject_id_train.txt",
        "Test/subject_id_test.txt",
    ],
)
@pytest.mark.parametrize("form", ["archive", "folder"])
def test_missing_file(tmp_path, name, form):
    files = small_files()
    del files[name]
    write = write_archive if form == "archive" else write_folder
    path = write(tmp_path / "hapt", files)
    with pytest.raises(FileNotFoundError, match=rf"{name}.* is missing"):
        load_hapt(path, subset="test")


def test_no_recordings(tmp_path):
    files = {name: text for name, text in small_files().items() if "_exp" not in name}
    with pytest.raises(FileNotFoundError, match="acc_exp01_user01"):
        load_hapt(write_folder(tmp_path, files))


def edited(folder, name, line, text):
    """Replace one line (from 1) of a file; None leaves it out."""
    lines = (folder / name).read_text().splitlines()
    lines[line - 1 : line] = [] if text is None else [text]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize(
    "text", ["1.0 2.0", "1 2 3 4", "1 2 x", "1 nan 3", "1 inf 3", "", '"1 2 3']
)
@pytest.mark.parametrize("line", [1, 7, 64])
@pytest.mark.parametrize("sensor", ["acc", "gyro"])
def test_malformed_samples(folder, sensor, line, text):
    edited(folder, f"RawData/{sensor}_exp04_user05.txt", line, text)
    if text == "" and line == 64:  # an empty last line is no row
        match = "63"
    else:
        match = rf"{sensor}_exp04_user05\.txt, line {line}: not 3 finite numbers"
    with pytest.raises(ValueError, match=match):
        load_hapt(folder)


def test_empty_file(folder):
    (folder / "RawData/acc_exp04_user05.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"acc_exp04_user05\.txt, line 1"):
        load_hapt(folder)


def test_all_rows_too_wide(folder):
    (folder / "RawData/acc_exp04_user05.txt").write_text("1 2 3 4\n" * 64)
    with pytest.raises(ValueError, match=r"acc_exp04_user05\.txt, line 1: not 3"):
        load_hapt(folder)


def test_sensors_of_different_length(folder):
    edited(folder, "RawData/acc_exp03_user02.txt", 5, None)
    with pytest.raises(ValueError, match=r"gyro_exp03_user02.txt has 260 .*acc_.* has 259"):
        load_hapt(folder)


def test_recording_shorter_than_a_window(folder):
    for sensor in ("acc", "gyro"):
        edited(folder, f"RawData/{sensor}_exp04_user05.txt", 5, None)
    with pytest.raises(ValueError, match=r"exp04_user05.*has 63; .* at least 64"):
        load_hapt(folder)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1 1 1 151 331", "past the recording"),
        ("1 1 1 0 330", "past the recording"),
        ("1 1 1 200 199", "not in order"),
        ("1 1 4 151 330", "unknown activity"),
        ("1 1 0 151 330", "unknown activity"),
        ("9 1 1 151 330", "no recording"),
        ("1 2 1 151 330", "no recording"),
        ("1 1 1 151.5 330", "whole numbers"),
        ("1 1 1 151 1e300", "whole numbers"),
        ("1 1 1 151", "not 5 finite numbers"),
    ],
)
def test_bad_label_row(folder, row, why):
    edited(folder, "RawData/labels.txt", 2, row)
    with pytest.raises(ValueError, match=rf"labels\.txt, line 2.*{why}"):
        load_hapt(folder)


@pytest.mark.parametrize("name", ["activity_labels.txt", "RawData/labels.txt"])
def test_empty_table(folder, name):
    (folder / name).write_text("")
    with pytest.raises(ValueError, match=rf"{name}, line 1"):
        load_hapt(folder)


@pytest.mark.parametrize("text", ["3 SITTING", "2", "2 WALKING", "2 SITTING DOWN", "x SITTING"])
def test_bad_activity(folder, text):
    edited(folder, "activity_labels.txt", 2, text)
    with pytest.raises(ValueError, match=r"activity_labels\.txt, line 2"):
        load_hapt(folder)


@pytest.mark.parametrize("people", ["5\n", "1\n2\n5\n"])
@pytest.mark.parametrize("subset", ["train", "test"])
def test_person_not_in_one_list(folder, people, subset):
    (folder / "Train/subject_id_train.txt").write_text(people)
    user = 1 if people == "5\n" else 2
    with pytest.raises(ValueError, match=f"User {user} must be in one of .*train.*test"):
        load_hapt(folder, subset=subset)


def test_nobody_in_subset(folder):
    (folder / "Train/subject_id_train.txt").write_text("1\n2\n5\n")
    (folder / "Test/subject_id_test.txt").write_text("7\n")
    with pytest.raises(ValueError, match="no recording of the test people"):
        load_hapt(folder, subset="test")
