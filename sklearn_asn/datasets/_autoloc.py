"""AutoLoc's TSV files: UntrimmedNet's features, class activations and attention."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sklearn_asn._checks import as_path, check_count
from sklearn_asn._data.clips import Clips
from sklearn_asn._typing import OnMissing
from sklearn_asn.datasets._reading import File, PerVideo, as_ids, choose, per_video
from sklearn_asn.datasets._timing import feature_timing


def load_autoloc_tsv(
    path: File,
    *,
    n_classes: int,
    classes: Sequence[str] | None = None,
    n_features: int = 1024,
    make_id: Callable[[str], str] = str,
    videos: Iterable[str] | None = None,
    on_missing: OnMissing = "raise",
    fps: PerVideo | None = None,
) -> Bunch:
    r"""Load AutoLoc's TSV: UntrimmedNet's features, class activations and attention.

    A line is a video, with the cells id, labels (from 1), features, activations and attention;
    values are separated by ";", clip after clip. A clip's features are `n_features` temporal ones,
    then as many spatial ones; its activations `n_classes` temporal, then as many spatial ones; its
    attention is a temporal and a spatial logit (AutoLoc's README and ``layers/tsv_data.py``).

    Parameters
    ----------
    path : path
        The file, such as ``val.all.tsv``.
    n_classes : int
        Classes of the activations: 20 for THUMOS14, 100 for ActivityNet 1.2.
    classes : sequence of str, shape (n_classes,), default=None
        Names of the classes, in the order of their numbers.
    n_features : int, default=1024
        Features of one stream.
    make_id : callable, default=str
        Turns the id cell, a number, into an id: ``lambda n: f"video_test_{int(n):07d}"``.
    videos, on_missing
        As in `load_feature_folder`; None keeps the file's order.
    fps : float, array-like, or mapping from id to number, default=None
        Frame rate, from which timing follows (`feature_timing`: a clip is 15 frames).

    Returns
    -------
    Bunch
        - ``X`` : `Clips`; **the streams change places**: the spatial columns come first, as the
          names ``spatial_0000``, ..., ``temporal_0000``, ... say.
        - ``labels`` : list of sets of class names or, without `classes`, of numbers from 0.
        - ``activations`` : dict from "spatial" and "temporal" to lists of arrays
          ``(n_clips, n_classes)``; ``attention`` : the same of arrays ``(n_clips,)``.

    Raises
    ------
    ValueError
        A line (named) has other cells, cells that do not fit in size, values that are no finite
        numbers, a label out of range or an id seen before.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_asn.datasets import load_autoloc_tsv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "val.tsv").write_text("7\t2\t1;2;3;4\t.1;.2;.3;.4\t8;9\n")
    ...     data = load_autoloc_tsv(Path(folder) / "val.tsv", n_classes=2, n_features=2, fps=30)
    >>> data.X[0].tolist(), data.X.feature_names[:2].tolist(), data.labels
    ([[3.0, 4.0, 1.0, 2.0]], ['spatial_0000', 'spatial_0001'], [{1}])
    """
    check_count(n_classes, "n_classes")
    check_count(n_features, "n_features")
    names = list(range(n_classes)) if classes is None else as_ids(classes, "classes")
    if len(names) != n_classes:
        raise ValueError(f"classes has {len(names)} names, expected n_classes={n_classes}.")
    wanted = None if videos is None else as_ids(videos, "videos")
    chosen = None if wanted is None else set(wanted)
    rows: dict[str, Any] = {}  # None: not wanted
    with as_path(path).open("rb") as lines:
        for i, line in enumerate(lines, 1):
            where = f"{path}, line {i}"
            cells = _cells(line, where)
            try:
                video = str(make_id(cells[0]))
            except (LookupError, TypeError, ValueError) as error:
                raise ValueError(f"{where}: make_id fails on {cells[0]!r:.40}.") from error
            if video in rows:
                raise ValueError(f"{where}: the video {video} was on a line before.")
            read = chosen is None or video in chosen
            rows[video] = _row(cells, where, n_classes, n_features) if read else None
    ids = choose(list(rows), wanted, str(path), on_missing)
    features, labels, activations, attention = zip(*(rows[v] for v in ids), strict=True)
    timing = {} if fps is None else feature_timing(per_video(fps, "fps", ids, wanted))
    columns = [f"{s}_{j:04d}" for s in ("spatial", "temporal") for j in range(n_features)]
    place = {"spatial": 1, "temporal": 0}
    return Bunch(
        X=Clips.from_list(features, **timing, ids=ids, feature_names=columns),
        labels=[{names[k - 1] for k in numbers} for numbers in labels],
        activations={s: [one[:, k] for one in activations] for s, k in place.items()},
        attention={s: [one[:, k] for one in attention] for s, k in place.items()},
    )


def _cells(line: bytes, where: str) -> list[str]:
    try:
        cells = line.decode("utf-8-sig").rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: not UTF-8 text ({error.reason}).") from None
    if len(cells) != 5:
        raise ValueError(f"{where}: {len(cells)} cells; expected 5, separated by tabs.")
    return cells


def _row(cells: list[str], where: str, n_classes: int, n_features: int) -> Any:
    """Return features (spatial first), labels, activations ``(T, 2, K)``, attention ``(T, 2)``."""
    label = _values(cells[1], f"{where}, labels") if cells[1].strip(";") else np.zeros(0)
    if np.any((label < 1) | (label > n_classes) | (label != np.rint(label))):
        raise ValueError(f"{where}: labels {cells[1]:.40}; expected 1 to {n_classes}.")
    names = ("features", "activations", "attention")
    values = [_values(c, f"{where}, {n}") for n, c in zip(names, cells[2:], strict=True)]
    sizes, widths = [len(v) for v in values], [2 * n_features, 2 * n_classes, 2]
    n = sizes[2] // 2
    if sizes != [n * width for width in widths]:
        found = dict(zip(names, sizes, strict=True))
        raise ValueError(f"{where}: numbers of values {found}; expected {widths} a clip.")
    features, activations, attention = (v.reshape(n, 2, -1) for v in values)
    swapped = features[:, ::-1].reshape(n, -1)
    return swapped, label.astype(int).tolist(), activations, attention[:, :, 0]


def _values(cell: str, where: str) -> NDArray[np.float32]:
    """Read numbers separated by ";" (one at the end is allowed)."""
    cell = cell.removesuffix(";")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # NumPy 1's way to refuse
            values = np.fromstring(cell, sep=";", dtype=np.float32)
    except (DeprecationWarning, ValueError):
        values = np.empty(0, np.float32)
    if len(values) != cell.count(";") + 1:
        raise ValueError(f"{where}: expected numbers separated by ';', got {cell!r:.60}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{where}: value {np.argmin(np.isfinite(values)) + 1} is not finite.")
    return values
