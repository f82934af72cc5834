"""Which columns belong to which stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = slice | NDArray[np.int64]

STREAMS = ("spatial", "temporal")


def other_stream(stream: str) -> str:
    """Return the stream that is not `stream`."""
    return STREAMS[1 - STREAMS.index(stream)]


def streams_of(variant: Any, main_stream: str) -> tuple[str, ...]:
    """Return the streams that a variant reads, main stream first."""
    return (variant,) if variant in STREAMS else (main_stream, other_stream(main_stream))


def resolve_streams(
    streams: Any, needed: tuple[str, ...], n_features: int, feature_names: NDArray[Any] | None
) -> dict[str, NDArray[np.int64]]:
    """Return the column numbers of the streams that are needed.

    Parameters
    ----------
    streams : None or dict
        None: the first half of the columns is spatial, the rest temporal. A dict gives a slice,
        column numbers, a boolean mask or feature names for each stream.
    needed : tuple of str
        Streams that the variant reads.
    n_features : int
    feature_names : ndarray of str or None

    Raises
    ------
    ValueError
        A needed stream is missing or empty, or names columns that are not there.
    """
    if streams is None:
        half = n_features // 2
        columns = {"spatial": np.arange(half), "temporal": np.arange(half, n_features)}
    elif isinstance(streams, Mapping):
        unknown = set(streams) - set(STREAMS)
        if unknown:
            raise ValueError(f"streams has keys {sorted(map(str, unknown))}; expected {STREAMS}.")
        columns = {
            name: _resolve(selection, name, n_features, feature_names)
            for name, selection in streams.items()
        }
    else:
        raise ValueError(
            "streams must be None or a dict of slices, index arrays or feature names for "
            f"{STREAMS}, got {streams!r}."
        )
    for name in needed:
        if name not in columns:
            raise ValueError(f"streams lacks {name!r}, which this variant needs.")
        if not len(columns[name]):
            raise ValueError(
                f"The {name} stream has no columns: X has {n_features} feature(s) "
                f"(n_features = {n_features}), streams={streams!r}."
            )
    return {name: columns[name] for name in needed}


def join_columns(parts: list[NDArray[np.int64]], main_first: bool = True) -> Columns:
    """Concatenate column numbers, the main stream's first or last.

    A consecutive run becomes a slice, which copies nothing.
    """
    columns = np.concatenate(parts if main_first else parts[::-1])
    if np.all(np.diff(columns) == 1):
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def main_comes_first(parts: list[NDArray[np.int64]]) -> bool:
    """Tell in which order the streams are best read: last only where that makes one run."""
    return isinstance(join_columns(parts), slice) or not isinstance(
        join_columns(parts, False), slice
    )


def _resolve(
    selection: Any, name: str, n_features: int, feature_names: NDArray[Any] | None
) -> NDArray[np.int64]:
    if isinstance(selection, slice):
        return np.arange(n_features)[selection]
    chosen = np.asarray(selection)
    if chosen.ndim != 1:
        raise ValueError(f"streams[{name!r}] must be a slice or 1-D, got {selection!r}.")
    if not len(chosen):
        return np.zeros(0, dtype=np.int64)
    if chosen.dtype.kind in "UO":
        if feature_names is None:
            raise ValueError(f"streams[{name!r}] gives names, but X has no feature names.")
        position = {feature: i for i, feature in enumerate(feature_names)}
        missing = [str(feature) for feature in chosen if feature not in position]
        if missing:
            raise ValueError(f"streams[{name!r}] names features that X lacks: {missing[:5]}.")
        chosen = np.array([position[feature] for feature in chosen])
    elif chosen.dtype == bool:
        if len(chosen) != n_features:
            raise ValueError(
                f"streams[{name!r}] is a mask of {len(chosen)} columns, X has {n_features}."
            )
        chosen = np.flatnonzero(chosen)
    elif not np.issubdtype(chosen.dtype, np.integer):
        raise ValueError(f"streams[{name!r}] must hold integers or names, got {chosen.dtype}.")
    chosen = np.where(chosen < 0, chosen + n_features, chosen).astype(np.int64)
    if chosen.min() < 0 or chosen.max() >= n_features:
        raise ValueError(
            f"streams[{name!r}] reaches beyond the {n_features} features of X: {selection!r}."
        )
    if len(np.unique(chosen)) != len(chosen):
        raise ValueError(f"streams[{name!r}] repeats columns: {selection!r}.")
    return chosen
