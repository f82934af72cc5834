"""Public names: each says its public module, is picklable by it, and its example runs by it."""

import doctest
import importlib
import inspect
import json
import pickle
import pkgutil

import pytest
from helpers import processes

import sklearn_asn

MODULES = [
    *("sklearn_asn", "sklearn_asn.datasets", "sklearn_asn.deployment", "sklearn_asn.exceptions"),
    "sklearn_asn.interchange",
    *("sklearn_asn.methods", "sklearn_asn.metrics", "sklearn_asn.plotting", "sklearn_asn.rivals"),
    *("sklearn_asn.saving", "sklearn_asn.selection", "sklearn_asn.video"),
]
FINDER = doctest.DocTestFinder(exclude_empty=True)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def public():
    """Return every public class and function once, by its first public name."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value):
                found.setdefault(value, f"{module.__name__}.{name}")
    return found


def examples_of(value, name):
    """Return the examples of a class and its methods, or of a function.

    With no module to compare with, nothing is left out, wherever it is written; and with no names
    but its own imports an example runs as a reader would paste it.
    """
    return [test for test in FINDER.find(value, name, module=False, globs={}) if test.examples]


def found_by_pytest(module):
    """Return what pytest runs of a module: examples of what says that it is of that module."""
    module = importlib.import_module(module)
    return [test for test in FINDER.find(module, module.__name__) if test.examples]


# pytest runs what it finds of public modules; not the methods of classes, which are written in
# another, nor what the package itself imports when it is asked for
ELSEWHERE = {test.name for module in MODULES for test in found_by_pytest(module)}
EXAMPLES = [
    test
    for value, name in public().items()
    for test in examples_of(value, name)
    if test.name not in ELSEWHERE
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example):
    if ".plotting." in example.name:
        pytest.importorskip("matplotlib")
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


def test_no_example_is_lost():
    """Every docstring with an example is found by pytest where it is written, or is run here."""
    names = [m.name for m in pkgutil.walk_packages(sklearn_asn.__path__, "sklearn_asn.")]
    runs = {test.docstring for test in EXAMPLES}
    runs |= {test.docstring for name in names for test in found_by_pytest(name)}
    lost = []
    for module in names:
        for name, value in vars(importlib.import_module(module)).items():
            ours = str(getattr(value, "__module__", "")).startswith("sklearn_asn")
            if ours and (inspect.isclass(value) or inspect.isfunction(value)):
                tests = examples_of(value, f"{module}.{name}")
                lost += [test.name for test in tests if test.docstring not in runs]
    assert not lost


@pytest.mark.parametrize(("value", "name"), public().items(), ids=public().values())
def test_shows_its_public_module(value, name):
    assert f"{value.__module__}.{value.__qualname__}" == name
    assert pickle.loads(pickle.dumps(value)) is value


# what is imported first must not change under which name a thing is shown
FIRST = ["sklearn_asn._data.segments", "sklearn_asn.interchange", "sklearn_asn.rivals.autoloc"]


SHOW = """
import json, pathlib, pickle, sys
__import__(sys.argv[2])
values = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(json.dumps([[value.__module__, value.__qualname__] for value in values]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRST)
def test_however_it_was_reached(tmp_path, first):
    (tmp_path / "pickle").write_bytes(pickle.dumps(list(public())))
    shown, err = tmp_path / "shown", tmp_path / "err"
    process = processes.start(SHOW, tmp_path / "pickle", first, out=shown, err=err, strict=False)
    assert processes.status(process) == 0, err.read_text()
    assert json.loads(shown.read_text()) == [[v.__module__, v.__qualname__] for v in public()]


def test_the_package_lists_what_it_imports_when_asked():
    assert set(sklearn_asn.__all__) <= set(dir(sklearn_asn))
    for name in dir(sklearn_asn):
        assert getattr(sklearn_asn, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        sklearn_asn.nothing  # noqa: B018
