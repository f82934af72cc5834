"""`PrecisionRecallDisplay`: precision over recall of segments, of every class at one tIoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_asn._checks import as_list, check_no_class, known_labels
from sklearn_asn._colours import class_colours
from sklearn_asn.plotting._common import (
    LEGEND,
    LINES,
    ShownMixin,
    axes_or_new,
    check_lengths,
    line_style,
    n_curves,
    named,
    pyplot,
)
from sklearn_asn.plotting._curves import precision_recall_curves

Array = NDArray[Any]

KIND = "sklearn_asn.PrecisionRecallDisplay"
N_COLOURED = 10  # of more classes, the best and the worst few are told apart
N_ENDS = 3


class PrecisionRecallDisplay(ShownMixin):
    """Precision over recall of detected segments, one curve a class, at one tIoU.

    Every curve is a step function whose area *is* the class's average precision by `protocol`:
    precision at each true positive, up to its recall, by ``"thumos14"``; the highest precision at
    that recall or a greater one by ``"activitynet"``. It ends at the last true positive. The mean
    curve's area is the mAP. Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    precision, recall : list of ndarray
        One of each a class, starting at recall 0.
    classes : ndarray of shape (n_classes,)
    tiou : float, default=0.5
    protocol : {"activitynet", "thumos14"}, default="activitynet"
    name : str, default=None
        Of the estimator, for the legend.

    Attributes
    ----------
    average_precision : ndarray of shape (n_classes,)
    mean_precision, mean_recall : ndarray
        The mean curve; a class counts 0 beyond its last true positive.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : list of matplotlib Line2D
        One a class.
    mean_line_ : matplotlib Line2D, or None where there is one class only

    See Also
    --------
    sklearn_asn.metrics.average_precision_table : The areas.

    Examples
    --------
    >>> from sklearn_asn.plotting import PrecisionRecallDisplay
    >>> truth = [[("run", 0.0, 10.0)], [("jump", 5.0, 15.0)]]
    >>> found = [[("run", 1.0, 10.0, 0.9), ("jump", 0.0, 2.0, 0.8)], [("jump", 5.0, 14.0, 0.7)]]
    >>> display = PrecisionRecallDisplay.from_predictions(truth, found)
    >>> dict(zip(display.classes.tolist(), display.average_precision.tolist()))
    {'jump': 0.5, 'run': 1.0}
    """

    def __init__(
        self,
        precision: Sequence[Array],
        recall: Sequence[Array],
        classes: Array,
        *,
        tiou: float = 0.5,
        protocol: str = "activitynet",
        name: str | None = None,
    ) -> None:
        check_lengths(precision=precision, recall=recall, classes=classes)
        self.precision = precision
        self.recall = recall
        self.classes = classes
        self.tiou = tiou
        self.protocol = protocol
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        tiou: float = 0.5,
        protocol: str = "activitynet",
        ambiguous: Any = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        classes: Any = None,
    ) -> PrecisionRecallDisplay:
        """Draw the curves of what a fitted estimator predicts of `X`.

        Parameters
        ----------
        estimator : fitted localizer, or Pipeline or search that ends in one
        X : Clips or list of arrays
        y : Segments or list of lists of segments
            Ground truth.
        tiou, protocol, ambiguous, sample_weight, name, ax, classes
            As in `from_predictions`.

        Returns
        -------
        PrecisionRecallDisplay

        Examples
        --------
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> from sklearn_asn.plotting import PrecisionRecallDisplay
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0).fit(X, y)
        >>> PrecisionRecallDisplay.from_estimator(localizer, X, y).classes.tolist()
        ['class_0', 'class_1', 'class_2', 'class_3', 'class_4']
        """
        pyplot()
        check_no_class(estimator, "estimator")
        if not hasattr(estimator, "predict"):
            raise ValueError(f"estimator={estimator!r:.80}; expected one with predict, fitted.")
        return cls.from_predictions(
            y,
            estimator.predict(X),
            tiou=tiou,
            protocol=protocol,
            ambiguous=ambiguous,
            sample_weight=sample_weight,
            name=name,
            ax=ax,
            classes=classes,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        tiou: float = 0.5,
        protocol: str = "activitynet",
        ambiguous: Any = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        classes: Any = None,
    ) -> PrecisionRecallDisplay:
        """Draw the curves of scored detections.

        Parameters
        ----------
        y_true : Segments or list of lists of segments
            Ground truth.
        y_pred : Segments or list of lists of segments
            Scored detections of the same videos.
        tiou : float, default=0.5
            Temporal intersection over union that a detection needs.
        protocol, ambiguous, sample_weight
            As in `sklearn_asn.metrics.localization_map`.
        name : str, default=None
        ax : matplotlib Axes, default=None
            None makes a figure.
        classes : sequence of labels, default=None
            As in `plot`.

        Returns
        -------
        PrecisionRecallDisplay

        Raises
        ------
        ValueError
            As `sklearn_asn.metrics.localization_map`; or `tiou` is not one number.
        """
        pyplot()
        if np.ndim(tiou):
            raise ValueError(f"tiou={tiou!r}; expected one number: draw a display for each.")
        rule = {"protocol": protocol, "ambiguous": ambiguous, "sample_weight": sample_weight}
        curves = precision_recall_curves(y_true, y_pred, tiou, **rule)
        display = cls(*curves, tiou=tiou, protocol=protocol, name=name)
        return display.plot(ax=ax, classes=classes)

    @property
    def average_precision(self) -> NDArray[np.float64]:
        """The area under every curve."""
        curves = zip(self.recall, self.precision, strict=True)
        return np.array([float(np.diff(recall) @ precision[1:]) for recall, precision in curves])

    @property
    def mean_recall(self) -> NDArray[np.float64]:
        """Every recall at which a class's curve steps."""
        return np.unique(np.concatenate(list(self.recall)))

    @property
    def mean_precision(self) -> NDArray[np.float64]:
        """The mean over the classes at `mean_recall`."""
        at = self.mean_recall
        total = np.zeros(len(at))
        for recall, precision in zip(self.recall, self.precision, strict=True):
            total += np.append(precision, 0.0)[np.searchsorted(recall, at)]
        return total / len(self.classes)

    def plot(
        self, ax: Any = None, *, name: str | None = None, classes: Any = None
    ) -> PrecisionRecallDisplay:
        """Draw; into `ax` if given, beside the curves that are there.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        name : str, default=None
            None: the display's own.
        classes : sequence of labels, default=None
            Those to be told apart; the others are thin and grey. None: all of up to 10; of more,
            the 3 with the highest and the 3 with the lowest average precision. An empty sequence
            leaves the mean only, which is what to compare several estimators by.

        Returns
        -------
        PrecisionRecallDisplay

        Raises
        ------
        ValueError
            One of `classes` is not a class of the display.
        """
        told_apart = self._told_apart(classes)
        name = self.name if name is None else name
        self.ax_ = ax = axes_or_new(ax, (6.4, 4.6))
        self.figure_ = ax.figure
        ap, known, lines = self.average_precision, self.classes.tolist(), {}
        other = {"color": "0.75", "linewidth": 0.6, "zorder": 1.5}
        n_other = len(known) - len(told_apart)
        others = [i for i in range(len(known)) if i not in told_apart]
        for i in others if np.size(classes) or classes is None else ():
            label = f"{n_other} other classes" if i == others[0] else None
            lines[i] = self._draw(ax, self.recall[i], self.precision[i], label=label, **other)
        colours = list(class_colours(known).values())
        n_before = n_curves(ax, KIND + ".mean") if len(known) > 1 else n_curves(ax, KIND)
        for i in told_apart:
            dashes = LINES[(i // len(set(colours)) + n_before) % len(LINES)]
            style: dict[str, Any] = {"color": colours[i], "linestyle": dashes}
            label = named(name, f"{known[i]}, AP = {ap[i]:.2f}")
            curve = (self.recall[i], self.precision[i])
            lines[i] = self._draw(ax, *curve, label=label, gid=KIND, linewidth=1.6, **style)
        self.line_ = [lines[i] for i in sorted(lines)]
        self.mean_line_ = None
        if len(known) > 1:
            label = named(name, f"mean, mAP = {ap.mean():.2f}")
            i = n_curves(ax, KIND + ".mean")
            style = line_style(i) if i else {"color": "black", "linestyle": LINES[0]}
            style |= {"linewidth": 2.4, "label": label, "gid": KIND + ".mean", "zorder": 2.5}
            self.mean_line_ = self._draw(ax, self.mean_recall, self.mean_precision, **style)
        ax.set(xlabel="recall", xlim=(-0.01, 1.01), ylabel="precision", ylim=(-0.01, 1.02))
        ax.set_title(f"tIoU {self.tiou:g}, {self.protocol} rule", fontsize="medium")
        ax.grid(alpha=0.3)
        ax.legend(**LEGEND)
        return self

    def _told_apart(self, classes: Any) -> list[int]:
        """Return the numbers of the classes to be told apart, in the order of the legend."""
        known = self.classes.tolist()
        if classes is not None:
            classes = as_list(classes, "classes", "a sequence of labels")
            unknown = [c for c in classes if c not in known]
            if unknown:
                raise ValueError(
                    f"classes names {unknown[:5]}, which are not in the display; "
                    f"{known_labels(unknown, known)}."
                )
            return [known.index(c) for c in classes]
        if len(known) <= N_COLOURED:
            return list(range(len(known)))
        order = np.argsort(-self.average_precision, kind="stable").tolist()
        return [*order[:N_ENDS], *order[-N_ENDS:]]

    @staticmethod
    def _draw(ax: Any, recall: Array, precision: Array, **style: Any) -> Any:
        (line,) = ax.plot(recall, precision, drawstyle="steps-pre", **style)
        return line
