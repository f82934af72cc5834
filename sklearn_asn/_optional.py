"""The optional dependencies, imported when they are first needed."""

from __future__ import annotations

import importlib
from typing import Any

# what people call a module, and what brings it, where these are not its name
_NAMES = {
    "av": ("PyAV", "av"),
    "cv2": ("OpenCV", "opencv-python-headless"),
    "pympi": ("pympi-ling", "pympi-ling"),
}


def need(module: str, what: str, extra: str) -> Any:
    """Import an optional module, or say how to install it.

    Parameters
    ----------
    module : str
    what : str
        What needs it, as the error's first words.
    extra : str
        The extra of this package that brings it.

    Raises
    ------
    ImportError
        It is not there, or cannot be imported where it is.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        name, distribution = _NAMES.get(package, (package, package))
        raise ImportError(
            f"{what} needs {name}, which cannot be imported ({error}). Install it with: "
            f'pip install "sklearn-asn[{extra}]", or pip install {distribution}.'
        ) from error
