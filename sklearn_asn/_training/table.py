"""Rows of a 2-D table, in memory or mapped from a file, as float32 tensors."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sklearn_asn._data.columns import Columns
from sklearn_asn._disk.checked import checks_of
from sklearn_asn._disk.mapped import MappedFile, content_of, give_back, reading
from sklearn_asn._training.rows import Rows

_READERS = 16  # a disk answers many readers at once, and a page fault waits for one page
_RUNS_AT_ONCE = 8  # each may bring 2 MB into a process's memory, if the system holds large pages
_OCTETS_AT_ONCE = 2**21  # of longer runs
_LONG_RUN = 2**16  # octets that are better read in one go, with the system's read-ahead
_MAX_PIECES = 8  # of columns; more, and single columns are picked


class Table:
    """The columns of a table that a network reads.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_features)
        Of any float type; in memory, or a memory map.
    columns : slice or ndarray of int
        Columns to read, in that order.
    """

    def __init__(self, values: NDArray[Any], columns: Columns) -> None:
        self.values = values
        self.pieces, self.n_columns = _pieces(columns, values.shape[1])
        self.on_disk = MappedFile.of(values) is not None
        self._tensor = None if self.on_disk else _as_tensor(values)
        self._resident: Tensor | None = None
        self._lends = False
        self.is_far = self.on_disk  # the next rows are worth fetching before they are needed
        self.memo: dict[str, str] = {}  # tables of the same values may share one

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_resident": None, "_tensor": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._tensor = None if self.on_disk else _as_tensor(self.values)

    @property
    def is_resident(self) -> bool:
        """Whether the rows lie on an accelerator."""
        return self._resident is not None

    def hold_on(self, device: str, lends: bool = False) -> None:
        """Copy the rows to an accelerator once, if they fit into half of its free memory.

        On the CPU they stay where they are, and with `lends` are read there.
        """
        self._lends = lends and str(device) == "cpu"
        if not str(device).startswith("cuda"):
            return
        free, _ = torch.cuda.mem_get_info(device)
        n_rows = len(self.values)
        if 4 * n_rows * self.n_columns >= free // 2:
            self.is_far = True
            return
        resident = torch.empty((n_rows, self.n_columns), dtype=torch.float32, device=device)
        step = max(1, 2**26 // max(self.n_columns, 1))
        for first in range(0, n_rows, step):
            resident[first : first + step] = self.block(first, min(first + step, n_rows))
        self._resident = resident

    def rows(self, index: NDArray[np.int64]) -> Tensor:
        """Return the rows `index` (1-D, in any order) as float32 ``(len(index), n_columns)``."""
        if self._resident is not None:
            return self._resident[torch.as_tensor(index, device=self._resident.device)]
        if self.on_disk:
            return self._rows_on_disk(index)
        if self._tensor is None:
            return self._copied(self.values[index])
        chosen = torch.from_numpy(index)
        if len(self.pieces) == 1 and isinstance(self.pieces[0], slice):
            return torch.index_select(self._tensor[:, self.pieces[0]], 0, chosen).float()
        if self._tensor.dtype != torch.float32 or not isinstance(self.pieces[0], slice):
            return self._copied(torch.index_select(self._tensor, 0, chosen))
        out = _empty(len(index), self.n_columns)
        for piece, place in self._places():
            torch.index_select(self._tensor[:, piece], 0, chosen, out=out[:, place])
        return out

    def lend(self, index: NDArray[np.int64]) -> Rows | None:
        """Return rows where they lie, or None where they have to be copied or converted."""
        piece = self.pieces[0]
        if not self._lends or self._tensor is None or self._tensor.dtype != torch.float32:
            return None
        if len(self.pieces) > 1 or not isinstance(piece, slice):
            return None
        return Rows(self._tensor, torch.from_numpy(index), piece)

    def block(self, first: int, stop: int) -> Tensor:
        """Return consecutive rows as float32, a view where that is possible."""
        if self._resident is not None:
            return self._resident[first:stop]
        if self._tensor is not None:
            rows = self._tensor[first:stop]
            if len(self.pieces) == 1 and rows.dtype == torch.float32:
                return rows[:, self.pieces[0]]
            return self._copied(rows)
        with reading(self.values):
            if (checks := checks_of(self.values)) is not None:
                checks.check_between(self.values, first, stop)
            return self._copied(self.values[first:stop])

    def fingerprint(self) -> str:
        """Return a hash of the whole table; of a file, of its identity (path, size and time)."""
        if "content" not in self.memo:
            file = MappedFile.of(self.values)
            self.memo["content"] = content_of(self.values) if file is None else repr(file)
        return self.memo["content"]

    def _rows_on_disk(self, index: NDArray[np.int64]) -> Tensor:
        if (checks := checks_of(self.values)) is not None:
            with reading(self.values):  # each video whole, when the first row of it is needed
                checks.check_rows(self.values, index)
        order = np.argsort(index, kind="stable")
        out = np.empty((len(index), self.n_columns), dtype=np.float32)

        def read(part: NDArray[np.int64]) -> None:
            for piece, place in self._places():
                if isinstance(piece, slice):
                    out[part, place] = self.values[index[part], piece]
                else:
                    out[part, place] = self.values[index[part]][:, piece]
            give_back(self.values, int(index[part[0]]), int(index[part[-1]]) + 1)

        new_run = np.diff(index[order], prepend=-2) > 1
        row = self.values.shape[1] * self.values.itemsize
        at_once = max(1, _OCTETS_AT_ONCE // max(row, 1))
        group = np.cumsum(new_run) // _RUNS_AT_ONCE, np.arange(len(order)) // at_once
        cuts = np.flatnonzero(np.diff(group[0]) | np.diff(group[1])) + 1
        scattered = len(order) * row < _LONG_RUN * np.count_nonzero(new_run)
        with reading(self.values, scattered=scattered), ThreadPoolExecutor(_READERS) as readers:
            for _ in readers.map(read, np.split(order, cuts) if len(order) else []):
                pass
        return torch.from_numpy(out)

    def _copied(self, rows: Any) -> Tensor:
        """Copy the columns wanted out of whole rows (tensor or array)."""
        out = _empty(len(rows), self.n_columns)
        for piece, place in self._places():
            part = rows[:, piece]
            if isinstance(part, np.ndarray):
                out.numpy()[:, place] = part
            else:
                out[:, place] = part
        return out

    def _places(self) -> Iterator[tuple[Columns, slice]]:
        """Give every piece of columns with its place in the result."""
        start = 0
        for piece in self.pieces:
            size = piece.stop - piece.start if isinstance(piece, slice) else len(piece)
            yield piece, slice(start, start + size)
            start += size


def _pieces(columns: Columns, n_features: int) -> tuple[list[Columns], int]:
    """Split columns into a few consecutive runs (slices), or leave them as one index array."""
    if isinstance(columns, slice) and columns.step in (None, 1):
        first, stop, _ = columns.indices(n_features)
        if first < stop:
            return [slice(first, stop)], stop - first
    index = np.arange(n_features)[columns]
    if not len(index):
        return [slice(0, 0)], 0
    cuts = np.flatnonzero(np.diff(index) != 1) + 1
    if len(cuts) >= _MAX_PIECES:
        return [index], len(index)
    runs = np.split(index, cuts)
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs], len(index)


def _as_tensor(values: NDArray[Any]) -> Tensor | None:
    """Return a tensor that shares the array's memory, where torch knows such an array."""
    known = values.dtype in (np.float16, np.float32, np.float64) and values.dtype.isnative
    if not known or any(stride < 0 for stride in values.strides):
        return None
    return torch.from_numpy(values if values.flags.writeable else np.asarray(_Writable(values)))


class _Writable:
    """An array's memory without its mark of being read-only, of which torch warns.

    It is only read. To silence the warning instead would silence it in other threads too.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values  # kept alive
        interface = values.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def _empty(n_rows: int, n_columns: int) -> Tensor:
    """Make room for rows, whatever torch's default type and device are."""
    return torch.empty((n_rows, n_columns), dtype=torch.float32, device="cpu")
