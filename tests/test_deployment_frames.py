"""Localizers behind frames, and as MLflow models: what goes in, what comes out, what is refused."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.deployment import FrameLocalizer, log_mlflow, save_mlflow

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_asn.exceptions.LocalizationWarning")


@pytest.fixture(scope="module")
def videos():
    return make_untrimmed_videos(
        n_videos=16, n_classes=3, n_features=6, clip_seconds=0.5, random_state=0
    )


@pytest.fixture(scope="module")
def model(videos):
    X, y = videos
    localizer = ASNLocalizer("fusion", max_epochs=6, batch_size=4, random_state=0)
    return make_pipeline(ClipWise(StandardScaler()), localizer).fit(X, y)


def long_table(X):
    """Return a row a clip."""
    frame = pd.DataFrame(X.values, columns=X.feature_names)
    frame.insert(0, "video", np.repeat(X.ids, X.lengths))
    frame.insert(1, "time", X.spans[:, 0].repeat(X.lengths))
    frame["time"] += 0.5 * frame.groupby("video").cumcount()
    return frame


def assert_found(frame, X, model):
    expected = model.predict(X).to_frame()
    assert len(expected) > 3
    assert frame.columns.tolist() == ["video", "label", "start", "end", "score"]
    pd.testing.assert_frame_equal(
        frame.reset_index(drop=True), expected, check_dtype=False, rtol=1e-5
    )


def test_a_long_table_becomes_a_frame_of_segments(videos, model):
    X, _ = videos
    table = long_table(X)
    assert_found(FrameLocalizer(model).predict(table), X, model)
    mixed = table.iloc[::-1][table.columns[::-1]].sort_values("video", kind="stable")
    assert_found(FrameLocalizer(model).predict(mixed), X, model)


def test_without_times_and_under_other_names(videos, model):
    X, _ = videos
    table = long_table(X).drop(columns="time").rename(columns={"video": "file"})
    served = FrameLocalizer(model, by="file", time=None, clip_seconds=0.5)
    assert_found(served.predict(table), X, model)


def test_a_model_without_names(videos):
    X, y = videos
    plain = Clips.from_list(list(X), clip_seconds=0.5, ids=X.ids)
    bare = ASNLocalizer("single", max_epochs=6, batch_size=4, random_state=0).fit(plain, y)
    served = FrameLocalizer(bare)
    assert served.feature_names is None
    assert_found(served.predict(long_table(X)), plain, bare)


def test_what_does_not_fit(videos, model):
    X, _ = videos
    table, served = long_table(X[:2]), FrameLocalizer(model)
    with pytest.raises(ValueError, match=r"1 columns that the model does not know: \['more'\]"):
        served.predict(table.assign(more=1.0))
    with pytest.raises(ValueError, match=r"has no columns.*temporal_00"):
        served.predict(table.drop(columns="temporal_00"))
    with pytest.raises(ValueError, match="by='video' is no column"):
        served.predict(table.drop(columns="video"))
    with pytest.raises(ValueError, match=r"video_000.*expected even steps"):
        served.predict(table.drop(index=3))
    with pytest.raises(ValueError, match=r"params are \['quantile'\]; this model takes none"):
        served.predict(table, {"quantile": 0.5})
    with pytest.raises(TypeError, match="model is a StandardScaler"):
        FrameLocalizer(StandardScaler())
    with pytest.raises(NotFittedError):
        FrameLocalizer(ASNLocalizer())


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # without a database, for a test
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow
    mlflow.set_tracking_uri(before)


# what MLflow and its dependencies say of themselves
quiet = pytest.mark.filterwarnings(
    "ignore::FutureWarning",
    "ignore::DeprecationWarning",
    "ignore::UserWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@quiet
@pytest.mark.parametrize("form", ["joblib", "skops"])
def test_saved_and_opened(mlflow, videos, model, tmp_path, form):
    if form == "skops":
        pytest.importorskip("skops")
    X, _ = videos
    save_mlflow(model, tmp_path / "model", serialization_format=form)
    again = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert_found(again.predict(long_table(X)), X, model)
    names = again.metadata.signature.inputs.input_names()
    assert names == ["video", "time", *X.feature_names]
    assert again.metadata.signature.outputs.input_names() == [
        "video",
        "label",
        "start",
        "end",
        "score",
    ]
    files = {path.name for path in (tmp_path / "model").rglob("model.*")}
    assert files == {"model.json", f"model.{form}"}
    needs = (tmp_path / "model" / "requirements.txt").read_text()
    assert all(f"{name}==" in needs for name in ("sklearn-asn", "torch", "scikit-learn"))
    with pytest.raises(mlflow.exceptions.MlflowException, match="temporal_00"):
        again.predict(long_table(X).drop(columns="temporal_00"))


@quiet
def test_logged_and_opened(mlflow, videos, model):
    X, _ = videos
    with mlflow.start_run():
        info = log_mlflow(model, "localizer", metadata={"kind": "asn"})
    again = mlflow.pyfunc.load_model(info.model_uri)
    assert again.metadata.metadata == {"kind": "asn"}
    assert_found(again.predict(long_table(X)), X, model)


@quiet
def test_mlflow_with_labels_that_are_numbers_and_no_names(mlflow, videos, tmp_path):
    X, y = videos
    numbers = [{int(s.label[-1]) for s in video} for video in y]
    named = ASNLocalizer("fusion", max_epochs=6, batch_size=4, random_state=0).fit(X, numbers)
    save_mlflow(named, tmp_path / "named")
    opened = mlflow.pyfunc.load_model(str(tmp_path / "named"))
    assert opened.metadata.signature.outputs.input_types()[1].name == "long"
    assert_found(opened.predict(long_table(X)), X, named)
    plain = Clips.from_list(list(X), clip_seconds=0.5, ids=X.ids)
    bare = ASNLocalizer("single", max_epochs=6, batch_size=4, random_state=0).fit(plain, y)
    save_mlflow(bare, tmp_path / "bare", time=None, clip_seconds=0.5)
    opened = mlflow.pyfunc.load_model(str(tmp_path / "bare"))
    assert opened.metadata.signature is None
    table = long_table(X).drop(columns="time")
    assert_found(opened.predict(table), plain, bare)


@quiet
def test_an_unknown_serialization_format(mlflow, model, tmp_path):
    with pytest.raises(ValueError, match="serialization_format='pickle'"):
        save_mlflow(model, tmp_path / "model", serialization_format="pickle")
    assert not (tmp_path / "model").exists()


def test_without_mlflow_it_says_how_to_get_it(monkeypatch, model, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow.pyfunc", None)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"sklearn-asn\[mlflow\]"):
        save_mlflow(model, tmp_path / "model")
