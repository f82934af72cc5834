"""`stream_importance`: how much worse a localizer does without one of its streams."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch

from sklearn_asn._checks import check_choice, check_count, draw_seed
from sklearn_asn._data.clips import Clips
from sklearn_asn._data.columns import (
    SINGLE,
    STREAMS,
    are_named,
    resolve_columns,
    resolve_streams,
    streams_by_name,
)
from sklearn_asn._data.packed import rows_of
from sklearn_asn._doclink import public
from sklearn_asn._inspect import localizer_of
from sklearn_asn._typing import PermutedUnit
from sklearn_asn.exceptions import LocalizationWarning

if TYPE_CHECKING:  # torch is not imported before there is a localizer to ask
    from sklearn_asn._localizers.base import BaseLocalizer

Columns = NDArray[np.int64]


@public("sklearn_asn")
def stream_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    scoring: Any = None,
    n_repeats: int = 5,
    unit: PermutedUnit = "clips",
    streams: Any = None,
    sample_weight: Any = None,
    random_state: Any = None,
) -> Bunch:
    """Return by how much a score falls when a stream's columns are permuted.

    What `sklearn.inspection.permutation_importance` is to a table, for ragged videos and whole
    streams in place of single columns. As there, a stream that says what another one says too
    seems less important than it is.

    Parameters
    ----------
    estimator : localizer, or a Pipeline or search that ends in one
        Fitted. In a pipeline it is what reaches the localizer that is permuted.
    X : as in `ASNLocalizer.fit`
        Videos, better others than those of the training. Features are copied once, into memory.
    y : as in `ASNLocalizer.fit`
    scoring : str or callable, default=None
        Called with the localizer, permuted `Clips` and `y`. None: `ASNLocalizer.score`, which is
        localization mAP where `y` has segments.
    n_repeats : int, default=5
    unit : {"clips", "videos"}, default="clips"
        ``"clips"``: a clip gets the stream of any other clip of any video. ``"videos"``: whole
        videos change places, and of their streams, one after another, each takes as many
        clips as it has: what is next to each other stays so, but belongs to another video.
    streams : dict, default=None
        Columns under any names: slices, index arrays, masks or feature names. None: the streams
        that the localizer reads.
    sample_weight : array-like of shape (n_videos,), default=None
        Given to the scorer.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    Bunch
        ``importances`` of shape (n_streams, n_repeats), their ``importances_mean`` and
        ``importances_std`` of shape (n_streams,), ``streams``, the list of names, and
        ``baseline_score``, the score before. 1 would be all of a score in [0, 1].

    Raises
    ------
    ValueError
        An argument is out of range, or the estimator has no localizer or is not fitted.

    See Also
    --------
    diagnose : Whether a stream changes anything at all, without `y`.

    Examples
    --------
    >>> from sklearn_asn import ASNLocalizer, stream_importance
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> X, y = make_untrimmed_videos(n_videos=40, random_state=0)
    >>> model = ASNLocalizer("fusion", batch_size=8, max_epochs=20, random_state=0).fit(X, y)
    >>> found = stream_importance(model, X, y, n_repeats=2, random_state=0)
    >>> found.streams, found.importances.shape
    (['temporal', 'spatial'], (2, 2))
    """
    check_count(n_repeats, "n_repeats")
    check_choice(unit, "unit", ("clips", "videos"))
    seed = draw_seed(random_state)
    localizer, given = localizer_of(estimator, X)
    clips = localizer._check_use(given)
    names = getattr(localizer, "feature_names_in_", None)
    columns = _columns(localizer, streams, clips, names)
    scorer = check_scoring(localizer, scoring)
    weight = {} if sample_weight is None else {"sample_weight": sample_weight}

    original = np.array(clips.values)
    before = float(scorer(localizer, clips.with_values(original, names), y, **weight))
    after = np.empty((len(columns), n_repeats))
    for repeat, rng in enumerate(np.random.default_rng(seed).spawn(n_repeats)):
        order = _order(clips, unit, rng)
        for i, part in enumerate(columns.values()):
            values = original.copy()
            values[:, part] = original[order][:, part]
            with warnings.catch_warnings():  # that it finds less is what is measured
                warnings.simplefilter("ignore", LocalizationWarning)
                after[i, repeat] = scorer(localizer, clips.with_values(values, names), y, **weight)
    fall = before - after
    return Bunch(
        importances_mean=fall.mean(axis=1),
        importances_std=fall.std(axis=1),
        importances=fall,
        streams=list(columns),
        baseline_score=before,
    )


def _columns(localizer: Any, streams: Any, clips: Clips, names: Any) -> dict[str, Columns]:
    """Return the columns to permute together, by name."""
    if streams is None:
        return _streams_read(localizer)
    if not isinstance(streams, Mapping) or not streams:
        raise ValueError(f"streams={streams!r}; expected None, or a dict of columns by name.")
    found = {
        str(name): resolve_columns(chosen, name, clips.n_features, names)
        for name, chosen in streams.items()
    }
    for name, part in found.items():
        if not len(part):
            raise ValueError(f"streams[{name!r}] has no columns.")
    return found


def _streams_read(localizer: BaseLocalizer) -> dict[str, Columns]:
    """Return the streams that a localizer, or any that it is made of, reads."""
    from sklearn_asn._localizers.liveness import networks_of

    found: dict[str, Columns] = {}
    for network in networks_of(localizer):
        for name, part in _of_one(network).items():
            found[name] = np.union1d(found.get(name, part), part)
    return found


def _of_one(localizer: BaseLocalizer) -> dict[str, Columns]:
    """Return the streams that a network reads, also where it takes them as one."""
    from sklearn_asn._localizers.liveness import stream_columns

    by_model = stream_columns(localizer.model_)
    if len(by_model) > 1:
        return by_model
    ((main, read),) = by_model.items()
    names = getattr(localizer, "feature_names_in_", None)
    given = getattr(localizer, "streams", None)
    if given is None and are_named(names):
        said = streams_by_name(names)
        streams = {name: np.flatnonzero(said == name) for name in STREAMS}
    elif main == SINGLE:  # nobody has told its columns apart
        return by_model
    else:
        wanted = tuple(given) if isinstance(given, Mapping) else STREAMS
        streams = resolve_streams(given, wanted, localizer.n_features_in_, names)
    inside = {name: np.intersect1d(part, read) for name, part in streams.items()}
    inside = {name: part for name, part in inside.items() if len(part)}
    joined = np.concatenate([*inside.values(), np.zeros(0, dtype=np.int64)])
    # columns of one stream alone, or such as no stream has
    return inside if np.array_equal(np.sort(joined), np.sort(read)) else {main: read}


def _order(clips: Clips, unit: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows that stand in the places of all rows."""
    if unit == "clips":
        return rng.permutation(int(clips.offsets[-1]))
    return rows_of(clips.offsets, rng.permutation(len(clips)))
