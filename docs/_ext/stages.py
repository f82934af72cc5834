"""What the reference says of every argument of a localizer: when another value of it counts."""

import re

from sklearn_asn._localizers.base import BaseLocalizer
from sklearn_asn._localizers.parameters import declared, sentence_of


def add_stages(app, what, name, obj, options, lines):
    """End the description of each constructor argument with a sentence on its stage."""
    if isinstance(obj, type) and issubclass(obj, BaseLocalizer) and obj is not BaseLocalizer:
        lines[:] = with_stages(obj, lines)


def with_stages(kind, lines):
    """Return a numpydoc docstring's lines with the sentences of a class of localizers."""
    known = declared(kind)
    result, names, inside = [], [], False
    for i, line in enumerate([*lines, ""]):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        header = bool(line) and bool(re.fullmatch(r"-{3,}", following))
        argument = re.match(r"(\w+(?:, \w+)*)\s*(?::|$)", line) if inside else None
        if names and (header or argument or i == len(lines)):
            result += sentences(kind, names)
            names = []
        if header:
            inside = line == "Parameters"
        elif argument and not re.fullmatch(r"-{3,}", line):
            names = [n for n in argument.group(1).split(", ") if n in known]
        result.append(line)
    return result[: len(result)]


def sentences(kind, names):
    """Return the sentence of arguments described together, as lines of their description."""
    said = {}
    for name in names:
        said.setdefault(sentence_of(kind, name), []).append(name)
    if len(said) == 1:
        return [f"    *{next(iter(said))}*"]
    return [f"    *{', '.join(group)}: {text}*" for text, group in said.items()]
