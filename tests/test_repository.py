"""The files around the package agree with each other, with the package, and with what exists."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import sklearn_asn

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FOR_DEVELOPERS = {"dev", "test", "docs"}


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


# ---------------------------------------------------------------- what is run


def steps_of(workflow):
    """Return the jobs' steps of a workflow."""
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def scripts():
    """Return the scripts of .ci that can be called."""
    return {f".ci/{path.name}" for path in (ROOT / ".ci").iterdir() if not path.suffix}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_only_calls_scripts_that_are_there(workflow):
    document = read(workflow)
    assert document["name"] == workflow.stem
    assert True in document, "`on`, which YAML reads as true"
    assert document["permissions"] == {"contents": "read"}
    called = [step["run"] for step in steps_of(workflow) if "run" in step]
    assert called
    assert set(called) <= scripts(), "what is checked stands in .ci, so that everybody can run it"
    for job in document["jobs"].values():
        assert set(job.get("needs", "").split()) <= set(document["jobs"])
        assert job["steps"][0]["uses"].startswith("actions/checkout@")


def test_every_step_of_ci_is_in_a_workflow_and_can_be_executed():
    steps = re.search(r"for step in (.+); do", (ROOT / ".ci" / "run").read_text()).group(1).split()
    called = {step.get("run") for workflow in WORKFLOWS for step in steps_of(workflow)}
    assert {f".ci/{step}" for step in steps} <= called
    assert scripts() == {f".ci/{step}" for step in (*steps, "run", "coverage")}
    for script in scripts():
        assert (ROOT / script).stat().st_mode & 0o111, script
        text = (ROOT / script).read_text()
        assert text.startswith("#!/usr/bin/env bash\n")
        assert "set -euo pipefail" in text or "common.sh" in text, "it would go on after a failure"


def test_the_workflows_cover_the_versions_that_are_promised():
    promised = {
        line.rpartition(" ")[2]
        for line in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    }
    assert (
        set(read(".github/workflows/checks.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"])
        == promised
    )
    lowest = min(promised, key=lambda text: int(text.partition(".")[2]))
    assert PROJECT["project"]["requires-python"] == f">={lowest}"
    assert PROJECT["tool"]["mypy"]["python_version"] == lowest
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + lowest.replace(".", "")


def test_hooks_and_templates_parse():
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert {hook["entry"].split()[0] for hook in local["hooks"]} == {"ruff", "mypy", "pytest"}
    for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")):
        form = read(path)
        if path.name != "config.yml":
            assert {"name", "description", "body"} <= set(form), path.name
            ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
            assert len(ids) == len(set(ids)) > 0, path.name
    built = read(".readthedocs.yaml")
    assert (ROOT / built["sphinx"]["configuration"]).is_file()
    assert set(built["python"]["install"][0]["extra_requirements"]) <= set(EXTRAS)


# ---------------------------------------------------------------- what is installed


def names(extra):
    """Return the distributions of an extra, with those of the extras that it names."""
    found = set()
    for line in EXTRAS[extra]:
        requirement = Requirement(line)
        if requirement.name == "sklearn-asn":
            found |= set().union(*(names(other) for other in requirement.extras))
        else:
            found.add(requirement.name)
    return found


def test_all_holds_every_optional_dependency():
    optional = set(EXTRAS) - FOR_DEVELOPERS - {"all"}
    assert names("all") == set().union(*(names(extra) for extra in optional))
    assert set().union(*(names(extra) for extra in FOR_DEVELOPERS | {"all"})) == names("dev")


def test_an_extra_asks_for_the_same_version_everywhere():
    asked = {}
    for line in (
        *PROJECT["project"]["dependencies"],
        *(i for part in EXTRAS.values() for i in part),
    ):
        requirement = Requirement(line)
        if requirement.name != "sklearn-asn":
            asked.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in asked.items() if len(found) > 1} == {}


