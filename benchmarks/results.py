"""Methods x data sets x seeds: run what is not there yet, and make docs/results.md of it.

    python benchmarks/results.py FOLDER --search     # choose settings on training videos
    python benchmarks/results.py FOLDER              # fit and score, five seeds
    python benchmarks/results.py --page              # the page, of what the others have left

FOLDER holds ``hapt/hapt.zip`` and ``gestures/subject1.mat``, ``subject2.mat``. ``--only`` and
``--data`` run a part, ``--again`` runs rows that are there. Times are CPU seconds on one thread.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from joblib import Parallel, delayed
from results_data import DATA, SEARCHED_ON, Split, labels_of
from results_methods import METHODS
from results_page import page
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, ParameterGrid
from threadpoolctl import threadpool_limits

import sklearn_asn
from sklearn_asn.metrics import localization_map

TIOUS = (0.1, 0.3, 0.5, 0.7)
HERE = Path(__file__).parent
ROWS = HERE / "results_rows.jsonl"
SETTINGS = HERE / "results_settings.json"
PAGE = HERE.parent / "docs" / "results.md"


def versions() -> dict[str, str]:
    package = str(Path(sklearn_asn.__file__).parent)
    git = ["git", "-C", package, "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "sklearn_asn": f"{sklearn_asn.__version__} ({commit or 'no commit'})",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
    }


def text_of(estimator: Any) -> str:
    """What is set on an estimator, without its seed: two rows of one text are comparable."""
    plain = clone(estimator)
    seeds = [name for name in plain.get_params() if name.split("__")[-1] == "random_state"]
    plain.set_params(**dict.fromkeys(seeds))
    return " ".join(plain.__repr__(N_CHAR_MAX=100_000).split())


# ------------------------------------------------------------------ choosing


def score_fold(name: str, split: Split, params: dict[str, Any], train: Any, test: Any) -> list[Any]:
    """Fit once; return the mAP at 0.5 of every setting that is read in use."""
    method = METHODS[name]
    estimator = method.estimator(split, 0, params)
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of settings that lose
        estimator.fit(split.X[train], labels_of(split.y[train]))
        scores = []
        for setting in ParameterGrid(method.use):
            estimator[-1].set_params(**setting)
            scores.append(localization_map(split.y[test], estimator.predict(split.X[test])))
    return scores


def search(name: str, split: Split, n_jobs: int) -> dict[str, Any]:
    """Choose by localization mAP at 0.5 in three folds of the training videos, one seed."""
    method = METHODS[name]
    grid, use = list(ParameterGrid(method.train)), list(ParameterGrid(method.use))
    folds = list(GroupKFold(3).split(split.groups, groups=split.groups))
    jobs = [(params, *fold) for params in grid for fold in folds]
    scores = Parallel(n_jobs=n_jobs)(delayed(score_fold)(name, split, *job) for job in jobs)
    means = np.array(scores).reshape(len(grid), len(folds), len(use)).mean(axis=1)
    best = np.unravel_index(means.argmax(), means.shape)
    seen = {}
    for axis, candidates, names in ((1, grid, method.train), (0, use, method.use)):
        best_of = means.max(axis=axis)
        for key, values in names.items():
            having = [[plain(c[key]) == plain(value) for c in candidates] for value in values]
            seen[key] = {
                str(plain(value)): round(float(best_of[has].max()), 4)
                for value, has in zip(values, having, strict=True)
            }
    chosen = {key: plain(value) for key, value in {**grid[best[0]], **use[best[1]]}.items()}
    return {"settings": chosen, "cv_map": round(float(means.max()), 4), "seen": seen}


def plain(value: Any) -> Any:
    """A value as it stands in JSON: estimators as their text."""
    return value if isinstance(value, str | int | float | None) else text_of(value)


def settings_of(name: str, data: str, saved: dict[str, Any]) -> dict[str, Any] | None:
    """Settings found by a search, given, or none to choose; None: not searched yet."""
    method, data = METHODS[name], SEARCHED_ON.get(data, data)
    if data in method.chosen:
        return dict(method.chosen[data])
    if not method.train and not method.use:
        return {}
    found = saved.get(data, {}).get(name)
    if found is None:
        return None
    grid = {**method.train, **method.use}
    return {
        key: next(v for v in grid[key] if plain(v) == value)
        for key, value in found["settings"].items()
    }


# ------------------------------------------------------------------ rows


def evaluate(name: str, split: Split, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Fit on all training videos, score on the test videos."""
    torch.set_num_threads(1)
    estimator = METHODS[name].estimator(split, seed, settings)
    row = {"data": split.name, "method": name, "seed": seed, "settings": text_of(estimator)}
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.process_time()
        estimator.fit(split.X, split.labels)
        fitted = time.process_time()
        found = estimator.predict(split.X_test)
        used = time.process_time()
    scores = localization_map(split.y_test, found, TIOUS)
    n_found = sum(len(video) for video in found)
    n_true = sum(len(video) for video in split.y_test)
    return {
        **row,
        "map": [round(float(score), 5) for score in scores],
        "rows_per_segment": round(n_found / n_true, 3),
        "fit_cpu_seconds": round(fitted - began, 2),
        "predict_cpu_seconds": round(used - fitted, 2),
        "warnings": sorted({str(w.message).split(". ")[0][:120] for w in caught}),
    }


