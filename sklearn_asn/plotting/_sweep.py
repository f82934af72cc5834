"""mAP at many quantiles of one fit, the network asked once: what `QuantileCurveDisplay` draws."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import as_floats
from sklearn_asn._data.supervision import check_inside, judged
from sklearn_asn._data.targets import parse_beside
from sklearn_asn._inspect import sees, segments_at
from sklearn_asn.metrics import localization_map
from sklearn_asn.selection import MultiQuantileSelection

if TYPE_CHECKING:
    from sklearn_asn._localizers.base import BaseLocalizer


def sweep(
    localizer: BaseLocalizer, X: Any, y: Any, quantiles: list[float], tiou: Any, **rule: Any
) -> list[Any]:
    """Return `localization_map` at every quantile; the localizer stays as it is."""
    check_has_curve(localizer)
    targets = parse_beside(y, len(X), X)
    if not targets.has_times.any():
        raise ValueError("y has labels only; a quantile is judged by segments.")
    X, truth, _ = judged(X, targets)
    clips, blocks = sees(localizer, X)
    check_inside(truth, clips)
    values = []
    for quantile in quantiles:
        other = _cut_at(localizer, quantile)
        found = segments_at(other, clips, blocks)
        values.append(localization_map(truth, found, tiou, **rule))
    return values


def check_quantiles(quantiles: Any) -> NDArray[np.float64]:
    """Return quantiles in increasing order, each once."""
    values = np.unique(np.atleast_1d(as_floats(quantiles, "quantiles")))
    if np.ndim(quantiles) > 1 or not len(values) or not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"quantiles={quantiles!r}; expected numbers in [0, 1].")
    return values


def check_has_curve(localizer: BaseLocalizer) -> None:
    """Refuse a localizer whose segments do not follow from the network and a quantile."""
    from sklearn_asn.rivals import AutoLoc

    if isinstance(localizer, AutoLoc):
        raise ValueError(
            "AutoLoc has no curve over quantiles: its regressor is trained on the CAS as it was "
            "cut at one. Draw the curve of its localizer_."
        )
    own = getattr(localizer, "selection", None)
    takes_all = getattr(own, "needs_levels", False) or getattr(own, "uncut", False)
    if hasattr(localizer, "quantile") and takes_all:
        raise ValueError(
            f"selection={own!r} cuts at quantiles of its own, so `quantile` changes nothing; use "
            "another selection, such as NaiveSelection()."
        )


def _cut_at(localizer: BaseLocalizer, quantile: float) -> BaseLocalizer:
    """Return a shallow copy that cuts attention at a quantile."""
    other = copy.copy(localizer)
    if getattr(localizer, "quantile", None) is not None:
        return other.set_params(quantile=quantile)
    cut = MultiQuantileSelection((quantile,), outer_weight=0.0, video_weight=0.2, merge=None)
    return other.set_params(selection=cut)
