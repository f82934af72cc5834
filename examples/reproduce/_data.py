"""Where the data come from: `load(source)`. What each source needs:

``synthetic``
    Nothing. `make_untrimmed_videos`, the first two thirds to train on.
path of ``hapt.zip``, or of its unpacked folder
    The UCI archive "Smartphone-Based Recognition of Human Activities and Postural Transitions".
    Not video. People of the official train/test split.
a folder of THUMOS14 features ::

    features/val/video_validation_0000051.npy    (n_clips, 2048)
    features/test/video_test_0000004.npy
    features/train/v_Archery_g01_c01.npy         optional: UCF101, trimmed, class by its name
    annotations/thumos14-val-annotations/        official text files (Billiards_val.txt, ...,
    annotations/thumos14-test-annotations/       Ambiguous_val.txt, detclasslist.txt); they may
                                                 also lie in annotations/ itself
    annotations/val_videos.csv, test_videos.csv  video,primary_action,duration_s,n_frames,fps

a folder of ActivityNet features ::

    features/training/*.npy, features/validation/*.npy   names with or without v_
    annotations/*.json                                   the ActivityNet JSON (one file)
    annotations/fps.csv                                  optional: video,fps

In the place of a folder of .npy files, ``features/val`` say, there may be

- ``features/val/rgb/*.npy`` and ``features/val/flow/*.npy``, a stream in each;
- ``features/val.tsv``, AutoLoc's (its temporal columns come first, and are told by name);
- ``features/val.npy`` with ``features/val_ids.txt`` (an id a line): an object array, or a 3-D one.
  An object array is a pickle, which can run any code: it needs ``--allow-pickle``.

Of 2048 columns in one file the spatial ones come first, or with ``--columns temporal-first`` the
temporal ones. UntrimmedNet's features are one for every 15 frames, so the frame rate of a video
gives the time of its clips. Without ``fps.csv`` ActivityNet's clips share the video's duration
equally. Features are packed into files and memory-mapped (`_packing.py`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from _packing import Packing
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_asn import Clips, ClipWise
from sklearn_asn.datasets import (
    feature_timing,
    load_activitynet,
    load_autoloc_tsv,
    load_feature_folder,
    load_feature_object_array,
    load_hapt,
    load_thumos14_annotations,
    make_untrimmed_videos,
)

# AutoLoc's ground truth of THUMOS14, and much published work, leaves these test videos out.
LEFT_OUT = ("video_test_0000270", "video_test_0001292", "video_test_0001496")
TITLES = {
    "synthetic": "synthetic videos",
    "hapt": "HAPT (motion sensors of a phone; not video)",
    "thumos14": "THUMOS14",
    "activitynet": "ActivityNet1.2",
}


@dataclass(frozen=True)
class Reading:
    """How feature files are read."""

    columns: str = "spatial-first"  # of files of both streams
    allow_pickle: bool = False
    packing: Packing = field(default_factory=Packing)


def load(source, quick=False, reading=None):
    """Load what `source` names; `quick` makes fewer synthetic videos.

    Returns a Bunch of ``X_train``, ``y_train`` (labels, or segments of which only labels are
    read), ``trimmed`` (a mask), ``X_test`` and ``labels_test`` (recognition), ``X_segments`` and
    ``y_test`` (localization; the test videos with segments), ``ambiguous`` (or None), ``classes``
    (to localize), ``streams`` (as localizers take them) and ``settings``, the key of
    `_settings.SETTINGS`.
    """
    if source == "synthetic":
        return _synthetic(45 if quick else 120)
    path = Path(source)
    if not path.exists():
        raise SystemExit(f"{source}: not there. Give 'synthetic', hapt.zip, or a feature folder.")
    if _has_features(path / "features", "test"):
        return _thumos14(path, reading or Reading())
    if _has_features(path / "features", "validation"):
        return _activitynet(path, reading or Reading())
    if path.is_file() or any(path.rglob("RawData")):
        return _hapt(path)
    raise SystemExit(
        f"{source}: neither HAPT (RawData/) nor a feature folder (features/val and features/test "
        "for THUMOS14, features/training and features/validation for ActivityNet)."
    )


def _synthetic(n_videos):
    X, y = make_untrimmed_videos(n_videos, random_state=0)
    n = 2 * len(X) // 3
    train, test = np.arange(n), np.arange(n, len(X))
    return _scaled("synthetic", X[train], y[train], X[test], y[test], np.unique(y.label))


def _hapt(path):
    train, test = load_hapt(path, subset="train"), load_hapt(path, subset="test")
    return _scaled("hapt", train.X, train.y, test.X, test.y, train.classes)


def _scaled(name, X_train, y_train, X_test, y_test, classes):
    """Scale the features by the training videos; UntrimmedNet's are taken as they are."""
    scale = ClipWise(StandardScaler()).fit(X_train)
    X_test = scale.transform(X_test)
    return Bunch(
        X_train=scale.transform(X_train),
        y_train=y_train,
        trimmed=np.zeros(len(X_train), dtype=bool),
        X_test=X_test,
        labels_test=y_test,
        X_segments=X_test,
        y_test=y_test,
        ambiguous=None,
        classes=classes.tolist(),
        streams=None,
        settings=name,
    )


