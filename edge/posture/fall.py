"""A fall: shoulders that come down fast and far, and stay down.

The three parts (fast descent, low end, inactivity) are those that the literature agrees on (Noury et al., IEEE EMBC
2007, "Fall detection - principles and methods"); the numbers and their reasons are in `PostureSettings`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from edge.posture.geometry import Shape
from edge.posture.settings import PostureSettings
from edge.types import Activity

PACE_S = 0.25
"""Over so many seconds a speed is measured, or over one step where steps are longer."""
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
    confirmed_at: float | None = None
    up_since: float | None = None

    def agreed(self, time: float, settings: PostureSettings) -> bool:
        """Whether the newest looks show the person low, for long enough."""
        known = [low for t, low in self.looks if low is not None and t > time - settings.confirm_s - 1e-6]
        lost = len(known) < 2
        if lost:
            known = [low for _, low in self.looks if low is not None][-3:]
        wanted = settings.lost_s if lost else settings.confirm_s
        return time - self.landed >= wanted - 1e-6 and sum(known) >= AGREED * len(known)


class Falls:
    """Watches one person. One thread."""

    def __init__(self, settings: PostureSettings) -> None:
        self._settings = settings
        self._way: deque[tuple[float, float]] = deque()
        self._fall: _Fall | None = None

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
        height = math.nan if shape is None else shape.shoulders
        if math.isfinite(height):
            # Below the floor is nearer to the camera, and no lower.
            self._way.append((time, max(height, 0.0)))
        while self._way and time - self._way[0][0] > self._settings.drop_s + 1.5:
            self._way.popleft()
        if self._fall is None:
            if not resting:
                self._begin(shape, time, at_edge=at_edge)
        else:
            self._go_on(self._fall, shape, time, resting=resting)
        fall = self._fall
        return None if fall is None else Activity("fall", fall.score, fall.onset, fall.confirmed_at)

    def _begin(self, shape: Shape | None, time: float, *, at_edge: bool) -> None:
        """Take up a fall where the newest way down is one."""
        settings = self._settings
        if len(self._way) < 2:
            return
        newest, height = self._way[-1]
        lost = shape is None or not math.isfinite(shape.shoulders)
        if lost and (at_edge or time - newest > settings.lost_s):
            return
        recent = [(t, h) for t, h in self._way if t >= newest - settings.drop_s]
        top = max(h for _, h in recent)
        onset = max(t for t, h in recent if h >= top - 0.08)
        drop = top - height
        if drop < settings.drop or self._speed(onset) < settings.speed:
            return
        if (lost and height < settings.up) or (shape is not None and is_low(shape, settings)):
            sure = 1.0 if shape is None else min(1.0, shape.sure / 0.5)
            score = round(min(0.95, 0.5 + drop * 0.6) * max(sure, 0.5), 3)
            self._fall = _Fall(onset, newest, score, deque([(newest, True)], maxlen=_LOOKS))

    def _speed(self, since: float) -> float:
        """The fastest that the shoulders came down since a time, heights a second."""
        fastest, points = 0.0, [(t, h) for t, h in self._way if t >= since - PACE_S]
        for i, (t, h) in enumerate(points):
            later = next((one for one in points[i + 1 :] if one[0] - t >= PACE_S - 1e-6), None)
            if later is not None:
                fastest = max(fastest, (h - later[1]) / (later[0] - t))
        return fastest

    def _settled(self, time: float) -> bool:
        """Whether the shoulders stay where they are: of one who does push-ups they go up again and again."""
        lowest, rise = math.inf, 0.0
        for t, height in self._way:
            if t > time - self._settings.confirm_s:
                rise, lowest = max(rise, height - lowest), min(lowest, height)
        return rise <= self._settings.rise

    def _go_on(self, fall: _Fall, shape: Shape | None, time: float, *, resting: bool) -> None:
        """Confirm what has begun, or find it over."""
        settings = self._settings
        known = shape is not None and math.isfinite(shape.shoulders)
        if shape is None or not known:
            fall.looks.append((time, None))
        else:
            low = is_low(shape, settings)
            fall.looks.append((time, low))
            if shape.shoulders >= settings.up and not low:
                fall.up_since = time if fall.up_since is None else fall.up_since
            else:
                fall.up_since = None
        if fall.confirmed_at is None:
            if fall.up_since is not None or resting:
                self._fall = None
                return
            if fall.agreed(time, settings) and self._settled(time):
                fall.confirmed_at = time
            elif time - fall.landed > settings.decide_s:
                self._fall = None
        elif fall.up_since is not None and time - fall.up_since >= settings.recover_s - 1e-6:
            self._fall = None
            self._way.clear()


def is_low(shape: Shape, settings: PostureSettings) -> bool:
    """Whether somebody is on the floor, or as near to it as one gets: not one who sits there, nor kneels."""
    height = shape.shoulders
    if height < settings.low:
        return True
    # One who kneels and bends holds the hips higher; one who sits holds the torso up.
    flat = shape.lean >= settings.leaning or shape.torso < settings.short
    level = shape.hips < settings.hips or height - shape.hips < settings.level
    return height < settings.slumped and level and flat
