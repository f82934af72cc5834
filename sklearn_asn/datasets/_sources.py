"""Arrays of features, one a video and stream, wherever they lie, packed into `Clips`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_asn._checks import as_path, check_choice, check_number
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.packed import offsets_from_lengths
from sklearn_asn._disk.files import allocate, write_atomically
from sklearn_asn._typing import OnLengthMismatch
from sklearn_asn.datasets._reading import File, PerVideo, as_ids, choose, listed, per_video


class Source(NamedTuple):
    """The arrays of one stream, opened one at a time."""

    where: str  # folder or file
    names: dict[str, str]  # of every id, for messages
    open: Callable[[str], Any]  # from an id to what has shape, dtype and [()]


def pack(
    sources: dict[str, Source],
    *,
    videos: Iterable[str] | None = None,
    on_missing: str = "raise",
    on_length_mismatch: OnLengthMismatch = "raise",
    dtype: DTypeLike | None = None,
    out: File | None = None,
    **timing: Any,
) -> Clips:
    """Check the shapes of all arrays, then read them one at a time into one."""
    check_choice(on_length_mismatch, "on_length_mismatch", ("raise", "repeat_last"))
    order = None if videos is None else as_ids(videos, "videos")
    every = list(dict.fromkeys(v for source in sources.values() for v in source.names))
    known = [v for v in every if all(v in source.names for source in sources.values())]
    where = " and ".join(source.where for source in sources.values())
    ids = choose(known, every if order is None else order, where, on_missing)
    clip_seconds, start_seconds = _timing(ids, order, **timing)

    heads = [[_head(source, v, dtype) for v in ids] for source in sources.values()]
    lengths, widths = np.array([[h[:2] for h in stream] for stream in heads]).transpose(2, 0, 1)
    for source, of_video in zip(sources.values(), widths, strict=True):
        first, pairs = of_video[0], zip(ids, of_video, strict=True)
        other = [f"{source.names[v]} ({width})" for v, width in pairs if width != first]
        if other:
            what = f"{source.names[ids[0]]} has {first} features"
            raise ValueError(f"{what}, but {len(other)} have another number: {listed(other)}.")
    offsets = offsets_from_lengths(_common_lengths(lengths, ids, on_length_mismatch))
    columns = offsets_from_lengths(widths[:, 0])
    kind = np.dtype(dtype or np.result_type(*{h[2] for stream in heads for h in stream}))
    if not np.issubdtype(kind, np.floating):
        raise ValueError(f"dtype must be a floating type, got {kind}.")

    def fill(values: NDArray[Any]) -> None:
        for source, left, right in zip(sources.values(), columns, columns[1:], strict=False):
            for video, first, last in zip(ids, offsets, offsets[1:], strict=False):
                _read(source, video, values[first:last, left:right])

    values = _filled(fill, (int(offsets[-1]), int(columns[-1])), kind, out)
    each = zip(sources, np.diff(columns).tolist(), strict=True)
    names = None if "" in sources else [f"{s}_{j:04d}" for s, n in each for j in range(n)]
    return Clips(values, offsets, clip_seconds, start_seconds, ids, names)


def _timing(
    ids: list[str],
    order: list[str] | None,
    clip_seconds: PerVideo | None = None,
    start_seconds: PerVideo | None = None,
    fps: PerVideo | None = None,
    frames_per_feature: float | None = None,
) -> tuple[Any, Any]:
    """Return clip_seconds and start_seconds as `Clips` takes them."""
    if fps is not None or frames_per_feature is not None:
        if fps is None or frames_per_feature is None or clip_seconds is not None:
            raise ValueError("Give fps and frames_per_feature together, or clip_seconds instead.")
        check_number(frames_per_feature, "frames_per_feature", 0, open_low=True)
        clip_seconds = frames_per_feature / np.asarray(per_video(fps, "fps", ids, order))
    elif clip_seconds is not None:
        clip_seconds = per_video(clip_seconds, "clip_seconds", ids, order)
    if start_seconds is not None:
        if clip_seconds is None:
            raise ValueError("start_seconds needs clip_seconds, or fps and frames_per_feature.")
        start_seconds = per_video(start_seconds, "start_seconds", ids, order, positive=False)
    return clip_seconds, start_seconds


def _common_lengths(
    lengths: NDArray[Any], ids: list[str], on_mismatch: OnLengthMismatch
) -> NDArray[Any]:
    """Return clips of every video from those of the streams ``(n_streams, n_videos)``."""
    longest, shortest = lengths.max(axis=0), lengths.min(axis=0)
    allowed = 1 if on_mismatch == "repeat_last" else 0
    bad = np.flatnonzero(longest - shortest > allowed).tolist()
    if bad:
        found = listed([f"{ids[i]} ({' and '.join(map(str, lengths[:, i]))})" for i in bad])
        hint = "" if allowed else " on_length_mismatch='repeat_last' repairs a lack of one clip."
        raise ValueError(f"The streams of {len(bad)} videos differ in length: {found}.{hint}")
    return longest


def _head(source: Source, video: str, dtype: DTypeLike | None) -> tuple[int, int, Any]:
    """Return length, width and type of an array, which must be 2-D, not empty, and of floats."""
    array, name = source.open(video), source.names[video]
    if len(array.shape or ()) != 2 or 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}; expected (n_clips, n_features).")
    if array.dtype.kind not in ("f" if dtype is None else "fiub"):
        raise ValueError(f"{name} holds {array.dtype}; expected floats (dtype converts integers).")
    return (*array.shape, array.dtype)


def _read(source: Source, video: str, into: NDArray[Any]) -> None:
    """Read one array; its last row is repeated where `into` has one more."""
    try:
        array = source.open(video)[()]
    except (OSError, RuntimeError) as error:  # HDF5 reads late
        raise ValueError(f"{source.names[video]} is damaged: {error}.") from error
    with np.errstate(over="ignore"):
        into[: len(array)] = array
    into[len(array) :] = into[len(array) - 1]
    bad = np.flatnonzero(~np.isfinite(into).all(axis=1))
    if len(bad):
        what = f"NaN or infinity (as {into.dtype}) in {len(bad)} clips, the first is {bad[0]}"
        raise ValueError(f"{source.names[video]} has {what}.")


def _filled(fill: Callable[[Any], None], shape: tuple[int, int], dtype: Any, out: Any) -> Any:
    """Make an array and fill it; with `out`, in a file, which appears whole or not at all."""
    if out is None:
        fill(values := np.empty(shape, dtype))
        return values
    out = as_path(out, "out")
    if out.exists():
        raise FileExistsError(f"{out} exists; remove it, or choose another name.")

    def write(handle: IO[bytes]) -> None:
        descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
        head = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(handle, head)
        allocate(handle, shape[0] * shape[1] * np.dtype(dtype).itemsize)
        values = np.memmap(handle, dtype, "r+", handle.tell(), shape)
        fill(values)
        values.flush()

    write_atomically(out, write)
    return np.load(out, mmap_mode="r")
