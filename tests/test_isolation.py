"""Fits in a process that others use: threads, global generators, torch's defaults."""

import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional

from sklearn_asn import ASNLocalizer, Clips, SelfTrainingLocalizer
from sklearn_asn._training.isolation import own_torch
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet

FAST = {"max_epochs": 3, "batch_size": 8, "random_state": 0, "device": "cpu"}
SOFT = ASNLocalizer(
    "fusion", pooling="probability", context_layers=1, context_size=4, init="scratch", **FAST
)


class Noisy(nn.Module):
    """A user's own features, with draws of every kind."""

    def __init__(self, n_main, n_other, dropout):
        super().__init__()
        self.n_out = 4
        self.layer = nn.Linear(n_main + n_other, 4)
        self.dropout = nn.Dropout(dropout)

    def forward(self, main, other):
        both = self.dropout(self.layer(torch.cat([main, other], dim=-1)))
        if not self.training:
            return both
        return functional.alpha_dropout(both, 0.2, True) + 0.01 * torch.randn_like(both)


LOCALIZERS = {
    "temporal": ASNLocalizer("temporal", **FAST),
    "two-stream": ASNLocalizer("two-stream", **FAST),
    "bilinear": ASNLocalizer("bilinear", hidden_size=4, **FAST),
    "hidden": ASNLocalizer("fusion", hide_probability=0.3, init="scratch", **FAST),
    "probability": SOFT,
    "own variant": ASNLocalizer(Noisy, init="scratch", **FAST),
    "untrimmednet": UntrimmedNet(**FAST),
    "stpn": STPN(attention_size=4, **FAST),
    "wtalc": WTALC(hidden_size=5, **FAST),
    "autoloc": AutoLoc(STPN(attention_size=4, **FAST), hidden_size=3, max_epochs=2, random_state=0),
    "single": SingleInstance(max_iter=20),
    "self-training": SelfTrainingLocalizer(
        [("a", SOFT), ("b", clone(SOFT))], n_rounds=1, random_state=0
    ),
}
PRIVATE = sorted(LOCALIZERS.keys() - {"own variant"})  # which never touch global generators


@pytest.fixture(scope="module")
def videos():
    return make_untrimmed_videos(n_videos=16, n_classes=3, random_state=0)


@pytest.fixture
def quiet():
    """Silence advice for all threads: a filter of one thread's own would race."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def defaults():
    """Put torch's defaults back."""
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)
    torch.set_default_device("cpu")
    torch.set_default_device(None)


@pytest.fixture(scope="module")
def fitted_alone(videos):
    """Fit a localizer, once for all tests, while nothing else goes on; they only read it."""

    @cache
    def fit(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clone(LOCALIZERS[name]).fit(*videos)

    return fit


def weights_of(localizer):
    held = getattr(localizer, "localizers_", [getattr(localizer, "localizer_", localizer)])
    parts = [one.model_.weights for one in (*held, localizer)]
    return {f"{i}.{name}": value for i, part in enumerate(parts) for name, value in part.items()}


def assert_same(first, second, X):
    one, two = weights_of(first), weights_of(second)
    assert one.keys() == two.keys()
    for name in one:
        assert_array_equal(one[name], two[name], err_msg=name)
    assert first.predict(X) == second.predict(X)


def states():
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        torch.get_num_threads(),
        torch.get_default_dtype(),
    )


class Drawing:
    """Another thread that draws from all global generators, all the time."""

    def __enter__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.draw)
        self.thread.start()

    def draw(self):
        while not self.stop.wait(1e-4):
            torch.rand(10)
            np.random.rand(10)  # noqa: NPY002
            random.random()

    def __exit__(self, *raised):
        self.stop.set()
        self.thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("name", LOCALIZERS)
@pytest.mark.usefixtures("quiet")
def test_fits_of_one_seed_in_threads_are_the_same(videos, fitted_alone, name):
    X, y = videos
    alone = fitted_alone(name)
    before = states()
    with ThreadPoolExecutor(3) as pool:
        fits = [pool.submit(clone(LOCALIZERS[name]).fit, X, y) for _ in range(2)]
        other = pool.submit(clone(LOCALIZERS["temporal"]).fit, X, y)
        for fit in fits:
            assert_same(fit.result(), alone, X)
        other.result()
    assert states() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.usefixtures("quiet")
def test_draws_of_others_do_not_matter(videos, fitted_alone, name):
    X, y = videos
    alone = fitted_alone(name)
    with Drawing():
        beside = clone(LOCALIZERS[name]).fit(X, y)
    assert_same(beside, alone, X)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.usefixtures("quiet")
def test_global_generators_are_left_alone_even_while_a_fit_runs(videos, name, monkeypatch):
    def touched(*args, **kwargs):
        raise AssertionError("a global generator was touched")

    monkeypatch.setattr(torch, "manual_seed", touched)
    monkeypatch.setattr(torch.random, "fork_rng", touched)
    X, y = videos
    before = states()
    localizer = clone(LOCALIZERS[name]).fit(X, y)
    localizer.predict(X)
    localizer.model_.__setstate__(localizer.model_.__getstate__())  # the net is made anew
    localizer.predict(X)
    assert states() == before


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_use_while_others_fit(videos):
    X, y = videos
    used = clone(LOCALIZERS["two-stream"]).fit(X, y)
    wanted = used.predict(X), used.transform(X)
    with ThreadPoolExecutor(4) as pool:
        fits = [pool.submit(clone(one).fit, X, y) for one in LOCALIZERS.values()]
        for _ in range(20):
            assert used.predict(X) == wanted[0]
            for one, two in zip(used.transform(X), wanted[1], strict=True):
                assert_array_equal(one, two)
        for fit in fits:
            fit.result()


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_one_fitted_localizer_in_many_threads(videos):
    X, y = videos
    used = clone(LOCALIZERS["bilinear"]).fit(X, y)
    wanted = used.predict(X)
    used.model_.__setstate__(used.model_.__getstate__())  # the threads make the net
    with ThreadPoolExecutor(4) as pool:
        assert all(found == wanted for found in pool.map(used.predict, [X] * 16))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.usefixtures("quiet", "light_processes")
