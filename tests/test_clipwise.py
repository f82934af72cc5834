"""ClipWise: missing values, weights, and features that are not in memory all at once."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from helpers.localizers import fast
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.utils import get_tags

from sklearn_asn import Clips, ClipsWriter, ClipWise


@pytest.fixture
def holes(videos):
    """Videos with missing values, as a list; and the table of their clips."""
    rng = np.random.default_rng(0)
    arrays = [np.where(rng.random(v.shape) < 0.05, np.nan, v) for v in videos[0]]
    return arrays, np.concatenate(arrays)


@pytest.mark.parametrize("imputer", [SimpleImputer(), SimpleImputer(add_indicator=True)])
def test_imputers_see_what_is_missing(holes, imputer):
    arrays, table = holes
    wise = ClipWise(imputer)
    want = clone(imputer).fit_transform(table)
    for got in (wise.fit_transform(arrays), wise.fit(arrays).transform(arrays)):
        assert_array_equal(got.values, want)
        assert_array_equal(got.lengths, [len(v) for v in arrays])
    assert get_tags(wise).input_tags.allow_nan


def test_missing_values_go_through_scalers_to_an_imputer(holes, videos):
    arrays, _ = holes
    last = fast("temporal")
    model = make_pipeline(ClipWise(StandardScaler()), ClipWise(SimpleImputer()), last)
    found = model.fit(arrays, videos[1]).predict(arrays)
    assert len(found) == len(arrays)
    both = make_pipeline(ClipWise(make_pipeline(StandardScaler(), SimpleImputer())), last)
    assert both.fit(arrays, videos[1]).predict(arrays) == found


def test_missing_values_in_whatever_holds_features(holes):
    arrays, table = holes
    want = SimpleImputer().fit_transform(table)
    names, ids = [f"f{i}" for i in range(64)], [f"video {i}" for i in range(len(arrays))]
    frames = [pd.DataFrame(array, columns=names) for array in arrays]
    for held in (dict(zip(ids, arrays, strict=True)), pd.Series(frames, index=ids)):
        got = ClipWise(SimpleImputer()).fit_transform(held)
        assert_array_equal(got.values, want)
        assert got.ids.tolist() == ids
    assert got.feature_names.tolist() == names
    arrays[3][2, 5] = np.inf
    with pytest.raises(ValueError, match=r"X contains infinity: video 3, clip 2"):
        ClipWise(SimpleImputer()).fit(arrays)


def test_missing_values_in_columns(holes):
    arrays, table = holes
    columns = make_column_transformer((SimpleImputer(), slice(0, 64)))
    assert_array_equal(
        ClipWise(columns).fit_transform(arrays).values, SimpleImputer().fit_transform(table)
    )


def test_missing_values_of_a_table_and_of_clips(holes, videos):
    arrays, table = holes
    got = ClipWise(SimpleImputer()).fit_transform(table)
    assert_array_equal(got, SimpleImputer().fit_transform(table))
    clips = videos[0].with_values(table, [f"f{i}" for i in range(64)])
    got = ClipWise(KNNImputer(n_neighbors=1)).fit_transform(clips[:4])
    assert list(got.feature_names) == list(clips.feature_names)
    assert_array_equal(got.ids, clips.ids[:4])


def test_what_does_not_allow_missing_values_refuses_them(holes, videos):
    arrays, table = holes
    for X in (arrays, videos[0].with_values(table)):
        with pytest.raises(ValueError, match="contains NaN: video 0, clip"):
            ClipWise(PCA(2)).fit(X)
        with pytest.raises(ValueError, match="contains NaN: video 0, clip"):
            make_pipeline(ClipWise(StandardScaler()), fast()).fit(X, videos[1])
    with pytest.raises(ValueError, match="infinity: video 0"):
        ClipWise(SimpleImputer()).fit([np.array([[np.inf, np.nan]])])
    with pytest.raises(ValueError, match="0 videos"):
        ClipWise(SimpleImputer()).fit(Clips(np.zeros((0, 2)), [0]))


@pytest.mark.parametrize("batch_clips", [None, 300])
def test_weights_count_for_every_clip_of_a_video(videos, batch_clips):
    X, _ = videos
    weight = np.arange(40) % 3 + 0.5
    got = ClipWise(StandardScaler(), batch_clips=batch_clips).fit(X, sample_weight=weight)
    want = StandardScaler().fit(X.values, sample_weight=np.repeat(weight, X.lengths))
    assert_allclose(got.transformer_.mean_, want.mean_, rtol=1e-4, atol=1e-6)
    assert_allclose(got.transformer_.var_, want.var_, rtol=1e-4)
    again = ClipWise(StandardScaler(), batch_clips=batch_clips)
    assert again.fit_transform(X, sample_weight=weight) == got.transform(X)
    table = np.stack([v[0] for v in X])
    got = ClipWise(StandardScaler()).fit(table, sample_weight=weight).transformer_
    assert_array_equal(got.mean_, StandardScaler().fit(table, sample_weight=weight).mean_)


def test_weights_are_routed(videos):
    X, y = videos
    weight = np.arange(40) % 3 + 0.5
    with config_context(enable_metadata_routing=True):
        scaler = ClipWise(StandardScaler()).set_fit_request(sample_weight=True)
        model = Pipeline([("scale", scaler), ("asn", fast().set_fit_request(sample_weight=True))])
        model.fit(X, y, sample_weight=weight)
        plain = Pipeline([("scale", ClipWise(StandardScaler())), ("asn", model[-1])])
        plain.fit(X, y, sample_weight=weight)  # they go where they are asked for
    want = ClipWise(StandardScaler()).fit(X, sample_weight=weight)
    assert_array_equal(model[0].transformer_.mean_, want.transformer_.mean_)
    assert_array_equal(plain[0].transformer_.mean_, StandardScaler().fit(X.values).mean_)


def test_bad_weights(videos):
    X, _ = videos
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(40,\)"):
        ClipWise(StandardScaler()).fit(X, sample_weight=np.ones(len(X.values)))
    with pytest.raises(ValueError, match="sample_weight of video 2 is -1"):
        ClipWise(StandardScaler()).fit(X, sample_weight=[1, 1, -1] + [1] * 37)
    with pytest.raises(ValueError, match="PCA takes none"):
        ClipWise(PCA(2)).fit(X, sample_weight=np.ones(40))


@pytest.mark.parametrize("batch_clips", [1, 250, 1e9])
def test_blocks_give_what_partial_fit_gives(videos, batch_clips):
    X, _ = videos
    wise = ClipWise(StandardScaler(), batch_clips=int(batch_clips)).fit(X)
    whole = ClipWise(StandardScaler()).fit(X)
    assert wise.transformer_.n_samples_seen_ == len(X.values)
    assert_allclose(wise.transformer_.mean_, whole.transformer_.mean_, rtol=1e-4, atol=1e-5)
    got = wise.transform(X)
    assert_array_equal(got.values, wise.transformer_.transform(X.to_table()))
    assert_array_equal(got.ids, X.ids)
    assert_array_equal(got.clip_seconds, X.clip_seconds)


def test_no_block_is_too_short_for_the_components(videos):
    X, _ = videos
    for batch_clips in (100, 130, 200):
        got = ClipWise(IncrementalPCA(20), batch_clips=batch_clips).fit_transform(X)
        assert got.n_features == 20


def test_blocks_with_names(videos):
    X = Clips(videos[0].values, videos[0].offsets, feature_names=[f"f{i}" for i in range(64)])
    wise = ClipWise(MinMaxScaler(), batch_clips=200).fit(X)
    assert list(wise.transform(X).feature_names) == list(X.feature_names)
    assert list(wise.transformer_.feature_names_in_) == list(X.feature_names)
    frame = pd.DataFrame(X.values[:40], columns=X.feature_names)
    assert wise.transform(frame).shape == (40, 64)


@pytest.mark.parametrize("batch_clips", [None, 200])
def test_the_result_is_written_where_asked(videos, tmp_path, batch_clips):
    X, _ = videos
    wise = ClipWise(StandardScaler(), batch_clips=batch_clips).fit(X)
    got = wise.transform(X, out=tmp_path / "scaled")
    assert_array_equal(got.values, wise.transformer_.transform(X.to_table()))
    assert isinstance(got.table()[0], np.memmap)
    again = Clips.open(tmp_path / "scaled")
    assert again == got
    assert again.verify() == 40
    assert (again.ids == X.ids).all()
    with pytest.raises(FileExistsError):
        wise.transform(X, out=tmp_path / "scaled")
    both = clone(wise).fit_transform(X, out=tmp_path / "both")
    assert_array_equal(both.values, got.values)


def test_a_transform_that_fails_leaves_nothing(videos, tmp_path):
    X, _ = videos
    wise = ClipWise(StandardScaler()).fit(X)
    wise.transformer_ = RobustScaler().fit(X.to_table().iloc[:, :3])
    with pytest.raises(ValueError, match="feature names"):
        wise.transform(X, out=tmp_path / "scaled")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="2-D X"):
        ClipWise(Normalizer()).fit(np.ones((3, 2))).transform(np.ones((3, 2)), out=tmp_path / "x")


def test_features_larger_than_a_block_are_not_read_at_once(tmp_path):
    rng = np.random.default_rng(0)
    with ClipsWriter(tmp_path / "clips") as writer:
        for i in range(50):
            writer.append(rng.normal(size=(400, 128)).astype(np.float32), id=f"v{i}")
    X = Clips.open(tmp_path / "clips")
    size = 50 * 400 * 128 * 4
    tracemalloc.start()
    scaled = ClipWise(StandardScaler(), batch_clips=800).fit_transform(X, out=tmp_path / "scaled")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 3
    assert_allclose(scaled.values.mean(axis=0), 0, atol=1e-4)
    assert_allclose(scaled.values.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("wise", "message"),
    [
        (ClipWise(RobustScaler(), batch_clips=100), "RobustScaler has none"),
        (ClipWise(StandardScaler(), batch_clips=0), "batch_clips=0"),
    ],
)
def test_bad_blocks(videos, wise, message):
    with pytest.raises(ValueError, match=message):
        wise.fit(videos[0])
