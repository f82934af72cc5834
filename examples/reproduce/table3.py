"""
Table 3: ActivityNet1.2
=======================

The bilinear bottleneck of the large size, inherit strategy, with AutoLoc's selection, beside
UntrimmedNet, AutoLoc (on that UntrimmedNet) and W-TALC trained in the same run, at the tIoUs 0.5
to 0.95 and their mean. ``python table3.py SOURCE [--quick] [--seeds N] [--out FOLDER]
[--autoloc-csv AN12_autoloc_pred.csv]``.

The CSV holds AutoLoc's released detections (video, class, t_start_frac, t_end_frac, score; times
are fractions of the video). Its own ground truth, ``AN12_gt.csv``, must lie beside it: the row is
of that, whatever SOURCE is, and ought to repeat the paper's AutoLoc row.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from _report import Run
from sklearn.frozen import FrozenEstimator

from sklearn_asn import Segments
from sklearn_asn.metrics import localization_map
from sklearn_asn.rivals import WTALC, AutoLoc, UntrimmedNet

COLUMNS = ("0.5", "0.55", "0.6", "0.65", "0.7", "0.75", "0.8", "0.85", "0.9", "0.95", "Avg.")
TIOUS = [float(column) for column in COLUMNS[:-1]]
PAPER = {
    "UntrimmedNet [38]": "7.4 6.1 5.2 4.5 3.9 3.2 2.5 1.8 1.2 0.7 3.6",
    "AutoLoc [30]": "27.3 24.9 22.5 19.9 17.5 15.1 13.0 10.0 6.8 3.3 16.0",
    "W-TALC [26]": "37.0 33.5 30.4 25.7 14.6 12.7 10.0 7.0 4.2 1.5 18.0",
    "ASN (AutoLoc)": "29.8 27.1 25.0 23.1 21.2 18.6 16.1 13.1 9.6 4.4 18.8",
}


def released(path, protocol):
    """Score AutoLoc's released detections against the ground truth beside them, in percent."""
    files = Path(path), Path(path).with_name(Path(path).name.replace("autoloc_pred", "gt"))
    if files[0] == files[1] or not files[1].is_file():
        raise SystemExit(f"{path}: expected NAME_autoloc_pred.csv with NAME_gt.csv beside it.")
    columns = {"class": "label", "t_start_frac": "start", "t_end_frac": "end"}
    found, truth = (pd.read_csv(f, dtype={"video": str}).rename(columns=columns) for f in files)
    videos = sorted({*found["video"], *truth["video"]})
    found, truth = (Segments.from_frame(frame, videos=videos) for frame in (found, truth))
    return 100 * localization_map(truth, found, TIOUS, protocol=protocol)


def main(argv=None):
    """Train, evaluate, report."""
    option = ("--autoloc-csv", "AutoLoc's released detections, with their ground truth beside")
    run = Run("table3", argv, paper_data="activitynet", extra=[option])
    settings = run.settings
    results = {name: [] for name in PAPER}
    if run.options.autoloc_csv:
        results["AutoLoc [30]"] = [released(run.options.autoloc_csv, run.protocol)]
        print("'ours' of AutoLoc [30]: its released detections on ActivityNet1.2, scored here.")
    large = {"hidden_size": settings.sizes[1], "selection": settings.autoloc_selection}
    for seed in run.seeds:
        common = run.common(seed)
        untrimmednet = run.fit(UntrimmedNet(**settings.untrimmednet, **common))
        models = {
            "UntrimmedNet [38]": untrimmednet,
            "W-TALC [26]": run.fit(WTALC(**settings.wtalc, **common)),
            "ASN (AutoLoc)": run.asn("bilinear", seed, **large),
        }
        if not run.options.autoloc_csv:
            below = FrozenEstimator(untrimmednet)
            autoloc = AutoLoc(below, random_state=seed, **settings.autoloc)
            models["AutoLoc [30]"] = run.fit(autoloc)
        for name, model in models.items():
            results[name].append(run.localization(model, TIOUS))
    results = {name: np.array(runs) for name, runs in results.items()}
    for name, runs in results.items():
        results[name] = np.column_stack([runs, runs.mean(axis=1)])
    run.report_table(COLUMNS, PAPER, results, decimals=1)


if __name__ == "__main__":
    main()
