"""Who was in view when the alarm was armed at once: an owner with the phone in the hall, who has yet to leave.

People are not known by their ids: whoever stands still for a moment, or is lost from view for one, has another id
afterwards. So it is the cameras that are excused at which somebody was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from typing import TypeVar

from edge.alarm.machine import Intrusion
from edge.clock import Clock
from edge.types import TAMPER, UNARMED, Event

Value = TypeVar("Value")

GRACE_S = 60.0
"""How long they have. With an exit delay they have that instead."""
STILL_S = 10.0
"""Who was told of so shortly before it was armed stands still, perhaps, with the phone in hand."""
MOST = 256
"""Objects and cameras in view that are remembered; the newest."""


class Leaving:
    """Remembers where somebody was while disarmed. All methods from any thread.

    Args:
        counting: by a camera's name, the labels of what counts there
    """

    def __init__(self, clock: Clock, counting: Callable[[str], Set[str]]) -> None:
        self._clock, self._counting = clock, counting
        self._lock = threading.Lock()
        self._state = "disarmed"
        self._until = 0.0
        self._present: dict[str, str] = {}  # ids told of while disarmed, with their cameras
        self._gone: dict[str, float] = {}  # when somebody ended at a camera
        self._cameras: set[str] = set()
        self._excused: dict[str, Intrusion] = {}

    def follow(self, state: str) -> None:
        """The alarm's state is another one now."""
        with self._lock:
            now = self._clock.monotonic()
            if self._state == "disarmed" and state.startswith("armed_"):
                self._until = now + GRACE_S
                lately = {camera for camera, when in self._gone.items() if now - when < STILL_S}
                self._cameras = {*self._present.values(), *lately}
            elif state in UNARMED:
                self._until = 0.0
                self._cameras.clear()
                self._excused.clear()
            self._state = state

    def sift(self, event: Event, seen: Intrusion | None) -> Intrusion | None:
        """What is left of an intrusion, None of one by somebody who may still be leaving; to be asked about every
        event, in order."""
        after = event.after
        with self._lock:
            now = self._clock.monotonic()
            self._note(event, now)
            grace = now < self._until and (after.id in self._present or after.camera in self._cameras)
            if after.label == TAMPER:  # a view is its own: it has not to leave, and was told of as it was armed
                return None if grace and after.id in self._present else seen
            if seen is not None and grace:
                _keep(self._excused, after.id, seen)
                return None
            self._excused.pop(after.id, None)
            return seen

    def overdue(self) -> list[Intrusion]:
        """The intrusions of those who are still there though their time is over; each is given once."""
        with self._lock:
            if self._clock.monotonic() < self._until:
                return []
            still = list(self._excused.values())
            self._excused.clear()
            return still

    def due(self) -> list[float]:
        """The monotonic times at which `overdue` is to be asked."""
        with self._lock:
            return [self._until] if self._excused else []

    def _note(self, event: Event, now: float) -> None:
        after = event.after
        if event.type == "end":
            if self._present.pop(after.id, None) and event.armed == "disarmed":
                _keep(self._gone, after.camera, now)
        elif event.armed == "disarmed" and after.label in self._counting(after.camera):
            _keep(self._present, after.id, "" if after.label == TAMPER else after.camera)
            if now < self._until and after.label != TAMPER:  # word of before that comes late
                self._cameras.add(after.camera)


def _keep(kept: dict[str, Value], key: str, value: Value) -> None:
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > MOST:
        del kept[next(iter(kept))]
