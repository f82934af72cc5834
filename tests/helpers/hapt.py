"""A small data set in the form of HAPT, and its features from their description."""

import zipfile

import numpy as np

NAMES = ["WALKING", "SITTING", "LAYING"]
N_SAMPLES = {(1, 1): 330, (2, 1): 200, (3, 2): 260, (4, 5): 64}
LABELS = [
    (1, 1, 2, 11, 150),
    (1, 1, 1, 151, 330),
    (2, 1, 3, 101, 200),  # begins where the second bag of 2 s does
    (3, 2, 1, 1, 100),
    (3, 2, 2, 250, 250),
]


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
