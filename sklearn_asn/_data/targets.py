"""Read y in any accepted form: which labels occur in which video, and segments if there."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_asn._data.convert import as_labels
from sklearn_asn._data.holders import as_targets
from sklearn_asn._data.packed import Offsets, offsets_from_lengths, rows_of
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.segments import Segments

FORMS = (
    "a 1-D array of labels (one per video), a list of sets (or, of text, lists) of labels, a 0/1 "
    "indicator matrix, "
    "a list of lists of (label, start, end) (of some videos sets of labels), or Segments"
)


@dataclass(frozen=True)
class Targets:
    """Labels of every video (each once), packed, and the segments they came from."""

    label: NDArray[Any]
    offsets: Offsets
    segments: Segments | None = None
    some_segments: Segments | None = None  # where y has them for some videos only
    timed: NDArray[np.bool_] | None = None  # which these are

    @property
    def has_times(self) -> NDArray[np.bool_]:
        """Tell which videos' segments are known."""
        if self.timed is not None:
            return self.timed
        return np.full(len(self), self.segments is not None)

    def timed_segments(self) -> Segments:
        """Return the segments that are known; a video without has none."""
        known = self.segments if self.segments is not None else self.some_segments
        assert known is not None
        return known

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def video(self) -> NDArray[np.int64]:
        """Video that every label belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def take(self, index: NDArray[np.int64]) -> Targets:
        """Return the targets of some videos, in the order of `index`."""
        index = np.asarray(index)
        return Targets(
            self.label[rows_of(self.offsets, index)],
            offsets_from_lengths(np.diff(self.offsets)[index]),
            None if self.segments is None else self.segments[index],
            None if self.some_segments is None else self.some_segments[index],
            None if self.timed is None else self.timed[index],
        )

    def indicator(self, classes: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of `classes` (sorted) occur, ``(n_videos, n_classes)``; others are left out."""
        found = np.zeros((len(self), len(classes)), dtype=bool)
        if len(self.label):
            check_comparable(self.label, classes)
            code = np.minimum(np.searchsorted(classes, self.label), len(classes) - 1)
            known = classes[code] == self.label
            found[self.video[known], code[known]] = True
        return found


