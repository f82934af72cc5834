"""`TrainingDisplay`: how a training went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import as_list
from sklearn_asn._data.columns import streams_of
from sklearn_asn._inspect import localizer_of
from sklearn_asn.plotting._common import (
    COLOURS,
    LINES,
    ShownMixin,
    axes_or_new,
    line_style,
    pyplot,
    split,
)

if TYPE_CHECKING:
    from sklearn_asn._localizers.base import BaseLocalizer

Array = NDArray[Any]

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the key below
KEY = "attention_quantiles"


class TrainingDisplay(ShownMixin):
    """Loss, learning rate and running attention quantiles of a training.

    Left: the training loss over epochs and, where the history records it (``event_lr``), the
    learning rate. Right: where every record of the history has ``attention_quantiles`` (the
    running quantiles at the levels 0.1, 0.3, 0.5, 0.7, 0.9; one such list a model), these over
    epochs; else the quantile curve at the end of the training. Use `from_estimator` to make one.

    Parameters
    ----------
    history : list of dict
        One record an epoch, with ``train_loss``.
    quantile_levels : ndarray of shape (n_levels,), default=None
    attention_quantiles : ndarray of shape (n_levels,) or (n_models, n_levels), default=None
        At the end of the training. With None, and without records an epoch, there is no right
        panel.
    quantile : float, default=None
        The estimator's own, to be marked on the curve.
    models : sequence of str, default=None
        Names of the models, where there are several.
    name : str, default=None
        Title.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes
        Loss and, if there, quantiles.
    line_ : matplotlib Line2D
        The loss.
    lr_line_ : matplotlib Line2D or None
    quantile_lines_ : list of matplotlib Line2D

    Examples
    --------
    >>> from sklearn_asn.plotting import TrainingDisplay
    >>> display = TrainingDisplay([{"train_loss": 1.5}, {"train_loss": 0.9}]).plot()
    >>> display.line_.get_ydata().tolist()
    [1.5, 0.9]
    """

    def __init__(
        self,
        history: Sequence[dict[str, Any]],
        quantile_levels: Array | None = None,
        attention_quantiles: Array | None = None,
        *,
        quantile: float | None = None,
        models: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        self.history = history
        self.quantile_levels = quantile_levels
        self.attention_quantiles = attention_quantiles
        self.quantile = quantile
        self.models = models
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Any = None
    ) -> TrainingDisplay:
        """Draw the training of a fitted localizer.

        Parameters
        ----------
        estimator : fitted ASNLocalizer or rival, or Pipeline or search that ends in one
            Of `AutoLoc`, the loss is its regressor's, the quantiles are its localizer's.
        name : str, default=None
        ax : matplotlib Axes, default=None
            Drawn inside it; None makes a figure.

        Returns
        -------
        TrainingDisplay

        Examples
        --------
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> from sklearn_asn.plotting import TrainingDisplay
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=3, random_state=0).fit(X, y)
        >>> len(TrainingDisplay.from_estimator(localizer).line_.get_xdata())
        3
        """
        pyplot()
        trained, _ = localizer_of(estimator)
        with_quantiles: Any = getattr(trained, "localizer_", trained)
        return cls(
            trained.history_,
            with_quantiles.quantile_levels_,
            with_quantiles.attention_quantiles_,
            quantile=getattr(with_quantiles, "quantile", None),
            models=_model_names(with_quantiles),
            name=name,
        ).plot(ax=ax)

    def plot(self, ax: Any = None, *, name: str | None = None) -> TrainingDisplay:
        """Draw; inside `ax` if given, else into a new figure.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        name : str, default=None
            None: the display's own.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        ValueError
            The history is empty or lacks ``train_loss``, or what it has under
            ``attention_quantiles`` is not a list of 5 numbers, or of such lists.
        """
        as_list(self.history, "history", "a list with a dict an epoch")
        losses = self._column("train_loss")
        if losses is None:
            raise ValueError("history needs the key 'train_loss' in every record, and one record.")
        recorded = self._recorded()
        has_right = recorded is not None or self.attention_quantiles is not None
        ax = axes_or_new(ax, (10, 3.8) if has_right else (5.5, 3.8))
        self.figure_ = ax.figure
        grid = split(ax, nrows=1, ncols=1 + has_right, wspace=0.08)
        self.axes_ = np.array([self.figure_.add_subplot(cell) for cell in grid])
        self._plot_loss(self.axes_[0], losses)
        self.quantile_lines_: list[Any] = []
        if recorded is not None:
            self._plot_running(self.axes_[1], recorded)
        elif has_right:
            self._plot_final(self.axes_[1])
        title = self.name if name is None else name
        if title:
            self.axes_[0].set_title(title)
        return self

    def _column(self, key: str) -> Array | None:
        """Return what all epochs have under a key, if they all have it."""
        if not len(self.history) or not all(key in record for record in self.history):
            return None
        return np.array([record[key] for record in self.history], dtype=np.float64)

    def _recorded(self) -> Array | None:
        """Return recorded quantiles ``(n_epochs, n_models, 5)``, if there."""
        values = self._column(KEY)
        if values is not None and (values.ndim not in (2, 3) or values.shape[-1] != len(LEVELS)):
            raise ValueError(
                f"history has {KEY!r} of shape {values.shape[1:]} in every record; expected "
                f"({len(LEVELS)},), or (n_models, {len(LEVELS)}): the levels {LEVELS}."
            )
        return None if values is None else values.reshape(len(values), -1, len(LEVELS))

    @property
    def _epochs(self) -> Array:
        return np.arange(1, len(self.history) + 1)

    def _plot_loss(self, ax: Any, losses: Array) -> None:
        few = {"marker": "o", "markersize": 3} if len(losses) <= 30 else {}
        loss = {"color": COLOURS[0], "label": "training loss", "linewidth": 1.8}
        (self.line_,) = ax.plot(self._epochs, losses, **loss, **few)
        ax.set(xlabel="epoch", ylabel="training loss")
        _whole_epochs(ax)
        ax.grid(alpha=0.3)
        rates, self.lr_line_ = self._column("event_lr"), None
        if rates is not None:
            right = ax.twinx()
            rate: dict[str, Any] = {
                "color": "0.35",
                "label": "learning rate",
                "linestyle": LINES[1],
            }
            rate |= {"marker": "_", "markersize": 10} if len(rates) == 1 else {}
            (self.lr_line_,) = right.plot(self._epochs, rates, drawstyle="steps-mid", **rate)
            if np.all(rates > 0):
                right.set_yscale("log")
                right.set_ylim(rates.min() / 2, rates.max() * 2)
            right.set_ylabel("learning rate", color="0.35")
            right.legend(handles=[self.line_, self.lr_line_], fontsize="small", loc="upper right")

    def _plot_running(self, ax: Any, recorded: Array) -> None:
        few = {"marker": "o", "markersize": 2.5} if len(recorded) <= 30 else {}
        for model in range(recorded.shape[1]):
            for k, level in enumerate(LEVELS):
                style = line_style(model) | {"linewidth": 2.2 if level == 0.5 else 1.0}
                label = self._model(model) if level == 0.5 else None
                values = recorded[:, model, k]
                self.quantile_lines_ += ax.plot(self._epochs, values, label=label, **style, **few)
                end, left = -1 if model == 0 else 0, model > 0  # a side a model
                place = (self._epochs[end], values[end])
                beside = {"xytext": (-4 if left else 4, 0), "ha": "right" if left else "left"}
                beside |= {"color": style["color"], "textcoords": "offset points"}
                ax.annotate(f"{level:.0%}", place, va="center", fontsize="small", **beside)
        ax.set(xlabel="epoch", ylabel="running quantiles of attention")
        _whole_epochs(ax)
        ax.margins(x=0.14)
        ax.grid(alpha=0.3)
        if recorded.shape[1] > 1:
            ax.legend(fontsize="small")

    def _plot_final(self, ax: Any) -> None:
        from matplotlib.ticker import PercentFormatter

        levels, curves = np.asarray(self.quantile_levels), np.asarray(self.attention_quantiles)
        for model, curve in enumerate(np.atleast_2d(curves)):
            style = line_style(model) | {"linewidth": 1.8, "label": self._model(model)}
            self.quantile_lines_ += ax.plot(levels, curve, **style)
            if self.quantile is not None:
                value = float(np.interp(self.quantile, levels, curve))
                mark = {"marker": "o", "linestyle": "none", "markerfacecolor": "white"}
                label = f"threshold {value:.2f} at {self.quantile:.0%}"
                ax.plot(self.quantile, value, color=style["color"], label=label, **mark)
        ax.set(xlabel="quantile", ylabel="attention", title="")
        ax.set_title("running quantiles after the last epoch", fontsize="medium")
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.grid(alpha=0.3)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize="small")

    def _model(self, i: int) -> str | None:
        return None if self.models is None else self.models[i]


def _model_names(localizer: BaseLocalizer) -> tuple[str, ...] | None:
    """Return the streams of the models, where there is more than one model."""
    if np.ndim(localizer.attention_quantiles_) == 1:
        return None
    return streams_of(localizer.variant, getattr(localizer, "main_stream", "temporal"))


def _whole_epochs(ax: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
