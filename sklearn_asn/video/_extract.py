"""One video from file to features; what `TwoStreamExtractor` runs for each, in any process."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._backbones import Network
from sklearn_asn.video._decode import Frame, VideoReader
from sklearn_asn.video._flow import flow_method, single_threaded
from sklearn_asn.video._sampling import ClipSampler
from sklearn_asn.video._streams import (
    Batches,
    ClassicalFlow,
    ClassicalPictures,
    NetworkFlow,
    NetworkPictures,
    Stream,
)

KEYS = ("rgb", "flow")
LAYOUTS = {"rgb": "rgb24", "flow": "gray"}


class Video(NamedTuple):
    """What one file gives."""

    values: NDArray[np.float32]  # (n_clips, n_features)
    start: float
    widths: dict[str, int]
    complaints: list[str]


def make_streams(settings: dict[str, Any]) -> dict[str, Stream]:
    """Return the streams that the settings ask for, spatial first."""
    return {
        key: _make_stream(key, settings)
        for key in KEYS
        if not _is_dropped(settings[f"backbone_{key}"])
    }


def _is_dropped(backbone: Any) -> bool:
    return isinstance(backbone, str) and backbone == "drop"


def _make_stream(key: str, settings: dict[str, Any]) -> Stream:
    backbone = settings[f"backbone_{key}"]
    if backbone is None:
        grid = settings["grid"]
        return ClassicalPictures(grid) if key == "rgb" else ClassicalFlow(grid)
    network = Network(backbone, settings["device"], f"backbone_{key}")
    size = settings["size"]
    if key == "rgb":
        return NetworkPictures(
            network, size, settings["mean"], settings["std"], settings["channels"]
        )
    return NetworkFlow(
        network,
        size,
        settings["flow_frames"],
        settings["flow_bound"],
        settings["flow_mean"],
        settings["flow_std"],
    )


def extract(
    path: str, name: str, settings: dict[str, Any], streams: dict[str, Stream] | None = None
) -> Video:
    """Read one video.

    Parameters
    ----------
    path : str
    name : str
        How messages call it.
    settings : dict
        Parameters of the extractor.
    streams : dict of Stream, default=None
        None makes them anew, in a process of its own.
    """
    streams = make_streams(settings) if streams is None else streams
    drawn = {
        key: partial(_pixels, LAYOUTS[key], settings["resize"], stream.enlarge)
        for key, stream in streams.items()
    }
    reader = VideoReader(path, name, settings["on_error"], settings["time_zero"])
    sampler = ClipSampler(
        settings["clip_seconds"],
        settings["frames_per_clip"],
        settings["flow_frames"],
        drawn.get("rgb"),
        drawn.get("flow"),
        flow_method(settings["flow_method"]) if "flow" in drawn else None,
        settings["max_fps"],
    )
    batches = {
        key: Batches(stream, settings["batch_size"], settings["frames_per_clip"])
        for key, stream in streams.items()
    }
    with single_threaded():
        for sample in sampler(reader):
            for batch in batches.values():
                batch.add(sample)
        parts = {key: batch.features() for key, batch in batches.items()}
    values = np.concatenate(list(parts.values()), axis=1)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name}: the features of clip {int(np.flatnonzero(bad)[0])} are not finite."
        )
    return Video(
        values, sampler.start, {k: p.shape[1] for k, p in parts.items()}, reader.complaints
    )


def _pixels(layout: str, short_side: int, enlarge: bool, frame: Frame) -> NDArray[np.uint8]:
    return frame.pixels(layout, short_side, enlarge)
