"""`FrameLocalizer`: a long table of clips in, a frame of segments out."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from sklearn_asn._data.clips import Clips
from sklearn_asn._data.segments import Segments


class FrameLocalizer:
    """A fitted model behind frames, as model servers and batch jobs hand data around.

    Parameters
    ----------
    model : fitted localizer, or Pipeline that ends with one
    by : str, default="video"
        Column of the video's id.
    time : str or None, default="time"
        Column of when each clip starts, in seconds. None: clips are in the order of the rows.
    clip_seconds : float, default=None
        Length of a clip; needed for videos of one clip, and for seconds without `time`.

    Raises
    ------
    TypeError
        The model has no `predict`.
    NotFittedError
        It is not fitted.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_asn import ASNLocalizer
    >>> from sklearn_asn.datasets import make_untrimmed_videos
    >>> from sklearn_asn.deployment import FrameLocalizer
    >>> X, y = make_untrimmed_videos(n_videos=20, random_state=0)
    >>> localizer = ASNLocalizer("temporal", batch_size=5, max_epochs=2, random_state=0).fit(X, y)
    >>> table = pd.DataFrame(X[0], columns=X.feature_names).assign(video="a", time=range(len(X[0])))
    >>> FrameLocalizer(localizer).predict(table).columns.tolist()
    ['video', 'label', 'start', 'end', 'score']
    """

    def __init__(
        self,
        model: Any,
        by: str = "video",
        time: str | None = "time",
        clip_seconds: float | None = None,
    ) -> None:
        if not hasattr(model, "predict"):
            raise TypeError(f"model is a {type(model).__name__}; expected a localizer or Pipeline.")
        check_is_fitted(model)
        self.model = model
        self.by = by
        self.time = time
        self.clip_seconds = clip_seconds

    @property
    def feature_names(self) -> list[str] | None:
        """Names of the features, in the model's order; None where it was fitted without names."""
        names = getattr(self.model, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a row a segment, in seconds.

        Parameters
        ----------
        frame : DataFrame
            A row a clip, of one video or of several: the columns `by` and `time`, and the
            features. Where the model knows their names, they may stand in any order.
        params : dict, default=None
            None or empty; servers hand it over.

        Returns
        -------
        DataFrame
            With the columns video, label, start, end and score, and no row for a video in which
            nothing is found.

        Raises
        ------
        ValueError
            A column is missing or unknown, times are not even, or features do not fit; also any
            `params`.
        """
        if params:
            raise ValueError(f"params are {sorted(params)}; this model takes none.")
        names = self.feature_names
        if names is not None and isinstance(frame, pd.DataFrame):
            own = [self.by] if self.time is None else [self.by, self.time]
            unknown = [column for column in frame.columns if column not in {*own, *names}]
            if unknown:
                raise ValueError(
                    f"frame has {len(unknown)} columns that the model does not know: {unknown[:5]}."
                )
        clips = Clips.from_frame(
            frame, by=self.by, time=self.time, clip_seconds=self.clip_seconds, columns=names
        )
        if names is None:
            clips = clips.with_values(clips.values, None)
        found: Segments = self.model.predict(clips)
        return found.to_frame()
