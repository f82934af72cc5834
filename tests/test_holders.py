"""X and y as people hold them: mappings, Series, tensors, columns of data sets, long tables."""

import pathlib

import hypothesis
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.localizers import assert_same_weights, fast
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, localization_pipeline
from sklearn_asn.datasets import align, split_labels
from sklearn_asn.metrics import (
    localization_map,
    recognition_accuracy,
    recognition_map,
    recognition_scorer,
    weak_clip_scorer,
    weak_detection_scorer,
)

FEW = {"max_epochs": 1, "random_state": 0, "device": "cpu"}


class Column:
    """What `dataset["features"]` of the datasets library is: no list, and with no shape."""

    def __init__(self, entries):
        self.entries = entries

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, key):
        return self.entries[key]

    def __iter__(self):
        return iter(self.entries)


class DataSet:
    """And what the whole of it looks like."""

    column_names = ("features", "label")
    features = None
    shape = (2, 2)

    def set_format(self, kind):
        raise AssertionError

    def __getitem__(self, key):
        raise AssertionError


@pytest.fixture(scope="module")
def small(videos):
    """Fewer columns, without names, and what they say of the labels."""
    X, y = videos
    plain = Clips(X.values[:, 28:36], X.offsets)
    return plain, [{s.label for s in video} for video in y]


@pytest.fixture(scope="module")
def whole(small):
    return fast("single").fit(*small)


def tensors(X):
    return [torch.from_numpy(np.array(video)) for video in X]


