"""Checks of the extractor's parameters and of the paths it is given."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_asn._checks import check_choice, check_count, check_number
from sklearn_asn.video._backbones import check_backbone
from sklearn_asn.video._decode import check_file
from sklearn_asn.video._flow import METHODS
from sklearn_asn.video._imports import need


def check_parameters(extractor: Any) -> None:
    """Refuse constructor arguments that do not fit."""
    e = extractor
    for name in ("frames_per_clip", "flow_frames", "resize", "size", "grid", "batch_size"):
        check_count(getattr(e, name), name)
    for name in ("clip_seconds", "flow_bound", "flow_std"):
        check_number(getattr(e, name), name, 0, open_low=True)
    check_number(e.flow_mean, "flow_mean")
    if e.max_fps is not None:
        check_number(e.max_fps, "max_fps", 0, open_low=True)
    if not callable(e.flow_method):
        check_choice(e.flow_method, "flow_method", METHODS)
    check_choice(e.channels, "channels", ("rgb", "bgr"))
    check_choice(e.time_zero, "time_zero", ("timestamps", "container"))
    check_choice(e.on_error, "on_error", ("raise", "truncate", "skip"))
    if e.size > e.resize:
        raise ValueError(f"size={e.size} is cut out of resize={e.resize} pixels; it must fit.")
    for name, low in (("mean", -np.inf), ("std", 0)):
        values = np.ravel(np.asarray(getattr(e, name), dtype=object))
        if len(values) != 3:
            raise ValueError(f"{name}={getattr(e, name)!r}; expected 3 numbers.")
        for value in values:
            check_number(value, name, low, open_low=name == "std")
    for name in ("backbone_rgb", "backbone_flow"):
        check_backbone(getattr(e, name), name)
    if e.backbone_rgb == "drop" and e.backbone_flow == "drop":
        raise ValueError("backbone_rgb and backbone_flow are both 'drop': nothing is left.")


def check_paths(X: Any) -> list[str]:
    """Return the paths as strings; each must be a file with something in it."""
    if isinstance(X, str | os.PathLike | bytes):
        raise ValueError(f"X={X!r} is one path; expected a list of paths.")
    if getattr(X, "ndim", 1) != 1 or not hasattr(X, "__iter__"):
        raise ValueError("X must be a list of paths of videos (one-dimensional).")
    paths = list(X)
    if not paths:
        raise ValueError("Found 0 videos (0 sample(s)); expected a minimum of 1.")
    for i, path in enumerate(paths):
        if not isinstance(path, str | os.PathLike):
            raise ValueError(f"Video {i} is {type(path).__name__}; expected the path of a file.")
    need("av")
    need("cv2")
    names = [os.fspath(path) for path in paths]
    for i, path in enumerate(names):
        check_file(path, name_of(i, path))
    repeated = [path for path, n in Counter(map(str, names)).items() if n > 1]
    if repeated:
        raise ValueError(f"X has a path more than once: {repeated[0]}.")
    return [str(path) for path in names]


def name_of(index: int, path: str) -> str:
    """Return how messages call a video."""
    return f"Video {index} ({path})"


def ids_of(paths: Sequence[str]) -> list[str]:
    """Return names of videos: without suffix, with it, or whole paths: the first that is unique."""
    for ids in ([Path(p).stem for p in paths], [Path(p).name for p in paths]):
        if len(set(ids)) == len(ids):
            return ids
    return list(paths)
