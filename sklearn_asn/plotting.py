"""Pictures of results, after scikit-learn's Display conventions; matplotlib is optional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._targets import parse_targets
from sklearn_asn.clips import as_clips
from sklearn_asn.segments import Segment

# Okabe and Ito's palette, safe for colour-blind readers; black is kept for attention
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")

LEGEND = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "fontsize": "small", "frameon": False}


class CASDisplay:
    """One video on one time axis: attention with its threshold, CAS, and segments.

    Use `from_estimator` to make one.

    Parameters
    ----------
    borders : ndarray of shape (n_clips + 1,)
        Times of the clips' borders.
    attention : ndarray of shape (n_clips,)
        Raw attention.
    threshold : float
        Clips with less attention are background.
    cas : ndarray of shape (n_clips, n_classes)
        Class activation sequence.
    classes : ndarray of shape (n_classes,)
    predicted, true : list of Segment, default=None
        None leaves the row out.
    unit : str, default="s"
    title : str, default=None

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes
        Attention, CAS, segments.
    """

    def __init__(
        self,
        borders: NDArray[Any],
        attention: NDArray[Any],
        threshold: float,
        cas: NDArray[Any],
        classes: NDArray[Any],
        predicted: Sequence[Segment] | None = None,
        true: Sequence[Segment] | None = None,
        unit: str = "s",
        title: str | None = None,
    ) -> None:
        self.borders = borders
        self.attention = attention
        self.threshold = threshold
        self.cas = cas
        self.classes = classes
        self.predicted = predicted
        self.true = true
        self.unit = unit
        self.title = title

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, video: int = 0, ax: Any = None
    ) -> CASDisplay:
        """Draw one video of `X`.

        Parameters
        ----------
        estimator : fitted ASNLocalizer, or Pipeline that ends in one
        X : Clips or list of arrays
        y : Segments or list of lists of segments, default=None
            Ground truth, to be drawn below the prediction.
        video : int, default=0
            Which video of `X`.
        ax : matplotlib Axes, default=None
            Drawn inside it; None makes a figure.

        Returns
        -------
        CASDisplay

        Examples
        --------
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> from sklearn_asn.plotting import CASDisplay
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0).fit(X, y)
        >>> display = CASDisplay.from_estimator(localizer, X, y, video=3)  # doctest: +SKIP
        """
        clips = as_clips(X)
        if not -len(clips) <= video < len(clips):
            raise ValueError(f"video={video}, but X has {len(clips)} videos.")
        video %= len(clips)
        one = clips[video : video + 1]
        localizer, seen = estimator, one
        if hasattr(estimator, "steps"):
            localizer = estimator[-1]
            seen = estimator[:-1].transform(one) if len(estimator.steps) > 1 else one
        (attention,), (cas,) = localizer.attention(seen), localizer.transform(seen)
        (predicted,) = localizer.predict(seen)
        true = None
        if y is not None:
            targets = parse_targets(y)
            if targets.segments is None or len(targets) != len(clips):
                raise ValueError(f"y must hold the segments of the {len(clips)} videos of X.")
            true = targets.segments[video]
        rows = np.minimum(
            np.arange(len(attention) + 1) * localizer.frames_per_clip, int(one.lengths[0])
        )
        threshold = localizer.threshold_
        return cls(
            one.to_time(np.zeros(len(rows), dtype=int), rows),
            attention,
            1.0 if np.ndim(threshold) else float(threshold),
            cas,
            localizer.classes_,
            predicted,
            true,
            "clips" if one.clip_seconds is None else "s",
            None if one.ids is None else str(one.ids[0]),
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> CASDisplay:
        """Draw; inside `ax` if given, else into a new figure."""
        plt = _pyplot()
        if ax is None:
            self.figure_, ax = plt.subplots(figsize=(9, 5), layout="constrained")
        else:
            self.figure_ = ax.figure
        ax.set_axis_off()
        grid = ax.get_subplotspec().subgridspec(3, 1, height_ratios=(1.6, 1.8, 2), hspace=0.12)
        top = self.figure_.add_subplot(grid[0])
        middle = self.figure_.add_subplot(grid[1], sharex=top)
        bottom = self.figure_.add_subplot(grid[2], sharex=top)
        self.axes_ = np.array([top, middle, bottom])
        self._plot_attention(top)
        colours = self._plot_cas(middle)
        self._plot_segments(bottom, colours)
        for above in (top, middle):
            above.tick_params(labelbottom=False)
        bottom.set_xlabel(f"time [{self.unit}]")
        top.set_xlim(self.borders[0], self.borders[-1])
        if self.title:
            top.set_title(self.title)
        return self

    def _plot_attention(self, ax: Any) -> None:
        low = min(float(self.attention.min()), self.threshold)
        ax.stairs(self.attention, self.borders, baseline=None, color="black", linewidth=1)
        ax.axhline(self.threshold, color="#D55E00", linestyle="--", label="threshold")
        active = np.where(self.attention >= self.threshold, self.attention, self.threshold)
        ax.stairs(active, self.borders, baseline=self.threshold, fill=True, color="0.8")
        ax.set_ylim(bottom=low - 0.05 * (float(self.attention.max()) - low + 1e-9))
        ax.set_ylabel("attention")
        ax.legend(**LEGEND)

    def _plot_cas(self, ax: Any) -> dict[Any, str]:
        """Draw the classes that occur; returns the colour of each."""
        found = [s.label for s in [*(self.predicted or []), *(self.true or [])]]
        found += list(self.classes[self.cas.any(axis=0)].tolist())
        known = self.classes.tolist()  # true labels may be others
        shown = sorted(
            dict.fromkeys(found), key=lambda c: known.index(c) if c in known else len(known)
        )
        colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(shown)}
        for i, label in enumerate(known):
            if label in colours and self.cas[:, i].any():
                ax.stairs(
                    self.cas[:, i], self.borders, color=colours[label], label=label, linewidth=1.5
                )
        ax.set_ylim(0, 1.05)
        ax.set_ylabel("CAS")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(**LEGEND)
        return colours

    def _plot_segments(self, ax: Any, colours: dict[Any, str]) -> None:
        """Draw a lane a class: predictions above, fainter for lower scores; truth below."""
        lanes = {label: -i for i, label in enumerate(colours)}
        scores = [s.score for s in self.predicted or []]
        best = max(scores, default=1.0)
        for s in self.predicted or []:
            faint = float(np.clip(s.score / best, 0.15, 1.0)) if best > 0 else 1.0
            where = {"y": lanes[s.label] + 0.2, "left": s.start, "height": 0.36}
            ax.barh(width=s.end - s.start, color=colours[s.label], alpha=faint, **where)
        for s in self.true or []:
            where = {"y": lanes[s.label] - 0.2, "left": s.start, "height": 0.3}
            ax.barh(width=s.end - s.start, color="0.25", **where)
        ax.set_yticks(list(lanes.values()), [str(label) for label in lanes], fontsize="small")
        ax.set_ylim(0.55 - max(len(lanes), 1), 0.55)
        handles = [ax.barh(0, 0, color="0.6"), ax.barh(0, 0, color="0.25")]
        n_kinds = 1 if self.true is None else 2
        ax.legend(handles[:n_kinds], ["predicted", "true"][:n_kinds], **LEGEND)


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sklearn-asn[plot]'.") from error
    return plt
