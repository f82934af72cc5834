"""The gestures reader, on the real recordings where there are any, and on small ones made here."""

import warnings

import numpy as np
import pytest
from helpers.data import DATA
from scipy.io import loadmat, savemat

from sklearn_asn import Clips, Segments
from sklearn_asn.datasets import load_gestures

FOLDER = DATA / "gestures"


@pytest.fixture
def made(tmp_path):
    """Write both people; the first has 7.5 s, the second as given."""

    def write(n=240, labels=None, **more):
        rng = np.random.default_rng(n)
        for person in (1, 2):
            data = rng.normal(size=(n, 15)) * np.arange(1, 16) + 400
            given = np.ones(n, dtype=np.uint8) if labels is None else np.asarray(labels)
            content = {"data": data, "labels": given.reshape(-1, 1)} | more
            savemat(tmp_path / f"subject{person}.mat", content)
        return tmp_path

    return write


def features_by_hand(window):
    """The 9 features of one signal's window of 32 samples, from their description."""
    v = window
    features = [v.mean(), v.std(), v.min(), v.max()]
    features += [np.mean([abs(v[i + 1] - v[i]) for i in range(31)]), v[31] - v[0]]
    energy = [0.0, 0.0, 0.0]
    for k in range(17):  # a plain Fourier sum, one frequency a hertz
        wave = np.exp(-2j * np.pi * k * np.arange(32) / 32)
        energy[0 if k < 2 else 1 if k < 5 else 2] += abs(((v - v.mean()) * wave).sum()) ** 2 / 32
    return features + [np.log(e + 1e-6) for e in energy]


def signals_by_hand(data):
    """Columns scaled over the recording; gyroscopes first, then accelerometers with magnitudes."""
    scaled = (data - data.mean(axis=0)) / data.std(axis=0)
    spatial, temporal = [], []
    for left in (0, 5, 10):
        acc = scaled[:, left : left + 3]
        temporal += [*acc.T, np.sqrt((acc**2).sum(axis=1))]
        spatial += [scaled[:, left + 3], scaled[:, left + 4]]
    return spatial + temporal


# ------------------------------------------------------------------- the published recordings


@pytest.fixture(scope="module")
def real():
    if not FOLDER.is_dir():
        pytest.skip("the gestures are not in ../shared/data/gestures")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing of it is left out
        return load_gestures(FOLDER)


def test_real_counts(real):
    assert isinstance(real.X, Clips)
    assert isinstance(real.y, Segments)
    assert np.bincount(real.groups).tolist() == [0, 66, 74]
    assert real.X.values.shape == (8188, 162)
    assert real.X.values.dtype == np.float32
    assert set(real.y.label) == set(real.classes)
    assert len(real.classes) == 11
    n_labels = [len({segment.label for segment in bag}) for bag in real.y]
    assert 4.6 < np.mean(n_labels) < 4.75
    assert real.X.ids[[0, 66]].tolist() == ["subject1_0000s", "subject2_0000s"]
    assert real.X.ids.tolist() == real.y.ids.tolist()
    assert np.all(real.X.clip_seconds == 0.5)
    assert np.all(real.X.start_seconds == 0.25)
    real.X.check_finite()


def test_real_gestures_add_up(real):
    y = load_gestures(FOLDER, bag_seconds=None).y
    assert len(y.label) == 572
    labels = np.concatenate([loadmat(FOLDER / f"subject{p}.mat")["labels"].ravel() for p in (1, 2)])
    for number, name in enumerate(real.classes, 2):
        for segments in (y, real.y):
            mine = segments.label == name
            seconds = np.sum(segments.end[mine] - segments.start[mine])
            np.testing.assert_allclose(seconds, np.sum(labels == number) / 32)


def test_real_clips_by_hand(real):
    data = loadmat(FOLDER / "subject2.mat")["data"]
    signals = signals_by_hand(data)
    bag = real.X.ids.tolist().index("subject2_0600s")
    for clip in (0, 31, len(real.X[bag]) - 1):
        first = 600 * 32 + 16 * clip
        expected = np.concatenate([features_by_hand(v[first : first + 32]) for v in signals])
        np.testing.assert_allclose(real.X[bag][clip], expected, rtol=2e-5, atol=2e-6)


# ------------------------------------------------------------------------- small ones of our own