FORMS = {
    "dict by id": lambda X: {f"v{i}": video for i, video in enumerate(X)},
    "dict by number": lambda X: dict(enumerate(X)),
    "Series": lambda X: pd.Series(list(X)),
    "Series by id": lambda X: pd.Series(list(X), index=[f"v{i}" for i in range(len(X))]),
    "list of tensors": tensors,
    "tensors with gradients": lambda X: [one.requires_grad_() for one in tensors(X)],
    "dict of tensors": lambda X: dict(
        zip([f"v{i}" for i in range(len(X))], tensors(X), strict=True)
    ),
    "column": lambda X: Column(list(X)),
    "column of lists": lambda X: Column([video.tolist() for video in X]),
    "lists of lists": lambda X: [video.tolist() for video in X],
    "list of frames": lambda X: [pd.DataFrame(video) for video in X],
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_X_are_one(form, small, whole):
    X, y = small
    given = form(X)
    assert_same_weights(fast("single").fit(given, y), whole)
    found = whole.predict(given)
    assert np.array_equal(found.start, whole.predict(X).start)
    by_id = hasattr(given, "keys") and not isinstance(given, pd.Series)
    by_id = by_id or (isinstance(given, pd.Series) and given.index[0] == "v0")
    assert (found.ids is None) == (not by_id)
    for a, b in zip(whole.transform(given), whole.transform(X), strict=True):
        assert np.array_equal(a, b)
    assert whole.score(given, y) == whole.score(X, y)
    scaled = ClipWise(StandardScaler()).fit_transform(given)
    assert np.allclose(scaled.values, ClipWise(StandardScaler()).fit_transform(X).values)
    assert np.array_equal(Clips.from_list(given).values, X.values)
    assert localization_pipeline(given)[-1].localizers[0][1].variant == "single"


def test_a_cube_may_be_a_tensor(small):
    rng = np.random.default_rng(0)
    cube, y = rng.random((12, 7, 6), dtype=np.float32), ["a", "b"] * 6
    whole = fast("single").fit(cube, y)
    for given in (torch.from_numpy(cube), torch.from_numpy(cube).requires_grad_()):
        assert_same_weights(fast("single").fit(given, y), whole)
        assert whole.predict(given) == whole.predict(cube)
        cross_val_score(fast("single"), given.detach(), y, cv=2, scoring=recognition_scorer())
    half = torch.from_numpy(cube).to(torch.bfloat16)  # which NumPy does not know
    assert Clips.from_list(half).dtype == np.float32
    assert np.array_equal(Clips.from_list(half)[3], half[3].float().numpy())
    flat = torch.from_numpy(cube[:, 0]).requires_grad_()
    model = fast("single").fit(flat, torch.arange(12) % 2)
    assert model.predict(flat) == model.predict(cube[:, 0])
    assert model.classes_.tolist() == [0, 1]


def test_arrays_in_a_file(small, whole, tmp_path):
    h5py = pytest.importorskip("h5py")
    X, y = small
    cube = np.stack([video[:6] for video in X])
    with h5py.File(tmp_path / "features.h5", "w") as file:
        for i, video in enumerate(X):
            file[f"videos/v{i:02d}"] = video
        file["cube"] = cube
        file["nested/group/a"] = X[0]
    with h5py.File(tmp_path / "features.h5") as file:
        group = file["videos"]
        assert_same_weights(fast("single").fit(group, y), whole)
        assert whole.predict(group).ids.tolist() == [f"v{i:02d}" for i in range(len(X))]
        assert_same_weights(fast("single").fit(list(group.values()), y), whole)
        kept = fast("single", clips_per_video=3).fit(file["cube"], y)
        assert_same_weights(kept, fast("single", clips_per_video=3).fit(cube, y))
        with pytest.raises(ValueError, match="Video 0"):
            whole.predict(file["nested"])
    np.savez(tmp_path / "features.npz", **{f"v{i:02d}": video for i, video in enumerate(X)})
    with np.load(tmp_path / "features.npz") as file:
        assert_same_weights(fast("single").fit(file, y), whole)


def test_zarr_arrays(small, whole):
    zarr = pytest.importorskip("zarr")
    X, y = small
    group = zarr.group()
    for i, video in enumerate(X):
        group.create_array(f"v{i:02d}", data=np.array(video))
    assert_same_weights(fast("single").fit(group, y), whole)
    assert whole.predict(group).ids[:2].tolist() == ["v00", "v01"]
    assert_same_weights(fast("single").fit([group[f"v{i:02d}"] for i in range(len(X))], y), whole)
    cube = np.stack([video[:8] for video in X])
    stored = group.create_array("cube", data=cube)
    assert whole.predict(stored) == whole.predict(cube)


def test_columns_of_the_datasets_library(small, whole):
    datasets = pytest.importorskip("datasets")
    X, y = small
    lists = {"features": [v.tolist() for v in X], "labels": [sorted(shown) for shown in y]}
    data = datasets.Dataset.from_dict(lists)
    model = fast("single").fit(data["features"], data["labels"])
    assert_same_weights(model, whole)
    data.set_format("numpy", columns=["features"])
    assert len(whole.predict(data["features"])) == len(X)
    data.set_format("torch", columns=["features"])
    assert len(whole.predict(data["features"])) == len(X)
    for unfit in (data, datasets.DatasetDict({"train": data})):
        with pytest.raises(TypeError, match="give one of its columns, such as dataset"):
            whole.predict(unfit)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library, videos):
    module = pytest.importorskip(library)
    pytest.importorskip("narwhals")
    X, y = videos
    frames = [pd.DataFrame(video, columns=X.feature_names) for video in X]
    make = module.DataFrame if library == "polars" else module.table
    others = [make({name: frame[name].to_numpy() for name in frame}) for frame in frames]
    model = fast().fit(others, y)
    assert model.feature_names_in_.tolist() == X.feature_names.tolist()
    assert_same_weights(model, fast().fit(X, y))
    swapped = [
        one.select(one.columns[::-1]) if library == "polars" else one.select(one.column_names[::-1])
        for one in others
    ]
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(swapped)
    with pytest.raises(ValueError, match="Video 1 has the columns of video 0 in another order"):
        model.predict([others[0], swapped[1]])
    # a video of one clip a row
    table = make({name: X.values[:40, j] for j, name in enumerate(X.feature_names)})
    flat = fast(max_epochs=1).fit(table, ["a", "b"] * 20)
    assert flat.feature_names_in_.tolist() == X.feature_names.tolist()
    assert variants_of(localization_pipeline(table)) == {"fusion"}
    # y
    labels = ["a", "b"] * 20
    column = module.Series(labels) if library == "polars" else module.array(labels)
    assert fast(max_epochs=1).fit(X, column).classes_.tolist() == ["a", "b"]
    indicator = make({"a": [1, 0] * 20, "b": [0, 1] * 20})
    assert fast(max_epochs=1).fit(X, indicator).classes_.tolist() == ["a", "b"]
    lists = [["a", "b"], ["b"]] * 20
    column = module.Series(lists) if library == "polars" else module.array(lists)
    assert fast(max_epochs=1).fit(X, column).classes_.tolist() == ["a", "b"]
    # nested columns of X
    nested = [video[:, :4].tolist() for video in X]
    column = module.Series(nested) if library == "polars" else module.array(nested)
    assert np.array_equal(Clips.from_list(column).values, X.values[:, :4].astype(float))
    assert len(fast("single", max_epochs=1).fit(column, y).predict(column)) == 40
    long = make({"video": ["a", "b", "a"], "f": [1.0, 2.0, 3.0]})
    assert Clips.from_frame(long, by="video")[0].tolist() == [[1.0], [3.0]]
    if library == "polars":
        with pytest.raises(TypeError, match=r"LazyFrame; collect\(\) it first"):
            model.predict(table.lazy())


