"""Whatever holds features or labels: mappings, Series, frames, tensors, columns, arrays in files.

What others hold is known by what it can do, not by its class, so that no library is imported for
it. Frames of other libraries than pandas are read through narwhals.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_asn._checks import as_list
from sklearn_asn._data.packed import Packed
from sklearn_asn._data.pairing import known_ids
from sklearn_asn._optional import need

_READ = {
    "X": (
        "load_feature_folder, load_feature_hdf5 (in sklearn_asn.datasets) and Clips.open read "
        "features from files; TwoStreamExtractor makes them from video files"
    ),
    "y": (
        "load_ground_truth, read_table (in sklearn_asn.datasets), the readers of "
        "sklearn_asn.interchange and Segments.open read labels and segments from files"
    ),
}


def is_ragged(X: Any, name: str = "X") -> bool:
    """Tell videos of many clips from a 2-D array, in which each row is a video of one clip.

    Raises
    ------
    TypeError
        `X` cannot be read: a path, a generator, or a whole data set.
    """
    if isinstance(X, Packed):
        return True
    refuse_unreadable(X, name)
    if _is_group(X):
        return True
    n_axes = _n_axes(X)
    if n_axes is not None and n_axes != 1:
        return n_axes == 3
    if isinstance(X, np.ndarray) and X.dtype != object:
        return False
    if isinstance(X, np.ndarray | list | tuple | pd.Series):
        return any(_is_video(video, name) for video in X)
    if hasattr(X, "__len__") and hasattr(X, "__getitem__"):  # an entry of these is made when asked
        some = _listed(X[:1]) if _lists_itself(X) else [X[0]] if len(X) else []
        return any(_is_video(video, name) for video in some)
    return False


def check_entries(X: Any, name: str = "X") -> None:
    """Refuse what holds no features at all: None, a number, an empty list, or videos of None.

    Raises
    ------
    ValueError
        Saying what was found, where scikit-learn's checks see an array of NaN.
    """
    if isinstance(X, Packed):
        return
    form = "a list with an array (n_clips, n_features) a video, Clips, or a 2-D or 3-D array"
    if X is None or (np.isscalar(X) and not isinstance(X, str | bytes)):
        raise ValueError(f"{name} is {X!r:.80}; expected {form}.")
    if isinstance(X, list | tuple):
        if not X:
            raise ValueError(
                f"Found 0 videos (0 sample(s)) in {name}, an empty list; expected {form}."
            )
        if any(video is None for video in X):
            i = next(i for i, video in enumerate(X) if video is None)
            raise ValueError(f"Video {i} of {name} is None; expected {form}.")


def one_a_video(X: Any, name: str = "X") -> tuple[Any, Any]:
    """Return the entries of whatever `is_ragged`, and the ids that come with them, or None."""
    refuse_unreadable(X, name)
    if _is_group(X):
        keys = list(X) if isinstance(X, Mapping) else sorted(X.array_keys())
        return [X[key] for key in keys], keys
    if isinstance(X, pd.Series):
        known = known_ids(X)
        return X.tolist(), known.ids if known is not None and known.kind == "ids" else None
    if _lists_itself(X) or _n_axes(X) is None:
        return _listed(X), None
    return X if hasattr(X, "__len__") else [X[i] for i in range(X.shape[0])], None


def as_table(X: Any) -> Any:
    """Return a 2-D `X` as scikit-learn reads it: a pandas frame where its columns have names."""
    if isinstance(X, np.ndarray | pd.DataFrame | list | tuple) or sparse.issparse(X):
        return X
    if is_foreign_frame(X):
        frame = _narwhals(X)
        values = frame.to_numpy()
        if values.dtype != object:
            return pd.DataFrame(values, columns=list(frame.columns), copy=False)
        return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    return as_array(X) if _n_axes(X) is not None else X


def as_targets(y: Any) -> Any:
    """Return `y` as an array, a pandas Series or frame, or a list with an entry a video."""
    refuse_unreadable(y, "y")
    if isinstance(y, np.ndarray | pd.Series | pd.DataFrame | list | tuple):
        return y
    if isinstance(y, Mapping):
        return list(y.values())
    if is_foreign_frame(y):
        frame = as_table(y)
        return frame if frame.shape[1] > 1 else frame.iloc[:, 0].tolist()
    if _lists_itself(y):
        return _listed(y)
    if _n_axes(y) is not None:
        return as_array(y)
    return _listed(y) if hasattr(y, "__len__") and hasattr(y, "__getitem__") else y


def entries_of(values: Any) -> Any:
    """Return what has an entry a video; of a mapping by id, its entries."""
    return list(values.values()) if _is_group(values) else values


def as_array(values: Any) -> Any:
    """Return an array: of a tensor wherever it lies, of a frame, or of a data set in a file."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":  # which NumPy does not know
            values = values.float()
        return values.numpy()
    return _narwhals(values).to_numpy() if is_foreign_frame(values) else np.asarray(values)