def _thumos14(root, reading):
    train, X_train = _thumos14_subset(root, "val", "validation", reading)
    labels = _thumos14_labels(train)
    trimmed = np.zeros(len(X_train), dtype=bool)
    if _has_features(root / "features", "train"):  # joint training, as the paper's
        X_ucf = _features(root / "features", "train", reading)
        # the case differs between the two data sets (UCF101: HandStandPushups)
        names = {name.lower(): name for name in train.table["primary_action"].astype(str)}
        actions = [video.split("_")[1] for video in X_ucf.ids.tolist()]
        labels += [{names.get(action.lower(), action)} for action in actions]
        trimmed = np.arange(len(labels)) >= len(X_train)
        X_train = reading.packing.join("joint", X_train, X_ucf)
    test, X_test = _thumos14_subset(root, "test", "test", reading)
    scored = (test.y.lengths > 0) & ~np.isin(test.y.ids, LEFT_OUT)
    known = set().union(*labels)
    return Bunch(
        X_train=X_train,
        y_train=labels,
        trimmed=trimmed,
        X_test=X_test,
        labels_test=_thumos14_labels(test),
        X_segments=X_test[scored],
        y_test=test.y[scored],
        ambiguous=test.ambiguous[scored],
        classes=[name for name in test.classes.tolist() if name in known],
        streams=_streams(X_train, reading),
        settings="thumos14",
    )


def _thumos14_subset(root, short, subset, reading):
    features = root / "features"
    annotations = root / "annotations"
    if not (annotations / f"{short}_videos.csv").is_file():
        raise SystemExit(f"{annotations / f'{short}_videos.csv'} is not there: no frame rates.")
    data = load_thumos14_annotations(
        annotations,
        subset=subset,
        videos=_ids(features, short, f"video_{subset}_"),
        on_missing="drop",
    )
    ids = data.y.ids.tolist()
    timing = feature_timing(dict(zip(ids, data.fps.tolist(), strict=True)))
    options = {"videos": ids, **timing}
    return data, _features(features, short, reading, number=f"video_{subset}_", **options)


def _thumos14_labels(data):
    """Return the sets of labels: a video's primary action, and what is annotated in it."""
    annotated = [{segment.label for segment in video} for video in data.y]
    pairs = zip(annotated, data.primary_action.tolist(), strict=True)
    return [labels | {action} for labels, action in pairs]


def _activitynet(root, reading):
    files = sorted((root / "annotations").glob("*.json"))
    if len(files) != 1:
        raise SystemExit(f"{root / 'annotations'} must hold one .json file, not {len(files)}.")
    train, X_train = _activitynet_subset(root, files[0], "training", reading)
    test, X_test = _activitynet_subset(root, files[0], "validation", reading)
    scored = test.y.lengths > 0
    known = set().union(*train.labels)
    return Bunch(
        X_train=X_train,
        y_train=train.labels,
        trimmed=np.zeros(len(X_train), dtype=bool),
        X_test=X_test,
        labels_test=test.labels,
        X_segments=X_test[scored],
        y_test=test.y[scored],
        ambiguous=None,
        classes=[name for name in train.classes.tolist() if name in known],
        streams=_streams(X_train, reading),
        settings="activitynet",
    )


