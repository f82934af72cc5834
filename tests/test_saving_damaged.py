"""safetensors files that are damaged, foreign or forged: a clear error, and nothing run."""

import json
import pickle
import random

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_asn import ASNLocalizer
from sklearn_asn.rivals import STPN, AutoLoc
from sklearn_asn.saving import _checksum, _read_header, load_safetensors, save_safetensors

codec = pytest.importorskip("safetensors.numpy")
pytest.importorskip("skops.io")

from helpers.saving import FAST, few_videos  # noqa: E402


@pytest.fixture(scope="module")
def data():
    return few_videos()


@pytest.fixture
def model(data):
    return ASNLocalizer("bilinear", hidden_size=3, **FAST).fit(*data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def refused(path, content, reason=None):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        load_safetensors(path)
    assert str(path) in str(caught.value)


def test_truncated_files(model, path):
    content = save_safetensors(model, path).read_bytes()
    for size in [*range(0, 300, 3), *range(300, len(content), 61), len(content) - 1]:
        refused(path, content[:size], "holds no localizer, or is damaged")
    refused(path, content + b"\0")


def test_flipped_bits(model, data, path):
    content = save_safetensors(model, path).read_bytes()
    draw = random.Random(0)
    want = model.predict_proba(data[0])
    for place in [*range(24), *(draw.randrange(len(content)) for _ in range(300))]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        try:
            again = load_safetensors(path)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:  # a blank or the like
            assert_array_equal(again.predict_proba(data[0]), want)


def test_foreign_files(model, path, tmp_path):
    weights = {"weight": np.ones((2, 2), np.float32)}
    refused(path, codec.save(weights), "something else")
    refused(path, codec.save(weights, {"format": "pt"}), "something else")
    refused(path, codec.save(weights, {"sklearn_asn": "{}"}), "something else")
    refused(path, codec.save(weights, {"sklearn_asn": "[[" * 100_000}))
    refused(path, pickle.dumps(model))
    refused(path, b"\xff" * 100)
    refused(path, b"")
    with pytest.raises(FileNotFoundError):
        load_safetensors(tmp_path / "none")
    with pytest.raises(OSError, match=r"directory|denied"):
        load_safetensors(tmp_path)


def forged(path, change=None, weights=None):
    """Return a file with other contents, and a checksum that agrees with them."""
    content = path.read_bytes()
    tensors, header = codec.load(content) | (weights or {}), _read_header(content)
    header.pop("sha256")
    if change:
        change(header, header["model"])
    tensors = {name: value for name, value in tensors.items() if value is not None}
    header["sha256"] = _checksum(header, tensors)
    return codec.save(tensors, {"sklearn_asn": json.dumps(header)})


def parameter(name, value):
    return lambda header, model: model["unfitted"]["estimator"][1].update({name: value})


def entry(**values):
    return lambda header, model: model.update(values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda h, m: h.update(format_version=2, package_version="9.9"), "9.9, in a newer format"),
        (lambda h, m: h.pop("model"), "model"),
        (lambda h, m: m.pop("classes_"), "classes_"),
        (entry(unfitted={"estimator": ["system", {}]}), "system"),
        (entry(unfitted={"estimator": ["NaiveSelection", {}]}), "no localizer"),
        (entry(unfitted={"import": "os"}), "'import' is no kind"),
        (parameter("memory", "/tmp/cache"), "which no file may"),
        (parameter("callbacks", []), "which no file may"),
        (parameter("selection", {"estimator": ["OwnSelection", {}]}), "OwnSelection"),
        (parameter("selection", "nms"), "selection='nms'"),
        (
            parameter("selection", {"estimator": ["AutoLocSelection", {"scales": [-1]}]}),
            "scales must be positive",
        ),
        (parameter("selection", {"estimator": ["ASNLocalizer", {"memory": "/tmp"}]}), "no file"),
        (parameter("surprise", 1), "surprise"),
        (parameter("quantile", 1.5), "quantile=1.5"),
        (parameter("quantile", "0.5"), "quantile='0.5'"),
        (parameter("quantile", float("nan")), "quantile=nan"),
        (parameter("hidden_size", 10**12), None),
        (parameter("frames_per_clip", 10**30), "too large"),
        (parameter("hidden_size", 4), "the parameters need"),
        (parameter("variant", "fusion"), "the parameters need"),
        (parameter("device", "nowhere"), "nowhere"),
        (parameter("localize_classes", ["x"]), "localize_classes"),
        (parameter("streams", {"dict": {"spatial": [0], "temporal": [99]}}), "streams"),
        (parameter("streams", {"array": ["V8", [0]]}), "'V8' is not known"),
        (parameter("streams", {"array": ["str", [0]]}), "something else"),
        (parameter("streams", {"array": ["object", [[0]]]}), "not known"),
        (entry(n_features_in_=10**15), "n_features_in_"),
        (entry(n_features_in_=-1), "n_features_in_"),
        (entry(n_features_in_=9), "n_features_in_"),
        (entry(classes_={"array": ["int64", [2, 1, 0]]}), "not sorted"),
        (entry(classes_={"array": ["int64", [0, 1]]}), "the parameters need"),
        (entry(history_=[1]), "history_"),
        (entry(history_=None), None),
    ],
)
def test_forged_files(model, path, change, reason):
    save_safetensors(model, path)
    refused(path, forged(path, change), reason)


def test_forged_weights(model, path):
    save_safetensors(model, path)
    name = "models.0.classification.weight"
    good = codec.load(path.read_bytes())[name]
    unfit = {
        name: [good[:, :-1].copy(), good.astype(np.float64), good * np.nan, None],
        "attention_quantiles": [np.zeros((1, 5), np.float32), None],
        "more": [good],
    }
    content = path.read_bytes()
    for key, values in unfit.items():
        for value in values:
            path.write_bytes(content)
            reason = "not finite" if value is not None and np.isnan(value).any() else None
            refused(path, forged(path, weights={key: value}), reason)
    path.write_bytes(content)
    path.write_bytes(forged(path))  # the forger's tools are good
    load_safetensors(path)


def test_forged_autoloc(data, path):
    boxes = AutoLoc(STPN("spatial", attention_size=4, **FAST), hidden_size=3, random_state=0)
    save_safetensors(boxes.fit(*data), path)
    content = path.read_bytes()
    classes = {"array": ["str", ["a", "b", "c"]]}
    for change, reason in [
        (entry(classes_=classes), "other data"),
        (entry(scales_={"array": ["int64", [1]]}), "the parameters need"),
        (lambda h, m: m.update(localizer_=dict(m, localizer_=m["localizer_"])), None),
    ]:
        path.write_bytes(content)
        refused(path, forged(path, change), reason)
