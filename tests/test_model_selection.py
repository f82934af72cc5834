"""With the tools users put around an estimator: grid search, pipelines, joblib, other processes."""

import pickle

import joblib
import numpy as np
import pytest
from helpers import processes
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import set_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise
from sklearn_asn.metrics import localization_scorer, recognition_scorer

FAST = {"max_epochs": 4, "hidden_size": 8, "batch_size": 16, "random_state": 0, "device": "cpu"}


def pipeline(**changes):
    return Pipeline(
        [("scale", ClipWise(StandardScaler())), ("asn", ASNLocalizer(**{**FAST, **changes}))]
    )


@pytest.mark.slow
@pytest.mark.usefixtures("light_processes")
def test_grid_search_is_the_same_in_two_processes(videos, tmp_path):
    X, y = videos
    grid = [
        {"asn__variant": ["temporal"], "asn__quantile": [0.2, 0.5]},
        {"asn__variant": ["bottleneck", "bilinear"], "asn__hidden_size": [4, 8]},
    ]
    one, two = (GridSearchCV(pipeline(), grid, cv=2, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2))
    scores = one.cv_results_["mean_test_score"]
    assert np.all(np.isfinite(scores))
    assert len(np.unique(scores)) > 3
    assert_array_equal(scores, two.cv_results_["mean_test_score"])
    assert one.best_params_ == two.best_params_
    found = two.predict(X)
    assert one.predict(X) == found

    joblib.dump(two.best_estimator_, tmp_path / "model.joblib")
    X.save(tmp_path / "clips")
    script = """
        import sys
        import joblib
        from sklearn_asn import Clips
        model = joblib.load(sys.argv[1] + "/model.joblib")
        found = model.predict(Clips.open(sys.argv[1] + "/clips"))
        joblib.dump(found, sys.argv[1] + "/found.joblib")
    """
    assert processes.status(processes.start(script, tmp_path)) == 0
    assert joblib.load(tmp_path / "found.joblib") == found


@pytest.mark.slow
def test_pickle_keeps_everything_and_stays_small(videos):
    X, y = videos
    est = ASNLocalizer("bottleneck", **{**FAST, "max_epochs": 50}).fit(X, y)
    data = pickle.dumps(est)
    assert len(data) < 50_000  # weights, curves, and one record an epoch
    again = pickle.loads(data)
    assert again.predict(X) == est.predict(X)
    assert again.history_ == est.history_
    assert again.threshold_ == est.threshold_
    assert_array_equal(again.attention_quantiles_, est.attention_quantiles_)
    assert again.net_.history[:, "train_loss"] == est.net_.history[:, "train_loss"]
    assert pickle.loads(pickle.dumps(again)).predict(X) == est.predict(X)


def test_predictions_do_not_depend_on_company_or_order(videos):
    """What check_methods_subset_invariance and its kin ask, on Segments."""
    X, y = videos
    est = ASNLocalizer("bilinear", **FAST).fit(X, y)
    found = est.predict(X)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = est.predict(X[order])
    for i, v in enumerate(order):
        for a, b in ((shuffled[i], found[v]), (est.predict(X[[v]])[0], found[v])):
            assert [s.label for s in a] == [s.label for s in b]
            assert_allclose([s[1:] for s in a], [s[1:] for s in b], rtol=1e-5)
    assert est.fit(X, y).predict(X) == found  # check_fit_idempotent


def test_pipeline_with_a_transformer_for_each_stream(videos):
    X, y = videos
    names = list(X.feature_names)
    half = len(names) // 2
    streams = ColumnTransformer(
        [("spatial", PCA(5), names[:half]), ("temporal", StandardScaler(), names[half:])]
    )
    model = make_pipeline(
        ClipWise(streams),
        ASNLocalizer(
            "bottleneck", streams={"spatial": slice(0, 5), "temporal": slice(5, None)}, **FAST
        ),
    ).fit(X, y)
    assert model[-1].model_.plan.network["n_other"] == 5
    assert model[-1].feature_names_in_[0] == "spatial__pca0"
    assert model.score(X, y) == model[-1].score(model[:-1].transform(X), y)
    assert [len(s) for s in model.transform(X)] == X.lengths.tolist()


def test_lists_and_groups_go_through_cross_validation(videos):
    X, y = videos
    groups = np.arange(len(X)) // 10
    packed = cross_val_score(pipeline(), X, y, cv=GroupKFold(2), groups=groups)
    streams = {"spatial": slice(0, 32), "temporal": slice(32, 64)}  # arrays have no names
    segments = [list(v) for v in y]
    lists = cross_val_score(
        pipeline(streams=streams), list(X), segments, cv=GroupKFold(2), groups=groups
    )
    assert np.all(packed >= 0)
    assert lists.shape == (2,)


def test_several_scorers(videos):
    X, y = videos
    scores = cross_validate(
        pipeline(),
        X,
        y,
        cv=2,
        scoring={
            "map": localization_scorer(0.5),
            "mean": localization_scorer((0.3, 0.5, 0.7), protocol="thumos14"),
            "accuracy": recognition_scorer("accuracy"),
            "ap": recognition_scorer("map"),
        },
    )
    for name in ("map", "mean", "accuracy", "ap"):
        assert np.all((scores[f"test_{name}"] >= 0) & (scores[f"test_{name}"] <= 1))


@pytest.mark.slow
@pytest.mark.usefixtures("light_processes")
def test_memory_mapped_clips_are_searched(videos, tmp_path):
    X, y = videos
    mapped = Clips.open(X.save(tmp_path / "clips"))
    assert isinstance(mapped.values, np.memmap)
    search = GridSearchCV(pipeline(), {"asn__quantile": [0.2, 0.6]}, cv=2, n_jobs=2)
    assert_array_equal(
        search.fit(mapped, y).cv_results_["mean_test_score"],
        search.fit(X, y).cv_results_["mean_test_score"],
    )


def test_clone_and_parameters():
    est = ASNLocalizer("fusion", quantile=0.3, lr_milestones=(0.1,))
    assert clone(est).get_params() == est.get_params()
    assert "fusion" in repr(est)


@pytest.fixture
def config():
    yield set_config
    set_config(transform_output="default", enable_metadata_routing=False)


def test_pandas_output_is_asked_for(videos, config):
    X, y = videos
    config(transform_output="pandas")
    model = pipeline().fit(X, y)
    assert isinstance(model.transform(X), list)
    assert model.set_output(transform="pandas") is model


def test_metadata_routing(videos, config):
    X, y = videos
    config(enable_metadata_routing=True)
    weight = np.arange(len(X)) % 3
    asn = ASNLocalizer("temporal", **FAST)
    asn.set_fit_request(sample_weight=True, trimmed=True)
    asn.set_score_request(sample_weight=True)
    model = make_pipeline(ClipWise(StandardScaler()), asn)
    trimmed = np.zeros(len(X), dtype=bool)
    model.fit(X, y, sample_weight=weight, trimmed=trimmed)
    assert 0 <= model.score(X, y, sample_weight=weight) <= 1
    plain = ASNLocalizer("temporal", **FAST)
    scaled = ClipWise(StandardScaler()).fit_transform(X)
    plain.fit(scaled, y, sample_weight=weight)
    assert plain.threshold_ == model[-1].threshold_
