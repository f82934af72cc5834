"""The colour of a class: the same in the report, in pictures and in tables of segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sklearn_asn._doclink import public

#: On white and on a dark page. After Okabe and Ito's palette, safe for colour-blind readers, and
#: darkened (or lightened) to a contrast of 3 against the background.
LIGHT = ("#0072b2", "#b87700", "#00855f", "#b3588f", "#d55e00", "#2b88bf", "#8a7d00", "#5f5f5f")
DARK = ("#3b9ad9", "#e69f00", "#1fb98d", "#cc79a7", "#e8762c", "#7cc4ee", "#f0e442", "#b0b4ba")


def class_numbers(classes: Iterable[Any], others: Iterable[Any] = ()) -> dict[Any, int]:
    """Return numbers for the classes, in the order given, and behind them for other labels, sorted.

    >>> class_numbers(["run", "jump"], ["walk", "run", "bow"])
    {'run': 0, 'jump': 1, 'bow': 2, 'walk': 3}
    """
    known = list(dict.fromkeys(_plain(classes)))
    new = set(_plain(others)) - set(known)
    return {label: i for i, label in enumerate([*known, *sorted(new, key=_rank)])}


def colour_of(number: int, palette: tuple[str, ...] = LIGHT) -> str:
    """Return the colour of the class of this number; from the ninth on, they come again."""
    return palette[number % len(palette)]


@public("sklearn_asn.plotting")
def class_colours(classes: Any, others: Any = ()) -> Mapping[Any, str]:
    """Return the colour that every class has in `CASDisplay`, in `report` and in notebooks.

    Parameters
    ----------
    classes : sequence of labels
        As in ``localizer.classes_``: a class has its colour by its place here.
    others : iterable of labels, default=()
        Labels that are not among them, as of a ground truth with more classes; sorted, they go on
        behind.

    Returns
    -------
    dict
        From label to colour, as ``#rrggbb``. There are eight; from the ninth class on they come
        again (pictures then differ in dashes and hatches).

    Raises
    ------
    ValueError
        `classes` or `others` is one text, or no sequence at all.

    Examples
    --------
    >>> from sklearn_asn.plotting import class_colours
    >>> class_colours(["jump", "run"])
    {'jump': '#0072b2', 'run': '#b87700'}
    """
    for name, value in (("classes", classes), ("others", others)):
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise ValueError(f"{name}={value!r}; expected a sequence of labels.")
    return {label: colour_of(i) for label, i in class_numbers(classes, others).items()}


def as_css() -> str:
    """Return rules that name the colours ``--k0`` to ``--k7``, by light and dark pages."""
    light, dark = (
        " ".join(f"--k{i}: {colour};" for i, colour in enumerate(palette))
        for palette in (LIGHT, DARK)
    )
    return (
        f":root {{ {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )


def _plain(labels: Iterable[Any]) -> list[Any]:
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)


def _rank(label: Any) -> tuple[bool, Any]:
    is_text = isinstance(label, str)
    return is_text, label if is_text or isinstance(label, int | float) else str(label)
