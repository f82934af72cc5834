"""Which columns belong to which stream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = slice | NDArray[np.int64]

STREAMS = ("spatial", "temporal")
#: The variant that knows no streams: it reads all columns.
SINGLE = "single"

#: Words that columns of this package's loaders begin with, and the stream that they mean.
_WORDS = {
    **{"spatial": "spatial", "rgb": "spatial", "gyro": "spatial"},
    **{"temporal": "temporal", "flow": "temporal", "acc": "temporal"},
}
# at the start, or after what a ColumnTransformer puts before a name
_WORD = re.compile(rf"(?:^|__)({'|'.join(_WORDS)})(?=[\W\d_]|$)", re.IGNORECASE)


def other_stream(stream: str) -> str:
    """Return the stream that is not `stream`."""
    return STREAMS[1 - STREAMS.index(stream)]


def streams_of(variant: Any, main_stream: str) -> tuple[str, ...]:
    """Return the streams that a variant reads, main stream first."""
    if isinstance(variant, str) and variant in (*STREAMS, SINGLE):
        return (variant,)
    return (main_stream, other_stream(main_stream))


def streams_by_name(feature_names: Any) -> NDArray[np.str_] | None:
    """Return the stream that every column's name says, ``""`` where it says none.

    Examples
    --------
    >>> streams_by_name(["temporal_0000", "pca__spatial_7", "flow3", "height"]).tolist()
    ['temporal', 'spatial', 'temporal', '']
    """
    if feature_names is None:
        return None
    said = []
    for name in feature_names:
        words = {_WORDS[word.lower()] for word in _WORD.findall(str(name))}
        said.append(words.pop() if len(words) == 1 else "")
    return np.array(said, dtype="U8")


def are_named(feature_names: Any) -> bool:
    """Tell whether every column's name says its stream."""
    said = streams_by_name(feature_names)
    return said is not None and bool(np.all(said != ""))


def name_two_streams(feature_names: Any) -> bool:
    """Tell whether every column's name says its stream, and there are two of them."""
    said = streams_by_name(feature_names)
    return said is not None and set(said.tolist()) == set(STREAMS)


def resolve_streams(
    streams: Any, needed: tuple[str, ...], n_features: int, feature_names: NDArray[Any] | None
) -> dict[str, NDArray[np.int64]]:
    """Return the column numbers of the streams that are needed.

    Parameters
    ----------
    streams : None or dict
        None: where every column's name says its stream, the names decide; otherwise the first half
        of the columns is spatial, the rest temporal. A dict gives a slice, column numbers, a
        boolean mask or feature names for each stream.
    needed : tuple of str
        Streams that the variant reads; ``("single",)`` is all columns.
    n_features : int
    feature_names : ndarray of str or None

    Raises
    ------
    ValueError
        A needed stream is missing, a stream is empty, two overlap, one names columns that are not
        there, or columns whose names say another stream.
    """
    if streams is not None and not isinstance(streams, Mapping):
        raise ValueError(
            "streams must be None or a dict of slices, index arrays or feature names for "
            f"{STREAMS}, got {streams!r}."
        )
    if needed == (SINGLE,):
        if streams is not None:
            raise ValueError(
                f"streams={streams!r}, but variant='single' reads all columns as one stream; leave "
                "streams=None, or choose the variant 'temporal' or 'spatial'."
            )
        return {SINGLE: np.arange(n_features)}
    said = streams_by_name(feature_names)
    if streams is not None:
        columns = _of_mapping(streams, n_features, feature_names)
        _check_apart(columns, streams)
        for name in needed:
            if name not in columns:
                raise ValueError(f"streams lacks {name!r}, which this variant needs.")
        for name, chosen in columns.items():
            _check_names(name, chosen, said, feature_names, streams[name])
    elif said is not None and np.all(said != ""):
        columns = {name: np.flatnonzero(said == name) for name in STREAMS}
        for name in needed:
            if not len(columns[name]):
                raise ValueError(_one_stream_only(name, needed, feature_names))
    else:
        half = n_features // 2
        columns = {"spatial": np.arange(half), "temporal": np.arange(half, n_features)}
        for name, chosen in columns.items():
            _check_names(name, chosen, said, feature_names, None)
    for name in needed:
        if not len(columns[name]):
            raise ValueError(
                f"The {name} stream has no columns: X has {n_features} feature(s) "
                f"(n_features = {n_features}), streams={streams!r}."
            )
    return {name: columns[name] for name in needed}


def _of_mapping(
    streams: Mapping[Any, Any], n_features: int, feature_names: NDArray[Any] | None
) -> dict[str, NDArray[np.int64]]:
    unknown = set(streams) - set(STREAMS)
    if unknown:
        raise ValueError(f"streams has keys {sorted(map(str, unknown))}; expected {STREAMS}.")
    columns = {}
    for name, selection in streams.items():
        columns[name] = resolve_columns(selection, name, n_features, feature_names)
        if not len(columns[name]):
            raise ValueError(
                f"The {name} stream has no columns: streams[{name!r}] is {selection!r}, and X has "
                f"{n_features} feature(s) (n_features = {n_features})."
            )
    return columns


def _check_apart(columns: Mapping[str, NDArray[np.int64]], streams: Any) -> None:
    """Refuse a column that two streams claim."""
    if len(columns) > 1:
        both = np.intersect1d(columns["spatial"], columns["temporal"])
        if len(both):
            raise ValueError(
                f"streams={streams!r}: column {both[0]} (one of {len(both)}) is in both streams; "
                "each belongs to one."
            )


def _check_names(
    stream: str, chosen: NDArray[np.int64], said: NDArray[np.str_] | None, names: Any, given: Any
) -> None:
    """Refuse columns for a stream whose names say "spatial" or "temporal", the other one.

    Columns that are listed by their names are taken at their word, unless every one of them says
    the other stream. "rgb" and "flow" and the like may mean what they want.
    """
    if said is None or not len(chosen):
        return
    other = other_stream(stream)
    wrong = [i for i in chosen[said[chosen] == other].tolist() if other in str(names[i]).lower()]
    by_name = given is not None and not isinstance(given, slice)
    by_name = by_name and np.asarray(given).dtype.kind in "UO"
    if not wrong or (by_name and len(wrong) < len(chosen)):
        return
    way = f"streams[{stream!r}] has it" if given is not None else "by halves it would be"
    raise ValueError(
        f"Column {wrong[0]} is named {names[wrong[0]]!r}, but {way} {stream} (one of {len(wrong)} "
        "such columns). Give streams that agree with the names, or name the columns otherwise."
    )


def _one_stream_only(missing: str, needed: tuple[str, ...], names: Any) -> str:
    there = other_stream(missing)
    reads = "both streams" if len(needed) > 1 else f"the {missing} stream"
    return (
        f"The {missing} stream has no columns: all {len(names)} are named as {there} "
        f"({names[0]!r}, ...), and this variant reads {reads}. Use variant='single', which reads "
        f"all columns (or variant={there!r}), or say which are {missing} with streams=."
    )


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


def resolve_columns(
    selection: Any, name: str, n_features: int, feature_names: NDArray[Any] | None
) -> NDArray[np.int64]:
    """Return the column numbers that one stream's entry of `streams` means."""
    if isinstance(selection, slice):
        for border in (selection.start, selection.stop):
            if border is not None and not -n_features <= border <= n_features:
                raise ValueError(
                    f"streams[{name!r}] reaches beyond the {n_features} features of X: "
                    f"{selection!r}."
                )
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
        if not len(chosen):
            return chosen
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
