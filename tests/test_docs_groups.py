"""The reference shows every argument of `ASNLocalizer` once, under a heading that fits."""

import inspect
import sys
from pathlib import Path

from sklearn_asn import ASNLocalizer

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "_ext"))
import groups


def test_every_argument_has_one_group():
    named = [name for names in groups.groups().values() for name in names]
    assert sorted(named) == sorted(ASNLocalizer().get_params(deep=False))
    assert groups.stray() == []


def place_of(lines, name):
    return next(i for i, line in enumerate(lines) if line.startswith(f"{name} :"))


def test_descriptions_are_put_in_order_and_none_is_lost():
    lines = inspect.getdoc(ASNLocalizer).splitlines()
    ordered = groups.with_groups(lines)
    added = [*groups.GROUPS, *(f"    {text}" for text, _ in groups.GROUPS.values())]
    assert sorted(filter(None, [*lines, *added])) == sorted(filter(None, ordered))
    places = [ordered.index(title) for title in groups.GROUPS]
    assert places == sorted(places)
    assert places[0] < place_of(ordered, "variant") < places[1]
    assert places[2] < place_of(ordered, "pooling") < places[3]
    assert ordered[: ordered.index("Parameters")] == lines[: lines.index("Parameters")]
