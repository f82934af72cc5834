"""docs/benchmarks.md and its picture, of what lies in benchmarks/kept: no benchmark is run.

python benchmarks/kept_page.py            # write both
python benchmarks/kept_page.py --text     # only print the page
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from _keep import FOLDER, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "images" / "benchmarks.png"
TEMPLATE = Path(__file__).parent / "kept_template.md"


def kept_runs(folder: Path = FOLDER) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of every benchmark, the oldest commit first."""
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    runs.sort(key=lambda run: (run["benchmark"], run["committed"], run["date"]))
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        found.setdefault(run["benchmark"], []).append(run)
    return found


def curves_of(runs: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    """Return every result of a benchmark's runs, None where a run lacks it; the newest's order."""
    names = dict.fromkeys(name for run in reversed(runs) for name in run["results"])
    return {name: [run["results"].get(name, {}).get("value") for run in runs] for name in names}


def number(value: float | None) -> str:
    """Three digits, or a dash where nothing was measured."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(runs: list[dict[str, Any]]) -> list[str]:
    """Return the rows of one benchmark: a column a commit."""
    head = [f"`{run['commit']}` {run['committed'][:10]}" for run in runs]
    lines = [
        "| result | unit | " + " | ".join(head) + " | target |",
        "| --- | --- |" + " ---: |" * len(runs) + " --- |",
    ]
    for name, values in curves_of(runs).items():
        result = next(r["results"][name] for r in reversed(runs) if name in r["results"])
        target = ""
        if "target" in result:
            sign = "≤" if result["better"] == "less" else "≥"
            less = result["value"] <= result["target"]
            met = less if result["better"] == "less" else result["value"] >= result["target"]
            target = f"{sign} {result['target']:g}, {'met' if met else 'missed'}"
        cells = " | ".join(map(number, values))
        lines.append(f"| {name} | {result['unit']} | {cells} | {target} |")
    return lines


def machines(runs: list[dict[str, Any]]) -> list[str]:
    """Say on what the runs of a benchmark were made, and with which settings."""
    said = dict.fromkeys(
        f"{run['machine'].get('card', run['machine']['cpu'])}, {run['machine']['cores']} cores, "
        f"torch {run['machine']['torch']}, numpy {run['machine']['numpy']}; "
        + ", ".join(f"{name} {value}" for name, value in run["settings"].items())
        for run in runs
    )
    return [f"On {line}." for line in said]


def page(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return the page."""
    parts = []
    for benchmark, runs in found.items():
        parts += [f"## `{benchmark}.py`", "", *machines(runs), "", *table(runs), ""]
    return TEMPLATE.read_text(encoding="utf-8").replace("{{ tables }}\n", "\n".join(parts))


def plot(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw a panel a benchmark: every result over its value at the first commit that has it."""
    from matplotlib.figure import Figure

    drawn = {name: runs for name, runs in found.items() if len(runs) > 1}
    figure = Figure(figsize=(7, 2.6 * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), squeeze=False)[:, 0]
    for axis, (name, runs) in zip(axes, drawn.items(), strict=True):
        for label, values in curves_of(runs).items():
            if label.endswith("json alone") or "/" in label:
                continue  # what the package does not do, and ratios, whose reference moves too
            there = [(i, v) for i, v in enumerate(values) if v]
            if len(there) > 1:
                x, y = zip(*there, strict=True)
                axis.plot(x, [value / y[0] for value in y], "o-", label=label)
        axis.axhline(1, color="0.7", zorder=0)
        axis.set_yscale("log")
        axis.set_xticks(range(len(runs)), [run["commit"] for run in runs])
        axis.set_ylabel("time / the first")
        axis.set_title(f"{name}.py", loc="left")
        axis.legend(fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--text", action="store_true", help="print the page, write nothing")
    args = parser.parse_args()
    found = kept_runs()
    if args.text:
        print(page(found), end="")
        return
    PAGE.write_text(page(found), encoding="utf-8")
    plot(found, PICTURE)


if __name__ == "__main__":
    main()
