"""What a `SelfTrainingLocalizer` is made of: names and localizers, and what their students have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import clone

from sklearn_asn._checks import check_number
from sklearn_asn._localizers.parameters import count

DROP = "drop"  # in place of a localizer


def check_localizers(value: Any, name: str) -> None:
    """Accept a list of names and localizers, as scikit-learn's VotingClassifier does."""
    pairs = value if isinstance(value, list | tuple) else []
    if not pairs or not all(isinstance(p, tuple | list) and len(p) == 2 for p in pairs):
        raise ValueError(f"{name}={value!r}; expected a list of (name, localizer).")
    names = [pair[0] for pair in pairs]
    bad = [n for n in names if not isinstance(n, str) or "__" in n or not n]
    if bad or len(set(names)) < len(names):
        raise ValueError(f"{name} has the names {names}; expected unique ones without '__'.")
    if not kept(pairs):
        raise ValueError(f"{name}={value!r}; expected at least one that is not {DROP!r}.")


def kept(pairs: Any) -> list[Any]:
    """Return the names and localizers that are not dropped."""
    return [pair for pair in pairs if not is_dropped(pair[1])]


def is_dropped(localizer: Any) -> bool:
    return isinstance(localizer, str) and localizer == DROP


def pairs_of(value: Any) -> list[Any]:
    """Return the names and localizers, none where it is no list of them (`fit` says so)."""
    try:
        check_localizers(value, "localizers")
    except ValueError:
        return []
    return [pair for pair in value if hasattr(pair[1], "get_params") or is_dropped(pair[1])]


def check_students(value: Any, name: str) -> None:
    """Accept None and a mapping of parameters' names."""
    if value is not None and not (
        isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    ):
        raise ValueError(
            f"{name}={value!r}; expected None or a dict of parameters, such as {{'dropout': 0.3}}."
        )


def check_rounds(value: Any, name: str) -> None:
    if value != 0:
        count(value, name)
    check_number(value, name, 0)


def student_of(localizer: Any, params: Mapping[str, Any], name: str) -> Any:
    """Return a new localizer with other parameters."""
    student = clone(localizer)
    unknown = sorted(params.keys() - student.get_params().keys())
    if unknown:
        raise ValueError(
            f"student_params has {unknown[0]!r}, which {name!r} of localizers, a "
            f"{type(localizer).__name__}, does not have; expected a parameter of all of them, or "
            "of one as name__parameter."
        )
    return student.set_params(**params) if params else student
