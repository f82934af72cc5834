"""`diagnose`: what is alive in a fitted model, and how its segments look, in a few numbers."""

from __future__ import annotations

import html
import textwrap
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.segments import Segments
from sklearn_asn._data.supervision import check_inside
from sklearn_asn._data.targets import Targets
from sklearn_asn._doclink import public
from sklearn_asn._inspect import attention_limit, before, unwrap
from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.liveness import (
    DEAD,
    influence,
    networks_of,
    sample_clips,
    shuffled,
    stream_columns,
)
from sklearn_asn.metrics import localization_map, recognition_map
from sklearn_asn.metrics._average_precision import match, true_positives
from sklearn_asn.rivals.single_instance import SingleInstance

LOOKED_AT = 20_000  # clips, of which a stream is shuffled
FOLDS = 3


@public("sklearn_asn")
@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What `diagnose` found; printed, it is a short text, in a notebook a table.

    Parameters
    ----------
    localizer : str
    n_videos, n_clips, n_segments : int
    stream_influence : dict of str to float
        How far scores move where a stream is shuffled over clips, in units of their spread.
    dead_streams : list of str
        Streams that change nothing.
    changed_clips : dict of str to float
        Of the (clip, class) pairs found with or without shuffling a stream: the share found in
        only one of the two.
    segments_per_video : float
    one_clip_share : float
        Share of the segments that are no longer than one clip (NaN where there are none).
    background_share : float
        Share of clips in which no class is found.
    quantile, threshold : float or None
        None where the localizer has no quantile.
    video_scores : ndarray of shape (n_videos, n_classes)
        Video-level probabilities.
    precision : float or None
        Share of segments that are right (see `rule`), NaN where there are none. None without y.
    rule : str or None
        What right means: ``"tIoU 0.5"`` where y holds segments, else ``"label of the video"``.
    score, score_name : float and str, or None
        Localization mAP at tIoU 0.5, or video-level mAP where y holds labels only.
    baseline_score, baseline_precision : float or None
        The same of `rivals.SingleInstance`, cross-validated in 3 folds on these X and y.
    baseline_note : str or None
        Why there is no baseline.

    See Also
    --------
    diagnose : Which makes it.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer, diagnose
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> model = ASNLocalizer("temporal", batch_size=10, max_epochs=5, random_state=0).fit(X, y)
    >>> print(diagnose(model, X).rows()[1])
    ('videos, clips', '20, 1,265')
    """

    localizer: str
    n_videos: int
    n_clips: int
    n_segments: int
    stream_influence: dict[str, float]
    dead_streams: list[str]
    changed_clips: dict[str, float]
    segments_per_video: float
    one_clip_share: float
    background_share: float
    quantile: float | None
    threshold: float | None
    video_scores: NDArray[Any]
    precision: float | None = None
    rule: str | None = None
    score: float | None = None
    score_name: str | None = None
    baseline_score: float | None = None
    baseline_precision: float | None = None
    baseline_note: str | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Return what is shown, as pairs of a name and a text."""
        best = self.video_scores.max(axis=1)
        shown = [
            ("localizer", textwrap.shorten(self.localizer, 160, placeholder=" ...")),
            ("videos, clips", f"{self.n_videos:,}, {self.n_clips:,}"),
        ]
        for name, moved in self.stream_influence.items():
            dead = "DEAD: changes nothing" if name in self.dead_streams else "alive"
            text = f"{dead}; shuffled, scores move by {moved:.2g} of their spread"
            shown.append((f"{name} stream", f"{text}, {self.changed_clips[name]:.0%} of the CAS"))
        shown += [
            ("segments", f"{self.n_segments:,}, {self.segments_per_video:.1f} a video"),
            ("one clip long", f"{self.one_clip_share:.0%} of the segments"),
            ("background", f"{self.background_share:.0%} of the clips"),
        ]
        if self.quantile is not None and self.threshold is not None:
            shown.append(("quantile", f"{self.quantile:g} (attention {self.threshold:.3g})"))
        low, middle, high = np.quantile(best, [0.1, 0.5, 0.9])
        shown.append(
            ("best video score", f"{middle:.2f} (median; {low:.2f} to {high:.2f} in 8 of 10)")
        )
        if self.score is not None:
            shown.append((str(self.score_name), f"{self.score:.3f}"))
            shown.append(("precision", f"{self.precision:.0%} of the segments ({self.rule})"))
            if self.baseline_score is None:
                shown.append(("baseline", f"none: {self.baseline_note}"))
            else:
                shown.append(
                    (
                        "baseline",
                        f"{self.baseline_score:.3f}, precision {self.baseline_precision:.0%} "
                        f"(SingleInstance, cross-validated on these videos, {FOLDS} folds)",
                    )
                )
        return shown

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self.rows()
        )
        return f"<table>{cells}</table>"


