"""Make docs/results_hapt.md: every variant on the HAPT recordings, five seeds.

    python benchmarks/results_hapt.py PATH_OF_HAPT_ZIP            # the table, settings below
    python benchmarks/results_hapt.py PATH_OF_HAPT_ZIP --search   # first search the settings again

Settings are chosen by cross-validation over the official training people; the test people are
looked at once, with what came out.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import load_hapt
from sklearn_asn.metrics import localization_map, recognition_accuracy

TIOUS = (0.1, 0.3, 0.5, 0.7)
VARIANTS = ("temporal", "spatial", "two-stream", "fusion", "bottleneck", "bilinear")
FIXED = {"hidden_size": 64, "batch_size": 64, "clips_per_video": 5, "max_epochs": 160}
GRID = {
    "weight_decay": [0.0005, 0.02, 0.05, 0.1],
    "dropout": [0.0, 0.2, 0.5],
    "quantile": [0.05, 0.1, 0.15, 0.2, 0.3, 0.5],
    "video_threshold": [0.03, 0.05, 0.1, 0.2],
}
HERE = Path(__file__).parent
SETTINGS = HERE / "results_hapt_settings.json"


def model(variant, **settings):
    localizer = ASNLocalizer(variant, **FIXED, random_state=0, device="cpu", **settings)
    return Pipeline([("scale", ClipWise(StandardScaler())), ("asn", localizer)])


def search(train, variant, init):
    """Choose settings on the training people; returns them with the scores of the whole grid."""
    with tempfile.TemporaryDirectory() as cache:
        grid = GridSearchCV(
            model(variant, init=init, memory=cache),
            {f"asn__{name}": values for name, values in GRID.items()},
            cv=GroupKFold(3),
            refit=False,
        ).fit(train.X, train.y, groups=train.groups)
    table = pd.DataFrame(
        {name: grid.cv_results_[f"param_asn__{name}"].astype(float) for name in GRID}
    )
    table["map"] = grid.cv_results_["mean_test_score"]
    best = table.loc[table["map"].idxmax()]
    print(variant, init, best.round(4).to_dict(), flush=True)
    per_value = {
        name: table.groupby(name)["map"].max().round(4).rename(index=str).to_dict() for name in GRID
    }
    settings = {name: float(best[name]) for name in GRID}
    return {"settings": settings, "cv_map": float(best["map"]), "best_per_value": per_value}


def evaluate(estimator, train, test, seeds):
    """Fit on all training people with every seed; one row a seed."""
    rows = []
    for seed in seeds:
        fitted = clone(estimator).set_params(asn__random_state=seed)
        start = time.perf_counter()
        fitted.fit(train.X, train.y)
        seconds = time.perf_counter() - start
        found = fitted.predict(test.X)
        proba = fitted.predict_proba(test.X)
        accuracy = recognition_accuracy(test.y, proba, classes=fitted.classes_)
        rows.append([*localization_map(test.y, found, TIOUS), accuracy, seconds])
    return np.array(rows)


def cell(values):
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f}"


def configurations():
    for variant in VARIANTS:
        has_parent = variant in ("fusion", "bottleneck", "bilinear")
        for init in ("inherit", "scratch") if has_parent else ("scratch",):
            yield variant, init


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", help="the HAPT archive or its unpacked folder")
    parser.add_argument("--search", action="store_true", help="choose the settings again")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "results_hapt.md")
    args = parser.parse_args()
    train, test = (load_hapt(args.path, subset=subset) for subset in ("train", "test"))
    if args.search:
        chosen = {f"{v} {i}": search(train, v, i) for v, i in configurations()}
        SETTINGS.write_text(json.dumps(chosen, indent=1) + "\n")
    chosen = json.loads(SETTINGS.read_text())
    rows = []
    for variant, init in configurations():
        result = chosen[f"{variant} {init}"]
        settings = result["settings"]
        scores = evaluate(model(variant, init=init, **settings), train, test, range(args.seeds))
        columns = [cell(scores[:, i]) for i in range(len(TIOUS) + 1)]
        text = ", ".join(f"{k} {v:g}" for k, v in settings.items())
        started = init if variant in ("fusion", "bottleneck", "bilinear") else "-"
        row = [variant, started, *columns, f"{100 * result['cv_map']:.1f}"]
        rows.append([*row, f"{scores[:, -1].mean():.1f} s", text])
        print(rows[-1], flush=True)
    args.out.write_text(page(rows, chosen, train, test, args.seeds))


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def search_table(chosen):
    """Best cross-validated score at each value of each setting."""
    head = ["setting", "value", *chosen]
    rows = [
        [name, str(value)]
        + [f"{100 * found['best_per_value'][name][str(value)]:.1f}" for found in chosen.values()]
        for name, values in GRID.items()
        for value in values
    ]
    return markdown(head, rows)


def page(rows, chosen, train, test, seeds):
    head = ["variant", "heads start", *(f"mAP at {t}" for t in TIOUS), "recognition accuracy"]
    head += ["mAP at 0.5 in cross-validation (training people)", "fit", "settings"]
    return (
        (HERE / "results_hapt_template.md")
        .read_text()
        .format(
            table=markdown(head, rows),
            search=search_table(chosen),
            seeds=seeds,
            fixed=", ".join(f"`{k}={v}`" for k, v in FIXED.items()),
            n_train=len(train.X),
            n_test=len(test.X),
            people_train=len(np.unique(train.groups)),
            people_test=len(np.unique(test.groups)),
        )
    )


if __name__ == "__main__":
    main()
