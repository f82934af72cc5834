"""Lengths of boxes: dense ones, and whether they are long enough for what a CAS shows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sklearn_asn._checks import check_count, warn
from sklearn_asn._data.packed import Offsets
from sklearn_asn.exceptions import ShortScalesWarning
from sklearn_asn.selection._runs import Cells, runs_of

MIN_RUNS = 10  # of fewer, nothing is said


def dense_scales(shortest: int = 1, longest: int = 32, per_octave: int = 3) -> tuple[int, ...]:
    """Return lengths that grow by equal factors, for `AutoLocSelection`.

    AutoLoc's own are powers of two: an action of 6 clips then gets a box of 4 or 8, whose tIoU
    with it is at most 0.75. With three lengths an octave some box reaches 0.85.

    Parameters
    ----------
    shortest, longest : int, default=1 and 32
        In clips, both included.
    per_octave : int, default=3
        Lengths between one and twice as many clips; 1 gives AutoLoc's.

    Returns
    -------
    tuple of int
        Rising, each once.

    Raises
    ------
    ValueError
        No positive integers, or `longest` is less than `shortest`.

    Examples
    --------
    >>> from sklearn_asn.selection import dense_scales
    >>> dense_scales()
    (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32)
    >>> dense_scales(16, 512, per_octave=1)
    (16, 32, 64, 128, 256, 512)
    """
    for name, value in (("shortest", shortest), ("longest", longest), ("per_octave", per_octave)):
        check_count(value, name)
    if longest < shortest:
        raise ValueError(f"longest={longest} is less than shortest={shortest}.")
    n_steps = int(np.ceil(np.log2(longest / shortest) * per_octave))
    lengths = np.round(shortest * 2.0 ** (np.arange(n_steps + 1) / per_octave)).astype(int)
    return tuple(np.unique(np.minimum(lengths, longest)).tolist())


class RunLengths:
    """Counts of runs that are longer than the longest box, over the batches of a call."""

    def __init__(self, scales: Iterable[int]) -> None:
        self.longest = max(int(scale) for scale in scales)
        self.n_runs = self.n_long = 0

    def add(self, cells: Cells, offsets: Offsets) -> None:
        """Count the runs of cells that propose boxes."""
        runs = runs_of(cells, offsets)
        length = runs.stop - runs.first
        # one that fills its video has not been cut at all, and says nothing of actions
        length = length[length < np.diff(offsets)[runs.video]]
        self.n_runs += len(length)
        self.n_long += int(np.count_nonzero(length > self.longest))

    def warn(self, min_activation: float) -> None:
        """Warn where most runs are too long for any box.

        Numbers of runs are left out: said of every block of videos, it is shown once.
        """
        if self.n_runs >= MIN_RUNS and 2 * self.n_long > self.n_runs:
            warn(
                f"Most runs of clips with a CAS above min_activation={min_activation:g} are longer "
                f"than the largest of scales, {self.longest} clips, so that no box holds them. Use "
                "larger scales (for ActivityNet, of 15 frames a clip: 16, 32, 64, 128, 256, 512).",
                ShortScalesWarning,
            )
