"""Times as people write them: numbers, also with a decimal comma, and clocks."""

from __future__ import annotations

import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")


def number_of(text: str) -> float:
    """Return the number that `text` writes.

    Raises
    ------
    ValueError
        It writes none: Python's own `float` takes "nan", "1_000" and digits of other scripts.

    Examples
    --------
    >>> number_of(" 1.5e1 ")
    15.0
    """
    text = text.strip()
    if not text.isascii() or not NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return float(text)


def is_clock(text: str) -> bool:
    """Tell "1:02.5" and "00:01:02.5" from a number."""
    return ":" in text


def clock_seconds(text: str) -> float:
    """Return the seconds of "hh:mm:ss.f" or "mm:ss.f".

    Examples
    --------
    >>> clock_seconds("01:00:02.5"), clock_seconds("1:05")
    (3602.5, 65.0)
    """
    match = CLOCK.fullmatch(text.strip()) if text.isascii() else None
    if match is None:
        raise ValueError(f"{text!r} is no time such as 00:01:02.5")
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
