"""What the scripts share: their arguments, evaluation, and the table beside the paper's."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from _data import TITLES, Reading, load
from _heads import load_heads
from _manifest import write_manifest
from _packing import Packing
from _settings import SETTINGS

from sklearn_asn import ASNLocalizer
from sklearn_asn.metrics import localization_map, recognition_accuracy

mpl.use("agg")
PROTOCOLS = ("activitynet", "thumos14", "thumos14-11point")
TIOUS = (0.3, 0.4, 0.5, 0.6, 0.7)  # tables 1, 2 and 4


class Run:
    """One run of a script: the data, their settings, and what the command line asks for."""

    def __init__(self, of, argv=None, *, paper_data, seeds=1, extra=()):
        parser = argparse.ArgumentParser(prog=of, description=f"Reproduce {of} of the paper.")
        parser.add_argument("source", help="'synthetic', hapt.zip, or a feature folder (_data.py)")
        parser.add_argument("--quick", action="store_true", help="a few epochs and one seed")
        parser.add_argument("--seeds", type=int, help=f"trainings of each model (default {seeds})")
        parser.add_argument("--out", type=Path, default=Path(), help="folder for CSV and PNG")
        parser.add_argument("--protocol", choices=PROTOCOLS, default="activitynet", help="rule")
        parser.add_argument(
            "--columns",
            choices=("spatial-first", "temporal-first"),
            default="spatial-first",
            help="of feature files that hold both streams",
        )
        parser.add_argument("--packed", type=Path, help="folder that packed features stay in")
        parser.add_argument("--allow-pickle", action="store_true", help="read object arrays")
        for option, text in extra:
            parser.add_argument(option, help=text)
        self.options = parser.parse_args(argv)
        self.of, self.paper_data = of, paper_data
        self.protocol = self.options.protocol
        self.seeds = range(self.options.seeds or (1 if self.options.quick else seeds))
        reads_files = self.options.source != "synthetic" and Path(self.options.source).is_dir()
        reading = None
        if reads_files:
            packing = Packing(self.options.packed, self.out)
            reading = Reading(self.options.columns, self.options.allow_pickle, packing)
        self.data = load(self.options.source, self.options.quick, reading)
        settings = SETTINGS[self.data.settings]
        if self.data.settings in ("hapt", "synthetic"):
            torch.set_num_threads(1)  # such small nets wait for threads more than they gain
        self.settings = settings.quick() if self.options.quick else settings

    # ------------------------------------------------------------------ models

    def fit(self, estimator):
        """Train an estimator on the training videos."""
        return estimator.fit(self.data.X_train, self.data.y_train, trimmed=self.data.trimmed)

    def asn(self, variant, seed, **parameters):
        """Train the Action Sensitive Network of this data set; naive selection."""
        return self.fit(
            ASNLocalizer(
                variant,
                quantile=self.settings.quantile,
                attention_scale=self.settings.attention_scale,
                selection=self.settings.naive_selection,
                localize_classes=self.data.classes,
                streams=self.data.streams,
                random_state=seed,
                **self.settings.training,
            ).set_params(**parameters)
        )

    def pretrained(self, stream):
        """Return the localizer of the heads given by ``--heads``; None where it lacks a stream.

        Quantiles are recorded by running over the untrimmed training videos (THUMOS14's
        validation set), as the paper does.
        """
        heads, classes = load_heads(self.options.heads)
        wanted = ("temporal", "spatial") if stream == "two-stream" else (stream,)
        if not set(wanted) <= set(heads):
            return None
        model = ASNLocalizer.from_heads(
            {name: heads[name] for name in wanted},
            classes,
            n_features=self.data.X_train.n_features,
            feature_names=self.data.X_train.feature_names,
            streams=self.data.streams,
            quantile=self.settings.quantile,
            attention_scale=self.settings.attention_scale,
            selection=self.settings.naive_selection,
            localize_classes=self.data.classes,
        )
        return model.record_quantiles(self.data.X_train[~self.data.trimmed])

    def common(self, seed):
        """Return what all localizers of a run are given."""
        return {
            "localize_classes": self.data.classes,
            "streams": self.data.streams,
            "random_state": seed,
        }

    # ------------------------------------------------------------------ evaluation

    def localization(self, model, tious=TIOUS):
        """Localization mAP in percent at every tIoU, on the test videos that have segments."""
        unclear = self.data.ambiguous if self.protocol.startswith("thumos14") else None
        found = model.predict(self.data.X_segments)
        return 100 * localization_map(
            self.data.y_test, found, tious, protocol=self.protocol, ambiguous=unclear
        )

    def evaluate(self, model, tious=TIOUS):
        """Localization mAP at every tIoU, then recognition accuracy; percent."""
        scores = model.predict_proba(self.data.X_test)
        accuracy = recognition_accuracy(self.data.labels_test, scores, classes=model.classes_)
        return np.append(self.localization(model, tious), 100 * accuracy)

    # ------------------------------------------------------------------ results

    def report_table(self, columns, paper, ours, decimals=2):
        """Print the paper's rows with ours below each, and save both as CSV.

        `paper` maps a model to its cells as printed in the paper; `ours` maps it to an array
        ``(n_seeds, n_columns)`` in percent. A model that only one of them has is one row.
        """
        rows = []
        for model in dict.fromkeys((*paper, *ours)):
            if model in paper:
                rows.append((model, "paper", *paper[model].split()))
            if model in ours:
                cells = cells_of(ours[model], decimals)
                rows.append((model if model not in paper else "", "ours", *cells))
        self.print_rows(("model", "", *columns), rows)
        frame = table_frame(columns, paper, ours)
        file = self.file("csv")
        frame.to_csv(file, index=False)
        write_manifest(self.file("json"), self)
        print("saved", file, "and", self.file("json"))

    def print_rows(self, header, rows):
        """Print the heading of the run, then aligned rows; the note on comparability last."""
        quick = ", --quick: trained far too short to judge" if self.options.quick else ""
        print(f"{self.of} on {TITLES[self.data.settings]}{quick}")
        print(
            f"localization mAP in % by the {self.protocol} rule, {len(self.data.y_test)} test "
            f"videos, {len(self.data.classes)} classes, {len(self.seeds)} training(s) of a model"
        )
        width = [max(len(str(r[i])) for r in (header, *rows)) for i in range(len(header))]
        for row in (header, *rows):
            first, *others = (str(cell) for cell in row)
            cells = (cell.rjust(w) for cell, w in zip(others, width[1:], strict=True))
            print(first.ljust(width[0]), *cells)
        if self.data.settings != self.paper_data:
            print(
                f"NOTE: the paper's numbers are of {TITLES[self.paper_data]}, other data than "
                f"{TITLES[self.data.settings]}: they stand there for orientation only."
            )

    def file(self, suffix):
        """Return the path of a result; a quick one's name says so."""
        quick = "-quick" if self.options.quick else ""
        return self.out / f"{self.of}{quick}.{suffix}"

    @property
    def out(self):
        """The folder for results, made if it is not there."""
        self.options.out.mkdir(parents=True, exist_ok=True)
        return self.options.out

    def report_curves(self, quantiles, curves, title, paper_at_half):
        """Print, save and draw mAP against quantile; `curves`: model to (n_seeds, n_quantiles)."""
        import matplotlib.pyplot as plt

        rows, records = [], []
        for model, runs in curves.items():
            mean, spread = runs.mean(axis=0), runs.std(axis=0)
            known = [paper_at_half[model] if q == 0.5 else "-" for q in quantiles]
            rows += [(model, "paper", *known), ("", "ours", *cells_of(runs, 2))]
            records += zip([model] * len(mean), quantiles, mean, spread, strict=True)
        self.print_rows(("model", "", *(f"{q:.0%}" for q in quantiles)), rows)
        print("(the paper's figure gives no numbers; at 50% stands what its table 1 says)")
        frame = pd.DataFrame(records, columns=["model", "quantile", "map_mean", "map_std"])
        frame.to_csv(self.file("csv"), index=False)

        figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
        for model, runs in curves.items():
            mean, spread = runs.mean(axis=0), runs.std(axis=0)
            (line,) = axes.plot(quantiles, mean, marker="o", label=model)
            low = np.maximum(mean - spread, 0)
            axes.fill_between(quantiles, low, mean + spread, alpha=0.2, color=line.get_color())
            if self.data.settings == self.paper_data:
                value = float(paper_at_half[model])
                axes.plot(0.5, value, "x", color=line.get_color(), label=f"{model}, paper")
        axes.set(xlabel="quantile", ylabel="mAP at tIoU 0.5 (%)", xticks=quantiles, title=title)
        axes.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
        if self.options.quick:
            mark = {"ha": "center", "va": "center", "rotation": 30, "fontsize": 22, "alpha": 0.3}
            axes.text(0.5, 0.5, "--quick: no result", transform=axes.transAxes, **mark)
        figure.savefig(self.file("png"), dpi=120)
        plt.close(figure)
        write_manifest(self.file("json"), self)
        print("saved", *(self.file(suffix) for suffix in ("csv", "png", "json")))

    def title(self, models):
        """Return a figure's title: what was trained, how often, on what."""
        return f"{models}, {len(self.seeds)} training(s)\n{TITLES[self.data.settings]}"


def cells_of(runs, decimals):
    """Write the mean of each column and, of several trainings, the standard deviation."""
    mean, spread = runs.mean(axis=0), runs.std(axis=0)
    if len(runs) == 1:
        return [f"{m:.{decimals}f}" for m in mean]
    return [f"{m:.{decimals}f}±{s:.{decimals}f}" for m, s in zip(mean, spread, strict=True)]


def table_frame(columns, paper, ours):
    """Return numbers for the CSV: a row a model and source; blank where the paper has none."""
    records = []
    for model in dict.fromkeys((*paper, *ours)):
        if model in paper:
            cells = [cell.strip("*%") for cell in paper[model].split()]
            numbers = [np.nan if cell == "-" else float(cell) for cell in cells]
            records.append([model, "paper", *numbers, *[np.nan] * len(columns)])
        if model in ours:
            runs = ours[model]
            records.append([model, "ours", *runs.mean(axis=0), *runs.std(axis=0)])
    spread = [f"{column}_std" for column in columns]
    return pd.DataFrame(records, columns=["model", "source", *columns, *spread])