def test_extras_that_errors_name_are_there():
    for path in (ROOT / "sklearn_asn").rglob("*.py"):
        for extra in re.findall(r"sklearn-asn\[(\w+)\]", path.read_text()):
            assert extra in EXTRAS, f"{path.name} names the extra {extra!r}"


def test_what_the_source_distribution_takes_is_there():
    for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]:
        assert (ROOT / name).exists(), name


# ---------------------------------------------------------------- what is said


def test_versions_agree():
    citation = read("CITATION.cff")
    assert citation["version"] == sklearn_asn.__version__
    assert citation["title"] == "sklearn_asn"
    assert citation["license"] == PROJECT["project"]["license"]
    assert "preferred-citation" not in citation, "then nobody would see how to cite the software"
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE).group(
        1
    )
    assert newest == sklearn_asn.__version__


@pytest.fixture(scope="module")
def hatch():
    """What makes the README of the package index."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


def test_the_readme_of_the_index_has_no_dead_links(hatch):
    metadata = {}
    hatch.ReadmeHook(str(ROOT), {}).update(metadata)
    text = metadata["readme"]["text"]
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "![" not in text
    assert "docs/start.md" in text, "what a link said is still there"


def test_links_become_their_text(hatch):
    text = "# T\n\n![a picture](docs/a.png)\n\nSee [the page](docs/b.md#part), "
    text += "[docs/c.md](docs/c.md)\nand [a site](https://example.org/x)."
    assert hatch.for_index(text) == (
        "# T\n\nSee the page (`docs/b.md#part`), docs/c.md\nand [a site](https://example.org/x)."
    )


def test_no_link_to_a_site_of_ours_that_does_not_exist():
    """Neither the project nor its documentation has an address; ``urls`` will say so."""
    ours = re.compile(r"https?://[^\s)>\"'`]*sklearn[-_]asn", flags=re.IGNORECASE)
    suffixes = {".md", ".rst", ".py", ".toml", ".cff", ".yml", ".yaml"}
    kept = ("sklearn_asn", "docs", "examples", "benchmarks", ".github", ".ci")
    paths = [path for folder in kept for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.iterdir() if path.is_file()]
    made = [ROOT / "docs" / name for name in ("_build", "auto_examples", "generated")]
    found = [
        str(path.relative_to(ROOT))
        for path in paths
        if path.suffix in suffixes
        and not any(folder in path.parents for folder in made)
        and ours.search(path.read_text(encoding="utf-8"))
    ]
    assert "urls" in PROJECT["project"] or not found


def test_files_that_the_guide_for_contributors_names_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    places = [
        ROOT,
        *(ROOT / "sklearn_asn" / part for part in (".", "interchange", "datasets", "rivals")),
    ]
    named = set(re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|md|cff|toml|rst))`", text))
    named |= set(re.findall(r"\]\(([^)#]+)\)", text))
    missing = {
        name
        for name in named
        if "NAME" not in name and "://" not in name and not any((p / name).exists() for p in places)
    }
    assert not missing


def test_the_lowest_versions_are_those_that_are_tested():
    """What runs with a version below its bound, or above it, would say nothing about the bound."""
    lines = (ROOT / ".ci" / "minimum.txt").read_text().splitlines()
    pins = [Requirement(line.partition("#")[0].strip()) for line in lines if line[:1].isalpha()]
    pinned = {pin.name: next(iter(pin.specifier)).version for pin in pins}
    script = (ROOT / ".ci" / "minimum").read_text()
    pinned["torch"] = re.search(r'TORCH="torch==([\d.]+)"', script).group(1)
    only_checks = {"mypy", "ruff", "pandas-stubs"}
    asked = [Requirement(line) for line in (*PROJECT["project"]["dependencies"], *EXTRAS["test"])]
    for requirement in asked:
        if requirement.name not in only_checks:
            (bound,) = requirement.specifier
            assert bound.operator == ">="
            parts = bound.version.split(".")
            assert pinned[requirement.name].split(".")[: len(parts)] == parts, requirement.name
    assert set(pinned) - {r.name for r in asked} == {"pyparsing"}
