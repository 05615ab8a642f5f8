"""Minimum-cost assignment, for matching detections to tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pairs = list[tuple[int, int]]


def assign(cost: Sequence[Sequence[float]], limit: float) -> Pairs:
    """The cheapest one-to-one pairing of rows with columns among pairs that cost less than `limit`.

    Shortest augmenting paths with dual potentials (Jonker and Volgenant, "A shortest augmenting path algorithm for
    dense and sparse linear assignment problems", Computing 38, 1987): O(n^2 m), exact. Pairs at or above the limit
    never match: each is priced at the limit, as high as leaving its row alone, and is dropped from the result.

    Args:
        cost: n rows of m finite numbers
        limit: what a pair must stay under

    Returns:
        (row, column) pairs, by row.
    """
    near = [(r, c) for r, row in enumerate(cost) for c, value in enumerate(row) if value < limit]
    if len({r for r, _ in near}) == len(near) == len({c for _, c in near}):  # nobody competes, as in most frames
        return near
    priced = np.minimum(np.array(cost, np.float64), limit)
    if priced.shape[0] > priced.shape[1]:
        pairs = [(row, column) for row, column in enumerate(_augment(priced.T)) if column >= 0]
    else:
        pairs = [(row, column) for column, row in enumerate(_augment(priced)) if row >= 0]
    return sorted((int(row), int(column)) for row, column in pairs if cost[row][column] < limit)


def _augment(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """The row matched to each column (-1: none) in an optimal assignment of all rows; rows <= columns."""
    rows, columns = cost.shape
    row_price = np.zeros(rows)
    column_price = np.zeros(columns)
    row_of = np.full(columns, -1, np.intp)
    for row in range(rows):
        shortest = np.full(columns, np.inf)
        before = np.full(columns, -1, np.intp)  # the column from which a column was reached
        done = np.zeros(columns, bool)
        at, distance, tail = row, 0.0, -1
        while True:
            reduced = distance + cost[at] - row_price[at] - column_price
            better = ~done & (reduced < shortest)
            shortest[better] = reduced[better]
            before[better] = tail
            open_columns = np.where(done, np.inf, shortest)
            tail = int(open_columns.argmin())
            distance = float(open_columns[tail])
            done[tail] = True
            if row_of[tail] < 0:
                break
            at = int(row_of[tail])
        reached = done & (shortest < distance)
        row_price[row] += distance
        row_price[row_of[reached]] += distance - shortest[reached]
        column_price[reached] -= distance - shortest[reached]
        while tail >= 0:
            previous = int(before[tail])
            row_of[tail] = row if previous < 0 else row_of[previous]
            tail = previous
    return row_of
