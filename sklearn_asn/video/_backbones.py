"""Backbones given by the user: loading, evaluation mode, running, and pooling over space."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def load_backbone(path: str, device: str) -> Any:
    """Load a saved network: ``.pt2`` by `torch.export`, anything else as TorchScript."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript itself is deprecated
        warnings.simplefilter("ignore", FutureWarning)
        if Path(path).suffix == ".pt2":
            return torch.export.load(path).module().to(device)
        return torch.jit.load(path, map_location=device).eval()


@lru_cache(maxsize=2)
def _load_once(path: str, device: str, stamp: tuple[int, int]) -> Any:
    return load_backbone(path, device)


def check_backbone(backbone: Any, name: str) -> None:
    """Refuse what is no callable, no file, and not one of the words."""
    if backbone is None or (isinstance(backbone, str) and backbone == "drop"):
        return
    if isinstance(backbone, str | os.PathLike):
        if not Path(backbone).is_file():
            raise ValueError(
                f"{name}={os.fspath(backbone)!r}; expected a file saved by torch.jit.save or "
                "torch.export.save (.pt2), 'drop', None, or a callable; there is no such file."
            )
    elif not callable(backbone):
        raise ValueError(
            f"{name}={backbone!r}; expected a torch module or another callable, the path of a "
            "saved one, 'drop' or None."
        )
    elif isinstance(backbone, type):
        raise ValueError(f"{name} is the class {backbone.__name__}; give an instance of it.")


@contextmanager
def evaluation_mode(backbones: list[Any]) -> Iterator[None]:
    """Put modules in evaluation mode, and back as they were, device included, at the end."""
    modules = {id(b): b for b in backbones if _has_modes(b)}.values()
    modes = [(part, part.training) for module in modules for part in module.modules()]
    devices = [(module, _device_of(module)) for module in modules]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for module, device in devices:
            if device is not None:
                module.to(device)


def _has_modes(backbone: Any) -> bool:
    if not isinstance(backbone, torch.nn.Module):
        return False
    return not isinstance(backbone, torch.fx.GraphModule)  # exported ones cannot be switched


def _device_of(module: torch.nn.Module) -> torch.device | None:
    first = next(module.parameters(), None)
    return None if first is None else first.device


class Network:
    """A backbone, ready to be called on arrays.

    Parameters
    ----------
    backbone : callable or path
    device : str
    name : str
        The constructor's argument, for messages.
    """

    def __init__(self, backbone: Any, device: str, name: str) -> None:
        self.device = device
        self.name = name
        if isinstance(backbone, str | os.PathLike):
            stat = Path(backbone).stat()
            path = str(Path(backbone).resolve())
            backbone = _load_once(path, device, (stat.st_mtime_ns, stat.st_size))
        elif isinstance(backbone, torch.nn.Module):
            backbone.to(device)
        self.backbone = backbone

    def __call__(self, inputs: Array, mean: Array, std: Array) -> NDArray[np.float32]:
        """Run on 8-bit inputs ``(n, channels, height, width)``; returns ``(n, n_features)``.

        `mean` and `std` are float32, one number or one a channel.
        """
        with torch.no_grad():
            batch = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
            scale = [
                torch.as_tensor(v, dtype=torch.float32, device=self.device) for v in (mean, std)
            ]
            batch = (batch.float() - scale[0].view(-1, 1, 1)) / scale[1].view(-1, 1, 1)
            out = self.backbone(batch)
            if not isinstance(out, torch.Tensor):
                out = self._as_tensor(out)
            if out.ndim == 4:
                out = out.mean(dim=(2, 3))
            if out.ndim != 2 or len(out) != len(inputs) or not out.shape[1]:
                raise ValueError(
                    f"{self.name} returned shape {tuple(out.shape)} for {len(inputs)} inputs; "
                    "expected (n, n_features), or (n, n_features, height, width), of which the "
                    "mean over space is taken. Wrap it in a function that returns that."
                )
            return out.float().cpu().numpy()

    def _as_tensor(self, out: Any) -> torch.Tensor:
        if not isinstance(out, np.ndarray):
            raise ValueError(
                f"{self.name} returned {type(out).__name__}, expected a tensor. Wrap it in a "
                "function that picks one, such as lambda batch: model(batch)[0]."
            )
        return torch.from_numpy(out)
