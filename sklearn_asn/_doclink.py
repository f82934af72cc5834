"""Under which name classes and functions are shown, and where estimators are documented."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing", bound=Callable[..., object])

#: Where the page of an estimator is, with ``{estimator_module}`` and ``{estimator_name}`` in it.
#: Empty, because the documentation has no public address yet: a link would lead nowhere.
DOCUMENTATION = ""


class DocumentedMixin:
    """Tell scikit-learn's HTML representation where the estimator is documented, if it is.

    A page is named after the public module and the class, as scikit-learn finds them by itself. A
    class defined outside of this package has no page here, and gets no link.
    """

    _doc_link_module = "sklearn_asn"
    _doc_link_template = DOCUMENTATION


def public(module: str) -> Callable[[Thing], Thing]:
    """Let a class or function name a public module as its own (a decorator).

    For what a module shows only when it is asked for. The outermost decorator: `dataclass` looks
    names up where the class is written.
    """

    def name(thing: Thing) -> Thing:
        thing.__module__ = module
        return thing

    return name


def publish(module: str, names: Iterable[str]) -> None:
    """Let classes and functions of a public module name it as theirs, wherever they are written.

    So they are shown, and pickled, under a name that stays. What has another public module
    already, and is only shown here too, keeps it.
    """
    for name in names:
        value = getattr(sys.modules[module], name)
        home = getattr(value, "__module__", None) or ""
        private = any(part.startswith("_") for part in home.split("."))
        if (
            callable(value)
            and home.startswith("sklearn_asn.")
            and (private or home.startswith(f"{module}."))
        ):
            value.__module__ = module
