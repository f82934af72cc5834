"""UCI HAPT: two streams of a phone's motion sensors, cut into bags of clips."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import Bunch

from sklearn_asn._checks import as_path
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._disk.claims import check_zip
from sklearn_asn._typing import HaptSubset
from sklearn_asn.datasets._motion import (
    Floats,
    Ints,
    bag_samples,
    check_floating,
    cut,
    kinds_of,
    numbered,
    seconds_text,
    window_features,
)

Folder = Path | zipfile.Path  # an archive is read like a folder

RATE = 50  # samples a second
WINDOW = 64  # samples of a clip's window
STEP = 32  # samples from one window to the next
MARGIN = (WINDOW - STEP) / 2  # samples of a window before the clip it stands for
BANDS = (0.0, 2.0, 5.0, 10.0)  # lower borders in Hz; the last band ends at 25 Hz
STREAMS = ("gyro", "acc")  # spatial, temporal
SIGNALS = ("x", "y", "z", "mag")

DESCR = """\
UCI HAPT: Smartphone-Based Recognition of Human Activities and Postural Transitions.

This is not video: it is the gyroscope (rad/s) and the accelerometer (g) of a phone at the waist of
30 people, 50 samples a second: two real streams with labelled segments of 12 activities. A bag is
a piece of a recording. A clip is a window of 64 samples (1.28 s), every 32 (0.64 s), inside its
bag; it stands for the middle half of its window, so that clips tile time. Features of each
stream, for x, y, z and the vector's magnitude: mean, standard deviation, minimum, maximum, mean
absolute difference of neighbours (absdiff), last minus first sample (delta), and log(energy + 1e-6)
in the bands [0, 2), [2, 5), [5, 10) and [10, 25] Hz (energy_0 to energy_3), where energy is the
sum of |rfft|^2 / 64 of the window less its mean.
Source: J. Reyes-Ortiz et al., UCI Machine Learning Repository (2015). Licence: CC BY 4.0.
"""


def load_hapt(
    path: str | os.PathLike[str],
    *,
    subset: HaptSubset = "all",
    bag_seconds: float | None = 30.0,
    dtype: DTypeLike = np.float32,
) -> Bunch:
    """Load the UCI HAPT recordings (not video: two motion sensors of a phone) as bags of clips.

    Gyroscope and accelerometer play the two streams: the gyroscope's columns come first, where the
    spatial stream is by default; the accelerometer is the temporal stream. A whole recording
    contains all activities, so a bag (what the package calls a video) is a piece of one.

    Parameters
    ----------
    path : path
        The published archive, or the folder it unpacks to; the data may lie one folder down.
    subset : {"train", "test", "all"}, default="all"
        People of the official split (``Train/subject_id_train.txt``, ``Test/...``), or everybody.
    bag_seconds : float or None, default=30.0
        Length of a bag, a multiple of 0.02 s and at least 1.28 s. The last bag of a recording may
        be shorter; a rest too short for one window is joined to the bag before it. Segments are
        cut at a bag's border. None: whole recordings.
    dtype : dtype, default=float32
        Floating type of the features (computed in double precision).

    Returns
    -------
    Bunch
        - ``X`` : `Clips`, shape (n_bags,), columns such as ``gyro_x_mean`` (40 a stream), ids such
          as ``exp01_user01_0030s`` (where the bag starts). A clip is a window of 64 samples, every
          32; it stands for the middle half: ``clip_seconds=0.64``, ``start_seconds=0.32``.
        - ``y`` : `Segments`, shape (n_bags,), in seconds from the bag's start, labelled by
          activity; no segments where nothing is labelled.
        - ``groups`` : int array, shape (n_bags,), the person.
        - ``feature_names`` : list of str. ``classes`` : array of str, in the file's order.
          ``DESCR`` : str, what the data are, how features are made, the licence (CC BY 4.0).

    Raises
    ------
    FileNotFoundError
        `path`, or a file of the data set in it, is not there.
    ValueError
        An argument is out of range, the archive is damaged, or a file (named, with its line) is
        malformed, not finite, or at odds with the others.

    Examples
    --------
    >>> from sklearn_asn.datasets import load_hapt
    >>> load_hapt("hapt.zip", subset="train").X  # doctest: +SKIP
    Clips(n_videos=546, n_clips=23915, n_features=80, dtype=float32, clip_seconds=0.64)
    """
    if subset not in ("train", "test", "all"):
        raise ValueError(f"subset must be 'train', 'test' or 'all', got {subset!r}.")
    check_floating(dtype)
    size = None if bag_seconds is None else bag_samples(bag_seconds, RATE, WINDOW, "one window")
    with ExitStack() as stack:
        root = _root(path, stack)
        raw = root / "RawData"
        classes = _activities(root / "activity_labels.txt")
        names, numbers = _recordings(raw)
        labels = _integers(raw / "labels.txt", 5)  # experiment, user, activity, first, last sample
        unknown = (labels[:, 2] < 1) | (labels[:, 2] > len(classes))
        _refuse(raw / "labels.txt", labels, unknown, "unknown activity")
        unknown = _named(numbers, labels) < 0
        _refuse(raw / "labels.txt", labels, unknown, "no recording of this experiment and user")
        if subset != "all":
            chosen = _in_subset(root, subset, numbers[:, 1])
            if not chosen.any():
                raise ValueError(f"{root} holds no recording of the {subset} people.")
            names, numbers = names[chosen], numbers[chosen]
        samples = [_samples(raw, name) for name in names]
    n_samples = np.array([len(both) for both in samples])
    which = _named(numbers, labels)  # -1: of another subset
    outside = (labels[:, 3] < 1) | (labels[:, 3] > labels[:, 4])
    outside |= (which >= 0) & (labels[:, 4] > n_samples[which])
    _refuse(raw / "labels.txt", labels, outside, "samples not in order, or past the recording")

    # Bags: recording, start and end in its samples. Clips: the bag, the start of the window.
    size = n_samples.max() if size is None else size
    n_bags = np.maximum(n_samples // size + (n_samples % size >= WINDOW), 1)
    recording, rank = numbered(n_bags)
    start = rank * size
    end = np.where(rank == n_bags[recording] - 1, n_samples[recording], start + size)
    clips = offsets_from_lengths((end - start - WINDOW) // STEP + 1)
    bag, rank = numbered(np.diff(clips))
    first = np.split(start[bag] + STEP * rank, clips[np.cumsum(n_bags)[:-1]])
    values = [_features(*pair).astype(dtype) for pair in zip(samples, first, strict=True)]
    # Segments: on one time axis through all recordings, cut where bags meet.
    zero = offsets_from_lengths(n_samples)
    borders = np.append(zero[recording] + start, zero[-1])
    rows = labels[which >= 0]
    shift = zero[which[which >= 0]]
    row, bag, times = cut(shift + rows[:, 3] - 1, shift + rows[:, 4], borders)

    seconds = seconds_text(start, RATE)
    ids = [f"{name}_{s}s" for name, s in zip(names[recording], seconds, strict=True)]
    columns = [
        f"{stream}_{s}_{kind}" for stream in STREAMS for s in SIGNALS for kind in kinds_of(BANDS)
    ]
    segments = offsets_from_lengths(np.bincount(bag, minlength=len(start)))
    return Bunch(
        X=Clips(np.concatenate(values), clips, STEP / RATE, MARGIN / RATE, ids, columns),
        y=Segments(segments, classes[rows[row, 2] - 1], times[0] / RATE, times[1] / RATE, ids=ids),
        groups=numbers[recording, 1],
        feature_names=columns,
        classes=classes,
        DESCR=DESCR,
    )


def _features(samples: Floats, first: Ints) -> Floats:
    """Return the features of windows that start at `first`; samples ``(n, 2 streams, 3)``."""
    magnitude = np.linalg.norm(samples, axis=2, keepdims=True)
    signals = np.concatenate([samples, magnitude], axis=2).reshape(len(samples), -1)
    return window_features(signals, first, WINDOW, RATE, BANDS)


def _root(path: str | os.PathLike[str], stack: ExitStack) -> Folder:
    """Return the folder that holds RawData, in an archive (open until `stack` ends) or on disk."""
    top: Folder = as_path(path)
    if not top.is_dir():
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            check_zip(archive, str(path))
            top = zipfile.Path(archive)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path} is no zip archive, or is cut short: {error}.") from error
    if (top / "RawData").is_dir():
        return top
    below = [folder for folder in top.iterdir() if (folder / "RawData").is_dir()]
    if len(below) != 1:
        raise FileNotFoundError(f"{top} has RawData in {len(below)} of its folders; expected one.")
    return below[0]


def _recordings(raw: Folder) -> tuple[NDArray[np.str_], Ints]:
    """Return the recordings' names, sorted, and their experiment and user, ``(n, 2)``."""
    matches = (re.fullmatch(r"(acc|gyro)_(exp\d+_user\d+)\.txt", f.name) for f in raw.iterdir())
    names = sorted({match[2] for match in matches if match})
    if not names:
        raise FileNotFoundError(f"{raw} holds no files such as acc_exp01_user01.txt.")
    return np.array(names), np.array([re.findall(r"\d+", name) for name in names], dtype=np.int64)


