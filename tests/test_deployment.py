"""Localizers outside of Python: the same numbers for any number of clips, or a clear refusal."""

import copy
import json
import sys

import numpy as np
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from torch import nn

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer, localization_pipeline
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.deployment import export_onnx, export_torch
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

# trainings of a few steps have much to warn of, which is not the matter here
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_asn.exceptions.LocalizationWarning", "ignore::UserWarning"
)
if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):
    pytest.skip("exporting needs torch 2.6", allow_module_level=True)

LENGTHS = (1, 2, 7, 63, 1000)
OUTPUTS = ["cas", "attention", "clip_scores", "video_scores"]
SHORT = {"max_epochs": 4, "batch_size": 8, "random_state": 0}
BACKGROUND = {"pooling": "probability", "topk_divisor": 3}
CONTEXT = {"context_layers": 2, "context_size": 8}


class Halves(nn.Module):
    """An extractor of a user's own."""

    def __init__(self, n_main, n_other):
        super().__init__()
        self.n_out = n_main + 4
        self.few = nn.Linear(n_other, 4)

    def forward(self, main, other):
        return main, torch.tanh(self.few(other))


def asn(variant="fusion", **options):
    return ASNLocalizer(variant, hidden_size=20, **SHORT, **options)


def ensemble(**options):
    members = [
        ("clips", asn(**BACKGROUND, context_layers=1, context_size=8)),
        ("any", asn("bilinear", **BACKGROUND, class_activation="sigmoid")),
        ("both", asn("two-stream", **BACKGROUND, attention_stream="spatial")),
    ]
    return SelfTrainingLocalizer(members, n_rounds=1, random_state=0, **options)


VARIANTS = ("spatial", "single", "two-stream", "bottleneck", "bilinear")
# ONNX is written from what export_torch makes: here every operation once, most of them together;
# "temporal" and "fusion" are written to be replaced, and for their metadata, below, and an
# ensemble with a background, and with any class, as the pipeline that is recommended
IN_ONNX = {
    "top clips of two streams": lambda: asn("two-stream", pooling="topk", topk_divisor=3),
    "clips of rows": lambda: asn("bilinear", frames_per_clip=4, **CONTEXT),
}
IN_TORCH = {v: lambda v=v: asn(v) for v in VARIANTS} | {
    "ensemble": ensemble,
    "probability": lambda: asn(**BACKGROUND, **CONTEXT),
    "context": lambda: asn("two-stream", context_layers=3, context_size=8),
    "one stream's attention": lambda: asn("two-stream", attention_stream="spatial"),
    "quotient": lambda: asn("two-stream", attention_scale="threshold"),
    "other main stream": lambda: asn("bottleneck", main_stream="spatial"),
    "scattered columns, some classes": lambda: asn(
        streams={"spatial": [7, 3, 11, 0, 5], "temporal": [23, 12, 15, 13]},
        localize_classes=["class_2", "class_0"],
        video_threshold=0.3,
    ),
    "rows of top clips": lambda: asn(pooling="topk", frames_per_clip=3),
    "own extractor": lambda: asn(Halves, init="scratch"),
    "half precision": lambda: asn(precision="bfloat16", quantile=0.0),
    "wtalc": lambda: WTALC(hidden_size=16, max_epochs=2, batch_size=8, random_state=0),
    "stpn": lambda: STPN(max_epochs=2, batch_size=8, random_state=0),
    "stpn, two": lambda: STPN("two-stream", max_epochs=2, batch_size=8, random_state=0),
    "soft": lambda: UntrimmedNet(quantile=0.4, max_epochs=2, batch_size=8, random_state=0),
    "hard": lambda: UntrimmedNet(clip_selection="hard", max_epochs=2, batch_size=8, random_state=0),
    "single instance": lambda: SingleInstance(smoothing=5),
    "autoloc": lambda: AutoLoc(asn(), max_epochs=1, random_state=0),
}


@pytest.fixture(scope="module")
def videos():
    X, y = make_untrimmed_videos(n_videos=16, n_classes=3, n_features=12, random_state=0)
    return X, y


def of_length(X, n):
    """Return one video of n rows, like those of X."""
    rows = np.random.default_rng(n).integers(len(X.values), size=n)
    return np.ascontiguousarray(X.values[rows], dtype=np.float32)


