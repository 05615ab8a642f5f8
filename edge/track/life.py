"""One object as the tracker holds it, and the places of those that it no longer holds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from edge import boxes
from edge.kalman import BoxFilter
from edge.still import Still
from edge.types import Box

Moment: TypeAlias = tuple[float, float]
"""Time on the pipeline's clock, time on the wall."""
_SAME_PLACE = 0.5
_MOST_PLACES = 32


@dataclass(frozen=True, slots=True)
class Found:
    """One detection; kind is its class."""

    box: Box
    score: float
    kind: int


@dataclass(slots=True)
class Life:
    """One object: its filter and its history.

    first, last: time and wall time of those detections
    time: up to when the filter has been moved on
    looked: whether the newest look was at its place
    asked: when a look at it was asked for, or all was looked at
    still: since when it stands
    missed: when it was first missed, or last hidden
    touched: whether something has moved at its place since it was last seen
    ghost: whether it stands where something stood before, and was not seen to move
    lost: when the detector missed it first; None while it finds it
    fell: at the newest frame at which it was said to have fallen
    """

    number: int
    kind: int
    score: float
    filter: BoxFilter
    first: Moment
    last: Moment
    still: Still
    strong: list[float] = field(default_factory=list)
    moved: bool = False
    confirmed: bool = False
    misses: int = 0
    time: float = 0.0
    looked: bool = True
    asked: float = 0.0
    missed: float = 0.0
    touched: bool = False
    ghost: bool = False
    lost: float | None = None
    fell: float = -math.inf


@dataclass(slots=True)
class _Place:
    """Where something of a kind stood, remembered until a time."""

    box: Box
    kind: int
    until: float


class Ghosts:
    """The places of objects that stood there and are tracked no more, a few dozen, each for `lasts` seconds.

    A car that the detector loses in the dusk is found again whenever somebody walks before it: what stands in such a
    place is no news.
    """

    def __init__(self, lasts: float) -> None:
        self._lasts = lasts
        self._places: deque[_Place] = deque(maxlen=_MOST_PLACES)

    def add(self, life: Life, time: float) -> None:
        """Remember where an object stood."""
        self._places.append(_Place(life.still.place, life.kind, time + self._lasts))

    def haunt(self, one: Found, time: float) -> bool:
        """Whether something of its kind stood there before; the place is then remembered anew."""
        for place in self._places:
            if place.kind == one.kind and time < place.until and boxes.iou(one.box, place.box) > _SAME_PLACE:
                place.until = time + self._lasts
                return True
        return False
