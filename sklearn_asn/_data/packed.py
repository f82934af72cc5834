"""The idea that `Clips` and `Segments` share: flat arrays plus offsets, one entry a video."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._data.convert import as_ids, as_offsets

Offsets = NDArray[np.int64]
Item = TypeVar("Item")


def offsets_from_lengths(lengths: Iterable[int] | NDArray[Any]) -> Offsets:
    """Return the ``len(lengths) + 1`` borders of consecutive pieces of these lengths.

    >>> offsets_from_lengths([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    lengths = np.asarray(list(lengths) if not hasattr(lengths, "shape") else lengths)
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def rows_of(offsets: Offsets, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the flat row numbers of the videos `index`, in that order.

    >>> rows_of(np.array([0, 2, 2, 5]), np.array([2, 0])).tolist()
    [2, 3, 4, 0, 1]
    """
    lengths = np.diff(offsets)[index]
    new = offsets_from_lengths(lengths)
    return np.repeat(offsets[:-1][index] - new[:-1], lengths) + np.arange(new[-1])


def check_offsets(offsets: Any, n_rows: int) -> Offsets:
    """Validate that `offsets` cuts `n_rows` flat rows into consecutive pieces."""
    offsets = as_offsets(offsets)
    if offsets.ndim != 1 or len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != n_rows:
        ends = f"; they end at {offsets[-1]}" if offsets.ndim == 1 and len(offsets) else ""
        raise ValueError(
            f"offsets must be 1-D, start at 0 and end at the {n_rows} rows given{ends}."
        )
    if (offsets[1:] < offsets[:-1]).any():
        raise ValueError("offsets must not decrease.")
    return offsets


def check_ids(ids: Any, n_videos: int) -> NDArray[np.str_] | None:
    """Return video ids as a string array that nobody changes, or None; none may repeat.

    Ids of a container that somebody has selected videos from, with repeats, may: such arrays are
    read-only, and known by that.
    """
    if ids is None:
        return None
    own = isinstance(ids, np.ndarray) and ids.dtype.kind == "U" and not ids.flags.writeable
    names = (
        ids if own else np.array(as_ids(list(ids) if isinstance(ids, str) else ids), dtype=np.str_)
    )
    if names.shape != (n_videos,):
        raise ValueError(f"ids names {len(names)} videos, expected {n_videos}.")
    if not own:
        check_unique(names)
    return frozen(names)


def frozen(ids: Any) -> Any:
    """Make ids read-only, which marks them as checked; what is no array stays as it is."""
    if isinstance(ids, np.ndarray):
        ids.flags.writeable = False
    return ids


def check_unique(ids: NDArray[np.str_] | None) -> None:
    """Refuse ids that name two videos alike."""
    if ids is not None:
        values, counts = np.unique(ids, return_counts=True)
        if np.any(counts > 1):
            raise ValueError(f"ids must be unique; repeated: {values[counts > 1][:5].tolist()}.")


class Packed(Sequence[Item], Generic[Item]):
    """A ragged sequence held as flat arrays; `offsets` borders the videos.

    Subclasses name their flat arrays in `_flat` and their per-video arrays in `_per_video`
    (either may be None), and build one video's item in `_item`.
    """

    _flat: tuple[str, ...] = ()
    _per_video: tuple[str, ...] = ()
    _shared: tuple[str, ...] = ()
    offsets: Offsets
    __hash__ = None  # type: ignore[assignment]

    def _item(self, rows: slice, video: int) -> Item:
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int]:
        """``(n_videos,)``; scikit-learn indexes whatever has a shape."""
        return (len(self),)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows (clips or segments) of every video, shape ``(n_videos,)``."""
        return self.offsets[1:] - self.offsets[:-1]  # a tenth of the time of numpy.diff

    @property
    def video(self) -> NDArray[np.int64]:
        """Index of the video that every flat row belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, key: int) -> Item: ...
    @overload
    def __getitem__(self, key: Any) -> Self: ...
    def __getitem__(self, key: Any) -> Item | Self:
        if isinstance(key, tuple):  # scikit-learn asks for X[indices, ...]
            if len(key) != 2 or key[1] is not Ellipsis:
                raise IndexError(f"{type(self).__name__} has one axis, the videos.")
            key = key[0]
        n = len(self)
        if isinstance(key, Integral):
            video = int(key) + (n if key < 0 else 0)
            if not 0 <= video < n:
                raise IndexError(f"video {key} of {n}")
            return self._item(slice(int(self.offsets[video]), int(self.offsets[video + 1])), video)
        index = np.arange(n)[key] if isinstance(key, slice) else _as_index(key, n)
        if len(index) and np.all(np.diff(index) == 1):
            return self._slice(int(index[0]), int(index[-1]) + 1)
        return self._take(index)

    def _slice(self, first: int, stop: int) -> Self:
        """Consecutive videos, sharing memory."""
        rows = slice(int(self.offsets[first]), int(self.offsets[stop]))
        return self._replaced(
            self.offsets[first : stop + 1] - self.offsets[first], rows, slice(first, stop)
        )

    def _take(self, index: NDArray[np.int64]) -> Self:
        """Videos in any order, copied."""
        offsets = offsets_from_lengths(self.lengths[index])
        return self._replaced(offsets, rows_of(self.offsets, index), index)

    def _replaced(self, offsets: Offsets, rows: Any, videos: Any) -> Self:
        new = object.__new__(type(self))
        new.offsets = offsets
        for names, key in ((self._flat, rows), (self._per_video, videos)):
            for name in names:
                value = getattr(self, name)
                setattr(new, name, None if value is None else value[key])
        if "ids" in self._per_video:
            frozen(new.ids)  # type: ignore[attr-defined]
        for name in self._shared:
            setattr(new, name, getattr(self, name))
        return new

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        frozen(state.get("ids"))  # pickles forget that

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = ("offsets", *self._flat, *self._per_video, *self._shared)
        return all(same_values(getattr(self, name), getattr(other, name)) for name in names)


def _as_index(key: Any, n: int) -> NDArray[np.int64]:
    array = np.asarray(key)
    if array.ndim != 1:
        raise IndexError("videos are selected by an int, a slice, or a 1-D array of ints or bools.")
    if array.dtype == bool:
        if len(array) != n:
            raise IndexError(f"boolean mask of length {len(array)} for {n} videos.")
        return np.flatnonzero(array)
    if not len(array):
        return np.zeros(0, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise IndexError(f"videos cannot be selected by {array.dtype} values.")
    if array.min() < -n or array.max() >= n:
        raise IndexError(f"video index out of range for {n} videos.")
    return np.where(array < 0, array + n, array).astype(np.int64)


def same_values(a: Any, b: Any) -> bool:
    """Compare arrays (or None) by value; NaN equals NaN."""
    if a is None or b is None:
        return a is b
    a, b = np.asarray(a), np.asarray(b)
    floats = np.issubdtype(a.dtype, np.floating) and np.issubdtype(b.dtype, np.floating)
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=floats)
