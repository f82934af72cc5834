"""One array from a file of any of the kinds in which features circulate."""

from __future__ import annotations

import importlib
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import as_path
from sklearn_asn._disk.claims import check_npz, check_zip
from sklearn_asn._optional import need

PICKLES = (".pkl", ".pickle")
SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".csv", ".safetensors", *PICKLES)
HINT = " allow_pickle=True reads pickles, which can run any code in the file."


def open_array(file: str, key: str | None, allow_pickle: bool) -> Any:
    """Open the array of a file: what has shape and dtype, and gives its numbers by ``[()]``.

    Raises
    ------
    ValueError
        The file is of no known kind, damaged, needs `key` or a pickle.
    """
    suffix = as_path(file).suffix.lower()
    opener = OPENERS.get(suffix)
    if opener is None:
        raise ValueError(f"{file} is of an unknown kind; known are {', '.join(SUFFIXES)}.")
    try:
        return opener(file, key, allow_pickle)
    except (FileNotFoundError, PermissionError, ImportError):
        raise
    except Exception as error:  # damaged files may raise anything
        hint = "" if allow_pickle or suffix in (".csv", ".safetensors") else HINT
        what = f"no {suffix} file of numbers, or is cut short: {error}"
        raise ValueError(f"{file} is {what}.{hint if _wants_pickle(error) else ''}") from error


def arranged(array: Any, layout: str, name: str) -> Any:
    """Return an array of `layout` as ``(n_clips, n_features)``."""
    if layout == "TC":
        return array
    values = np.asarray(array[()])
    if values.ndim != len(layout):
        raise ValueError(f"{name} has shape {values.shape}; expected layout={layout!r}.")
    odd = [n for n, axis in zip(values.shape, layout, strict=True) if axis == "1" and n != 1]
    if odd:
        raise ValueError(f"{name} has shape {values.shape}; layout={layout!r} wants 1 there.")
    kept = tuple(i for i, axis in enumerate(layout) if axis == "1")
    plain = values.squeeze(axis=kept)
    return plain if layout.index("T") < layout.index("C") else plain.T


def check_layout(layout: Any) -> str:
    """Return a layout in capitals: T and C once each, and 1 for axes of length 1."""
    text = layout.upper() if isinstance(layout, str) else ""
    if sorted(text.replace("1", "")) != ["C", "T"]:
        raise ValueError(
            f"layout={layout!r}; expected 'TC' (clips, features), 'CT', 'T1C', '1TC' or another "
            "order of T, C and 1."
        )
    return text


def _open_npy(file: str, key: str | None, allow_pickle: bool) -> Any:
    if not allow_pickle:
        _no_key(key)
        return np.lib.format.open_memmap(file, mode="r")
    values = np.load(file, allow_pickle=True)
    return _chosen(values.item() if values.dtype == object and not values.ndim else values, key)


def _open_npz(file: str, key: str | None, allow_pickle: bool) -> Any:
    check_npz(file)
    with np.load(file, allow_pickle=allow_pickle) as content:
        return content[_key(content.files, key)]


def _open_torch(file: str, key: str | None, allow_pickle: bool) -> Any:
    torch = importlib.import_module("torch")  # seconds to import: only where it is asked for
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            check_zip(archive, file)
    content = torch.load(file, map_location="cpu", weights_only=not allow_pickle)
    return _chosen(content, key)


def _open_safetensors(file: str, key: str | None, allow_pickle: bool) -> Any:
    safetensors = need("safetensors", "Reading .safetensors files", "safetensors")
    with safetensors.safe_open(file, framework="pt") as content:
        return _numbers(content.get_tensor(_key(list(content.keys()), key)))


def _open_csv(file: str, key: str | None, allow_pickle: bool) -> Any:
    """Read rows of numbers, below a header or none."""
    _no_key(key)
    with open(file, encoding="utf-8-sig") as lines:
        first = lines.readline().strip()
        if not first:
            raise ValueError("its first line is empty")
        sep = max(",;\t ", key=first.count)
        if _is_number(first.split(sep)[0]):
            lines.seek(0)
        return np.loadtxt(lines, delimiter=None if sep == " " else sep, ndmin=2, comments=None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _open_pickle(file: str, key: str | None, allow_pickle: bool) -> Any:
    if not allow_pickle:
        raise ValueError("it is a pickle")
    with open(file, "rb") as content:
        return _chosen(pickle.load(content), key)


OPENERS: dict[str, Callable[[str, str | None, bool], Any]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".pt": _open_torch,
    ".pth": _open_torch,
    ".safetensors": _open_safetensors,
    ".csv": _open_csv,
    **dict.fromkeys(PICKLES, _open_pickle),
}


def _chosen(content: Any, key: str | None) -> NDArray[Any]:
    """Return the array, or the one of a mapping that `key` names."""
    if isinstance(content, Mapping):
        return _numbers(content[_key(list(content), key)])
    _no_key(key)
    return _numbers(content)


def _key(names: list[Any], key: str | None) -> Any:
    if key is None and len(names) == 1:
        return names[0]
    if key not in names:
        found = f"it holds {len(names)} arrays: {names[:10]}"
        raise ValueError(f"{found}; key={key!r} names none of them")
    return key


def _no_key(key: str | None) -> None:
    if key is not None:
        raise ValueError(f"it holds one array, without names, but key={key!r}")


def _numbers(values: Any) -> NDArray[Any]:
    """Return an array of a tensor, or of what is like an array."""
    if hasattr(values, "detach"):
        values = values.detach()
        if str(values.dtype) == "torch.bfloat16":  # NumPy has none; float32 holds all its numbers
            values = values.float()
        return np.asarray(values.numpy())
    return np.asarray(values)


def _wants_pickle(error: Exception) -> bool:
    text = str(error).lower()
    return any(word in text for word in ("pickle", "weights_only", "weights only", "object"))
