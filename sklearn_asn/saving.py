"""Fitted localizers as safetensors files: weights and plain values, and never any code.

Weights and running quantiles are tensors. Everything else is one JSON text in the file's header,
under the key "sklearn_asn": format, versions, a checksum, and the model's class, parameters,
classes, feature names and history. What follows from these (columns, the network's recipe) is made
again, so that nothing in a file can contradict itself unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

import sklearn_asn
from sklearn_asn import rivals, selection
from sklearn_asn._checks import as_path, check_count, check_number
from sklearn_asn._data.supervision import allowed_classes
from sklearn_asn._disk.files import write_atomically
from sklearn_asn._localizers.asn import ASNLocalizer
from sklearn_asn._localizers.base import SEEN, BaseLocalizer
from sklearn_asn._localizers.model import Model
from sklearn_asn._localizers.parameters import flag, trained_with
from sklearn_asn._localizers.planning import Inputs
from sklearn_asn._localizers.self_training import EnsembleModel, SelfTrainingLocalizer
from sklearn_asn._optional import need
from sklearn_asn._training.network import LEVELS, ASENetwork
from sklearn_asn.rivals._boundary import BoxModel

__all__ = ["SKOPS_TYPES", "load_safetensors", "save_safetensors"]

#: All that a skops file of this package's estimators may name beside what skops knows: classes of
#: their states, by their full names. To be compared as they are: a file that names anything else
#: beginning with "sklearn_asn." could reach whatever our modules import.
SKOPS_TYPES: tuple[str, ...] = (
    "sklearn_asn.ASNLocalizer",
    "sklearn_asn.ClipWise",
    "sklearn_asn.SelfTrainingLocalizer",
    "sklearn_asn.VideoClassifier",
    "sklearn_asn._localizers.model.Model",
    "sklearn_asn._localizers.self_training.Ensemble",
    "sklearn_asn._localizers.self_training.EnsembleModel",
    "sklearn_asn._training.criteria.CoActivity",
    "sklearn_asn._training.criteria.MixtureCrossEntropy",
    "sklearn_asn._training.criteria.PooledCrossEntropy",
    "sklearn_asn._training.criteria.ProbabilityPooling",
    "sklearn_asn._training.criteria.SparseSigmoid",
    "sklearn_asn.methods.Heads",
    "sklearn_asn.methods.Plan",
    "sklearn_asn.rivals.AutoLoc",
    "sklearn_asn.rivals.STPN",
    "sklearn_asn.rivals.SingleInstance",
    "sklearn_asn.rivals.UntrimmedNet",
    "sklearn_asn.rivals.WTALC",
    "sklearn_asn.rivals._boundary.BoxModel",
    "sklearn_asn.rivals._boundary.BoxPlan",
    "sklearn_asn.rivals.single_instance.EveryClip",
    "sklearn_asn.selection.AutoLocSelection",
    "sklearn_asn.selection.MultiQuantileSelection",
    "sklearn_asn.selection.MultiThresholdSelection",
    "sklearn_asn.selection.NaiveSelection",
    "sklearn_asn.selection.RelativeThresholdSelection",
    "sklearn_asn.selection.TCAMSelection",
)

FORMAT = "sklearn_asn.localizer"
FORMAT_VERSION = 1

_LOCALIZERS = (
    ASNLocalizer,
    SelfTrainingLocalizer,
    *(getattr(rivals, name) for name in sorted(rivals.__all__)),
)
_SELECTIONS = ("Naive", "RelativeThreshold", "AutoLoc", "MultiQuantile", "MultiThreshold", "TCAM")
#: The only classes that a file can make an object of.
_ALLOWED: dict[str, Any] = {
    c.__name__: c
    for c in (*_LOCALIZERS, *(getattr(selection, f"{name}Selection") for name in _SELECTIONS))
}
_NEVER = ("callbacks", "memory")  # code, and a folder that is read by unpickling
_INNER = ("localizer_", "localizers_")  # what holds localizers: before the names of their weights
_DTYPES = ("bool", "str", "object", *(np.dtype(code).name for code in "bhilqBHILQefd"))
_MOST_FEATURES = 2**24  # a wrong number must not fill the memory before it is noticed


def save_safetensors(
    estimator: BaseLocalizer, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a fitted localizer to a file that can be opened without trust in its author.

    The file appears whole or not at all. `load_safetensors` gives an estimator with the same
    outputs, parameters and fitted attributes, but for what only another `fit` would read:
    `callbacks` and `memory` come back as None, a `random_state` that is no integer too, an
    estimator given as `init` as ``"inherit"``, and a frozen `localizer` of `AutoLoc` as None
    (``localizer_`` is kept). Needs safetensors: ``pip install "sklearn-asn[safetensors]"``.

    Parameters
    ----------
    estimator : fitted ASNLocalizer, SelfTrainingLocalizer, UntrimmedNet, STPN, WTALC or AutoLoc
        Not a subclass, nor a pipeline: these have code or parts that the file cannot hold.
    path : path
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        It is another kind of estimator.
    FileExistsError
        The file exists and is not to be replaced.
    ValueError
        A parameter is no plain value and no estimator of this package (the error names it), or
        was changed after `fit` so that the weights no longer belong to it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.saving import load_safetensors, save_safetensors
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=5, max_epochs=2, random_state=0)
    >>> localizer = localizer.fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_safetensors(localizer, folder + "/model.safetensors")
    ...     again = load_safetensors(path)
    >>> again.predict(X) == localizer.predict(X)
    True
    """
    codec = _codec()
    if type(estimator) not in _LOCALIZERS:
        raise TypeError(
            f"A safetensors file holds {', '.join(c.__name__ for c in _LOCALIZERS)}, not "
            f"{type(estimator).__name__}; skops and joblib save others, and pipelines."
        )
    check_is_fitted(estimator)
    path = as_path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; overwrite=True replaces it.")
    model, tensors = _describe(estimator)
    _check_reads_back(estimator, model, tensors)
    header = {"format": FORMAT, "format_version": FORMAT_VERSION, "model": model}
    header["package_version"] = sklearn_asn.__version__
    header["sha256"] = _checksum(header, tensors)
    data = codec.save(tensors, {"sklearn_asn": json.dumps(header, sort_keys=True)})
    write_atomically(path, lambda file: file.write(data))
    return path


