"""Warnings of this package, to filter by.

>>> import warnings
>>> from sklearn_asn.exceptions import NoClipPassedWarning
>>> with warnings.catch_warnings():
...     warnings.simplefilter("ignore", NoClipPassedWarning)
"""

__all__ = [
    "CollapsedAttentionWarning",
    "DeadStreamWarning",
    "LocalizationWarning",
    "NoClassPassedWarning",
    "NoClipPassedWarning",
    "NothingSharedWarning",
    "ShortScalesWarning",
    "ShortVideosWarning",
    "UnscaledFeaturesWarning",
    "UnseenClassWarning",
    "UntaughtAttentionWarning",
]


class LocalizationWarning(UserWarning):
    """Something that a localizer was given, or has learned, is likely not what was wanted."""


class ShortVideosWarning(LocalizationWarning):
    """Most videos have fewer clips than training samples of each."""


class CollapsedAttentionWarning(LocalizationWarning):
    """Attention does not tell clips apart, or sees only one of each video."""


class DeadStreamWarning(LocalizationWarning):
    """A stream that the trained model reads changes nothing of what it says."""


class NoClassPassedWarning(LocalizationWarning):
    """In most videos no class passes the video threshold."""


class NoClipPassedWarning(LocalizationWarning):
    """In most videos no clip reaches the attention threshold."""


class UnseenClassWarning(LocalizationWarning):
    """What is scored has classes that training never saw."""


class NothingSharedWarning(LocalizationWarning):
    """Predictions and ground truth share no label, or no time, so that nothing can match."""


class ShortScalesWarning(LocalizationWarning):
    """Most runs of the CAS are longer than the longest box that they are searched with."""


class UntaughtAttentionWarning(LocalizationWarning):
    """No video shows a training step two clips, so that attention stays random."""


class UnscaledFeaturesWarning(LocalizationWarning):
    """Features are so large that learning rate and weight decay do not fit them."""
