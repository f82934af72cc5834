import sys

import numpy as np
import pytest
from helpers import processes
from joblib import Memory, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, Clips, ClipWise, SelfTrainingLocalizer
from sklearn_asn._training.net import ASNNet
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.selection import MultiThresholdSelection


@pytest.fixture
def trained(monkeypatch):
    """Count the networks that are trained."""
    counts = []
    original = ASNNet.partial_fit

    def counting(self, *args, **kwargs):
        counts.append(self.module__variant)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(ASNNet, "partial_fit", counting)
    return counts


def search(memory, init):
    model = ASNLocalizer(
        "bottleneck", init=init, max_epochs=2, random_state=0, memory=memory, device="cpu"
    )
    grid = {"quantile": [0.1, 0.3, 0.5, 0.7], "hidden_size": [4, 8]}
    return GridSearchCV(model, grid, cv=3)


@pytest.mark.slow
def test_a_search_trains_each_network_once(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=30, random_state=0)
    plain = search(None, "scratch").fit(X, y)
    assert len(trained) == 4 * 2 * 3 + 1
    trained.clear()
    cached = search(str(tmp_path), "scratch").fit(X, y)
    assert len(trained) == 2 * 3 + 1
    assert cached.best_params_ == plain.best_params_
    scores = "mean_test_score"
    np.testing.assert_array_equal(cached.cv_results_[scores], plain.cv_results_[scores])


@pytest.mark.slow
def test_the_main_stream_is_trained_once_a_fold(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=30, random_state=0)
    search(str(tmp_path), "inherit").fit(X, y)
    assert trained.count("temporal") == 3 + 1
    assert trained.count("bottleneck") == 2 * 3 + 1
    trained.clear()  # another variant inherits from the same
    ASNLocalizer("fusion", max_epochs=2, random_state=0, memory=str(tmp_path)).fit(X, y)
    assert trained == ["fusion"]


def test_what_enters_the_key(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    disk = Clips.open(X.save(tmp_path / "clips"))
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0, memory=str(tmp_path / "cache"))

    def trains(*data, **parameters):
        before = len(trained)
        ASNLocalizer(**model.get_params() | parameters).fit(*data)
        return len(trained) > before

    assert trains(X, y)
    assert not trains(X.with_values(X.values.copy()), y)
    assert not trains(X, y, quantile=0.9, video_threshold=0.3, verbose=0)
    assert trains(X, y, lr=0.05)
    assert trains(X, y, random_state=1)
    assert trains(X, y, precision="bfloat16")
    assert trains(X.with_values(X.values + 1e-6), y)
    assert trains(X, [list(video) for video in y[::-1]])
    assert trains(disk, y)
    assert not trains(Clips.open(tmp_path / "clips"), y)
    assert trains(disk[::-1], y[::-1])
    X.save(tmp_path / "clips", overwrite=True)
    assert trains(Clips.open(tmp_path / "clips"), y)  # another file, whatever is in it


def test_features_on_disk_are_not_read_for_a_key(tmp_path, monkeypatch, trained):
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    disk = Clips.open(X.save(tmp_path / "clips"))
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0, memory=str(tmp_path / "cache"))
    model.fit(disk, y)

    def no_reading(*args):
        raise AssertionError("features were read")

    for name in ("rows", "block"):
        monkeypatch.setattr(f"sklearn_asn._training.table.Table.{name}", no_reading)
    monkeypatch.setattr(Clips, "values", property(no_reading))
    model.fit(disk[:], y)
    assert len(trained) == 1


SHARING = """
import sys, time
from pathlib import Path
from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn._training.net import ASNNet
original = ASNNet.partial_fit
def counting(self, *args, **kwargs):
    print("trained", flush=True)
    while not Path(sys.argv[2]).exists():  # the other one is there, too
        time.sleep(0.01)
    time.sleep(0.3)  # in which it could begin
    return original(self, *args, **kwargs)
ASNNet.partial_fit = counting
X, y = make_untrimmed_videos(n_videos=20, random_state=0)
model = ASNLocalizer("temporal", max_epochs=2, batch_size=5, random_state=0, memory=sys.argv[1])
Path(sys.argv[3]).touch()
model.fit(X, y)
print("threshold", model.threshold_)
"""


@pytest.mark.slow
def test_of_two_processes_one_trains_and_the_other_waits(tmp_path):
    said = [tmp_path / "said by one", tmp_path / "said by two"]
    here = [tmp_path / "one is here", tmp_path / "two is here"]
    both = [
        processes.start(SHARING, tmp_path / "cache", *others, out=path)
        for path, others in zip(said, (here[::-1], here), strict=True)
    ]
    assert [processes.status(process) for process in both] == [0, 0]
    lines = [path.read_text().splitlines() for path in said]
    assert lines[0][-1] == lines[1][-1]
    assert sum(line.count("trained") for line in lines) == 1


