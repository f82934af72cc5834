"""What labels alone say of localization: rank correlation of label-only criteria with mAP.

Twelve settings of a small localizer on each data set, cross-validated on training videos only
(HAPT: its training people, by person; gestures: person 1, in runs of bags; synthetic videos).
Of each held-out fold: localization mAP at tIoU 0.3, 0.5 and 0.7, and three criteria that read label
sets only. Spearman's correlation over the settings, at a fixed quantile; and over quantiles, for a
fixed setting (where no criterion may be expected to work).

    python benchmarks/label_only_criteria.py --hapt hapt.zip --gestures FOLDER
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.model_selection import GroupKFold, KFold, ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise
from sklearn_asn.datasets import load_gestures, load_hapt, make_untrimmed_videos
from sklearn_asn.metrics import (
    localization_map,
    recognition_map,
    weak_clip_accuracy,
    weak_detection_map,
)

TIOUS = (0.3, 0.5, 0.7)
QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
CRITERIA = ("weak_detection_map", "weak_clip_accuracy", "recognition_map")
GRID = {
    "pooling": ["attention", "topk"],
    "context_layers": [0, 1],
    "weight_decay": [0.0005, 0.005, 0.05],
}
SYNTHETIC: dict[str, dict[str, Any]] = {
    "synthetic": {},
    "synthetic, noisy": {"noise": 2.0, "distractors": 0.5},
    "synthetic, more classes a video": {"n_classes": 8, "labels_per_video": (2, 3)},
}


def data_sets(args: argparse.Namespace) -> dict[str, Any]:
    """Return (X, y, groups or None, quantile) of every data set that is at hand."""
    found: dict[str, Any] = {}
    for name, options in SYNTHETIC.items():
        found[name] = (*make_untrimmed_videos(90, random_state=0, **options), None, 0.5)
    if args.gestures:
        bunch = load_gestures(args.gestures, subject=1)
        found["gestures, person 1"] = (bunch.X, bunch.y, None, 0.5)
    if args.hapt:
        bunch = load_hapt(args.hapt, subset="train")
        found["HAPT, training people"] = (bunch.X, bunch.y, bunch.groups, 0.1)
    return found


def measure(X: Any, y: Any, groups: Any, options: dict[str, Any], quantiles: Any) -> Any:
    """Return mAP and criteria ``(n_quantiles, 3 + 3)`` of a setting, the mean over folds."""
    splitter = KFold(3) if groups is None else GroupKFold(3)
    folds = []
    for fitted, held in splitter.split(np.empty(len(X)), groups=groups):
        localizer = ASNLocalizer("fusion", init="scratch", batch_size=32, clips_per_video=10,
                                 max_epochs=60, device="cpu", random_state=0,
                                 **options)  # fmt: skip
        model = make_pipeline(ClipWise(StandardScaler()), localizer).fit(X[fitted], y[fitted])
        clips, truth = model[0].transform(X[held]), y[held]
        labels = [{segment.label for segment in video} for video in truth]
        recognized = recognition_map(
            labels, localizer.predict_proba(clips), classes=localizer.classes_
        )
        rows = []
        for quantile in quantiles:
            localizer.set_params(quantile=quantile)
            found = localizer.predict(clips)
            rows.append([
                *localization_map(truth, found, TIOUS),
                weak_detection_map(labels, found),
                weak_clip_accuracy(
                    labels, localizer.transform(clips), classes=localizer.classes_
                ),
                recognized,
            ])  # fmt: skip
        folds.append(rows)
    return np.mean(folds, axis=0)


def correlations(values: Any) -> dict[str, list[float | None]]:
    """Return Spearman's correlation of every criterion with mAP at every tIoU."""
    table = {}
    for k, name in enumerate(CRITERIA):
        column = values[:, len(TIOUS) + k]
        constant = np.ptp(column) == 0
        table[name] = [
            None if constant else round(float(spearmanr(column, values[:, t]).statistic), 2)
            for t in range(len(TIOUS))
        ]
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hapt", help="hapt.zip, or its folder")
    parser.add_argument("--gestures", help="folder with subject1.mat")
    parser.add_argument("--out", default="benchmarks/label_only_criteria.json")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, Any] = {}
    for name, (X, y, groups, quantile) in data_sets(args).items():
        levels = sorted({*QUANTILES, quantile})
        settings = list(ParameterGrid(GRID))
        table = np.array([measure(X, y, groups, options, levels) for options in settings])
        by_setting = correlations(table[:, levels.index(quantile)])
        by_quantile = [correlations(rows) for rows in table]
        results[name] = {
            "quantile": quantile,
            "over_settings": by_setting,
            "over_quantiles_median": {
                c: None if by_quantile[0][c][0] is None
                else [round(float(np.median([one[c][t] for one in by_quantile])), 2)
                      for t in range(len(TIOUS))]
                for c in CRITERIA
            },
            "settings": [
                {**options, **dict(zip((*map(str, TIOUS), *CRITERIA), row.round(4).tolist(),
                                       strict=True))}
                for options, row in zip(settings, table[:, levels.index(quantile)], strict=True)
            ],
        }  # fmt: skip
        print(name, json.dumps(by_setting), results[name]["over_quantiles_median"], flush=True)
        Path(args.out).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
