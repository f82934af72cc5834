"""skorch's callbacks in a localizer: whose they are, what they replace, and their parameters."""

import json
import threading

import numpy as np
import pytest
import torch
from helpers.localizers import assert_same_weights, fast, weights
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    TensorBoard,
    WandbLogger,
)

from sklearn_asn import SelfTrainingLocalizer


class Writer:
    """Stands for TensorBoard's: it cannot be copied."""

    def __init__(self):
        self.lock = threading.Lock()
        self.scalars = {}

    def add_scalar(self, tag, scalar_value, global_step):
        self.scalars.setdefault(tag, []).append(scalar_value)

    def close(self):
        self.scalars["closed"] = True


class Prune(Callback):
    """Stands for Optuna's: it reports to a trial, and raises where that says so."""

    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        self.trial.append(net.history[-1, "train_loss"])
        if len(self.trial) == 3:
            raise RuntimeError("pruned")


class Rates(Callback):
    """Note learning rates, and the names of the callbacks."""

    def __init__(self, seen):
        self.seen = seen

    def on_epoch_end(self, net, **kwargs):
        self.seen.append((net.optimizer_.param_groups[0]["lr"], [n for n, _ in net.callbacks_]))


def test_a_writer_is_the_users_own(videos):
    writer = Writer()
    model = fast("temporal", callbacks=[TensorBoard(writer, close_after_train=False)]).fit(*videos)
    losses = [epoch["train_loss"] for epoch in model.history_]
    assert writer.scalars["Loss/train_loss"] == losses
    assert len(writer.scalars["attention_quantile_50"]) == 5


