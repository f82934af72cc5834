"""`Bags`: videos as the network sees them, clips of the rows of one packed table."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.columns import Columns
from sklearn_asn._data.packed import Offsets, offsets_from_lengths
from sklearn_asn._training.rows import Rows
from sklearn_asn._training.table import Table

Ints = NDArray[np.int64]


class Bags(Dataset[Any]):
    """Videos as the network sees them: rows of a packed table, targets and weights.

    A clip is `frames_per_clip` rows; the last one of a video may have fewer.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features)
        Packed features, of any float type, in memory or memory-mapped.
    lengths : ndarray of int, shape (n_videos,)
        Rows of every video.
    columns : slice or ndarray of int
        Columns that the network reads.
    frames_per_clip : int
        Rows that make one clip.
    target : ndarray of shape (n_videos, n_classes), default=None
        Label distributions, y / sum(y); None in use.
    weight : ndarray of shape (n_videos,), default=None
        How many videos each one stands for.
    trimmed : ndarray of bool, shape (n_videos,), default=None
        Videos that show one action from end to end.
    starts : ndarray of int, shape (n_videos,), default=None
        First row of every video; None: one video after another.
    clip_target : ndarray of shape (n_clips, n_classes + 1), default=None
        What clips show, the background last; of videos that are `taught`.
    taught : ndarray of bool, shape (n_videos,), default=None
        Videos of which `clip_target` counts.

    Attributes
    ----------
    offsets : ndarray of shape (n_videos + 1,)
        Borders of the videos, in clips.
    """

    def __init__(
        self,
        values: NDArray[Any],
        lengths: Ints,
        columns: Columns,
        frames_per_clip: int = 1,
        target: NDArray[np.float32] | None = None,
        weight: NDArray[np.float64] | None = None,
        trimmed: NDArray[np.bool_] | None = None,
        starts: Ints | None = None,
        clip_target: NDArray[np.float32] | None = None,
        taught: NDArray[np.bool_] | None = None,
    ) -> None:
        self.table = Table(values, columns)
        self.lengths = lengths
        self.starts = offsets_from_lengths(lengths)[:-1] if starts is None else starts
        self.frames_per_clip = frames_per_clip
        self.offsets: Offsets = offsets_from_lengths(-(-lengths // frames_per_clip))
        self.target = target
        self.weight = np.ones(len(self)) if weight is None else weight
        self.trimmed = np.zeros(len(self), dtype=bool) if trimmed is None else trimmed
        self.clip_target = clip_target
        self.taught = taught

    @classmethod
    def of(cls, clips: Clips, columns: Columns, frames_per_clip: int = 1, **known: Any) -> Bags:
        """Make them of `Clips`, whose features stay where they are."""
        values, starts = clips.table()
        return cls(values, clips.lengths, columns, frames_per_clip, starts=starts, **known)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, video: int) -> NDArray[np.float32]:
        """Clips of one video (torch asks data sets to be indexable; training never does it)."""
        return self.clips(int(self.offsets[video]), int(self.offsets[video + 1])).numpy()

    @property
    def values(self) -> NDArray[Any]:
        """The table that the videos lie in."""
        return self.table.values

    def fingerprint(self) -> str:
        """Return a hash of all that training reads; a file on disk counts by its identity."""
        digest = hashlib.sha256(repr((self.table.fingerprint(), self.frames_per_clip)).encode())
        pieces = [np.arange(self.values.shape[1])[piece] for piece in self.table.pieces]
        parts = (*pieces, self.starts, self.lengths, self.target, self.weight, self.trimmed)
        if self.clip_target is not None:
            parts += (self.clip_target, self.taught)
        for part in parts:
            packed = np.ascontiguousarray(part if part is not None else ())
            digest.update(repr((packed.dtype.str, packed.shape)).encode())
            digest.update(packed.tobytes())
        return digest.hexdigest()

    def borders(self, video: Ints, clip: Ints) -> tuple[Ints, Ints]:
        """Return first row and the row after the last of clips, numbered inside their videos."""
        first = self.starts[video] + clip * self.frames_per_clip
        return first, np.minimum(first + self.frames_per_clip, (self.starts + self.lengths)[video])

    def gather(self, rows: Ints) -> Tensor:
        """Return features of `rows` ``(..., size)`` averaged over their last axis, as float32."""
        flat = self.table.rows(rows.reshape(-1))
        if rows.shape[-1] == 1:
            return flat.view(*rows.shape[:-1], -1)
        return flat.view(*rows.shape, -1).mean(dim=-2)

    def lend(self, rows: Ints) -> Tensor | Rows:
        """Return what `gather` does, not copied yet where that can be."""
        lent = self.table.lend(rows.reshape(-1)) if rows.shape[-1] == 1 else None
        return self.gather(rows) if lent is None else lent

    def clips(self, first: int, stop: int) -> Tensor:
        """Return consecutive clips (of all videos), each the mean of all its rows."""
        if self.frames_per_clip == 1 and not first and stop == self.offsets[-1]:
            return self._runs(self.starts, self.starts + self.lengths)  # all: as when one is asked
        low, high = np.searchsorted(self.offsets, (first, stop - 1), side="right") - 1
        videos = np.arange(low, high + 1)
        clip_first = np.maximum(first - self.offsets[videos], 0)
        clip_stop = np.minimum(stop, self.offsets[videos + 1]) - self.offsets[videos]
        row_first, _ = self.borders(videos, clip_first)
        _, row_stop = self.borders(videos, clip_stop - 1)
        rows = self._runs(row_first, row_stop)
        if self.frames_per_clip == 1:
            return rows
        clip = np.arange(first, stop)
        video = np.searchsorted(self.offsets, clip, side="right") - 1
        begin, end = self.borders(video, clip - self.offsets[video])
        total = np.add.reduceat(rows.numpy(), offsets_from_lengths(end - begin)[:-1], axis=0)
        return torch.from_numpy(total / (end - begin)[:, None].astype(np.float32))

    def _runs(self, first: Ints, stop: Ints) -> Tensor:
        """Return the rows ``first[i] : stop[i]`` of every i, one run after another."""
        if len(first) == 1 or np.array_equal(first[1:], stop[:-1]):
            return self.table.block(int(first[0]), int(stop[-1]))
        lengths = stop - first
        packed = offsets_from_lengths(lengths)
        rows = np.repeat(first - packed[:-1], lengths) + np.arange(packed[-1])
        return self.table.rows(rows)
