"""Training in a process that others use: own random numbers, own types, own number of threads.

Torch has one generator, one default type and one default device for all that runs in a process.
What is done here is done in the calling thread alone, so that a fit gives the same bits beside
other threads as alone, and leaves all of these as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sklearn_asn._training.dropping import LARGE, packed_dropout

_lock = threading.RLock()  # of torch's global generators, where they cannot be left alone
_counting = threading.Lock()  # of the number of threads that threads begin with

#: What draws random numbers and takes a generator, by name.
_IN_PLACE = (
    *("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_"),
    *("random_", "uniform_"),
)
_DRAWS = {
    *(getattr(Tensor, name) for name in (*_IN_PLACE, "bernoulli", "multinomial")),
    *(getattr(torch, name) for name in ("bernoulli", "multinomial", "normal", "poisson")),
    *(getattr(torch, name) for name in ("rand", "randint", "randn", "randperm")),
    *(getattr(nn.init, name) for name in ("uniform_", "normal_", "trunc_normal_")),
    *(getattr(nn.init, f"{name}_{kind}_") for name in ("kaiming", "xavier")
      for kind in ("normal", "uniform")),
    *(nn.init.orthogonal_, nn.init.sparse_),
}  # fmt: skip
_DROPOUT = {functional.dropout, torch.dropout}
#: What makes tensors of the default type, where none is given.
_MAKES = {
    *(getattr(torch, name) for name in ("empty", "eye", "linspace", "logspace", "ones")),
    *(getattr(torch, name) for name in ("rand", "randn", "zeros")),
}


class _Own(TorchFunctionMode):
    """In this thread: float32, and draws on the CPU from a generator of our own."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DROPOUT:
            return self._dropout(func, *args, **kwargs)
        if func in _MAKES and kwargs.get("dtype") is None:
            kwargs = {**kwargs, "dtype": torch.float32}
        if func in _DRAWS and kwargs.get("generator") is None and _on_cpu(args, kwargs):
            kwargs = {**kwargs, "generator": self.generator}
        return func(*args, **kwargs)

    def _dropout(
        self,
        func: Any,
        input: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
        train: bool = True,
    ) -> Tensor:
        """Do as torch's own, which takes no generator; large inputs in distribution only."""
        if not (training and train) or not p or not input.numel():
            return input
        if input.device.type != "cpu" or not 0 < p <= 1:
            return func(input, p, True)
        if p < 1 and input.numel() >= LARGE:
            dropped = packed_dropout(input, p, self.generator)
            return input.copy_(dropped) if inplace else dropped
        noise = torch.empty_like(input)
        if p < 1:
            noise.bernoulli_(1 - p, generator=self.generator).div_(1 - p)
        else:
            noise.zero_()
        return input.mul_(noise) if inplace else input * noise


def _on_cpu(args: Any, kwargs: dict[str, Any]) -> bool:
    """Tell whether a call draws on the CPU."""
    device = kwargs.get("device")
    if device is not None:
        return torch.device(device).type == "cpu"
    given = (*args, *kwargs.values())
    return all(value.device.type == "cpu" for value in given if isinstance(value, Tensor))


@contextmanager
def own_torch(seed: int, device: str = "cpu", shares: bool = False) -> Iterator[None]:
    """Draw from a seed's numbers inside the block, in float32, whatever torch's defaults are.

    Parameters
    ----------
    seed : int
    device : str, default="cpu"
        Where the network is. A GPU's generator is torch's own: see `shares`.
    shares : bool, default=False
        Whether the block runs what draws from torch's global generators in ways that cannot be
        led elsewhere (a GPU, compiled code, a user's own modules or callbacks). They are seeded
        and put back then, by one thread at a time.
    """
    shares = shares or not str(device).startswith("cpu")
    with ExitStack() as stack:
        if shares:
            stack.enter_context(_lock)
            devices = [torch.device(device)] if str(device).startswith("cuda") else []
            stack.enter_context(torch.random.fork_rng(devices=devices))
            torch.manual_seed(seed)
        if torch.empty(0).device.type != "cpu":  # networks are made here, and sent to theirs
            stack.enter_context(torch.device("cpu"))
        generator = torch.Generator(device="cpu")
        generator.manual_seed(seed)
        stack.enter_context(_Own(generator))
        yield


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Let torch use `n` threads for what this thread does inside the block."""
    before = torch.get_num_threads()
    if before == n:
        yield
        return
    _use_threads(n)
    try:
        yield
    finally:
        _use_threads(before)


def _use_threads(n: int) -> None:
    """Set the number of this thread alone.

    Torch sets it for the thread that asks, and for threads that begin later: these get theirs back.
    (One that begins in the microseconds between has `n` too.)
    """
    with _counting, ThreadPoolExecutor(1) as another:
        default = another.submit(torch.get_num_threads).result()
        torch.set_num_threads(n)
        another.submit(torch.set_num_threads, default).result()
