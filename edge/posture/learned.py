"""Falls as a trained network tells them: one that is in the window, then somebody who goes on lying."""

from __future__ import annotations

import logging
import math
from collections import deque
from dataclasses import dataclass
from weakref import WeakSet

from edge.errors import EngineError
from edge.posture.settings import PostureSettings
from edge.posture.temporal import Chances, Judge, Window
from edge.types import F32, Activity

log = logging.getLogger(__name__)

_told: WeakSet[Judge] = WeakSet()
"""Whose failure was told: one network judges many people."""

FELL = 0.7
"""The chance from which a window counts as one with a fall."""
AGREED = 2
"""So many windows in a row must."""
LIES, UP = 0.5, 0.3
"""The chance from which somebody lies, and below which they are up."""
TALL = 80.0
"""Pixels: of people who seem smaller, walkers across a street, the joints jump about so that it sees falls in them."""
STAYS_S = 0.5
"""For so long they must have lain after that; the network has waited for the landing already."""
MOST = 0.7
"""Part of the windows since then in which they must."""
BEFORE_S = 0.5
"""For so long somebody must have been seen before a fall, for the network to know that there was none."""
RISEN_S = 0.8
"""Who is up for so long before the fall is confirmed has not fallen."""


@dataclass(slots=True)
class _Fall:
    onset: float
    told: float
    score: float
    low: deque[tuple[float, bool]]
    confirmed_at: float | None = None
    up_since: float | None = None


class LearnedFalls:
    """Watches one person. One thread.

    Args:
        judge: tells the chances of a window; once its engine fails, there are no more falls from here
        settings: how long falls last
    """

    def __init__(self, judge: Judge, settings: PostureSettings) -> None:
        self._judge: Judge | None = judge
        self._settings = settings
        self._window = Window()
        self._row = 0
        self._fall: _Fall | None = None
        self.chances = Chances(0.0, 0.0)

    @property
    def works(self) -> bool:
        """Whether the network can be asked."""
        return self._judge is not None

    @property
    def undecided(self) -> bool:
        """Whether a fall has begun and is neither confirmed nor over."""
        return self._fall is not None and self._fall.confirmed_at is None

    def knows(self, onset: float) -> bool:
        """Whether it saw enough of somebody who may have begun to fall at a time, seconds."""
        return onset - self._window.begun >= BEFORE_S - 1e-6

    def look(self, joints: F32, stature: float, time: float, *, resting: bool) -> Activity | None:
        """The fall that goes on at a time.

        Args:
            joints: float32 (17, 3), smoothed, pixels; of one who was not found, as they were held
            stature: of the person, pixels
            resting: the person is in a place to rest, where lying down is none
        """
        if self._judge is None:
            return None
        if self._window.add(joints, time):
            try:
                self.chances = self._judge(self._window.fed(stature))
            except EngineError as fault:
                if self._judge not in _told:
                    _told.add(self._judge)
                    log.warning("falls are judged by rules alone: the network's engine fails: %s", fault)
                self._judge = self._fall = None
                return None
            self._step(self.chances, stature, time, resting=resting)
        fall = self._fall
        return None if fall is None else Activity("fall", fall.score, fall.onset, fall.confirmed_at)

    def _step(self, chances: Chances, stature: float, time: float, *, resting: bool) -> None:
        self._row = self._row + 1 if chances.fall >= FELL else 0
        if self._fall is not None:
            self._go_on(self._fall, chances, time, resting=resting)
        elif self._row >= AGREED and not resting and stature >= TALL:
            onset = min(self._window.onset(stature), time)
            self._fall = _Fall(onset, time, round(chances.fall, 3), deque(maxlen=64))

    def _go_on(self, fall: _Fall, chances: Chances, time: float, *, resting: bool) -> None:
        """Confirm what has begun, or find it over."""
        fall.low.append((time, chances.lies >= LIES))
        if chances.lies < UP:
            fall.up_since = time if fall.up_since is None else fall.up_since
        else:
            fall.up_since = None
        up_s = -math.inf if fall.up_since is None else time - fall.up_since
        if fall.confirmed_at is not None:
            if up_s >= self._settings.recover_s - 1e-6:
                self._fall = None
            return
        newest = [low for at, low in fall.low if at > time - self._settings.confirm_s]
        if resting or up_s >= RISEN_S or time - fall.told > self._settings.decide_s:
            self._fall = None
        elif time - fall.told >= STAYS_S - 1e-6 and newest[-1] and sum(newest) >= MOST * len(newest):
            fall.confirmed_at = time
