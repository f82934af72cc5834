"""`localization_pipeline`: scaler and localizer, set for the data at hand."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_asn._checks import check_choice
from sklearn_asn._data.clips import Clips, as_clips, is_ragged
from sklearn_asn._data.columns import name_two_streams
from sklearn_asn._data.holders import as_table
from sklearn_asn._doclink import public
from sklearn_asn._localizers.asn import ASNLocalizer
from sklearn_asn._localizers.self_training import SelfTrainingLocalizer
from sklearn_asn._typing import Effort
from sklearn_asn.preprocessing import ClipWise
from sklearn_asn.selection import MultiThresholdSelection

N_STEPS = 360  # of a network; longer training makes better labels of videos and worse segments
LARGEST_BATCH = 64  # videos
EFFORTS = ("self-training", "one-fit")


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
        The training videos; only their number and the names of their columns are looked at. None:
        200 videos of two streams are assumed.
    effort : {"self-training", "one-fit"}, default="self-training"
        ``"self-training"``: networks of three widths of context teach their successors for two
        rounds. ``"one-fit"``: the same networks, trained once and averaged.
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
    n_videos, two_streams = 200, True
    if X is not None:
        clips = as_clips(X) if is_ragged(X) else as_table(X)
        n_videos, two_streams = len(clips), name_two_streams(_names_of(clips))
    batch_size = max(1, min(LARGEST_BATCH, n_videos // 4))
    max_epochs = -(-N_STEPS // -(-n_videos // batch_size))
    members = [
        (
            f"context{n_layers}",
            ASNLocalizer(
                "fusion" if two_streams else "single",
                init="scratch",
                context_layers=n_layers,
                context_size=64,
                pooling="probability",
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
        for n_layers in (1, 2, 3)
    ]
    localizer = SelfTrainingLocalizer(
        members,
        n_rounds=2 if effort == "self-training" else 0,
        selection=MultiThresholdSelection(),
        n_jobs=n_jobs,
        random_state=random_state,
    )
    return Pipeline(
        [("clipwise", ClipWise(StandardScaler())), ("selftraininglocalizer", localizer)]
    )


def _names_of(X: Any) -> Any:
    """Return what the columns are called, if anything."""
    return X.feature_names if isinstance(X, Clips) else getattr(X, "columns", None)
