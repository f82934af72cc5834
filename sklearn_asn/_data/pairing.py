"""Do two sides speak of the same videos? Compared wherever both know their ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_asn._data.convert import as_ids
from sklearn_asn._data.packed import Packed, frozen


class Known(NamedTuple):
    """Ids that one side knows."""

    ids: NDArray[np.str_]
    kind: str = "ids"  # "rows", "named rows": whole numbers of an index, which may be no ids


def known_ids(side: Any) -> Known | None:
    """Return the ids that come with a side, or None where it has none.

    Those of `Clips` and `Segments`, the keys of a mapping, and the index of a Series or frame that
    holds text. Whole numbers in an index are not sure to be ids: pandas numbers rows, and a split
    keeps some of the numbers.

    Examples
    --------
    >>> known_ids(pd.Series(["run", "jump"], index=["a", "b"])).ids.tolist()
    ['a', 'b']
    >>> known_ids(pd.Series(["run", "jump"])) is None
    True
    """
    if isinstance(side, Known):
        return side
    if isinstance(side, Packed):
        ids = getattr(side, "ids", None)
        return None if ids is None else Known(ids)
    if isinstance(side, Mapping) and not hasattr(side, "shape"):  # as some of SciPy's matrices
        return Known(_array(list(side)))
    if not isinstance(side, pd.Series | pd.DataFrame) or not len(side):
        return None
    index = side.index
    if isinstance(index, pd.MultiIndex) or is_default(index):
        return None
    if pd.api.types.is_integer_dtype(index.dtype):
        return Known(_array(index.tolist()), "rows" if index.name is None else "named rows")
    values = index.tolist()
    return Known(_array(values)) if all(isinstance(v, str | bytes) for v in values) else None


def is_default(index: Any) -> bool:
    """Tell an index that nobody has given: 0, 1, 2, ..."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def index_ids(side: Any) -> NDArray[np.str_] | None:
    """Return what a Series or frame calls its rows, where that is text; repeats are its own."""
    known = known_ids(side) if isinstance(side, pd.Series | pd.DataFrame) else None
    return None if known is None or known.kind != "ids" else frozen(known.ids)


def agreed_ids(own: Any, given: Any) -> Any:
    """Return the ids that come with arrays, or are given, which must not contradict each other."""
    if own is None or given is None:
        return own if given is None else given
    given = list(given)
    check_same_videos(Known(_array(list(own))), Known(_array(given)), ("arrays", "ids"))
    return given


def check_same_videos(left: Any, right: Any, names: tuple[str, str] = ("X", "y")) -> None:
    """Refuse two sides that both know their ids, and differ.

    Parameters
    ----------
    left, right : Clips, Segments, mapping by id, Series or frame indexed by id, or anything else
        Anything else has no ids, and is not compared.
    names : tuple of str, default=("X", "y")
        What the sides are called.

    Raises
    ------
    ValueError
        Naming the first pair.
    """
    one, other = known_ids(left), known_ids(right)
    if one is None or other is None or not _comparable(one, other):
        return
    n = min(len(one.ids), len(other.ids))  # that there are as many is checked elsewhere
    differ = np.flatnonzero(one.ids[:n] != other.ids[:n])
    if len(differ):
        i = int(differ[0])
        raise ValueError(
            f"Video {i} is {one.ids[i]} in {names[0]} and {other.ids[i]} in {names[1]}, the first "
            f"of {len(differ)} that differ; bring both to the same order, as "
            f"sklearn_asn.datasets.align({names[0]}, {names[1]}) does."
        )


def _comparable(one: Known, other: Known) -> bool:
    """Tell whether both hold ids.

    The numbers of an index count where the other side's ids are the same names, or where somebody
    has named the index and the other side's ids are numbers too.
    """
    if one.kind == other.kind == "ids":
        return True
    if "ids" not in (one.kind, other.kind):
        return False
    if "named rows" in (one.kind, other.kind) and _digits(one) and _digits(other):
        return True
    return len(one.ids) == len(other.ids) and bool(np.all(np.sort(one.ids) == np.sort(other.ids)))


def _digits(known: Known) -> bool:
    return bool(np.all(np.char.isdigit(known.ids)))


def _array(values: list[Any]) -> NDArray[np.str_]:
    return np.array(as_ids(values), dtype=np.str_)
