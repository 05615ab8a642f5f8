"""Minimum-cost assignment, for matching detections to tracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pairs = list[tuple[int, int]]


def assign(cost: NDArray[np.float64], limit: float) -> Pairs:
    """The cheapest one-to-one pairing of rows with columns among pairs that cost less than `limit`.

    Shortest augmenting paths with dual potentials (Jonker and Volgenant, "A shortest augmenting path algorithm for
    dense and sparse linear assignment problems", Computing 38, 1987): O(n^2 m), exact. Pairs at or above the limit
    never match: each is priced at the limit, as high as leaving its row alone, and is dropped from the result.

    Args:
        cost: (n, m), finite
        limit: what a pair must stay under

    Returns:
        (row, column) pairs, by row.
    """
    near = cost < limit
    if near.sum(0).max(initial=0) <= 1 and near.sum(1).max(initial=0) <= 1:  # nobody competes, as in most frames
        return [(int(row), int(column)) for row, column in zip(*near.nonzero(), strict=True)]
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T, limit))
    row_of = _augment(np.minimum(cost, limit))
    return sorted((int(row), column) for column, row in enumerate(row_of) if row >= 0 and near[row, column])


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
