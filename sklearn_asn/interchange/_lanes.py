"""Tiers of a format in which a tier's segments must not overlap."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

Timed = tuple[Any, Any, Any]  # start, end and what goes with them


def tiers_of(groups: dict[str, list[Timed]]) -> dict[str, list[Timed]]:
    """Return the rows by tier, in which none overlap: "run" and, where needed, "run (2)", ..."""
    tiers: dict[str, list[Timed]] = {}
    for base, rows in groups.items():
        for n, lane in enumerate(lanes(rows), start=1):
            name = base if n == 1 else f"{base} ({n})"
            while name in tiers or (name != base and name in groups):
                n += 1
                name = f"{base} ({n})"
            tiers[name] = lane
    return tiers


def lanes(rows: Sequence[Timed]) -> list[list[Timed]]:
    """Share out what overlaps, each to the first lane with room.

    >>> [[row[:2] for row in lane] for lane in lanes([(0, 3, None), (2, 5, None), (3, 4, None)])]
    [[(0, 3), (3, 4)], [(2, 5)]]
    """
    found: list[list[Timed]] = []
    free: list[int] = []
    taken: list[tuple[Any, int]] = []
    for row in sorted(rows, key=lambda row: row[:2]):
        while taken and taken[0][0] <= row[0]:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if not free:
            found.append([])
        lane = heapq.heappop(free) if free else len(found) - 1
        found[lane].append(row)
        heapq.heappush(taken, (row[1], lane))
    return found
