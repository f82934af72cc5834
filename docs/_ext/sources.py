"""Where the source of a public name is, for the links of the reference to it.

Public classes and functions name a public module as theirs, and are written in a private one.
"""

import importlib
import inspect
from pathlib import Path

import sklearn_asn

ROOT = Path(sklearn_asn.__file__).parents[1]


def module_of(app, modname, attribute):
    """Return the name of the module in which a class, function or method is written, or None."""
    value = getattr(importlib.import_module(modname), attribute.partition(".")[0], None)
    if isinstance(value, type):
        inside = (inspect.unwrap(item) for item in vars(value).values() if callable(item))
        files = [item.__code__.co_filename for item in inside if is_code(item)]
    else:
        value = inspect.unwrap(value) if callable(value) else value
        files = [value.__code__.co_filename] if is_code(value) else []
    for file in map(Path, files):
        if ROOT in file.parents:
            parts = file.relative_to(ROOT).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return None


def is_code(item):
    """Tell whether something is written in Python."""
    return hasattr(item, "__code__")
