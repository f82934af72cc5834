"""What tells a model from another one: a hash of all that its predictions depend on."""

from __future__ import annotations

import dataclasses
import hashlib
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.parameters import SHARED, declared

#: What an estimator carries that does not enter its predictions: where and how loudly it works,
#: what only a fit reads, records of a search (with times in them), and the version that
#: scikit-learn stamps on its own.
NO_EFFECT = {
    *(name for name, parameter in SHARED.items() if parameter.stage == "machine"),
    *("callbacks", "random_state", "cv_results_", "refit_time_", "_sklearn_version"),
}


def fingerprint(estimator: Any) -> str:
    """Return a hash of all that an estimator's predictions depend on.

    It is the same after pickling, and for the same training done again.

    Raises
    ------
    ValueError
        Something in the estimator cannot be pickled by name, such as a lambda.
    """
    try:
        return str(joblib.hash(_essence(estimator)))
    except (PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            "estimator cannot be told from others, for a part of it cannot be pickled (a lambda? "
            f"use a function with a name): {error}"
        ) from error


def _essence(value: Any) -> Any:
    """Turn a value into plain containers, new ones, so that only values count.

    joblib.hash alone would also see which parts are one and the same object, in which order an
    array lies in memory, and what has no effect.
    """
    if isinstance(value, np.generic):  # before numbers: NumPy's float64 is a float, too
        return value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            return ("array", value.shape, _essence(value.ravel().tolist()))
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return ("array", value.dtype.str, value.shape, content)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, BaseLocalizer):
        return (kind, _essence_of_localizer(value))
    if isinstance(value, BaseEstimator):
        return (kind, _essence_of_fields(value.__getstate__()))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (kind, _essence_of_fields(vars(value)))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return (kind, _essence_of_fields(value._asdict()))
    if isinstance(value, dict):
        items = [(_essence(k), _essence(v)) for k, v in value.items()]
        return (kind, sorted(items, key=repr))
    if isinstance(value, list | tuple):
        return (kind, [_essence(item) for item in value])
    return (kind, joblib.hash(value))


def _essence_of_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _essence(v) for name, v in fields.items() if name not in NO_EFFECT}


def _essence_of_localizer(localizer: BaseLocalizer) -> dict[str, Any]:
    """Return what a localizer's segments follow from: model, data seen, parameters of use."""
    parameters = declared(type(localizer))
    fields = {n: getattr(localizer, n) for n, p in parameters.items() if p.stage == "use"}
    fields |= {n: v for n, v in vars(localizer).items() if n not in parameters and n != "model_"}
    if "model_" in vars(localizer):
        model = localizer.model_
        fields |= {"plan": model.plan, "weights": model.weights}
    return _essence_of_fields(fields)