def test_memory_without_a_folder(trained):
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    model = ASNLocalizer("temporal", max_epochs=1, memory=Memory(None))
    model.fit(X, y).fit(X, y)
    assert len(trained) == 2


def test_a_damaged_training_is_noticed_and_trained_anew(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0, memory=str(tmp_path))
    want = model.fit(X, y).predict(X)
    (kept,) = tmp_path.rglob("output.pkl")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1  # inside the weights
    kept.write_bytes(content)
    with pytest.warns(UserWarning, match="is damaged; it is trained anew"):
        assert model.fit(X, y).predict(X) == want
    assert len(trained) == 2
    assert model.fit(X, y).predict(X) == want
    assert len(trained) == 2


@pytest.mark.parametrize("package", ["numpy", "sklearn", "sklearn_asn", "skorch", "torch"])
def test_another_version_trains_anew(tmp_path, trained, monkeypatch, package):
    X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    model = ASNLocalizer("temporal", max_epochs=1, random_state=0, memory=str(tmp_path))
    model.fit(X, y)
    model.fit(X, y)
    assert len(trained) == 1
    monkeypatch.setattr(sys.modules[package], "__version__", "999")
    model.fit(X, y)
    assert len(trained) == 2
    monkeypatch.undo()


def taught(memory, n_jobs=None):
    """An ensemble whose networks teach others."""
    one = ASNLocalizer(
        "fusion", init="scratch", pooling="probability", context_layers=1, context_size=4,
        max_epochs=1, device="cpu",
    )  # fmt: skip
    return SelfTrainingLocalizer(
        [("one", one), ("two", clone(one).set_params(context_layers=2))],
        n_rounds=1,
        selection=MultiThresholdSelection(),
        random_state=0,
        memory=memory,
        n_jobs=n_jobs,
        device="cpu",
    )


# of what no training depends on, all at once is another; the rounds are no other networks either
SELF_TRAINING_GRID = [
    {"selection__min_score": [score], "quantile": [quantile], "n_rounds": [2, 0, 1]}
    for score, quantile in ((0.0, 0.3), (0.2, 0.6))
]


@pytest.mark.slow
@pytest.mark.parametrize("scaled", [False, True])
def test_a_search_of_self_training_trains_each_network_once(tmp_path, trained, scaled):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)

    before = "asn__" if scaled else ""
    grid = [{before + n: v for n, v in part.items()} for part in SELF_TRAINING_GRID]

    def search(memory):
        model = taught(memory)
        if scaled:
            model = Pipeline([("scale", ClipWise(StandardScaler())), ("asn", model)])
        return GridSearchCV(model, grid, cv=2, error_score="raise", refit=False)

    cached = search(str(tmp_path)).fit(X, y)
    assert len(trained) == 2 * 2 * 3  # members, folds, rounds: the first rounds are shared
    if not scaled:
        trained.clear()
        plain = search(None).set_params(param_grid={n: v[:1] for n, v in grid[0].items()}).fit(X, y)
        assert len(trained) == 2 * 2 * 3  # of one candidate: it is the first
        assert plain.cv_results_["mean_test_score"][0] == cached.cv_results_["mean_test_score"][0]
    trained.clear()
    search(str(tmp_path)).fit(X, y)
    assert not trained


@pytest.mark.slow
def test_members_and_their_own_parameters_are_trained_once(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    grid = {"n_rounds": [0, 1], "one__context_size": [4, 6], "two__quantile": [0.2, 0.5]}
    GridSearchCV(taught(str(tmp_path)), grid, cv=2, error_score="raise", refit=False).fit(X, y)
    # a fold's first round: "one" twice, "two" once; then both again for each of two teachers
    assert len(trained) == 2 * (3 + 2 * 2)


@pytest.mark.parametrize("n_rounds", [0, 1])
def test_more_rounds_begin_with_the_rounds_of_fewer(tmp_path, trained, n_rounds):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    few = taught(str(tmp_path)).set_params(n_rounds=n_rounds).fit(X, y)
    trained.clear()
    more = taught(str(tmp_path)).set_params(n_rounds=n_rounds + 1).fit(X, y)
    assert len(trained) == 2
    first = [epoch for epoch in more.history_ if epoch["round"] <= n_rounds]
    assert [epoch["train_loss"] for epoch in first] == [e["train_loss"] for e in few.history_]


def test_self_training_side_by_side_takes_the_same_networks(tmp_path, trained):
    X, y = make_untrimmed_videos(n_videos=24, random_state=0)
    alone = taught(str(tmp_path)).fit(X, y)
    trained.clear()
    with parallel_config("threading"):
        beside = taught(str(tmp_path), n_jobs=2).fit(X, y)
    assert not trained
    assert beside.predict(X) == alone.predict(X)
