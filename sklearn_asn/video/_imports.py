"""The optional dependencies, imported when they are first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGES = {"av": "PyAV", "cv2": "OpenCV"}


def need(module: str) -> Any:
    """Import an optional module, or say how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"Reading videos needs {PACKAGES[module]} (module {module!r}), which cannot be "
            f'imported: {error}. Install it with: pip install "sklearn-asn[video]"'
        ) from error
