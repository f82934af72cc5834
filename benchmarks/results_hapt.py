"""Make docs/results_hapt.md: every variant on the HAPT recordings, five seeds.

    python benchmarks/results_hapt.py PATH_OF_HAPT_ZIP            # the table, settings below
    python benchmarks/results_hapt.py PATH_OF_HAPT_ZIP --search   # first search the settings again

Settings are chosen by cross-validation over the official training people; the test people are
looked at once, with what came out. `--page` makes the page again of what was measured, with the
comparison that `hapt_comparison.py` has left.
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
FIXED = {
    **{"hidden_size": 64, "batch_size": 64, "clips_per_video": 5, "max_epochs": 160},
    "attention_scale": "threshold",  # of two streams, as in the paper
}
GRID = {
    "weight_decay": [0.0005, 0.02, 0.05, 0.1],
    "dropout": [0.0, 0.2, 0.5],
    "quantile": [0.05, 0.1, 0.15, 0.2, 0.3, 0.5],
    "video_threshold": [0.03, 0.05, 0.1, 0.2],
}
#: The bilinear layer dies at a weight decay that heads want (from between 0.02 and 0.03 on: its
#: units become constant, and the model is the temporal one), so that it gets one of its own.
BILINEAR = GRID | {
    "weight_decay": [0.05, 0.1],
    "extractor_weight_decay": [0.0005, 0.005, 0.01],
    "dropout": [0.0],
}
HERE = Path(__file__).parent
SETTINGS = HERE / "results_hapt_settings.json"
ROWS = HERE / "results_hapt_rows.json"
COMPARISON = HERE / "hapt_comparison.json"


def model(variant, **settings):
    localizer = ASNLocalizer(variant, **FIXED, random_state=0, device="cpu", **settings)
    return Pipeline([("scale", ClipWise(StandardScaler())), ("asn", localizer)])


def search(train, variant, init):
    """Choose settings on the training people; returns them with the scores of the whole grid."""
    values_of = BILINEAR if variant == "bilinear" else GRID
    with tempfile.TemporaryDirectory() as cache:
        grid = GridSearchCV(
            model(variant, init=init, memory=cache),
            {f"asn__{name}": values for name, values in values_of.items()},
            cv=GroupKFold(3),
            n_jobs=3,
            refit=False,
        ).fit(train.X, train.y, groups=train.groups)
    table = pd.DataFrame(
        {name: grid.cv_results_[f"param_asn__{name}"].astype(float) for name in values_of}
    )
    table["map"] = grid.cv_results_["mean_test_score"]
    best = table.loc[table["map"].idxmax()]
    print(variant, init, best.round(4).to_dict(), flush=True)
    per_value = {
        name: table.groupby(name)["map"].max().round(4).rename(index=str).to_dict()
        for name in values_of
    }
    settings = {name: float(best[name]) for name in values_of}
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
    parser.add_argument(
        "--only",
        nargs="*",
        choices=VARIANTS,
        default=VARIANTS,
        help="variants to search and measure; rows of the others stay",
    )
    parser.add_argument("--page", action="store_true", help="only write the page again")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "results_hapt.md")
    args = parser.parse_args()
    train, test = (load_hapt(args.path, subset=subset) for subset in ("train", "test"))
    if args.search:
        chosen = json.loads(SETTINGS.read_text())
        for variant, init in configurations():
            if variant in args.only:
                chosen[f"{variant} {init}"] = search(train, variant, init)
                SETTINGS.write_text(json.dumps(chosen, indent=1) + "\n")
    chosen = json.loads(SETTINGS.read_text())
    old = {(row[0], row[1]): row for row in json.loads(ROWS.read_text())}
    rows = []
    for variant, init in configurations():
        started = init if variant in ("fusion", "bottleneck", "bilinear") else "-"
        if args.page or variant not in args.only:
            rows.append(old[variant, started])
            continue
        result = chosen[f"{variant} {init}"]
        settings = result["settings"]
        scores = evaluate(model(variant, init=init, **settings), train, test, range(args.seeds))
        columns = [cell(scores[:, i]) for i in range(len(TIOUS) + 1)]
        text = ", ".join(f"{k} {v:g}" for k, v in settings.items())
        row = [variant, started, *columns, f"{100 * result['cv_map']:.1f}"]
        rows.append([*row, f"{scores[:, -1].mean():.1f} s", text])
        print(rows[-1], flush=True)
    ROWS.write_text(json.dumps(rows, indent=1) + "\n")
    args.out.write_text(page(rows, chosen, train, test, args.seeds))


def markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def search_table(chosen):
    """Best cross-validated score at each value of each setting."""
    head = ["setting", "value", *chosen]
    rows = []
    for name in (
        "weight_decay",
        "extractor_weight_decay",
        "dropout",
        "quantile",
        "video_threshold",
    ):
        for value in sorted({*GRID.get(name, ()), *BILINEAR[name]}):
            seen = [one["best_per_value"].get(name, {}).get(str(value)) for one in chosen.values()]
            shown = ["-" if score is None else f"{100 * score:.1f}" for score in seen]
            if set(shown) != {"-"}:
                rows.append([name, str(value), *shown])
    return markdown(head, rows)


def comparison_tables():
    """Return the comparison's rows, best first, and what was chosen and seen for each method."""
    saved = json.loads(COMPARISON.read_text())
    head = ["method", "selection", *(f"mAP at {t}" for t in TIOUS), "recognition accuracy"]
    head += ["mAP at 0.5 in cross-validation"]
    rows = []
    for name, values in saved["rows"].items():
        values = np.array(values)
        method, selection = name.split(" | ")
        chosen = saved["chosen"][method].get(selection, {}).get("cv_map")
        columns = [cell(values[:, i]) for i in range(len(TIOUS) + 1)]
        found = "-" if chosen is None else f"{100 * chosen:.1f}"
        rows.append((values[:, 2].mean(), [method, selection, *columns, found]))
    rows = [row for _, row in sorted(rows, key=lambda r: -r[0])]
    searched = []
    for method, selections in saved["chosen"].items():
        for selection, found in selections.items():
            best = ", ".join(f"{k} {v}" for k, v in found["training"].items())
            seen = "; ".join(
                f"{key}: " + ", ".join(f"{v} {100 * m:.1f}" for v, m in values.items())
                for key, values in found["best_per_value"].items()
            )
            searched.append([method, selection, best, str(found.get("use_text", "")), seen])
    columns = ["method", "selection", "training chosen", "use chosen", "best score at each value"]
    return markdown(head, rows), markdown(columns, searched)


def page(rows, chosen, train, test, seeds):
    head = ["variant", "heads start", *(f"mAP at {t}" for t in TIOUS), "recognition accuracy"]
    head += ["mAP at 0.5 in cross-validation (training people)", "fit", "settings"]
    comparison, comparison_search = comparison_tables()
    return (
        (HERE / "results_hapt_template.md")
        .read_text()
        .format(
            table=markdown(head, rows),
            comparison=comparison,
            comparison_search=comparison_search,
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
