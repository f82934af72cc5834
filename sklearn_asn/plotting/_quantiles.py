"""`QuantileCurveDisplay`: mAP against the quantile that background is cut at (figures 4 and 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._inspect import localizer_of
from sklearn_asn.plotting._common import (
    LEGEND,
    ShownMixin,
    axes_or_new,
    line_style,
    n_curves,
    named,
    pyplot,
)
from sklearn_asn.plotting._sweep import check_quantiles, sweep

KIND = "sklearn_asn.QuantileCurveDisplay"


class QuantileCurveDisplay(ShownMixin):
    """Localization mAP against the quantile, of one fit: figures 4 and 5 of the paper.

    The quantile does not enter training, so one fitted localizer has the whole curve. Use
    `from_estimator` to make one; to compare, draw several into the same axes with
    ``from_estimator(..., ax=display.ax_, name="...")`` or ``other.plot(ax=display.ax_)``.

    Parameters
    ----------
    quantiles : ndarray of shape (n_quantiles,)
    scores : ndarray of shape (n_quantiles,) or (n_quantiles, n_tious)
        mAP at each.
    tiou : float or sequence of float, default=0.5
        One a column of `scores`.
    protocol : {"activitynet", "thumos14", "thumos14-11point"}, default="activitynet"
        The rule by which they were computed.
    own_quantile : float, default=None
        The estimator's own, to be marked.
    own_scores : float or ndarray of shape (n_tious,), default=None
        mAP there.
    name : str, default=None
        Of the estimator, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D, or list of them where there are several tIoUs

    See Also
    --------
    sklearn_asn.metrics.localization_map : What is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn.plotting import QuantileCurveDisplay
    >>> display = QuantileCurveDisplay(np.array([0.3, 0.5, 0.7]), np.array([0.1, 0.4, 0.2]))
    >>> display.best_quantile
    0.5
    >>> display.plot().ax_.get_ylabel()
    'mAP at tIoU 0.5'
    """

    def __init__(
        self,
        quantiles: NDArray[Any],
        scores: NDArray[Any],
        *,
        tiou: Any = 0.5,
        protocol: str = "activitynet",
        own_quantile: float | None = None,
        own_scores: Any = None,
        name: str | None = None,
    ) -> None:
        self.quantiles = quantiles
        self.scores = scores
        self.tiou = tiou
        self.protocol = protocol
        self.own_quantile = own_quantile
        self.own_scores = own_scores
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        quantiles: ArrayLike | None = None,
        tiou: float | ArrayLike = 0.5,
        protocol: str = "activitynet",
        ambiguous: Any = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        curve_kwargs: dict[str, Any] | None = None,
    ) -> QuantileCurveDisplay:
        """Draw the curve of a fitted localizer; nothing is refitted, the estimator stays as it is.

        The network scores the clips once; each quantile is then set on a copy.

        Parameters
        ----------
        estimator : fitted ASNLocalizer or rival, or Pipeline or search that ends in one
            A rival without a parameter `quantile` is cut at each quantile of its attention by
            ``MultiQuantileSelection((q,), outer_weight=0.0, video_weight=0.2, merge=None)``:
            the paper's criterion on another model, as in its figure 5. `AutoLoc` has no such
            curve: its boundaries are trained at one quantile.
        X : Clips or list of arrays
        y : Segments or list of lists of segments
            Ground truth: labels alone cannot judge a quantile.
        quantiles : array-like of float in [0, 1], default=None
            None: ``np.linspace(0.05, 0.95, 19)``. Drawn in increasing order, each once.
        tiou : float or array-like of float, default=0.5
            One curve each.
        protocol, ambiguous, sample_weight
            As in `sklearn_asn.metrics.localization_map`.
        name : str, default=None
        ax : matplotlib Axes, default=None
            None makes a figure.
        curve_kwargs : dict, default=None
            For matplotlib's ``Axes.plot``.

        Returns
        -------
        QuantileCurveDisplay

        Raises
        ------
        ValueError
            `y` has no segments, a quantile is outside [0, 1], or the estimator has no such curve
            (its selection cuts at quantiles of its own, say).

        Notes
        -----
        A quantile chosen as the best of the videos it is judged by looks better than it is: choose
        it on others than those you report.

        Examples
        --------
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> from sklearn_asn.plotting import QuantileCurveDisplay
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=5, random_state=0).fit(X, y)
        >>> display = QuantileCurveDisplay.from_estimator(localizer, X, y, tiou=(0.3, 0.5))
        >>> display.scores.shape, display.own_quantile
        ((19, 2), 0.5)
        """
        pyplot()
        levels = check_quantiles(np.linspace(0.05, 0.95, 19) if quantiles is None else quantiles)
        localizer, seen = localizer_of(estimator, X)
        own = getattr(localizer, "quantile", None)
        asked = [*levels.tolist(), *([] if own is None else [own])]
        rule = {"protocol": protocol, "ambiguous": ambiguous, "sample_weight": sample_weight}
        scores = sweep(localizer, seen, y, asked, tiou, **rule)
        return cls(
            levels,
            np.array(scores[: len(levels)]),
            tiou=tiou,
            protocol=protocol,
            own_quantile=own,
            own_scores=None if own is None else scores[-1],
            name=name,
        ).plot(ax=ax, curve_kwargs=curve_kwargs)

    @property
    def best_quantile(self) -> Any:
        """The quantile of the highest score (of equal ones the lowest); one a tIoU."""
        best = np.asarray(self.quantiles)[np.argmax(self.scores, axis=0)]
        return float(best) if np.ndim(self.scores) == 1 else best

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        curve_kwargs: dict[str, Any] | None = None,
    ) -> QuantileCurveDisplay:
        """Draw; into `ax` if given, beside the curves that are there.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        name : str, default=None
            None: the display's own.
        curve_kwargs : dict, default=None
            For matplotlib's ``Axes.plot``.

        Returns
        -------
        QuantileCurveDisplay
        """
        name = self.name if name is None else name
        self.ax_ = ax = axes_or_new(ax, (7.6, 4.2))
        self.figure_ = ax.figure
        tious = np.atleast_1d(np.asarray(self.tiou, dtype=np.float64))
        scores = np.reshape(self.scores, (len(self.quantiles), len(tious)))
        own = np.full(len(tious), np.nan) if self.own_scores is None else self.own_scores
        lines = []
        for k, value in enumerate(np.broadcast_to(own, len(tious))):
            best = int(np.argmax(scores[:, k]))
            text = f"best {scores[best, k]:.2f} at {self.quantiles[best]:.0%}"
            if len(tious) > 1:
                text = f"tIoU {tious[k]:g}, {text}"
            style = {**line_style(n_curves(ax, KIND)), "label": named(name, text), "linewidth": 1.8}
            style |= curve_kwargs or {}
            (line,) = ax.plot(self.quantiles, scores[:, k], gid=KIND, **style)
            lines.append(line)
            colour = line.get_color()
            ax.plot(self.quantiles[best], scores[best, k], **_mark("best", colour))
            if self.own_quantile is not None:
                ax.plot(self.own_quantile, value, **_mark("own quantile", colour))
        self.line_: Any = lines[0] if np.ndim(self.tiou) == 0 else lines
        self._finish(ax, tious)
        return self

    def _finish(self, ax: Any, tious: NDArray[Any]) -> None:
        """Label the axes and, once, the marks."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import PercentFormatter

        ax.set_xlabel("quantile taken as background")
        ax.set_ylabel("mAP" if len(tious) > 1 else f"mAP at tIoU {tious[0]:g}")
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.autoscale(axis="y")
        ax.set_ylim(bottom=0)
        ax.grid(alpha=0.3)
        handles = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
        for kind in ("best", "own quantile"):
            if n_curves(ax, f"{KIND}.{kind}"):
                handles.append(Line2D([], [], label=kind, **_mark(kind, "0.3")))
        ax.legend(handles=handles, **LEGEND)


def _mark(kind: str, colour: str) -> dict[str, Any]:
    """Return the style of a mark: a star for the best, a ring for the estimator's own."""
    if kind == "best":
        style = {"marker": "*", "markersize": 12, "color": colour, "markeredgecolor": "white"}
    else:
        style = {"marker": "o", "markersize": 7, "color": colour, "markerfacecolor": "white"}
    style |= {"gid": f"{KIND}.{kind}"}
    return {**style, "linestyle": "none", "zorder": 3 if kind == "best" else 3.1}
