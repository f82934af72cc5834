"""One strict converter each for numbers, times, ids and labels: nothing changes its meaning."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._checks import as_list

_SECOND = np.timedelta64(1, "s")


def as_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Return an array of float64; refuse what only looks like numbers.

    Raises
    ------
    ValueError
        There are strings, booleans, times, complex numbers or missing values (NaN is a number).

    Examples
    --------
    >>> as_numbers([1, 2.5], "score")
    array([1. , 2.5])
    """
    array = _array(values, name)
    if array.dtype == object:
        odd = [i for i, v in enumerate(array.flat) if not _is_real(v)]
        if odd:
            raise _refused(name, array.flat[odd[0]], odd[0], "a number")
    elif array.dtype.kind not in "iuf":
        raise _refused(name, array.flat[0], 0, "a number") if array.size else _kind(name, array)
    return array.astype(np.float64)


def as_seconds(values: Any, name: str) -> NDArray[np.float64]:
    """Return times as seconds: numbers are seconds already, durations are converted.

    Raises
    ------
    ValueError
        There are strings, booleans, missing values, or dates, which are no time of a video.

    Examples
    --------
    >>> import pandas as pd
    >>> as_seconds([pd.Timedelta("1.5s"), pd.Timedelta("1min")], "start")
    array([ 1.5, 60. ])
    """
    array = _array(values, name)
    if array.dtype == object and array.size:
        is_duration = [isinstance(v, datetime.timedelta | np.timedelta64) for v in array.flat]
        if any(is_duration):
            if not all(is_duration):
                i = is_duration.index(False)
                raise _refused(name, array.flat[i], i, "a duration as the others are")
            flat = [pd.Timedelta(v).to_timedelta64() for v in array.flat]
            array = np.array(flat).reshape(array.shape)
    if array.dtype.kind == "m":
        try:
            return np.asarray(array / _SECOND, dtype=np.float64)
        except TypeError:
            raise ValueError(
                f"{name} holds {array.dtype}, which is no number of seconds."
            ) from None
    if array.dtype.kind == "M" or any(
        isinstance(v, datetime.date) for v in (array.flat if array.dtype == object else ())
    ):
        raise ValueError(
            f"{name} holds dates; expected seconds from the video's start. Subtract that first."
        )
    return as_numbers(array, name)


def as_ids(ids: Any, name: str = "ids") -> list[str]:
    """Return names as strings: text as it is, whole numbers written out, bytes decoded.

    Raises
    ------
    TypeError
        It is one string, or no sequence.
    ValueError
        A name is missing, of another kind, not UTF-8, or ends in a NUL, which arrays lose; or a
        number or bytes are written as another name is.

    Examples
    --------
    >>> as_ids(["a", b"b", 3])
    ['a', 'b', '3']
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise TypeError(f"{name} must be a sequence, got {ids!r}.")
    given = list(ids)
    if isinstance(ids, np.ndarray) and ids.dtype.kind not in "mM":  # of dates it makes numbers
        given = ids.tolist()
    if set(map(type, given)) == {str}:
        _refuse_nul(given, name)
        return given
    names = [_name(v, i, name) for i, v in enumerate(given)]
    _refuse_nul(names, name)
    if len({type(v) for v in given}) > 1:
        _refuse_merged(given, names, name)
    return names


def _refuse_nul(names: list[str], name: str) -> None:
    """Refuse text that NumPy's arrays would cut short."""
    for i, text in enumerate(names):
        if text.endswith("\0"):
            raise ValueError(f"{name}[{i}] is {text!r}: a name must not end in a NUL.")


def _name(value: Any, i: int, name: str) -> str:
    if isinstance(value, str):
        text = str(value)
    elif isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise ValueError(f"{name} holds {value!r:.60}, which is not UTF-8.") from None
    elif isinstance(value, Integral) and not isinstance(value, bool | np.bool_):
        return str(int(value))
    else:
        raise _refused(name, value, i, "text or a whole number")
    return text


def _refuse_merged(given: list[Any], names: list[str], name: str) -> None:
    """Refuse values of different kinds that become one name, such as 1 and "1"."""
    kinds: dict[str, Any] = {}
    for value, text in zip(given, names, strict=True):
        other = kinds.setdefault(text, value)
        if _kind_of(other) != _kind_of(value):
            raise ValueError(f"{name} holds {other!r} and {value!r}, which are one name as text.")


