"""Names of columns, streams, and which columns are read as what."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.localizers import assert_same_weights, fast
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import (
    ASNLocalizer,
    Clips,
    ClipsWriter,
    ClipWise,
    SelfTrainingLocalizer,
    diagnose,
    localization_pipeline,
)
from sklearn_asn.datasets import load_feature_folder
from sklearn_asn.exceptions import UnnamedStreamsWarning
from sklearn_asn.metrics import recognition_accuracy, recognition_map
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

FEW = {"max_epochs": 1, "random_state": 0, "device": "cpu"}


def renamed(X, names, columns=None):
    """The same videos, of which some columns in another order have other names."""
    values = X.values if columns is None else X.values[:, columns]
    return X.with_values(values, names)


def columns_read(model):
    return [list(part) for part in model.model_.plan.columns]


def frames_of(X):
    return [pd.DataFrame(video, columns=X.feature_names) for video in X]


def two_streams():
    """One unfitted localizer of every kind, set for two streams, and what sets it for one."""
    member = ASNLocalizer("fusion", init="scratch", pooling="probability", **FEW)
    yield ASNLocalizer("bilinear", hidden_size=4, **FEW), {"variant": "single"}
    yield UntrimmedNet(**FEW), {"variant": "single"}
    yield STPN(**FEW), {"variant": "single"}
    yield WTALC(4, **FEW), {"variant": "single"}
    yield AutoLoc(UntrimmedNet(**FEW), **FEW), {"localizer__variant": "single"}
    yield (
        SelfTrainingLocalizer([("a", member)], n_rounds=0, random_state=0),
        {"a__variant": "single"},
    )


EVERY = pytest.mark.parametrize(
    ("localizer", "single"), list(two_streams()), ids=lambda one: type(one).__name__
)


# ------------------------------------------------------------------ names that are remembered


def test_names_of_frames_in_a_list_are_remembered(videos):
    X, y = videos
    frames = frames_of(X)
    model = fast().fit(frames, y)
    assert model.feature_names_in_.tolist() == X.feature_names.tolist()
    assert_same_weights(model, fast().fit(X, y))
    swapped = [frame[frame.columns[::-1]] for frame in frames]
    for use in (model.predict, model.transform, model.predict_proba, model.attention):
        with pytest.raises(ValueError, match="Feature names must be in the same order"):
            use(swapped)
    other = [frame.rename(columns={"spatial_00": "spatial_x"}) for frame in frames]
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- spatial_x"):
        model.score(other, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(list(X))


@pytest.mark.parametrize("use", ["fit", "predict"])
def test_frames_of_one_list_have_the_same_names(videos, use):
    X, y = videos
    frames = frames_of(X)
    call = fast().fit(frames, y).predict if use == "predict" else lambda X: fast().fit(X, y)
    for odd, message in (
        (frames[7][frames[7].columns[::-1]], "Video 7 has the columns of video 0 in another order"),
        (frames[7].rename(columns={"spatial_00": "x"}), r"Video 7 has other columns .*\['x'\]"),
        (frames[7].iloc[:, 1:], "Video 7 has other columns than video 0"),
        (X[7], "Video 7 is an array without names of columns, video 0 is a frame"),
    ):
        with pytest.raises(ValueError, match=message):
            call([*frames[:7], odd, *frames[8:]])


def test_given_names_and_those_of_frames_agree(videos):
    frames = frames_of(videos[0])
    names = frames[0].columns.tolist()
    assert Clips.from_list(frames, feature_names=names).feature_names.tolist() == names
    with pytest.raises(ValueError, match="Video 0 has the columns of feature_names in another"):
        Clips.from_list(frames, feature_names=names[::-1])
    numbered = [frame.set_axis(range(64), axis=1) for frame in frames]
    assert Clips.from_list(numbered).feature_names is None
    mixed = [frame.set_axis([0, *names[1:]], axis=1) for frame in frames]
    with pytest.raises(ValueError, match="must be all text or none, got 'spatial_01' and 0"):
        Clips.from_list(mixed)


# ------------------------------------------------------------------ names decide


@pytest.mark.slow
@EVERY
def test_names_say_the_streams_whatever_their_widths(localizer, single, videos):
    X, y = videos
    columns = [*range(20), *range(32, 42)]  # 20 spatial, 10 temporal
    wide = renamed(X, X.feature_names[columns], columns)
    order = np.random.default_rng(0).permutation(len(columns))
    mixed = renamed(wide, wide.feature_names[order], order)
    last = renamed(
        wide, wide.feature_names[[*range(20, 30), *range(20)]], [*range(20, 30), *range(20)]
    )
    for given in (wide, mixed, last):
        model = pickle.loads(pickle.dumps(localizer)).fit(given, y)
        inner = getattr(model, "localizer_", getattr(model, "localizers_", [model])[0])
        names = [given.feature_names[list(part)] for part in inner.model_.plan.columns]
        assert [len(part) for part in names] == [10, 20]
        assert all(name.startswith("temporal") for name in names[0])
        assert all(name.startswith("spatial") for name in names[1])


def test_a_folder_written_temporal_first_is_read_by_its_names(videos, tmp_path):
    X, y = videos
    for stream, columns in (("flow", slice(32, 42)), ("rgb", slice(0, 20))):
        (tmp_path / stream).mkdir()
        for i, name in enumerate(X.ids):
            np.save(tmp_path / stream / f"{name}.npy", X[i][:, columns])
    folders = {"temporal": tmp_path / "flow", "spatial": tmp_path / "rgb"}
    loaded = load_feature_folder(folders)
    model = fast().fit(loaded, y)
    assert columns_read(model) == [list(range(10)), list(range(10, 30))]
    backwards = load_feature_folder(dict(reversed(folders.items())))
    assert_same_weights(model, fast().fit(backwards, y))


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    ["temporal_{}", "Temporal{}", "t__temporal_{}", "temporal__pca{}", "flow{}", "acc_{}"],
)
def test_what_counts_as_a_name_of_a_stream(videos, pattern):
    X, y = videos
    names = [*(f"rgb{i}" for i in range(50)), *(pattern.format(i) for i in range(14))]
    model = fast().fit(renamed(X, names), y)
    assert columns_read(model) == [list(range(50, 64)), list(range(50))]


def test_names_that_a_column_transformer_makes(videos):
    X, y = videos
    steps = [
        ("temporal", StandardScaler(), make_column_selector("^temporal")),
        ("spatial", PCA(5), make_column_selector("^spatial")),
    ]
    model = make_pipeline(ClipWise(ColumnTransformer(steps)), fast()).fit(X, y)
    assert columns_read(model[-1]) == [list(range(32)), list(range(32, 37))]


@EVERY
def test_one_stream_is_never_cut_in_half(localizer, single, videos):
    X, y = videos
    for stream in ("temporal", "spatial"):
        one = renamed(X, [f"{stream}_{i}" for i in range(64)])
        with pytest.raises(ValueError, match=f"all 64 are named as {stream}.*variant='single'"):
            pickle.loads(pickle.dumps(localizer)).fit(one, y)
        model = pickle.loads(pickle.dumps(localizer)).set_params(**single).fit(one, y)
        inner = getattr(model, "localizer_", getattr(model, "localizers_", [model])[0])
        assert inner.model_.plan.columns == (tuple(range(64)),)


@pytest.mark.parametrize("kind", [ASNLocalizer, STPN, UntrimmedNet])
def test_a_stream_that_is_not_there_is_refused(kind, videos):
    X, y = videos
    for stream, other in (("temporal", "spatial"), ("spatial", "temporal")):
        one = renamed(X, [f"{other}_{i}" for i in range(64)])
        with pytest.raises(ValueError, match=f"The {stream} stream has no columns: all 64"):
            kind(stream, **FEW).fit(one, y)
        assert columns_read(kind(other, **FEW).fit(one, y)) == [list(range(64))]


# ------------------------------------------------------------------ streams=


BAD_STREAMS = [
    ({"spatial": slice(0, 40), "temporal": slice(30, 64)}, r"column 30 \(one of 10\) is in both"),
    ({"spatial": [0, 1], "temporal": [1, 2]}, "column 1 .* is in both"),
    ({"spatial": slice(0, 5), "temporal": slice(5, 100)}, "reaches beyond the 64 features"),
    ({"spatial": slice(-100, 5), "temporal": slice(5, None)}, "reaches beyond the 64 features"),
    ({"spatial": slice(0, 5), "temporal": [70]}, "reaches beyond the 64 features"),
    ({"spatial": slice(5, 5), "temporal": slice(5, None)}, "The spatial stream has no columns"),
    ({"spatial": [], "temporal": slice(5, None)}, "The spatial stream has no columns"),
    ({"spatial": slice(0, 5), "temporal": np.zeros(64, bool)}, "temporal stream has no columns"),
    ({"spatial": slice(0, 5), "temporal": slice(5, None), "sound": [1]}, "has keys"),
    ([1, 2], "streams must be None or a dict"),
]


@pytest.mark.parametrize(("streams", "message"), BAD_STREAMS)
@EVERY
def test_streams_that_cannot_be_are_refused(localizer, single, streams, message, videos):
    X, y = videos
    (name, _) = next(iter(single.items()))
    bad = pickle.loads(pickle.dumps(localizer))
    bad.set_params(**{name.replace("variant", "streams"): streams})
    with pytest.raises(ValueError, match=message):
        bad.fit(renamed(X, None), y)


@pytest.mark.parametrize("variant", ["temporal", "spatial"])
def test_the_stream_that_is_not_read_is_checked_as_well(variant, videos):
    X, y = videos
    with pytest.raises(ValueError, match="is in both streams"):
        fast(variant, streams=BAD_STREAMS[0][0]).fit(renamed(X, None), y)
    with pytest.raises(ValueError, match="reaches beyond"):
        fast(variant, streams=BAD_STREAMS[2][0]).fit(renamed(X, None), y)


def test_streams_that_contradict_the_names_are_refused(videos):
    X, y = videos
    names = list(X.feature_names)
    for streams in (
        {"spatial": slice(32, None), "temporal": slice(0, 32)},
        {"spatial": names[32:], "temporal": names[:32]},
        {"spatial": slice(0, 20), "temporal": slice(20, None)},
        {"temporal": slice(None)},
        {"temporal": np.arange(64) >= 31},
    ):
        variant = "bottleneck" if len(streams) == 2 else "temporal"
        with pytest.raises(ValueError, match=r"Column \d+ is named .*, but streams\["):
            fast(variant, streams=streams).fit(X, y)
    some = [*(f"x{i}" for i in range(30)), *names[30:]]  # 30 and 31 are spatial, by their names
    with pytest.raises(ValueError, match="Column 30 is named 'spatial_30'"):
        fast(streams={"spatial": slice(0, 30), "temporal": slice(30, 64)}).fit(renamed(X, some), y)
    late = [*(f"x{i}" for i in range(12)), *(f"temporal_{i}" for i in range(52))]
    with pytest.raises(ValueError, match="by halves it would be spatial"):
        fast().fit(renamed(X, late), y)


def test_rgb_and_flow_may_mean_what_is_wanted(videos):
    X, y = videos
    names = [*(f"rgb{i}" for i in range(32)), *(f"flow{i}" for i in range(32))]
    streams = {"spatial": slice(32, None), "temporal": slice(0, 32)}
    model = fast(streams=streams).fit(renamed(X, names), y)
    assert columns_read(model)[0] == list(range(32))


def test_single_reads_all_columns_and_takes_no_streams(videos):
    X, y = videos
    model = fast("single").fit(X, y)
    assert columns_read(model) == [list(range(64))]
    assert set(diagnose(model, X).stream_influence) == {"single"}
    with pytest.raises(ValueError, match="variant='single' reads all columns"):
        fast("single", streams={"temporal": slice(None)}).fit(X, y)
    unnamed = renamed(X, None)
    asis = fast("temporal", streams={"temporal": slice(None)}).fit(unnamed, y)
    assert_same_weights(fast("single").fit(unnamed, y), asis)


# ------------------------------------------------------------------ nothing says it


@pytest.mark.slow
@EVERY
def test_halves_are_taken_with_a_warning(localizer, single, videos):
    X, y = videos
    plain = renamed(X, None)
    message = (
        r"columns 0 to 31 were taken for spatial and 32 to 63 for temporal.*"
        r"'spatial': slice\(0, 32\), 'temporal': slice\(32, 64\).*variant='single'"
    )
    with pytest.warns(UnnamedStreamsWarning, match=message) as caught:
        guessed = pickle.loads(pickle.dumps(localizer)).fit(plain, y)
    (ours,) = [one for one in caught if one.category is UnnamedStreamsWarning]
    assert ours.filename == __file__
    pickle.loads(pickle.dumps(localizer)).fit(X, y)  # warnings are errors
    pickle.loads(pickle.dumps(localizer)).set_params(**single).fit(plain, y)
    assert guessed.n_features_in_ == 64


def test_streams_that_are_said_need_no_warning(videos):
    X, y = videos
    streams = {"spatial": slice(0, 32), "temporal": slice(32, 64)}
    assert_same_weights(fast(streams=streams).fit(renamed(X, None), y), fast().fit(X, y))
    SingleInstance().fit(renamed(X, None), y)


# ------------------------------------------------------------------ localization_pipeline


def variants_of(pipeline):
    return {one.variant for _, one in pipeline[-1].localizers}


def test_the_pipeline_reads_two_streams_only_where_names_say_so(videos):
    X, y = videos
    assert variants_of(localization_pipeline()) == {"fusion"}
    assert variants_of(localization_pipeline(X)) == {"fusion"}
    assert variants_of(localization_pipeline(frames_of(X))) == {"fusion"}
    for other in (
        list(X),
        renamed(X, None),
        renamed(X, [f"temporal_{i}" for i in range(64)]),
        renamed(X, [f"spatial_{i}" for i in range(64)]),
        renamed(X, [f"clip_{i}" for i in range(64)]),
        np.zeros((40, 3, 64)),
        X.values[:40],
    ):
        assert variants_of(localization_pipeline(other)) == {"single"}
    model = localization_pipeline(renamed(X, None), effort="one-fit", random_state=0)
    for _, one in model[-1].localizers:
        one.set_params(max_epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(renamed(X, None), y)
    assert columns_read(model[-1].localizers_[0]) == [list(range(64))]


# ------------------------------------------------------------------ other tables with names


def test_frames_that_are_written_one_by_one_keep_their_names(videos, tmp_path):
    X, y = videos
    frames = frames_of(X)
    with ClipsWriter(tmp_path / "clips") as writer:
        for name, frame in zip(X.ids, frames, strict=True):
            writer.append(frame, clip_seconds=1.0, id=name)
        with pytest.raises(ValueError, match="Video 40 has other feature_names than those before"):
            writer.append(frames[0][frames[0].columns[::-1]], clip_seconds=1.0, id="more")
    assert Clips.open(tmp_path / "clips") == X
    assert_same_weights(fast().fit(Clips.open(tmp_path / "clips"), y), fast().fit(X, y))


def test_scores_in_a_frame_are_in_the_order_of_the_classes():
    scores = pd.DataFrame({"run": [0.9, 0.2], "jump": [0.1, 0.8]})
    y = ["run", "jump"]
    assert recognition_map(y, scores, classes=["run", "jump"]) == 1.0
    for metric in (recognition_map, recognition_accuracy):
        with pytest.raises(ValueError, match=r"Column 0 of y_score is 'run', but classes\[0\]"):
            metric(y, scores, classes=["jump", "run"])
