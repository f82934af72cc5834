"""Rivals and selections beside ASN on HAPT: settings searched on the training people only.

    python benchmarks/hapt_comparison.py PATH_OF_HAPT_ZIP            # evaluate the settings chosen
    python benchmarks/hapt_comparison.py PATH_OF_HAPT_ZIP --search   # choose them again first

Writes `hapt_comparison.json`, from which `results_hapt.py` makes its page.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, ParameterGrid
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import load_hapt
from sklearn_asn.metrics import localization_map, recognition_accuracy
from sklearn_asn.rivals import STPN, WTALC, AutoLoc, SingleInstance, UntrimmedNet
from sklearn_asn.selection import AutoLocSelection, MultiQuantileSelection, NaiveSelection

TIOUS = (0.1, 0.3, 0.5, 0.7)
HERE = Path(__file__).parent
FILE = HERE / "hapt_comparison.json"
SETTINGS = {"random_state": 0, "device": "cpu"}
MORE = {**SETTINGS, "batch_size": 64}

DECAYS = [0.0005, 0.005, 0.01, 0.02, 0.05]
CONTEXT = {"context_layers": [1], "weight_decay": [0.005, 0.01, 0.02], "context_size": [128]}
WHOLE = {**MORE, "clips_per_video": None}
#: Name in the table: estimator, and what of its training is searched.
METHODS = {
    "UntrimmedNet, soft": (
        UntrimmedNet(max_epochs=160, **MORE),
        {"dropout": [0.0, 0.5, 0.8], "weight_decay": DECAYS[::2]},
    ),
    "UntrimmedNet, hard": (
        UntrimmedNet(clip_selection="hard", max_epochs=160, **MORE),
        {"dropout": [0.0, 0.5, 0.8], "weight_decay": DECAYS[::2]},
    ),
    "UntrimmedNet, soft, Hide-and-Seek": (
        UntrimmedNet(max_epochs=160, clips_per_video=None, hide_clips=4, **MORE),
        {"hide_probability": [0.25, 0.5], "weight_decay": DECAYS[::2]},
    ),
    "STPN": (
        STPN(max_epochs=100, clips_per_video=None, **SETTINGS, batch_size=16),
        {"lr": [3e-4, 1e-3, 3e-3], "sparsity": [1e-4, 1e-2]},
    ),
    "W-TALC": (
        WTALC(max_epochs=60, clips_per_video=None, hidden_size=256, **SETTINGS, batch_size=16),
        {
            "lr": [3e-4, 1e-3],
            "co_activity": [0.0, 0.2, 0.5],
            "weight_decay": [5e-4, 5e-3],
        },
    ),
    "ASN (bottleneck, the paper's)": (
        ASNLocalizer("bottleneck", hidden_size=64, max_epochs=160, video_threshold=0.05, **MORE),
        {
            "dropout": [0.0, 0.2, 0.5],
            "weight_decay": [0.01, 0.02, 0.05],
            "clips_per_video": [5, None],
        },
    ),
    "ASN + temporal context, attention pooling": (
        ASNLocalizer("fusion", init="scratch", video_threshold=0.05, **WHOLE),
        {**CONTEXT, "weight_decay": [0.01, 0.02, 0.05]},
    ),
    "ASN + temporal context, top-k pooling": (
        ASNLocalizer("fusion", init="scratch", pooling="topk", video_threshold=0.05, **WHOLE),
        {**CONTEXT, "topk_divisor": [6, 8], "variant": ["fusion", "bottleneck"]},
    ),
}
METHODS["single instance (baseline)"] = (
    SingleInstance(device="cpu"),
    {"C": [0.01, 0.1, 1.0], "smoothing": [1, 3, 5]},
)
#: Names of methods of which clips are compared with a quantile begin so.
BY_QUANTILE = ("ASN", "single instance")
QUANTILES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5]
RANGES = [(0.02, 0.3), (0.03, 0.45), (0.1, 0.9), (0.02, 0.2)]


def steps(low, high, n=10):
    return tuple(float(q) for q in np.linspace(low, high, n).round(3))


#: Name in the table: what is set on the fitted estimator, and its values.
SELECTIONS = {
    "own": {"selection": [None]},
    "naive": {"selection": [NaiveSelection()], "quantile": QUANTILES},
    "AutoLoc": {
        "selection": [
            AutoLocSelection(
                scales=(1, 2, 4, 8, 16, 32), outer_weight=w, inflation=i, min_activation=a,
                video_weight=0.2,
            )
            for w in (1.0, 2.0) for i in (0.25, 0.35) for a in (0.1, 0.3)
        ],
        "quantile": [0.02, 0.1, 0.2, 0.3],
    },
    "multi-quantile": {
        "selection": [
            MultiQuantileSelection(quantiles=steps(*r), inflation=i, merge=m)
            for r in RANGES for i in (0.1, 0.25) for m in ("nms", "soft-nms")
        ],
    },
}  # fmt: skip


def selections_of(name):
    for selection, grid in SELECTIONS.items():
        if selection == "own" and name.startswith(BY_QUANTILE):
            continue  # naive is its own
        if selection == "naive" and not name.startswith(BY_QUANTILE):
            grid = {"selection": [NaiveSelection()]}
        if not name.startswith(BY_QUANTILE):
            grid = {key: values for key, values in grid.items() if key != "quantile"}
        yield selection, list(ParameterGrid(grid))


def fit(estimator, X, y):
    torch.set_num_threads(1)
    scale = ClipWise(StandardScaler()).fit(X)
    return scale, estimator.fit(scale.transform(X), y)


def score_fold(name, params, X, y, train, test):
    """Fit once; return the mAP at 0.5 of every setting of every selection."""
    scale, fitted = fit(clone(METHODS[name][0]).set_params(**params), X[train], y[train])
    Z = scale.transform(X[test])
    return {
        selection: [
            localization_map(y[test], fitted.set_params(**setting).predict(Z)) for setting in grid
        ]
        for selection, grid in selections_of(name)
    }


def search(name, data):
    """Return the best settings for every selection, and what the search saw of each parameter."""
    grid = list(ParameterGrid(METHODS[name][1]))
    folds = list(GroupKFold(3).split(data.X, groups=data.groups))
    jobs = [(params, *fold) for params in grid for fold in folds]
    start = time.perf_counter()
    scores = Parallel(n_jobs=2)(
        delayed(score_fold)(name, params, data.X, data.y, *fold) for params, *fold in jobs
    )
    chosen = {}
    for selection, settings in selections_of(name):
        each = np.array([one[selection] for one in scores])
        means = each.reshape(len(grid), len(folds), len(settings)).mean(axis=1)
        best, which = np.unravel_index(means.argmax(), means.shape)
        per_value = {
            key: {
                str(value): means[[p[key] == value for p in grid]].max().round(4)
                for value in values
            }
            for key, values in METHODS[name][1].items()
        }
        chosen[selection] = {
            "training": grid[best],
            "use": int(which),
            "cv_map": float(means.max()),
            "best_per_value": per_value,
        }
        print(name, selection, f"{means.max():.3f}", grid[best], settings[which], flush=True)
    print(f"{len(jobs)} trainings in {time.perf_counter() - start:.0f} s", flush=True)
    return chosen


def describe(use):
    """Write a setting of the fitted estimator in few words."""
    text = [" ".join(str(value).split()) for key, value in use.items() if key == "selection"]
    return ", ".join(text + [f"{key} {value}" for key, value in use.items() if key != "selection"])


def evaluate(estimator, use, train, test, seed):
    scale, fitted = fit(estimator.set_params(random_state=seed), train.X, train.y)
    Z = scale.transform(test.X)
    fitted.set_params(**use)
    accuracy = recognition_accuracy(test.y, fitted.predict_proba(Z), classes=fitted.classes_)
    return [*localization_map(test.y, fitted.predict(Z), TIOUS), accuracy]


def boundaries(name, chosen, train, test, seed):
    """AutoLoc's trained regressor over the CAS of a method trained as for its AutoLoc selection."""
    found = chosen[name]["AutoLoc"]
    use = dict(selections_of(name))["AutoLoc"][found["use"]]
    inner = clone(METHODS[name][0]).set_params(**found["training"], random_state=seed)
    scale, inner = fit(inner, train.X, train.y)
    selection = use["selection"].get_params()
    inner.set_params(**{key: value for key, value in use.items() if key != "selection"})
    keys = ("scales", "outer_weight", "inflation", "min_activation", "video_weight")
    model = AutoLoc(
        FrozenEstimator(inner), **{k: selection[k] for k in keys}, random_state=seed, device="cpu"
    )
    model.fit(scale.transform(train.X), train.y)
    Z = scale.transform(test.X)
    accuracy = recognition_accuracy(test.y, model.predict_proba(Z), classes=model.classes_)
    return [*localization_map(test.y, model.predict(Z), TIOUS), accuracy]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="the HAPT archive or its unpacked folder")
    parser.add_argument("--search", action="store_true", help="choose the settings again")
    parser.add_argument("--only", help="methods whose name contains this")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    train, test = (load_hapt(args.path, subset=subset) for subset in ("train", "test"))
    saved = json.loads(FILE.read_text()) if FILE.exists() else {"chosen": {}, "rows": {}}
    names = [name for name in METHODS if not args.only or args.only in name]
    if args.search:
        for name in names:
            saved["chosen"][name] = search(name, train)
            FILE.write_text(json.dumps(saved, indent=1) + "\n")
    for name in names:
        for selection, settings in selections_of(name):
            found = saved["chosen"][name][selection]
            found["use_text"] = describe(settings[found["use"]])
            model = clone(METHODS[name][0]).set_params(**found["training"])
            use = settings[found["use"]]
            rows = Parallel(n_jobs=2)(
                delayed(evaluate)(clone(model), use, train, test, seed)
                for seed in range(args.seeds)
            )
            saved["rows"][f"{name} | {selection}"] = rows
            print(name, selection, (100 * np.mean(rows, axis=0)).round(1), flush=True)
        if name in ("UntrimmedNet, soft", "ASN (bottleneck, the paper's)"):
            rows = Parallel(n_jobs=2)(
                delayed(boundaries)(name, saved["chosen"], train, test, seed)
                for seed in range(args.seeds)
            )
            saved["rows"][f"{name} | AutoLoc, trained regressor"] = rows
            print(name, "regressor", (100 * np.mean(rows, axis=0)).round(1), flush=True)
        FILE.write_text(json.dumps(saved, indent=1) + "\n")


if __name__ == "__main__":
    main()
