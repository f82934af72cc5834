"""Warnings of this package, to filter by.

>>> import warnings
>>> from sklearn_asn.exceptions import NoClipPassedWarning
>>> with warnings.catch_warnings():
...     warnings.simplefilter("ignore", NoClipPassedWarning)
"""

__all__ = [
    "CollapsedAttentionWarning",
    "DeadStreamWarning",
    "FewStepsWarning",
    "LocalizationWarning",
    "NoClassPassedWarning",
    "NoClipPassedWarning",
    "NothingSharedWarning",
    "ShortVideosWarning",
    "UnjudgedParameterWarning",
    "UnseenClassWarning",
]


class LocalizationWarning(UserWarning):
    """Something that a localizer was given, or has learned, is likely not what was wanted."""


class ShortVideosWarning(LocalizationWarning):
    """Most videos have fewer clips than training samples of each."""


class FewStepsWarning(LocalizationWarning):
    """All videos fit into one batch, so that an epoch is one step, and there are few epochs."""


class CollapsedAttentionWarning(LocalizationWarning):
    """Attention does not tell clips apart, or sees only one of each video."""


class DeadStreamWarning(LocalizationWarning):
    """A stream that the trained model reads changes nothing of what it says."""


class NoClassPassedWarning(LocalizationWarning):
    """In most videos no class passes the video threshold."""


class NoClipPassedWarning(LocalizationWarning):
    """In most videos no clip reaches the attention threshold."""


class UnjudgedParameterWarning(LocalizationWarning):
    """Labels alone judge a parameter, set as a search sets it, that they cannot judge."""


class UnseenClassWarning(LocalizationWarning):
    """What is scored has classes that training never saw."""


class NothingSharedWarning(LocalizationWarning):
    """Predictions and ground truth share no label, or no time, so that nothing can match."""
