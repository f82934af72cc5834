"""Which clips a training step sees (section 3.3), gathered from the packed array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_asn._training.bags import Bags

Item = TypeVar("Item")
_NO_TARGETS = torch.zeros(0)  # of clips that are scored


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
    `whole`, all clips of the videos come, packed, and those drawn are the ones that count. With
    `hide_probability`, blocks of `hide_clips` clips are hidden at random (Hide-and-Seek).
    `quantile_videos` says whose clips the quantiles are recorded of: the untrimmed videos' (of all
    where there are none), or ``"all"``.
    """

    def __init__(
        self,
        dataset: Bags,
        batch_size: int,
        trimmed_batch_size: int,
        clips_per_video: int | None,
        frames_sampled: int,
        seed: int,
        whole: bool = False,
        hide_probability: float = 0.0,
        hide_clips: int = 1,
        quantile_videos: str = "untrimmed",
    ) -> None:
        self.bags = dataset
        self.batch_size = batch_size
        self.trimmed_batch_size = trimmed_batch_size
        self.clips_per_video = np.iinfo(int).max if clips_per_video is None else clips_per_video
        self.frames_sampled = min(frames_sampled, dataset.frames_per_clip)
        self.whole = whole
        self.hide_probability = hide_probability
        self.hide_clips = hide_clips
        # a trimmed video has no background, of which a quantile is to tell the share
        all_count = quantile_videos == "all" or bool(dataset.trimmed.all())
        self.recorded = np.ones(len(dataset), dtype=bool) if all_count else ~dataset.trimmed
        self.rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[tuple[Any, dict[str, Tensor]]]:
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

    def n_batches(self) -> int:
        """Return how many batches an epoch has."""
        n_trimmed = int(self.bags.trimmed.sum())
        n_others = len(self.bags) - n_trimmed
        return -(-n_others // self.batch_size) + -(-n_trimmed // self.trimmed_batch_size)

    def batch(self, videos: NDArray[np.int64], size: int) -> tuple[Any, dict[str, Tensor]]:
        """Draw clips of `videos`: features ``(n, size, n_features)`` and what is known of them."""
        bags = self.bags
        n_clips = np.diff(bags.offsets)[videos]
        clip = sample_clips(n_clips, size, self.rng)
        if self.whole:
            return self.whole_videos(videos, n_clips, clip)
        valid = clip >= 0
        near = np.maximum(clip, 0)
        blank = np.zeros(clip.shape, dtype=bool)
        if self.hide_probability:
            valid, blank = self.hide(near, valid)
        borders = bags.borders(videos[:, None], near)
        x = bags.gather(sample_rows(*borders, self.frames_sampled, self.rng))
        if blank.any():
            x[torch.from_numpy(blank).to(x.device)] = 0
        return x, self.known(videos, valid, near)

    def whole_videos(
        self, videos: NDArray[np.int64], n_clips: NDArray[np.int64], clip: NDArray[np.int64]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return all clips of `videos`, packed; `clip` are those that count."""
        bags, longest = self.bags, int(n_clips.max())
        near = np.broadcast_to(np.arange(longest), (len(videos), longest))
        there = near < n_clips[:, None]
        valid = there
        if clip.shape[1] < longest:  # of a longest video too, some do not count
            valid = np.zeros_like(there)
            video = np.broadcast_to(np.arange(len(videos))[:, None], clip.shape)
            valid[video[clip >= 0], clip[clip >= 0]] = True
        blank = np.zeros_like(there)
        if self.hide_probability:
            valid, blank = self.hide(near, valid)
        video, place = np.nonzero(there)
        borders = bags.borders(videos[video], place)
        rows = sample_rows(*borders, self.frames_sampled, self.rng)
        x = bags.gather(rows) if blank.any() else bags.lend(rows)
        if isinstance(x, Tensor) and blank.any():
            x[torch.from_numpy(blank[there]).to(x.device)] = 0
        packed = {
            "x": x,
            "before": torch.from_numpy(place),
            "after": torch.from_numpy(n_clips[video] - 1 - place),
        }
        return packed, self.known(videos, valid, near)

    def known(
        self, videos: NDArray[np.int64], valid: NDArray[np.bool_], clip: NDArray[np.int64]
    ) -> dict[str, Tensor]:
        """Return what is known of `videos`, of which the clips `clip` are at hand."""
        bags = self.bags
        assert bags.target is not None
        known = {
            "target": torch.from_numpy(bags.target[videos]),
            "weight": torch.from_numpy(bags.weight[videos].astype(np.float32)),
            "valid": torch.from_numpy(valid),
            "recorded": torch.from_numpy(self.recorded[videos]),
        }
        if bags.clip_target is not None and bags.taught is not None:
            row = np.minimum(bags.offsets[videos][:, None] + clip, bags.offsets[-1] - 1)
            known["clip_target"] = torch.from_numpy(bags.clip_target[row])
            known["taught"] = torch.from_numpy(bags.taught[videos].astype(np.float32))
        return known

    def hide(
        self, clip: NDArray[np.int64], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Hide random blocks of clips of every video (Hide-and-Seek); one of them always stays.

        `clip` are clips ``(n_videos, n_clips)``, counted from the video's first. Returns which of
        the `valid` ones are left, and which clips are hidden.
        """
        block = clip // self.hide_clips
        table = self.rng.random((len(clip), int(block.max()) + 1)) < self.hide_probability
        hidden = table[np.arange(len(clip))[:, None], block]
        left = valid & ~hidden
        none = ~left.any(axis=1)
        left[none], hidden[none] = valid[none], False
        return left, hidden


class ClipBlocks:
    """Iterator of skorch's evaluation: all clips in order, `batch_size` at a time.

    Of a network that sees `reach` clips to each side, each block comes with its neighbours, so
    that a video of any length is scored as if it were whole.
    """

    def __init__(
        self, dataset: Bags, batch_size: int, reach: int = 0, packed: bool = False
    ) -> None:
        self.bags = dataset
        self.batch_size = batch_size
        self.reach = reach
        self.packed = packed

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        n_clips = int(self.bags.offsets[-1])
        starts = range(0, n_clips, self.batch_size)
        blocks = (self.block(first, min(first + self.batch_size, n_clips)) for first in starts)
        for block in ahead(blocks) if self.bags.table.is_far else blocks:
            yield block, _NO_TARGETS

    def block(self, first: int, stop: int) -> Any:
        """Consecutive clips, with their neighbours where there is context."""
        if not self.packed:
            return self.bags.clips(first, stop)
        offsets = self.bags.offsets
        low, high = max(first - self.reach, 0), min(stop + self.reach, int(offsets[-1]))
        row = np.arange(low, high)
        video = np.searchsorted(offsets, row, side="right") - 1
        return {
            "x": self.bags.clips(low, high),
            "before": torch.from_numpy(row - offsets[video]),
            "after": torch.from_numpy(offsets[video + 1] - 1 - row),
            "keep": torch.from_numpy((row >= first) & (row < stop)),
        }


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
