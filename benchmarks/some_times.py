"""What the times of a few training videos give, on HAPT: learned from, and chosen by.

Official training people, bags of 30 s with a label; the test people are scored. Of `n` training
videos, drawn anew for every seed, the times are known.

*learn*: `localization_pipeline` with ``fit(timed=mask)``; 0 is labels alone, all of
them full supervision. *choose*: top-k pooling with one layer of context, trained on labels once a
seed; `tune` chooses its quantile by the times of `n` videos, which it has trained on; beside it the
quantile that is best on the test videos, and the worst.

    python benchmarks/some_times.py PATH_OF_HAPT_ZIP          # some_times.json; rows there stay
    python benchmarks/some_times.py --table                   # prints what is in it
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from results_data import Split, hapt
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn import ASNLocalizer, ClipWise, localization_pipeline
from sklearn_asn.metrics import localization_map
from sklearn_asn.model_selection import tune

KEPT = Path(__file__).with_suffix(".json")
TIOUS = (0.3, 0.5, 0.7)
LEARN = (0, 10, 30, 60, 120, None)  # None: all
CHOOSE = (5, 10, 20, 40, 80)
QUANTILES = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6]
SETTINGS = {
    "variant": "temporal", "pooling": "topk", "context_layers": 1, "clips_per_video": None,
    "batch_size": 64, "max_epochs": 40,
}  # fmt: skip


def drawn(n_videos: int, n: int | None, seed: int) -> Any:
    """Draw which videos have times; more of them hold fewer of the same seed."""
    order = np.random.default_rng(seed).permutation(n_videos)
    return np.isin(np.arange(n_videos), order[:n])


def some_of(data: Split, known: Any) -> list[Any]:
    return [list(v) if k else s for v, k, s in zip(data.y, known, data.labels, strict=True)]


def maps(data: Split, model: Any) -> list[float]:
    found = model.predict(data.X_test)
    return np.round(localization_map(data.y_test, found, TIOUS), 4).tolist()


def learn(data: Split, n: int | None, seed: int, effort: str) -> dict[str, Any]:
    known = drawn(len(data.X), n, seed)
    model = localization_pipeline(data.X, effort=effort, random_state=seed)
    began = time.process_time()
    model.fit(data.X, some_of(data, known), selftraininglocalizer__timed=known)
    seconds = round(time.process_time() - began, 1)
    return {"n_timed": int(known.sum()), "map": maps(data, model), "cpu_seconds": seconds}


def choose(data: Split, seed: int) -> list[dict[str, Any]]:
    """Choose by five draws of each number of videos, on one fit."""
    model = make_pipeline(
        ClipWise(StandardScaler()), ASNLocalizer(**SETTINGS, random_state=seed)
    ).fit(data.X, data.labels)
    grid = {"asnlocalizer__quantile": QUANTILES}
    test = tune(model, data.X_test, data.y_test, grid).results["score"].round(4).tolist()
    rows = []
    for n in CHOOSE:
        picked = []
        for draw in range(5):
            known = drawn(len(data.X), n, 100 * seed + draw)
            picked.append(tune(model, data.X, data.y, grid, timed=known).params)
        quantiles = [params["asnlocalizer__quantile"] for params in picked]
        rows.append({"n_timed": n, "quantiles": quantiles, "test_map_of_quantiles": test})
    return rows


def run(data: Split, seeds: int, efforts: list[str]) -> None:
    rows = json.loads(KEPT.read_text()) if KEPT.is_file() else []
    done = {(r["what"], r["effort"], r["asked"], r["seed"]) for r in rows}

    def keep(found: dict[str, Any], what: str, effort: Any, asked: Any, seed: int) -> None:
        rows.append({"what": what, "effort": effort, "asked": asked, "seed": seed, **found})
        KEPT.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
        print(rows[-1], flush=True)

    for seed in range(3):
        if ("choose", None, None, seed) not in done:
            keep({"rows": choose(data, seed)}, "choose", None, None, seed)
    for effort in efforts:
        for seed in range(seeds):
            for n in LEARN:
                if ("learn", effort, n, seed) not in done:
                    keep(learn(data, n, seed, effort), "learn", effort, n, seed)


def table() -> None:
    """Print means over seeds, in per cent."""
    rows = json.loads(KEPT.read_text())
    print(
        "| learned from | videos with times | mAP at 0.3 / 0.5 / 0.7 | seeds |\n|---|---|---|---|"
    )
    for effort in ("one-fit", "self-training"):
        for n in LEARN:
            found = [r for r in rows if (r["effort"], r["asked"]) == (effort, n)]
            found = [r for r in found if r["what"] == "learn"]
            if found:
                mean = 100 * np.mean([r["map"] for r in found], axis=0)
                text = " / ".join(f"{value:.1f}" for value in mean)
                print(f"| {effort} | {found[0]['n_timed']} | {text} | {len(found)} |")
    print(
        "\n| chosen by | mean quantile | its mAP at 0.5 | best, worst quantile |\n|---|---|---|---|"
    )
    chosen = [r["rows"] for r in rows if r["what"] == "choose"]
    for turn, n in enumerate(CHOOSE):
        picked, got, best, worst = [], [], [], []
        for one in chosen:
            test = np.array(one[turn]["test_map_of_quantiles"])
            picked += one[turn]["quantiles"]
            got += [test[QUANTILES.index(q)] for q in one[turn]["quantiles"]]
            best.append(test.max())
            worst.append(test.min())
        ends = f"{100 * np.mean(best):.1f}, {100 * np.mean(worst):.1f}"
        spread = f"{100 * np.mean(got):.1f} ± {100 * np.std(got):.1f}"
        print(f"| {n} | {np.mean(picked):.2f} | {spread} | {ends} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zip", nargs="?", type=Path)
    parser.add_argument("--seeds", type=int, default=2, help="of learning")
    parser.add_argument("--efforts", nargs="*", default=["one-fit"])
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.zip:
        run(hapt(args.zip.parents[1]), args.seeds, args.efforts)
    if args.table:
        table()


if __name__ == "__main__":
    main()
