"""Which lines one object has crossed, and which way.

A crossing counts once the object is clearly off the line again, on the other side: who stands on a line and sways, or
turns round on it, has not crossed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge import polygons
from edge.polygons import XY
from edge.rules.scene import Line
from edge.types import Crossing

CLEAR = 2
"""So many looks in a row off the line settle a crossing: a box that loses its feet for one look does not."""
LEAST = 2.0
"""Nearer than so many pixels is on the line, however small the object."""


@dataclass(slots=True)
class _Passage:
    """An object and one line.

    net: crossings from left to right, less those the other way, since the object was last clearly off the line
    at: wall time of the newest of them
    clear: looks in a row off the line since then
    """

    net: int = 0
    at: float = 0.0
    clear: int = 0


class Passages:
    """One object's way over each line of a camera.

    Args:
        lines: of the camera, those that count for the object
        margin: how far from a line is off it, as a share of the object's height
    """

    __slots__ = ("_corners", "_last", "_lines", "_margin", "_passages", "_size")

    def __init__(self, lines: Sequence[Line], margin: float) -> None:
        self._lines, self._margin = tuple(lines), margin
        self._passages = [_Passage() for _ in lines]
        self._last: XY | None = None
        self._size: tuple[int, int] | None = None
        self._corners: list[list[XY]] = []

    def step(self, place: XY, size: tuple[int, int], height: float, wall: float) -> list[Crossing]:
        """Take in where the object was seen; return the crossings that are settled by it.

        Args:
            place: its bottom centre, pixels of the frame
            size: of the frame
            height: of its box, pixels
            wall: when
        """
        last, self._last = self._last, place
        settled: list[Crossing] = []
        if last is None:
            return settled
        off = max(LEAST, self._margin * height)
        if size != self._size:
            self._size = size
            self._corners = [[(x * size[0], y * size[1]) for x, y in line.points.tolist()] for line in self._lines]
        for line, points, passage in zip(self._lines, self._corners, self._passages, strict=True):
            if step := polygons.crossed(points, last, place):
                passage.net, passage.at, passage.clear = passage.net + step, wall, 0
            if passage.net:
                near = any(polygons.distance(a, b, place) < off for a, b in pairwise(points))
                passage.clear = 0 if near else passage.clear + 1
                if passage.clear >= CLEAR:
                    settled += _settle(line, passage)
        return settled

    def end(self) -> list[Crossing]:
        """The crossings of an object that is gone: who walks through a door is not seen off its line again."""
        return [
            crossing
            for line, passage in zip(self._lines, self._passages, strict=True)
            for crossing in _settle(line, passage)
        ]


def _settle(line: Line, passage: _Passage) -> list[Crossing]:
    """The crossing that stands, if it counts; none where the object came back."""
    net, passage.net, passage.clear = passage.net, 0, 0
    if net == 0:
        return []
    crossing = Crossing(line.name, "in" if net > 0 else "out", passage.at)
    return [crossing] if line.direction in ("both", crossing.direction) else []
