"""Fill the template: what comes from the user is escaped here and in `_summary`."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from sklearn_asn._report import _summary
from sklearn_asn._report._collect import Collected
from sklearn_asn._report._media import media_sources
from sklearn_asn._report._scores import MAIN_TIOU, Scores, score

MARK = '<meta name="generator" content="sklearn_asn.report">'
MAX_NAMED = 4  # classes in a cell of the table


def render(
    found: Collected, earlier: list[Any], localizer: Any, links: list[str | None], title: str
) -> str:
    """Return the page."""
    scores = score(found.predicted, found.targets, found.probability, localizer.classes_)
    style = _asset("report.css")
    scripts = {name: _asset(f"{name}.js") for name in ("curve", "timeline", "report")}
    allowed = " ".join(_digest(script) for script in scripts.values())
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {allowed}; "
        f"img-src data:; media-src {media_sources(links)}; base-uri 'none'; form-action 'none'"
    )
    lengths = np.diff(found.timing.spans)[:, 0].tolist()
    chosen_by = [_codes(found, i) for i in range(len(found.names))]
    occurring = sorted(set().union(*chosen_by))
    parts = {
        "mark": MARK,
        "policy": escape(policy),
        "title": escape(title),
        "style": style,
        **scripts,
        "facts": _summary.facts(found, scores),
        "model": _summary.model(found, earlier, localizer),
        "scores": _summary.average_precisions(found, scores),
        "options": "".join(
            f'<option value="{code}">{escape(found.labels[code])}</option>' for code in occurring
        ),
        "head": _head(found),
        "rows": "".join(
            _row(found, scores, i, codes, length)
            for i, (codes, length) in enumerate(zip(chosen_by, lengths, strict=True))
        ),
        "notes": _notes(found, scores),
        "network": "This file loads nothing from a network"
        + (", except the linked video files." if any(map(_is_remote, links)) else "."),
        "data": _json(_data(found, links)),
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


def _data(found: Collected, links: list[str | None]) -> dict[str, Any]:
    """Collect what the script draws."""
    timing, spans = found.timing, found.timing.spans
    step = np.ones(len(timing)) if timing.clip_seconds is None else timing.clip_seconds
    videos = []
    for i, drawn in enumerate(found.timelines):
        start, end = spans[i].tolist()
        own = {"id": found.names[i], "start": start, "end": end, "url": links[i]}
        videos.append(own | {"step": float(step[i]) * found.frames_per_clip} | drawn)
    return {
        "unit": _unit(found),
        "labels": found.labels,
        "threshold": found.threshold,
        "truth": found.truth is not None,
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


def _head(found: Collected) -> str:
    columns = ["video", f"length [{_unit(found)}]", "predicted classes"]
    if found.targets is not None:
        columns.append("true classes")
    columns.append("segments")
    if found.truth is not None:
        columns += ["true segments", "best tIoU", f"AP at {MAIN_TIOU:g}"]
    cells = (
        f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in columns
    )
    return f"<tr>{''.join(cells)}</tr>"


def _row(found: Collected, scores: Scores, i: int, codes: set[int], length: float) -> str:
    chance = found.probability[i]
    predicted = [(found.labels[code], f" {chance[code]:.2f}") for code in found.passing[i]]
    cells = [_number(length, ",.1f"), _named(predicted)]
    if found.targets is not None:
        cells.append(_named([(found.labels[code], "") for code in found.true_labels[i]]))
    cells.append(_number(int(found.predicted.lengths[i]), ",d"))
    if found.truth is not None:
        cells.append(_number(int(found.truth.lengths[i]), ",d"))
        cells += [_number(float(v[i]), ".2f") for v in (scores.best_tiou, scores.precision)]
    own = " ".join(str(code) for code in sorted(codes))
    return (
        f'<tr data-i="{i}" data-classes="{own}"><th scope="row"><a href="#video-{i}">'
        f"{escape(found.names[i])}</a></th>{''.join(cells)}</tr>"
    )


def _number(value: float, form: str) -> str:
    if math.isnan(value):
        return '<td class="n" data-v="">&ndash;</td>'
    return f'<td class="n" data-v="{value!r}">{format(value, form).removesuffix(".0")}</td>'


def _named(entries: list[tuple[str, str]]) -> str:
    named = ", ".join(
        f'<span class="label">{escape(label)}</span>{value}' for label, value in entries[:MAX_NAMED]
    )
    more = f", and {len(entries) - MAX_NAMED} more" if len(entries) > MAX_NAMED else ""
    return f"<td>{named}{more}</td>" if named else "<td>&ndash;</td>"