def variants_of(pipeline):
    return {one.variant for _, one in pipeline[-1].localizers}


# ------------------------------------------------------------------ what holds nothing yet


def unreadable(X):
    arrays = list(X)
    yield (video for video in arrays), "generator, which can be read only once; give a list"
    yield iter(arrays), "read only once"
    yield map(np.asarray, arrays), "read only once"
    yield zip(arrays, arrays, strict=True), "read only once"
    yield {"a": arrays[0]}.values(), "dict_values, whose entries have no numbers; give a list"
    yield "features", "load_feature_folder, .*Clips.open read features from files"
    yield pathlib.Path("features.npy"), "load_feature_folder"
    yield b"features.npy", "load_feature_folder"
    yield ["a.npy", "b.npy"], "is the path or text 'a.npy', not an array. load_fe"
    yield [pathlib.Path("a.npy")], "load_feature_folder"
    yield np.array(["a.npy", "b.npy"], dtype=object), "load_feature_folder"
    yield pd.Series(["a.npy", "b.npy"]), "load_feature_folder"
    yield {"a": "a.npy"}, "Video 0 is the path or text 'a.npy'"
    yield [arrays[0], "b.npy"], "Video 1 is the path or text 'b.npy'"
    yield DataSet(), r"a whole DataSet; give one of its columns, such as dataset\['features'\]"


def test_what_cannot_be_read_says_what_to_do(small, whole):
    X, y = small
    for given_X, message in unreadable(X):
        for call in (
            whole.predict,
            whole.transform,
            Clips.from_list,
            ClipWise(StandardScaler()).fit,
        ):
            with pytest.raises(TypeError, match=message):
                call(given_X)
        with pytest.raises(TypeError, match=message):
            fast("single").fit(given_X, y)
    for given_y in ("labels.csv", pathlib.Path("labels.csv")):
        with pytest.raises(TypeError, match=r"y is the path .*load_ground_truth, read_table"):
            fast("single").fit(X, given_y)
    with pytest.raises(TypeError, match="y is a generator, which can be read only once"):
        fast("single").fit(X, (shown for shown in y))


def test_text_is_never_taken_for_numbers(small, whole):
    X, y = small
    written = [pd.DataFrame(video).astype(object) for video in X]
    assert_same_weights(fast("single").fit(written, y), whole)
    written[3].iloc[0, 0] = "0.5"
    with pytest.raises(ValueError, match="Video 3 is not a 2-D array of numbers"):
        whole.predict(written)


def test_a_scaler_without_clipwise_is_told_of_it(videos):
    X, y = videos
    for make in (StandardScaler(), make_pipeline(StandardScaler(), ASNLocalizer(**FEW))):
        with pytest.raises(TypeError, match=r"goes into ClipWise: ClipWise\(StandardScaler\(\)\)"):
            make.fit(X, y)
    with pytest.raises(TypeError, match="ClipWise"):
        np.asarray(X)


# ------------------------------------------------------------------ y