def load_safetensors(path: str | os.PathLike[str]) -> Any:
    """Open a file written by `save_safetensors`.

    Nothing in the file is run: it can name estimators of this package only, and all of it is
    checked, parameters as in `fit`, weights by shape, type and a checksum. (The checksum finds
    damage; it does not tell who wrote the file.)

    Parameters
    ----------
    path : path

    Returns
    -------
    fitted ASNLocalizer, SelfTrainingLocalizer, UntrimmedNet, STPN, WTALC or AutoLoc

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is truncated, damaged, written by something else, or by a newer version.

    See Also
    --------
    save_safetensors : With an example.
    """
    codec = _codec()
    data = as_path(path).read_bytes()
    try:
        tensors = {name: np.array(value) for name, value in codec.load(data).items()}
        header = _read_header(data)
        if header.pop("sha256", None) != _checksum(header, tensors):
            raise ValueError("its contents are not those that were written")
        return _restore(header["model"], tensors)
    except Exception as error:  # the codec, the constructors, NumPy and torch raise many types
        problem = str(error).rstrip(".") or type(error).__name__
        raise ValueError(f"{path} holds no localizer, or is damaged: {problem}.") from error


def _codec() -> Any:
    return need("safetensors.numpy", "Reading and writing safetensors files", "safetensors")


def _read_header(data: bytes) -> dict[str, Any]:
    """Return our part of the header of a file that the codec has accepted."""
    stop = 8 + int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8:stop]).get("__metadata__") or {}
    header = json.loads(metadata.get("sklearn_asn", "{}"))
    if header.get("format") != FORMAT:
        raise ValueError("it is a safetensors file of something else")
    if header["format_version"] > FORMAT_VERSION:
        raise ValueError(
            f"it was written by sklearn_asn {header['package_version']}, in a newer format than "
            f"sklearn_asn {sklearn_asn.__version__} reads"
        )
    return header


def _checksum(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"\n{name} {value.dtype.name} {value.shape}\n".encode() + value.tobytes())
    return digest.hexdigest()


# ---------------------------------------------------------------- the model


