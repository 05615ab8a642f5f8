"""Since when an object has stood still, as far as its box tells."""

from __future__ import annotations

import math

from edge import boxes
from edge.types import Box

LEAVES = 3
"""So many looks in a row elsewhere end a rest: one box that is off is the detector's, not the object's."""
HIDDEN_S = 5.0
"""A box that shrinks within its place for this long has become smaller; for less, somebody walked before it."""
_SLACK = 0.05


class Still:
    """One object's rest. Not thread-safe.

    Args:
        box: where it was first seen
        time: when
        settle_s: it rests once it has not moved for so long
        part: a corner that moved by more than this part of the box's size has moved

    Attributes:
        place: the box where it stands, or where it last stood
        since: since when
    """

    __slots__ = ("_looks", "_off", "_part", "_settle_s", "place", "since")

    def __init__(self, box: Box, time: float, settle_s: float = 10.0, part: float = 0.2) -> None:
        self.place, self.since = box, time
        self._settle_s, self._part = settle_s, part
        self._off, self._looks = time, 0

    def rests(self, time: float) -> bool:
        """Whether it has stood long enough to be at rest."""
        return time - self.since >= self._settle_s

    def look(self, box: Box, time: float) -> None:
        """Take in where the object was seen."""
        if _shift(self.place, box) <= self._part:
            self._looks = 0
            return
        if self.rests(time):
            self._off = time if self._looks == 0 else self._off
            self._looks += 1
            hidden = _within(box, boxes.grown(self.place, _SLACK)) and time - self._off < HIDDEN_S
            if hidden or self._looks < LEAVES:
                return
        self.place, self.since, self._looks = box, time, 0


def _shift(a: Box, b: Box) -> float:
    """The largest move of a corner from a to b, in sizes of a."""
    size = math.sqrt(max(boxes.area(a), 1.0))
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) / size


def _within(a: Box, b: Box) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]
