"""What is told of a camera's view: its state, and events that begin, change and end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edge.types import TAMPER, Box, Event, Frame, Sighting, Snapshot, pseudo


class TamperNews:
    """Makes a camera's events of tampering, one at a time. Owned by its pipeline; `state` is for any thread.

    Args:
        camera, boot_id, armed, tell, draw: as for `Tamper`
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        armed: Callable[[], str],
        tell: Callable[[str], None],
        draw: Callable[[Frame, Box, str, float], bytes | None],
    ) -> None:
        self._camera, self._boot_id, self._armed = camera, boot_id, armed
        self._tell, self._draw = tell, draw
        self.state = "none"
        self._count = 0
        self._told: Sighting | None = None

    @property
    def told(self) -> str | None:
        """What the open event says; None without one."""
        return None if self._told is None else self._told.sub_label

    def say(self, state: str) -> None:
        """The state alone: `none`, or a sub_label."""
        if state != self.state:
            self.state = state
            self._tell(state)

    def became(self, what: str, frame: Frame, *, known: bool = False) -> list[Event]:
        """The view became so: an event begins, or the open one changes; nothing where it says so already. known: it was
        told before the stream broke off or the daemon stopped, so that it is nobody's deed of now."""
        told = self._told
        if told is None:
            return [self._put("new", None, self._sighting(what, frame, known), frame)]
        if told.sub_label != what:
            return [self._put("update", told, replace(told, sub_label=what, frame_time=frame.wall), frame)]
        self.say(what)  # it may have been dark meanwhile
        return []

    def end(self, frame: Frame) -> list[Event]:
        """All is well, or nothing is looked at any more."""
        told, self._told = self._told, None
        self.say("none")
        if told is None:
            return []
        return [Event("end", told, told.ended(frame.wall), frame.wall, self._armed())]

    def _put(self, kind: Literal["new", "update"], before: Sighting | None, after: Sighting, frame: Frame) -> Event:
        jpeg = None
        if kind == "new" and (jpeg := self._draw(frame, after.box, TAMPER, 1.0)) is not None:
            after = replace(after, has_snapshot=True, snapshot=Snapshot(frame.wall, after.box, 1.0))
        self._told = after
        self.say(after.sub_label or "none")
        return Event(kind, before, after, frame.wall, self._armed(), None, jpeg)

    def _sighting(self, what: str, frame: Frame, known: bool) -> Sighting:
        self._count += 1
        new = pseudo(TAMPER, what, self._camera, frame.wall, boot_id=self._boot_id, count=self._count, view=frame.size)
        return replace(new, active=not known, stationary=known)
