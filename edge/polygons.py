"""Geometry of outlines and lines in the picture, as plain floats: for the few corners that a person draws.

x grows to the right, y downwards, as pixels do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

XY: TypeAlias = tuple[float, float]

ON_BORDER = 1e-6
"""What lies so near to an edge lies on it; in the unit of the corners, which are shares of the picture: far below a
pixel, and far above what rounding does to a corner that two outlines share."""

_ASIDE = (7e-10, 13e-10)
"""All walks are moved by so little, in no direction that anybody draws: no place is then on a line, and no step goes
through an end of it, where one could not tell the side."""


def turn(a: XY, b: XY, p: XY) -> float:
    """Twice the area of a triangle: above 0 where p lies to the right of somebody who walks from a to b, below 0 to
    the left, 0 straight on. The same two ends give the same number, but for its sign, in either order."""
    if b < a:
        return -turn(b, a, p)
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def holds(corners: Sequence[XY], p: XY) -> bool:
    """Whether a point is in an outline or on its border, so that nothing falls between two that touch.

    By the even-odd rule: a ray to the right crosses the border an odd number of times.
    """
    inside = False
    if not min(x for x, _ in corners) - ON_BORDER <= p[0] <= max(x for x, _ in corners) + ON_BORDER:
        return inside
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        if distance(a, b, p) <= ON_BORDER:
            return True
        if (a[1] > p[1]) != (b[1] > p[1]):
            inside ^= (turn(a, b, p) > 0) == (a[1] < b[1])
    return inside


def distance(a: XY, b: XY, p: XY) -> float:
    """From a point to the nearest point of the stretch from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    along = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length if length else 0.0
    along = min(max(along, 0.0), 1.0)
    return math.hypot(p[0] - a[0] - along * dx, p[1] - a[1] - along * dy)


def crossed(line: Sequence[XY], p: XY, q: XY) -> int:
    """How often the straight step from p to q crosses a line from its left to its right, less how often the other way.

    A point on the line is to one side of it, and always to the same, so that a walk which stops there is counted once.
    """
    p, q = (p[0] + _ASIDE[0], p[1] + _ASIDE[1]), (q[0] + _ASIDE[0], q[1] + _ASIDE[1])
    return sum(_crosses(a, b, p, q) for a, b in pairwise(line))


def _crosses(a: XY, b: XY, p: XY, q: XY) -> int:
    """How a step from p to q goes through the stretch a to b: 1 from left to right, -1 the other way, 0 not at all."""
    before, after = turn(a, b, p) > 0, turn(a, b, q) > 0
    if before == after or (turn(p, q, a) > 0) == (turn(p, q, b) > 0):
        return 0
    return 1 if after else -1


def crosses_itself(corners: Sequence[XY]) -> bool:
    """Whether two edges of an outline meet elsewhere than at a corner that they share; a corner may be written twice,
    as in an outline that ends where it began."""
    ring = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    edges = [(a, b) for a, b in ring if a != b]
    for i, (a, b) in enumerate(edges, 1):
        for c, d in edges[i:]:
            if b == c:
                wrong = _turns_back(a, b, d)
            elif d == a:
                wrong = _turns_back(c, a, b)
            else:
                wrong = _meet(a, b, c, d)
            if wrong:
                return True
    return False


def _turns_back(before: XY, corner: XY, after: XY) -> bool:
    """Whether a way goes back upon itself at a corner."""
    ahead = (corner[0] - before[0]) * (after[0] - corner[0]) + (corner[1] - before[1]) * (after[1] - corner[1])
    return abs(turn(before, corner, after)) < 1e-12 and ahead <= 0


def _meet(a: XY, b: XY, c: XY, d: XY) -> bool:
    """Whether two stretches have a point in common."""
    if turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0:
        return True
    return min(distance(a, b, c), distance(a, b, d), distance(c, d, a), distance(c, d, b)) < 1e-9
