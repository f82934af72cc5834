"""What pictures and the report ask of a fitted model, asked in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._data.supervision import allowed_classes

if TYPE_CHECKING:  # torch is not imported before there is a localizer to ask
    from sklearn_asn._localizers.base import BaseLocalizer


def unwrap(estimator: Any) -> tuple[list[Any], BaseLocalizer]:
    """Return the fitted transformers that go first, and the localizer at the end.

    Parameters
    ----------
    estimator : localizer, or a Pipeline, search or FrozenEstimator around one

    Raises
    ------
    ValueError
        There is no localizer, or (as `NotFittedError`) it is not fitted.
    """
    from sklearn_asn._localizers.base import BaseLocalizer

    earlier: list[Any] = []
    last = estimator
    while True:
        if isinstance(last, FrozenEstimator):
            last = last.estimator
        elif hasattr(last, "best_estimator_"):
            last = last.best_estimator_
        elif hasattr(last, "steps"):
            if len(last.steps) > 1:
                earlier.append(last[:-1])
            last = last[-1]
        else:
            break
    if isinstance(last, type) and issubclass(last, BaseLocalizer):
        raise ValueError(
            f"estimator is the class {last.__name__}; expected a localizer of sklearn_asn, fitted: "
            f"{last.__name__}(...).fit(X, y)."
        )
    if not isinstance(last, BaseLocalizer):
        what = repr(last) if isinstance(last, type) else type(last).__name__
        raise ValueError(
            f"estimator ends in {what}; expected a localizer of sklearn_asn, fitted, such as "
            "ASNLocalizer, or a Pipeline or fitted search that ends in one."
        )
    check_is_fitted(last)
    return earlier, last


def before(earlier: list[Any], X: Any) -> Any:
    """Return what reaches the localizer of `X`."""
    for transformer in earlier:
        X = transformer.transform(X)
    return X


def localizer_of(estimator: Any, X: Any = None) -> tuple[BaseLocalizer, Any]:
    """Return the fitted localizer at an estimator's end, and what reaches it of `X`."""
    earlier, localizer = unwrap(estimator)
    return localizer, None if X is None else before(earlier, X)


def rows_a_clip(localizer: BaseLocalizer) -> int:
    """Return how many rows of X make a clip."""
    return int(localizer.model_.plan.frames_per_clip)


def attention_limit(localizer: BaseLocalizer) -> float | None:
    """Return what `attention` is compared with, on its own scale; None: it is not compared."""
    return localizer._limit()


def passing(localizer: Any, probability: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which classes pass the video threshold, where it is one of probabilities."""
    from sklearn_asn._localizers.asn import ASNLocalizer
    from sklearn_asn._localizers.cas import passing_classes

    cutting = getattr(localizer, "localizer_", localizer)
    if not isinstance(cutting, ASNLocalizer):
        return np.zeros(probability.shape, dtype=bool)
    allowed = allowed_classes(cutting.localize_classes, cutting.classes_)
    return passing_classes(probability, cutting.video_threshold, allowed)


def sees(localizer: BaseLocalizer, X: Any) -> tuple[Any, list[Any]]:
    """Read `X` as in use, and what the network says of it, block by block.

    Returns
    -------
    clips : Clips
    blocks : list of (Reading, Clips)
    """
    clips = localizer._check_use(X)
    return clips, localizer._over_blocks(clips, lambda reading, block: ((reading, block), None))


def segments_at(localizer: BaseLocalizer, clips: Any, blocks: list[Any]) -> Any:
    """Make segments of what `sees` gave, by the localizer's parameters of use."""
    return localizer._segments(clips, [localizer._find(*block)[0] for block in blocks])
