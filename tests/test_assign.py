"""Assignment against SciPy's, over random matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from edge.assign import assign

costs = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 9), st.integers(0, 9)), elements=st.floats(0, 1, allow_nan=False, width=32)
)


@given(costs)
def test_total_cost_equals_the_oracles(cost: np.typing.NDArray[np.float64]) -> None:
    pairs = assign(cost.tolist(), 2.0)
    rows, columns = linear_sum_assignment(cost)
    assert len(pairs) == min(cost.shape)
    assert np.isclose(sum(cost[p] for p in pairs), cost[rows, columns].sum())


@given(costs, st.floats(0.05, 0.95))
def test_limited_pairing_is_the_cheapest_when_leaving_a_row_alone_costs_the_limit(
    cost: np.typing.NDArray[np.float64], limit: float
) -> None:
    pairs = assign(cost.tolist(), limit)
    assert all(cost[p] < limit for p in pairs)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    rows, columns = linear_sum_assignment(np.minimum(cost, limit))
    best = np.minimum(cost, limit)[rows, columns].sum()
    ours = sum(cost[p] for p in pairs) + limit * (min(cost.shape) - len(pairs))
    assert np.isclose(ours, best)
