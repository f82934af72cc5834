"""The file that `report` wrote, which a notebook shows."""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any

MAX_INLINE = 20_000_000  # bytes put into a notebook; a larger page is named only

#: What a length may be in HTML and CSS: a number of pixels, or one with its unit.
LENGTH = re.compile(r"\d+(\.\d+)?(px|%|em|rem|vw|vh)")


class ReportPath(type(Path())):  # type: ignore[misc]  # PosixPath or WindowsPath
    """Path of a report; as the last value of a notebook's cell, the page itself.

    A path in every other respect. Paths made from it are plain ones.
    """

    size: tuple[str, str] | None = None

    def with_segments(self, *parts: str | os.PathLike[str]) -> Path:
        """Return another path, which is no report."""
        return Path(*parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return Path, (os.fspath(self),)

    def _repr_html_(self) -> str | None:
        if self.size is None or not self.is_file():
            return None
        n_bytes = self.stat().st_size
        if n_bytes > MAX_INLINE:
            return (
                f"<p>The report has {n_bytes / 1e6:,.0f} MB, too much for a notebook: open "
                f"<code>{escape(os.fspath(self))}</code> in a browser.</p>"
            )
        width, height = self.size
        return (
            f'<iframe srcdoc="{escape(self.read_text(encoding="utf-8"))}" '
            f'title="{escape(self.name)}" style="width:{width};height:{height};border:0" '
            'loading="lazy"></iframe>'
        )


def shown_inline(path: Path, width: Any, height: Any) -> ReportPath:
    """Return the path of a page that a notebook shows in this size."""
    made = ReportPath(path)
    made.size = (check_length(width, "width"), check_length(height, "height"))
    return made


def check_length(value: Any, name: str) -> str:
    """Return a length as CSS takes it.

    >>> check_length(640, "height"), check_length("80%", "width")
    ('640px', '80%')
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"{value}px"
    if isinstance(value, str) and LENGTH.fullmatch(value):
        return value
    raise ValueError(
        f"{name}={value!r}; expected a number of pixels, or a length such as '100%' or '40em'."
    )
