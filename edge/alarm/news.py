"""What the alarm tells as events, and the sirens: all that others hear of it beside its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, Literal

from edge.alarm.machine import State
from edge.alarm.settings import Siren
from edge.clock import Clock
from edge.types import ALARM, WARNS, Event, Sighting, pseudo


class AlarmNews:
    """Makes events of triggers and lockouts: `new` when the alarm is set off, `end` when that is over. `sub_label` says
    by what. Not thread-safe.

    Args:
        node: stands for the camera, since no single one is meant
        boot_id: of this run of the daemon; ids derive from it and a counter
        emit: takes the events; must not block
    """

    def __init__(self, node: str, boot_id: str, clock: Clock, emit: Callable[[Event], object]) -> None:
        self._node, self._boot_id, self._clock, self._emit = node, boot_id, clock, emit
        self._count = 0
        self._told: Sighting | None = None

    def triggered(self, cause: str, armed: str) -> None:
        """The alarm was set off. armed: its state by now."""
        self._told = self._begin(f"triggered: {cause}" if not cause.startswith("panic") else cause, armed)

    def over(self, armed: str) -> None:
        """What set it off is over. armed: its state by now."""
        if self._told is not None:
            self._end(self._told, armed)
            self._told = None

    def resume(self, told: Mapping[str, Any]) -> bool:
        """Take up an event that an earlier run began, given its last `after`; False if one is open already."""
        if self._told is not None:
            return False
        begun = pseudo(ALARM, told["sub_label"], told["camera"], told["start_time"], boot_id=self._boot_id, count=0)
        self._told = replace(begun, id=told["id"])
        return True

    def lockout(self, source: str, armed: str) -> None:
        """Somebody has guessed too often."""
        self._end(self._begin(f"lockout: too many wrong codes from {source}", armed), armed)

    def warn(self, what: str, armed: str) -> None:
        """It was armed, and something is wrong with that. armed: its state by now."""
        self._end(self._begin(f"{WARNS}{what}", armed), armed)

    def _begin(self, what: str, armed: str) -> Sighting:
        self._count += 1
        told = pseudo(ALARM, what, self._node, self._clock.wall(), boot_id=self._boot_id, count=self._count)
        self._put("new", None, told, armed)
        return told

    def _end(self, told: Sighting, armed: str) -> None:
        self._put("end", told, told.ended(self._clock.wall()), armed)

    def _put(self, kind: Literal["new", "end"], before: Sighting | None, after: Sighting, armed: str) -> None:
        self._emit(Event(kind, before, after, after.frame_time, armed))


class Sirens:
    """Tells every siren what it is to do now. Not thread-safe."""

    def __init__(self, sirens: Sequence[Siren], sound: Callable[[str, str], None]) -> None:
        self._sirens, self._sound = tuple(sirens), sound

    def hand_over(self, topics: Set[str]) -> None:
        """From now on somebody else tells those of these topics."""
        self._sirens = tuple(siren for siren in self._sirens if siren.topic not in topics)

    def follow(self, state: State, now: float) -> None:
        """On or off, each as the state wants it at `now`; what did not change is not told again by the board."""
        for siren in self._sirens:
            end = _end_of(siren, state)
            self._sound(siren.topic, siren.on if end is not None and now < end else siren.off)

    def silence(self) -> None:
        """All off, whatever the state."""
        self.follow(State(), 0.0)

    def due(self, state: State, now: float) -> float | None:
        """When the next of them has sounded long enough; None while none sounds."""
        ends = [end for siren in self._sirens if (end := _end_of(siren, state)) is not None and end > now]
        return min(ends, default=None)


def _end_of(siren: Siren, state: State) -> float | None:
    """When a siren has to be quiet again; None where it is not to sound at all."""
    if state.phase != "triggered" or state.triggered_at is None:
        return None
    panic = (state.cause or "").startswith("panic")
    wanted = panic or state.mode is None or state.mode in siren.modes
    return state.triggered_at + siren.max_s if wanted else None
