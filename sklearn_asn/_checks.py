"""Checks of constructor arguments and of what comes with X; each error names its argument."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_choice(value: Any, name: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}; expected one of {tuple(choices)}.")


def check_count(value: Any, name: str) -> None:
    """Refuse anything but a positive integer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < 1:
        raise ValueError(f"{name}={value!r}; expected an integer of at least 1.")


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
