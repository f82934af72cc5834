"""The writers of this package, as cases for `faults`."""

from pathlib import Path

import numpy as np
from faults import Writer

from sklearn_asn import Clips, ClipsWriter, Segments
from sklearn_asn._report._write import write_page
from sklearn_asn.datasets import (
    load_feature_folder,
    read_activitynet_results,
    write_activitynet_results,
)
from sklearn_asn.interchange import read_csv, read_vtt, write_csv, write_vtt

RNG = np.random.default_rng(0)
ARRAYS = [RNG.normal(size=(n, 3)).astype(np.float32) for n in (4, 2, 5, 3)]
IDS = ["a", "b", "c", "d"]


def clips(*which):
    return Clips.from_list([ARRAYS[i] for i in which], 0.5, ids=[IDS[i] for i in which])


def content(path):
    """Return all that `Clips` in a folder hold; None where there is no folder."""
    if not (path / "clips.json").exists() and not any(path.parent.glob(".clips.*old")):
        return None
    found = Clips.open(path)
    seconds = None if found.clip_seconds is None else found.clip_seconds.tolist()
    names = None if found.ids is None else found.ids.tolist()
    return [video.tobytes() for video in found], names, seconds


def segments(n):
    return Segments.from_list([[("run", 0.0, float(n + i))] for i in range(3)], ids=IDS[:3])


def written(folder, which, **options):
    with ClipsWriter(folder / "clips", **options) as writer:
        for i in which[len(writer) :]:
            writer.append(ARRAYS[i], clip_seconds=0.5, id=IDS[i])


def feature_files(folder):
    (folder / "features").mkdir(exist_ok=True)
    for name, array in zip(IDS, ARRAYS, strict=True):
        np.save(folder / "features" / f"{name}.npy", array)


def loaded(folder):
    if not (folder / "all.npy").exists():
        load_feature_folder(folder / "features", out=folder / "all.npy")


def bytes_of(path):
    return path.read_bytes() if path.exists() else None


def nothing(folder):
    pass


def frame(y):
    return y.to_frame().to_csv()


def one_file(name, save, read):
    """A writer of one file, over an old one."""
    return Writer(
        lambda folder: save(folder / name, segments(1)),
        lambda folder: save(folder / name, segments(5)),
        lambda folder: read(folder / name),
    )


WRITERS = {
    "Clips.save": Writer(
        nothing,
        lambda folder: clips(0, 1).save(folder / "clips", overwrite=True),
        lambda folder: content(folder / "clips"),
    ),
    "Clips.save over": Writer(
        lambda folder: clips(0, 1).save(folder / "clips"),
        lambda folder: clips(2, 3).save(folder / "clips", overwrite=True),
        lambda folder: content(folder / "clips"),
    ),
    "Segments.save": one_file(
        "y.npz",
        lambda path, y: y.save(path, overwrite=True),
        lambda path: frame(Segments.open(path)),
    ),
    "load_feature_folder": Writer(
        feature_files, loaded, lambda folder: bytes_of(folder / "all.npy")
    ),
    "write_csv": one_file(
        "y.csv",
        lambda path, y: write_csv(y, path, overwrite=True),
        lambda path: frame(read_csv(path)),
    ),
    "write_vtt": one_file(
        "vtt",
        lambda path, y: write_vtt(y, path, overwrite=True),
        lambda path: frame(read_vtt(path)),
    ),
    "write_activitynet_results": one_file(
        "results.json",
        lambda path, y: write_activitynet_results(scored(y), path),
        lambda path: frame(read_activitynet_results(path)),
    ),
    "write_page": one_file(
        "page.html", lambda path, y: write_page(path, f"<p>{frame(y)}"), Path.read_text
    ),
}


def scored(y):
    score = np.full(len(y.label), 0.5)
    return Segments(y.offsets, y.label, y.start, y.end, score, y.ids)
