"""What the wheel says of itself: README.md as it can be shown outside of the repository.

Links and pictures in README.md lead to files beside it. On a package index these are not there, and
would be dead: there a link becomes its text, with the file's name, and a picture is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

_TO_FILE = r"\((?!https?://|mailto:|#)([^)\s]+)\)"


def for_index(text: str) -> str:
    """Return a README without links and pictures that lead to files."""
    text = re.sub(rf"^!\[[^\]]*\]{_TO_FILE}\n+", "", text, flags=re.MULTILINE)
    text = re.sub(rf"!\[([^\]]*)\]{_TO_FILE}", r"\1", text)
    return re.sub(rf"\[([^\]]+)\]{_TO_FILE}", _text_of, text)


def _text_of(link: re.Match[str]) -> str:
    words, file = link.groups()
    return words if file in words else f"{words} (`{file}`)"


class ReadmeHook(MetadataHookInterface):
    """Fill in `readme`, which pyproject.toml declares as dynamic."""

    def update(self, metadata: dict) -> None:
        """Add the README that is shown with the package."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_index(text)}
