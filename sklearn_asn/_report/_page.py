"""Fill the template: what comes from the user is escaped here and in `_summary`."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from sklearn_asn._colours import as_css
from sklearn_asn._report import _summary
from sklearn_asn._report._collect import Collected
from sklearn_asn._report._media import media_sources
from sklearn_asn._report._operating import Points, operating_points
from sklearn_asn._report._scores import MAIN_TIOU, Scores, score

Cell = float | list[tuple[int, str | None]]

MARK = '<meta name="generator" content="sklearn_asn.report">'
MAX_NAMED = 4  # classes in a cell of the table
MAX_ROWS = 200  # of the table written as HTML; of more, the script keeps those in view (FEW)
SCRIPTS = {  # those of an element, in the order they run
    "curve": ("curve",),
    "timeline": ("marks", "frames", "timeline"),
    "report": ("operating", "report"),
}


def render(
    found: Collected, earlier: list[Any], localizer: Any, links: list[str | None], title: str
) -> str:
    """Return the page."""
    scores = score(found.predicted, found.targets, found.probability, localizer.classes_)
    points = operating_points(found)
    style = as_css() + _asset("report.css")
    scripts = {
        name: "".join(_asset(f"{part}.js") for part in parts) for name, parts in SCRIPTS.items()
    }
    allowed = " ".join(_digest(script) for script in scripts.values())
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {allowed}; "
        f"img-src data:; media-src {media_sources(links)}; base-uri 'none'; form-action 'none'"
    )
    lengths = np.diff(found.timing.spans)[:, 0].tolist()
    chosen_by = [_codes(found, i) for i in range(len(found.names))]
    columns = _columns(found)
    cells = [_cells(found, scores, i, lengths[i]) for i in range(len(found.names))]
    occurring = sorted(set().union(*chosen_by))
    parts = {
        "mark": MARK,
        "policy": escape(policy),
        "title": escape(title),
        "style": style,
        **scripts,
        "facts": _summary.facts(found, scores, points),
        "model": _summary.model(found, earlier, localizer),
        "scores": _summary.average_precisions(found, scores, points),
        "options": "".join(
            f'<option value="{code}">{escape(found.labels[code])}</option>' for code in occurring
        ),
        "head": _head(["video", *(name for name, _ in columns)]),
        "rows": "".join(map(_writer(found), found.names, range(MAX_ROWS), chosen_by, cells))
        if len(found.names) <= MAX_ROWS
        else "",
        "notes": _notes(found, scores),
        "network": "This file loads nothing from a network"
        + (", except the linked video files." if any(map(_is_remote, links)) else "."),
        "data": _json(_data(found, links, points, chosen_by, cells)),
    }
    # in one pass: what is put in is not looked at again
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("report.html"))


def _is_remote(link: str | None) -> bool:
    return link is not None and link.startswith(("http://", "https://"))


def _asset(name: str) -> str:
    return (files("sklearn_asn._report") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """Write JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _unit(found: Collected) -> str:
    return "clips" if found.timing.clip_seconds is None else "s"


def _data(
    found: Collected,
    links: list[str | None],
    points: Points,
    chosen_by: list[set[int]],
    cells: list[list[Cell]],
) -> dict[str, Any]:
    """Collect what the script draws."""
    timing, spans = found.timing, found.timing.spans
    step = np.ones(len(timing)) if timing.clip_seconds is None else timing.clip_seconds
    videos = []
    for i, drawn in enumerate(found.timelines):
        start, end = spans[i].tolist()
        own = {"id": found.names[i], "start": start, "end": end, "url": links[i]}
        own |= {"c": sorted(chosen_by[i]), "r": [_plain(cell) for cell in cells[i]]}
        videos.append(own | {"step": float(step[i]) * found.frames_per_clip} | drawn)
    return {
        "unit": _unit(found),
        "labels": found.labels,
        "threshold": found.threshold,
        "truth": found.truth is not None,
        "named": found.named,
        "key": _key(found),
        "points": points.as_data(),
        "columns": [{"digits": digits} for _, digits in _columns(found)],
        "videos": videos,
    }