def read_rows() -> dict[tuple[str, str, int], dict[str, Any]]:
    """The newest row of every data set, method and seed."""
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(row["data"], row["method"], row["seed"]): row for row in rows}


def wanted(
    split: Split, names: list[str], saved: dict[str, Any], seeds: int, again: bool
) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Rows that are not there, or there with other settings."""
    there = read_rows()
    for name in names:
        settings = settings_of(name, split.name, saved)
        if settings is None:
            print(f"{split.name}: {name}: settings not searched yet", flush=True)
            continue
        for seed in range(seeds):
            row = there.get((split.name, name, seed))
            text = text_of(METHODS[name].estimator(split, seed, settings))
            if again or row is None or row["settings"] != text:
                yield name, settings, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="with hapt/ and gestures/")
    parser.add_argument("--search", action="store_true", help="choose settings that are missing")
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--only", help="methods whose name contains this")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--again", action="store_true", help="also what is there already")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="fits at a time, one thread each")
    args = parser.parse_args()
    saved = json.loads(SETTINGS.read_text()) if SETTINGS.exists() else {}
    if args.page:
        PAGE.write_text(page(read_rows(), saved, HERE / "results_template.md"))
        return
    if args.folder is None:
        parser.error("FOLDER is needed, except with --page")
    names = [name for name in METHODS if not args.only or args.only in name]
    for name in [name for name in names if METHODS[name].missing()]:
        print(f"left out: {name}: no {METHODS[name].missing()} in this version", flush=True)
        names.remove(name)
    now = versions()
    for data in args.data:
        split = DATA[data](args.folder)
        for name in names if args.search and data not in SEARCHED_ON else ():
            if args.again or settings_of(name, data, saved) is None:
                found = search(name, split, args.jobs)
                saved.setdefault(data, {})[name] = found
                SETTINGS.write_text(json.dumps(saved, indent=1, sort_keys=True) + "\n")
                print(data, name, found["cv_map"], found["settings"], flush=True)
        if args.search:
            continue
        jobs = wanted(split, names, saved, args.seeds, args.again)
        calls = (delayed(evaluate)(name, split, settings, seed) for name, settings, seed in jobs)
        for row in Parallel(n_jobs=args.jobs, return_as="generator")(calls):
            with ROWS.open("a") as file:  # a row is one line: cut off, the rest holds
                file.write(json.dumps({**row, "versions": now}) + "\n")
            print(data, row["method"], row["seed"], row["map"], row["rows_per_segment"],
                  f"{row['fit_cpu_seconds']} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
