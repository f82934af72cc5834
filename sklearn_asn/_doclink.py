"""The link to its page in the documentation that an estimator's HTML representation carries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing", bound=Callable[..., object])

DOCUMENTATION = "https://sklearn-asn.readthedocs.io/en/stable/generated/{estimator_module}.{estimator_name}.html"


class DocumentedMixin:
    """Tell scikit-learn's HTML representation where the estimator is documented.

    A page is named after the shortest public path of its class, as in ``docs/reference.rst``. A
    class defined outside of this package has no page here, and gets no link.
    """

    _doc_link_module = "sklearn_asn"
    _doc_link_template = DOCUMENTATION

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        cls = type(self)
        parts = cls.__module__.split(".")
        packages = [".".join(parts[: i + 1]) for i in range(len(parts))]
        public = (p for p in packages if getattr(sys.modules.get(p), cls.__name__, None) is cls)
        return {
            "estimator_module": next(public, cls.__module__),
            "estimator_name": cls.__name__,
        }


def public(module: str) -> Callable[[Thing], Thing]:
    """Let a class or function name a public module as its own (a decorator)."""

    def name(thing: Thing) -> Thing:
        thing.__module__ = module
        return thing

    return name


def publish(module: str, names: Iterable[str]) -> None:
    """Let classes and functions of a public module name it as theirs, wherever they are written.

    So they are shown, and pickled, under a name that stays.
    """
    for name in names:
        value = getattr(sys.modules[module], name)
        if callable(value) and value.__module__.startswith(f"{module.rpartition('.')[0]}."):
            value.__module__ = module
