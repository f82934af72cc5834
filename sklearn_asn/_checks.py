"""Checks of constructor arguments and of what comes with X; each error names its argument."""

from __future__ import annotations

import difflib
import inspect
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_choice(value: Any, name: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}; expected one of {tuple(choices)}.")


def check_count(value: Any, name: str) -> None:
    """Refuse anything but a positive integer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 1:
        raise ValueError(f"{name}={value!r}; expected an integer of at least 1.")


def check_verbose(value: Any, name: str = "verbose") -> None:
    """Refuse anything but a whole number; True and False are 1 and 0."""
    if not isinstance(value, Integral):
        raise ValueError(f"{name}={value!r}; expected a whole number (0: silent).")


def is_finite(value: Any) -> bool:
    """Tell whether a value is one finite number; text and truth values are not."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def check_finite(name: str, value: Any) -> float:
    """Return a finite number as a float."""
    if not is_finite(value):
        raise ValueError(f"{name} must be a finite number, got {value!r}.")
    return float(value)


def check_number(
    value: Any,
    name: str,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse anything but a finite number between `low` and `high` (inclusive unless open)."""
    number = float(value) if is_finite(value) else np.nan
    if not low <= number <= high or (open_low and number == low) or (open_high and number == high):
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ValueError(f"{name}={value!r}; expected a number in {left}{low:g}, {high:g}{right}.")


def as_path(value: Any, name: str = "path") -> Path:
    """Return a path; what is none is named, as `pathlib` does not.

    >>> as_path(None, "folder")
    Traceback (most recent call last):
    TypeError: folder=None; expected a path, as text or a pathlib.Path.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name}={value!r:.80}; expected a path, as text or a pathlib.Path.")
    return Path(value)


def as_list(value: Any, name: str, what: str = "a sequence") -> list[Any]:
    """Return the items of a sequence; text, and what has no items, is refused.

    >>> as_list("ab", "classes", "a sequence of labels")
    Traceback (most recent call last):
    TypeError: classes='ab'; expected a sequence of labels.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"{name}={value!r:.80}; expected {what}.")
    return list(value)


def as_floats(values: Any, name: str) -> NDArray[np.float64]:
    """Return an array of float64; text, also text of a number, and ragged lists are refused.

    >>> as_floats([1, "2"], "tiou")
    Traceback (most recent call last):
    ValueError: tiou must hold numbers, got [1, '2'].
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "USmM":
            return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} must hold numbers, got {values!r:.80}.")


def as_dtype(value: Any, name: str = "dtype") -> np.dtype[Any]:
    """Return NumPy's type of this name."""
    try:
        return np.dtype(value)
    except TypeError:
        raise ValueError(
            f"{name}={value!r}; expected a type of NumPy, such as 'float32'."
        ) from None


def check_no_class(value: Any, name: str) -> None:
    """Refuse a class where an instance of it belongs."""
    if isinstance(value, type):
        raise ValueError(
            f"{name} is the class {value.__name__}; expected an instance of it: "
            f"{value.__name__}(...)."
        )


def known_labels(unknown: Iterable[Any], known: Iterable[Any], n: int = 10) -> str:
    """Say which labels are known, and which of them an unknown one may mean.

    >>> known_labels(["rnu", 5], ["jump", "run"])
    "known are 'jump', 'run'; 'rnu' may mean 'run'"
    """
    labels = list(known)
    text = f"known are {', '.join(map(repr, labels[:n]))}"
    if len(labels) > n:
        text += f" and {len(labels) - n} more"
    names = {str(label): label for label in labels}
    for label in unknown:
        close = difflib.get_close_matches(str(label), names, n=1)
        if close and isinstance(label, str):
            return f"{text}; {label!r} may mean {names[close[0]]!r}"
    return text


def resolve_device(device: Any, fall_back: bool = False) -> str:
    """Return the torch device to use; ``"auto"`` is the GPU where there is one.

    With `fall_back` a GPU that is not there is no error: a model trained on one is used without.
    """
    import torch  # not before a network is made or a video read

    if device == "auto" or (fall_back and not torch.cuda.is_available()):
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        parsed = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device={device!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:N'."
        ) from None
    if parsed.type == "cuda":
        n = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (parsed.index or 0) >= n:
            if fall_back:  # trained where there were more
                return "cuda"
            raise ValueError(f"device={device!r}, but torch sees {n} CUDA devices; use 'auto'.")
    elif parsed.type != "cpu":
        raise ValueError(f"device={device!r}; expected 'auto', 'cpu', 'cuda' or 'cuda:N'.")
    return str(parsed)


def draw_seed(random_state: Any) -> int:
    """Turn scikit-learn's `random_state` into one seed; None draws from the system, not NumPy."""
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, Integral) and 0 <= int(random_state) < 2**32:
        return int(random_state)
    raise ValueError(
        f"random_state={random_state!r}; expected None, an integer in [0, 2**32 - 1], a NumPy "
        "RandomState or Generator."
    )


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Put an estimator's attributes back if the block raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def add_new(estimator: Any) -> None:
    """Give an estimator of a file of an earlier version the arguments that came later."""
    for name, parameter in inspect.signature(type(estimator)).parameters.items():
        if parameter.default is not parameter.empty and name not in vars(estimator):
            setattr(estimator, name, parameter.default)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the first line outside of this package."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("sklearn_asn."):
        frame, level = frame.f_back, level + 1  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level)
