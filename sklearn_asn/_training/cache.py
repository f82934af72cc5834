"""`memory`: trainings kept on disk by data, training parameters and seed."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy
import sklearn
import skorch
import torch
from filelock import FileLock
from joblib import hash as joblib_hash
from sklearn.utils.validation import check_memory

import sklearn_asn
from sklearn_asn._training.bags import Bags
from sklearn_asn._training.net import export, train_net
from sklearn_asn._training.recipe import Plan, Trained

#: Counts what changes the numbers that a seed gives, within a version too: raise it then.
DRAWS = 2  # 2: dropout of large inputs from packed bits


def train_cached(
    memory: Any,
    plan: Plan,
    bags: Bags,
    seed: int,
    parent: Any,
    callbacks: Any,
    **machine: Any,
) -> Trained:
    """Return what training gives, from the cache where it was trained before.

    The key is a fingerprint of the data (of features in a file: path, size and time, so that they
    are not read), the plan, the seed, the parent's weights, the callbacks, the videos that the
    training is validated with, and the versions of what trains. `machine` holds these videos, and
    what does not change the result. Of processes that want the same training at the same time,
    one trains, and the others wait for it.
    """
    memory = check_memory(memory)
    validation = machine.get("validation")
    watched = "" if validation is None else validation.key
    ignore = ["bags", "machine"]
    cached = memory.cache(_train, ignore=ignore)
    data = f"{bags.fingerprint()}{code_of(plan)}{versions()}{watched}"
    key = (data, plan, seed, parent, callbacks)
    with _one_at_a_time(memory, key):
        sealed = cached(*key, bags=bags, machine=machine)
        if not _is_whole(sealed):
            warnings.warn(
                f"A training kept in {getattr(memory, 'location', memory)} is damaged; it is "
                "trained anew, and kept in its place.",
                stacklevel=2,
            )
            sealed = _call(cached, *key, bags=bags, machine=machine)
        return pickle.loads(sealed[0])


def _train(
    data: str,
    plan: Plan,
    seed: int,
    parent: Any,
    callbacks: Any,
    bags: Bags,
    machine: dict[str, Any],
) -> tuple[bytes, str]:
    """Train and keep plain arrays only, and their checksum; `data` is `bags`' fingerprint."""
    trained = export(train_net(plan, bags, seed, parent, callbacks, **machine))
    content = pickle.dumps(trained, protocol=5)
    return content, hashlib.sha256(content).hexdigest()


def _is_whole(sealed: Any) -> bool:
    """Tell whether what came from the disk is what was kept."""
    try:
        content, checksum = sealed
        return hashlib.sha256(content).hexdigest() == checksum
    except (TypeError, ValueError):
        return False


def _call(cached: Any, *args: Any, **kwargs: Any) -> tuple[bytes, str]:
    """Call a cached function though its result is kept; the new one is kept instead."""
    result = cached.call(*args, **kwargs)
    if len(result) == 2 and isinstance(result[1], dict):  # joblib 1.4 adds what it measured
        result = result[0]
    return result


def versions() -> str:
    """Return the versions of all that a training's numbers come from."""
    packages = (numpy, sklearn, sklearn_asn, skorch, torch)
    named = [f"{package.__name__}-{package.__version__}" for package in packages]
    return " ".join([*named, f"draws-{DRAWS}"])


def code_of(plan: Plan) -> str:
    """Return the source of the user's own classes in a plan, which count by name otherwise."""
    sources = []
    for kind in plan.user_classes:
        with suppress(OSError, TypeError):  # there is none, as in an interactive shell
            sources.append(inspect.getsource(kind))
    return "".join(sources)


@contextmanager
def _one_at_a_time(memory: Any, key: Any) -> Iterator[None]:
    """Hold a lock of this key beside the cache, where it lies in a folder."""
    location = getattr(memory, "location", None)
    if location is None:
        yield
        return
    folder = Path(location) / "sklearn_asn-locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{joblib_hash(key)}.lock"):
        yield