def test_clips_streams_and_times(made):
    labels = np.ones(240, dtype=np.uint8)
    labels[:40] = 2
    labels[90:200] = 12  # cut at the bag's border, sample 120
    folder = made(labels=labels)
    data = load_gestures(folder, subject=2, bag_seconds=3.75)
    assert data.X.ids.tolist() == ["subject2_0000s", "subject2_0003.75s"]
    assert data.groups.tolist() == [2, 2]
    assert data.X.lengths.tolist() == [6, 6]  # (120 - 32) // 16 + 1
    assert [segment[:3] for segment in data.y[0]] == [
        ("Open window", 0, 40 / 32),
        ("Smash", 90 / 32, 120 / 32),
    ]
    assert [segment[:3] for segment in data.y[1]] == [("Smash", 0, 80 / 32)]
    names = data.feature_names
    assert [name.split("_")[0] for name in names] == ["spatial"] * 54 + ["temporal"] * 108
    assert names[0] == "spatial_hand_x_mean"
    assert names[-1] == "temporal_upper_mag_energy_2"
    signals = signals_by_hand(loadmat(folder / "subject2.mat")["data"])
    first = 120 + 2 * 16
    expected = np.concatenate([features_by_hand(v[first : first + 32]) for v in signals])
    np.testing.assert_allclose(data.X[1][2], expected, rtol=2e-5, atol=2e-6)


def test_a_clip_stands_for_the_middle_of_its_window(made):
    X = load_gestures(made(), subject=1).X
    start = X.start_seconds[0] + 3 * X.clip_seconds[0]
    middle_of_window = (3 * 16 + 16) / 32
    assert start + X.clip_seconds[0] / 2 == middle_of_window


def test_a_rest_too_short_is_left_out_with_a_word(made):
    labels = np.ones(240, dtype=np.uint8)
    labels[150:200] = 3
    labels[220:230] = 4
    with pytest.warns(UserWarning, match=r"the last 2.1875 s.*1 gestures lie in them"):
        data = load_gestures(made(240, labels), subject=1, bag_seconds=170 / 32)
    assert [segment[:3] for segment in data.y[0]] == [("Drink", 150 / 32, 170 / 32)]
    whole = load_gestures(made(240, labels), bag_seconds=None)
    assert len(whole.y.label) == 4
    assert whole.groups.tolist() == [1, 2]


def test_dtype(made):
    folder = made()
    exact = load_gestures(folder, dtype=np.float64).X
    assert exact.dtype == np.float64
    np.testing.assert_array_equal(load_gestures(folder).X.values, exact.values.astype(np.float32))


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ({"subject": 3}, "subject must be 1, 2 or None, got 3"),
        ({"subject": True}, "subject must be"),
        ({"subject": "1"}, "subject must be"),
        ({"bag_seconds": 2.0}, r"at least four clips of 2.5 s; got 2.0"),
        ({"bag_seconds": 30.01}, "multiple of 0.03125 s"),
        ({"dtype": int}, "floating type"),
    ],
)
def test_bad_arguments(made, argument, match):
    with pytest.raises(ValueError, match=match):
        load_gestures(made(), **argument)


@pytest.mark.parametrize(
    ("labels", "more", "match"),
    [
        (np.full(240, 13), {}, r"subject1.mat, sample 0: label 13, expected 1 to 12"),
        (np.full(240, 1.5), {}, "sample 0: label 1.5"),
        (np.ones(239), {}, "239 labels for 240 samples"),
        (None, {"data": np.zeros((240, 15))}, "column 0 of data never changes"),
        (None, {"data": np.full((240, 15), np.nan)}, r"data\[0, 0\] is not finite"),
        (None, {"data": np.ones((240, 14))}, r"data has shape \(240, 14\)"),
        (None, {"data": np.ones((79, 15))}, "at least 80 samples"),
        (None, {"data": "text"}, "data does not hold numbers"),
    ],
)
def test_bad_files(made, labels, more, match):
    with pytest.raises(ValueError, match=match):
        load_gestures(made(240, labels, **more))


def test_missing_and_damaged_files(made):
    folder = made()
    (folder / "subject2.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"subject2.mat is missing"):
        load_gestures(folder)
    assert len(load_gestures(folder, subject=1).X) == 1
    whole = (folder / "subject1.mat").read_bytes()
    for content in (whole[:1000], b"", b"no matlab" * 40):
        (folder / "subject1.mat").write_bytes(content)
        with pytest.raises(ValueError, match=r"subject1.mat is no MATLAB file, or is damaged"):
            load_gestures(folder, subject=1)
    savemat(folder / "subject1.mat", {"labels": np.ones((240, 1))})
    with pytest.raises(ValueError, match="holds no 'data'"):
        load_gestures(folder, subject=1)
