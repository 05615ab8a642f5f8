"""Who was in view when the alarm was armed at once: an owner with the phone in the hall, who has yet to leave."""

from __future__ import annotations

import threading

from edge.clock import Clock
from edge.types import UNARMED, Event

GRACE_S = 60.0
"""How long they have. With an exit delay they have that instead."""
MOST = 256
"""Objects in view that are remembered; the newest."""


class Leaving:
    """Remembers who was told of while disarmed. All methods from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._state = "disarmed"
        self._until = 0.0
        self._present: dict[str, None] = {}

    def follow(self, state: str) -> None:
        """The alarm's state is another one now."""
        with self._lock:
            if self._state == "disarmed" and state.startswith("armed_"):
                self._until = self._clock.monotonic() + GRACE_S
            elif state in UNARMED:
                self._until = 0.0
            self._state = state

    def excuses(self, event: Event) -> bool:
        """Whether an event is about somebody who may still be leaving; to be asked about every event, in order."""
        name = event.after.id
        with self._lock:
            if event.type == "end":
                self._present.pop(name, None)
            elif event.armed == "disarmed":
                self._present[name] = None
                while len(self._present) > MOST:
                    del self._present[next(iter(self._present))]
            return name in self._present and self._clock.monotonic() < self._until
