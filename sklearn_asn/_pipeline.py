"""`localization_pipeline`: scaler and localizer, set for the data at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn._checks import check_choice
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.columns import name_two_streams
from sklearn_asn._data.holders import as_table, check_entries
from sklearn_asn._doclink import public
from sklearn_asn._localizers.asn import ASNLocalizer
from sklearn_asn._localizers.self_training import SelfTrainingLocalizer
from sklearn_asn._typing import Effort
from sklearn_asn.preprocessing import ClipWise
from sklearn_asn.selection import MultiThresholdSelection

N_STEPS = 360  # of a network; longer training makes better labels of videos and worse segments
LARGEST_BATCH = 64  # videos
LARGEST_BATCH_CLIPS = 6_000  # of long videos; a step sees eight of them nevertheless, if it can
FEWEST_VIDEOS = 8
LARGE = 2e7  # values of X: from here on one network of each kind has to do
LEAST_SCORE = 0.12  # of segments; below it are three to six times as many, few of them right
EFFORTS = ("self-training", "one-fit")
#: Of the second network of each kind in the rounds, where a teacher tells of every clip. On no data
#: tried was this worse than 0.5 in all of them.
STUDENT_DROPOUT = 0.2
#: Name, layers of context, dropout in the rounds if it is another. Small data get two of each kind.
NETWORKS: tuple[tuple[str, int, float | None], ...] = (
    ("narrow", 1, None),
    ("wide", 3, None),
    ("narrow2", 1, STUDENT_DROPOUT),
    ("wide2", 3, STUDENT_DROPOUT),
)


@public("sklearn_asn")
def localization_pipeline(
    X: Any = None,
    *,
    effort: Effort = "self-training",
    random_state: Any = None,
    n_jobs: int | None = None,
) -> Pipeline:
    """Return a scaler and a localizer with the settings that are best from labels alone.

    Networks read both streams where the columns' names say which is which (``"fusion"``), and
    otherwise all columns as one (``"single"``).

    A plain, unfitted `Pipeline`, as `skrub.tabular_pipeline` makes one: all settings stand in it
    as ordinary parameters, to be looked at, changed and searched over. It does not use the paper's
    defaults, which `ASNLocalizer()` has: see the guide on choosing for the reasons and results.

    Parameters
    ----------
    X : Clips, list of arrays or 3-D array, default=None
        The training videos; only their number, lengths and width and the names of their columns
        are looked at. None: 200 short videos of two streams are assumed.
    effort : {"self-training", "one-fit"}, default="self-training"
        ``"self-training"``: narrow and wide networks teach their successors for two rounds.
        ``"one-fit"``: the same networks, trained once and averaged.
    random_state : int, RandomState, Generator or None, default=None
        Of the localizer.
    n_jobs : int, default=None
        Networks that are trained side by side.

    Returns
    -------
    Pipeline
        Steps ``"clipwise"`` and ``"selftraininglocalizer"``.

    Examples
    --------
    >>> from sklearn_asn import localization_pipeline
    >>> model = localization_pipeline(effort="one-fit", random_state=0)
    >>> model
    Pipeline(steps=[('clipwise', ClipWise(transformer=StandardScaler())),
                    ('selftraininglocalizer', ...
    >>> model.set_params(selftraininglocalizer__video_threshold=0.2)
    Pipeline(...
    """
    check_choice(effort, "effort", EFFORTS)
    size = _Size()
    if X is not None:
        check_entries(X)
        clips = as_clips(X) if is_ragged(X) else as_table(X)
        size = _Size.of(clips)
    batch_size = size.batch_size()
    max_epochs = -(-N_STEPS // -(-size.n_videos // batch_size))
    networks = NETWORKS[: 2 if size.is_large else 4]
    members = [
        (
            name,
            ASNLocalizer(
                "fusion" if size.two_streams else "single",
                init="scratch",
                context_layers=n_layers,
                context_size=64,
                pooling="probability",
                class_activation="auto",
                channel_dropout=True,
                clips_per_video=None,
                max_epochs=max_epochs,
                batch_size=batch_size,
                optimizer="adamw",
                lr=2e-3,
                lr_schedule="cosine",
                weight_decay=1e-3,
                gradient_clip=5.0,
            ),
        )
        for name, n_layers, _ in networks
    ]
    students = {f"{name}__dropout": value for name, _, value in networks if value is not None}
    localizer = SelfTrainingLocalizer(
        members,
        n_rounds=2 if effort == "self-training" else 0,
        student_params=(students or None) if effort == "self-training" else None,
        selection=MultiThresholdSelection(video_weight=0.0, min_score=LEAST_SCORE),
        n_jobs=n_jobs,
        random_state=random_state,
    )
    return Pipeline(
        [("clipwise", ClipWise(StandardScaler())), ("selftraininglocalizer", localizer)]
    )


@dataclass(frozen=True)
class _Size:
    """What the settings depend on."""

    n_videos: int = 200
    n_clips: float = 60.0  # of a video, on average
    n_features: int = 64
    two_streams: bool = True

    @classmethod
    def of(cls, X: Any) -> _Size:
        names = X.feature_names if isinstance(X, Clips) else getattr(X, "columns", None)
        lengths = X.lengths if isinstance(X, Clips) else np.ones(len(X), dtype=int)
        width = X.n_features if isinstance(X, Clips) else X.shape[1]
        return cls(len(lengths), float(lengths.mean()), width, name_two_streams(names))

    @property
    def is_large(self) -> bool:
        """Whether training one network takes long."""
        return self.n_videos * self.n_clips * self.n_features > LARGE

    def batch_size(self) -> int:
        """Return videos in a batch: a quarter of them, and of long ones fewer."""
        quarter = max(1, min(LARGEST_BATCH, self.n_videos // 4))
        return min(quarter, max(FEWEST_VIDEOS, int(LARGEST_BATCH_CLIPS / self.n_clips)))
