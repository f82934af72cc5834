"""Time a grid search with a cache of trainings (`memory=`) against the same search without.

9 quantiles x 3 hidden sizes x 3 folds of the bottleneck variant, judged against segments. The
quantile does not enter training, so with the cache the search trains one net for every hidden size
and fold, and the refit's; with ``init="inherit"`` also one main-stream net a fold, and the
refit's. Without, it trains one (inherit: two) for every candidate and fold. Nets are counted by
skorch's training loop. A run stops if scores, best parameters or the refitted model's detections
differ, or if the numbers of nets are not these.

A second search is of self-training: 3 numbers of rounds x 3 quantiles x 3 thresholds of the
selection x 3 folds, of two members. The first rounds of all candidates are the same, so that with
the cache a fold trains each member once for every round that any candidate has.

    python benchmarks/bench_search.py
    python benchmarks/bench_search.py --inits --rounds 0 1 2
    python benchmarks/bench_search.py --inits scratch --videos 20 --epochs 10
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from _common import add_machine_options, interleaved, middle, now, set_machine, verdict
from _keep import Kept, add_json_option, keep
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from skorch import NeuralNet

from sklearn_asn import ASNLocalizer, SelfTrainingLocalizer
from sklearn_asn.datasets import make_untrimmed_videos
from sklearn_asn.selection import MultiThresholdSelection

QUANTILES = [round(0.1 * i, 1) for i in range(1, 10)]
HIDDEN_SIZES = [16, 32, 64]
MIN_SCORES = [0.0, 0.1, 0.2]
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


def search(
    localizer: Any, grid: dict[str, Any], X: Any, y: Any, cached: bool
) -> tuple[Any, int, float, int]:
    """Return the search, the nets it has trained, the seconds of that, and what is kept."""
    with tempfile.TemporaryDirectory() as folder, trainings() as seconds:
        model = clone(localizer).set_params(memory=folder if cached else None)
        found = GridSearchCV(model, grid, cv=KFold(N_FOLDS), error_score="raise").fit(X, y)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        return found, len(seconds), sum(seconds), size


def check_same(a: Any, b: Any, X: Any) -> None:
    for name, values in a.cv_results_.items():
        if name.startswith(("split", "mean_test", "std_test", "rank")):
            np.testing.assert_array_equal(values, b.cv_results_[name], err_msg=name)
    assert a.best_params_ == b.best_params_, (a.best_params_, b.best_params_)
    assert a.best_estimator_.predict(X) == b.best_estimator_.predict(X)


def compare_variants(X: Any, y: Any, init: str, args: argparse.Namespace, kept: Kept) -> None:
    """Search over what needs a training and what does not, with a parent or without."""
    localizer = ASNLocalizer(
        "bottleneck", init=init, max_epochs=args.epochs, device=args.device, random_state=0
    )
    own, main = len(HIDDEN_SIZES) * N_FOLDS + 1, N_FOLDS + 1
    n_fits = len(QUANTILES) * len(HIDDEN_SIZES) * N_FOLDS + 1
    compare(
        f"init={init!r}",
        localizer,
        {"quantile": QUANTILES, "hidden_size": HIDDEN_SIZES},
        (X, y),
        args.repeats,
        kept,
        lambda _: own + (main if init == "inherit" else 0),
        lambda _: n_fits * (2 if init == "inherit" else 1),
    )


def compare_self_training(X: Any, y: Any, args: argparse.Namespace, kept: Kept) -> None:
    """Search over rounds of self-training, and over what needs no training."""
    one = ASNLocalizer(
        "fusion",
        init="scratch",
        pooling="probability",
        context_layers=1,
        context_size=16,
        max_epochs=args.epochs,
    )
    localizer = SelfTrainingLocalizer(
        [("one", one), ("two", clone(one).set_params(context_layers=2))],
        selection=MultiThresholdSelection(),
        device=args.device,
        random_state=0,
    )
    grid = {
        "n_rounds": args.rounds,
        "quantile": [0.3, 0.5, 0.7],
        "selection__min_score": MIN_SCORES,
    }
    each = sum(2 * (n + 1) for n in args.rounds) * 3 * len(MIN_SCORES) * N_FOLDS
    compare(
        "self-training",
        localizer,
        grid,
        (X, y),
        args.repeats,
        kept,
        lambda best: 2 * (max(args.rounds) + 1) * N_FOLDS + 2 * (best["n_rounds"] + 1),
        lambda best: each + 2 * (best["n_rounds"] + 1),
    )


def compare(
    name: str,
    localizer: Any,
    grid: dict[str, Any],
    data: tuple[Any, Any],
    repeats: int,
    kept: Kept,
    *expected: Callable[[dict[str, Any]], int],
) -> None:
    """Run a search with a cache and without; `expected` are the nets of each by the best found."""
    X, y = data
    runs = interleaved(
        {kind: lambda cached=kind == "memory": search(localizer, grid, X, y, cached)
         for kind in ("memory", "none")},
        repeats,
    )  # fmt: skip
    nets = {}
    for (kind, results), count in zip(runs.items(), expected, strict=True):
        for _, (found, n_nets, _, _) in results:
            nets[kind] = count(found.best_params_)
            assert n_nets == nets[kind], (kind, n_nets, nets[kind])
            check_same(found, runs["none"][0][1][0], X)
    fast, slow = middle(runs["memory"]), middle(runs["none"])
    found, _, _, size = runs["memory"][0][1]
    scores = found.cv_results_["mean_test_score"]
    print(f"{name}: {len(scores) * N_FOLDS + 1} fits; best {found.best_params_}; "
          f"scores from {scores.min():.3f} to {scores.max():.3f}, the same")  # fmt: skip
    for kind, results in runs.items():
        training = median(r[2] for _, r in results)
        print(f"    {kind:7s}{middle(results):8.2f} s, {results[0][1][1]:4d} nets trained in "
              f"{training:7.2f} s; the rest {middle(results) - training:6.2f} s")  # fmt: skip
    print(f"    {slow / fast:.2f}x faster {verdict(slow / fast, 5, at_least=True)}; "
          f"nets {nets['none'] / nets['memory']:.1f}x fewer; "
          f"the cache holds {size / 2**20:.1f} MiB", flush=True)  # fmt: skip
    fewer = nets["none"] / nets["memory"]
    kept.add(f"{name}: without / with memory", slow / fast, "ratio", 5, better="more")
    kept.add(f"{name}: nets trained without / with memory", fewer, "ratio", better="more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--inits", nargs="*", default=["inherit", "scratch"],
                        choices=["inherit", "scratch"])  # fmt: skip
    parser.add_argument("--rounds", type=int, nargs="*", default=[0, 1, 2],
                        help="of self-training; none: leave it out")  # fmt: skip
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--columns", type=int, default=128, help="of each stream")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=1)
    add_machine_options(parser)
    add_json_option(parser)
    args = parser.parse_args()
    warnings.simplefilter("ignore")  # few steps, dead parts: what small sizes are told
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
        compare_variants(X, y, init, args, kept)
        keep(kept, args)
    if args.rounds:
        compare_self_training(X, y, args, kept)
        keep(kept, args)


if __name__ == "__main__":
    main()
