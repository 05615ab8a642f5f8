"""The loop: at a fixed rate, the newest picture through the pilot, and what it wants to who owns the actuator."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from edge.clock import Clock
from edge.errors import EdgeError
from edge.steer.wire import Command, Note, tell
from edge.types import Frame

Pilot: TypeAlias = Callable[[Frame], float]
"""The steering, -1..1 and + to the right, for a picture; may raise EdgeError."""
FRESH_S = 0.002
"""How old a picture is to be when its cycle begins: its usual jitter has passed."""
PULL = 0.02
"""Most of a period by which a cycle is moved to meet the camera's pictures."""
NOTE_S = 0.1
"""Between two words on why there is nothing to say."""


class Eyes(Protocol):
    """Where pictures come from."""

    problem: str | None
    failed: bool

    def newest(self) -> Frame | None:
        """The newest picture, taken before or not."""
        ...


class Loop:
    """Runs until the other side is gone. One thread.

    Args:
        hz: cycles a second; moved by no more than `PULL` towards the moments at which pictures come
        end: of the socket pair
    """

    def __init__(self, hz: float, pilot: Pilot, eyes: Eyes, end: socket.socket, clock: Clock) -> None:
        self._period, self._pilot, self._eyes, self._end, self._clock = 1 / hz, pilot, eyes, end, clock
        self._index = -1
        self._value = 0.0
        self._noted = -NOTE_S

    def run(self) -> None:
        """Cycle after cycle. One that came too late for its time is left out; its number is missing then."""
        due, seq = self._clock.monotonic(), 0
        while self._cycle(seq):
            due += self._period - self._pull(due)
            seq += 1
            behind = int(max(self._clock.monotonic() - due, 0.0) / self._period)
            due, seq = due + behind * self._period, seq + behind
            time.sleep(max(due - self._clock.monotonic(), 0.0))

    def _cycle(self, seq: int) -> bool:
        """One look and one command; False once nobody listens."""
        now = self._clock.monotonic()
        frame = self._eyes.newest()
        if frame is None or self._eyes.failed:
            return self._note(now, Note("fault" if self._eyes.failed else "waiting", self._eyes.problem or ""))
        took = 0.0
        if frame.index != self._index:
            try:
                self._value = float(self._pilot(frame))
            except EdgeError as fault:
                self._index = -1
                return tell(self._end, Note("fault", str(fault)))
            took, self._index = self._clock.monotonic() - now, frame.index
        return tell(self._end, Command(seq, frame.index, frame.time, now, self._value, took))

    def _note(self, now: float, note: Note) -> bool:
        if now - self._noted < NOTE_S:
            return True
        self._noted = now
        return tell(self._end, note)

    def _pull(self, begun: float) -> float:
        """Seconds by which the next cycle comes early (late, where negative), so that it finds a picture just taken."""
        frame = self._eyes.newest()
        if frame is None:
            return 0.0
        age = (begun - frame.time - FRESH_S + self._period / 2) % self._period - self._period / 2
        most = PULL * self._period
        return min(max(age, -most), most)
