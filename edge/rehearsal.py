"""What the alarm would have done: its state machine on a clip's own clock, armed before the clip begins."""

from __future__ import annotations

from typing import Any

from edge.alarm import AlarmSettings
from edge.alarm.intrusion import intrusion_of
from edge.alarm.machine import Input, Mode, State, Tick, step
from edge.types import Event


class Rehearsal:
    """Follows the events of a replay, in their order.

    Args:
        settings: of the alarm: labels, delays, modes of the zones
        mode: that it is armed in; all exit delays are over

    Attributes:
        changes: of its state so far, `{"time", "state", "cause"}` each
    """

    def __init__(self, settings: AlarmSettings, mode: Mode) -> None:
        self._settings = settings
        self._state = State("armed", mode)
        self.changes: list[dict[str, Any]] = []

    @property
    def armed(self) -> str:
        """What the events say of the alarm: that it was armed, whatever they set off."""
        return f"armed_{self._state.mode}"

    def take(self, event: Event) -> None:
        """What a camera tells."""
        self.pass_until(event.captured_at)
        seen = intrusion_of(event, self._settings.counting)
        if seen is not None:
            self._step(seen, event.captured_at)

    def pass_until(self, time: float) -> None:
        """Nothing more happened up to `time`, in seconds of the clip."""
        while self._state.until is not None and self._state.until <= time:
            self._step(Tick(), self._state.until)

    def _step(self, given: Input, time: float) -> None:
        before = self._state
        self._state, _ = step(before, given, time, self._settings.plan)
        if self._state.name != before.name:
            self.changes.append({"time": round(time, 3), "state": self._state.name, "cause": self._state.cause})