def is_foreign_frame(value: Any) -> bool:
    """Tell a frame of another library than pandas."""
    named = hasattr(value, "columns") or hasattr(value, "column_names")
    return named and _n_axes(value) == 2 and not isinstance(value, pd.DataFrame)


def foreign_columns(frame: Any) -> list[str]:
    """Return the names of such a frame's columns."""
    return list(_narwhals(frame).columns)


def refuse_unreadable(value: Any, name: str) -> None:
    """Refuse what holds nothing yet, or too much: paths, generators, queries and data sets.

    Raises
    ------
    TypeError
        Saying what to do.
    """
    if isinstance(value, str | bytes | os.PathLike):
        raise TypeError(
            f"{name} is the path or text {value!r:.80}, not what is in it. {_readers(name)}."
        )
    if hasattr(value, "__next__"):
        raise TypeError(
            f"{name} is a {type(value).__name__}, which can be read only once; give a list: "
            f"list({name})."
        )
    if hasattr(value, "collect") and hasattr(value, "lazy"):
        raise TypeError(f"{name} is a {type(value).__name__}; collect() it first.")
    if _is_data_set(value) or (
        isinstance(value, Mapping) and any(_is_data_set(part) for part in value.values())
    ):
        raise TypeError(
            f"{name} is a whole {type(value).__name__}; give one of its columns, such as "
            f"dataset['features'] for X."
        )
    unsized = hasattr(value, "__iter__") and not hasattr(value, "__getitem__")
    if unsized and not hasattr(value, "shape") and not _is_group(value):
        raise TypeError(
            f"{name} is a {type(value).__name__}, whose entries have no numbers; give a list: "
            f"list({name})."
        )


def refuse_path(value: Any, what: str) -> None:
    """Refuse the path of a video's features where these are wanted."""
    if isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{what} is the path or text {value!r:.80}, not an array. {_readers('X')}.")


def _readers(name: str) -> str:
    return _READ["y" if name.startswith("y") else "X"]


def _is_data_set(value: Any) -> bool:
    return all(hasattr(value, has) for has in ("column_names", "features", "set_format"))


def _is_group(value: Any) -> bool:
    """Tell a mapping of arrays by id: also one of zarr, but none of SciPy's matrices."""
    return (isinstance(value, Mapping) or hasattr(value, "array_keys")) and _n_axes(value) is None


def _n_axes(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    return None if shape is None or not hasattr(shape, "__len__") else len(shape)


def _lists_itself(value: Any) -> bool:
    """Tell 1-D columns of polars and pyarrow."""
    return hasattr(value, "to_pylist") or (hasattr(value, "to_list") and hasattr(value, "implode"))


def _listed(value: Any) -> list[Any]:
    if hasattr(value, "to_pylist"):
        return value.to_pylist()
    return value.to_list() if _lists_itself(value) else as_list(value, "X", "one array a video")


def _is_video(value: Any, name: str) -> bool:
    """Tell a table of clips from a row of numbers."""
    refuse_path(value, f"An entry of {name}")
    n_axes = _n_axes(value)
    if n_axes is not None:
        return n_axes >= 2
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], list | tuple)


def _narwhals(frame: Any) -> Any:
    narwhals = need("narwhals", f"Reading a {type(frame).__module__.split('.')[0]} frame", "frames")
    return narwhals.from_native(frame, eager_only=True)
