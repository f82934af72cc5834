"""Labels that stand in one text, such as "run;jump", apart from each other."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sklearn_asn._checks import as_list
from sklearn_asn._data.holders import as_targets


def split_labels(labels: Any, sep: str = ";") -> Any:
    """Split texts such as ``"run;jump"`` into sets of labels, one a video.

    `fit` never does this by itself: a label may well hold a semicolon.

    Parameters
    ----------
    labels : array-like of str, Series, or mapping by id
        One text a video. A text without a label, such as ``""``, is a video without labels.
    sep : str, default=";"
        What stands between labels. Blanks around labels are taken off.

    Returns
    -------
    list of set of str, or Series or dict of such sets
        A Series keeps its index, a mapping its keys.

    Raises
    ------
    ValueError
        `sep` is empty, or a text is missing.

    Examples
    --------
    >>> from sklearn_asn.datasets import split_labels
    >>> [sorted(shown) for shown in split_labels(["run; jump", "", "run"])]
    [['jump', 'run'], [], ['run']]
    """
    if not isinstance(sep, str) or not sep:
        raise ValueError(f"sep={sep!r}; expected a text that is not empty.")
    entries = as_list(as_targets(labels), "labels", "a sequence of texts")
    for i, text in enumerate(entries):
        if not isinstance(text, str):
            raise ValueError(
                f"labels[{i}] is {text!r:.60}; expected a text. Where a video has no labels, that "
                'is "" (of a Series: fillna("")).'
            )
    found = [{part.strip() for part in text.split(sep) if part.strip()} for text in entries]
    if isinstance(labels, pd.Series):
        return pd.Series(found, index=labels.index, name=labels.name)
    return dict(zip(labels, found, strict=True)) if hasattr(labels, "keys") else found