def _notes(found: Collected, scores: Scores) -> str:
    """Say how to read the table and the pictures."""
    notes = []
    if scores.table is not None:
        notes.append(
            "<strong>Best tIoU</strong> is the mean, over a video's true segments, of the highest "
            "tIoU that a predicted segment of the same class has with it. "
            f"<strong>AP at {MAIN_TIOU:g}</strong> is the mean average precision within the video "
            f"alone, over its true classes, at tIoU {MAIN_TIOU:g}."
        )
    lengths = [drawn["n"] for drawn in found.timelines]
    n_long = sum(n > found.n_columns for n in lengths)
    if n_long:
        notes.append(
            f"Curves of {n_long:,} of {len(lengths):,} videos are drawn thinned, by the minimum "
            f"and maximum of each of {found.n_columns:,} columns (the longest video has "
            f"{max(lengths):,} clips). Segments and scores are exact."
        )
    return "".join(f'<p class="note">{note}</p>' for note in notes)


# ---------------------------------------------------------------------- table of videos


def _codes(found: Collected, i: int) -> set[int]:
    """Return the classes that a video can be chosen by: predicted, true, or with segments."""
    codes = set(found.passing[i]) | set(found.true_labels[i])
    return codes | {row["c"] for row in found.timelines[i]["rows"]}


def _columns(found: Collected) -> list[tuple[str, int | None]]:
    """Return name and decimals of every column behind the video's; None: it names classes."""
    columns: list[tuple[str, int | None]] = [
        (f"length [{_unit(found)}]", 1),
        ("predicted classes", None),
    ]
    if found.targets is not None:
        columns.append(("true classes", None))
    columns.append(("segments", 0))
    if found.truth is not None:
        columns += [("true segments", 0), ("best tIoU", 2), (f"AP at {MAIN_TIOU:g}", 2)]
    return columns


def _cells(found: Collected, scores: Scores, i: int, length: float) -> list[Cell]:
    """Return what stands in a video's row: numbers, or classes (perhaps with a probability)."""
    chance = found.probability[i]
    cells: list[Cell] = [length, [(code, f"{chance[code]:.2f}") for code in found.passing[i]]]
    if found.targets is not None:
        cells.append([(code, None) for code in found.true_labels[i]])
    cells.append(int(found.predicted.lengths[i]))
    if found.truth is not None:
        cells.append(int(found.truth.lengths[i]))
        cells += [float(scores.best_tiou[i]), float(scores.precision[i])]
    return cells


def _plain(cell: Cell) -> Any:
    """Return a cell as JSON has it: a number or null, or the classes named and how many more."""
    if isinstance(cell, list):
        return [cell[:MAX_NAMED], max(len(cell) - MAX_NAMED, 0)]
    return None if math.isnan(cell) else cell


def _head(names: list[str]) -> str:
    cells = (
        f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in names
    )
    return f"<tr>{''.join(cells)}</tr>"


def _writer(found: Collected) -> Callable[[str, int, set[int], list[Cell]], str]:
    """Return what writes a video's row as HTML."""
    forms = [digits for _, digits in _columns(found)]

    def write(name: str, i: int, codes: set[int], cells: list[Cell]) -> str:
        own = " ".join(str(code) for code in sorted(codes))
        written = (
            _named([(found.labels[code], chance) for code, chance in cell])
            if isinstance(cell, list)
            else _number(cell, f",.{digits}f")
            for cell, digits in zip(cells, forms, strict=True)
        )
        return (
            f'<tr data-i="{i}" data-classes="{own}"><th scope="row"><a href="#video-{i}">'
            f"{escape(name)}</a></th>{''.join(written)}</tr>"
        )

    return write


def _number(value: float, form: str) -> str:
    if math.isnan(value):
        return '<td class="n">&ndash;</td>'
    return f'<td class="n">{format(value, form).removesuffix(".0")}</td>'


def _named(entries: list[tuple[str, str | None]]) -> str:
    named = ", ".join(
        f'<span class="label">{escape(label)}</span>{f" {chance}" if chance else ""}'
        for label, chance in entries[:MAX_NAMED]
    )
    more = f", and {len(entries) - MAX_NAMED} more" if len(entries) > MAX_NAMED else ""
    return f"<td>{named}{more}</td>" if named else "<td>&ndash;</td>"


def _key(found: Collected) -> str:
    """Return what the marks of a page are kept by: they are of these videos and segments."""
    digest = hashlib.sha256("\0".join([*found.names, *found.labels]).encode("utf-8", "replace"))
    segments = found.predicted
    for column in (segments.offsets, segments.start, segments.end):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()[:16]
