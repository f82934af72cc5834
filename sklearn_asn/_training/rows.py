"""`Rows`: rows of a table that are read where they lie, a few at a time."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class Rows:
    """Rows of a float32 table in any order, that nothing has copied yet.

    A batch of whole videos with wide features is large, and the first layer of a network reads a
    processor's cache full of it at a time: so it takes them from the table itself.

    Parameters
    ----------
    table : Tensor of float32, shape (n_table, n_features)
    index : Tensor of int64, shape (n_rows,)
    columns : slice, default=slice(None)
        Of the table; start and stop count from its first column.
    """

    requires_grad = False

    def __init__(self, table: Tensor, index: Tensor, columns: slice = slice(None)) -> None:
        self.table = table
        self.index = index
        self.columns = slice(*columns.indices(table.shape[1])[:2])

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as a tensor's."""
        return len(self.index), self.columns.stop - self.columns.start

    @property
    def device(self) -> Any:
        """Where the table lies."""
        return self.table.device

    @property
    def dtype(self) -> Any:
        """Of the table."""
        return self.table.dtype

    def numel(self) -> int:
        """Count values."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, key: Any) -> Any:
        """Choose columns, ``[..., a:b]``, of rows not copied yet; anything else gives a tensor."""
        if not (isinstance(key, tuple) and len(key) == 2 and key[0] is Ellipsis):
            return self.tensor(self.index[key])
        first, stop, _ = key[1].indices(self.shape[1])
        start = self.columns.start
        return Rows(self.table, self.index, slice(start + first, start + max(stop, first)))

    def tensor(self, index: Tensor | None = None) -> Tensor:
        """Copy rows out: all, or those of the table that `index` names."""
        chosen = self.index if index is None else index
        return self.table[:, self.columns].index_select(0, chosen)

    def some(self, rows: slice) -> Tensor:
        """Copy a run of them out."""
        return self.tensor(self.index[rows])


def as_tensor(x: Tensor | Rows) -> Tensor:
    """Return the tensor, copied out where it is `Rows`."""
    return x.tensor() if isinstance(x, Rows) else x
