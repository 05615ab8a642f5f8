"""What the benchmark says of footage: a miss is a row that misses, however little was found."""

from __future__ import annotations

import pytest

from bench.found import Span, _edges

WANTED = [(64, 194), (228, 442)]


@pytest.mark.parametrize(
    ("found", "figure", "holds"),
    [
        ([(60, 195), (228, 450)], "2 of 2, edges within 8 frames", True),
        ([(60, 195), (228, 451)], "2 of 2, edges within 9 frames", False),
        ([(64, 194)], "1 of 2, edges within 0 frames", False),
        ([], "0 of 2", False),
    ],
)
def test_visits_that_were_found_are_held_against_those_that_were(found: list[Span], figure: str, holds: bool) -> None:
    row = _edges("visits", found, WANTED)
    assert (row.figure, row.target, row.holds) == (figure, "2, within 8", holds)
