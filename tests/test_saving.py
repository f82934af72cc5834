import pickle
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EarlyStopping

from sklearn_asn import ASNLocalizer, ClipWise, SelfTrainingLocalizer
from sklearn_asn._training.network import VARIANTS
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet
from sklearn_asn.saving import load_safetensors, save_safetensors
from sklearn_asn.selection import (
    AutoLocSelection,
    MultiQuantileSelection,
    NaiveSelection,
    RelativeThresholdSelection,
)

codec = pytest.importorskip("safetensors.numpy")
skops_io = pytest.importorskip("skops.io")

from helpers import processes  # noqa: E402
from helpers.saving import FAST, SAVERS, few_videos  # noqa: E402

ASN = {variant: ASNLocalizer(variant, hidden_size=3, **FAST) for variant in VARIANTS}
RIVALS = {
    "soft": UntrimmedNet(**FAST),
    "hard": UntrimmedNet("temporal", clip_selection="hard", **FAST),
    "stpn": STPN(attention_size=4, **FAST),
    "wtalc": WTALC(hidden_size=5, **FAST),
    **{
        f"single-{type(one).__name__}": one
        for one in (UntrimmedNet("single", **FAST), WTALC(5, variant="single", **FAST))
    },
    "single-stpn": STPN("single", attention_size=4, **FAST),
    "single-autoloc": AutoLoc(UntrimmedNet("single", **FAST), hidden_size=3, random_state=0),
    "autoloc-two-stream": AutoLoc(UntrimmedNet(**FAST), hidden_size=3, random_state=0),
    "autoloc": AutoLoc(STPN("spatial", attention_size=4, **FAST), hidden_size=3, random_state=0),
    "single-instance": SingleInstance(max_iter=20),
    "self-training": SelfTrainingLocalizer(
        [
            (name, ASNLocalizer("fusion", pooling="probability", context_size=3, **FAST))
            for name in ("one", "two")
        ],
        n_rounds=1,
        random_state=0,
    ),
}
OPTIONS = {
    "context": ASNLocalizer(
        "fusion", context_layers=1, context_size=4, pooling="topk", main_stream="spatial", **FAST
    ),
    "streams": ASNLocalizer(
        "bottleneck",
        hidden_size=3,
        streams={"spatial": np.array([0, 5, 6]), "temporal": slice(9, 12)},
        selection=MultiQuantileSelection(quantiles=(0.2, 0.5)),
        frames_per_clip=2,
        **FAST,
    ),
}
PIPELINE = make_pipeline(ClipWise(StandardScaler()), ASN["bilinear"])
LOCALIZERS = {**ASN, **RIVALS, **OPTIONS}


@pytest.fixture(scope="module")
def data():
    return few_videos()


@pytest.fixture(scope="module")
def models(data):
    X, y = data
    given = {**LOCALIZERS, "pipeline": PIPELINE}
    return {name: pickle.loads(pickle.dumps(model)).fit(X, y) for name, model in given.items()}


