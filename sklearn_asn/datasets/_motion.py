"""Motion sensors: recordings cut into bags, windows of samples described by features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_asn._checks import as_dtype, is_finite
from sklearn_asn._data.packed import offsets_from_lengths

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FLOOR = 1e-6  # added to energies before their logarithm
KINDS = ("mean", "std", "min", "max", "absdiff", "delta")


def kinds_of(bands: tuple[float, ...]) -> list[str]:
    """Return the names of the features that `window_features` makes of every signal."""
    return [*KINDS, *(f"energy_{i}" for i in range(len(bands)))]


def window_features(
    signals: Floats, first: Ints, window: int, rate: float, bands: tuple[float, ...]
) -> Floats:
    """Return the features of windows of `signals` ``(n_samples, n_signals)`` that start at `first`.

    Of every signal: mean, standard deviation, minimum, maximum, mean absolute difference of
    neighbours, last minus first sample, and the log of the energy in every band (`bands` are the
    lower borders in Hz) of the window less its mean.
    """
    windows = np.lib.stride_tricks.sliding_window_view(signals, window, axis=0)[first]
    mean = windows.mean(axis=2)
    power = np.abs(np.fft.rfft(windows - mean[..., None], axis=2)) ** 2 / window
    lowest = np.searchsorted(np.fft.rfftfreq(window, 1 / rate), bands)
    energy = np.add.reduceat(power, lowest, axis=2)
    change = np.abs(np.diff(windows, axis=2)).mean(axis=2)
    features = [mean, windows.std(axis=2), windows.min(axis=2), windows.max(axis=2), change]
    features += [windows[..., -1] - windows[..., 0], *np.moveaxis(np.log(energy + FLOOR), 2, 0)]
    return np.stack(features, axis=2).reshape(len(first), -1)


def numbered(counts: Ints) -> tuple[Ints, Ints]:
    """Return, for the members of consecutive groups, the group of each and its rank in it."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - offsets_from_lengths(counts)[group]


def cut(start: Ints, end: Ints, borders: Ints) -> tuple[Ints, Ints, Ints]:
    """Cut ``[start, end)`` at `borders`: the segment, the bag, and start and end in the bag."""
    first = np.searchsorted(borders, start, side="right") - 1
    segment, rank = numbered(np.searchsorted(borders, end, side="left") - first)
    bag = first[segment] + rank
    order = np.lexsort((start[segment], bag))
    segment, bag = segment[order], bag[order]
    inside = np.clip([start[segment], end[segment]], borders[bag], borders[bag + 1])
    return segment, bag, inside - borders[bag]


def seconds_text(samples: Ints, rate: float) -> list[str]:
    """Return where bags start, as their ids say it: ``0030`` or ``0007.50``."""
    return [f"{s / rate:07.2f}".removesuffix(".00") for s in samples]


def bag_samples(bag_seconds: Any, rate: int, smallest: int, what: str) -> int:
    """Return the samples of a bag, of which there must be a whole number, at least `smallest`."""
    samples = round(bag_seconds * rate) if is_finite(bag_seconds) else 0
    if samples >= smallest and abs(samples - bag_seconds * rate) < 1e-6:
        return samples
    expected = f"None or a multiple of {1 / rate} s, at least {what} of {smallest / rate} s"
    raise ValueError(f"bag_seconds must be {expected}; got {bag_seconds!r}.")


def check_floating(dtype: DTypeLike) -> None:
    """Refuse a type of features that is not floating."""
    if not np.issubdtype(as_dtype(dtype), np.floating):
        raise ValueError(f"dtype must be a floating type, got {np.dtype(dtype)}.")
