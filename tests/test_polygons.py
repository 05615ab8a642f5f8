"""Which side, inside or outside, and whether a way crosses: against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from edge import polygons
from edge.polygons import XY, crossed, crosses_itself, distance, holds, turn

SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
share = st.floats(0, 1, width=32)
point = st.tuples(share, share)
coarse = st.integers(0, 8).map(lambda n: n / 8)
grid = st.tuples(coarse, coarse)
"""Places that are often on a line, or three of them on one."""


def exactly(corners: list[XY], p: XY) -> tuple[bool, bool]:
    """Whether a point is inside, and whether it is nearly on the border, by fractions."""
    x, y = Fraction(p[0]), Fraction(p[1])
    inside = near = False
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        near = near or distance((ax, ay), (bx, by), p) <= 2 * polygons.ON_BORDER
        if (Fraction(ay) > y) != (Fraction(by) > y):
            at = Fraction(ax) + (y - Fraction(ay)) * (Fraction(bx) - Fraction(ax)) / (Fraction(by) - Fraction(ay))
            inside ^= x < at
    return inside, near


@given(st.lists(point, min_size=3, max_size=8), point)
def test_inside_is_as_exact_arithmetic_has_it(corners: list[XY], p: XY) -> None:
    inside, near = exactly(corners, p)
    assert holds(corners, p) == inside or near


@pytest.mark.parametrize("p", [*SQUARE, (0.5, 0.2), (0.5, 0.8), (0.2, 0.5), (0.8, 0.5)])
def test_the_border_and_the_corners_belong_to_it(p: XY) -> None:
    assert holds(SQUARE, p)


def test_who_stands_on_the_lower_edge_of_the_picture_is_in_a_zone_that_reaches_it() -> None:
    assert holds([(0, 0.5), (1, 0.5), (1, 1), (0, 1)], (0.3, 1.0))


@given(point, point, st.floats(-0.2, 1.2), st.floats(0.001, 1), st.floats(0.001, 1))
@example((0.1, 0.7), (0.9, 0.3), 0.3, 0.5, 0.5)
def test_no_point_falls_between_two_that_touch(a: XY, b: XY, along: float, left: float, right: float) -> None:
    """Two outlines share an edge, written in opposite order; the point is on it or beside it by a rounding."""
    assume(math.dist(a, b) > 1e-3)
    dx, dy = b[0] - a[0], b[1] - a[1]
    one = [a, b, (b[0] - dy * right, b[1] + dx * right), (a[0] - dy * right, a[1] + dx * right)]
    other = [b, a, (a[0] + dy * left, a[1] - dx * left), (b[0] + dy * left, b[1] - dx * left)]
    p = a[0] + dx * along, a[1] + dy * along
    assert (holds(one, p) or holds(other, p)) == (0 <= along <= 1 or holds(one, p) or holds(other, p))
    if 0 <= along <= 1:
        assert holds(one, p)
        assert holds(other, p)


@given(point, point, point)
def test_right_and_left_are_the_same_for_both_ends(a: XY, b: XY, p: XY) -> None:
    assert turn(a, b, p) == -turn(b, a, p)


def test_walking_to_the_right_what_is_below_is_to_the_right() -> None:
    """y grows downwards."""
    assert turn((0, 0), (1, 0), (0.5, 0.5)) > 0
    assert turn((0, 0), (1, 0), (0.5, -0.5)) < 0


@given(grid, st.lists(grid, min_size=3, max_size=12))
def test_a_round_walk_crosses_a_line_as_often_one_way_as_the_other(bend: XY, steps: list[XY]) -> None:
    """Walks that end where they began, over a bent line whose ends are out of their reach."""
    far = [(bend[0], -9.0), bend, (bend[0] + 0.1, 9.0)]
    assert sum(crossed(far, p, q) for p, q in pairwise([*steps, steps[0]])) == 0


@given(grid, grid, grid, grid)
def test_there_and_back_is_no_crossing(a: XY, b: XY, p: XY, q: XY) -> None:
    assert crossed([a, b], p, q) == -crossed([a, b], q, p)


@pytest.mark.parametrize(
    ("p", "q", "ways"),
    [
        ((0.5, 0.4), (0.5, 0.6), 1),
        ((0.5, 0.6), (0.5, 0.4), -1),
        ((0.5, 0.4), (0.5, 0.45), 0),
        ((0.1, 0.4), (0.1, 0.6), 0),
        ((0.5, 0.4), (0.5, 0.5), 1),
        ((0.5, 0.5), (0.5, 0.6), 0),
    ],
)
def test_crossing_a_line_drawn_to_the_right(p: XY, q: XY, ways: int) -> None:
    assert crossed([(0.2, 0.5), (0.8, 0.5)], p, q) == ways


def test_a_bent_line_is_crossed_at_its_bend_once() -> None:
    assert crossed([(0.2, 0.5), (0.5, 0.5), (0.8, 0.5)], (0.5, 0.4), (0.5, 0.6)) == 1


@pytest.mark.parametrize(
    ("corners", "wrong"),
    [
        (SQUARE, False),
        ([*SQUARE, SQUARE[0]], False),
        ([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]], True),
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], True),
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], True),
        ([(0, 0), (0.5, 0.4), (1, 0), (1, 1), (0, 1)], False),
        ([(0, 0), (0.5, 0), (1, 0), (1, 1), (0, 1)], False),
    ],
)
def test_an_outline_that_crosses_itself_is_known(corners: list[XY], wrong: bool) -> None:
    assert crosses_itself(corners) == wrong


@given(st.integers(3, 12), st.floats(0.05, 0.4), st.randoms(use_true_random=False))
def test_a_star_around_a_point_never_crosses_itself_and_holds_it(n: int, size: float, random: object) -> None:
    angles = [2 * math.pi * (k + 0.3 * random.random()) / n for k in range(n)]  # type: ignore[attr-defined]
    reach = [size * (0.3 + 0.7 * random.random()) for _ in angles]  # type: ignore[attr-defined]
    corners = [(0.5 + r * math.cos(t), 0.5 + r * math.sin(t)) for r, t in zip(reach, angles, strict=True)]
    assert not crosses_itself(corners)
    if n > 3:
        assert holds(corners, (0.5, 0.5))
