"""Ask the estimator, block of videos by block of videos, for what the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._colours import class_numbers
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.holders import as_table
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.targets import Targets
from sklearn_asn._inspect import attention_limit, rows_a_clip
from sklearn_asn._inspect import passing as passing_of
from sklearn_asn._intervals import blocks_of
from sklearn_asn._report._timeline import Spans, timeline

Array = NDArray[Any]

METHODS = ("predict", "transform", "attention", "predict_proba")
BLOCK_CLIPS = 50_000  # scored together, at most
BLOCK_VALUES = 4_000_000  # of the CAS held at a time (32 MB), unless one video has more
PAGE_POINTS = 3_000_000  # numbers of a curve, over all videos
FEWEST_POINTS = 50


class Source(NamedTuple):
    """Videos to show, and where and how long they are (as `Clips` without features)."""

    features: Any
    timing: Clips

    def block(self, first: int, stop: int) -> Any:
        """Return the features of some videos, as an estimator takes them."""
        rows = getattr(self.features, "iloc", self.features)
        return rows[first:stop]


@dataclass
class Collected:
    """Everything the page shows of the videos."""

    names: list[str]
    timing: Clips
    named: bool  # whether the names are ids
    values: list[Any]  # the labels as they are: of the classes, then those that `y` has beside them
    labels: list[str]  # of the classes, then those of y that were not trained on
    n_classes: int
    frames_per_clip: int
    threshold: float | None
    probability: Array  # (n_videos, n_classes)
    passing: list[list[int]]  # codes of classes, the most probable first
    predicted: Segments
    targets: Targets | None
    true_labels: list[list[int]]  # codes; of no video any where y is not given
    timelines: list[dict[str, Any]]
    n_columns: int

    @property
    def truth(self) -> Segments | None:
        """True segments, where `y` has them."""
        return None if self.targets is None else self.targets.segments


def open_source(X: Any) -> Source:
    """Read X in any form that `predict` takes."""
    if is_ragged(X):
        clips = as_clips(X)
        empty = np.zeros((int(clips.offsets[-1]), 0))
        timing = Clips(empty, clips.offsets, clips.clip_seconds, clips.start_seconds, clips.ids)
        return Source(clips, timing)
    X = as_table(X)
    if getattr(X, "ndim", None) != 2:
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(
                "X must be Clips, a list of 2-D arrays (n_clips, n_features), a 3-D array, or a "
                f"2-D array; got an array of shape {X.shape} and dtype {X.dtype}."
            )
    n_videos = int(X.shape[0])
    if not n_videos:
        raise ValueError("Found 0 videos (0 sample(s)) in X; expected a minimum of 1.")
    return Source(X, Clips(np.zeros((n_videos, 0)), np.arange(n_videos + 1)))


def collect(
    earlier: list[Any],
    localizer: Any,
    source: Source,
    targets: Targets | None,
    names: list[str] | None,
    max_points: int,
) -> Collected:
    """Run the estimator over all videos, keeping only what is drawn of them."""
    timing, classes = source.timing, localizer.classes_
    values, code = _codes(classes, targets)
    threshold = attention_limit(localizer)
    share = max(FEWEST_POINTS, PAGE_POINTS // len(timing))
    n_columns = min(max_points, share) // 2
    drawn: list[dict[str, Any]] = []
    passing: list[list[int]] = []
    parts: list[Segments] = []
    probability = np.zeros((len(timing), len(classes)))
    for first, stop in _blocks(timing, len(classes)):
        seen = source.block(first, stop)
        for step in earlier:
            seen = step.transform(seen)
        found, chance = localizer.predict(seen), localizer.predict_proba(seen)
        attention, sequences = localizer.attention(seen), localizer.transform(seen)
        passes = passing_of(localizer, chance)
        for i in range(stop - first):
            sequence = np.atleast_2d(sequences[i])
            shown = sequence.any(axis=0) | passes[i]
            if not shown.any():
                shown[chance[i].argmax()] = True
            order = np.flatnonzero(shown)
            order = order[np.argsort(-chance[i][order], kind="stable")]
            spans = _spans(found, i, code)
            truth = None
            if targets is not None and targets.segments is not None:
                truth = _spans(targets.segments, first + i, code)
            drawn.append(
                timeline(
                    np.atleast_1d(attention[i]), sequence, order, chance[i], spans, truth, n_columns
                )
            )
            passing.append(order.tolist())
        probability[first:stop] = chance
        parts.append(found)
    true_labels: list[list[int]] = [[] for _ in range(len(timing))]
    if targets is not None:
        true_code = code(targets.label)
        true_labels = [true_code[a:b].tolist() for a, b in pairwise(targets.offsets)]
    joined = Segments.concatenate(parts)
    return Collected(
        names=names or [f"video {i}" for i in range(len(timing))],
        timing=timing,
        named=names is not None,
        values=values,
        labels=[str(v) for v in values],
        n_classes=len(classes),
        frames_per_clip=rows_a_clip(localizer),
        threshold=threshold,
        probability=probability,
        passing=passing,
        predicted=Segments(
            joined.offsets, joined.label, joined.start, joined.end, joined.score, timing.ids
        ),
        targets=targets,
        true_labels=true_labels,
        timelines=drawn,
        n_columns=n_columns,
    )


def _blocks(timing: Clips, n_classes: int) -> Iterator[tuple[int, int]]:
    """Cut the videos into blocks of a bounded number of clips (a longer video goes alone)."""
    return blocks_of(timing.offsets, max(1, min(BLOCK_CLIPS, BLOCK_VALUES // max(n_classes, 1))))


def _codes(
    classes: Array, targets: Targets | None
) -> tuple[list[Any], Callable[[Array], NDArray[np.int64]]]:
    """Return all labels (classes first, then what else `y` has), and what numbers them."""
    number = class_numbers(classes, () if targets is None else targets.label)

    def code(labels: Array) -> NDArray[np.int64]:
        return np.array([number[v] for v in labels.tolist()], dtype=np.int64)

    return list(number), code


def _spans(segments: Segments, video: int, code: Callable[[Array], NDArray[np.int64]]) -> Spans:
    rows = slice(int(segments.offsets[video]), int(segments.offsets[video + 1]))
    columns = (segments.start[rows], segments.end[rows], segments.score[rows])
    spans = Spans(code(segments.label[rows]), *columns)
    return spans.take(np.lexsort((spans.end, spans.start)))
