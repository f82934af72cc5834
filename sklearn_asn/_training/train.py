"""From a plan and the videos of a fit to a trained network: `train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from sklearn_asn._training.cache import train_cached
from sklearn_asn._training.net import ASNNet, export, train_net
from sklearn_asn._training.progress import Progress
from sklearn_asn._training.recipe import Plan, Trained
from sklearn_asn._training.supervised import Supervised
from sklearn_asn._training.validate import Validation


class Machine(NamedTuple):
    """Where and how a fit works: nothing of it changes the result."""

    device: str
    progress: Progress
    compile: bool = False
    memory: Any = None


def train(
    plan: Plan,
    data: Supervised,
    seed: int,
    machine: Machine,
    callbacks: Any = None,
    start: Mapping[str, NDArray[Any]] | Trained | None = None,
    watch: Callable[[Plan], Validation] | None = None,
) -> tuple[Trained, ASNNet | None]:
    """Train a plan's network, after its parent's where it has one, or take it from `memory`.

    Parameters
    ----------
    plan : Plan
    data : Supervised
    seed : int
    machine : Machine
    callbacks : list of skorch callbacks, default=None
    start : dict or Trained, default=None
        Weights of a parent that is given, in place of the plan's own; or what a training of this
        plan has left, to go on from.
    watch : callable, default=None
        Called with a plan; returns the videos that its training is validated with.

    Returns
    -------
    trained : Trained
    net : ASNNet or None
        The live net, where it was made here.
    """
    progress = machine.progress
    if plan.parent is not None and start is None:
        progress.n_trainings += 1
        parent, _ = train(plan.parent, data, seed, machine, callbacks, watch=watch)
        start = parent.weights
    plan = plan.alone()
    bags = data.bags(plan)
    given = (plan, bags, seed, start, callbacks)
    where: Any = {"device": machine.device, "progress": progress, "compile": machine.compile}
    if watch is not None:
        where["validation"] = watch(plan)
    progress.start(plan.max_epochs, name_of(plan))
    if machine.memory is None:
        net = train_net(*given, **where)
        trained = export(net)
    else:
        net, trained = None, train_cached(machine.memory, *given, **where)
    progress.finish(trained.history, trained.weights["attention_quantiles"])
    return trained, net


def name_of(plan: Plan) -> str:
    """Return how the progress line calls a network."""
    variant = plan.network["variant"]
    return variant if isinstance(variant, str) else variant.__name__
