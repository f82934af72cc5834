"""Which clips a training step sees (section 3.3), gathered from the packed array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_asn._training.bags import Bags

Item = TypeVar("Item")


def sample_clips(
    n_clips: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw `size` different clips of every video at once; all of them where there are fewer.

    Floyd's algorithm, every step for all videos together: each set of clips is equally likely.

    Returns
    -------
    ndarray of shape (n_videos, min(size, max(n_clips)))
        Clip numbers inside the video; -1 behind the last one of a short video.
    """
    width = int(min(size, n_clips.max()))
    take = np.minimum(n_clips, width)
    chosen = np.full((len(n_clips), width), -1, dtype=np.int64)
    if width == 1 and np.all(n_clips == 1):
        chosen[:] = 0
        return chosen
    for step in range(width):
        last = n_clips - take + step
        clip = np.floor(rng.random(len(n_clips)) * (last + 1)).astype(np.int64)
        taken = np.any(chosen[:, :step] == clip[:, None], axis=1)
        chosen[:, step] = np.where(step < take, np.where(taken, last, clip), -1)
    return chosen


def sample_rows(
    start: NDArray[np.int64], stop: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw `size` rows of each clip sparsely, one of each equal part of it (as in TSN).

    Returns
    -------
    ndarray of shape (..., size)
    """
    if size == 1 and np.all(stop - start == 1):
        return start[..., None]
    part = np.arange(size) + rng.random((*start.shape, size))
    return start[..., None] + np.floor(part * (stop - start)[..., None] / size).astype(np.int64)


def balanced_batches(
    videos: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Shuffle videos into batches of at most `batch_size`, of sizes that differ by at most one."""
    if not len(videos):
        return []
    return np.array_split(rng.permutation(videos), -(-len(videos) // batch_size))


class BagBatches:
    """Iterator of skorch's training loop: random clips of shuffled videos, epoch after epoch.

    Untrimmed videos give `clips_per_video` clips (None: all of them), trimmed ones a single clip;
    each kind has its own batch size, and the batches of an epoch come in random order. With
    `context` > 1 a clip comes with its neighbours; beyond the video's ends they are zero. With
    `hide_probability`, blocks of `hide_clips` clips are hidden at random (Hide-and-Seek).
    """

    def __init__(
        self,
        dataset: Bags,
        batch_size: int,
        trimmed_batch_size: int,
        clips_per_video: int | None,
        frames_sampled: int,
        seed: int,
        context: int = 1,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
    ) -> None:
        self.bags = dataset
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.clips_per_video = np.iinfo(int).max if clips_per_video is None else clips_per_video
        self.frames_sampled = min(frames_sampled, dataset.frames_per_clip)
        self.context = context
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        self.rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
        trimmed = self.bags.trimmed
        batches = [
            *(
                (videos, self.clips_per_video)
                for videos in balanced_batches(np.flatnonzero(~trimmed), self.batch_size, self.rng)
            ),
            *(
                (videos, 1)
                for videos in balanced_batches(
                    np.flatnonzero(trimmed), self.trimmed_batch_size, self.rng
                )
            ),
        ]
        drawn = (self.batch(*batches[i]) for i in self.rng.permutation(len(batches)))
        yield from ahead(drawn) if self.bags.table.is_far else drawn

    def batch(self, videos: NDArray[np.int64], size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw clips of `videos`: features ``(n, size, n_features)`` and what is known of them."""
        bags = self.bags
        n_clips = np.diff(bags.offsets)[videos]
        clip = sample_clips(n_clips, size, self.rng)
        valid = clip >= 0
        near, blank = neighbours(
            np.maximum(clip, 0), np.zeros_like(clip), n_clips[:, None], self.context
        )
        if self.hide_probability:
            valid, hidden = self.hide(near, valid)
            blank |= hidden
        borders = bags.borders(videos[:, None, None], near)
        x = bags.gather(sample_rows(*borders, self.frames_sampled, self.rng))
        if blank.any():
            x[torch.from_numpy(blank).to(x.device)] = 0
        assert bags.target is not None
        known = {
            "target": torch.from_numpy(bags.target[videos]),
            "weight": torch.from_numpy(bags.weight[videos].astype(np.float32)),
            "valid": torch.from_numpy(valid),
        }
        return (x if self.context > 1 else x[:, :, 0]), known

    def hide(
        self, near: NDArray[np.int64], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Hide random blocks of clips of every video (Hide-and-Seek); one of them always stays.

        `near` are the windows around the clips drawn, ``(n_videos, n_clips, context)``, counted
        from the video's first clip. Returns which clips are left, and what of `near` is hidden.
        """
        block = near // self.hide_clips
        table = self.rng.random((len(near), int(block.max()) + 1)) < self.hide_probability
        hidden = table[np.arange(len(near))[:, None, None], block]
        left = valid & ~hidden[..., self.context // 2]
        none = ~left.any(axis=1)
        left[none], hidden[none] = valid[none], False
        return left, hidden


class ClipBlocks:
    """Iterator of skorch's evaluation: all clips in order, `batch_size` at a time."""

    def __init__(self, dataset: Bags, batch_size: int, context: int = 1) -> None:
        self.bags = dataset
        self.batch_size = batch_size
        self.context = context

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        n_clips = int(self.bags.offsets[-1])
        starts = range(0, n_clips, self.batch_size)
        blocks = (self.block(first, min(first + self.batch_size, n_clips)) for first in starts)
        for block in ahead(blocks) if self.bags.table.is_far else blocks:
            yield block, torch.zeros(0)

    def block(self, first: int, stop: int) -> Tensor:
        """Consecutive clips, with their neighbours where there is context."""
        if self.context == 1:
            return self.bags.clips(first, stop)
        clip = np.arange(first, stop)
        offsets = self.bags.offsets
        video = np.searchsorted(offsets, clip, side="right") - 1
        near, beyond = neighbours(clip, offsets[video], offsets[video + 1], self.context)
        low, high = int(near.min()), int(near.max()) + 1
        block = self.bags.clips(low, high)[torch.from_numpy(near - low)]
        block[torch.from_numpy(beyond)] = 0
        return block


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Give the same items, each made by a thread while the one before is in use.

    >>> list(ahead(iter([3, 1, 2])))
    [3, 1, 2]
    """
    iterator, end = iter(items), object()
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, iterator, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, iterator, end)
            yield item  # type: ignore[misc]


def neighbours(
    clip: NDArray[np.int64],
    first: NDArray[np.int64],
    stop: NDArray[np.int64],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the `width` clips around each one (last axis), and which lie beyond its video.

    Those beyond are given as the video's first or last clip.

    >>> near, beyond = neighbours(np.array([4, 5]), np.array([4, 4]), np.array([6, 6]), 3)
    >>> near.tolist(), beyond.tolist()
    ([[4, 4, 5], [4, 5, 5]], [[True, False, False], [False, False, True]])
    """
    near = clip[..., None] + np.arange(width) - width // 2
    first, stop = first[..., None], stop[..., None]
    return np.clip(near, first, stop - 1), (near < first) | (near >= stop)
