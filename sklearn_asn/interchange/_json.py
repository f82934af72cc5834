"""JSON files: writing them whole, and reading fields of a known type."""

from __future__ import annotations

import json
import math
from typing import Any

from sklearn_asn.datasets._reading import File
from sklearn_asn.interchange._files import write_text

_KINDS = {dict: "an object", list: "a list", str: "a string", float: "a finite number"}


def write_json(path: File, data: Any, overwrite: bool) -> None:
    """Write indented, as text that people can read and compare."""
    write_text(path, json.dumps(data, allow_nan=False, ensure_ascii=False, indent=1), overwrite)


def field(parent: Any, name: str, kind: type, where: object) -> Any:
    """Return ``parent[name]``, which must be of the type `kind` (float: a finite number)."""
    return typed(parent.get(name) if isinstance(parent, dict) else None, name, kind, where)


def typed(value: Any, name: str, kind: type, where: object) -> Any:
    """Return `value`, if it is of the type `kind`; `read_json` reads all numbers as floats."""
    if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{where}: {name!r} is {value!r:.80}; expected {_KINDS[kind]}.")
    return value
