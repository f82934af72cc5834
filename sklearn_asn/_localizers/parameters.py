"""Constructor arguments of localizers: each declared once, with its limits and its stage.

A stage says when a value counts. ``"train"``: a fitted localizer has been trained with it, another
one needs a fit. ``"fit"``: it says how the next fit works. ``"use"``: it holds at once, also
on a fitted localizer. ``"machine"``: it changes where, how fast or how loudly work is done, and
nothing in the result. Checks, the error after a change, the fingerprint of a model, what is saved,
and the sentences in the reference follow from these declarations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator

from sklearn_asn._checks import (
    check_choice,
    check_count,
    check_no_class,
    check_number,
    check_verbose,
)
from sklearn_asn._doclink import public

Stage = Literal["train", "fit", "use", "machine"]
Check = Callable[[Any, str], None]

SAYS: dict[Stage, str] = {
    "train": "Needs a fit.",
    "fit": "Needs a fit.",
    "use": "Holds at once, also on a fitted localizer.",
    "machine": "Changes nothing in the result.",
}


@public("sklearn_asn.methods")
@dataclass(frozen=True)
class Parameter:
    """A constructor argument.

    Parameters
    ----------
    stage : {"train", "fit", "use", "machine"}
    check : callable
        Called with a value and the argument's name; raises ValueError where it does not fit.
    absent : object
        What holds in localizers that have no such argument.
    """

    stage: Stage
    check: Check
    absent: Any = None


def train(check: Check, absent: Any = None) -> Parameter:
    """Declare an argument that training depends on."""
    return Parameter("train", check, absent)


def use(check: Check, absent: Any = None) -> Parameter:
    """Declare an argument that is read when a fitted localizer is used, and then alone."""
    return Parameter("use", check, absent)


def machine(check: Check, absent: Any = None) -> Parameter:
    """Declare an argument that changes nothing in the result."""
    return Parameter("machine", check, absent)


# ------------------------------------------------------------------ limits


def anything(value: Any, name: str) -> None:
    """Accept every value (it is checked where it is read)."""


def count(value: Any, name: str) -> None:
    """Accept positive integers."""
    check_count(value, name)


def flag(value: Any, name: str) -> None:
    """Accept True and False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}={value!r}; expected True or False.")


def choice(*choices: str) -> Check:
    """Accept one of some strings."""
    return lambda value, name: check_choice(value, name, choices)


def number(low: float = -np.inf, high: float = np.inf, **borders: bool) -> Check:
    """Accept finite numbers between two (`open_low`, `open_high`: not these themselves)."""
    return lambda value, name: check_number(value, name, low, high, **borders)


def optional(check: Check) -> Check:
    """Accept None too."""
    return lambda value, name: None if value is None else check(value, name)


def each(check: Check) -> Check:
    """Accept a sequence of what `check` accepts."""

    def check_each(value: Any, name: str) -> None:
        if isinstance(value, str) or not np.iterable(value):
            raise ValueError(f"{name}={value!r}; expected a sequence.")
        for item in value:
            check(item, name)

    return check_each


def selection(value: Any, name: str) -> None:
    """Accept None, and what makes segments of a CAS."""
    check_no_class(value, name)
    if value is not None and not hasattr(value, "select"):
        raise ValueError(
            f"{name}={value!r}; expected None or an object with a method "
            "select(cas, video_scores), such as NaiveSelection()."
        )


def callbacks(value: Any, name: str) -> None:
    """Accept None and a list of skorch callbacks, each perhaps in a pair with its name."""
    if value is None:
        return
    if hasattr(value, "on_train_begin"):
        one = value.__name__ if isinstance(value, type) else type(value).__name__
        raise ValueError(f"{name} is one callback; expected a list of them: [{one}(...)].")
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name}={value!r:.80}; expected None or a list of skorch callbacks.")
    for i, item in enumerate(value):
        named = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
        if named and item[1] is None:
            continue  # one that `set_params(callbacks__name=None)` has taken out
        if not hasattr(item[1] if named else item, "on_train_begin"):
            raise ValueError(
                f"{name}[{i}] is {item!r:.80}; expected a skorch callback, or (name, callback)."
            )


#: Where numbers that enter float32 as factors end: far from what overflows, or counts as 0.
LARGEST, SMALLEST = 1e30, 1e-30


#: What localizers have in common.
SHARED: dict[str, Parameter] = {
    "streams": train(anything),
    "clips_per_video": train(optional(count)),
    "frames_per_clip": train(count, 1),
    "frames_sampled": train(count, 3),
    "training_window": train(optional(count)),
    "dropout": train(number(0, 1, open_high=True), 0.5),
    "hide_probability": train(number(0, 1, open_high=True), 0.0),
    "hide_clips": train(count, 1),
    "max_epochs": train(count, 80),
    "batch_size": train(count, 512),
    "trimmed_batch_size": train(count, 8192),
    "lr": train(number(0, LARGEST), 0.1),
    "lr_schedule": train(choice("steps", "cosine"), "steps"),
    "lr_milestones": train(each(number(0, 1)), ()),
    "momentum": train(number(0, 1, open_high=True), 0.9),
    "weight_decay": train(number(0, LARGEST), 5e-4),
    "extractor_weight_decay": train(optional(number(0, LARGEST))),
    "gradient_clip": train(optional(number(SMALLEST))),
    "quantile_momentum": train(number(0, 1), 0.9),
    "quantile_videos": train(choice("untrimmed", "all"), "untrimmed"),
    "precision": train(choice("float32", "bfloat16"), "float32"),
    "callbacks": train(callbacks),
    "random_state": train(anything),
    "warm_start": Parameter("fit", flag, False),
    # below, quotients leave float32; so small a number already means the highest clip alone
    "attention_softening": use(number(1e-6), 3.0),
    "video_threshold": use(number(0, 1), 0.1),
    "when_none_passes": use(choice("best", "nothing"), "best"),
    "localize_classes": use(anything),
    "selection": use(selection),
    "device": machine(anything, "auto"),
    "compile": machine(flag, False),
    "memory": machine(anything),
    "n_jobs": machine(anything),
    "verbose": machine(check_verbose, 0),
}


