"""Compare what a selection finds with what plain loops find."""

from typing import Any

import numpy as np

from sklearn_asn.selection import SEGMENT_DTYPE


def assert_segments(actual: Any, expected: list[tuple[Any, ...]]) -> None:
    """Compare (label, start, end, score), best first; scores may tie but for their last digits."""
    assert actual.dtype == SEGMENT_DTYPE
    mine = np.array(actual.tolist(), dtype=float).reshape(-1, 4)
    theirs = np.array(expected, dtype=float).reshape(-1, 4)
    np.testing.assert_allclose(mine[:, 3], theirs[:, 3], rtol=0, atol=1e-12)
    by_place = [rows[np.lexsort(rows[:, :3].T.round(9))] for rows in (mine, theirs)]
    np.testing.assert_allclose(*by_place, rtol=0, atol=1e-12)
