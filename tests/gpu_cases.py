"""What a device must give, as plain functions: for `test_gpu.py`, and for a script without pytest.

Each takes the device and a number of epochs, and fails by an `AssertionError`. On "cpu" they run
too, and then show that they themselves work.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_asn import ASNLocalizer, Clips, SelfTrainingLocalizer
from sklearn_asn._training.table import Table
from sklearn_asn.datasets import make_untrimmed_videos

SAME = 1e-4  # two devices add up in another order
CODE = Path(__file__).parents[1]

#: Every variant, pooling and context; attention's quantiles, scores and curves must be the CPU's.
MODELS = {
    **{variant: {"variant": variant}
       for variant in ("temporal", "spatial", "two-stream", "fusion", "bottleneck", "bilinear")},
    "bottleneck from scratch": {"variant": "bottleneck", "init": "scratch"},
    "top-k": {"variant": "fusion", "init": "scratch", "pooling": "topk"},
    "probability": {"variant": "fusion", "init": "scratch", "pooling": "probability"},
    "sigmoid": {"variant": "fusion", "init": "scratch", "pooling": "probability",
                "class_activation": "sigmoid"},
    "all clips": {"variant": "temporal", "clips_per_video": None},
    "one context layer": {"variant": "fusion", "init": "scratch", "context_layers": 1},
    "three context layers": {"variant": "fusion", "init": "scratch", "context_layers": 3},
}  # fmt: skip


def make_videos(n_videos: int = 40):
    return make_untrimmed_videos(n_videos=n_videos, n_classes=3, random_state=0)


def make_model(device, n_epochs, **parameters):
    # without dropout: the two devices draw other random numbers
    given = {
        "variant": "temporal", "hidden_size": 16, "context_size": 8, "dropout": 0.0,
        "batch_size": 16, "random_state": 0, "max_epochs": n_epochs, "device": device,
    }  # fmt: skip
    return ASNLocalizer(**{**given, **parameters})


def gap_of(found, expected, X):
    """Largest difference of what two models say of the same videos, relative above 1."""
    pairs = [(found.predict_proba(X), expected.predict_proba(X))]
    pairs += zip(found.attention(X), expected.attention(X), strict=True)
    for a, b in zip(found.transform(X), expected.transform(X), strict=True):
        both = (a != 0) & (b != 0)  # a clip just at the threshold may be cut on one device
        assert both.sum() >= 0.98 * max((a != 0).sum(), (b != 0).sum())
        pairs.append((a[both], b[both]))
    if hasattr(expected, "attention_quantiles_"):
        pairs.append((found.attention_quantiles_, expected.attention_quantiles_))
    assert all(np.isfinite(part).all() for pair in pairs for part in pair)
    gaps = [np.abs(np.subtract(a, b)) / np.maximum(1, np.abs(b)) for a, b in pairs]
    return max(float(gap.max(initial=0)) for gap in gaps)


def check_model(name, device, n_epochs):
    """One of `MODELS` is the same on the device as on the CPU."""
    X, y = make_videos()
    ours, cpus = (
        make_model(where, n_epochs, **MODELS[name]).fit(X, y) for where in (device, "cpu")
    )
    gap = gap_of(ours, cpus, X)
    assert gap <= SAME, f"{name}: {gap:.1e}"
    return {"gap": gap}


def check_self_training(device, n_epochs):
    """An ensemble and its rounds are the same on the device as on the CPU."""
    X, y = make_videos()
    options = {"variant": "fusion", "init": "scratch", "pooling": "probability"}
    fits = []
    for where in (device, "cpu"):
        one = make_model(where, n_epochs, context_layers=1, **options)
        members = [("one", one), ("two", clone(one).set_params(context_layers=2))]
        fits.append(SelfTrainingLocalizer(members, n_rounds=1, random_state=0).fit(X, y))
    gap = gap_of(*fits, X)
    assert gap <= SAME, f"{gap:.1e}"
    return {"gap": gap}


def tables_of(fit):
    """Whether each table of features lay on the accelerator in a fit, and the fitted model."""
    seen, original = [], Table.hold_on

    def hold_on(table, device, **options):
        original(table, device, **options)
        seen.append(table.is_resident)

    Table.hold_on = hold_on
    try:
        return seen, fit()
    finally:
        Table.hold_on = original


def check_residency(device, n_epochs):
    """Features that fit lie on the accelerator for the whole of a fit; nothing does on a CPU."""
    X, y = make_videos()
    seen, _ = tables_of(lambda: make_model(device, n_epochs).fit(X, y))
    assert seen
    assert all(value == device.startswith("cuda") for value in seen), seen
    return {"tables": len(seen)}


def check_larger_than_memory(device, n_epochs, n_columns=2048):
    """Features that do not fit into the free memory give the same net, bit by bit or nearly so.

    The memory is really filled: the free part holds the features once, but not twice.
    """
    n_videos, n_clips = 64, 512 if device.startswith("cuda") else 16
    values = np.random.default_rng(0).standard_normal((n_videos * n_clips, n_columns), np.float32)
    X = Clips(values, np.arange(n_videos + 1) * n_clips)
    y = [{str(video % 3)} for video in range(n_videos)]
    options = {"variant": "fusion", "init": "scratch"}
    fitting = make_model(device, n_epochs, **options)
    _, inside = tables_of(lambda: clone(fitting).fit(X, y))
    if not device.startswith("cuda"):
        return {"filled": 0}
    gc.collect()
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    fill = free - values.nbytes - values.nbytes // 2
    assert fill > 0, f"{free} bytes are free: too few for this check"
    filler = torch.empty(fill, dtype=torch.uint8, device=device)
    seen, outside = tables_of(lambda: clone(fitting).fit(X, y))
    gap = gap_of(outside, inside, X[:4])
    del filler
    torch.cuda.empty_cache()
    assert not any(seen), "the features lay on the accelerator, so nothing was shown"
    assert gap <= SAME, f"{gap:.1e}"
    return {"filled": fill, "gap": gap}


def check_option(device, n_epochs, tolerance=0.05, **options):
    """bfloat16 and compiled code stay near the plain result."""
    X, y = make_videos()
    fits = [
        make_model(device, n_epochs, variant="bottleneck", **more).fit(X, y)
        for more in (options, {})
    ]
    gap = float(np.abs(np.subtract(*(model.predict_proba(X) for model in fits))).max())
    assert gap <= tolerance, f"{gap:.1e}"
    return {"gap": gap}


LOADS = """
import sys, joblib, numpy, torch
assert not torch.cuda.is_available()
model, X, want = joblib.load(sys.argv[1])
numpy.testing.assert_allclose(model.predict_proba(X), want, atol=1e-4)
"""


def check_joblib(device, n_epochs):
    """A file of a model that was trained on the device opens in a process that sees no GPU."""
    X, y = make_videos()
    model = make_model(device, n_epochs).set_params(
        device="auto" if device.startswith("cuda") else device
    )
    model.fit(X, y)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.joblib"
        joblib.dump((model, X, model.predict_proba(X)), file)
        env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(CODE)}
        done = subprocess.run(
            [sys.executable, "-c", LOADS, str(file)], env=env, capture_output=True, text=True
        )
    assert not done.returncode, done.stderr[-2000:]
    return {}


def held_by(device):
    """Bytes that this process holds on the device: allocated, and kept by torch's cache."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), 0


