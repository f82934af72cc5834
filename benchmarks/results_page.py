"""docs/results.md, of the rows and searches that `results.py` has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from results_data import DATA, TITLES
from results_methods import METHODS

TIOUS = (0.1, 0.3, 0.5, 0.7)
SEEDS = 5
Rows = dict[tuple[str, str, int], dict[str, Any]]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(values: Any) -> str:
    """Mean and spread in %; how many seeds there are, where these are not `SEEDS`."""
    values = 100 * np.asarray(values)
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{spread}" + (f" ({len(values)})" if len(values) != SEEDS else "")


def of(rows: Rows, data: str, method: str) -> list[dict[str, Any]]:
    return [row for key, row in sorted(rows.items()) if key[:2] == (data, method)]


def names_in(rows: Rows) -> list[str]:
    """Methods in the order of METHODS; those that a version no longer has stand where they were."""
    there = {method for _, method, _ in rows}
    return [name for name in METHODS if name in there]


def summary(rows: Rows, tiou: float) -> str:
    """Methods x data sets at one tIoU; the best mean of a column in bold."""
    which = TIOUS.index(tiou)
    names = names_in(rows)
    scores = {
        (name, data): [row["map"][which] for row in of(rows, data, name)]
        for name in names
        for data in DATA
    }
    best = {
        data: max((n for n in names if scores[n, data]), key=lambda n: np.mean(scores[n, data]))
        for data in DATA
        if any(scores[n, data] for n in names)
    }
    table = []
    for name in names:
        line = [name]
        for data in DATA:
            text = cell(scores[name, data]) if scores[name, data] else "-"
            line.append(f"**{text}**" if best.get(data) == name else text)
        table.append(line)
    return markdown(["method", *(TITLES[data] for data in DATA)], table)


def detail(rows: Rows, data: str) -> str:
    """One data set, best first."""
    lines = []
    for name in names_in(rows):
        mine = of(rows, data, name)
        if not mine:
            continue
        scores = np.array([row["map"] for row in mine])
        per_segment = np.mean([row["rows_per_segment"] for row in mine])
        seconds = np.mean([row["fit_cpu_seconds"] for row in mine])
        columns = [cell(scores[:, i]) for i in range(len(TIOUS))]
        lines.append(
            (-scores[:, 2].mean(), [name, *columns, f"{per_segment:.1f}", f"{seconds:.1f}"])
        )
    head = ["method", *(f"mAP at {t}" for t in TIOUS), "rows a true segment", "fit, CPU s"]
    return markdown(head, [line for _, line in sorted(lines)])


def searched(saved: dict[str, Any], rows: Rows) -> str:
    """What every search chose and saw."""
    lines = []
    for data in DATA:
        for name in names_in(rows):
            found = saved.get(data, {}).get(name)
            if not found:
                continue
            chosen = ", ".join(f"{key} {value}" for key, value in found["settings"].items())
            seen = "; ".join(
                f"{key}: " + ", ".join(f"{value} {100 * m:.1f}" for value, m in values.items())
                for key, values in found["seen"].items()
            )
            lines.append([TITLES[data], name, chosen, f"{100 * found['cv_map']:.1f}", seen])
    head = ["data", "method", "chosen", "mAP at 0.5 in cross-validation", "best at each value"]
    return markdown(head, lines)


def estimators(rows: Rows) -> str:
    """The estimators behind the rows, as they print themselves."""
    lines = []
    for name in names_in(rows):
        texts: dict[str, list[str]] = {}
        for data in DATA:
            for row in of(rows, data, name)[:1]:
                texts.setdefault(row["settings"], []).append(TITLES[data])
        lines += [[name, ", ".join(data), f"`{text}`"] for text, data in texts.items()]
    return markdown(["method", "data", "estimator"], lines)


def said(rows: Rows) -> str:
    """Warnings of the fits and predictions, and how many rows had each."""
    counts: dict[tuple[str, str], int] = {}
    for (data, method, _), row in rows.items():
        for text in row["warnings"]:
            key = (f"{method} on {TITLES[data]}", text)
            counts[key] = counts.get(key, 0) + 1
    lines = [[where, text, str(n)] for (where, text), n in sorted(counts.items())]
    return markdown(["where", "warning", "of five seeds"], lines) if lines else "None."


def page(rows: Rows, saved: dict[str, Any], template: Path) -> str:
    used = sorted({row["versions"][key] for row in rows.values() for key in ("torch",)})
    packages = sorted({row["versions"]["sklearn_asn"] for row in rows.values()})
    return template.read_text().format(
        at_05=summary(rows, 0.5),
        at_07=summary(rows, 0.7),
        details="\n\n".join(f"### {TITLES[data]}\n\n{detail(rows, data)}" for data in DATA),
        searched=searched(saved, rows),
        estimators=estimators(rows),
        said=said(rows),
        torch=", ".join(used),
        packages=", ".join(packages),
    )
