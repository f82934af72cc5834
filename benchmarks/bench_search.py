"""Time a grid search with a cache of trainings (`memory=`) against the same search without.

9 quantiles x 3 hidden sizes x 3 folds of the bottleneck variant, judged against segments. The
quantile does not enter training, so with the cache the search trains one net for every hidden size
and fold, and the refit's; with ``init="inherit"`` also one main-stream net a fold, and the
refit's. Without, it trains one (inherit: two) for every candidate and fold. Nets are counted by
skorch's training loop. A run stops if scores, best parameters or the refitted model's detections
differ, or if the numbers of nets are not these.

    python benchmarks/bench_search.py
    python benchmarks/bench_search.py --inits scratch --videos 20 --epochs 10
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import add_machine_options, interleaved, middle, now, set_machine, verdict
from _keep import Kept, add_json_option, keep
from sklearn.model_selection import GridSearchCV, KFold
from skorch import NeuralNet

from sklearn_asn import ASNLocalizer
from sklearn_asn.datasets import make_untrimmed_videos

QUANTILES = [round(0.1 * i, 1) for i in range(1, 10)]
HIDDEN_SIZES = [16, 32, 64]
N_FOLDS = 3


@contextmanager
def trainings() -> Iterator[list[float]]:
    """Collect the seconds of every run of skorch's training loop inside the block."""
    seconds: list[float] = []
    loop = NeuralNet.fit_loop

    @wraps(loop)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        began = now()
        try:
            return loop(self, *args, **kwargs)
        finally:
            seconds.append(now() - began)

    NeuralNet.fit_loop = counted
    try:
        yield seconds
    finally:
        NeuralNet.fit_loop = loop


def search(X: Any, y: Any, init: str, args: argparse.Namespace, cached: bool) -> Any:
    with tempfile.TemporaryDirectory() as folder, trainings() as seconds:
        localizer = ASNLocalizer(
            "bottleneck",
            init=init,
            max_epochs=args.epochs,
            device=args.device,
            memory=folder if cached else None,
            random_state=0,
        )
        grid = {"quantile": QUANTILES, "hidden_size": HIDDEN_SIZES}
        found = GridSearchCV(localizer, grid, cv=KFold(N_FOLDS), error_score="raise").fit(X, y)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        return found, len(seconds), sum(seconds), size


def check_same(a: Any, b: Any, X: Any) -> None:
    for name, values in a.cv_results_.items():
        if name.startswith(("split", "mean_test", "std_test", "rank")):
            np.testing.assert_array_equal(values, b.cv_results_[name], err_msg=name)
    assert a.best_params_ == b.best_params_, (a.best_params_, b.best_params_)
    assert a.best_estimator_.predict(X) == b.best_estimator_.predict(X)


def compare(X: Any, y: Any, init: str, args: argparse.Namespace, kept: Kept) -> None:
    runs = interleaved(
        {name: lambda cached=name == "memory": search(X, y, init, args, cached)
         for name in ("memory", "none")},
        args.repeats,
    )  # fmt: skip
    n_fits = len(QUANTILES) * len(HIDDEN_SIZES) * N_FOLDS + 1
    own, main = len(HIDDEN_SIZES) * N_FOLDS + 1, N_FOLDS + 1
    expected = {"memory": own + (main if init == "inherit" else 0),
                "none": n_fits * (2 if init == "inherit" else 1)}  # fmt: skip
    for name, results in runs.items():
        for _, (found, n_nets, _, _) in results:
            assert n_nets == expected[name], (name, n_nets, expected[name])
            check_same(found, runs["none"][0][1][0], X)
    fast, slow = middle(runs["memory"]), middle(runs["none"])
    found, _, _, size = runs["memory"][0][1]
    scores = found.cv_results_["mean_test_score"]
    print(f"init={init!r}: {n_fits} fits; best {found.best_params_}; "
          f"scores from {scores.min():.3f} to {scores.max():.3f}, the same")  # fmt: skip
    for name, results in runs.items():
        training = median(r[2] for _, r in results)
        print(f"    {name:7s}{middle(results):8.2f} s, {results[0][1][1]:4d} nets trained in "
              f"{training:7.2f} s; the rest {middle(results) - training:6.2f} s")  # fmt: skip
    print(f"    {slow / fast:.2f}x faster {verdict(slow / fast, 5, at_least=True)}; "
          f"nets {expected['none'] / expected['memory']:.1f}x fewer; "
          f"the cache holds {size / 2**20:.1f} MiB", flush=True)  # fmt: skip
    kept.add(f"init={init!r}: without / with memory", slow / fast, "ratio", 5, better="more")
    fewer = expected["none"] / expected["memory"]
    kept.add(f"init={init!r}: nets trained without / with memory", fewer, "ratio", better="more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inits", nargs="+", default=["inherit", "scratch"],
                        choices=["inherit", "scratch"])  # fmt: skip
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--columns", type=int, default=128, help="of each stream")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=1)
    add_machine_options(parser)
    add_json_option(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    print(f"{set_machine(args)}; median of {args.repeats}", flush=True)
    X, y = make_untrimmed_videos(
        n_videos=args.videos, n_clips=args.clips, n_features=args.columns, random_state=0
    )
    print(f"{args.videos} videos of {args.clips} clips, 2 x {args.columns} columns, "
          f"{X.values.nbytes / 2**20:.1f} MiB, {args.epochs} epochs", flush=True)  # fmt: skip
    ASNLocalizer("temporal", max_epochs=1, device=args.device).fit(X, y).score(X, y)  # warm up
    kept = Kept("bench_search", args.device, cpu_time=args.cpu_time, videos=args.videos,
                clips=args.clips, columns=args.columns, epochs=args.epochs)  # fmt: skip
    for init in args.inits:
        compare(X, y, init, args, kept)
        keep(kept, args)


if __name__ == "__main__":
    main()