def test_a_search_in_threads(videos, backend):
    X, y = videos
    grid = {"lr": [0.05, 0.1]}
    search = GridSearchCV(LOCALIZERS["bilinear"], grid, cv=2, error_score="raise")
    alone = clone(search).fit(X, y).cv_results_["mean_test_score"]
    before = states()
    with joblib.parallel_config(backend, n_jobs=2):
        beside = clone(search).fit(X, y).cv_results_["mean_test_score"]
    assert_array_equal(beside, alone)
    assert states() == before


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_self_training_with_threads(videos, fitted_alone):
    X, y = videos
    alone = fitted_alone("self-training")
    before = states()
    with joblib.parallel_config("threading"):
        beside = clone(LOCALIZERS["self-training"]).set_params(n_jobs=2).fit(X, y)
    assert_same(beside, alone, X)
    assert states() == before


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_the_number_of_threads_is_each_threads_own(videos):
    X, y = videos
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        seen = []
        begun, stop = threading.Event(), threading.Event()

        def look():
            seen.append(torch.get_num_threads())  # torch counts when a thread first asks
            begun.set()
            while not stop.is_set():
                with ThreadPoolExecutor(1) as fresh:
                    fresh.submit(torch.get_num_threads).result()
                seen.append(torch.get_num_threads())

        with ThreadPoolExecutor(3) as pool:
            looking = pool.submit(look)
            begun.wait()
            fits = [pool.submit(clone(LOCALIZERS["self-training"]).fit, X, y) for _ in range(2)]
            for fit in fits:
                fit.result()
            stop.set()
            looking.result()
        assert set(seen) == {2}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


class Seen(Callback):
    """The numbers of threads that steps are taken with."""

    def __init__(self, found):
        self.found = found

    def on_batch_end(self, net, **kwargs):
        self.found.append(torch.get_num_threads())


@pytest.fixture
def two_threads():
    """Let torch use two threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_columns", "changes", "expected"),
    [
        (64, {}, 1),
        (64, {"clips_per_video": None}, 1),
        (1600, {}, 1),
        (1600, {"clips_per_video": None}, 2),
        (1600, {"pooling": "probability", "context_layers": 1, "context_size": 2}, 2),
        (1600, {"clips_per_video": None, "batch_size": 4}, 1),
    ],
)
@pytest.mark.usefixtures("quiet", "two_threads")
def test_small_steps_are_taken_by_one_thread(n_columns, changes, expected):
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((60, n_columns)).astype(np.float32) for _ in range(16)]
    y = [["a"], ["b"]] * 8
    given = FAST | {"batch_size": 16, "max_epochs": 1, "init": "scratch"} | changes
    found = []
    ASNLocalizer("fusion", callbacks=[Seen(found)], **given).fit(X, y)
    assert set(found) == {expected}
    assert torch.get_num_threads() == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["temporal", "bilinear", "probability"])
@pytest.mark.usefixtures("quiet", "two_threads")
def test_a_small_fit_is_the_same_for_any_number_of_threads(videos, name):
    X, y = videos
    two = clone(LOCALIZERS[name]).fit(X, y)
    torch.set_num_threads(1)
    one = clone(LOCALIZERS[name]).fit(X, y)
    assert weights_of(one).keys() == weights_of(two).keys()
    for key, value in weights_of(one).items():
        assert_array_equal(value, weights_of(two)[key], err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOCALIZERS)
@pytest.mark.usefixtures("quiet", "defaults")
def test_torchs_defaults_do_not_matter(videos, fitted_alone, name):
    X, y = videos
    alone = fitted_alone(name)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    beside = clone(LOCALIZERS[name]).fit(X, y)
    assert_same(beside, alone, X)
    beside.model_.__setstate__(beside.model_.__getstate__())
    assert_same(beside, alone, X)
    assert torch.get_default_dtype() == torch.float64
    assert torch.empty(0).device.type == "meta"


@pytest.mark.usefixtures("quiet")
def test_features_that_are_read_only_are_read_without_a_word(videos):
    X, y = videos
    values = np.concatenate(list(X)).astype(np.float32)
    values.flags.writeable = False
    frozen = Clips(values, X.offsets)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn_asn")
        localizer = clone(LOCALIZERS["temporal"]).fit(frozen, y)
        before = values.copy()
        localizer.predict(frozen)
    assert_array_equal(values, before)
    assert not values.flags.writeable


def test_a_private_generator_gives_torchs_own_numbers():
    def draw():
        layers = [nn.Linear(30, 12), nn.Bilinear(6, 6, 3), nn.Conv1d(5, 4, 3)]
        nn.init.kaiming_normal_(layers[2].weight, 0.1, nonlinearity="leaky_relu")
        drawn = [p.detach().clone() for layer in layers for p in layer.parameters()]
        for rate in (0.1, 0.5, 0.9, 1.0):
            drawn += [functional.dropout(torch.ones(50, 7), rate), nn.Dropout(rate)(torch.ones(9))]
            drawn += [nn.Dropout(rate, inplace=True)(torch.ones(9)), torch.rand(4)]
        return [*drawn, torch.empty(9).uniform_(-1, 1), torch.randn(5), torch.randperm(8)]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        wanted = draw()
    with own_torch(3):
        found = draw()
    assert all(torch.equal(one, two) for one, two in zip(wanted, found, strict=True))