def expected(model, video):
    """Return what the package says of a video: CAS, attention, clip scores, video scores."""
    clips = Clips.from_list([video])
    localizer = model
    if isinstance(model, Pipeline):
        clips, localizer = model[:-1].transform(clips), model[-1]
    localizer = getattr(localizer, "estimator", localizer)
    reading = localizer._reading(clips)
    return [
        model.transform([video])[0],
        localizer.attention(clips)[0],
        reading.clip_scores,
        reading.video_scores[0],
    ], (localizer, reading)


def check(model, say, X, tolerance=1e-5, lengths=LENGTHS):
    """Compare a video of every length; a clip at its very threshold may fall on either side."""
    for n in lengths:
        video = of_length(X, n)
        wanted, (localizer, reading) = expected(model, video)
        said = say(video)
        for name, ours, theirs in zip(OUTPUTS, wanted, said, strict=True):
            assert theirs.shape == ours.shape, (name, n)
            clear = np.ones(ours.shape, dtype=bool)
            if name == "cas":
                clear &= ~at_threshold(localizer, reading)
                assert clear.mean() > 0.98 or n < 100
            close = np.abs(theirs - ours) <= tolerance * np.maximum(1, np.abs(ours))
            assert close[clear].all(), (name, n, np.abs(theirs - ours)[clear].max())


def at_threshold(localizer, reading):
    quantile = getattr(getattr(localizer, "localizer_", localizer), "quantile", None)
    if quantile is None:
        return np.zeros((len(reading.evidence), 1), dtype=bool)
    if reading.evidence.shape[1] == 1:
        return np.abs(reading.evidence[:, 0] - reading.threshold(quantile)[0]) < 1e-5
    return np.abs(reading.relative(np.moveaxis(reading.evidence, 1, -1), quantile) - 1) < 1e-5


def in_onnx(model, path):
    """Return a function of a video that runs a model, which is exported."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    return written_in(export_onnx(model, path))


def written_in(path):
    """Return a function of a video that runs what was written."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(str(path))
    assert [value.name for value in session.get_inputs()] == ["clips"]
    assert [value.name for value in session.get_outputs()] == OUTPUTS
    return lambda video: session.run(None, {"clips": video})


def in_torch(model):
    program = export_torch(model).module()
    return lambda video: [part.numpy() for part in program(torch.from_numpy(video))]


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_ONNX)
def test_onnx_says_the_same_for_any_number_of_clips(name, videos, tmp_path):
    X, y = videos
    model = IN_ONNX[name]().fit(X, y)
    check(model, in_onnx(model, tmp_path / "model.onnx"), X)


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_TORCH)
def test_torch_says_the_same_for_any_number_of_clips(name, videos):
    X, y = videos
    model = IN_TORCH[name]().fit(X, y)
    tolerance = 5e-2 if name == "half precision" else 1e-5
    check(model, in_torch(model), X, tolerance)


@pytest.mark.slow
def test_the_pipeline_that_is_recommended(videos, tmp_path):
    X, y = videos
    X = X.with_values(X.values * 7 + 300, X.feature_names)
    model = localization_pipeline(X, effort="one-fit", random_state=0)
    # one network of each kind, as for large data: the others differ by their seeds alone
    model.set_params(selftraininglocalizer__localizers=model[-1].localizers[:2])
    for name, _ in model[-1].localizers:
        model.set_params(**{f"selftraininglocalizer__{name}__max_epochs": 2})
    model.set_params(selftraininglocalizer__wide__class_activation="softmax")
    model.fit(X, y)
    assert [one.class_activation_ for one in model[-1].localizers_] == ["sigmoid", "softmax"]
    # the scaler works in single precision, in both: what is left of 300 +- 7 has fewer digits
    check(model, in_onnx(model, tmp_path / "model.onnx"), X, 1e-4)


