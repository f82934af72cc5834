"""``callbacks__name__parameter``: parameters of callbacks, set and read as skorch's are."""

from __future__ import annotations

from typing import Any, Self


class CallbackParameters:
    """Parameters of an estimator's `callbacks` by name, which scikit-learn finds in no list."""

    callbacks: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with `deep` also the callbacks by name, and theirs."""
        params: dict[str, Any] = super().get_params(deep)  # type: ignore[misc]
        if deep:
            for name, callback in by_name(params.get("callbacks")).items():
                params[f"callbacks__{name}"] = callback
                if hasattr(callback, "get_params") and not isinstance(callback, type):
                    inner = callback.get_params().items()
                    params |= {f"callbacks__{name}__{key}": value for key, value in inner}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, whole callbacks by name, or theirs as ``callbacks__name__parameter``."""
        known_here = "callbacks" in self.get_params(deep=False)
        if known_here and "callbacks" in params:
            self.callbacks = params.pop("callbacks")
        ours = {
            key: params.pop(key)
            for key in list(params)
            if known_here and key.startswith("callbacks__")
        }
        for key in sorted(ours, key=lambda key: key.count("__")):  # whole ones first
            name, _, inner = key.removeprefix("callbacks__").partition("__")
            known = by_name(getattr(self, "callbacks", None))
            if name not in known:
                raise ValueError(
                    f"{key}: there is no callback {name!r}; callbacks has {list(known)}."
                )
            if not inner:
                self.callbacks = _with(self.callbacks, name, ours[key])
            elif isinstance(known[name], type) or not hasattr(known[name], "set_params"):
                raise ValueError(
                    f"{key}: {known[name]!r} is no callback whose parameters can be set."
                )
            else:
                _check_name(known[name], inner, key)
                known[name].set_params(**{inner: ours[key]})
        super().set_params(**params)  # type: ignore[misc]
        return self


def by_name(callbacks: Any) -> dict[str, Any]:
    """Return callbacks by the names that skorch gives them: that of the class where there is none.

    Of several of one class, which skorch numbers, each has its number.
    """
    items = callbacks if isinstance(callbacks, list | tuple) else []
    names = [_name(item) for item in items]
    found: dict[str, Any] = {}
    for i, (name, item) in enumerate(zip(names, items, strict=True)):
        same = [j for j, other in enumerate(names) if other == name]
        numbered = name if len(same) == 1 else f"{name}_{same.index(i) + 1}"
        found[numbered] = item[1] if isinstance(item, tuple | list) else item
    return found


def _with(callbacks: Any, name: str, new: Any) -> list[Any]:
    """Return the list with another callback under a name."""
    return [
        (name, new) if given == name else item
        for given, item in zip(by_name(callbacks), callbacks, strict=True)
    ]


def _name(item: Any) -> str:
    if isinstance(item, tuple | list):
        return str(item[0])
    return str(item.__name__ if isinstance(item, type) else type(item).__name__)


def _check_name(callback: Any, inner: str, key: str) -> None:
    known = callback.get_params() if hasattr(callback, "get_params") else {}
    if inner.partition("__")[0] not in known:
        raise ValueError(f"{key}: {type(callback).__name__} has no parameter {inner!r}.")
