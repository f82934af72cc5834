"""The examples of everything public, found by its public name."""

import doctest
import importlib

import pytest

import sklearn_asn

MODULES = [
    *("sklearn_asn", "sklearn_asn.datasets", "sklearn_asn.exceptions", "sklearn_asn.interchange"),
    *("sklearn_asn.methods", "sklearn_asn.metrics", "sklearn_asn.plotting", "sklearn_asn.rivals"),
    *("sklearn_asn.saving", "sklearn_asn.selection", "sklearn_asn.video"),
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples():
    seen, found = set(), []
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value) or id(value) in seen:
                continue
            seen.add(id(value))
            found += [t for t in finder.find(value, f"{module.__name__}.{name}", module=False)
                      if t.examples]  # fmt: skip
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_example(example):
    pytest.importorskip("matplotlib")
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_every_public_class_and_function_names_its_public_module():
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value):
                continue
            home = importlib.import_module(value.__module__)
            assert not any(part.startswith("_") for part in value.__module__.split(".")), value
            assert getattr(home, name) is value


def test_all_is_there():
    assert set(sklearn_asn.__all__) <= set(dir(sklearn_asn))
    with pytest.raises(AttributeError, match="nothing"):
        sklearn_asn.nothing  # noqa: B018