SCALERS = {
    "standard": StandardScaler(),
    "mean alone": StandardScaler(with_std=False),
    "scale alone": StandardScaler(with_mean=False),
    "min-max": MinMaxScaler((-1, 2)),
    "clipped": MinMaxScaler(clip=True),
    "largest": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust, no centre": RobustScaler(with_centering=False),
    "length": Normalizer(),
    "length, l1": Normalizer("l1"),
    "length, max": Normalizer("max"),
    "pca": PCA(6, random_state=0),
    "whitened": PCA(6, whiten=True, random_state=0),
    "svd": TruncatedSVD(6, random_state=0),
}
ALONE = {
    "nothing": FunctionTransformer(),
    "chain": make_pipeline(StandardScaler(), "passthrough", PCA(6, random_state=0)),
    "by column": ColumnTransformer(
        [
            ("one", StandardScaler(), slice(0, 10)),
            ("two", PCA(3, random_state=0), [20, 12, 14, 13]),
            ("out", "drop", [11]),
            ("none", StandardScaler(), []),
        ],
        remainder="passthrough",
    ),
}


def spread(X):
    """Return videos whose columns differ in scale and place."""
    values = X.values.copy()
    values[5] = 0
    return X.with_values(values * np.linspace(0.5, 3, 24) + np.linspace(-2, 5, 24), X.feature_names)


def beyond(X):
    """Return videos that lie beyond what a scaler has seen."""
    return X.with_values(X.values * 1.5, X.feature_names)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_steps_before_the_localizer(name, videos):
    X, y = spread(videos[0]), videos[1]
    model = make_pipeline(ClipWise(ALONE[name]), asn("single")).fit(X, y)
    check(model, in_torch(model), beyond(X), lengths=(1, 63))


@pytest.mark.slow
def test_every_step_before_the_localizer(videos):
    """All side by side, traced once: each has a class, whose logit is what it alone makes."""
    X = spread(videos[0])
    every = ColumnTransformer([(name, step, slice(0, 24)) for name, step in SCALERS.items()])
    scaler = ClipWise(every).fit(X)
    scaled = scaler.transform(X)
    rng = np.random.default_rng(0)
    weight = np.zeros((1 + len(SCALERS), scaled.values.shape[1]))  # of the first, nothing
    for row, name in zip(weight[1:], SCALERS, strict=True):
        block = scaler.transformer_.output_indices_[name]
        row[block] = rng.normal(size=len(row[block]))
        row /= np.std(scaled.values @ row)
    heads = {
        "classification": (weight, np.zeros(len(weight))),
        "attention": (weight[1:].mean(axis=0), 0.0),
    }
    localizer = ASNLocalizer.from_heads(
        {"temporal": heads}, [f"{k:02}" for k in range(len(weight))],
        n_features=weight.shape[1], streams={"temporal": slice(None)},
    )  # fmt: skip
    model = Pipeline([("scaler", scaler), ("asn", localizer.record_quantiles(scaled))])
    say = in_torch(model)
    for n in (1, 63):
        video = of_length(beyond(X), n)
        ours, theirs = (np.log(p / p[:, :1]) for p in (expected(model, video)[0][2], say(video)[2]))
        close = np.abs(theirs - ours) <= 1e-5 * np.maximum(1, np.abs(ours))
        wrong = [name for name, ok in zip(SCALERS, close[:, 1:].T, strict=True) if not ok.all()]
        assert not wrong, n
    check(model, say, beyond(X), lengths=(1, 63))


@pytest.mark.slow
def test_columns_by_name(videos):
    X, y = videos
    names = [f"spatial_{i}" for i in range(12)] + [f"temporal_{i}" for i in range(12)]
    X = X.with_values(X.values, names)
    chosen = ColumnTransformer(
        [
            ("temporal", PCA(5, random_state=0), names[12:]),
            ("spatial", StandardScaler(), names[:12]),
        ]
    )
    model = make_pipeline(ClipWise(chosen), asn()).fit(X, y)
    say = in_torch(model)
    for n in (1, 40):
        video = of_length(X, n)
        named = Clips.from_list([video], feature_names=names)
        np.testing.assert_allclose(say(video)[0], model.transform(named)[0], atol=1e-5)


@pytest.mark.slow
def test_videos_of_one_clip_are_exported_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6)).astype(np.float32)
    model = make_pipeline(StandardScaler(), asn("single")).fit(X, np.arange(60) % 2)
    video = X[:1]
    np.testing.assert_allclose(in_torch(model)(video)[0], model.transform(video), atol=1e-5)


@pytest.mark.slow
def test_thresholds_are_those_of_now(videos):
    X, y = videos
    model = asn().fit(X, y)
    before = in_torch(model)
    model.set_params(quantile=0.9, video_threshold=0.6, when_none_passes="nothing")
    after = in_torch(model)
    check(model, after, X)
    video = of_length(X, 63)
    assert np.count_nonzero(before(video)[0]) > np.count_nonzero(after(video)[0])


