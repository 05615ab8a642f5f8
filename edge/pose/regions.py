"""Where in a picture to look for one person: squares from boxes, from joints, from BlazePose's points."""

from __future__ import annotations

import math

import numpy as np

from edge.preprocess import Square
from edge.types import F32, Box

AROUND_BOX = 1.25
"""A person's square is larger than the box: joints at its edge are found worse, and people move."""
AROUND_CIRCLE = 1.25
"""How much BlazePose's region is larger than the circle around the body (its graph's `scale_x`)."""
LEAST_SIDE = 24.0
"""Pixels of the frame: in less nobody has joints."""


def around(box: Box, zoom: float = AROUND_BOX, angle: float = 0.0) -> Square:
    """The square around a box's middle, its side `zoom` times the box's longer one; turned by `angle` radians."""
    x1, y1, x2, y2 = box
    side = max(x2 - x1, y2 - y1, LEAST_SIDE / zoom)
    return Square((x1 + x2) / 2, (y1 + y2) / 2, zoom * side, angle)


def from_points(middle: F32, circle: F32) -> Square:
    """BlazePose's region: around the hips' middle, through the point on the circle around the body, which is upwards.

    Source: Bazarevsky et al., arXiv 2006.10204, figure 2.

    Args:
        middle, circle: x and y (and more) in pixels of the frame
    """
    dx, dy = float(circle[0] - middle[0]), float(circle[1] - middle[1])
    side = max(2 * AROUND_CIRCLE * math.hypot(dx, dy), LEAST_SIDE)
    return Square(float(middle[0]), float(middle[1]), side, math.pi / 2 - math.atan2(-dy, dx))


def fits(square: Square, frame: tuple[int, int]) -> bool:
    """Whether a square can hold a person of a picture: its middle near it, and not many times as large."""
    w, h = frame
    numbers = np.array([square.x, square.y, square.side])
    return bool(
        np.isfinite(numbers).all()
        and -0.5 * w <= square.x <= 1.5 * w
        and -0.5 * h <= square.y <= 1.5 * h
        and square.side <= 4 * max(w, h)
    )
