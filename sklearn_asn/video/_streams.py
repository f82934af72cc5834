"""The two streams: how each makes inputs of a clip's sample, and features of the inputs."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sklearn_asn.video._backbones import Network
from sklearn_asn.video._descriptors import PER_CELL, describe_flow, describe_pictures
from sklearn_asn.video._flow import quantise
from sklearn_asn.video._picture import centre_crop
from sklearn_asn.video._sampling import Sample

Array = NDArray[Any]


class Stream(Protocol):
    """What turns samples of clips into features."""

    enlarge: bool  # whether small pictures are scaled up

    def prepare(self, sample: Sample) -> Array:
        """Return what `run` needs, one row for each moment sampled."""

    def run(self, inputs: Array) -> NDArray[np.float32]:
        """Return the features of inputs, ``(n, n_features)``."""

    def width(self) -> int:
        """Return the number of features."""


class _Classical:
    """Descriptors are small, so they are computed at once and not in batches."""

    enlarge = False

    def __init__(self, grid: int) -> None:
        self.grid = grid

    def run(self, inputs: Array) -> NDArray[np.float32]:
        return inputs

    def width(self) -> int:
        return PER_CELL * self.grid**2


class ClassicalPictures(_Classical):
    """Colour and gradients."""

    def prepare(self, sample: Sample) -> Array:
        """Describe the pictures."""
        assert sample.pictures is not None
        return describe_pictures(sample.pictures, self.grid)


class ClassicalFlow(_Classical):
    """Histograms of flow."""

    def prepare(self, sample: Sample) -> Array:
        """Describe the flow."""
        assert sample.flow is not None
        assert sample.steps is not None
        return describe_flow(sample.flow, sample.steps, self.grid)


class _Networked:
    enlarge = True

    def __init__(self, network: Network, shape: tuple[int, int, int], mean: Any, std: Any) -> None:
        self.network = network
        self.shape = shape
        self.mean = np.asarray(mean, dtype=np.float32)
        self.std = np.asarray(std, dtype=np.float32)

    def run(self, inputs: Array) -> NDArray[np.float32]:
        return self.network(inputs, self.mean, self.std)

    def width(self) -> int:
        return self.run(np.zeros((1, *self.shape), np.uint8)).shape[1]


class NetworkPictures(_Networked):
    """A network on pictures, its channels in the order "rgb" or "bgr"."""

    def __init__(self, network: Network, size: int, mean: Any, std: Any, order: str) -> None:
        super().__init__(network, (3, size, size), 255 * np.asarray(mean), 255 * np.asarray(std))
        self.order = order

    def prepare(self, sample: Sample) -> Array:
        """Crop the pictures."""
        assert sample.pictures is not None
        cropped = centre_crop(sample.pictures, self.shape[-1]).transpose(0, 3, 1, 2)
        return cropped[:, ::-1] if self.order == "bgr" else cropped


class NetworkFlow(_Networked):
    """A network on stacked flow: x and y of the first motion, x and y of the second, ..."""

    def __init__(
        self, network: Network, size: int, n_flow: int, bound: float, mean: float, std: float
    ) -> None:
        super().__init__(network, (2 * n_flow, size, size), [mean], [std])
        self.bound = bound

    def prepare(self, sample: Sample) -> Array:
        """Crop and quantise the flow."""
        assert sample.flow is not None
        cropped = quantise(centre_crop(sample.flow, self.shape[-1]), self.bound)
        n, n_flow, height, width, _ = cropped.shape
        return cropped.transpose(0, 1, 4, 2, 3).reshape(n, 2 * n_flow, height, width)


class Batches:
    """Collects the inputs of clips, runs them `size` at a time, and averages over each clip."""

    def __init__(self, stream: Stream, size: int, per_clip: int) -> None:
        self.stream = stream
        self.size = size
        self.per_clip = per_clip
        self._waiting: list[Array] = []
        self._done: list[Array] = []

    def add(self, sample: Sample) -> None:
        """Take one clip."""
        self._waiting.extend(self.stream.prepare(sample))
        while len(self._waiting) >= self.size:
            self._run(self.size)

    def features(self) -> NDArray[np.float32]:
        """Return ``(n_clips, n_features)`` of all clips taken."""
        if self._waiting:
            self._run(len(self._waiting))
        widths = {part.shape[1] for part in self._done}
        if len(widths) > 1:
            raise ValueError(f"the backbone gave different numbers of features: {sorted(widths)}.")
        rows = np.concatenate(self._done)
        return rows.reshape(-1, self.per_clip, rows.shape[1]).mean(axis=1, dtype=np.float32)

    def _run(self, n: int) -> None:
        batch, self._waiting = np.stack(self._waiting[:n]), self._waiting[n:]
        self._done.append(self.stream.run(batch))