def label_forms(y):
    """The same sets of labels in other forms."""
    ids = [f"v{i}" for i in range(len(y))]
    classes = sorted(set.union(*y))
    indicator = np.array([[c in shown for c in classes] for shown in y])
    numbers = pd.DataFrame(indicator.astype(int), columns=classes)
    return {
        "sets": y,
        "lists": [sorted(shown) for shown in y],
        "tuples": [tuple(sorted(shown)) for shown in y],
        "twice": [sorted(shown) * 2 for shown in y],
        "lists and sets": [sorted(shown) if i % 2 else shown for i, shown in enumerate(y)],
        "arrays": [np.array(sorted(shown)) for shown in y],
        "dict of sets": dict(zip(ids, y, strict=True)),
        "dict of lists": {name: sorted(shown) for name, shown in zip(ids, y, strict=True)},
        "Series of sets": pd.Series(y),
        "Series of lists": pd.Series([sorted(shown) for shown in y], index=ids),
        "Series of tuples": pd.Series([tuple(sorted(shown)) for shown in y]),
        "column": Column([sorted(shown) for shown in y]),
        "object array": np.array([*y, None], dtype=object)[:-1],
        "0/1 frame": numbers,
        "boolean frame": numbers.astype(bool),
        "nullable frame": numbers.astype("boolean"),
        "float frame": numbers.astype(float),
        "sparse frame": numbers.astype(pd.SparseDtype(int, 0)),
        "frame by id": numbers.set_axis(ids, axis=0),
        "categorical columns": numbers.set_axis(pd.CategoricalIndex(classes), axis=1),
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", label_forms([{"a"}, {"b"}]))
def test_every_y_that_fits_can_be_scored(form, small, whole):
    X, y = small
    labels = label_forms(y)[form]
    model = fast("single").fit(X, labels)
    assert_same_weights(model, whole)
    assert model.classes_.tolist() == whole.classes_.tolist()
    assert model.classes_.dtype.kind == "U"
    assert_every_score(model, whole, X, labels, y)


def assert_every_score(model, whole, X, labels, y):
    proba = model.predict_proba(X)
    for metric in (recognition_map, recognition_accuracy):
        expected = metric(y, proba, classes=whole.classes_)
        assert metric(labels, proba, classes=model.classes_) == expected
    assert model.score(X, labels) == whole.score(X, y)
    scorers = recognition_scorer("map"), recognition_scorer(), weak_clip_scorer()
    for scorer in (*scorers, weak_detection_scorer()):
        assert scorer(model, X, labels) == scorer(whole, X, y)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.array, sparse.csr_matrix, sparse.csc_array, torch.tensor])
@pytest.mark.parametrize("dtype", [int, bool])
def test_indicators_without_names_can_be_scored(kind, dtype, small):
    X, y = small
    classes = sorted(set.union(*y))
    dense = np.array([[c in shown for c in classes] for shown in y]).astype(dtype)
    numbered = [{i for i, c in enumerate(classes) if c in shown} for shown in y]
    whole = fast("single").fit(X, numbered)
    model = fast("single").fit(X, kind(dense))
    assert_same_weights(model, whole)
    assert_every_score(model, whole, X, kind(dense), numbered)


def test_segments_by_id(videos):
    X, y = videos
    by_id = {name: list(y[i]) for i, name in enumerate(y.ids)}
    model = fast("temporal", max_epochs=1).fit(X, by_id)
    assert model.score(X, by_id) == model.score(X, y)
    found = model.predict(X)
    assert localization_map(by_id, found) == localization_map(y, found)
    named = dict(zip(X.ids, X, strict=True))
    backwards = dict(reversed(by_id.items()))
    for given_X in (X, named):
        with pytest.raises(ValueError, match=r"is video_000 in X and video_039 in y.*align"):
            model.fit(given_X, backwards)
    same, aligned = align(named, backwards)
    assert list(same) == list(aligned) == X.ids.tolist()
    with pytest.raises(ValueError, match=r"in y_true and .* in y_pred"):
        localization_map(backwards, found)


