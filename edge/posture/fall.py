"""A fall: shoulders that come down fast and far, and stay down.

The three parts (fast descent, low end, inactivity) are those that the literature agrees on (Noury et al., IEEE EMBC
2007, "Fall detection - principles and methods"); the numbers and their reasons are in `PostureSettings`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from edge.posture.geometry import STAND, UPRIGHT, Shape
from edge.posture.settings import PostureSettings
from edge.types import Activity

PART = 0.3
"""Of the stature: over at least so long a way down a speed is measured."""
FASTEST = 5.0
"""Heights a second: nobody falls faster from where people stand; what does is a mistake of the joints."""
_LOOKS = 64
AGREED = 0.75
"""Part of the looks since the descent that must have shown the person low."""


@dataclass(slots=True)
class _Fall:
    """One that has begun.

    onset: when the shoulders left their height
    landed: when they were low
    looks: times, and whether the person was low, of the newest time that counts; None where the joints were lost
    """

    onset: float
    landed: float
    score: float
    looks: deque[tuple[float, bool | None]]
    along: bool = False
    confirmed_at: float | None = None
    up_since: float | None = None

    def agreed(self, time: float, settings: PostureSettings, *, at_edge: bool) -> bool:
        """Whether the newest looks show the person low, for long enough; who was lost at the edge may have left."""
        known = [low for t, low in self.looks if low is not None and t > time - settings.confirm_s - 1e-6]
        lost = len(known) < 2
        if lost and at_edge:
            return False
        if lost:
            known = [low for _, low in self.looks if low is not None][-3:]
        wanted = settings.lost_s if lost else settings.confirm_s
        return time - self.landed >= wanted - 1e-6 and sum(known) >= AGREED * len(known)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody's shoulders and hips were at a time, pixels from the top, and how the torso leaned, degrees.

    In pixels, for what is learned of the floor later holds for what was before: else a fall is seen where none is.
    """

    time: float
    shoulders: float
    hips: float
    lean: float

    @classmethod
    def of(cls, shape: Shape, time: float) -> _Place:
        """That of a shape."""
        shoulders, hips = (shape.floor - part * shape.height for part in (shape.shoulders, shape.hips))
        return cls(time, shoulders, hips, shape.lean)


@dataclass(frozen=True, slots=True)
class _Way:
    """Where somebody was by the newest measure: heights as in `Shape`, one for each place."""

    places: list[_Place]
    floor: float
    height: float

    @property
    def shoulders(self) -> list[float]:
        """Below the floor is nearer to the camera, and no lower."""
        return [max((self.floor - one.shoulders) / self.height, 0.0) for one in self.places]

    @property
    def sunk(self) -> float:
        """By how much the hips have come down: of one who sits, and lies back, they stay where they are."""
        hips = [one.hips for one in self.places if math.isfinite(one.hips)]
        return (hips[-1] - min(hips)) / self.height if hips else math.inf

    @property
    def speed(self) -> float:
        """The fastest that the shoulders came down a part of the way that noise does not make up, heights a second."""
        way = list(zip((one.time for one in self.places), self.shoulders, strict=True))
        speeds = (
            (above - below) / (end - start)
            for i, (end, below) in enumerate(way)
            for start, above in way[:i]
            if above - below >= PART
        )
        return max((speed for speed in speeds if speed <= FASTEST), default=0.0)

    def top(self, most_lean: float) -> float:
        """How high the shoulders were at most while the person was up."""
        both = zip(self.places, self.shoulders, strict=True)
        return max((height for one, height in both if one.lean <= most_lean), default=0.0)

    def left(self, top: float) -> float:
        """When the shoulders left that height."""
        both = zip(self.places, self.shoulders, strict=True)
        return max(one.time for one, height in both if height >= top - 0.08)


