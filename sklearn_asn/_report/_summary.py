"""The top of the page: what the model is, and how it scores."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from sklearn_asn._report._collect import Collected
from sklearn_asn._report._operating import Points
from sklearn_asn._report._scores import MAIN_TIOU, Scores

MAX_LISTED = 200  # classes named
LONGEST = 300  # characters of a parameter's value

# what says most about a model, where it has it; other parameters follow if they were changed
MAIN_PARAMETERS = ("variant", "quantile", "video_threshold", "selection", "frames_per_clip")


def facts(found: Collected, scores: Scores, points: Points) -> str:
    """Return the numbers that come first, as list items."""
    items = [(f"{len(found.names):,}", "videos"), (f"{len(found.predicted.label):,}", "segments")]
    if found.truth is not None:
        items.append((f"{len(found.truth.label):,}", "true segments"))
    if scores.localization is not None:
        items.append((f"{scores.localization:.3f}", f"mAP at tIoU {MAIN_TIOU:g}"))
        items += [
            (f"{value:.3f}", f"{what} at tIoU {MAIN_TIOU:g}")
            for what, value in (("precision", points.precision()), ("recall", points.recall()))
            if value == value
        ]
    if scores.recognition is not None:
        items.append((f"{scores.recognition:.3f}", "mAP of video labels"))
    return "".join(f"<li><strong>{n}</strong> {escape(what)}</li>" for n, what in items)


def model(found: Collected, earlier: list[Any], localizer: Any) -> str:
    """Return what the model is, as a description list's items."""
    from sklearn_asn import ASNLocalizer

    given = localizer.get_params(deep=False)
    rows = [("model", type(localizer).__name__)]
    before = [step for pipeline in earlier for _, step in pipeline.steps]
    if before:
        rows.append(("steps before it", _shorten(", ".join(map(repr, before)))))
    if isinstance(localizer, ASNLocalizer) and localizer.selection is None:
        given["selection"] = "NaiveSelection() (default)"
    rows += [(name, _shorten(given[name])) for name in MAIN_PARAMETERS if name in given]
    if found.threshold is not None:
        rows.append(("attention threshold", f"{found.threshold:.4g}"))
    if hasattr(localizer, "n_iter_"):
        rows.append(("epochs trained", str(localizer.n_iter_)))
    rows += [
        (name, _shorten(value))
        for name, value in given.items()
        if name not in MAIN_PARAMETERS and not _is_default(localizer, name, value)
    ]
    labels = found.labels[: found.n_classes]
    more = f", and {len(labels) - MAX_LISTED:,} more" if len(labels) > MAX_LISTED else ""
    rows.append((f"{len(labels)} classes", ", ".join(labels[:MAX_LISTED]) + more))
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)


def average_precisions(found: Collected, scores: Scores, points: Points) -> str:
    """Return the table of average precision, or why there is none."""
    if scores.table is None or found.truth is None:
        if scores.recognition is None:
            return "<p>There is no ground truth, so nothing is scored.</p>"
        return (
            "<p>The ground truth has labels only: they judge which classes a video contains, not "
            "when. Quantile and selection do not enter into that score.</p>"
        )
    heads = "".join(f'<th scope="col">{tiou:g}</th>' for tiou in scores.table.columns)
    counts = [
        (int(np.sum(found.truth.label == v)), int(np.sum(found.predicted.label == v)))
        for v in scores.table.index
    ]
    names = [str(v) for v in scores.table.index]
    place = {value: i for i, value in enumerate(found.values)}
    codes = [place[v] for v in scores.table.index.tolist()]
    shares = [(points.precision(code), points.recall(code)) for code in codes]
    lines = map(_line, names, counts, scores.table.to_numpy(), shares)
    n_found = sum(count for _, count in counts)
    whole = (points.precision(), points.recall())
    mean = _line("mean", (len(found.truth.label), n_found), scores.table.mean(), whole)
    return (
        '<p class="note">Average precision of every class at every tIoU, by the ActivityNet rule; '
        f"precision and recall of all its predictions at tIoU {MAIN_TIOU:g}, in the last line of "
        'all classes together.</p><div class="scroll" role="region" '
        'aria-label="Average precision" tabindex="0">'
        '<table><thead><tr><th scope="col">class</th>'
        f'<th scope="col">true</th><th scope="col">predicted</th>'
        f'<th scope="col">precision</th><th scope="col">recall</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody><tfoot>{mean}</tfoot></table></div>"
    )


def _line(
    label: str, counts: tuple[int, int], values: Iterable[float], shares: Iterable[float]
) -> str:
    cells = [f"{count:,}" for count in counts]
    cells += [f"{value:.3f}" if value == value else "&ndash;" for value in shares]
    cells += [f"{value:.3f}" for value in values]
    return (
        f'<tr><th scope="row">{escape(label)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    )


def _is_default(localizer: Any, name: str, value: Any) -> bool:
    return repr(inspect.signature(type(localizer)).parameters[name].default) == repr(value)


def _shorten(value: Any) -> str:
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
