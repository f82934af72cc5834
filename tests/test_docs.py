"""The pages: docstrings are valid, the Reference is complete, links lead somewhere, code runs."""

import importlib
import importlib.util
import inspect
import os
import re
import sys
import types
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

# the public modules; the last two need nothing more to be imported
MODULES = [
    "sklearn_asn",
    "sklearn_asn.selection",
    "sklearn_asn.rivals",
    "sklearn_asn.metrics",
    "sklearn_asn.model_selection",
    "sklearn_asn.datasets",
    "sklearn_asn.deployment",
    "sklearn_asn.plotting",
    "sklearn_asn.interchange",
    "sklearn_asn.exceptions",
    "sklearn_asn.saving",
    "sklearn_asn.video",
]

# What numpydoc.validate checks, of classes and functions. Left out, and why:
#   ES01  an extended summary: where one line says it, one line is enough
#   PR07  a description of every parameter: "batch_size : int, default=512" and `X` need none
#   PR08, RT04  a capital letter first: "mAP at each", "alpha in eq. 2" are right as they are
#   PR09, RT05  a period last: one that closes a parenthesis is not seen
#   PR03, PR04  order and types: "dropout, lr : as in `ASNLocalizer`" puts parameters together
#   RT03  a description of what is returned: "Segments" says it
#   SA01, SA04  a See Also with descriptions: only where one helps
STRICT = {
    *("GL01", "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),
    *("SS01", "SS02", "SS03", "SS04", "SS05", "SS06"),
    *("PR01", "PR02", "PR05", "PR06", "PR10"),
    *("RT01", "RT02", "YD01"),
    *("SA02", "SA03", "EX01"),
}
# Of methods and properties also left out: Parameters, Returns, Yields and Examples, which a method
# like ``predict(X)`` has in its one line, and its class has for all.
OF_METHODS = STRICT - {"PR01", "RT01", "YD01", "EX01", "SS05"}

#: Functions whose example stands at the other one of a pair, which writes what they read.
EXAMPLE_ELSEWHERE = {
    "sklearn_asn.read_shards": "predict_shards",
    "sklearn_asn.datasets.load_feature_hdf5": "load_feature_folder",
    "sklearn_asn.datasets.write_activitynet_ground_truth": "load_activitynet",
    "sklearn_asn.interchange.read_audacity": "write_audacity",
    "sklearn_asn.interchange.read_boris": "write_boris",
    "sklearn_asn.interchange.read_dcase": "write_dcase",
    "sklearn_asn.interchange.read_rttm": "write_rttm",
    "sklearn_asn.interchange.read_textgrid": "write_textgrid",
    "sklearn_asn.interchange.read_thumos14_results": "write_thumos14_results",
    "sklearn_asn.interchange.read_eaf": "write_eaf",
    "sklearn_asn.interchange.read_fiftyone": "write_fiftyone",
    "sklearn_asn.interchange.from_fiftyone": "to_fiftyone",
    "sklearn_asn.interchange.from_pyannote": "to_pyannote",
    "sklearn_asn.interchange.from_sed_eval": "to_sed_eval",
    "sklearn_asn.interchange.read_label_studio": "write_label_studio",
    "sklearn_asn.interchange.read_srt": "write_srt",
    "sklearn_asn.interchange.read_via": "write_via",
    "sklearn_asn.interchange.read_vtt": "write_vtt",
    "sklearn_asn.saving.load_safetensors": "save_safetensors",
}


def public(module):
    """Return the public names of a module, with what they name."""
    module = importlib.import_module(module)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and callable(value)
            and getattr(value, "__module__", "") == module.__name__
        ]
    return {name: getattr(module, name) for name in names}


def documented():
    """Yield the dotted name of everything public that has a docstring, and the checks for it."""
    seen = set()
    for module in MODULES:
        for name, value in public(module).items():
            if not callable(value) or id(value) in seen:
                continue
            seen.add(id(value))
            is_warning = inspect.isclass(value) and issubclass(value, Warning)  # one shows them all
            yield f"{module}.{name}", STRICT - {"EX01"} if is_warning else STRICT
            if not inspect.isclass(value) or issubclass(value, tuple):
                continue
            for owner in value.__mro__:
                for member, raw in vars(owner).items():
                    is_ours = owner.__module__.startswith("sklearn_asn")
                    known = inspect.isfunction(raw) or isinstance(raw, classmethod | property)
                    if is_ours and known and not member.startswith("_"):
                        full = f"{module}.{name}.{member}"
                        if full not in seen:
                            seen.add(full)
                            yield full, OF_METHODS


def test_public_docstrings_are_valid():
    validate = pytest.importorskip("numpydoc.validate").validate
    wrong = []
    for name, checks in documented():
        for code, message in validate(name)["errors"]:
            if code == "GL08" and _inherits(name):
                continue
            if code == "EX01" and name in EXAMPLE_ELSEWHERE:
                continue
            if code in checks:
                wrong.append(f"{name}: {code} {message}")
    assert not wrong, "\n".join(wrong)


def test_examples_elsewhere_are_there():
    for name, other in EXAMPLE_ELSEWHERE.items():
        module = importlib.import_module(name.rpartition(".")[0])
        assert ">>> " in getattr(module, other).__doc__, f"{other} has no example"


