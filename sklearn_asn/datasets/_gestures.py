"""Arm gestures of two people (ActRecTut): three worn sensors, cut into bags of clips."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.io import loadmat, whosmat
from sklearn.utils import Bunch

from sklearn_asn._checks import as_path
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._data.segments import Segments
from sklearn_asn._disk.claims import check_claim
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

SUBJECTS = (1, 2)
RATE = 32  # samples a second
WINDOW = 32  # samples of a clip's window
STEP = 16  # samples from one window to the next
MARGIN = (WINDOW - STEP) / 2  # samples of a window before the clip it stands for
SHORTEST = WINDOW + 3 * STEP  # samples of four clips
BANDS = (0.0, 2.0, 5.0)  # lower borders in Hz; the last band ends at 16 Hz
PLACES = ("hand", "lower", "upper")
N_COLUMNS = 15  # of each place in turn: accelerometer x, y, z, gyroscope x, y
NONE = 1  # the label of no gesture; the gestures follow
GESTURES = (
    *("Open window", "Drink", "Water plant", "Close window", "Cut", "Chop", "Stir", "Book"),
    *("Forehand", "Backhand", "Smash"),
)

DESCR = """\
Arm gestures of two people: the data of the ActRecTut toolbox.

This is not video: it is an accelerometer and a gyroscope on hand, lower and upper arm, 32 samples a
second, while 11 gestures are made, in the same order again and again: the order of labels tells a
network with wide context what comes next, so train on one person and test on the other. Every
person's 15 columns are scaled to mean 0 and standard deviation 1 over the whole recording. The
gyroscopes' 6 columns (x and y of each place) are the spatial stream; the accelerometers' 9 and
their 3 magnitudes (of the scaled axes) the temporal one. A bag is a piece of a recording. A clip is
a window of 32 samples (1 s), every 16 (0.5 s), inside its bag; it stands for the middle half of its
window, so that clips tile time. Features of each signal: mean, standard deviation, minimum,
maximum, mean absolute difference of neighbours (absdiff), last minus first sample (delta), and
log(energy + 1e-6) in the bands [0, 2), [2, 5) and [5, 16] Hz (energy_0 to energy_2), where energy
is the sum of |rfft|^2 / 32 of the window less its mean.
Source: A. Bulling, U. Blanke, B. Schiele, "A tutorial on human activity recognition using body-worn
inertial sensors", ACM Computing Surveys 46(3), 2014. Licence of the data files: GPL-3.
"""


def load_gestures(
    path: str | os.PathLike[str],
    *,
    subject: int | None = None,
    bag_seconds: float | None = 30.0,
    dtype: DTypeLike = np.float32,
) -> Bunch:
    """Load arm gestures of two people (not video: worn motion sensors) as bags of clips.

    Gyroscopes and accelerometers play the two streams: the gyroscopes' columns come first and are
    named ``spatial_...``, the accelerometers' ``temporal_...``.

    Parameters
    ----------
    path : path
        Folder with ``subject1.mat`` and ``subject2.mat`` of the ActRecTut toolbox; only the files
        of the people wanted are opened.
    subject : {1, 2} or None, default=None
        One person, or both.
    bag_seconds : float or None, default=30.0
        Length of a bag, a multiple of 1/32 s and at least 2.5 s (four clips). The last bag of a
        person may be shorter; with fewer than four clips it is left out, with a warning. Segments
        are cut at a bag's border. None: whole recordings.
    dtype : dtype, default=float32
        Floating type of the features (computed in double precision).

    Returns
    -------
    Bunch
        - ``X`` : `Clips`, shape (n_bags,), columns such as ``spatial_hand_x_mean`` (54) and
          ``temporal_upper_mag_energy_2`` (108), ids such as ``subject1_0030s`` (where the bag
          starts). A clip is a window of 32 samples, every 16; it stands for the middle half of
          its window, samples 8 to 24: ``clip_seconds=0.5``, ``start_seconds=0.25``.
        - ``y`` : `Segments`, shape (n_bags,), in seconds from the bag's start, labelled by gesture;
          no segments where nothing is labelled.
        - ``groups`` : int array, shape (n_bags,), the person.
        - ``feature_names`` : list of str. ``classes`` : array of str, in the order of the file's
          numbers. ``DESCR`` : str, what the data are, how features are made, the licence (GPL-3).

    Raises
    ------
    FileNotFoundError
        `path`, or a file of a person in it, is not there.
    ValueError
        An argument is out of range, or a file (named) is no MATLAB file, is damaged, or does not
        hold ``data`` of shape (n_samples, 15) and ``labels`` from 1 to 12.

    See Also
    --------
    load_hapt : Activities of 30 people, one phone at the waist.

    Examples
    --------
    >>> from sklearn_asn.datasets import load_gestures
    >>> load_gestures("gestures", subject=1).X  # doctest: +SKIP
    Clips(n_videos=66, n_clips=3839, n_features=162, dtype=float32, clip_seconds=0.5)
    """
    if subject is not None and (isinstance(subject, bool) or subject not in SUBJECTS):
        raise ValueError(f"subject must be 1, 2 or None, got {subject!r}.")
    check_floating(dtype)
    size = None if bag_seconds is None else bag_samples(bag_seconds, RATE, SHORTEST, "four clips")
    people = SUBJECTS if subject is None else (int(subject),)
    parts = [_person(as_path(path) / f"subject{person}.mat", size, dtype) for person in people]
    values, lengths, starts, counts, label, times = zip(*parts, strict=True)

    person = np.repeat(people, [len(n) for n in lengths])
    seconds = seconds_text(np.concatenate(starts), RATE)
    ids = [f"subject{p}_{s}s" for p, s in zip(person, seconds, strict=True)]
    columns = _columns()
    offsets = offsets_from_lengths(np.concatenate(lengths))
    start, end = np.concatenate(times, axis=1) / RATE
    classes = np.array(GESTURES)
    return Bunch(
        X=Clips(np.concatenate(values), offsets, STEP / RATE, MARGIN / RATE, ids, columns),
        y=Segments(
            offsets_from_lengths(np.concatenate(counts)),
            classes[np.concatenate(label) - NONE - 1],
            start,
            end,
            ids=ids,
        ),
        groups=person,
        feature_names=columns,
        classes=classes,
        DESCR=DESCR,
    )


def _person(file: Path, size: int | None, dtype: DTypeLike) -> tuple[Any, ...]:
    """Return features, clips and first sample of every bag; segments a bag, labels and times."""
    data, labels = _read(file)
    n = len(data)
    size = n if size is None else size
    start = np.arange(0, n - SHORTEST + 1, size)
    end = np.minimum(start + size, n)
    change = np.flatnonzero(np.diff(labels, prepend=-1, append=-1))
    runs = np.array([change[:-1], change[1:]])
    runs = runs[:, labels[runs[0]] != NONE]
    lost = n - int(end[-1])
    if lost:
        within = int(np.sum(runs[0] >= end[-1]))
        warnings.warn(
            f"{file}: the last {lost / RATE:g} s, too short for a bag of four clips, are left out "
            f"({within} gestures lie in them).",
            UserWarning,
            stacklevel=3,
        )
        runs = np.minimum(runs[:, runs[0] < end[-1]], end[-1])
    n_clips = (end - start - WINDOW) // STEP + 1
    bag, rank = numbered(n_clips)
    values = window_features(_signals(data), start[bag] + STEP * rank, WINDOW, RATE, BANDS)
    row, bag, times = cut(runs[0], runs[1], np.append(start, end[-1]))
    counts = np.bincount(bag, minlength=len(start))
    return values.astype(dtype), n_clips, start, counts, labels[runs[0][row]], times


def _signals(data: Floats) -> Floats:
    """Scale the columns, and return those of the gyroscopes, accelerometers and magnitudes."""
    scaled = (data - data.mean(axis=0)) / data.std(axis=0)
    by_place = scaled.reshape(len(data), len(PLACES), -1)
    acc, gyro = by_place[:, :, :3], by_place[:, :, 3:]
    acc = np.concatenate([acc, np.linalg.norm(acc, axis=2, keepdims=True)], axis=2)
    return np.concatenate([gyro.reshape(len(data), -1), acc.reshape(len(data), -1)], axis=1)


def _columns() -> list[str]:
    axes = {"spatial": ("x", "y"), "temporal": ("x", "y", "z", "mag")}
    signals = [f"{s}_{place}_{axis}" for s in axes for place in PLACES for axis in axes[s]]
    return [f"{signal}_{kind}" for signal in signals for kind in kinds_of(BANDS)]


def _read(file: Path) -> tuple[Floats, Ints]:
    """Read one person's samples ``(n, 15)`` and labels ``(n,)``."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing.")
    try:
        claimed = sum(8 * math.prod(shape) for _, shape, _ in whosmat(file))
    except Exception as error:  # a damaged file may raise anything
        raise ValueError(f"{file} is no MATLAB file, or is damaged: {error}.") from error
    check_claim(claimed, file.stat().st_size, str(file))
    try:
        content = loadmat(file, variable_names=["data", "labels"])
    except Exception as error:  # a damaged file may raise anything
        raise ValueError(f"{file} is no MATLAB file, or is damaged: {error}.") from error
    data, labels = (_numbers(file, name, content.get(name)) for name in ("data", "labels"))
    if data.ndim != 2 or data.shape[1] != N_COLUMNS or len(data) < SHORTEST:
        expected = f"(n_samples, {N_COLUMNS}) with at least {SHORTEST} samples"
        raise ValueError(f"{file}: data has shape {data.shape}; expected {expected}.")
    if labels.size != len(data):
        raise ValueError(f"{file}: {labels.size} labels for {len(data)} samples.")
    labels = labels.ravel()
    last = NONE + len(GESTURES)
    odd = np.flatnonzero((labels != np.rint(labels)) | (labels < NONE) | (labels > last))
    if len(odd):
        what = f"label {labels[odd[0]]:g}, expected {NONE} to {last}"
        raise ValueError(f"{file}, sample {odd[0]}: {what}.")
    constant = np.flatnonzero(data.std(axis=0) == 0)
    if len(constant):
        raise ValueError(f"{file}: column {constant[0]} of data never changes.")
    return data, labels.astype(np.int64)


def _numbers(file: Path, name: str, values: Any) -> NDArray[np.float64]:
    if values is None:
        raise ValueError(f"{file} holds no {name!r}.")
    kind = getattr(values, "dtype", np.dtype(object)).kind
    if kind not in "fiu":
        raise ValueError(f"{file}: {name} does not hold numbers.")
    numbers = np.asarray(values, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(f"{file}: {name}{bad[0].tolist()} is not finite.")
    return numbers
