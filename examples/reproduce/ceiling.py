"""
Self-test: how far each selection can get
=========================================

Real annotations, and in the place of a network one that is always right: the CAS is 1 where a
class is annotated and 0 elsewhere. What the selections of tables 1 to 4 make of it is scored as
the tables are. A selection that stays far below 100 here holds its table back, whatever is
trained: with THUMOS14's scales (boxes of at most 32 clips) table 3 could not pass 33 at tIoU 0.5.

``python ceiling.py SOURCE``. Annotations alone are read, so SOURCE may be ``synthetic``, the JSON
file of ActivityNet, a folder of THUMOS14's official text files with ``test_videos.csv``, or a
folder as the other scripts take it. A clip is half a second: 15 frames at 30 a second.
"""

import argparse
from pathlib import Path

import numpy as np
from _settings import SETTINGS

from sklearn_asn import Segments
from sklearn_asn.datasets import (
    load_activitynet,
    load_thumos14_annotations,
    make_untrimmed_videos,
)
from sklearn_asn.metrics import localization_map

CLIP_SECONDS = 0.5
TIOUS = {
    "activitynet": np.linspace(0.5, 0.95, 10).round(2),
    "thumos14": (0.3, 0.4, 0.5, 0.6, 0.7),
    "synthetic": (0.3, 0.4, 0.5, 0.6, 0.7),
}


def annotations(source):
    """Return the settings' name, the test videos' segments and their durations, in clips."""
    if source == "synthetic":
        X, y = make_untrimmed_videos(120, random_state=0)
        return "synthetic", y, X.lengths
    path = Path(source)
    path = path / "annotations" if (path / "annotations").is_dir() else path
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    if files:
        name, data = (
            "activitynet",
            load_activitynet(files[0], subset="validation", on_invalid="drop"),
        )
    else:
        name, data = "thumos14", load_thumos14_annotations(path, subset="test")
    y, clip = data.y, CLIP_SECONDS
    in_clips = Segments(y.offsets, y.label, y.start / clip, y.end / clip, y.score, y.ids)
    return name, in_clips, data.duration / clip


def oracle(y, duration):
    """Return a CAS that is always right: cas, borders of the videos, classes.

    A clip shows a class where its middle does; of a segment between two middles, the clip that
    its own middle lies in.
    """
    lengths = np.maximum(np.ceil(duration), 1).astype(int)
    offsets = np.append(0, np.cumsum(lengths))
    classes, label = np.unique(y.label, return_inverse=True)
    cas = np.zeros((offsets[-1], len(classes)))
    video = np.repeat(np.arange(len(lengths)), y.lengths)
    middle = (y.start + y.end) / 2
    first, stop = np.ceil(y.start - 0.5).astype(int), np.ceil(y.end - 0.5).astype(int)
    between = stop <= first
    first = np.where(between, np.floor(middle), first).astype(int).clip(0, lengths[video] - 1)
    stop = np.where(between, first + 1, stop).clip(first + 1, lengths[video])
    for base, column, a, b in zip(offsets[video], label, first, stop, strict=True):
        cas[base + a : base + b, column] = 1
    return cas, offsets, classes


def ceilings(name, y, duration):
    """Return the localization mAP, in percent, that each selection makes of the oracle."""
    y, duration = y[y.lengths > 0], duration[y.lengths > 0]
    cas, offsets, classes = oracle(y, duration)
    shown = np.maximum.reduceat(cas, offsets[:-1])
    settings, scores = SETTINGS[name], {}
    for row in ("naive_selection", "autoloc_selection"):
        found, borders = getattr(settings, row).select_packed(cas, offsets, shown)
        columns = (found["start"], found["end"], found["score"])
        made = Segments(borders, classes[found["label"]], *columns, y.ids)
        scores[row] = 100 * localization_map(y, made, TIOUS[name])
    return scores


def main(argv=None):
    """Print the ceilings of the selections."""
    parser = argparse.ArgumentParser(prog="ceiling", description=__doc__.split("\n\n")[1])
    parser.add_argument("source", help="'synthetic', annotations, or a folder (see above)")
    name, y, duration = annotations(parser.parse_args(argv).source)
    print(f"an oracle's CAS on {name}, localization mAP in % by the activitynet rule")
    print("tIoU".ljust(20), *(f"{tiou:5g}" for tiou in TIOUS[name]), " mean")
    for row, values in ceilings(name, y, duration).items():
        print(row.ljust(20), *(f"{value:5.1f}" for value in (*values, values.mean())))


if __name__ == "__main__":
    main()
