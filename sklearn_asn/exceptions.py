"""Warnings of this package, to filter by, and an error of its own.

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
    "NonFiniteScoresError",
    "NothingSharedWarning",
    "ShortScalesWarning",
    "ShortVideosWarning",
    "UnjudgedParameterWarning",
    "UnnamedStreamsWarning",
    "UnscaledFeaturesWarning",
    "UnseenClassWarning",
    "UntaughtAttentionWarning",
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


class UnnamedStreamsWarning(LocalizationWarning):
    """Nothing says which columns are which stream, so that halves were taken."""


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


class NonFiniteScoresError(ValueError, FloatingPointError):
    """What a network says of clips is NaN, infinite, or too large to work with.

    Parameters
    ----------
    video : int or None
        The first such video.
    id : str or None
        Its id, where it has one.
    problem : str
        What is to blame, with ``{video}``, ``{id}`` and ``{name}`` where these belong.
    name : str, default="X"
        The argument.

    Examples
    --------
    >>> from sklearn_asn.exceptions import NonFiniteScoresError
    >>> raise NonFiniteScoresError(3, "b", "Input {name} contains NaN: {video}, clip 1{id}.")
    Traceback (most recent call last):
    ...
    sklearn_asn.exceptions.NonFiniteScoresError: Input X contains NaN: video 3, clip 1 ('b').
    """

    def __init__(self, video: int | None, id: str | None, problem: str, name: str = "X") -> None:
        super().__init__(video, id, problem, name)
        self.video = video
        self.id = id
        self.problem = problem
        self.name = name

    def counted_from(self, first: int) -> "NonFiniteScoresError":
        """Return the same error of videos that are counted on from others.

        Parameters
        ----------
        first : int
            How many videos come before those that it counts.

        Returns
        -------
        NonFiniteScoresError
        """
        video = None if self.video is None else self.video + first
        return NonFiniteScoresError(video, self.id, self.problem, self.name)

    def __str__(self) -> str:
        own = "" if self.id is None else f" ({self.id!r})"
        parts = {"{video}": f"video {self.video}", "{id}": own, "{name}": self.name}
        text = self.problem
        for mark, value in parts.items():
            text = text.replace(mark, value)
        return text
