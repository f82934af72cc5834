"""What displays share: matplotlib where it is there, axes and colours."""

from __future__ import annotations

import io
from collections.abc import Sized
from typing import Any

from sklearn_asn._optional import need

# of curves that are no classes (`sklearn_asn._colours` has those): Okabe and Ito's palette, without
# its yellow, which is too light for a line on white; black is kept for attention and means
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))

LEGEND = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "fontsize": "small", "frameon": False}


class ShownMixin:
    """Let a display that ends a cell of a notebook be a picture, not the name of its class."""

    figure_: Any

    def plot(self, ax: Any = None) -> Any:
        """Draw."""
        raise NotImplementedError

    def _repr_png_(self) -> bytes:
        if not hasattr(self, "figure_"):
            self.plot()
        picture = io.BytesIO()
        self.figure_.savefig(picture, format="png", bbox_inches="tight")
        plt = pyplot()
        if "inline" in plt.get_backend():  # which would show the figure once more
            plt.close(self.figure_)
        return picture.getvalue()


def pyplot() -> Any:
    """Return `matplotlib.pyplot`, imported only when something is drawn."""
    return need("matplotlib.pyplot", "Drawing", "plot")


def axes_or_new(ax: Any, figsize: tuple[float, float]) -> Any:
    """Return `ax`, or the axes of a new figure."""
    plt = pyplot()
    if ax is not None and not hasattr(ax, "get_subplotspec"):
        raise TypeError(f"ax={ax!r:.80}; expected matplotlib Axes, or None for a new figure.")
    return plt.subplots(figsize=figsize, layout="constrained")[1] if ax is None else ax


def split(ax: Any, **grid: Any) -> Any:
    """Divide the place of `ax` into a grid, of which subplots are made."""
    ax.set_axis_off()
    spec = ax.get_subplotspec()
    if spec is not None:
        return spec.subgridspec(**grid)
    box = ax.get_position()
    return ax.figure.add_gridspec(left=box.x0, right=box.x1, bottom=box.y0, top=box.y1, **grid)


def line_style(i: int) -> dict[str, Any]:
    """Return colour and dashes of curve i: 24 pairs, and neighbours differ in both.

    >>> len({tuple(line_style(i).values()) for i in range(24)})
    24
    """
    return {
        "color": COLOURS[i % len(COLOURS)],
        "linestyle": LINES[(i + i // 12) % len(LINES)],
    }


def n_curves(ax: Any, kind: str) -> int:
    """Count the curves that a display of this kind has drawn into `ax` before."""
    return sum(line.get_gid() == kind for line in ax.get_lines())


def named(name: str | None, text: str) -> str:
    """Put a name, if there is one, before a text."""
    return f"{name}: {text}" if name else text


def check_lengths(**columns: Sized) -> None:
    """Refuse columns of different lengths, naming them."""
    if len({len(column) for column in columns.values()}) > 1:
        found = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
        raise ValueError(f"Lengths differ: {found}.")
