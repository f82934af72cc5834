"""Whether boxes are long enough for what a CAS shows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sklearn_asn._checks import warn
from sklearn_asn._data.packed import Offsets
from sklearn_asn.exceptions import ShortScalesWarning
from sklearn_asn.selection._runs import Cells, runs_of

MIN_RUNS = 10  # of fewer, nothing is said


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
