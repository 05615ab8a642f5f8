"""Motion as an object of its own: it has begun once it has lasted, and a short rest does not end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge import boxes
from edge.rules.settings import RuleSettings
from edge.types import MOTION, Box, Frame, Track

NUMBER = 0
"""The number of the track that motion is; the tracker counts from 1."""


@dataclass(slots=True)
class _Spell:
    """Since when the picture has been moving enough, and when it last did."""

    since: float
    last: float


class Moving:
    """What moves in one camera's picture, as a track while it lasts.

    open: whether there is an event of it
    """

    def __init__(self, settings: RuleSettings) -> None:
        self._settings = settings
        self._spell: _Spell | None = None
        self.open = False

    def follow(self, frame: Frame, moved: Sequence[Box]) -> Track | None:
        """The track at this frame; None where there is none to take in. `open` turns false when it has ended."""
        w, h = frame.size
        large = sum(boxes.area(box) for box in moved) >= self._settings.motion_area * w * h
        spell = self._spell
        if not moved or not (large or self.open):
            if spell is not None and not (self.open and frame.time - spell.last < self._settings.quiet_s):
                self.close()
            return None
        if spell is None:
            spell = self._spell = _Spell(frame.time, frame.time)
        spell.last = frame.time
        if frame.time - spell.since < self._settings.motion_s - 1e-6:
            return None
        self.open = True
        box = boxes.around(list(moved))
        return Track(
            number=NUMBER, label=MOTION, score=1.0, box=box, confirmed=True, seen=True,
            first_time=frame.time, last_time=frame.time, first_wall=frame.wall, last_wall=frame.wall,
        )  # fmt: skip

    def close(self) -> None:
        """Motion has ended, or the stream has."""
        self._spell, self.open = None, False