@pytest.fixture
def model(data):
    return ASNLocalizer("bilinear", hidden_size=3, **FAST).fit(*data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def assert_same_use(again, model, X):
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    for a, b in zip(again.transform(X), model.transform(X), strict=True):
        assert_array_equal(a, b)
    assert again.predict(X) == model.predict(X)


# ---------------------------------------------------------------- all formats


@pytest.mark.slow
@pytest.mark.parametrize("format", SAVERS)
@pytest.mark.parametrize("name", [*LOCALIZERS, "pipeline"])
def test_a_round_trip_changes_nothing(models, data, tmp_path, name, format):
    if (name, format) == ("pipeline", "safetensors"):
        pytest.skip("safetensors holds localizers")
    save, load = SAVERS[format]
    save(models[name], tmp_path / "model")
    again = load(tmp_path / "model")
    assert_same_use(again, models[name], data[0])
    assert repr(again) == repr(models[name])
    if name != "pipeline":
        assert again.history_ == models[name].history_
        # nor is anything forgotten that pickle would keep
        assert vars(again).keys() == vars(pickle.loads(pickle.dumps(models[name]))).keys() | (
            {"_net"} if "_net" in vars(again) else set()
        )


OTHER_PROCESS = """
import pickle, sys
import joblib, skops.io
from pathlib import Path
from sklearn_asn.saving import SKOPS_TYPES, load_safetensors
folder = Path(sys.argv[1])
X, expected = pickle.loads((folder / "expected").read_bytes())
for file in sorted(folder.glob("*.*")):
    if file.suffix == ".pickle": model = pickle.loads(file.read_bytes())
    elif file.suffix == ".joblib": model = joblib.load(file)
    elif file.suffix == ".safetensors": model = load_safetensors(file)
    else: model = skops.io.load(file, trusted=list(SKOPS_TYPES))
    assert model.predict(X) == expected[file.stem], file
    print(file.name)
"""


@pytest.mark.slow
def test_another_process_reads_all_of_them(models, data, tmp_path):
    for name, model in models.items():
        for format, (save, _) in SAVERS.items():
            if (name, format) != ("pipeline", "safetensors"):
                save(model, tmp_path / f"{name}.{format}")
    expected = {name: model.predict(data[0]) for name, model in models.items()}
    (tmp_path / "expected").write_bytes(pickle.dumps((data[0], expected)))
    out, err = tmp_path / "out", tmp_path / "err"
    assert processes.status(processes.start(OTHER_PROCESS, tmp_path, out=out, err=err)) == 0
    assert not err.read_text()
    assert len(out.read_text().split()) == 4 * len(models) - 1


@pytest.mark.slow
@pytest.mark.parametrize("format", SAVERS)
@pytest.mark.parametrize("name", ["bilinear", "stpn", "autoloc"])
def test_a_gpu_model_opens_silently_without_one(models, data, tmp_path, monkeypatch, name, format):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = pickle.loads(pickle.dumps(models[name])).set_params(device="cuda")
    if name == "autoloc":
        model.localizer_.set_params(device="cuda")
    save, load = SAVERS[format]
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")  # warnings are errors here
    assert again.device == "cuda"
    assert_same_use(again, models[name], data[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("format", SAVERS)
def test_a_model_trained_on_a_gpu_holds_nothing_of_it(data, tmp_path, monkeypatch, format):
    model = ASNLocalizer("bilinear", hidden_size=3, **{**FAST, "device": "cuda"}).fit(*data)
    want = model.predict_proba(data[0])
    save, load = SAVERS[format]
    save(model, tmp_path / "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert_allclose(load(tmp_path / "model").predict_proba(data[0]), want, atol=1e-4)


# ---------------------------------------------------------------- skops


TYPES = {
    "sklearn_asn._localizers.model.Model",
    "sklearn_asn.methods.Heads",
    "sklearn_asn.methods.Plan",
}
LOCALIZER = {
    "sklearn_asn.ASNLocalizer",
    "sklearn_asn._training.criteria.PooledCrossEntropy",
}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        *((variant, LOCALIZER) for variant in VARIANTS),
        ("streams", LOCALIZER | {"sklearn_asn.selection.MultiQuantileSelection"}),
        ("pipeline", LOCALIZER | {"sklearn_asn.ClipWise"}),
        (
            "soft",
            {
                "sklearn_asn._training.criteria.MixtureCrossEntropy",
                "sklearn_asn.rivals.UntrimmedNet",
            },
        ),
        ("stpn", {"sklearn_asn._training.criteria.SparseSigmoid", "sklearn_asn.rivals.STPN"}),
        ("wtalc", {"sklearn_asn._training.criteria.CoActivity", "sklearn_asn.rivals.WTALC"}),
        (
            "autoloc",
            {
                "sklearn_asn._training.criteria.SparseSigmoid",
                "sklearn_asn.rivals._boundary.BoxModel",
                "sklearn_asn.rivals._boundary.BoxPlan",
                "sklearn_asn.rivals.AutoLoc",
                "sklearn_asn.rivals.STPN",
            },
        ),
        (
            "single-instance",
            {
                "sklearn_asn.rivals.SingleInstance",
                "sklearn_asn.rivals.single_instance.EveryClip",
            },
        ),
        (
            "self-training",
            {
                "sklearn_asn.ASNLocalizer",
                "sklearn_asn.SelfTrainingLocalizer",
                "sklearn_asn._localizers.self_training.Ensemble",
                "sklearn_asn._localizers.self_training.EnsembleModel",
                "sklearn_asn._training.criteria.ProbabilityPooling",
            },
        ),
    ],
)
def test_skops_asks_for_trust_in_our_own_types_only(models, data, tmp_path, name, own):
    models[name].predict_proba(data[0])
    skops_io.dump(models[name], tmp_path / "model.skops")  # with a live net, which stays behind
    assert set(skops_io.get_untrusted_types(file=tmp_path / "model.skops")) == own | TYPES


@pytest.mark.parametrize("state", [np.random.RandomState(0), np.random.default_rng(0)])
def test_skops_knows_random_states(data, tmp_path, state):
    model = ASNLocalizer("temporal", **{**FAST, "random_state": state}).fit(*data)
    skops_io.dump(model, tmp_path / "model.skops")
    assert set(skops_io.get_untrusted_types(file=tmp_path / "model.skops")) == LOCALIZER | TYPES


# ---------------------------------------------------------------- safetensors: what is kept


@pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.ShortScalesWarning")
def test_every_selection_and_kind_of_label_is_kept(data, path):
    X, y = data
    choices = [
        NaiveSelection(0.3),
        RelativeThresholdSelection(floor="minimum"),
        AutoLocSelection(scales=(1, 2), nms_threshold=None),
        MultiQuantileSelection(quantiles=np.linspace(0, 1, 5)),
    ]
    first = [str(video[0].label) for video in y]
    position = {label: i for i, label in enumerate(sorted(set(first)))}
    number = np.array([position[label] for label in first])
    for chosen, labels in zip(choices, (first, number, number * 1.0, number), strict=True):
        model = ASNLocalizer("temporal", selection=chosen, **FAST).fit(X, labels)
        model.set_params(localize_classes=model.classes_[:2].tolist(), quantile=np.float64(0.25))
        again = load_safetensors(save_safetensors(model, path, overwrite=True))
        assert again.classes_.dtype == model.classes_.dtype
        assert repr(again.selection) == repr(chosen)
        assert again.quantile == 0.25
        assert_same_use(again, model, X)


def test_a_loaded_model_can_be_fitted_and_saved_again(model, data, path):
    X, y = data
    again = load_safetensors(save_safetensors(model, path))
    refitted = pickle.loads(pickle.dumps(again)).fit(X, y)
    assert_same_use(refitted, model, X)
    before = path.read_bytes()
    assert save_safetensors(again, path, overwrite=True).read_bytes() == before


def test_what_only_fit_reads_is_left_out(data, path):
    X, y = data
    parent = FrozenEstimator(ASNLocalizer("temporal", **FAST).fit(X, y))
    given = {
        **FAST,
        "random_state": np.random.RandomState(0),
        "callbacks": [EarlyStopping("train_loss")],
    }
    given |= {"memory": str(path.parent / "cache"), "init": parent}
    model = ASNLocalizer("fusion", **given)
    model.fit(X, y)
    again = load_safetensors(save_safetensors(model, path))
    assert again.callbacks is again.memory is again.random_state is None
    assert again.init == "inherit"
    assert_same_use(again, model, X)
    model = AutoLoc(parent, hidden_size=3, random_state=0).fit(X, y)
    again = load_safetensors(save_safetensors(model, path, overwrite=True))
    assert again.localizer is None
    assert_same_use(again, model, X)


def test_loading_moves_no_random_numbers(model, path):
    save_safetensors(model, path)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    load_safetensors(path)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


# ---------------------------------------------------------------- safetensors: refusals


class OwnSelection(NaiveSelection):
    pass


class OwnLocalizer(ASNLocalizer):
    pass


def test_what_cannot_be_saved_is_named(model, models, path):
    with pytest.raises(ValueError, match="selection=OwnSelection"):
        save_safetensors(model.set_params(selection=OwnSelection()), path)
    model.set_params(selection=AutoLocSelection(scales={1, 2}))
    with pytest.raises(ValueError, match=r"selection__scales=\{1, 2\}"):
        save_safetensors(model, path)
    model.set_params(selection=None, streams={"spatial": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="streams="):
        save_safetensors(model, path)
    for other in (models["pipeline"], OwnLocalizer(), StandardScaler(), None):
        with pytest.raises(TypeError, match="skops and joblib"):
            save_safetensors(other, path)
    with pytest.raises(NotFittedError):
        save_safetensors(ASNLocalizer(), path)
    assert not list(path.parent.iterdir())


@pytest.mark.parametrize(
    "changed",
    [
        {"variant": "temporal"},
        {"hidden_size": 4},
        {"main_stream": "spatial"},
        {"lr": -1},
        {"streams": {"spatial": [0], "temporal": [1]}},
        {"device": "nowhere"},
    ],
)
def test_parameters_changed_after_fit(model, path, changed):
    with pytest.raises(ValueError, match="were changed after fit"):
        save_safetensors(model.set_params(**changed), path)
    assert not path.exists()


def test_files_are_replaced_only_when_asked_and_whole(model, path, monkeypatch):
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_safetensors(model, path)
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        save_safetensors(model, path, overwrite=True)
    assert path.read_text() == "mine"
    assert list(path.parent.iterdir()) == [path]


def test_without_safetensors(model, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: save_safetensors(model, path), lambda: load_safetensors(path)):
        with pytest.raises(ImportError, match=r'pip install "sklearn-asn\[safetensors\]"'):
            call()


@pytest.mark.slow
def test_it_is_imported_only_when_needed():
    code = "import sys, sklearn_asn.saving; sys.exit(any('safetens' in m for m in sys.modules))"
    assert processes.status(processes.start(code)) == 0
