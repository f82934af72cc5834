"""What signatures say: every documented word, and what mypy and pyright make of them."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from test_docs import MODULES, public

from sklearn_asn import ASNLocalizer, rivals
from sklearn_asn._localizers.parameters import declared

ROOT = Path(__file__).parents[1]
SNIPPETS = Path(__file__).parent / "data" / "typing_cases.py"

#: ``variant : {"temporal", "spatial"} or module class, default="temporal"``
DOCUMENTED = re.compile(r"^    ([\w, ]+) : \{([^}]*)\}", re.MULTILINE)


def documented_words():
    """Yield public callables, their parameters and the words that these are documented to take."""
    for module in [*MODULES, "sklearn_asn.preprocessing"]:
        for name, value in public(module).items():
            if module == "sklearn_asn.plotting":  # displays are made by their class methods
                continue
            if not callable(value) or getattr(value, "__module__", None) != module:
                continue
            text = inspect.getdoc(value) or ""
            text = "\n".join(f"    {line}" for line in text.splitlines())
            for names, words in DOCUMENTED.findall(text.partition("Returns\n")[0]):
                found = re.findall(r'"([^"]*)"', words)
                for parameter in names.split(", "):
                    yield module, name, value, parameter, set(found)


CASES = [
    pytest.param(value, parameter, words, id=f"{module}.{name}({parameter})")
    for module, name, value, parameter, words in documented_words()
    if words and parameter in inspect.signature(value).parameters
]


def words_of(annotation):
    """Return the words that an annotation has, however deep."""
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    return set().union(*map(words_of, typing.get_args(annotation)))


def annotation_of(value, parameter):
    function = value.__init__ if inspect.isclass(value) else value
    text = inspect.signature(function).parameters[parameter].annotation
    home = vars(sys.modules[inspect.unwrap(function).__globals__["__name__"]])
    return eval(text, dict(home)) if isinstance(text, str) else text


def test_there_is_something_to_compare():
    assert len(CASES) > 60


@pytest.mark.parametrize(("value", "parameter", "words"), CASES)
def test_annotations_know_the_documented_words(value, parameter, words):
    known = {word for word in words_of(annotation_of(value, parameter)) if isinstance(word, str)}
    assert known == words


@pytest.mark.parametrize(
    "kind", [ASNLocalizer, *(getattr(rivals, name) for name in rivals.__all__)]
)
def test_annotations_are_what_is_checked(kind):
    """A word of an annotation passes the check of its parameter, and another one does not."""
    for name, parameter in declared(kind).items():
        words = words_of(annotation_of(kind, name))
        for word in words:
            parameter.check(word, name)
        if words and name != "init":  # which `check_init` knows
            with pytest.raises(ValueError, match=f"{name}="):
                parameter.check("no such word", name)


def lines_to_refuse():
    lines = SNIPPETS.read_text().splitlines()
    return {i for i, line in enumerate(lines, start=1) if line.endswith("# E")}


@pytest.mark.slow
def test_mypy_refuses_what_is_wrong_and_knows_what_comes_back():
    pytest.importorskip("mypy")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--no-error-summary"),
            *("--hide-error-context", "--no-color-output", "--no-pretty"),
            *("--config-file", str(ROOT / "pyproject.toml")),
            str(SNIPPETS),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(.*?):(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert {name for name, _, _ in found} == {str(SNIPPETS.relative_to(ROOT))}, done.stderr
    told = {int(line): message for _, line, message in found}
    unexpected = {line: told[line] for line in set(told) - lines_to_refuse()}
    assert unexpected == {}
    assert lines_to_refuse() - set(told) == set()


@pytest.mark.slow
def test_pyright_says_the_same():
    pyright = shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed")
    done = subprocess.run(
        [pyright, "--pythonpath", sys.executable, "--outputjson", str(SNIPPETS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)["generalDiagnostics"]
    except ValueError:
        pytest.skip(f"pyright does not run here: {done.stderr[:200]}")
    told = {
        one["range"]["start"]["line"] + 1: one["message"]
        for one in found
        if one["severity"] == "error"
    }
    unexpected = {line: told[line] for line in set(told) - lines_to_refuse()}
    assert unexpected == {}
    assert lines_to_refuse() - set(told) == set()
