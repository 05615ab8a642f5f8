"""Squares to look for one person in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pose.regions import AROUND_CIRCLE, LEAST_SIDE, around, fits, from_points
from edge.preprocess import Square

places = st.floats(-500, 2000)
sides = st.floats(1, 1500)


@given(x=places, y=places, w=sides, h=sides, zoom=st.floats(1, 3))
def test_a_box_lies_in_the_middle_of_its_square(x: float, y: float, w: float, h: float, zoom: float) -> None:
    square = around((x, y, x + w, y + h), zoom)
    assert (square.x, square.y) == pytest.approx((x + w / 2, y + h / 2))
    assert square.side == pytest.approx(max(zoom * max(w, h), LEAST_SIDE))


@given(x=places, y=places, radius=st.floats(20, 900), angle=st.floats(-3.1, 3.1))
def test_the_point_on_the_circle_is_straight_up_in_the_square(x: float, y: float, radius: float, angle: float) -> None:
    middle = np.array([x, y], np.float32)
    up = np.array([math.sin(angle), -math.cos(angle)])
    square = from_points(middle, (middle + radius * up).astype(np.float32))
    assert (square.x, square.y) == pytest.approx((x, y), abs=1e-2)
    assert square.side == pytest.approx(2 * AROUND_CIRCLE * radius, rel=1e-2)
    assert math.cos(square.angle - angle) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "square", [Square(math.nan, 50, 80), Square(50, 50, math.inf), Square(5000, 50, 80), Square(50, 50, 9000)]
)
def test_what_holds_nobody_of_the_picture_is_not_looked_at(square: Square) -> None:
    assert not fits(square, (640, 480))
    assert fits(Square(600, 470, 300, 1.0), (640, 480))