def check_growth(device, n_epochs, n_fits=30, warm_up=5, slack=16 * 2**20):
    """Nothing stays behind: after `n_fits` fits as much is held as after the first few."""
    if not device.startswith("cuda") and not sys.platform.startswith("linux"):
        return {"skipped": "this system does not tell what a process holds"}
    X, y = make_videos()
    model = make_model(device, n_epochs, variant="bottleneck")
    begun = (0, 0)
    for fit in range(n_fits):
        clone(model).fit(X, y).predict(X)
        if fit == warm_up - 1:
            begun = held_by(device)
    ended = held_by(device)
    growth = [after - before for before, after in zip(begun, ended, strict=True)]
    if device.startswith("cuda"):
        assert growth[0] <= 0, growth
    assert max(growth) <= slack, growth
    return {"growth": growth, "held": list(ended)}


def check_two_processes(device, n_epochs):
    """A search with two processes on one device finds what one process finds."""
    X, y = make_videos()
    scores = []
    for n_jobs in (2, 1):
        search = GridSearchCV(
            make_model(device, n_epochs), {"lr": [0.1, 0.01]}, cv=2, n_jobs=n_jobs, refit=False,
            error_score="raise",
        )  # fmt: skip
        scores.append(search.fit(X, y).cv_results_["mean_test_score"])
    gap = float(np.abs(np.subtract(*scores)).max())
    assert gap <= 1e-3, scores  # a rank of two detections may turn at a difference of 1e-7
    return {"gap": gap}


CHECKS = {
    **{f"same as the CPU: {name}": (check_model, {"name": name}) for name in MODELS},
    "same as the CPU: self-training": (check_self_training, {}),
    "features are resident": (check_residency, {}),
    "features larger than the free memory": (check_larger_than_memory, {}),
    "bfloat16": (check_option, {"precision": "bfloat16"}),
    "compile": (check_option, {"compile": True}),
    "joblib, opened without a GPU": (check_joblib, {}),
    "no growth over 30 fits": (check_growth, {}),
    "n_jobs=2": (check_two_processes, {}),
}


def run_check(name, device, n_epochs=10, **more):
    """Run one of `CHECKS`; advice of short trainings is not what is tested."""
    function, given = CHECKS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(device=device, n_epochs=n_epochs, **given, **more)