def _inherits(name):
    """Tell whether a method has the docstring of the class above, as `inspect.getdoc` gives it."""
    parts = name.split(".")
    module = importlib.import_module(".".join(parts[:-2]))
    holder = getattr(module, parts[-2])
    return inspect.isclass(holder) and bool(inspect.getdoc(getattr(holder, parts[-1])))


def test_every_public_name_is_in_the_reference():
    text = (DOCS / "reference.rst").read_text()
    listed, module = set(), None
    for line in text.splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   \w+", line):
            listed.add(getattr(importlib.import_module(module), line.strip()))
    missing = [
        f"{module}.{name}"
        for module in MODULES
        for name, value in public(module).items()
        if callable(value) and value not in listed
    ]
    assert not missing, f"not in docs/reference.rst: {missing}"


MADE_BY_THE_BUILD = ("auto_examples/", "generated/")


@pytest.mark.parametrize(
    "page",
    [*sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("guide/*.md")), ROOT / "README.md"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    broken = []
    for link in links:
        target = link.partition("#")[0]
        if not target or "://" in target or target.startswith("mailto:"):
            continue
        path = Path(os.path.normpath(page.parent / target))
        if not path.exists() and not _will_be_made(path):
            broken.append(link)
    assert not broken


def _will_be_made(path):
    """Tell whether the build makes a page or picture: of an example, or of a public name."""
    inside = os.path.relpath(path, DOCS)
    if not inside.startswith(MADE_BY_THE_BUILD):
        return False
    if path.parent.name == "generated":
        module, _, name = path.stem.rpartition(".")
        return name in public(module)
    if path.stem == "index":
        return True
    example = re.sub(r"^sphx_glr_(\w+?)(_\d{3}|_thumb)$", r"\1", path.stem)
    return (ROOT / "examples" / f"{example}.py").exists()


def test_the_order_of_the_gallery_names_examples():
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "_ext" / "gallery.py")
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    assert set(gallery.ORDER) <= {path.name for path in (ROOT / "examples").glob("*.py")}
    runs = [name for name in gallery.ORDER if re.search(gallery.filename_pattern(), f"/{name}")]
    assert len(runs) >= 8


PAGES_WITH_CODE = [
    "docs/start.md",  # README's block is its first
    "docs/saving.md",
    "docs/guide/index.md",
    "docs/guide/your_features.md",
    "docs/guide/choosing.md",
    "docs/guide/streams.md",
    "docs/guide/imbalance.md",
    "docs/guide/long_videos.md",
    "docs/guide/scikit_learn.md",
    "docs/guide/training.md",
    "docs/guide/gpu.md",
    "docs/guide/other_tools.md",
    "docs/guide/own_method.md",
    "docs/guide/one_action.md",
    "docs/guide/some_times.md",
    "docs/guide/deploying.md",
    "docs/guide/onnx.md",
    "docs/guide/mlflow.md",
]
NEEDS = {
    "docs/saving.md": ("skops", "safetensors"),
    "docs/guide/onnx.md": ("onnx", "onnxruntime", "onnxscript"),
    "docs/guide/mlflow.md": ("mlflow.pyfunc",),
}


def blocks_of(page, language="python"):
    """Return the blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_start_is_the_example_of_the_readme():
    assert blocks_of("docs/start.md")[0] == blocks_of("README.md")[0]
    assert blocks_of("docs/start.md", "text") == blocks_of("README.md", "text") != []


def assert_same(printed, shown):
    """Compare what was printed with what a page shows: words exactly, numbers as torch rounds."""
    number = re.compile(r"-?\d+\.\d+")
    assert number.sub("#", printed).split() == number.sub("#", shown).split()
    pairs = zip(number.findall(printed), number.findall(shown), strict=True)
    for ours, theirs in pairs:
        assert float(ours) == pytest.approx(float(theirs), abs=0.05)


def test_what_a_page_shows_is_compared():
    assert_same("a  1.00\n b", "a 1.01 b")
    for other in ("a 1.2 b", "a 1.0 c", "a b"):
        with pytest.raises(AssertionError):
            assert_same("a 1.0 b", other)


@pytest.mark.slow
@pytest.mark.docs  # README's block alone trains for a minute
@pytest.mark.parametrize("page", PAGES_WITH_CODE)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    """All blocks of a page, one after another, as a reader would run them; warnings are errors.

    What a page shows as output (```text) is what they print.
    """
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, about themselves
        for name in NEEDS.get(page, ()):
            pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    assert blocks_of(page)
    shown = blocks_of(page, "text")
    if not shown:  # no number of the page depends on how long the recommended networks train
        monkeypatch.setattr("sklearn_asn._pipeline.N_STEPS", 36)
    module = types.ModuleType("page")  # its classes are pickled by name, as those of a script
    monkeypatch.setitem(sys.modules, "page", module)
    exec(compile("\n".join(blocks_of(page)), page, "exec"), vars(module))
    pyplot.close("all")
    if shown:
        assert_same(capsys.readouterr().out, "\n".join(shown))