def _samples(raw: Folder, name: str) -> Floats:
    """Read gyroscope and accelerometer together, ``(n_samples, 2, 3)``."""
    files = [raw / f"{stream}_{name}.txt" for stream in STREAMS]
    gyro, acc = (_numbers(file, 3) for file in files)
    if len(gyro) != len(acc) or len(acc) < WINDOW:
        sizes = f"{files[0]} has {len(gyro)} samples and {files[1]} has {len(acc)}"
        raise ValueError(f"{sizes}; expected as many in both, at least {WINDOW}.")
    return np.stack([gyro, acc], axis=1)


def _named(numbers: Ints, labels: Ints) -> Ints:
    """Return the index of the recording that every label row names, -1 where there is none."""
    recordings, rows = (pd.MultiIndex.from_arrays([a[:, 0], a[:, 1]]) for a in (numbers, labels))
    return recordings.get_indexer(rows).astype(np.int64)


def _refuse(file: Folder, table: NDArray[Any], bad: NDArray[np.bool_], why: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{file}, line {row + 1} {table[row].tolist()}: {why}.")


def _in_subset(root: Folder, subset: str, users: Ints) -> NDArray[np.bool_]:
    files = [root / "Train" / "subject_id_train.txt", root / "Test" / "subject_id_test.txt"]
    train, test = (np.isin(users, _integers(file, 1)) for file in files)
    for user in users[train == test]:
        raise ValueError(f"User {user} must be in one of {files[0]} and {files[1]}.")
    return train if subset == "train" else test


def _activities(file: Folder) -> NDArray[np.str_]:
    names: list[str] = []
    for i, line in enumerate(_bytes(file).decode(errors="replace").rstrip().split("\n"), 1):
        words = line.split()
        if len(words) != 2 or words[0] != str(i) or words[1] in names:
            raise ValueError(f"{file}, line {i}: expected '{i} NAME', got {line.rstrip()!r}.")
        names.append(words[1])
    return np.array(names)


def _integers(file: Folder, n_columns: int) -> Ints:
    table = _numbers(file, n_columns)
    odd = (table != np.rint(table)) | (np.abs(table) > 2**53)
    _refuse(file, table, odd.any(axis=1), "expected whole numbers")
    return table.astype(np.int64)


def _numbers(file: Folder, n_columns: int) -> Floats:
    """Read rows of `n_columns` finite numbers."""
    text = _bytes(file).rstrip()
    how: dict[str, Any] = {"sep": r"\s+", "quoting": csv.QUOTE_NONE, "skip_blank_lines": False}
    try:
        table = pd.read_csv(io.BytesIO(text), header=None, dtype=np.float64, **how).to_numpy()
    except ValueError:  # pandas' own errors are among these
        table = np.empty((0, 0))
    if table.shape[1] == n_columns and np.isfinite(table).all():
        return table
    for i, line in enumerate(text.split(b"\n"), 1):  # slow, to name the line
        words = pd.to_numeric(pd.Series(line.decode(errors="replace").split()), errors="coerce")
        if len(words) != n_columns or not np.isfinite(words).all():
            raise ValueError(f"{file}, line {i}: not {n_columns} finite numbers: {line[:60]!r}.")
    raise ValueError(f"{file} cannot be read as rows of {n_columns} numbers.")


def _bytes(file: Folder) -> bytes:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing.")
    try:
        return file.read_bytes()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{file} is damaged: {error}") from error
