"""JSON files: writing them whole, and reading fields of a known type."""

from __future__ import annotations

import json
from typing import Any

from sklearn_asn.datasets import _reading
from sklearn_asn.datasets._reading import File
from sklearn_asn.interchange._files import write_text


def write_json(path: File, data: Any, overwrite: bool) -> None:
    """Write indented, as text that people can read and compare."""
    write_text(path, json.dumps(data, allow_nan=False, ensure_ascii=False, indent=1), overwrite)


def field(parent: Any, name: str, kind: type, where: object) -> Any:
    """Return ``parent[name]``, which must be of the type `kind` (float: a finite number)."""
    return typed(parent.get(name) if isinstance(parent, dict) else None, name, kind, where)


def typed(value: Any, name: str, kind: type, where: object) -> Any:
    """Return `value`, if it is of the type `kind`; `read_json` reads all numbers as floats."""
    return _reading.typed(value, repr(name), kind, where)