def as_labels(labels: Any, name: str) -> NDArray[Any]:
    """Return labels as a 1-D array of one kind: text, whole numbers, floats or booleans.

    Bytes are decoded. Kinds are never mixed: 1 and "1", or True and 1, would become one class.

    Raises
    ------
    ValueError
        Kinds are mixed, a label is missing or not finite, or ends in a NUL, which arrays lose.

    Examples
    --------
    >>> as_labels(["run", "jump"], "label").tolist()
    ['run', 'jump']
    """
    if isinstance(labels, np.ma.MaskedArray) and np.ma.is_masked(labels):
        raise ValueError(f"{name} has masked values; every label is needed.")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "biufU":
        array = labels
    else:
        array = _one_kind(labels.to_numpy() if hasattr(labels, "to_numpy") else labels, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1-D, got shape {array.shape}.")
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        raise ValueError(f"{name} contains NaN or infinity.")
    return array


def _one_kind(labels: Any, name: str) -> NDArray[Any]:
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise ValueError(f"{name} must be 1-D, got shape {labels.shape}.")
    given = as_list(labels, name, "a sequence of labels")
    if set(map(type, given)) == {str}:  # by far the commonest: many times faster than below
        _refuse_nul(given, name)
        return np.array(given, dtype=np.str_)
    missing = [i for i, v in enumerate(given) if _is_missing(v)]
    if missing:
        i = missing[0]
        # what scikit-learn's checks look for in the message of a NaN among numbers
        what = "contains NaN or infinity" if _is_real(given[i]) else "misses a label"
        raise ValueError(f"{name} {what}: {name}[{i}] is {given[i]!r}.")
    kinds = {_kind_of(v) for v in given}
    if kinds == {"whole number", "number"}:
        kinds = {"number"}
    if len(kinds) > 1:
        others = " and ".join(sorted(kinds))
        if "text" in kinds:
            others = f"strings and other types ({others})"
        first = {_kind_of(v): v for v in reversed(given)}  # an example of each
        shown = " and ".join(repr(_plain(first[kind])) for kind in sorted(first))
        raise ValueError(f"{name} mixes {others}, such as {shown:.120}; use labels of one type.")
    if kinds <= {"text", "bytes"} and kinds:
        names = [_name(v, i, name) for i, v in enumerate(given)]
        _refuse_nul(names, name)
        return np.array(names, dtype=np.str_)
    if kinds == {"other"}:
        array = np.empty(len(given), dtype=object)
        for i, value in enumerate(given):  # NumPy would unpack sequences
            array[i] = value
        if any(np.ndim(value) for value in given if isinstance(value, list | np.ndarray)):
            raise ValueError(f"{name} must be 1-D, got sequences such as {given[0]!r:.60}.")
        return array
    array = np.asarray(given)
    if array.dtype == object:  # integers beyond 64 bits
        raise ValueError(f"{name} holds numbers that no array can hold.")
    return array


def as_offsets(offsets: Any, name: str = "offsets") -> NDArray[np.int64]:
    """Return whole numbers; floats, which would be cut off, are refused."""
    array = np.asarray(offsets)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype}.")
    return array.astype(np.int64)


def as_mask(mask: Any, name: str, n: int, what: str) -> NDArray[np.bool_]:
    """Return a mask of `n` booleans; numbers, which may be meant as positions, are refused."""
    array = np.asarray(mask)
    if array.dtype == object and array.size and all(isinstance(v, bool) for v in array.flat):
        array = array.astype(bool)
    if not array.size and array.ndim == 1:
        array = array.astype(bool)
    if array.dtype != bool:
        raise ValueError(
            f"{name} must be a mask, one boolean for each of the {n} {what}; got {array.dtype} of "
            f"shape {array.shape}. Of positions, np.isin(np.arange({n}), {name}) makes one."
        )
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}, expected {(n,)}.")
    return array


def _array(values: Any, name: str) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; every one is needed.")
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy())
    # NumPy makes numbers of booleans among numbers
    if isinstance(values, list | tuple) and not {bool, np.bool_}.isdisjoint(map(type, values)):
        i = next(i for i, v in enumerate(values) if isinstance(v, bool | np.bool_))
        raise _refused(name, values[i], i, "a number")
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers, got {values!r:.80}.") from None


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_missing(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _kind_of(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "booleans"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, Integral):
        return "whole number"
    return "number" if isinstance(value, Real) else "other"


def _refused(name: str, value: Any, i: int, expected: str) -> ValueError:
    missing = " (missing)" if _is_missing(value) else ""
    return ValueError(f"{name}[{i}] is {_plain(value)!r:.60}{missing}; expected {expected}.")


def _plain(value: Any) -> Any:
    """Return what Python prints without the name of NumPy's type."""
    return value.item() if isinstance(value, np.str_ | np.bytes_ | np.number) else value


def _kind(name: str, array: NDArray[Any]) -> ValueError:
    return ValueError(f"{name} holds {array.dtype}; expected numbers.")