# ------------------------------------------------------------------ what follows


_ARGUMENTS: WeakKeyDictionary[type, Mapping[str, Parameter]] = WeakKeyDictionary()
_OF_STAGE: WeakKeyDictionary[type, Mapping[str, tuple[str, ...]]] = WeakKeyDictionary()


def declared(kind: type) -> Mapping[str, Parameter]:
    """Return the constructor arguments of a class of localizers, in order.

    One that is not declared counts as one of training, and is not checked.
    """
    found = _ARGUMENTS.get(kind)
    if found is None:  # a signature takes as long as a small network
        known: Mapping[str, Parameter] = kind._parameters  # type: ignore[attr-defined]
        names = [name for name in inspect.signature(kind).parameters if name != "kwargs"]
        found = {name: known[name] if name in known else train(anything) for name in names}
        _ARGUMENTS[kind] = found = MappingProxyType(found)
    return found


def of_stage(kind: type, stage: Stage) -> tuple[str, ...]:
    """Return the names of a class's arguments of one stage, in order."""
    found = _OF_STAGE.get(kind)
    if found is None:
        stages: dict[str, tuple[str, ...]] = dict.fromkeys(SAYS, ())
        for name, parameter in declared(kind).items():
            stages[parameter.stage] += (name,)
        _OF_STAGE[kind] = found = MappingProxyType(stages)
    return found[stage]


def value_of(estimator: Any, name: str) -> Any:
    """Return an argument's value, or what holds where a class has no such argument."""
    value = getattr(estimator, name, _UNKNOWN)
    return estimator._parameters[name].absent if value is _UNKNOWN else value


def check_parameters(estimator: Any, *stages: Stage) -> None:
    """Check the arguments of some stages (of all, where none is given)."""
    kind = type(estimator)
    known = declared(kind)
    for name in [name for stage in stages for name in of_stage(kind, stage)] if stages else known:
        known[name].check(getattr(estimator, name), name)


def trained_with(estimator: Any) -> dict[str, Any]:
    """Return the plain values of the arguments that training depends on.

    Frozen estimators, generators and callbacks are left out: they cannot be compared.
    """
    return {
        name: _copied(value)
        for name in of_stage(type(estimator), "train")
        if _essence(value := getattr(estimator, name)) is not _UNKNOWN
    }


def check_unchanged(estimator: Any, trained: Mapping[str, Any]) -> None:
    """Refuse arguments of training that are no longer those of the fitted model.

    Raises
    ------
    ValueError
        One differs; the message names both values.
    """
    for name in of_stage(type(estimator), "train"):
        value, kept = getattr(estimator, name), trained.get(name)
        if _is_plain(value) and _is_plain(kept) and type(value) is type(kept) and value == kept:
            continue  # nearly all are; this is asked for in every use
        now = _essence(value)
        if name in trained and now is not _UNKNOWN and now != _essence(trained[name]):
            raise ValueError(
                f"{name}={value!r}, but this {type(estimator).__name__} was trained with "
                f"{name}={trained[name]!r}. Call fit again, or set it back."
            )


def same_value(one: Any, other: Any) -> bool:
    """Tell whether two values are known to be the same, by content."""
    a, b = _essence(one), _essence(other)
    return one is other or (a is not _UNKNOWN and bool(a == b))


def sentence_of(kind: type, name: str) -> str:
    """Return what the reference says of an argument's stage.

    >>> from sklearn_asn import ASNLocalizer
    >>> sentence_of(ASNLocalizer, "hidden_size"), sentence_of(ASNLocalizer, "device")
    ('Needs a fit.', 'Changes nothing in the result.')
    """
    return SAYS[declared(kind)[name].stage]


_UNKNOWN: Any = object()
_PLAIN = {bool, int, float, str, type(None)}


def _is_plain(value: Any) -> bool:
    """Tell values that ``==`` compares by content, and to the end."""
    kind = type(value)
    return kind in _PLAIN or (kind is tuple and _PLAIN.issuperset(map(type, value)))


def _essence(value: Any) -> Any:
    """Turn a value into plain ones that compare by content, or `_UNKNOWN`."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | type):
        return value
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, np.ndarray):
        return _essence(value.tolist())
    if isinstance(value, BaseEstimator) and not isinstance(value, FrozenEstimator):
        inner = _essence(value.get_params(deep=False))
        return _UNKNOWN if inner is _UNKNOWN else (type(value), inner)
    if isinstance(value, Mapping):
        parts = [(key, _essence(item)) for key, item in sorted(value.items(), key=repr)]
        known = all(item is not _UNKNOWN for _, item in parts)
        return ("mapping", tuple(parts)) if known else _UNKNOWN
    if isinstance(value, Sequence):
        items = tuple(map(_essence, value))
        return _UNKNOWN if any(item is _UNKNOWN for item in items) else items
    return _UNKNOWN


def _copied(value: Any) -> Any:
    """Copy a container: the caller may change theirs."""
    if isinstance(value, BaseEstimator):
        return clone(value)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value