@pytest.mark.filterwarnings("ignore")  # of TensorBoard's own dependencies
def test_tensorboard(videos, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    writer = tensorboard.SummaryWriter(tmp_path)
    fast("two-stream", callbacks=[TensorBoard(writer)]).fit(*videos)
    assert list(tmp_path.iterdir())


def test_pruning_reports_to_the_users_trial_and_goes_up(videos):
    trial = []
    model = fast("temporal", callbacks=[Prune(trial)])
    with pytest.raises(RuntimeError, match="pruned"):
        model.fit(*videos)
    assert len(trial) == 3
    assert not hasattr(model, "model_")


def test_wandb_gets_numbers_alone(videos):
    logged = []

    class Run:
        def watch(self, module):
            pass

        def log(self, values):
            json.dumps(values)
            logged.append(values)

    class Logger(WandbLogger):
        def on_train_begin(self, net, **kwargs):  # which wants the package to be there
            self.keys_ignored_ = {"batches"}

    fast("two-stream", callbacks=[Logger(Run(), save_model=False)]).fit(*videos)
    assert len(logged) == 5
    assert all(np.isscalar(value) for epoch in logged for value in epoch.values()), logged[0]


@pytest.mark.filterwarnings("ignore")
def test_mlflow(videos, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    from skorch.callbacks import MlflowLogger

    client = mlflow.tracking.MlflowClient(f"sqlite:///{tmp_path}/runs.db")
    run = client.create_run(client.create_experiment("sklearn_asn", tmp_path.as_uri()))
    logger = MlflowLogger(run=run, client=client)
    fast("two-stream", callbacks=[logger]).fit(*videos)
    found = client.get_metric_history(run.info.run_id, "attention_quantile_50_of_2")
    assert len(found) == 5


def test_history_of_the_net_holds_numbers_alone(videos):
    model = fast("two-stream").fit(*videos)
    for epoch in model.net_.history:
        assert all(np.isscalar(value) for name, value in epoch.items() if name != "batches")
    assert np.shape(model.history_[-1]["attention_quantiles"]) == (2, 5)
    curves = model.attention_quantiles_[:, [10, 30, 50, 70, 90]]
    np.testing.assert_allclose(model.history_[-1]["attention_quantiles"], curves)
    again = clone(model).fit(*videos)
    state = model.model_.__getstate__()["_history"]
    assert [e["attention_quantiles"] for e in state] == [
        e["attention_quantiles"] for e in again.history_
    ]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("lr_schedule", ["steps", "cosine"])
def test_a_scheduler_of_the_users_replaces_ours(videos, named, lr_schedule):
    seen = []
    mine = LRScheduler(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    callbacks = [("lr_scheduler", mine) if named else mine, Rates(seen)]
    fast("temporal", lr_schedule=lr_schedule, lr=0.08, callbacks=callbacks).fit(*videos)
    rates, names = zip(*seen, strict=True)
    np.testing.assert_allclose(rates, 0.08 * 0.5 ** np.arange(1, 6))
    assert sum("cheduler" in name for name in names[0]) == 1


@pytest.mark.parametrize("callback", [GradientNormClipping(0.01), ("gradient_clip", None)])
def test_a_clip_of_the_users_replaces_ours(videos, callback):
    seen = []
    got = fast("temporal", callbacks=[callback, Rates(seen)]).fit(*videos)
    assert sum("lip" in name for name in seen[0][1]) == (not isinstance(callback, tuple))
    want = fast(
        "temporal", gradient_clip=0.01 if seen[0][1].count("GradientNormClipping") else None
    )
    assert_same_weights(got, want.fit(*videos))


def test_frozen_layers_stay_as_they_were(videos):
    X, y = videos
    start = FrozenEstimator(fast("temporal").fit(X, y))
    before = weights(fast("bottleneck", init=start, max_epochs=1, lr=0.0).fit(X, y))
    freeze = Freezer("models.*.classification.*")
    after = weights(fast("bottleneck", init=start, callbacks=[freeze]).fit(X, y))
    for name in after:
        frozen = "classification" in name
        if frozen or name.endswith("weight"):
            assert np.array_equal(before[name], after[name]) == frozen, name


def test_parameters_by_name(videos):
    stop = EarlyStopping("train_loss", patience=9, threshold=10.0, sink=print)
    model = fast("temporal", max_epochs=9, callbacks=[("stop", stop), Rates([])])
    params = model.get_params()
    assert params["callbacks__stop"] is stop
    assert params["callbacks__stop__patience"] == 9
    assert params["callbacks__Rates__seen"] == []
    model.set_params(callbacks__stop__patience=2, callbacks__stop__sink=lambda text: None)
    assert model.fit(*videos).n_iter_ == 3
    model.set_params(callbacks__stop=None, max_epochs=4)
    assert model.fit(*videos).n_iter_ == 4
    model.set_params(callbacks=[("stop", stop)], callbacks__stop__patience=3)
    assert model.callbacks == [("stop", stop)]
    assert stop.patience == 3


def test_parameters_of_callbacks_in_a_search(videos):
    stop = EarlyStopping("train_loss", threshold=10.0, sink=silent)
    model = make_pipeline("passthrough", fast("temporal", max_epochs=9, callbacks=[("stop", stop)]))
    grid = {"asnlocalizer__callbacks__stop__patience": [2, 4]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(*videos)
    best = search.best_params_["asnlocalizer__callbacks__stop__patience"]
    assert search.best_estimator_[-1].n_iter_ == best + 1
    assert stop.patience == 5


def silent(text):
    pass


def test_parameters_of_callbacks_of_networks_that_teach():
    one = fast(pooling="probability", callbacks=[("stop", EarlyStopping("train_loss"))])
    with pytest.raises(ValueError, match="Invalid parameter 'callbacks'"):
        SelfTrainingLocalizer([("one", one)]).set_params(callbacks=[])
    model = SelfTrainingLocalizer([("one", one)]).set_params(one__callbacks__stop__patience=2)
    assert model.get_params()["one__callbacks__stop__patience"] == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("callbacks__halt__patience", r"no callback 'halt'; callbacks has \['stop'\]"),
        ("callbacks__halt", "no callback 'halt'"),
        ("callbacks__stop__pace", "EarlyStopping has no parameter 'pace'"),
    ],
)
def test_names_that_are_not_there(name, message):
    model = fast(callbacks=[("stop", EarlyStopping())])
    with pytest.raises(ValueError, match=message):
        model.set_params(**{name: 1})


@pytest.mark.parametrize("method", ["predict", "predict_proba", "forward"])
def test_the_net_says_what_takes_videos(videos, method):
    X, y = videos
    model = fast("temporal").fit(X, y)
    with pytest.raises(TypeError, match=r"not Clips\. For videos use the localizer: predict"):
        getattr(model.net_, method)(X)
    with pytest.raises(TypeError, match="not list"):
        model.net_.predict(list(X))


def test_training_goes_on_with_warm_start(videos):
    X, y = videos
    model = fast("bottleneck", warm_start=True).fit(X, y)
    first, quantiles = weights(model), model.attention_quantiles_.copy()
    model.set_params(lr=0.0, quantile_momentum=1.0).fit(X, y)  # nothing is to change
    assert model.n_iter_ == 10
    assert [e["epoch"] for e in model.history_] == list(range(1, 11))
    assert_array_equal(model.attention_quantiles_, quantiles)
    for name, value in weights(model).items():
        if name != "n_batches":
            assert_array_equal(value, first[name])
    assert clone(model).fit(X, y).n_iter_ == 5
    found = model.predict(X)
    assert model.set_params(warm_start=False).predict(X) == found  # read by fit alone
    assert model.fit(X, y).n_iter_ == 5


def test_warm_start_needs_the_same_network_and_classes(videos):
    X, y = videos
    model = fast("bottleneck", warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="hidden_size would be another"):
        clone(model).fit(X, y).set_params(hidden_size=9).fit(X, y)
    sets = [{s.label for s in video} for video in y]
    with pytest.raises(ValueError, match=r"video 3 has the label new.*fixed at first"):
        model.fit(X, [*sets[:3], {"new"}, *sets[4:]])
    some = np.array(["class_0", "class_2"])[np.arange(len(X)) % 2]
    assert_array_equal(model.fit(X, some).classes_, ["class_0", "class_1", "class_2"])


def test_warm_start_and_the_cache(videos, tmp_path):
    X, y = videos
    plain = fast("temporal", warm_start=True)
    kept = clone(plain).set_params(memory=str(tmp_path))
    for _ in range(2):
        plain.fit(X, y)
        kept.fit(X, y)
    assert_same_weights(plain, kept)
    assert [e["train_loss"] for e in plain.history_] == [e["train_loss"] for e in kept.history_]


@pytest.mark.parametrize("variant", ["temporal", "bottleneck", "two-stream"])
def test_partial_fit_on_new_videos(videos, variant):
    X, y = videos
    classes = np.unique(y.label)
    model = fast(variant)
    for first in range(0, 40, 10):
        before = None if first == 0 else model.attention_quantiles_.copy()
        model.partial_fit(X[first : first + 10], y[first : first + 10], classes=classes)
        if before is not None:
            assert not np.array_equal(before, model.attention_quantiles_)
    assert model.n_iter_ == 4
    assert_array_equal(model.classes_, classes)
    assert model.predict(X).lengths.shape == (40,)
    again = fast(variant)
    for first in range(0, 40, 10):
        again.partial_fit(X[first : first + 10], y[first : first + 10], classes=classes)
    assert_same_weights(model, again)


def test_quantiles_go_on_from_the_recorded_ones(videos):
    X, y = videos
    still = fast("temporal", lr=0.0, quantile_momentum=0.75, clips_per_video=None, batch_size=64)
    model = still.partial_fit(X[:20], y[:20], classes=np.unique(y.label))
    before = model.attention_quantiles_.copy()
    model.partial_fit(X[20:], y[20:])
    now = np.quantile(np.concatenate(model.attention(X[20:])), model.quantile_levels_)
    np.testing.assert_allclose(model.attention_quantiles_, 0.75 * before + 0.25 * now, atol=1e-5)


@pytest.mark.slow
def test_many_small_parts_teach(videos):
    X, y = videos
    model = fast("temporal", batch_size=8, lr=0.1)
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"]
    assert fast("temporal").partial_fit(X, y, n_epochs=7).n_iter_ == 7


def test_bad_calls_of_partial_fit(videos):
    X, y = videos
    classes = np.unique(y.label)
    with pytest.raises(ValueError, match="expected every class once"):
        fast().partial_fit(X, y, classes=["a", "a"])
    with pytest.raises(ValueError, match="none of the classes that were fixed at first"):
        fast().partial_fit(X, y, classes=classes[:2])
    with pytest.raises(ValueError, match="At least 2 are needed"):
        fast().partial_fit(X, ["a"] * 40, classes=["a"])
    model = fast().partial_fit(X, y, classes=classes)
    with pytest.raises(ValueError, match="the first call had"):
        model.partial_fit(X, y, classes=classes[:2])
    holes = np.array(X.values)
    holes[-1] = np.nan
    with pytest.raises(ValueError, match="NaN: video 39"):
        model.partial_fit(X.with_values(holes, X.feature_names), y)
    with pytest.raises(ValueError, match="n_epochs=0"):
        model.partial_fit(X, y, n_epochs=0)
    assert not hasattr(SelfTrainingLocalizer([]), "partial_fit")
