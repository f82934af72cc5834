"""Compare what two runs of benchmarks kept: of two commits, or in two files.

    python benchmarks/compare.py 1a2b3c4 5d6e7f8     # all that both have in benchmarks/kept
    python benchmarks/compare.py before.json after.json

A line is a result: before, after, and how many times better or worse. The exit status is 1 where
one is worse by more than `--tolerance`, 2 where nothing can be compared. Times hold for a machine
and for settings; where these differ, that is said, and only ratios are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from _keep import FOLDER

#: What of a machine makes times differ: the rest are versions, which are there to be compared.
HARDWARE = ("cpu", "cores", "card")


class Line(NamedTuple):
    """One result of both runs; `factor` above 1 is better, below 1 worse."""

    name: str
    before: float
    after: float
    unit: str
    factor: float


def runs_of(given: str, folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return the runs that a file or (the beginning of) a commit stands for, by benchmark."""
    if Path(given).is_file():
        files = [Path(given)]
    else:
        files = [file for file in sorted(folder.glob("*.json")) if commit_in(file, given)]
        commits = {file.stem.rpartition("-")[2] for file in files}
        if not files or len(commits) > 1:
            known = sorted({file.stem.rpartition("-")[2] for file in folder.glob("*.json")})
            raise ValueError(
                f"{given!r} is neither a file nor the beginning of one commit in {folder}; it has "
                f"{', '.join(known) or 'none'}."
            )
    runs = [json.loads(file.read_text()) for file in files]
    return {run["benchmark"]: run for run in runs}


def commit_in(file: Path, given: str) -> bool:
    """Tell whether a kept file is of a commit; "+" stands for changes and is not left out."""
    commit = file.stem.rpartition("-")[2]
    return commit == given or (commit.startswith(given) and not commit.endswith("+"))


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Name what makes the times of two runs differ, whatever the code."""
    found = [
        f"{name}: {a['machine'].get(name)} and {b['machine'].get(name)}"
        for name in HARDWARE
        if a["machine"].get(name) != b["machine"].get(name)
    ]
    for name in sorted(a["settings"].keys() | b["settings"].keys()):
        before, after = a["settings"].get(name), b["settings"].get(name)
        if before != after:
            found.append(f"{name}={before} and {after}")
    return found


def compare(a: dict[str, Any], b: dict[str, Any]) -> list[Line]:
    """Return a line for each result that both have, in the order of the first."""
    only_ratios = bool(differences(a, b))
    lines = []
    for name, before in a["results"].items():
        after = b["results"].get(name)
        if after is None or after["unit"] != before["unit"]:
            continue
        if only_ratios and before["unit"] != "ratio":
            continue
        old, new = before["value"], after["value"]
        if before["better"] == "less":
            factor = old / new if new else 1.0 if old == new else float("inf")
        else:
            factor = new / old if old else 1.0 if old == new else float("inf")
        lines.append(Line(name, old, new, before["unit"], factor))
    return lines


def wording(factor: float, tolerance: float) -> str:
    """Say what a factor means."""
    if factor < 1 / tolerance:
        return f"{1 / factor:.2f}x WORSE" if factor else "WORSE"
    return f"{factor:.2f}x better" if factor > tolerance else "the same"


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("before", help="a commit of benchmarks/kept, or a file")
    parser.add_argument("after")
    parser.add_argument("--tolerance", type=float, default=1.15, help="what counts as the same")
    parser.add_argument("--kept", type=Path, default=FOLDER, help="the folder of the kept runs")
    args = parser.parse_args(given)
    if not args.tolerance >= 1:
        parser.error(f"--tolerance is a factor, at least 1, not {args.tolerance}")
    try:
        before, after = (runs_of(name, args.kept) for name in (args.before, args.after))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    worse = n_lines = 0
    for benchmark in [name for name in before if name in after]:
        a, b = before[benchmark], after[benchmark]
        print(f"{benchmark}: {a['commit']} and {b['commit']}")
        for line in differences(a, b):
            print(f"    only ratios are compared: {line}")
        for name, old, new, unit, factor in compare(a, b):
            n_lines += 1
            worse += factor < 1 / args.tolerance
            said = wording(factor, args.tolerance)
            print(f"    {name:56s} {old:10.4g} {new:10.4g} {unit:12s} {said}")
    if not n_lines:
        print("There is no result that both have.", file=sys.stderr)
        return 2
    print(f"{n_lines} results, {worse} worse by more than {args.tolerance:g}x")
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
