"""Features that others extracted: folders of .npy files, object arrays, HDF5."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_asn._checks import as_path
from sklearn_asn._data.clips import Clips
from sklearn_asn._disk.claims import check_hdf5, check_npy
from sklearn_asn._optional import need
from sklearn_asn._typing import OnLengthMismatch, OnMissing
from sklearn_asn.datasets._arrays import SUFFIXES, arranged, check_layout, open_array
from sklearn_asn.datasets._reading import File, PerVideo, as_ids
from sklearn_asn.datasets._sources import Source, pack


def load_feature_folder(
    folder: File | Mapping[str, File],
    *,
    pattern: str | Mapping[str, str] = "*.npy",
    videos: Iterable[str] | None = None,
    on_missing: OnMissing = "raise",
    on_length_mismatch: OnLengthMismatch = "raise",
    clip_seconds: PerVideo | None = None,
    start_seconds: PerVideo | None = None,
    fps: PerVideo | None = None,
    frames_per_feature: float | None = None,
    dtype: DTypeLike | None = None,
    out: File | None = None,
    layout: str = "TC",
    key: str | None = None,
    allow_pickle: bool = False,
) -> Clips:
    """Load a folder of files, one ``(n_clips, n_features)`` array a video and stream.

    Files are ``.npy``, ``.npz``, ``.pt`` and ``.pth`` (tensors, or a dict of them), ``.csv``
    (numbers, below a header or none) or ``.safetensors``: what their name ends in says which.

    Parameters
    ----------
    folder : path, or mapping from stream to path
        ``{"spatial": rgb, "temporal": flow}`` puts the spatial columns first, where `ASNLocalizer`
        expects them by default, and names them ``spatial_0000``, ...
    pattern : str, or mapping from stream to str, default="*.npy"
        Names of the files; the one ``*`` stands for the id. ``"v_*.npy"`` takes the ``v_`` off;
        ``"*.pt"`` reads another kind of file.
    videos : iterable of str, default=None
        Ids in the order wanted. None: all, sorted by id.
    on_missing : {"raise", "drop"}, default="raise"
        What becomes of a video that lacks a file of some stream: an error, or left out with a
        warning.
    on_length_mismatch : {"raise", "repeat_last"}, default="raise"
        What becomes of videos whose streams differ in length: an error that lists them, or the last
        row of the shorter is repeated where it is one short (UntrimmedNet's rule).
    clip_seconds, start_seconds : float, array-like, or mapping from id to number, default=None
        Timing of `Clips`; arrays go with `videos`. `feature_timing` makes both of frame rates.
    fps, frames_per_feature : default=None
        Instead of `clip_seconds`: it is ``frames_per_feature / fps``.
    dtype : dtype, default=None
        Floating type of the features. None: that of the files, which must hold floats.
    out : path, default=None
        A ``.npy`` file to make, for more features than memory holds: they are packed there and
        memory-mapped.
    layout : str, default="TC"
        The files' axes: T for clips, C for features and 1 for axes of length 1, such as ``"CT"``,
        ``"T1C"`` or ``"1TC"``.
    key : str, default=None
        Name of the array in files of several. None: files hold one.
    allow_pickle : bool, default=False
        Whether to read pickles (object arrays, ``.pkl``, ``.pt`` of other things than tensors):
        **a pickle can run any code that its maker put in it**, so say True only of files that you
        trust.

    Returns
    -------
    Clips

    Raises
    ------
    FileNotFoundError, FileExistsError
        No file matches; `out` is there already.
    ImportError
        safetensors is not installed.
    ValueError
        A file (named) is no such array, is cut short, claims more than it holds, needs a `key` or a
        pickle, or has NaN or infinity; videos are missing, or differ in length between streams.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_asn.datasets import feature_timing, load_feature_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "v_a-rgb.npy", np.zeros((4, 3)))
    ...     np.save(Path(folder) / "v_a-flow.npy", np.ones((4, 3)))
    ...     patterns = {"spatial": "v_*-rgb.npy", "temporal": "v_*-flow.npy"}
    ...     X = load_feature_folder(folder, pattern=patterns, **feature_timing(30.0))
    >>> X, X.ids.tolist(), X.feature_names[2:4].tolist()
    (Clips(n_videos=1, n_clips=4, n_features=6, dtype=float64, clip_seconds=0.5), ['a'],
     ['spatial_0002', 'temporal_0000'])
    """
    layout = check_layout(layout)
    folders, patterns = _by_stream(folder=folder, pattern=pattern)

    def opened(file: str) -> Any:
        return arranged(open_array(file, key, bool(allow_pickle)), layout, file)

    return pack(
        {
            name: _folder_source(as_path(folders[name], "folder"), patterns[name], opened)
            for name in folders
        },
        videos=videos,
        on_missing=on_missing,
        on_length_mismatch=on_length_mismatch,
        clip_seconds=clip_seconds,
        start_seconds=start_seconds,
        fps=fps,
        frames_per_feature=frames_per_feature,
        dtype=dtype,
        out=out,
    )


def load_feature_object_array(
    path: File, *, ids: Iterable[str], allow_pickle: bool = False, **options: Any
) -> Clips:
    """Load one ``.npy`` file that holds the features of all videos, as W-TALC distributes them.

    Such a file is a pickle, and **reading a pickle can run any code that its maker put in it**.

    Parameters
    ----------
    path : path
        An object array of ``(n_clips, n_features)`` arrays, or a 3-D array (no pickle).
    ids : iterable of str
        Names of the videos in the file's order; they are not in it. (W-TALC: ``videoname.npy``.)
    allow_pickle : bool, default=False
        Whether to read a pickle: say True only of a file that you trust.
    **options
        videos, on_missing, clip_seconds, start_seconds, fps, frames_per_feature, dtype and out of
        `load_feature_folder`; ``videos=None`` gives the order of `ids`.

    Returns
    -------
    Clips

    Raises
    ------
    ValueError
        The file needs `allow_pickle`, is damaged, or holds another number of videos than `ids`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn_asn.datasets import load_feature_object_array
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "all.npy", np.zeros((2, 4, 3)))
    ...     load_feature_object_array(Path(folder) / "all.npy", ids=["a", "b"])
    Clips(n_videos=2, n_clips=8, n_features=3, dtype=float64)
    """
    how: dict[str, Any] = {"allow_pickle": bool(allow_pickle)}
    with as_path(path).open("rb") as file:
        check_npy(file, os.path.getsize(path), str(path))
        try:
            arrays = np.lib.format.read_array(file, **how, pickle_kwargs={"encoding": "latin1"})
            if arrays.ndim == 3 and arrays.dtype == object:  # equal lengths pickle as numbers
                arrays = arrays.astype(np.float64)
        except Exception as error:  # a damaged pickle may raise anything
            hint = " Arrays of objects need allow_pickle=True, which can run any code in the file."
            what = f"no .npy file, or damaged ({error})"
            raise ValueError(f"{path}: {what}.{'' if allow_pickle else hint}") from error
    names = as_ids(ids, "ids")
    if arrays.ndim not in (1, 3):
        raise ValueError(f"{path} has shape {arrays.shape}; expected one 2-D array a video.")
    if len(arrays) != len(names):
        raise ValueError(f"{path} holds {len(arrays)} videos, but ids names {len(names)}.")
    place = {v: i for i, v in enumerate(names)}
    where = {v: f"{path}[{i}] ({v})" for v, i in place.items()}

    def open_item(video: str) -> NDArray[Any]:
        try:
            return np.asarray(arrays[place[video]])
        except ValueError:  # a ragged list
            raise ValueError(f"{where[video]} is not a 2-D array.") from None

    return pack({"": Source(str(path), where, open_item)}, **options)


def load_feature_hdf5(
    path: File | Mapping[str, File],
    *,
    dataset: str | Mapping[str, str] | None = None,
    pattern: str = "*",
    **options: Any,
) -> Clips:
    """Load an HDF5 file with one ``(n_clips, n_features)`` data set a video (needs h5py).

    Parameters
    ----------
    path : path, or mapping from stream to path
        File, or one file a stream.
    dataset : str, or mapping from stream to str, default=None
        None: data sets lie at the top. Else groups do, and this is the data set in each, such as
        ``"c3d_features"``, or one a stream.
    pattern : str, default="*"
        Names at the top level; the one ``*`` stands for the id.
    **options
        Those of `load_feature_folder`.

    Returns
    -------
    Clips

    Raises
    ------
    ImportError
        h5py is not installed. Otherwise as `load_feature_folder`; messages name file and key.
    """
    h5py = need("h5py", "Reading HDF5", "hdf5")
    paths, names = _by_stream(path=path, dataset=dataset)
    with ExitStack() as stack:
        sources = {}
        for stream, file in paths.items():
            try:
                top = stack.enter_context(h5py.File(as_path(file), "r"))
                found = list(top)
            except FileNotFoundError:
                raise
            except (OSError, RuntimeError) as error:
                raise ValueError(f"{file} is no HDF5 file, or is cut short: {error}.") from error
            found = as_ids(found, f"{file}: the names at the top")
            sources[stream] = _hdf5_source(top, str(file), _matching(found, pattern), names[stream])
        return pack(sources, **options)


def _by_stream(**given: Any) -> list[dict[str, Any]]:
    """Spread arguments, each one value or a mapping from stream, over the same streams."""
    maps = {name: value for name, value in given.items() if isinstance(value, Mapping)}
    streams = list(next(iter(maps.values()), [""]))
    for name, value in maps.items():
        if not value or set(value) != set(streams):
            raise ValueError(f"{name} is for the streams {list(value)}; expected {streams}.")
    return [{s: v[s] if isinstance(v, Mapping) else v for s in streams} for v in given.values()]


def _matching(names: Iterable[str], pattern: str) -> dict[str, str]:
    """Return the names that match, sorted, by what the ``*`` stands for."""
    before, star, after = str(pattern).partition("*")
    if not isinstance(pattern, str) or not star or "*" in after or "/" in pattern:
        raise ValueError(f"pattern={pattern!r}; expected a name with one '*', for the id.")
    size = len(before) + len(after)
    fit = [n for n in names if n.startswith(before) and n.endswith(after) and len(n) > size]
    return {n[len(before) : len(n) - len(after)]: n for n in sorted(fit)}


def _folder_source(folder: Path, pattern: str, opened: Callable[[str], Any]) -> Source:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder.")
    names = os.listdir(folder)
    found = _matching(names, pattern)
    if not found:
        others = sorted({Path(name).suffix for name in names} & set(SUFFIXES))
        hint = f" It holds {', '.join(others)}: give pattern='*{others[0]}'." if others else ""
        raise FileNotFoundError(f"{folder} holds no files {pattern}.{hint}")
    files = {v: str(folder / name) for v, name in found.items()}
    return Source(str(folder), files, lambda v: opened(files[v]))


def _hdf5_source(top: Any, file: str, found: dict[str, str], dataset: str | None) -> Source:
    keys = {v: name if dataset is None else f"{name}/{dataset}" for v, name in found.items()}

    def open_key(video: str) -> Any:
        where = f"{file}: {keys[video]}"
        try:
            _refuse_links(top, keys[video], where)
            item = top.get(keys[video])
            is_array = hasattr(item, "shape") and item.dtype is not None  # no group or type
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{file}: {keys[video]} is damaged: {error}.") from error
        if not is_array:
            raise ValueError(f"{where} is not a data set.")
        check_hdf5(item, where)
        return item

    return Source(file, {v: f"{file}: {key}" for v, key in keys.items()}, open_key)


def _refuse_links(group: Any, key: str, where: str, n_links: int = 0) -> None:
    """Refuse a path through a link to another file, before HDF5 opens that file."""
    parts = [part for part in key.split("/") if part not in ("", ".")]
    for i, part in enumerate(parts):
        link = group.get(part, getlink=True)
        if hasattr(link, "filename"):
            raise ValueError(f"{where} is a link into another file, {link.filename!r}: refused.")
        if hasattr(link, "path"):  # within the file: follow it by hand
            if n_links > 8:
                raise ValueError(f"{where} links to itself.")
            start = group.file if link.path.startswith("/") else group
            rest = "/".join([link.path, *parts[i + 1 :]])
            return _refuse_links(start, rest, where, n_links + 1)
        if i + 1 < len(parts):
            group = group.get(part)
            if not hasattr(group, "keys"):
                return None  # nothing lies below it: the caller says so
    return None
