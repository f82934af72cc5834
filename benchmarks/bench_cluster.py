"""Count the bytes that reach the workers of a dask cluster: features as a path, or in memory.

A grid search and the prediction of shards, on two local worker processes that talk over TCP as
machines would. Counted is every message that a worker reads from the scheduler or from another
worker, by its frames, in `distributed`'s own TCP comm (a wrapper around the function that decodes
them); so heartbeats count as well, and what a worker reads from the disk does not.

"path" is `Clips.open(folder)`; "memory" the same Clips in memory; "scattered" these sent once to
each worker by ``parallel_config(backend="dask", scatter=[X])``. A run stops if scores or segments
differ.

    python benchmarks/bench_cluster.py                 # about a minute on 2 cores
    python benchmarks/bench_cluster.py --videos 20 --columns 256
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import distributed
import joblib
import numpy as np
from _common import describe, make_clips, make_labels, make_lengths
from sklearn.model_selection import GridSearchCV

from sklearn_asn import ASNLocalizer, Clips, Segments, predict_shards, read_shards


def install_counter() -> None:
    """Run in every worker."""
    from distributed.comm import tcp

    decode, tcp.bytes_read = tcp.from_frames, 0

    async def counting(frames: Any, *args: Any, **options: Any) -> Any:
        tcp.bytes_read += sum(memoryview(frame).nbytes for frame in frames)
        return await decode(frames, *args, **options)

    tcp.from_frames = counting


def bytes_read() -> int:
    from distributed.comm import tcp

    return tcp.bytes_read


def measured(client: Any, call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return megabytes that workers read during a call, its seconds, and its result."""
    before, began = sum(client.run(bytes_read).values()), time.perf_counter()
    result = call()
    seconds = time.perf_counter() - began
    return (sum(client.run(bytes_read).values()) - before) / 1e6, seconds, result


def report(name: str, runs: dict[str, tuple[float, float, Any]]) -> None:
    path = runs["path"][0]
    for how, (megabytes, seconds, _) in runs.items():
        ratio = f"{megabytes / path:8.0f}x the path's" if how != "path" else ""
        print(f"{name:15s} {how:10s} {megabytes:9.2f} MB {seconds:6.1f} s {ratio}")


def main(args: argparse.Namespace, client: Any, folder: Path) -> None:
    X = make_clips(make_lengths(args.videos, 0, args.clips), args.columns, 0)
    y = make_labels(args.videos, 5, 0)
    mapped = Clips.open(X.save(folder / "clips"))
    model = ASNLocalizer("temporal", max_epochs=args.epochs, random_state=0, device="cpu")
    grid = {"lr": list(np.geomspace(0.01, 0.1, args.candidates))}
    print(
        f"{len(X)} videos, {X.values.nbytes / 1e6:.1f} MB of features; "
        f"pickled: {len(pickle.dumps(X)) / 1e6:.1f} MB in memory, "
        f"{len(pickle.dumps(mapped)) / 1e6:.4f} MB as a path"
    )

    def search(given: Clips, **options: Any) -> Any:
        with joblib.parallel_config(backend="dask", **options):
            found = GridSearchCV(model, grid, cv=3, refit=False).fit(given, y[: len(given)])
        return found.cv_results_["mean_test_score"]

    search(mapped[:15])  # workers import what they need
    calls = {
        "path": lambda: search(mapped),
        "memory": lambda: search(X),
        "scattered": lambda: search(X, scatter=[X]),
    }
    runs = {how: measured(client, call) for how, call in calls.items()}
    for how in ("memory", "scattered"):
        np.testing.assert_array_equal(runs[how][2], runs["path"][2])
    print(f"\n{args.candidates} candidates x 3 folds")
    report("GridSearchCV", runs)

    model.fit(X, y)
    parts = [X[part[0] : part[-1] + 1] for part in np.array_split(np.arange(len(X)), args.shards)]
    paths = [part.save(folder / "shards" / f"{i:03d}") for i, part in enumerate(parts)]

    def by_path() -> Segments:
        with joblib.parallel_config(backend="dask"):
            return read_shards(predict_shards(model, paths, folder / "out"))

    def in_memory() -> Segments:
        with joblib.parallel_config(backend="dask"):
            tasks = (joblib.delayed(model.predict)(part) for part in parts)
            return Segments.concatenate(joblib.Parallel()(tasks))

    runs = {"path": measured(client, by_path), "memory": measured(client, in_memory)}
    if runs["path"][2] != runs["memory"][2]:
        raise SystemExit("the segments differ")
    print(f"\n{args.shards} shards, model pickled: {len(pickle.dumps(model)) / 1e6:.3f} MB")
    report("predict_shards", runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--clips", type=int, default=100, help="of the median video")
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--candidates", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--shards", type=int, default=12)
    # the point of the benchmark, said by distributed, too
    warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
    arguments = parser.parse_args()
    print(f"{describe(None)}, distributed {distributed.__version__}")
    with (
        tempfile.TemporaryDirectory() as work,
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(install_counter)
        main(arguments, client, Path(work))
