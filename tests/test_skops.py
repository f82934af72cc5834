"""What a skops file can reach: the classes in `SKOPS_TYPES`, and nothing that they import."""

import importlib
import inspect
import json
import pkgutil
import re
import zipfile
from pathlib import Path

import pytest
from sklearn.preprocessing import StandardScaler

import sklearn_asn
from sklearn_asn import ASNLocalizer, ClipWise, rivals, saving, selection
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._training import criteria
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.saving import SKOPS_TYPES

io = pytest.importorskip("skops.io")
exceptions = pytest.importorskip("skops.io.exceptions")

MODULES = sorted(
    {"sklearn_asn"}
    | {
        module.name
        for module in pkgutil.walk_packages(sklearn_asn.__path__, "sklearn_asn.")
        if "__main__" not in module.name
    }
)


def names_in(module):
    """Everything that a file could name in a module, with what it is."""
    loaded = importlib.import_module(module)
    for name in {*vars(loaded), *dir(loaded)}:
        yield f"{module}.{name}", getattr(loaded, name)


def written(path, *nodes):
    """A skops file by hand."""
    schema = {
        "__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
        "content": list(nodes), "protocol": 2, "_skops_version": "0.16.0",
    }  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    return path


def naming(name, loader="FunctionNode"):
    module, _, own = name.rpartition(".")
    content = None if loader == "ObjectNode" else own
    return {"__class__": own, "__module__": module, "__loader__": loader, "content": content}


def test_each_name_is_a_class_of_this_package_under_its_own_name():
    assert list(SKOPS_TYPES) == sorted(set(SKOPS_TYPES))
    for name in SKOPS_TYPES:
        module, _, own = name.rpartition(".")
        kind = getattr(importlib.import_module(module), own)
        assert inspect.isclass(kind)
        assert f"{kind.__module__}.{kind.__qualname__}" == name
        file = Path(inspect.getsourcefile(kind))
        assert Path(sklearn_asn.__file__).parent in file.parents


def test_what_can_be_saved_is_in_it():
    kinds = [
        *saving._LOCALIZERS,
        *(kind for kind in vars(rivals).values() if inspect.isclass(kind)),
        *(getattr(selection, n) for n in selection.__all__ if n.endswith("Selection")),
        ClipWise,
        *(
            kind
            for kind in vars(criteria).values()
            if inspect.isclass(kind) and kind.__module__ == criteria.__name__
        ),
    ]
    abstract = {"Selection", "VectorizedSelection"}
    assert {f"{k.__module__}.{k.__name__}" for k in kinds if k.__name__ not in abstract} <= {
        *SKOPS_TYPES
    }
    assert len([k for k in kinds if issubclass(k, BaseLocalizer)]) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "ObjectNode"])
def test_nothing_else_in_any_module_can_be_named(tmp_path, loader):
    names = {name: thing for module in MODULES for name, thing in names_in(module)}
    assert len(names) > 3000
    others = sorted(set(names) - set(SKOPS_TYPES))
    # by another way to one of the classes no more is reached than by its own
    assert any(name.endswith(".Path") for name in others)
    path = written(tmp_path / "all.skops", *(naming(name, loader) for name in others))
    assert set(io.get_untrusted_types(file=path)) == set(others)
    with pytest.raises(exceptions.UntrustedTypesFoundException):
        io.load(path, trusted=list(SKOPS_TYPES))


def test_code_that_our_modules_import_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0)
    io.dump(model, tmp_path / "model.skops")
    with zipfile.ZipFile(tmp_path / "model.skops") as archive:
        schema = json.loads(archive.read("schema.json"))

    def text(value):
        return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
                "content": json.dumps(value)}  # fmt: skip

    def many(kind, *items):
        return {"__class__": kind, "__module__": "builtins",
                "__loader__": f"{kind.capitalize()}Node", "content": list(items)}  # fmt: skip

    for function in ("saving.write_atomically", "saving.need", "saving.Path", "shards.Path",
                     "_optional.importlib.import_module", "_training.cache._train"):  # fmt: skip
        partial = {
            "__class__": "partial", "__module__": "functools", "__loader__": "PartialNode",
            "content": {
                "func": naming(f"sklearn_asn.{function}"),
                "args": many("tuple", text(str(mark))),
                "kwds": {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode",
                         "content": {}, "key_types": many("list")},
                "namespace": text(None),
            },
        }  # fmt: skip
        path = written(tmp_path / "bad.skops", schema, partial)
        assert not set(io.get_untrusted_types(file=path)) <= set(SKOPS_TYPES)
        with pytest.raises(exceptions.UntrustedTypesFoundException):
            io.load(path, trusted=list(SKOPS_TYPES))
    assert not mark.exists()


def test_methods_of_our_classes_are_not_trusted(tmp_path):
    inner = naming("sklearn_asn._localizers.model.Model", "ObjectNode")
    method = {**naming("sklearn_asn._localizers.model.Model", "MethodNode"),
              "content": {"func": "net", "obj": inner}}  # fmt: skip
    path = written(tmp_path / "method.skops", method)
    with pytest.raises(exceptions.UntrustedTypesFoundException, match=r"Model\.net"):
        io.load(path, trusted=list(SKOPS_TYPES))


def test_the_check_of_the_documentation():
    """It compares with the tuple, and no example asks for the beginning of a name."""
    docs = Path(__file__).parents[1] / "docs"
    text = (docs / "saving.md").read_text()
    assert "trusted=list(SKOPS_TYPES)" in text
    for page in docs.rglob("*.md"):
        assert not re.search(r"startswith\(.sklearn_asn", page.read_text()), page


def test_a_pipeline_is_covered(tmp_path):
    X, y = make_untrimmed_videos(n_videos=10, n_classes=3, n_features=8, random_state=0)
    scaler = ClipWise(StandardScaler()).fit(X)
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0).fit(X, y)
    io.dump([scaler, model], tmp_path / "both.skops")
    scaler, again = io.load(tmp_path / "both.skops", trusted=list(SKOPS_TYPES))
    assert again.predict(X) == model.predict(X)
