"""What NumPy, and through it scikit-learn, does with containers of videos.

``cross_val_predict`` joins what the folds predict by `numpy.concatenate`, which asks the parts how
that is done, and takes from that with an array of positions. Splitters make an array of y.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Function = Callable[..., Any]


class JoinedByNumPy:
    """A container of videos with a `concatenate` of its own, which NumPy's stands for."""

    def __array_function__(
        self, func: Function, types: Iterable[type], args: Any, kwargs: dict[str, Any]
    ) -> Any:
        """Join videos; NumPy has nothing else to do with them."""
        if func is not np.concatenate:
            return NotImplemented
        return type(self).concatenate(check_join(*args, **kwargs))  # type: ignore[attr-defined]


class NoLabels:
    """Segments, of which NumPy shall not guess what array they are."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return an object array of lists where that is asked for; refuse anything else."""
        if dtype is not None and np.dtype(dtype) == object:
            return object_array(self)  # type: ignore[arg-type]
        raise ValueError(
            "Segments are no array of labels: a video has any number of them, with times. "
            "Stratified splits and cross_val_predict(method='predict_proba') need labels as an "
            "array. With one label a video, that is a 1-D array, [video[0].label for video in y]. "
            "With several, it is the 0/1 indicator matrix "
            "MultiLabelBinarizer().fit_transform([{s.label for s in video} for video in y]), which "
            "StratifiedKFold does not take, but MultilabelStratifiedKFold of the package "
            "iterative-stratification does. Scores of classifiers, such as 'accuracy', need "
            "VideoClassifier(localizer). See the guide's page on scikit-learn."
        )


def object_array(items: Iterable[Any]) -> NDArray[np.object_]:
    """Return a 1-D array of what is given, whatever that is.

    >>> object_array([[1, 2], [3, 4]]).shape
    (2,)
    """
    given = list(items)
    array = np.empty(len(given), dtype=object)
    for i, item in enumerate(given):
        array[i] = item
    return array


def check_join(parts: Any, axis: int = 0, **others: Any) -> Any:
    """Return the parts of a call of `numpy.concatenate` that joins videos, and refuse another."""
    asked = [name for name, value in others.items() if value not in (None, "same_kind")]
    if axis != 0 or asked:
        what = ", ".join(asked) or f"axis={axis}"
        raise ValueError(f"Videos are joined along their one axis, without {what}.")
    return parts
