"""On a dask cluster of two worker processes: the same results, and features sent as a path."""

import pickle

import joblib
import pytest
from helpers import processes
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, predict_shards, read_shards
from sklearn_asn.datasets import make_untrimmed_videos

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    processes.context()  # its server knows torch, and distributed would start one that does not
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """Several megabytes of features on disk."""
    X, y = make_untrimmed_videos(n_videos=40, n_classes=3, n_features=200, random_state=0)
    return Clips.open(X.save(tmp_path_factory.mktemp("cluster") / "clips"), mmap=True), y


@pytest.fixture
def model():
    asn = ASNLocalizer(
        "temporal", hidden_size=4, max_epochs=3, batch_size=16, random_state=0, device="cpu"
    )
    return make_pipeline(ClipWise(StandardScaler()), asn)


def test_clips_on_disk_are_pickled_as_their_path(mapped):
    X, _ = mapped
    assert X.values.nbytes > 3_000_000
    assert len(pickle.dumps(X)) < 20_000
    assert len(pickle.dumps(X[3:30])) < 20_000
    assert pickle.loads(pickle.dumps(X[3:30])) == X[3:30]


@pytest.mark.slow
def test_grid_search_is_the_same_on_the_cluster(client, mapped, model):
    X, y = mapped
    grid = {"asnlocalizer__quantile": [0.2, 0.5, 0.8]}
    with joblib.parallel_config(backend="dask"):
        there = GridSearchCV(model, grid, cv=2, refit=False).fit(X, y)
    assert all(client.run(eval, "'sklearn_asn' in __import__('sys').modules").values())
    here = GridSearchCV(model, grid, cv=2, refit=False).fit(X, y)
    for name in ("split0_test_score", "split1_test_score", "mean_test_score"):
        assert_array_equal(there.cv_results_[name], here.cv_results_[name])
    assert len(set(here.cv_results_["mean_test_score"])) > 1
    assert there.best_params_ == here.best_params_


@pytest.mark.slow
def test_predict_shards_is_the_same_on_the_cluster(client, mapped, model, tmp_path):
    X, y = mapped
    model.fit(X, y)
    shards = [X[8 * i : 8 * i + 8].save(tmp_path / "in" / f"{i}") for i in range(5)]
    here = predict_shards(model, shards, tmp_path / "here")
    (tmp_path / "in" / "broken").mkdir()
    with joblib.parallel_config(backend="dask"):
        with pytest.raises(RuntimeError, match=r"1 of 6 shards failed.*\n.*in/broken: "):
            predict_shards(model, [*shards, tmp_path / "in" / "broken"], tmp_path / "there")
        there = predict_shards(model, shards, tmp_path / "there")
    assert [path.name for path in there] == [path.name for path in here]
    assert read_shards(there) == read_shards(here)
    assert len(read_shards(here)) == len(X)
