"""One person whose joints are looked at: where they were, when to look again, and whether they are still there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from edge import boxes
from edge.types import Body, Box, Pose, Track

_RISE, _RISE_S = 0.5, 1.0
_EDGE = 0.02
"""As a part of the picture: who is lost so near to its edge may have left."""


class Follows(Protocol):
    """What one person's joints tell over time, as `edge.posture.Person` does."""

    @property
    def unsettled(self) -> bool:
        """Whether something goes on that wants every frame."""
        ...

    def look(self, pose: Pose | None, time: float, *, resting: bool = False, leaving: bool = False) -> Body:
        """Take in a look at a frame time. pose: as it was found, None if it was not; resting: in a place to rest;
        leaving: about to leave the picture."""
        ...


@dataclass(slots=True)
class Somebody:
    """One person. box: where they were last; due: when to look again; stirred: when something moved there last; tall:
    the height of their box when they were last found whole, pixels, the greatest of late; there: whether the tracker
    reports them; lows: time and lower edge of the newest boxes."""

    follows: Follows
    box: Box
    due: float
    stirred: float
    tall: float = 0.0
    lows: deque[tuple[float, float]] = field(default_factory=deque)
    seen: bool = True
    there: bool = True
    body: Body | None = None
    pose: Pose | None = None

    def swapped(self, track: Track, time: float) -> bool:
        """Whether the track has gone over to somebody else behind whom this one has vanished: feet do not rise by half
        a body in a second, neither in a fall. What was learned of the one says nothing of the other."""
        low = track.box[3]
        self.lows.append((time, low))
        while time - self.lows[0][0] > _RISE_S:
            self.lows.popleft()
        return max(low for _, low in self.lows) - low > _RISE * max(self.tall, track.box[3] - track.box[1])

    def leaves(self, size: tuple[int, int]) -> bool:
        """Whether they reach over a side of a picture of w x h pixels. Not over its lower edge: there people fall."""
        return self.box[0] < 0 or self.box[2] > size[0]

    def left(self, size: tuple[int, int]) -> bool:
        """Whether they were lost on the way out, and not on the floor: who is looked for then is found in what stands
        there."""
        return not self.seen and not lies(self.body) and self.leaves(size)

    def gone(self, size: tuple[int, int]) -> bool:
        """Whether they have left: neither found nor on the floor, and at the picture's edge."""
        found = self.seen or self.pose is not None or lies(self.body)
        return not found and boxes.at_edge(self.box, *size, _EDGE)

    @property
    def place(self) -> Box:
        """Where to look for them: of one whom nobody found at the last look, all that they may lie on."""
        if self.seen or self.pose is not None or self.body is None:
            return self.box
        x, (x1, y1, x2, y2) = (self.box[0] + self.box[2]) / 2, self.box
        half = self.tall / 2
        return min(x1, x - half), min(y1, y2 - half), max(x2, x + half), y2 + half / 2


def lies(body: Body | None) -> bool:
    """Whether somebody lies or is falling."""
    if body is None:
        return False
    return body.posture.name == "lying" or fell(body)


def fell(body: Body) -> bool:
    return body.activity is not None and body.activity.kind in ("fall", "lying")