def _describe(estimator: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what `_restore` makes the estimator of."""
    model = {"unfitted": _encode(estimator, "")}
    for name in (*SEEN, "scales_", "history_"):
        model[name] = _encode(getattr(estimator, name, None), name)
    # in C order, which the codec takes for granted
    tensors = {k: np.array(v, order="C") for k, v in estimator.model_.weights.items()}
    for where, inner in _held(estimator).items():
        model[where], weights = _describe(inner)
        tensors |= {f"{where}.{name}": value for name, value in weights.items()}
    return model, tensors


def _held(estimator: Any) -> dict[str, Any]:
    """Return the fitted localizers that an estimator holds, by where."""
    if hasattr(estimator, "localizer_"):
        return {"localizer_": estimator.localizer_}
    return {f"localizers_.{i}": one for i, one in enumerate(getattr(estimator, "localizers_", ()))}


def _restore(model: Mapping[str, Any], tensors: dict[str, NDArray[Any]]) -> Any:
    """Make an estimator again; whatever does not fit raises."""
    estimator = _decode(model["unfitted"])
    if not isinstance(estimator, _LOCALIZERS):
        raise ValueError(f"{estimator!r} is no localizer")
    n_features, names = model["n_features_in_"], _decode(model["feature_names_in_"])
    check_count(n_features, "n_features_in_")
    if n_features > _MOST_FEATURES or (names is not None and len(names) != n_features):
        raise ValueError(f"n_features_in_={n_features} does not fit")
    estimator.n_features_in_, estimator.classes_ = n_features, _decode(model["classes_"])
    if names is not None:
        estimator.feature_names_in_ = names
    ragged = model.get("ragged_in_")  # None: files of before do not say
    if ragged is not None:
        flag(ragged, "ragged_in_")
        estimator.ragged_in_ = ragged
    n_labels = model.get("labels_per_video_")  # AutoLoc asks its localizer for them
    if n_labels is not None:
        check_number(n_labels, "labels_per_video_", 0)
        estimator.labels_per_video_ = float(n_labels)
    _check_parameters(estimator)
    kind: type[Model] = Model
    inner = {key: value for key, value in model.items() if key.startswith(_INNER)}
    held = [_restore_inner(estimator, key, value, tensors) for key, value in inner.items()]
    tensors = {k: v for k, v in tensors.items() if not k.startswith(_INNER)}
    if isinstance(estimator, rivals.AutoLoc):
        (estimator.localizer_,) = held
        kind, plan = BoxModel, estimator._plan(Inputs.of(estimator))
        if _decode(model["scales_"]).tolist() != list(plan.scales):
            raise ValueError(f"scales_ is another; the parameters need {list(plan.scales)}")
        with torch.device("meta"):  # shapes alone: nothing is allocated, nothing is drawn
            wanted = plan.build().state_dict()
    elif isinstance(estimator, SelfTrainingLocalizer):
        estimator.localizers_ = held
        kind, plan = EnsembleModel, estimator._plan(Inputs.of(estimator))
        if len(held) != len(plan.members):
            raise ValueError(f"it holds {len(held)} localizers, not {len(plan.members)}")
        levels = torch.empty((1, LEVELS), dtype=torch.float64, device="meta")
        wanted = {"attention_quantiles": levels}
    else:
        plan = estimator._plan(Inputs.of(estimator)).alone()
        with torch.device("meta"):
            wanted = ASENetwork(**plan.network).state_dict()
    _check_weights(wanted, tensors)
    history = _decode(model["history_"])
    if not isinstance(model["history_"], list) or {*map(type, history)} - {dict}:
        raise ValueError("its history_ is no list of records")
    estimator.model_ = kind(plan, tensors, history, trained_with(estimator))
    return estimator


def _check_parameters(estimator: Any) -> None:
    """Check parameters as `fit` does, and classes: strings or numbers, sorted, each once."""
    estimator._check_parameters()
    torch.device("cpu" if estimator.device == "auto" else estimator.device)
    if getattr(estimator, "selection", None) is not None:
        estimator.selection._check_params()
    classes = estimator.classes_
    if len(classes) < 2 - estimator._knows_background or not np.array_equal(
        np.unique(classes), classes
    ):
        raise ValueError("its classes are not sorted, or too few")
    allowed_classes(getattr(estimator, "localize_classes", None), classes)


def _restore_inner(
    estimator: Any, where: str, model: Any, tensors: Mapping[str, NDArray[Any]]
) -> Any:
    """Make a localizer that another one holds."""
    own = {k[len(where) + 1 :]: v for k, v in tensors.items() if k.startswith(f"{where}.")}
    localizer = _restore(model, own)
    same_classes = np.array_equal(localizer.classes_, estimator.classes_)
    if localizer.n_features_in_ != estimator.n_features_in_ or not same_classes:
        raise ValueError(f"its {where} belongs to other data")
    return localizer


def _check_weights(given: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Compare with the tensors of a network of the same shape."""
    wanted = {k: (str(v.dtype), tuple(v.shape)) for k, v in given.items()}
    found = {k: (f"torch.{v.dtype.name}", v.shape) for k, v in tensors.items()}
    if wanted != found:
        name = min(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise ValueError(f"{name} is {found.get(name)}; the parameters need {wanted.get(name)}")
    if not all(np.isfinite(value).all() for value in tensors.values()):
        raise ValueError("some weights are not finite")


def _check_reads_back(
    estimator: Any, model: dict[str, Any], tensors: dict[str, NDArray[Any]]
) -> None:
    """Refuse what would not come back as it is."""
    try:
        estimator._check_held()
        again = _restore(json.loads(json.dumps(model)), tensors)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"Parameters of this {type(estimator).__name__} were changed after fit, or cannot be "
            f"saved: {error}"
        ) from error
    if again.model_.plan != estimator.model_.plan:
        raise ValueError(
            f"Parameters of this {type(estimator).__name__} were changed after fit: the network "
            "is not theirs. Fit again, or set them back."
        )


# ---------------------------------------------------------------- plain values


def _encode(value: Any, name: str) -> Any:
    """Turn a value into JSON; an object is ``{kind: content}``."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        items = [_encode(item, name) for item in value]
        return items if type(value) is list else {"tuple": items}
    if type(value) is slice:
        return {"slice": [_encode(v, name) for v in (value.start, value.stop, value.step)]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {k: _encode(v, name) for k, v in value.items()}}
    if type(value) is np.ndarray and value.ndim == 1 and value.dtype.kind in "biufUO":
        kind = {"U": "str", "O": "object"}.get(value.dtype.kind, value.dtype.name)
        return {"array": [kind, _encode(value.tolist(), name)]}
    if type(value) in _ALLOWED.values():
        params = _kept(value.get_params(deep=False))
        encoded = {k: _encode(v, f"{name}__{k}" if name else k) for k, v in params.items()}
        return {"estimator": [type(value).__name__, encoded]}
    raise ValueError(
        f"{name}={value!r} cannot be written to a safetensors file, which holds plain values and "
        "estimators of sklearn_asn only; set another, or save with skops or joblib."
    )


def _kept(params: dict[str, Any]) -> dict[str, Any]:
    """Leave out what no file can hold and only another `fit` would read."""
    params |= {name: None for name in _NEVER if name in params}
    if not isinstance(params.get("random_state", 0), int | np.integer):
        params["random_state"] = None
    if not isinstance(params.get("init", ""), str):
        params["init"] = "inherit"
    if isinstance(params.get("localizer"), FrozenEstimator):
        params["localizer"] = None
    return params


def _decode(value: Any) -> Any:
    """Turn what `_encode` gave back into the value."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"{value} is too large")
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tuple":
        return tuple(map(_decode, content))
    if kind == "slice":
        return slice(*content)
    if kind == "dict":
        return {k: _decode(v) for k, v in content.items()}
    if kind == "array":
        return _array(*content)
    if kind == "estimator":
        name, params = content
        if any(params.get(key) is not None for key in _NEVER):
            raise ValueError(f"it gives {' or '.join(_NEVER)}, which no file may")
        return _ALLOWED[name](**{k: _decode(v) for k, v in params.items()})
    raise ValueError(f"{kind!r} is no kind of value")


def _array(kind: str, items: list[Any]) -> NDArray[Any]:
    """Make a 1-D array of plain items; strings take the room they need, whatever the file says."""
    if kind not in _DTYPES or any(isinstance(item, list | dict) for item in items):
        raise ValueError(f"an array of {kind!r} is not known")
    if kind == "str" and not all(isinstance(item, str) for item in items):
        raise ValueError("an array of strings holds something else")
    return np.array(items, dtype=kind)
