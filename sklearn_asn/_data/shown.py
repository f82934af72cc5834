"""`Segments` in a notebook: a timeline of some videos, and a table of some segments, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_asn._colours import class_numbers, colour_of

if TYPE_CHECKING:
    from sklearn_asn._data.segments import Segments

ENDS = 5  # videos drawn, and segments listed, from the beginning and from the end
MAX_BARS = 300  # of a video
MAX_NAMED = 10  # classes in the legend
MAX_STRIPS = 4  # classes above each other in a lane
LONGEST = 40  # characters of a label or an id
LONGEST_BESIDE = 17  # of an id beside its lane
LEFT, WIDTH, LANE = 120, 560, 18  # of the drawing, in pixels

STYLE = "font-variant-numeric:tabular-nums;max-width:100%"
LEFT_ALIGNED = "text-align:left;padding:.1em .6em"
RIGHT_ALIGNED = "text-align:right;padding:.1em .6em"


def segments_html(segments: Segments) -> str:
    """Return a heading, a timeline and a table, of a size that does not grow with the data."""
    labels = np.unique(segments.label).tolist() if len(segments.label) else []
    count = [
        _count(len(segments), "video"),
        _count(len(segments.label), "segment"),
        _count(len(labels), "class", "classes"),
    ]
    parts = [f"<p style='margin:.3em 0'><strong>Segments</strong>: {', '.join(count)}</p>"]
    if len(segments.label):
        numbers = class_numbers(labels)
        parts += [_timeline(segments, numbers), _legend(numbers), _table(segments)]
    return f"<div style='{STYLE}'>{''.join(parts)}</div>"


def short_number(value: float) -> str:
    """Write a number with two decimals at most, or two digits where it is small.

    >>> [short_number(v) for v in (2.0, 1234.5678, 0.12345, 0.001234, -3.10, float("nan"))]
    ['2', '1,234.57', '0.12', '0.0012', '-3.1', '']
    """
    if np.isnan(value):
        return ""
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


def short_text(value: Any, longest: int = LONGEST) -> str:
    """Write a label or an id, escaped, cut where it is long.

    >>> short_text("<b>"), len(short_text("a" * 99))
    ('&lt;b&gt;', 40)
    """
    text = str(value)
    return escape(text if len(text) <= longest else text[: longest - 1] + "…")


def _count(n: int, one: str, several: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def _ends(n: int) -> tuple[list[int], bool]:
    """Return which of n to show, and whether some are left out between them."""
    if n <= 2 * ENDS:
        return list(range(n)), False
    return [*range(ENDS), *range(n - ENDS, n)], True


def _name(segments: Segments, video: int, longest: int = LONGEST) -> str:
    return short_text(video if segments.ids is None else segments.ids[video], longest)


def round_times(low: float, high: float) -> list[float]:
    """Choose a few round times of a span, to write on its axis.

    >>> round_times(0.0, 71.75), round_times(-0.3, 0.2)
    ([0.0, 20.0, 40.0, 60.0], [-0.2, 0.0, 0.2])
    """
    size = 10.0 ** np.floor(np.log10((high - low) / 2))
    step = max(size * k for k in (1, 2, 5) if (high - low) / (size * k) >= 2)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [round(float(i * step), 12) + 0.0 for i in np.arange(first, last + 1)]


def _timeline(segments: Segments, numbers: dict[Any, int]) -> str:
    """Draw a lane a video on one time axis."""
    shown, cut = _ends(len(segments))
    kept = segments[np.array(shown)]
    if not len(kept.label):
        return ""
    low, high = min(0.0, float(kept.start.min())), float(kept.end.max())
    scale = WIDTH / (high - low)
    lines = []
    for row, video in enumerate(shown):
        top = LANE * (row + (cut and row >= ENDS))
        lines.append(
            f"<text x='{LEFT - 8}' y='{top + 13}' text-anchor='end'>"
            f"{_name(segments, video, LONGEST_BESIDE)}</text>"
            f"<line x1='{LEFT}' x2='{LEFT + WIDTH}' y1='{top + 9}' y2='{top + 9}' "
            "stroke='currentColor' stroke-opacity='.25'/>"
        )
        lines += _bars(kept, row, numbers, top, low, scale)
    if cut:
        lines.append(f"<text x='{LEFT - 8}' y='{LANE * ENDS + 12}' text-anchor='end'>⋮</text>")
    bottom = LANE * (len(shown) + cut)
    for time in round_times(low, high):
        x = LEFT + (time - low) * scale
        anchor = "end" if x > LEFT + WIDTH - 12 else "start" if x < LEFT + 12 else "middle"
        text = short_number(time)
        lines.append(f"<text x='{x:.1f}' y='{bottom + 13}' text-anchor='{anchor}'>{text}</text>")
    total = LEFT + WIDTH
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total} {bottom + 18}' "
        f"width='{total}' style='max-width:100%;height:auto;font:11px sans-serif;overflow:hidden' "
        f"fill='currentColor' role='img' aria-label='Timeline of {len(shown)} of "
        f"{len(segments)} videos'>{''.join(lines)}</svg>"
    )


def _bars(
    kept: Segments, row: int, numbers: dict[Any, int], top: int, low: float, scale: float
) -> list[str]:
    """Draw the segments of a video, of those that look alike one, the best last (on top).

    Classes share the height of the lane, as far as they can still be told apart.
    """
    rows = np.arange(kept.offsets[row], kept.offsets[row + 1])
    rows = rows[np.argsort(np.nan_to_num(kept.score[rows], nan=1.0), kind="stable")]
    left = LEFT + np.round((kept.start[rows] - low) * scale, 1)
    wide = np.maximum(np.round((kept.end[rows] - kept.start[rows]) * scale, 1), 1.0)
    codes = np.array([numbers[label] for label in kept.label[rows].tolist()], dtype=float)
    own, strip = np.unique(codes, return_inverse=True)
    n_strips = max(min(len(own), MAX_STRIPS), 1)
    high = (LANE - 4) / n_strips
    above = top + 2 + high * (strip % n_strips)
    alike = np.stack([left, wide, codes], axis=1)[::-1]
    first = np.sort(np.unique(alike, axis=0, return_index=True)[1])[:MAX_BARS]
    drawn = (len(rows) - 1 - first)[::-1]
    boxes = zip(left[drawn], above[drawn], wide[drawn], strict=True)
    return [
        _bar(kept, int(row), numbers, (*box, high - 0.5))
        for row, box in zip(rows[drawn], boxes, strict=True)
    ]


def _bar(
    kept: Segments, i: int, numbers: dict[Any, int], box: tuple[float, float, float, float]
) -> str:
    label, score = kept.label[i : i + 1].tolist()[0], float(kept.score[i])
    opacity = 1.0 if np.isnan(score) else float(np.clip(score, 0.35, 1.0))
    said = f"{short_text(label)}, {short_number(kept.start[i])} to {short_number(kept.end[i])}"
    if not np.isnan(score):
        said += f", score {score:.3g}"
    return (
        f"<rect x='{box[0]:.1f}' y='{box[1]:.1f}' width='{box[2]:.1f}' height='{box[3]:.1f}' "
        f"fill='{colour_of(numbers[label])}' fill-opacity='{opacity:.2f}'>"
        f"<title>{said}</title></rect>"
    )


def _legend(numbers: dict[Any, int]) -> str:
    named = [
        f"<span style='white-space:nowrap;margin-right:1em'><span style='display:inline-block;"
        f"width:.8em;height:.8em;border-radius:2px;background:{colour_of(i)}'></span> "
        f"{short_text(label)}</span>"
        for label, i in list(numbers.items())[:MAX_NAMED]
    ]
    if len(numbers) > MAX_NAMED:
        named.append(f"and {len(numbers) - MAX_NAMED:,} more")
    return f"<p style='margin:.3em 0;font-size:.85em'>{''.join(named)}</p>"


def _table(segments: Segments) -> str:
    """List the first and the last segments, as pandas does."""
    shown, cut = _ends(len(segments.label))
    scored = not np.all(np.isnan(segments.score))
    video = np.searchsorted(segments.offsets, shown, side="right") - 1
    lines = []
    for row, (i, v) in enumerate(zip(shown, video.tolist(), strict=True)):
        if cut and row == ENDS:
            lines.append(f"<tr>{_cells(['⋮'] * (4 + scored), LEFT_ALIGNED)}</tr>")
        texts = [_name(segments, v), short_text(segments.label[i])]
        values = [short_number(x) for x in (segments.start[i], segments.end[i])]
        if scored:
            score = float(segments.score[i])
            values.append("" if np.isnan(score) else f"{score:.3g}")
        lines.append(f"<tr>{_cells(texts, LEFT_ALIGNED)}{_cells(values, RIGHT_ALIGNED)}</tr>")
    head = "".join(
        f"<th style='{LEFT_ALIGNED if name in ('video', 'label') else RIGHT_ALIGNED}'>{name}</th>"
        for name in ("video", "label", "start", "end", "score")[: 4 + scored]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cells(texts: list[str], style: str) -> str:
    return "".join(f"<td style='{style}'>{text}</td>" for text in texts)
