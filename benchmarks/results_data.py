"""The data sets of `results.py`: what is trained on, what is tested on, and folds of the former."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_asn import Clips, Segments
from sklearn_asn.datasets import load_gestures, load_hapt, make_untrimmed_videos


@dataclass(frozen=True)
class Split:
    """Videos to train on, of which a method is told the labels alone, and videos to test on."""

    name: str
    X: Clips
    y: Segments
    groups: Any
    X_test: Clips
    y_test: Segments
    streams: Any = None

    @property
    def labels(self) -> list[set[str]]:
        return labels_of(self.y)


def labels_of(y: Segments) -> list[set[str]]:
    """All that a method may know: no times."""
    return [{segment.label for segment in video} for video in y]


def _labelled(y: Segments) -> Any:
    """Bags in training with a label: what the others show is not known, so that all methods
    are spared them. In the test they stay, and whatever is found in them is wrong.
    """
    return np.array([len(video) > 0 for video in y])


def hapt(folder: Path) -> Split:
    """The official training people, bags of 30 s; folds over people."""
    train, test = (load_hapt(folder / "hapt" / "hapt.zip", subset=s) for s in ("train", "test"))
    used = _labelled(train.y)
    return Split("hapt", train.X[used], train.y[used], train.groups[used], test.X, test.y)


def gestures(folder: Path, subject: int) -> Split:
    """Train on one person, test on the other; folds are thirds of the one's recording."""
    train, test = (load_gestures(folder / "gestures", subject=s) for s in (subject, 3 - subject))
    used = _labelled(train.y)
    third = np.arange(len(train.y)) * 3 // len(train.y)
    n_spatial = sum(name.startswith("spatial") for name in train.feature_names)
    streams = {"spatial": slice(0, n_spatial), "temporal": slice(n_spatial, None)}
    name = f"gestures-{subject}-{3 - subject}"
    return Split(name, train.X[used], train.y[used], third[used], test.X, test.y, streams)


def synthetic(name: str, n_train: int, n_test: int, widen: bool = False, **options: Any) -> Split:
    """One draw of `make_untrimmed_videos`, cut in two; a video is a fold's unit."""
    X, y = make_untrimmed_videos(n_videos=n_train + n_test, random_state=0, **options)
    X = widened(X) if widen else X
    return Split(name, X[:n_train], y[:n_train], np.arange(n_train), X[n_train:], y[n_train:])


def widened(X: Clips, width: int = 1024, noise: float = 0.5) -> Clips:
    """Turn each stream's 32 columns into many, as a deep network's features are: a random
    isometry of the same signal, and noise of standard deviation `noise` in every column.
    """
    rng = np.random.default_rng(0)
    half = X.values.shape[1] // 2
    streams = []
    for columns in (slice(0, half), slice(half, None)):
        basis, _ = np.linalg.qr(rng.standard_normal((width, half)))
        values = X.values[:, columns] @ basis.T
        streams.append(values + noise * rng.standard_normal(values.shape))
    values = np.concatenate(streams, axis=1).astype(np.float32)
    return X.with_values(values)


#: Name: how to make it, given the folder with the real recordings.
DATA: dict[str, Callable[[Path], Split]] = {
    "hapt": hapt,
    "gestures-1-2": partial(gestures, subject=1),
    "gestures-2-1": partial(gestures, subject=2),
    "readme": lambda _: synthetic("readme", 120, 80),
    "overlap": lambda _: synthetic("overlap", 120, 80, overlap=True, labels_per_video=2),
    "wide": lambda _: synthetic("wide", 60, 40, widen=True),
}
#: Data sets whose settings are those of another: the same kind of data, searched once.
SEARCHED_ON = {"overlap": "readme"}
TITLES = {
    "hapt": "HAPT",
    "gestures-1-2": "gestures 1 → 2",
    "gestures-2-1": "gestures 2 → 1",
    "readme": "README",
    "overlap": "overlap",
    "wide": "wide",
}
