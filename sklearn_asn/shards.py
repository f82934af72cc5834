"""`predict_shards`: inference over many folders of `Clips`, resumable and in many processes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
from sklearn.utils.validation import check_is_fitted

import sklearn_asn
from sklearn_asn._checks import as_list, as_path
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.folder import HEADER, INDEX, JOURNAL, VALUES
from sklearn_asn._data.segments import Segments, read_segments, write_segments
from sklearn_asn._disk.files import write_atomically
from sklearn_asn._doclink import public
from sklearn_asn._fingerprint import fingerprint

Paths = Iterable[str | os.PathLike[str]]

FORMAT = "sklearn_asn.predict_shards"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"

_MOST_REASONS = 20


@public("sklearn_asn")
def predict_shards(
    estimator: Any,
    paths: Paths,
    out: str | os.PathLike[str],
    *,
    n_jobs: int | None = None,
    overwrite: bool = False,
    verbose: int = 0,
) -> list[Path]:
    """Predict the segments of many shards of `Clips`, each into a file of its own.

    Workers open every shard by its path, memory-mapped: features are never sent to them. Work is
    spread by `joblib.Parallel`, so that ``joblib.parallel_config(backend="dask")`` around the
    call takes it to a cluster, whose workers must find `paths` and `out` under the same names.

    Whatever stops the work, what is finished stays: called again, it goes on with the shards that
    have no result yet, and with those that changed since. Several calls may share one `out`, at
    the same time too; at worst a shard is done twice.

    Parameters
    ----------
    estimator : fitted estimator
        An `ASNLocalizer`, a pipeline that ends in one, or anything else whose ``predict`` takes
        `Clips` and gives `Segments`. It is sent to the workers with every task.
    paths : list of path
        Folders written by `Clips.save` or `ClipsWriter`, with different names.
    out : path
        Folder for the results, made if it is not there: for the shard ``videos/a``, the file
        ``a.npz`` (see `Segments.open`). ``manifest.json`` says by which model they are.
    n_jobs : int, default=None
        As in `joblib.Parallel`; None: what `joblib.parallel_config` says, or 1.
    overwrite : bool, default=False
        Replace the results of another model in `out`. Results of this model are used again in
        any case.
    verbose : int, default=0
        As in `joblib.Parallel`.

    Returns
    -------
    list of Path
        The results, in the order of `paths`.

    Raises
    ------
    ValueError
        Two shards have one name, or `out` holds the results of another model, or files of other
        origin. Nothing has been done then.
    RuntimeError
        Some shards failed: which, and why. The others are finished.

    See Also
    --------
    read_shards : Reads the results.

    Notes
    -----
    A model is told by its class, parameters, fitted state and by the version of this package;
    ``device``, ``verbose``, ``n_jobs``, ``memory``, ``callbacks`` and ``random_state`` do not
    count at any depth. Functions (as in a `FunctionTransformer`) count by name, not by content. A
    shard is told by its resolved path and the size and time of its files.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_asn import ASNLocalizer, predict_shards, read_shards
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> model = ASNLocalizer("temporal", max_epochs=5, random_state=0).fit(X, y)
    >>> folder = tempfile.mkdtemp()
    >>> shards = [X[:10].save(folder + "/a"), X[10:].save(folder + "/b")]
    >>> [path.name for path in predict_shards(model, shards, folder + "/found")]
    ['a.npz', 'b.npz']
    >>> read_shards(folder + "/found") == model.predict(X)
    True
    """
    shards = _named(paths)
    if hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    model = {"package": sklearn_asn.__version__, "model": fingerprint(estimator)}
    folder = Path(os.path.abspath(as_path(out, "out")))
    _claim(folder, model, shards, overwrite)

    results = {name: folder / f"{name}.npz" for name in shards}
    tasks, failed = {}, {}
    for name, shard in shards.items():
        try:
            made_of = model | _identity(shard)
        except OSError as error:
            failed[name] = _reason(error)
            continue
        if not _is_finished(results[name], made_of):
            tasks[name] = (shard, results[name], made_of)
    reasons = joblib.Parallel(n_jobs=n_jobs, verbose=verbose)(
        joblib.delayed(_predict_shard)(estimator, *task) for task in tasks.values()
    )
    failed |= {n: why for n, why in zip(tasks, reasons, strict=True) if why is not None}
    if failed:
        raise RuntimeError(_report(failed, shards, folder))
    return list(results.values())


@public("sklearn_asn")
def read_shards(out_or_paths: str | os.PathLike[str] | Paths) -> Segments:
    """Read what `predict_shards` wrote, all videos one after another.

    Parameters
    ----------
    out_or_paths : path, or list of path
        The folder of the results: all of them, in the order in which shards were first given to
        `predict_shards` (or of the last call, if that named them all). Or results, in the order
        wanted.

    Returns
    -------
    Segments

    Raises
    ------
    ValueError
        A shard has no result yet, results are of different models, or ids repeat.
    """
    if not isinstance(out_or_paths, str | os.PathLike):
        given = as_list(out_or_paths, "out_or_paths", "a folder, or a sequence of folders")
        paths = [as_path(path, f"out_or_paths[{i}]") for i, path in enumerate(given)]
    elif Path(out_or_paths).is_dir():
        return Segments.concatenate(_all_in(Path(out_or_paths)))
    else:
        paths = [Path(out_or_paths)]
    if not paths:
        raise ValueError("out_or_paths names no result, expected at least one.")
    parts: list[Segments] = []
    models: dict[Any, Path] = {}
    for path in paths:
        segments, made_of = _read_result(path)
        parts.append(segments)
        models.setdefault(_model_in(made_of), path)
    if len(models) > 1:
        one, other = list(models.values())[:2]
        raise ValueError(f"{one} and {other} are results of different models, expected one.")
    return Segments.concatenate(parts)


# ---------------------------------------------------------------------- one shard


def _predict_shard(
    estimator: Any, shard: Path, result: Path, made_of: dict[str, Any]
) -> str | None:
    """Predict one shard in a worker; returns why that failed, if it did."""
    try:
        if not (result.parent / MANIFEST).is_file():
            raise FileNotFoundError(
                f"{result.parent} is not the same folder for this worker: it sees no {MANIFEST} "
                "there. `out` must be on storage that all share"
            )
        found = estimator.predict(Clips.open(shard, mmap=True))
        if not isinstance(found, Segments):
            raise TypeError(f"predict gave {type(found).__name__}, expected Segments")
        write_segments(result, found, {"made_of": json.dumps(made_of)})
    except Exception as error:  # whatever it is, the other shards go on
        return _reason(error)
    return None


def _identity(shard: Path) -> dict[str, Any]:
    """Tell a shard from another one, and from itself after a change."""
    files = {VALUES: (shard / VALUES).stat()}
    files |= {n: (shard / n).stat() for n in (HEADER, INDEX, JOURNAL) if (shard / n).exists()}
    marks = {name: [stat.st_size, stat.st_mtime_ns] for name, stat in files.items()}
    return {"shard": str(shard.resolve()), "files": marks}


def _is_finished(result: Path, made_of: dict[str, Any]) -> bool:
    """Tell whether a result is whole, and of this shard and model."""
    try:
        return _read_result(result)[1] == made_of
    except (FileNotFoundError, ValueError):
        return False


def _read_result(path: Path) -> tuple[Segments, dict[str, Any] | None]:
    segments, notes = read_segments(path, ["made_of"])
    return segments, json.loads(notes["made_of"].item()) if notes else None


def _model_in(made_of: dict[str, Any] | None) -> tuple[Any, Any]:
    return (None, None) if made_of is None else (made_of["package"], made_of["model"])


# ---------------------------------------------------------------------- the folder of results


def _named(paths: Paths) -> dict[str, Path]:
    """Return absolute paths by the name of the folder; workers may run elsewhere."""
    if isinstance(paths, str | os.PathLike):
        raise ValueError(f"paths is one path ({os.fspath(paths)}), expected a list of folders.")
    shards: dict[str, Path] = {}
    for given in as_list(paths, "paths", "a sequence of folders"):
        path = Path(os.path.abspath(as_path(given, "an entry of paths")))
        if path.name in shards:
            raise ValueError(
                f"{shards[path.name]} and {path} have the same name, and so would their results; "
                "rename one, or give them another out."
            )
        shards[path.name] = path
    if not shards:
        raise ValueError("paths is empty, expected at least one folder.")
    return shards


def _claim(folder: Path, model: dict[str, Any], shards: dict[str, Path], overwrite: bool) -> None:
    """Check that a folder is free or of this model, and write down whose it is.

    The manifest comes before any result: results without one are files of other origin.
    """
    strange = [name for name in shards if (folder / f"{name}.npz").exists()]
    manifest = _read_manifest(folder)
    known: list[str] = []
    if manifest is None:
        if strange:
            raise ValueError(
                f"{folder} holds {strange[0]}.npz, but no {MANIFEST}: predict_shards did not make "
                "it. Choose another folder for out."
            )
    elif {name: manifest[name] for name in model} == model:
        known = manifest["shards"]
    elif not overwrite:
        what = "another model"
        if manifest["package"] != model["package"]:
            what = f"version {manifest['package']} of sklearn_asn (this is {model['package']})"
        raise ValueError(
            f"{folder} holds results of {what}. Choose another folder for out, or overwrite=True "
            "to replace them."
        )
    # an order that names all is taken as it is; else what is new comes last
    names = list(shards)
    if not set(known) <= set(names):
        names = known + [name for name in names if name not in known]
    if manifest is None or names != known:
        header = {"format": FORMAT, "version": FORMAT_VERSION}
        text = json.dumps(header | model | {"shards": names}, indent=1)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / MANIFEST, lambda handle: handle.write(text.encode()))


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        manifest = json.loads(text)
        good = manifest["format"] == FORMAT and manifest["version"] <= FORMAT_VERSION
        names = [manifest["package"], manifest["model"], *manifest["shards"]]
        good = good and all(isinstance(name, str) for name in names)
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise ValueError(
            f"{path} is damaged, or not by predict_shards of version <= {FORMAT_VERSION}. Choose "
            "another folder for out."
        )
    return manifest


def _all_in(folder: Path) -> list[Segments]:
    """Read the results of a folder: those of its manifest, then others of the same model.

    Of two calls that start at once, with other shards, the manifest may know one only.
    """
    manifest = _read_manifest(folder)
    if manifest is None:
        raise ValueError(f"{folder} holds no results of predict_shards (no {MANIFEST}).")
    found: dict[str, Segments | None] = dict.fromkeys(manifest["shards"])
    for path in sorted(folder.glob("*.npz")):
        try:
            segments, made_of = _read_result(path)
        except ValueError:
            if path.stem not in found:  # of other origin
                continue
            raise
        if _model_in(made_of) == _model_in(manifest):
            found[path.stem] = segments
    missing = [name for name, segments in found.items() if segments is None]
    if missing:
        raise ValueError(
            f"{folder} has no result yet for {len(missing)} of {len(found)} shards: {missing[:5]}. "
            "Call predict_shards again to go on."
        )
    return [segments for segments in found.values() if segments is not None]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _report(failed: dict[str, str], shards: dict[str, Path], folder: Path) -> str:
    lines = [f"{shards[name]}: {failed[name]}" for name in shards if name in failed]
    more = [name for name in shards if name in failed][_MOST_REASONS:]
    if more:
        lines[_MOST_REASONS:] = [f"and {len(more)} more: {', '.join(more)}"]
    return (
        f"{len(failed)} of {len(shards)} shards failed; the results of the others are in {folder}. "
        "Call predict_shards again for the rest.\n  " + "\n  ".join(lines)
    )