def parse_targets(y: Any) -> Targets:
    """Read `y` in any of the accepted forms.

    Raises
    ------
    ValueError
        `y` has none of the forms, or its labels are not finite or of mixed types.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    if isinstance(y, Segments):
        return _from_segments(y)
    if sparse.issparse(y):
        y = y.toarray()
    y = as_targets(y)
    if isinstance(y, pd.DataFrame) and y.shape[1] > 1:
        classes = as_labels(y.columns, "columns of y")
        if len(np.unique(classes)) < len(classes):
            raise ValueError(f"y has two columns of one name, among {classes[:20].tolist()}.")
        return _from_indicator(y.to_numpy(), classes)
    if not isinstance(y, list | tuple):
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            return _from_indicator(y, np.arange(y.shape[1]))
        if y.ndim != 1 or y.dtype != object:
            return _from_labels(y)
    return _from_items(list(y))


def check_comparable(a: NDArray[Any], b: NDArray[Any]) -> None:
    """Refuse to compare labels that are strings with labels that are numbers."""
    if (a.dtype.kind in "US") != (b.dtype.kind in "US"):
        raise ValueError(
            f"Labels of y are {a.dtype}, but the classes are {b.dtype}: they cannot match."
        )


def _from_items(y: list[Any]) -> Targets:
    """Read a list whose entries say its form: sets, lists of segments, rows of 0/1, labels."""
    if y and all(isinstance(entry, Set) for entry in y):
        _refuse_segments(y)
        as_labels([v for entry in y for v in entry], "y")  # before sorting, which needs one kind
        label = as_labels([v for entry in y for v in sorted(entry)], "y")
        return Targets(label, offsets_from_lengths([len(entry) for entry in y]))
    is_list = [isinstance(entry, list | tuple | np.ndarray) for entry in y]
    if _are_lists_of_text(y, is_list):
        return _from_items([set(entry) for entry in y])
    if any(is_list) and all(a or isinstance(v, Set) for a, v in zip(is_list, y, strict=True)):
        mixed = _from_mixed(y)
        if mixed is not None:
            return mixed
    if y and all(is_list):
        flat = [item for entry in y for item in entry]
        if all(isinstance(item, tuple) for item in flat):
            return _from_segments(Segments.from_list(y))
        if len({len(entry) for entry in y}) == 1 and not isinstance(flat[0], str):
            return parse_targets(np.asarray(y))
    if any(is_list) or any(isinstance(entry, Set | dict) for entry in y):
        odd = next(i for i, v in enumerate(y) if type(v) is not type(y[0]) or is_list[i])
        raise ValueError(f"y[{odd}] is {y[odd]!r}; expected y to be {FORMS}.")
    return _from_labels(np.asarray(y) if len(set(map(type, y))) < 2 else as_labels(y, "y"))


def _refuse_segments(y: list[Any]) -> None:
    """Refuse sets that hold segments, which would be taken for labels."""
    for i, entry in enumerate(y):
        odd = [v for v in entry if isinstance(v, tuple)]
        if odd:
            raise ValueError(
                f"y[{i}] is a set that holds {odd[0]!r:.80}; sets are of labels. For segments give "
                "a list of (label, start, end)."
            )


def _are_lists_of_text(y: list[Any], is_list: list[bool]) -> bool:
    """Tell lists (of some videos sets) of labels, which are text, from lists of segments."""
    if not any(is_list) or not all(
        a or isinstance(v, Set) for a, v in zip(is_list, y, strict=True)
    ):
        return False
    items = [item for entry, listed in zip(y, is_list, strict=True) if listed for item in entry]
    return bool(items) and all(isinstance(item, str | bytes) for item in items)


def _from_mixed(y: list[Any]) -> Targets | None:
    """Read sets of labels for some videos, segments for the others; None: it is not that."""
    timed = np.array([not isinstance(entry, Set) for entry in y])
    if timed.all() or not all(isinstance(item, tuple) for v in y if type(v) is list for item in v):
        return None
    some = Segments.from_list([[] if isinstance(entry, Set) else entry for entry in y])
    labels = [
        sorted(entry) if isinstance(entry, Set) else sorted({item[0] for item in entry})
        for entry in y
    ]
    label = as_labels([v for entry in labels for v in entry], "y")
    offsets = offsets_from_lengths([len(entry) for entry in labels])
    return Targets(label, offsets, None, some, timed)


def parse_beside(y: Any, n_videos: int, X: Any = None) -> Targets:
    """Read the `y` of `X`.

    Raises
    ------
    ValueError
        It is of other videos: more or fewer, or other ids where both know them.
    """
    targets = parse_targets(y)
    if len(targets) != n_videos:
        raise ValueError(f"X has {n_videos} videos, but y has entries for {len(targets)}.")
    check_same_videos(X, y)
    return targets


def _from_labels(y: NDArray[Any]) -> Targets:
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "OS":
        y = as_labels(list(y), "y")
    if y.dtype.kind == "f" and not np.all(np.isfinite(y)):
        raise ValueError("Input y contains NaN or infinity.")
    if len(y):
        check_classification_targets(y)
    return Targets(y, offsets_from_lengths(np.ones(len(y), dtype=np.int64)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)


def _from_indicator(y: NDArray[Any], classes: NDArray[Any]) -> Targets:
    numbers = y.dtype.kind in "biuf" or (y.dtype == object and not any(map(_is_text, y.flat)))
    present = np.equal(y, 1) if numbers else np.zeros(y.shape, dtype=bool)
    if not numbers or not np.all(present | np.equal(y, 0)):
        raise ValueError(f"A 2-D y must hold only 0 and 1; expected y to be {FORMS}.")
    return Targets(classes[np.nonzero(present)[1]], offsets_from_lengths(present.sum(axis=1)))


def _from_segments(y: Segments) -> Targets:
    classes, code = np.unique(y.label, return_inverse=True)
    present = np.zeros((len(y), len(classes)), dtype=bool)
    present[y.video, code] = True
    return Targets(classes[np.nonzero(present)[1]], offsets_from_lengths(present.sum(axis=1)), y)
