"""Warnings of this package, to filter by.

>>> import warnings
>>> from sklearn_asn.exceptions import NoClipPassedWarning
>>> with warnings.catch_warnings():
...     warnings.simplefilter("ignore", NoClipPassedWarning)
"""

from sklearn_asn._messages import (
    CollapsedAttentionWarning,
    LocalizationWarning,
    NoClassPassedWarning,
    NoClipPassedWarning,
    ShortVideosWarning,
    UnseenClassWarning,
)

__all__ = [
    "CollapsedAttentionWarning",
    "LocalizationWarning",
    "NoClassPassedWarning",
    "NoClipPassedWarning",
    "ShortVideosWarning",
    "UnseenClassWarning",
]