@pytest.mark.slow
def test_metadata_and_sizes(videos, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    X, y = videos
    names = [f"rgb_{i}" for i in range(12)] + [f"flow_{i}" for i in range(12)]
    named = X.with_values(X.values, names)
    model = asn(quantile=0.3, frames_per_clip=2).fit(named, y)
    path = export_onnx(model, tmp_path / "model.onnx")
    written = onnx.load(path)
    about = {entry.key: json.loads(entry.value) for entry in written.metadata_props}
    assert about["classes"] == model.classes_.tolist()
    assert about["feature_names"] == names
    assert (about["quantile"], about["frames_per_clip"]) == (0.3, 2)
    assert about["attention_threshold"] == model.threshold_
    assert about["video_threshold"] == 0.1
    sizes = [
        [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*written.graph.input, *written.graph.output)
    ]
    assert sizes == [["n_rows", 24], ["n_clips", 3], ["n_clips"], ["n_clips", 3], [3]]
    check(model.fit(X, y), written_in(path), X)  # the same, of features without names


@pytest.mark.slow
def test_a_file_is_replaced_only_when_asked(videos, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    X, y = videos
    model, path = asn("temporal").fit(X, y), tmp_path / "model.onnx"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_onnx(model, path)
    assert path.read_text() == "mine"
    assert export_onnx(model, path, overwrite=True) == path
    assert path.stat().st_size > 1000
    check(model, written_in(path), X)


@pytest.mark.slow
def test_an_export_changes_nothing_and_can_be_saved_and_opened(videos, tmp_path):
    X, y = videos
    model = asn("bilinear", **CONTEXT).fit(X, y)
    before = copy.deepcopy(model).transform(X)
    exported = export_torch(model)
    for ours, theirs in zip(before, model.transform(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    torch.export.save(exported, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    check(model, lambda video: [part.numpy() for part in program(torch.from_numpy(video))], X)


class Mine(ASNLocalizer):
    """A method of a user's own."""


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: StandardScaler(), TypeError, "is a StandardScaler; expected a fitted localizer"),
        (lambda: Mine("fusion", **SHORT), TypeError, "is a Mine; expected .*net_.module_"),
        (
            lambda: GridSearchCV(asn("temporal"), {"quantile": [0.4]}, cv=2),
            TypeError,
            "is a GridSearchCV.*best_estimator_",
        ),
        (
            lambda: make_pipeline(ClipWise(PolynomialFeatures(1)), asn("single")),
            TypeError,
            r"PolynomialFeatures\(degree=1\) before the localizer.*StandardScaler.*model\[-1\]",
        ),
        (
            lambda: make_pipeline(ClipWise(FunctionTransformer(np.abs)), asn("single")),
            TypeError,
            r"its function is Python.*model\[-1\]",
        ),
    ],
    ids=["no localizer", "own method", "search", "step", "function"],
)
def test_what_cannot_be_exported_says_what_can(make, error, says, videos):
    X, y = videos
    model = make()
    if not isinstance(model, StandardScaler):
        model.fit(X, y)
    with pytest.raises(error, match=says):
        export_torch(model)


def test_not_fitted():
    for model in (asn(), make_pipeline(ClipWise(StandardScaler()), asn())):
        with pytest.raises(NotFittedError):
            export_torch(model)
    heads = {
        "classification": (np.eye(2, 3, dtype=np.float32), np.zeros(2)),
        "attention": (np.ones(3), 0.0),
    }
    given = ASNLocalizer.from_heads({"temporal": heads}, ["a", "b"])
    with pytest.raises(NotFittedError, match="record_quantiles"):
        export_torch(given)


def test_a_frozen_localizer(videos):
    X, y = videos
    fitted = asn("temporal").fit(X, y)
    np.testing.assert_array_equal(
        in_torch(FrozenEstimator(fitted))(X[0])[0], in_torch(fitted)(X[0])[0]
    )


def test_without_onnx_it_says_how_to_get_it(monkeypatch, videos, tmp_path):
    X, y = videos
    model = asn("temporal").fit(X, y)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"sklearn-asn\[onnx\]"):
        export_onnx(model, tmp_path / "model.onnx")
