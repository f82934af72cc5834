"""Localizers as MLflow models: a long table of clips in, a frame of segments out."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np

import sklearn_asn
from sklearn_asn._checks import check_choice
from sklearn_asn._optional import need
from sklearn_asn._typing import SerializationFormat
from sklearn_asn.deployment._frames import FrameLocalizer

FORMATS = ("joblib", "skops")
#: What unpickling a model needs as it was.
PINNED = ("torch", "skorch", "scikit-learn", "numpy", "pandas", "joblib")


def save_mlflow(
    model: Any,
    path: str | Path,
    *,
    by: str = "video",
    time: str | None = "time",
    clip_seconds: float | None = None,
    serialization_format: SerializationFormat = "joblib",
    **options: Any,
) -> None:
    """Write a fitted model as an MLflow model, a folder that `mlflow.pyfunc` opens and serves.

    Its `predict` takes a long table, a row a clip, and returns a frame, a row a segment: what
    `FrameLocalizer` does. Where the model knows its features by name, the signature lists them,
    and MLflow checks what comes in. Needs MLflow: ``pip install "sklearn-asn[mlflow]"``.

    Parameters
    ----------
    model : fitted localizer, or Pipeline that ends with one
    path : path
        A folder that is not there yet.
    by, time, clip_seconds
        As in `FrameLocalizer`.
    serialization_format : {"joblib", "skops"}, default="joblib"
        What the model lies in: a pickle, which can run any code when it is opened, or skops, which
        opens with `sklearn_asn.saving.SKOPS_TYPES` alone and runs none.
    **options
        More arguments of ``mlflow.pyfunc.save_model``; ``pip_requirements`` takes the place of the
        versions at hand.

    Raises
    ------
    NotFittedError, TypeError
        It is no fitted model.
    ImportError
        MLflow is missing (or skops, where that is asked for).

    See Also
    --------
    log_mlflow : The same into a run.

    Examples
    --------
    >>> save_mlflow(model, "model")  # doctest: +SKIP
    >>> mlflow.pyfunc.load_model("model").predict(table)  # doctest: +SKIP
       video label start end score
    """
    pyfunc = need("mlflow.pyfunc", "save_mlflow", "mlflow")
    served = FrameLocalizer(model, by, time, clip_seconds)
    with _described(served, serialization_format) as given:
        pyfunc.save_model(path, **{**given, **options})


def log_mlflow(
    model: Any,
    name: str,
    *,
    by: str = "video",
    time: str | None = "time",
    clip_seconds: float | None = None,
    serialization_format: SerializationFormat = "joblib",
    **options: Any,
) -> Any:
    """Log a fitted model to the active MLflow run; see `save_mlflow`.

    Parameters
    ----------
    model : fitted localizer, or Pipeline that ends with one
    name : str
        Of the logged model.
    by, time, clip_seconds
        As in `FrameLocalizer`.
    serialization_format : {"joblib", "skops"}, default="joblib"
        As in `save_mlflow`.
    **options
        More arguments of ``mlflow.pyfunc.log_model``, such as ``registered_model_name``.

    Returns
    -------
    mlflow.models.model.ModelInfo
        Its ``model_uri`` opens the model again.

    Raises
    ------
    NotFittedError, TypeError, ImportError
        As `save_mlflow`.

    Examples
    --------
    >>> with mlflow.start_run():  # doctest: +SKIP
    ...     info = log_mlflow(model, "localizer")
    >>> mlflow.pyfunc.load_model(info.model_uri).predict(table)  # doctest: +SKIP
       video label start end score
    """
    pyfunc = need("mlflow.pyfunc", "log_mlflow", "mlflow")
    served = FrameLocalizer(model, by, time, clip_seconds)
    with _described(served, serialization_format) as given:
        return pyfunc.log_model(name=name, **{**given, **options})


def _load_pyfunc(folder: str) -> FrameLocalizer:
    """Open what `_described` has written; MLflow calls it."""
    about = json.loads((Path(folder) / "model.json").read_text())
    path = Path(folder) / f"model.{about.pop('serialization_format')}"
    if path.suffix == ".skops":
        from sklearn_asn.saving import SKOPS_TYPES

        skops = need("skops.io", "Opening this model", "skops")
        return FrameLocalizer(skops.load(path, trusted=list(SKOPS_TYPES)), **about)
    return FrameLocalizer(joblib.load(path), **about)


@contextmanager
def _described(
    served: FrameLocalizer, serialization_format: SerializationFormat
) -> Iterator[dict[str, Any]]:
    """Write a model into a folder for a while, and give what MLflow must know of it."""
    check_choice(serialization_format, "serialization_format", FORMATS)
    about = {
        "by": served.by,
        "time": served.time,
        "clip_seconds": served.clip_seconds,
        "serialization_format": serialization_format,
    }
    pinned = [f"sklearn-asn=={sklearn_asn.__version__}", *(f"{n}=={_version(n)}" for n in PINNED)]
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        folder = Path(place) / "localizer"
        folder.mkdir()
        if serialization_format == "skops":
            skops = need("skops.io", "serialization_format='skops'", "skops")
            skops.dump(served.model, folder / "model.skops")
            pinned.append(f"skops=={_version('skops')}")
        else:
            joblib.dump(served.model, folder / "model.joblib", compress=3)
        (folder / "model.json").write_text(json.dumps(about))
        # an example is asked for, to guess a signature from
        warnings.filterwarnings("ignore", message=".*input example was not provided")
        yield {
            "loader_module": "sklearn_asn.deployment",
            "data_path": str(folder),
            "signature": _signature(served),
            "pip_requirements": pinned,
        }


def _signature(served: FrameLocalizer) -> Any:
    """Say which columns come in and go out; nothing, where features have no names."""
    names = served.feature_names
    if names is None:
        return None
    models = need("mlflow.models", "save_mlflow", "mlflow")
    types = need("mlflow.types", "save_mlflow", "mlflow")
    labels = {"i": "long", "u": "long", "f": "double", "b": "boolean"}
    label = labels.get(np.asarray(served.model.classes_).dtype.kind, "string")
    came = [(served.by, "string"), *((name, "double") for name in names)]
    if served.time is not None:
        came.insert(1, (served.time, "double"))
    goes = [("video", "string"), ("label", label)]
    goes += [(name, "double") for name in ("start", "end", "score")]
    schemas = (types.Schema([types.ColSpec(t, name) for name, t in part]) for part in (came, goes))
    return models.ModelSignature(*schemas)


def _version(name: str) -> str:
    """Return an installed version as an index has it, without what says how it was built."""
    return version(name).partition("+")[0]