@public("sklearn_asn")
def diagnose(model: Any, X: Any, y: Any = None) -> Diagnosis:
    """Say what is alive in a fitted model, and what its segments look like.

    Parameters
    ----------
    model : fitted localizer, or a Pipeline or search that ends in one
    X : as in `ASNLocalizer.predict`
        Best videos that the model was not trained on: on those that it was, it looks better than
        it is, also against the baseline.
    y : as in `ASNLocalizer.fit`, default=None
        Labels, or segments, of these videos. With them come precision, a score, and the baseline:
        `rivals.SingleInstance`, fitted by cross-validation on these videos and on nothing else
        (the features as they reach the localizer).

    Returns
    -------
    Diagnosis
        Plain attributes; printed, a short text.

    Raises
    ------
    ValueError
        `model` is no fitted localizer, X and y do not correspond, or segments lie outside of
        their videos.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer, diagnose
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=30, random_state=0)
    >>> model = ASNLocalizer("fusion", batch_size=16, max_epochs=20, random_state=0).fit(X, y)
    >>> found = diagnose(model, X, y)
    >>> found.dead_streams, found.rule
    ([], 'tIoU 0.5')
    """
    earlier, localizer = unwrap(model)
    seen = before(earlier, X)
    clips = localizer._check_use(seen)
    found, probability = localizer.predict(clips), localizer.predict_proba(clips)
    active = np.concatenate(localizer.transform(clips)) > 0
    moved, changed = _streams(localizer, clips)
    targets = None if y is None else localizer._check_y(y, clips)
    return Diagnosis(
        localizer=" ".join(repr(localizer).split()),
        n_videos=len(clips),
        n_clips=len(active),
        n_segments=len(found.label),
        stream_influence=moved,
        dead_streams=[name for name, change in moved.items() if change < DEAD],
        changed_clips=changed,
        segments_per_video=len(found.label) / len(clips),
        one_clip_share=_one_clip_share(localizer, found, clips),
        background_share=float(1 - active.any(axis=1).mean()),
        quantile=getattr(localizer, "quantile", None),
        threshold=attention_limit(localizer),
        video_scores=probability,
        **({} if targets is None else _judged(localizer, clips, y, targets, found, probability)),
    )


def _streams(localizer: BaseLocalizer, clips: Clips) -> tuple[dict[str, float], dict[str, float]]:
    """Return how far every stream moves the scores (of several networks: the mean), and the CAS."""
    models = [network.model_ for network in networks_of(localizer)]
    influences = [influence(model, clips) for model in models]
    columns: dict[str, Any] = {}
    for model in models:
        for name, read in stream_columns(model).items():
            columns[name] = np.union1d(columns.get(name, read), read)
    moved = {
        name: float(np.mean([found[name] for found in influences if name in found]))
        for name in columns
    }
    changed = {}
    part = sample_clips(clips, LOOKED_AT) if clips.lengths.sum() > LOOKED_AT else clips
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a model that sees nonsense there is nothing to say
        whole = np.concatenate(localizer.transform(part)) > 0
        for name, read in columns.items():
            other = np.concatenate(localizer.transform(shuffled(part, read))) > 0
            changed[name] = float((whole ^ other).sum() / max((whole | other).sum(), 1))
    return moved, changed


def _one_clip_share(localizer: Any, found: Segments, clips: Clips) -> float:
    if not len(found.label):
        return float("nan")
    seconds = np.ones(len(clips)) if clips.clip_seconds is None else clips.clip_seconds
    a_clip = seconds[found.video] * localizer.model_.plan.frames_per_clip
    return float(np.mean(found.end - found.start <= a_clip * (1 + 1e-6)))


def _judged(
    localizer: Any, clips: Clips, y: Any, targets: Targets, found: Segments, probability: Any
) -> dict[str, Any]:
    """Return what is known where there is a y, with the baseline's."""
    if targets.segments is not None:
        check_inside(targets.segments, clips)
    timed = targets.segments is not None
    result: dict[str, Any] = {
        "rule": "tIoU 0.5" if timed else "label of the video",
        "score_name": "localization mAP at tIoU 0.5" if timed else "video-level mAP",
        "precision": precision_of(targets, found),
        "score": _score(targets, y, found, probability, localizer.classes_),
    }
    try:
        base = _cross_validated(localizer, clips, y, targets)
    except ValueError as error:  # too few videos, or a class that a fold does not have
        return {**result, "baseline_note": str(error)}
    return {**result, "baseline_score": base[0], "baseline_precision": base[1]}


def _score(targets: Targets, y: Any, found: Segments, probability: Any, classes: Any) -> float:
    if targets.segments is not None:
        return float(localization_map(targets.segments, found))
    return recognition_map(y, probability, classes=classes)


def precision_of(targets: Targets, found: Segments) -> float:
    """Return the share of segments that are right, all of them taken."""
    if not len(found.label):
        return float("nan")
    if targets.segments is None:
        classes = np.unique(np.concatenate([targets.label, found.label]))
        right = targets.indicator(classes)[found.video, np.searchsorted(classes, found.label)]
        return float(right.mean())
    matched = match(targets.segments, found, 0.5, "activitynet", None, None)
    hits = sum(float(weight.sum()) for weight, _ in true_positives(matched, 0.5))
    return hits / len(found.label)


def _cross_validated(localizer: Any, clips: Clips, y: Any, targets: Targets) -> tuple[float, float]:
    """Return score and precision of the baseline, the mean over folds."""
    results = []
    labels = np.split(targets.label, targets.offsets[1:-1])
    splitter = KFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fitted, held in splitter.split(np.empty(len(clips))):
            base = SingleInstance(frames_per_clip=localizer.model_.plan.frames_per_clip)
            base.fit(clips[fitted], [set(labels[i].tolist()) for i in fitted])
            truth: Any = [set(labels[i].tolist()) for i in held]
            if targets.segments is not None:
                truth = targets.segments[held]
            part = localizer._check_y(truth, clips[held])
            found, probability = base.predict(clips[held]), base.predict_proba(clips[held])
            score = _score(part, truth, found, probability, base.classes_)
            results.append((score, precision_of(part, found)))
    score, precision = np.nanmean(results, axis=0).tolist()
    return score, precision