def _activitynet_subset(root, file, subset, reading):
    features = root / "features"
    found = _ids(features, subset)
    prefix = "v_" if all(name.startswith("v_") for name in found) else ""
    ids = [name.removeprefix(prefix) for name in found]
    data = load_activitynet(file, subset=subset, videos=ids, on_missing="drop", on_invalid="drop")
    ids = data.y.ids.tolist()
    rates = root / "annotations" / "fps.csv"
    if rates.is_file():
        fps = pd.read_csv(rates, dtype={"video": str}).set_index("video")["fps"]
        timing = feature_timing({video: fps[video] for video in ids})
        return data, _features(features, subset, reading, prefix, videos=ids, **timing)
    X = _features(features, subset, reading, prefix, videos=ids)
    return data, Clips(X.values, X.offsets, data.duration / X.lengths, None, X.ids, X.feature_names)


# ---------------------------------------------------------------- feature files


def _has_features(features, name):
    """Tell whether there are features of a subset, in any of the forms."""
    return (features / name).is_dir() or any(
        (features / f"{name}{suffix}").is_file() for suffix in (".tsv", ".npy")
    )


def _ids(features, name, number=""):
    """Return the ids that a subset's features have."""
    folder = features / name
    if folder.is_dir():
        folder = folder / "rgb" if (folder / "rgb").is_dir() else folder
        return sorted(file.stem for file in folder.glob("*.npy"))
    if (features / f"{name}.tsv").is_file():
        with open(features / f"{name}.tsv", encoding="utf-8-sig") as lines:
            return [_named(line.split("\t", 1)[0], number) for line in lines]
    listed = features / f"{name}_ids.txt"
    if not listed.is_file():
        raise SystemExit(f"{listed} is not there: no ids of the videos in {name}.npy.")
    return listed.read_text(encoding="utf-8").split()


def _named(cell, number):
    """Return the id of a TSV's cell; THUMOS14's are numbers."""
    return f"{number}{int(cell):07d}" if number and cell.isdigit() else cell


def _features(features, name, reading, prefix="", number="", **options):
    """Read one subset's features, packed into a file of their own."""
    folder, out = features / name, reading.packing.file(name)
    if (features / f"{name}.tsv").is_file() and not folder.is_dir():
        return _from_tsv(features / f"{name}.tsv", name, reading, number, prefix, options)
    options |= {"dtype": np.float32, "out": out}
    if not folder.is_dir():
        ids = [video.removeprefix(prefix) for video in _ids(features, name)]
        options["allow_pickle"] = reading.allow_pickle
        return load_feature_object_array(features / f"{name}.npy", ids=ids, **options)
    if (folder / "rgb").is_dir():
        streams = {"spatial": folder / "rgb", "temporal": folder / "flow"}
        options["on_length_mismatch"] = "repeat_last"
        return load_feature_folder(streams, pattern=f"{prefix}*.npy", **options)
    X = load_feature_folder(folder, pattern=f"{prefix}*.npy", **options)
    if reading.columns != "spatial-first":
        return X
    half = X.n_features // 2  # the spatial columns come first
    names = [f"spatial_{i:04d}" for i in range(half)]
    return X.with_values(
        X.values, names + [f"temporal_{i:04d}" for i in range(X.n_features - half)]
    )


def _from_tsv(file, name, reading, number, prefix, options):
    """Read AutoLoc's TSV; how many classes and features it has, its first line says."""
    with open(file, encoding="utf-8-sig") as lines:
        cells = lines.readline().rstrip("\r\n").split("\t")
    sizes = [len(cell.rstrip(";").split(";")) for cell in cells[2:5]]
    if len(sizes) < 3 or sizes[0] % sizes[2] or sizes[1] % sizes[2]:
        raise SystemExit(f"{file}: its first line is not one of AutoLoc's TSV.")
    X = load_autoloc_tsv(
        file,
        n_features=sizes[0] // sizes[2],
        n_classes=sizes[1] // sizes[2],
        make_id=lambda cell: _named(cell, number).removeprefix(prefix),
        videos=options.get("videos"),
    ).X
    packed = reading.packing.join(name, X)
    timing = (options.get("clip_seconds"), options.get("start_seconds"))
    if timing[0] is None:
        return packed
    ids = X.ids.tolist()
    timing = ([one[video] for video in ids] if isinstance(one, dict) else one for one in timing)
    return Clips(packed.values, packed.offsets, *timing, X.ids, X.feature_names)


def _streams(X, reading):
    """Return where the streams are, as localizers take it; None: spatial first, or by name."""
    half = X.n_features // 2
    named = X.feature_names is not None and X.feature_names[0].startswith("spatial")
    if reading.columns == "spatial-first" or named:
        return None
    return {"temporal": slice(0, half), "spatial": slice(half, None)}