def test_labels_that_are_no_labels(small):
    X, y = small
    for labels, message in (
        ([["a", 1], *y[1:]], "y mixes|expected y to be"),
        ([["a", None], *y[1:]], "expected y to be"),
        (pd.DataFrame(np.eye(40, 2, dtype=int), columns=["a", "a"]), "two columns of one name"),
        (pd.DataFrame(np.full((40, 2), 2)), "must hold only 0 and 1"),
        (np.full((40, 2), "a"), "must hold only 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            fast("single").fit(X, labels)


@pytest.mark.slow
def test_labels_in_one_text_are_split_where_asked(small):
    X, y = small
    texts = ["; ".join(sorted(shown)) for shown in y]
    assert split_labels(texts) == y
    assert len(fast("single", max_epochs=1).fit(X, texts).classes_) > 3  # as they stand
    series = split_labels(pd.Series(texts, index=[f"v{i}" for i in range(40)]))
    assert series.index[3] == "v3"
    assert series["v3"] == y[3]
    assert split_labels({"a": "run|jump", "b": ""}, sep="|") == {"a": {"run", "jump"}, "b": set()}
    assert_same_weights(fast("single").fit(X, series), fast("single").fit(X, y))
    with pytest.raises(ValueError, match=r'labels\[1\] is nan; expected a text. .*fillna\(""\)'):
        split_labels(pd.Series(["a", np.nan]))
    with pytest.raises(ValueError, match="sep=''"):
        split_labels(["a"], sep="")


# ------------------------------------------------------------------ a long table


@hypothesis.given(
    lengths=st.lists(st.integers(2, 5), min_size=1, max_size=5),
    step=st.floats(0.01, 100),
    seed=st.integers(0, 9),
)
def test_a_long_table_in_any_order_gives_the_videos(lengths, step, seed):
    rng = np.random.default_rng(seed)
    ids = [f"v{i}" for i in range(len(lengths))]
    first = rng.uniform(-5, 5, len(lengths)).round(3)
    arrays = [rng.random((n, 2)) for n in lengths]
    rows = [
        (ids[i], first[i] + step * j, *arrays[i][j])
        for i, n in enumerate(lengths)
        for j in range(n)
    ]
    table = pd.DataFrame(rows, columns=["name", "at", "temporal_0", "spatial_0"])
    mixed = table.iloc[rng.permutation(len(table))]
    clips = Clips.from_frame(mixed, by="name", time="at")
    order = list(dict.fromkeys(mixed["name"]))
    assert clips.ids.tolist() == order
    assert clips.feature_names.tolist() == ["temporal_0", "spatial_0"]
    for name, video in zip(clips.ids, clips, strict=True):
        assert np.array_equal(video, arrays[ids.index(name)])
    assert np.allclose(clips.start_seconds, [first[ids.index(name)] for name in order])
    assert np.allclose(clips.clip_seconds, step)


def test_a_long_table_without_times_keeps_the_order_of_its_rows():
    table = pd.DataFrame({"id": [7, 5, 7], "a": [1, 2, 3], "note": ["x", "y", "z"]})
    clips = Clips.from_frame(table, by="id", columns=["a"], clip_seconds=0.5)
    assert clips.ids.tolist() == ["7", "5"]
    assert [video.tolist() for video in clips] == [[[1.0], [3.0]], [[2.0]]]
    assert clips.spans.tolist() == [[0.0, 1.0], [0.0, 0.5]]
    with pytest.raises(ValueError, match=r"Columns 'note' \(.*\) hold no numbers"):
        Clips.from_frame(table, by="id")


LONG = {"video": ["a", "a", "a", "b", "b"], "at": [0.0, 0.5, 1.0, 2.0, 3.0], "f": range(5)}


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"at": [0.0, 0.5, 1.5, 2.0, 3.0]}, {}, r"Video 0 \(a\): its clips start at 0 and then"),
        ({"at": [0.0, 0.5, 0.5, 2.0, 3.0]}, {}, r"Video 0 \(a\).*twice"),
        ({"at": [0.0, 0.5, 1.0, 2.0, 2.0]}, {}, r"Video 1 \(b\)"),
        ({"at": [0.0, 0.5, np.nan, 2.0, 3.0]}, {}, "frame.'at'. is nan in row 2"),
        ({"video": ["a", "a", "a", "b", None]}, {}, "frame.'video'. is missing in row 4"),
        ({"video": ["a", "a", "a", "b", "c"]}, {}, r"Video 1 \(b\) has one clip.*clip_seconds"),
        ({}, {"clip_seconds": 0.5}, r"Video 1 \(b\).*of 0.5"),
        ({}, {"by": "vid"}, "by='vid' is no column"),
        ({}, {"time": "start"}, "time='start' is no column"),
        ({}, {"columns": ["g"]}, r"no columns \['g'\]"),
        ({}, {"columns": []}, "no columns"),
        ({"f": [0.0, 1.0, np.nan, 3.0, 4.0]}, {}, "contains NaN: video 0, clip 2"),
    ],
)
def test_long_tables_that_are_no_videos(change, arguments, message):
    table = pd.DataFrame({**LONG, **change})
    with pytest.raises(ValueError, match=message):
        Clips.from_frame(table, **{"by": "video", "time": "at", **arguments})


def test_a_video_of_one_clip_needs_its_length():
    table = pd.DataFrame({**LONG, "video": ["a", "a", "a", "b", "c"]})
    clips = Clips.from_frame(table, by="video", time="at", clip_seconds=0.5)
    assert clips.spans.tolist() == [[0.0, 1.5], [2.0, 2.5], [3.0, 3.5]]
    durations = table.assign(at=pd.to_timedelta(table["at"], unit="s"))
    assert Clips.from_frame(durations, by="video", time="at", clip_seconds=0.5) == clips
    with pytest.raises(TypeError, match="frame is the path"):
        Clips.from_frame("table.csv", by="video")
    with pytest.raises(TypeError, match="frame must be a frame, got list"):
        Clips.from_frame([1, 2], by="video")
