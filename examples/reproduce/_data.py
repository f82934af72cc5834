"""Where the data come from: `load(source)`. What each source needs:

``synthetic``
    Nothing. `make_untrimmed_videos`, the first two thirds to train on.
path of ``hapt.zip``, or of its unpacked folder
    The UCI archive "Smartphone-Based Recognition of Human Activities and Postural Transitions".
    Not video. People of the official train/test split.
a folder of THUMOS14 features ::

    features/val/video_validation_0000051.npy    (n_clips, 2048), the spatial columns first
    features/test/video_test_0000004.npy         (or rgb/*.npy and flow/*.npy below each)
    features/train/v_Archery_g01_c01.npy         optional: UCF101, trimmed, class by its name
    annotations/thumos14-val-annotations/        official text files (Billiards_val.txt, ...,
    annotations/thumos14-test-annotations/       Ambiguous_val.txt, detclasslist.txt); they may
                                                 also lie in annotations/ itself
    annotations/val_videos.csv, test_videos.csv  video,primary_action,duration_s,n_frames,fps

a folder of ActivityNet features ::

    features/training/*.npy, features/validation/*.npy   as above; names with or without v_
    annotations/*.json                                   the ActivityNet JSON (one file)
    annotations/fps.csv                                  optional: video,fps

UntrimmedNet's features are one for every 15 frames, so the frame rate of a video gives the time of
its clips. Without ``fps.csv`` ActivityNet's clips share the video's duration equally.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sklearn_asn import Clips, ClipWise
from sklearn_asn.datasets import (
    feature_timing,
    load_activitynet,
    load_feature_folder,
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


def load(source, quick=False):
    """Load what `source` names; `quick` makes fewer synthetic videos.

    Returns a Bunch of ``X_train``, ``y_train`` (labels, or segments of which only labels are
    read), ``trimmed`` (a mask), ``X_test`` and ``labels_test`` (recognition), ``X_segments`` and
    ``y_test`` (localization; the test videos with segments), ``ambiguous`` (or None), ``classes``
    (to localize) and ``settings``, the key of `_settings.SETTINGS`.
    """
    if source == "synthetic":
        return _synthetic(45 if quick else 120)
    path = Path(source)
    if not path.exists():
        raise SystemExit(f"{source}: not there. Give 'synthetic', hapt.zip, or a feature folder.")
    if (path / "features" / "test").is_dir():
        return _thumos14(path)
    if (path / "features" / "validation").is_dir():
        return _activitynet(path)
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
        settings=name,
    )


def _thumos14(root):
    train, X_train = _thumos14_subset(root, "val", "validation")
    labels = _thumos14_labels(train)
    trimmed = np.zeros(len(X_train), dtype=bool)
    if (root / "features" / "train").is_dir():  # joint training, as the paper's
        X_ucf = _features(root / "features" / "train")
        # the case differs between the two data sets (UCF101: HandStandPushups)
        names = {name.lower(): name for name in train.table["primary_action"].astype(str)}
        actions = [video.split("_")[1] for video in X_ucf.ids.tolist()]
        labels += [{names.get(action.lower(), action)} for action in actions]
        trimmed = np.arange(len(labels)) >= len(X_train)
        X_train = _joined(X_train, X_ucf)
    test, X_test = _thumos14_subset(root, "test", "test")
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
        settings="thumos14",
    )


def _thumos14_subset(root, short, subset):
    folder = root / "features" / short
    annotations = root / "annotations"
    if not (annotations / f"{short}_videos.csv").is_file():
        raise SystemExit(f"{annotations / f'{short}_videos.csv'} is not there: no frame rates.")
    data = load_thumos14_annotations(
        annotations, subset=subset, videos=_ids(folder), on_missing="drop"
    )
    ids = data.y.ids.tolist()
    timing = feature_timing(dict(zip(ids, data.fps.tolist(), strict=True)))
    return data, _features(folder, videos=ids, **timing)


def _thumos14_labels(data):
    """Return the sets of labels: a video's primary action, and what is annotated in it."""
    annotated = [{segment.label for segment in video} for video in data.y]
    pairs = zip(annotated, data.primary_action.tolist(), strict=True)
    return [labels | {action} for labels, action in pairs]


def _activitynet(root):
    files = sorted((root / "annotations").glob("*.json"))
    if len(files) != 1:
        raise SystemExit(f"{root / 'annotations'} must hold one .json file, not {len(files)}.")
    train, X_train = _activitynet_subset(root, files[0], "training")
    test, X_test = _activitynet_subset(root, files[0], "validation")
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
        settings="activitynet",
    )


def _activitynet_subset(root, file, subset):
    folder = root / "features" / subset
    prefix = "v_" if all(name.startswith("v_") for name in _ids(folder)) else ""
    ids = [name.removeprefix(prefix) for name in _ids(folder)]
    data = load_activitynet(file, subset=subset, videos=ids, on_missing="drop", on_invalid="drop")
    ids = data.y.ids.tolist()
    rates = root / "annotations" / "fps.csv"
    if rates.is_file():
        fps = pd.read_csv(rates, dtype={"video": str}).set_index("video")["fps"]
        timing = feature_timing({video: fps[video] for video in ids})
        return data, _features(folder, prefix, videos=ids, **timing)
    X = _features(folder, prefix, videos=ids)
    return data, Clips(X.values, X.offsets, data.duration / X.lengths, None, X.ids, X.feature_names)


def _ids(folder):
    folder = folder / "rgb" if (folder / "rgb").is_dir() else folder
    return sorted(file.stem for file in folder.glob("*.npy"))


def _features(folder, prefix="", **options):
    options["dtype"] = np.float32
    if (folder / "rgb").is_dir():
        streams = {"spatial": folder / "rgb", "temporal": folder / "flow"}
        options["on_length_mismatch"] = "repeat_last"
        return load_feature_folder(streams, pattern=f"{prefix}*.npy", **options)
    X = load_feature_folder(folder, pattern=f"{prefix}*.npy", **options)
    half = X.n_features // 2  # the spatial columns come first
    names = [f"spatial_{i:04d}" for i in range(half)]
    return X.with_values(
        X.values, names + [f"temporal_{i:04d}" for i in range(X.n_features - half)]
    )


def _joined(left, right):
    """Put the videos of two containers one after another; training needs no timing."""
    values = np.concatenate([left.values, right.values])
    offsets = np.concatenate([left.offsets, left.offsets[-1] + right.offsets[1:]])
    return Clips(
        values,
        offsets,
        ids=[*left.ids.tolist(), *right.ids.tolist()],
        feature_names=left.feature_names,
    )