class Falls:
    """Watches one person. One thread."""

    def __init__(self, settings: PostureSettings) -> None:
        self._settings = settings
        self._way: deque[_Place] = deque()
        self._fall: _Fall | None = None
        self._measure = math.nan, 1.0

    @property
    def undecided(self) -> bool:
        """Whether a fall has begun and is neither confirmed nor over."""
        return self._fall is not None and self._fall.confirmed_at is None

    def look(self, shape: Shape | None, time: float, *, resting: bool, at_edge: bool = False) -> Activity | None:
        """The fall that goes on at a time.

        Args:
            shape: of the body; None where nobody was found
            resting: the person is in a place to rest, where lying down is none
            at_edge: the person was last seen at the picture's edge, and may have left
        """
        if shape is not None and math.isfinite(shape.shoulders):
            self._way.append(_Place.of(shape, time))
            self._measure = shape.floor, shape.height
        while self._way and time - self._way[0].time > self._settings.drop_s + 1.5:
            self._way.popleft()
        if self._fall is None:
            if not resting:
                self._begin(shape, time, at_edge=at_edge)
        else:
            self._go_on(self._fall, shape, time, resting=resting, at_edge=at_edge)
        fall = self._fall
        return None if fall is None else Activity("fall", fall.score, fall.onset, fall.confirmed_at)

    def _begin(self, shape: Shape | None, time: float, *, at_edge: bool) -> None:
        """Take up a fall where the newest way down is one."""
        settings = self._settings
        if len(self._way) < 2:
            return
        newest = self._way[-1]
        lost = shape is None or not math.isfinite(shape.shoulders)
        if lost and (at_edge or time - newest.time > settings.lost_s):
            return
        flat = is_low(shape, settings) if shape is not None else False
        along = (lost and self._height(newest) < settings.up) or (shape is not None and is_along(shape, settings))
        if not flat and not along:
            return
        way = _Way([one for one in self._way if one.time >= newest.time - settings.drop_s], *self._measure)
        top, low = way.top(settings.upright), way.shoulders[-1]
        if top < settings.sat or top - low < settings.drop or way.sunk < settings.sink:
            return
        # What falls from less high is slower by the root of that.
        least = (settings.slow if flat else settings.speed) * math.sqrt(min(top / STAND, 1.0))
        if way.speed < least or not (flat or lost or top >= settings.stood):
            return
        sure = 1.0 if shape is None else min(1.0, shape.sure / 0.5)
        score = round(min(0.95, 0.5 + (top - low) * 0.6) * max(sure, 0.5), 3)
        self._fall = _Fall(way.left(top), newest.time, score, deque([(newest.time, True)], maxlen=_LOOKS), not flat)

    def _height(self, place: _Place) -> float:
        floor, height = self._measure
        return (floor - place.shoulders) / height

    def _settled(self, time: float) -> bool:
        """Whether the shoulders stay where they are: of one who does push-ups they go up again and again."""
        lowest, rise = -math.inf, 0.0
        for one in self._way:
            if one.time > time - self._settings.confirm_s:
                rise, lowest = max(rise, lowest - one.shoulders), max(lowest, one.shoulders)
        return rise <= self._settings.rise * self._measure[1]

    def _go_on(self, fall: _Fall, shape: Shape | None, time: float, *, resting: bool, at_edge: bool) -> None:
        """Confirm what has begun, or find it over."""
        settings = self._settings
        known = shape is not None and math.isfinite(shape.shoulders)
        if shape is None or not known:
            fall.looks.append((time, None))
        else:
            low = is_low(shape, settings) or (fall.along and is_along(shape, settings))
            fall.looks.append((time, low))
            if shape.shoulders >= settings.up and not low:
                fall.up_since = time if fall.up_since is None else fall.up_since
            else:
                fall.up_since = None
        if fall.confirmed_at is None:
            if fall.up_since is not None or resting:
                self._fall = None
                return
            if fall.agreed(time, settings, at_edge=at_edge) and self._settled(time):
                fall.confirmed_at = time
            elif time - fall.landed > settings.decide_s:
                self._fall = None
        elif fall.up_since is not None and time - fall.up_since >= settings.recover_s - 1e-6:
            self._fall = None
            self._way.clear()


def is_low(shape: Shape, settings: PostureSettings) -> bool:
    """Whether somebody is on the floor, or as near to it as one gets: not one who sits there, nor kneels."""
    if shape.thighs >= settings.thighs:
        return False  # the knees carry the hips
    if sits_up(shape, settings):
        return False
    return shape.shoulders < settings.low or (shape.shoulders < settings.slumped and shape.lean >= settings.leaning)


def sits_up(shape: Shape, settings: PostureSettings) -> bool:
    """Whether the torso is upright: one that lies along the camera's view may look so, but seems short."""
    return shape.lean < UPRIGHT and shape.torso >= settings.whole


def is_along(shape: Shape, settings: PostureSettings) -> bool:
    """Whether somebody may lie along the camera's view, head away: torso and legs seem short, or the torso leans."""
    short = shape.torso < settings.short or shape.lean >= settings.leaning
    return (
        shape.shoulders < settings.along
        and shape.hips < settings.along_hips
        and shape.thighs < settings.thighs
        and short
    )
