"""Which clips a training step sees (section 3.3), gathered from the packed array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sklearn_asn._packed import Offsets, offsets_from_lengths

Columns = slice | NDArray[np.int64]


def clip_borders(lengths: NDArray[np.int64], frames_per_clip: int) -> tuple[Offsets, Offsets]:
    """Cut videos of `lengths` rows into clips of `frames_per_clip` rows.

    Returns
    -------
    offsets : ndarray of shape (n_videos + 1,)
        Borders of the videos, in clips. The last clip of a video may have fewer rows.
    borders : ndarray of shape (n_clips + 1,)
        Borders of the clips, in rows.

    Examples
    --------
    >>> [a.tolist() for a in clip_borders(np.array([5, 2]), 2)]
    [[0, 3, 4], [0, 2, 4, 5, 7]]
    """
    n_clips = -(-lengths // frames_per_clip)
    offsets = offsets_from_lengths(n_clips)
    rows = np.full(offsets[-1], frames_per_clip, dtype=np.int64)
    rows[offsets[1:] - 1] = lengths - (n_clips - 1) * frames_per_clip
    return offsets, offsets_from_lengths(rows)


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


class Bags(Dataset[Any]):
    """Videos as the network sees them: rows of the packed array, targets and weights.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features)
        Packed features, of any float type, in memory or memory-mapped.
    lengths : ndarray of int, shape (n_videos,)
        Rows of every video.
    columns : slice or ndarray of int
        Columns that the network reads, main stream first.
    frames_per_clip : int
        Rows that make one clip.
    target : ndarray of shape (n_videos, n_classes), default=None
        Label distributions, y / sum(y); None in use.
    weight : ndarray of shape (n_videos,), default=None
        How many videos each one stands for.
    trimmed : ndarray of bool, shape (n_videos,), default=None
        Videos that show one action from end to end.
    """

    def __init__(
        self,
        values: NDArray[Any],
        lengths: NDArray[np.int64],
        columns: Columns,
        frames_per_clip: int = 1,
        target: NDArray[np.float32] | None = None,
        weight: NDArray[np.float64] | None = None,
        trimmed: NDArray[np.bool_] | None = None,
    ) -> None:
        self.values = values
        self.columns = columns
        self.frames_per_clip = frames_per_clip
        self.offsets, self.borders = clip_borders(lengths, frames_per_clip)
        self.target = target
        self.weight = np.ones(len(self)) if weight is None else weight
        self.trimmed = np.zeros(len(self), dtype=bool) if trimmed is None else trimmed
        self._resident: Tensor | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, video: int) -> NDArray[np.float32]:
        """Clips of one video (torch asks data sets to be indexable; training never does it)."""
        return self.clips(int(self.offsets[video]), int(self.offsets[video + 1]))

    def hold_on(self, device: str) -> None:
        """Copy the features to an accelerator once, if they fit into half of its free memory."""
        if not str(device).startswith("cuda"):
            return
        table = self.values[:, self.columns]
        free, _ = torch.cuda.mem_get_info(device)
        if 4 * table.size < free // 2:
            host = np.ascontiguousarray(table, dtype=np.float32)
            self._resident = torch.as_tensor(host, device=device)

    def gather(self, rows: NDArray[np.int64]) -> Tensor:
        """Return features of `rows` ``(..., size)`` averaged over their last axis, as float32."""
        if self._resident is not None:
            index = torch.as_tensor(rows, device=self._resident.device)
            return self._resident[index].mean(dim=-2)
        if isinstance(self.columns, slice):
            table = self.values[:, self.columns][rows]
        else:
            table = self.values[rows][..., self.columns]
        size = rows.shape[-1]
        table = table[..., 0, :] if size == 1 else table.mean(axis=-2, dtype=np.float32)
        return torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))

    def clips(self, first: int, stop: int) -> NDArray[np.float32]:
        """Return consecutive clips (of all videos), each the mean of all its rows."""
        rows = self.values[self.borders[first] : self.borders[stop]][:, self.columns]
        if self.frames_per_clip > 1:
            borders = self.borders[first : stop + 1]
            total = np.add.reduceat(rows, borders[:-1] - borders[0], axis=0, dtype=np.float32)
            rows = total / np.diff(borders)[:, None]
        return np.ascontiguousarray(rows, dtype=np.float32)


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
        for i in self.rng.permutation(len(batches)):
            yield self.batch(*batches[i])

    def batch(self, videos: NDArray[np.int64], size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Draw clips of `videos`: features ``(n, size, n_features)`` and what is known of them."""
        bags = self.bags
        first, stop = bags.offsets[videos, None], bags.offsets[videos + 1, None]
        clip = sample_clips((stop - first)[:, 0], size, self.rng)
        valid = clip >= 0
        near, blank = neighbours(first + np.maximum(clip, 0), first, stop, self.context)
        if self.hide_probability:
            valid, hidden = self.hide(near - first[..., None], valid)
            blank |= hidden
        rows = sample_rows(
            bags.borders[near], bags.borders[near + 1], self.frames_sampled, self.rng
        )
        x = bags.gather(rows)
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
        for first in range(0, n_clips, self.batch_size):
            stop = min(first + self.batch_size, n_clips)
            yield torch.from_numpy(self.block(first, stop)), torch.zeros(0)

    def block(self, first: int, stop: int) -> NDArray[np.float32]:
        """Consecutive clips, with their neighbours where there is context."""
        if self.context == 1:
            return self.bags.clips(first, stop)
        clip = np.arange(first, stop)
        offsets = self.bags.offsets
        video = np.searchsorted(offsets, clip, side="right") - 1
        near, beyond = neighbours(clip, offsets[video], offsets[video + 1], self.context)
        low, high = int(near.min()), int(near.max()) + 1
        block = self.bags.clips(low, high)[near - low]
        block[beyond] = 0
        return block


def neighbours(
    clip: NDArray[np.int64], first: NDArray[np.int64], stop: NDArray[np.int64], width: int
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
