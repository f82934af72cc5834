"""Results of benchmarks as JSON, one file a run, named by the commit; needs nothing installed.

{"benchmark", "commit", "committed", "date", "machine": {...}, "settings": {...},
 "results": {name: {"value", "unit", "target"?, "better": "less" | "more"}}}

The commit is that of the package which was measured: with PYTHONPATH at an older checkout, today's
scripts measure that one.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).parent / "kept"


def checkout() -> Path:
    """Where the package lies that is imported; not imported for it."""
    found = importlib.util.find_spec("sklearn_asn")
    return Path(found.origin).parents[1] if found and found.origin else ROOT


def commit_of(folder: Path | None = None) -> tuple[str, str]:
    """Short hash of a checkout, "+" behind it where its code differs, and when it was committed.

    "unknown" and "" without git.
    """

    def git(*given: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(folder or checkout()), *given],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "sklearn_asn")
        seconds = int(git("show", "-s", "--format=%ct", "HEAD"))
        return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else ""), utc(seconds)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", ""


def utc(seconds: float) -> str:
    """A time as text that sorts."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def machine_of(device: str = "cpu") -> dict[str, Any]:
    """What ratios and times depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [v for v in cpuinfo.read_text().splitlines() if v.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    packages = {}
    for name in ("numpy", "torch", "scikit-learn", "skorch"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = "unknown"
    found = {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), **packages}
    if device.startswith("cuda"):
        import torch

        found["card"] = torch.cuda.get_device_name(device)
        found["card memory"] = torch.cuda.get_device_properties(device).total_memory
    return found


class Kept:
    """The results of one run; `write` may be called after each, so that a cut run leaves some."""

    def __init__(self, benchmark: str, device: str = "cpu", **settings: Any) -> None:
        commit, committed = commit_of()
        self.data: dict[str, Any] = {
            "benchmark": benchmark,
            "commit": commit,
            "committed": committed,
            "date": utc(time.time()),
            "machine": machine_of(device),
            "settings": settings,
            "results": {},
        }

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        target: float | None = None,
        better: str = "less",
    ) -> float:
        """Keep one number; a `target` is a limit on the side that is not better."""
        result: dict[str, Any] = {"value": float(value), "unit": unit, "better": better}
        if target is not None:
            result["target"] = target
        self.data["results"][name] = result
        return value

    @property
    def default_path(self) -> Path:
        """Where the file goes unless it is said otherwise."""
        return FOLDER / f"{self.data['benchmark']}-{self.data['commit']}.json"

    def write(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the file whole, in place of an old one."""
        path = self.default_path if path is None else Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(self.data, indent=1, allow_nan=False) + "\n")
        part.replace(path)
        return path


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``: keep the results under the commit's name; ``--json FILE``: in this file."""
    where = "keep the results: in FILE, or by commit in benchmarks/kept"
    parser.add_argument("--json", nargs="?", const="", metavar="FILE", help=where)


def keep(kept: Kept, args: argparse.Namespace) -> None:
    """Write what was measured so far, if it is asked for."""
    if args.json is not None:
        kept.write(args.json or None)
