"""Checksums of runs of rows in a table that a file shows, compared when a run is first read.

The run is read whole for it, once in a process, at about twice the speed of a fast disk (CRC-32:
2 GB/s a core). So what a step of training needs is checked before that step and nothing else is,
and later epochs pay nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_asn._disk.mapped import give_back

UNKNOWN = -1  # checksum of a run that was written before there were checksums
_WORTH_THREADS = 2**23  # octets
_KEPT = 2**25  # octets of a file that stay in memory while it is checked

Index = NDArray[np.int64]


def checksums(rows: NDArray[Any], lengths: Sequence[int]) -> list[int]:
    """Return the CRC-32 of consecutive runs of row-major `rows`."""
    octets = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
    size = rows.shape[1] * rows.itemsize
    sums, first = [], 0
    for length in lengths:
        sums.append(zlib.crc32(octets[first : (first := first + int(length) * size)]))
    return sums


class RowChecks:
    """Which runs of a table's rows have which checksum, and which were found right.

    Parameters
    ----------
    path : str
        File of the table, for messages.
    first, lengths : ndarray of int, shape (n_runs,)
        First row of every run, increasing, and its rows. Every run is one video.
    sums : ndarray of int, shape (n_runs,)
        Checksums; `UNKNOWN` is not checked.
    index : ndarray of int, shape (n_runs,)
        Number of the video in its folder.
    ids : ndarray of str, shape (n_runs,), or None
        Its name.
    """

    def __init__(
        self, path: str, first: Index, lengths: Index, sums: Index, index: Index, ids: Any
    ) -> None:
        self.path = path
        self.first, self.lengths, self.sums, self.index, self.ids = first, lengths, sums, index, ids
        self._done: NDArray[np.bool_] = sums == UNKNOWN
        self._all_done = bool(self._done.all())

    def only(self, first: Index) -> RowChecks:
        """Return those of the runs that begin at `first`."""
        runs = np.unique(np.searchsorted(self.first, first))
        ids = None if self.ids is None else self.ids[runs]
        columns = (self.first[runs], self.lengths[runs], self.sums[runs], self.index[runs])
        some = RowChecks(self.path, *columns, ids)
        some._done = self._done[runs]
        return some

    def check_runs(self, table: NDArray[Any], first: Index) -> None:
        """Check the runs that begin at the rows `first`.

        Raises
        ------
        ValueError
            Rows are not those that were saved.
        """
        if not self._all_done:
            self._check(table, np.searchsorted(self.first, first))

    def check_rows(self, table: NDArray[Any], rows: Index) -> None:
        """Check the runs that the rows `rows` belong to."""
        if not self._all_done and len(rows):
            runs = np.searchsorted(self.first, rows, side="right") - 1
            # selected videos need not cover the table
            inside = (runs >= 0) & (rows < self.first[runs] + self.lengths[runs])
            self._check(table, runs[inside])

    def check_between(self, table: NDArray[Any], first: int, stop: int) -> None:
        """Check the runs that rows ``first : stop`` belong to."""
        if not self._all_done:
            begin = np.searchsorted(self.first + self.lengths, first, side="right")
            end = np.searchsorted(self.first, stop, side="left")
            self._check(table, np.arange(begin, end))

    def check_all(self, table: NDArray[Any]) -> int:
        """Check every run anew; return how many have a checksum."""
        self._done, self._all_done = self.sums == UNKNOWN, False
        self._check(table, np.arange(len(self.first)))
        return int(np.sum(self.sums != UNKNOWN))

    def _check(self, table: NDArray[Any], runs: Index) -> None:
        runs = np.unique(runs[~self._done[runs]])
        if not len(runs):
            return
        size = table.shape[1] * table.itemsize
        if len(runs) > 1 and int(self.lengths[runs].sum()) * size >= _WORTH_THREADS:
            parts = np.array_split(runs, min(len(runs), 64))
            with ThreadPoolExecutor() as workers:  # zlib lets other threads run
                list(workers.map(lambda part: self._compare(table, part), parts))
        else:
            self._compare(table, runs)
        self._all_done = bool(self._done.all())

    def _compare(self, table: NDArray[Any], runs: Index) -> None:
        step = _KEPT // max(1, table.shape[1] * table.itemsize)
        begin = int(self.first[runs[0]])  # of what is still in memory
        for run in runs.tolist():
            first = int(self.first[run])
            stop = first + int(self.lengths[run])
            rows = table[first:stop]
            (found,) = checksums(rows, [len(rows)])
            if found != self.sums[run]:
                name = "" if self.ids is None else f" ({str(self.ids[run])!r})"
                raise ValueError(
                    f"{self.path} is damaged: the features of video {self.index[run]}{name} are "
                    f"not those that were saved (checksum {found:08x}, expected "
                    f"{int(self.sums[run]):08x})."
                )
            self._done[run] = True
            if stop - begin >= step:  # memory stays flat, however many there are
                give_back(table, begin, stop)
                begin = stop
        give_back(table, begin, stop)


def attach(table: NDArray[Any], checks: RowChecks) -> None:
    """Let whoever reads the rows of a file's memory map find their checksums."""
    table.row_checks = checks  # type: ignore[attr-defined]


def checks_of(table: NDArray[Any]) -> RowChecks | None:
    """Return the checksums that belong to a memory map, if any do."""
    return getattr(table, "row_checks", None)
