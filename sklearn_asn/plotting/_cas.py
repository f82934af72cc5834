"""`CASDisplay`: one video on one time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._checks import check_count
from sklearn_asn._colours import class_colours
from sklearn_asn._data.clips import as_clips
from sklearn_asn._data.pairing import check_same_videos
from sklearn_asn._data.segments import Segment
from sklearn_asn._data.targets import parse_targets
from sklearn_asn._inspect import attention_limit, localizer_of, rows_a_clip
from sklearn_asn.plotting._common import (
    LEGEND,
    LINES,
    ShownMixin,
    axes_or_new,
    pyplot,
    split,
)
from sklearn_asn.plotting._steps import bins, draw_bars, draw_steps

THRESHOLD = "#d55e00"  # as in the report
HATCHES = ("", "////", "....", "xxxx")  # once the colours are used up


class CASDisplay(ShownMixin):
    """One video on one time axis: attention with its threshold, CAS, and segments.

    Use `from_estimator` to make one.

    Parameters
    ----------
    borders : ndarray of shape (n_clips + 1,)
        Times of the clips' borders.
    attention : ndarray of shape (n_clips,)
        Raw attention.
    threshold : float or None
        Clips with less attention are background; None where attention is not cut.
    cas : ndarray of shape (n_clips, n_classes)
        Class activation sequence.
    classes : ndarray of shape (n_classes,)
    predicted, true : list of Segment, default=None
        None leaves the row out.
    unit : str, default="s"
    title : str, default=None
    colours : dict from label to colour, default=None
        None: those of `class_colours`, in which a class has its colour by its place in `classes`.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of matplotlib Axes
        Attention, CAS, segments.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_asn import Segment
    >>> from sklearn_asn.plotting import CASDisplay
    >>> attention, cas = np.array([0.2, 0.9, 0.8]), np.array([[0.0], [0.7], [0.6]])
    >>> found = [Segment("run", 1.0, 3.0, 0.65)]
    >>> display = CASDisplay(np.arange(4.0), attention, 0.5, cas, np.array(["run"]), found)
    >>> [label.get_text() for label in display.plot().axes_[2].get_yticklabels()]
    ['run']
    """

    def __init__(
        self,
        borders: NDArray[Any],
        attention: NDArray[Any],
        threshold: float | None,
        cas: NDArray[Any],
        classes: NDArray[Any],
        predicted: Sequence[Segment] | None = None,
        true: Sequence[Segment] | None = None,
        unit: str = "s",
        title: str | None = None,
        colours: Mapping[Any, Any] | None = None,
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
        self.colours = colours

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        video: int = 0,
        ax: Any = None,
        max_classes: int = 12,
    ) -> CASDisplay:
        """Draw one video of `X`.

        Parameters
        ----------
        estimator : fitted ASNLocalizer or rival, or Pipeline or search that ends in one
        X : Clips or list of arrays
        y : Segments or list of lists of segments, default=None
            Ground truth, to be drawn below the prediction.
        video : int, default=0
            Which video of `X`.
        ax : matplotlib Axes, default=None
            Drawn inside it; None makes a figure.
        max_classes : int, default=12
            As in `plot`.

        Returns
        -------
        CASDisplay

        Raises
        ------
        ValueError
            The estimator does not end in a localizer, `X` has no such video, or `y` no segments.

        Examples
        --------
        >>> from sklearn_asn import ASNLocalizer
        >>> from sklearn_asn.datasets import make_untrimmed_videos
        >>> from sklearn_asn.plotting import CASDisplay
        >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
        >>> localizer = ASNLocalizer("temporal", max_epochs=2, random_state=0).fit(X, y)
        >>> display = CASDisplay.from_estimator(localizer, X, y, video=3)
        >>> display.title, len(display.attention) == len(X[3])
        ('video_003', True)
        """
        pyplot()
        clips = as_clips(X)
        if not isinstance(video, Integral) or not -len(clips) <= video < len(clips):
            raise ValueError(
                f"video={video!r}, but X has {len(clips)} videos; expected a position in it."
            )
        video %= len(clips)
        one = clips[video : video + 1]
        true = labels = None
        if y is not None:
            targets = parse_targets(y)
            if targets.segments is None or len(targets) != len(clips):
                raise ValueError(f"y must hold the segments of the {len(clips)} videos of X.")
            check_same_videos(clips, y)
            true, labels = targets.segments[video], targets.segments.label
        localizer, seen = localizer_of(estimator, one)
        (attention,), (cas,) = localizer.attention(seen), localizer.transform(seen)
        (predicted,) = localizer.predict(seen)
        rows = np.minimum(
            np.arange(len(attention) + 1) * rows_a_clip(localizer), int(one.lengths[0])
        )
        return cls(
            one.to_time(np.zeros(len(rows), dtype=int), rows),
            attention,
            attention_limit(localizer),
            cas,
            localizer.classes_,
            predicted,
            true,
            "clips" if one.clip_seconds is None else "s",
            None if one.ids is None else str(one.ids[0]),
            class_colours(localizer.classes_, () if labels is None else labels),
        ).plot(ax=ax, max_classes=max_classes)

    def plot(self, ax: Any = None, *, max_classes: int = 12) -> CASDisplay:
        """Draw; inside `ax` if given, else into a new figure.

        Only classes that occur are drawn: those of a segment, and those with a CAS. Of a video of
        more than 2,000 clips, every step is the range (lowest to highest) of several clips.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        max_classes : int, default=12
            Where more classes occur, these are drawn: those of the truth, then those with the
            best predicted score, then those with the highest CAS. The others are counted.

        Returns
        -------
        CASDisplay
        """
        check_count(max_classes, "max_classes")
        shown, n_left_out = self._shown(max_classes)
        lanes = max(2.0, 0.28 * len(shown))
        ax = axes_or_new(ax, (9, 3 + lanes))
        self.figure_ = ax.figure
        grid = split(ax, nrows=3, ncols=1, height_ratios=(1.6, 1.8, lanes), hspace=0.12)
        top = self.figure_.add_subplot(grid[0])
        middle, bottom = (self.figure_.add_subplot(grid[i], sharex=top) for i in (1, 2))
        self.axes_ = np.array([top, middle, bottom])
        self._plot_attention(top)
        self._plot_cas(middle, shown)
        self._plot_segments(bottom, shown)
        for above in (top, middle):
            above.tick_params(labelbottom=False)
        first, _ = bins(self.borders)
        notes = [f"{n_left_out} more classes not shown"] if n_left_out else []
        if len(first) < len(self.attention):
            sizes = np.unique(np.diff(first, append=len(self.attention)))  # one, or two neighbours
            notes.append(f"a step is the range of {' or '.join(map(str, sizes))} clips")
        bottom.set_xlabel("   ".join([f"time [{self.unit}]", *(f"({note})" for note in notes)]))
        top.set_xlim(self.borders[0], self.borders[-1])
        if self.title:
            top.set_title(self.title)
        return self

    def _shown(self, max_classes: int) -> tuple[list[Any], int]:
        """Return the classes to draw, in the order of `classes`, and how many are left out."""
        known = self.classes.tolist()  # true labels may be others
        heights = dict(zip(known, np.abs(self.cas).max(axis=0), strict=True))
        best: dict[Any, tuple[bool, float, float]] = {}
        for label, height in heights.items():
            if height > 0:
                best[label] = (False, -np.inf, float(height))
        for s in self.predicted or []:
            _, score, height = best.get(s.label, (False, -np.inf, 0.0))
            best[s.label] = (False, max(score, s.score), height)
        for s in self.true or []:
            best[s.label] = (True, *best.get(s.label, (False, -np.inf, 0.0))[1:])
        ranked = sorted(best, key=lambda label: best[label], reverse=True)[:max_classes]
        order = {label: i for i, label in enumerate(known)}
        shown = sorted(ranked, key=lambda label: (order.get(label, len(known)), str(label)))
        return shown, len(best) - len(shown)

    def _looks(self) -> tuple[Mapping[Any, Any], dict[Any, int]]:
        """Return the colour of every label, and how many before it have the same."""
        labels = [s.label for s in (*(self.predicted or ()), *(self.true or ()))]
        colours = {**class_colours(self.classes, labels), **(self.colours or {})}
        again, seen = {}, Counter[Any]()
        for label, colour in colours.items():
            again[label] = seen[colour]
            seen[colour] += 1
        return colours, again

    def _plot_attention(self, ax: Any) -> None:
        first, edges = bins(self.borders)
        is_long = len(first) < len(self.attention)
        draw_steps(ax, self.attention, self.borders, "0.65" if is_long else "black", linewidth=1)
        values = [float(self.attention.min()), float(self.attention.max())]
        if self.threshold is not None:
            values.append(self.threshold)
            highest = np.maximum.reduceat(self.attention, first)
            active = np.maximum(highest, self.threshold)
            fill = {"color": "0.15", "zorder": 1.5} if is_long else {"color": "0.8", "zorder": 0.5}
            ax.stairs(active, edges, baseline=self.threshold, fill=True, linewidth=0, **fill)
            ax.axhline(self.threshold, color=THRESHOLD, linestyle="--", label="threshold")
        margin = 0.06 * (max(values) - min(values) + 1e-9)
        ax.set_ylim(min(values) - margin, max(values) + margin)
        ax.set_ylabel("attention")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(**LEGEND)

    def _plot_cas(self, ax: Any, shown: list[Any]) -> None:
        drawn = [0.0, 1.0]
        known = self.classes.tolist()
        colours, again = self._looks()
        for label in shown:
            if label in known and self.cas[:, known.index(label)].any():
                values = self.cas[:, known.index(label)]
                style = {"linestyle": LINES[again[label] % len(LINES)], "linewidth": 1.5}
                draw_steps(ax, values, self.borders, colours[label], label=str(label), **style)
                drawn += [float(values.min()), float(values.max())]
        low, high = min(drawn), max(drawn)
        ax.set_ylim(low - 0.05 * (high - low) * (low < 0), high + 0.05 * (high - low))
        ax.set_ylabel("CAS")
        if ax.get_legend_handles_labels()[0]:
            ax.legend(**LEGEND, ncols=1 + (len(shown) > 6))

    def _plot_segments(self, ax: Any, shown: list[Any]) -> None:
        """Draw a lane a class: predictions above, fainter for lower scores; truth below."""
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Patch

        lanes = {label: -i for i, label in enumerate(shown)}
        found = sorted((s for s in self.predicted or [] if s.label in lanes), key=_score)
        best = found[-1].score if found else 1.0
        colour_of, again = self._looks()
        colours = [colour_of[s.label] for s in found]
        faint = [float(np.clip(s.score / best, 0.2, 1.0)) if best > 0 else 1.0 for s in found]
        draw_bars(
            ax,
            found,
            [lanes[s.label] + 0.2 for s in found],
            height=0.36,
            color=[to_rgba(c, alpha) for c, alpha in zip(colours, faint, strict=True)],
            edgecolor=colours,
            linewidth=0.8,
            hatch=[HATCHES[again[s.label] % len(HATCHES)] for s in found],
        )
        true = [s for s in self.true or [] if s.label in lanes]
        levels = [lanes[s.label] - 0.2 for s in true]
        draw_bars(ax, true, levels, height=0.3, color="0.25", edgecolor="0.25", linewidth=0.4)
        ax.set_yticks(list(lanes.values()), [str(label) for label in lanes], fontsize="small")
        ax.set_ylim(0.55 - max(len(lanes), 1), 0.55)
        handles = [Patch(color="0.6", label="predicted"), Patch(color="0.25", label="true")]
        ax.legend(handles=handles[: 1 if self.true is None else 2], **LEGEND)


def _score(segment: Segment) -> float:
    return segment.score
