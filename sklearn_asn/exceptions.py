"""Warnings of this package, to filter by."""

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
