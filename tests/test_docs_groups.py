"""The reference: arguments of `ASNLocalizer` under headings that fit, and links to the source."""

import inspect
import sys
from pathlib import Path

from sklearn_asn import ASNLocalizer

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "_ext"))
import groups
import sources


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


def test_the_source_is_found_where_it_is_written():
    for module, name, home in [
        ("sklearn_asn", "ASNLocalizer", "sklearn_asn._localizers.asn"),
        ("sklearn_asn", "ASNLocalizer.fit", "sklearn_asn._localizers.asn"),
        ("sklearn_asn", "Segments", "sklearn_asn._data.segments"),
        ("sklearn_asn", "report", "sklearn_asn._report"),
        ("sklearn_asn.rivals", "WTALC", "sklearn_asn.rivals.wtalc"),
        ("sklearn_asn.selection", "nms", "sklearn_asn.selection._nms"),
    ]:
        assert sources.module_of(None, module, name) == home
    assert sources.module_of(None, "sklearn_asn.selection", "SEGMENT_DTYPE") is None
