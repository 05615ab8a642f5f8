"""The alarm as a state machine: a pure function of the state, what happens and the time; no clock, no disk.

    disarmed -arm-> arming -exit delay-> armed -intrusion-> pending -entry delay-> triggered -trigger_s-> armed
                                           `---------- where there is no entry delay ---^

Disarming leads from every state to `disarmed`; a panic from every state to `triggered`, and back to what it was.

Times are seconds of one monotonic clock. Nothing here can refuse: what makes no sense in a state leaves it as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["home", "away", "night"]
Phase: TypeAlias = Literal["disarmed", "arming", "armed", "pending", "triggered"]
MODES: tuple[Mode, ...] = ("home", "away", "night")
EVERY_MODE: frozenset[Mode] = frozenset(MODES)
ALWAYS = -math.inf
"""When an alarm was armed whose exit delays are all over."""


CALLED = "panic: "
"""What the cause of a trigger begins with that somebody called for."""


@dataclass(frozen=True, slots=True)
class State:
    """Where the alarm stands.

    mode: what it is armed in, and goes back to when a trigger is over; None for disarmed
    armed_at: when it was armed; the exit delays count from it
    until: when the phase ends by itself, None if it does not
    cause: what it is pending or triggered by
    triggered_at: when it was triggered
    """

    phase: Phase = "disarmed"
    mode: Mode | None = None
    armed_at: float = ALWAYS
    until: float | None = None
    cause: str | None = None
    triggered_at: float | None = None

    @property
    def called(self) -> bool:
        """Whether a panic is what it is triggered by."""
        return self.cause is not None and self.cause.startswith(CALLED)

    @property
    def name(self) -> str:
        """As the MQTT contract names it."""
        return f"armed_{self.mode}" if self.phase == "armed" else self.phase


@dataclass(frozen=True, slots=True)
class Place:
    """A zone as the alarm sees it: the modes in which it is watched, its delays in seconds."""

    modes: frozenset[Mode] = EVERY_MODE
    entry_s: float = 0.0
    exit_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What sets the alarm off, and how fast.

    trigger_s: how long it stays triggered
    entry_s, exit_s: delays where an object is in no zone
    zones: by name
    cameras: modes in which an object that is in no zone counts, by camera; a camera that is not named counts in all
    siren_s: how long it is heard for one trigger, until the first of its sirens ends
    """

    trigger_s: float = 600.0
    entry_s: float = 0.0
    exit_s: float = 0.0
    zones: Mapping[str, Place] = field(default_factory=dict)
    cameras: Mapping[str, frozenset[Mode]] = field(default_factory=dict)
    siren_s: float = 180.0

    def longest_exit(self, mode: Mode) -> float:
        """How long `arming` lasts: until the last of the zones that the mode watches is live."""
        return max([self.exit_s, *(place.exit_s for place in self.zones.values() if mode in place.modes)])

    def entry_delay(self, state: State, seen: Intrusion, now: float) -> float | None:
        """Seconds that the owner has to disarm; None if the intrusion does not count in this state."""
        if state.mode is None:
            return None
        usual = Place(self.cameras.get(seen.camera, EVERY_MODE), self.entry_s, self.exit_s)
        places = [self.zones.get(zone, usual) for zone in seen.zones] or [usual]
        delays = [
            place.entry_s for place in places if state.mode in place.modes and now >= state.armed_at + place.exit_s
        ]
        return min(delays, default=None)


@dataclass(frozen=True, slots=True)
class Arm:
    """Arm in a mode; at once, or after the exit delays."""

    mode: Mode
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Disarm:
    """Disarm; whether somebody may is not the machine's to judge."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Somebody calls for help. source: who, for people."""

    source: str


@dataclass(frozen=True, slots=True)
class Intrusion:
    """An object of the wanted labels was seen, in the zones named, or in none."""

    camera: str
    label: str
    zones: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """For people: what, and where."""
        return f"{self.label} at {self.camera}" + (f" ({', '.join(self.zones)})" if self.zones else "")


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes."""


Input: TypeAlias = Arm | Disarm | Panic | Intrusion | Tick


class Effect(Enum):
    """What has to be done about a change.

    STORE_FIRST: it must be on the disk before anybody hears of it, else it does not happen
    STORE_LATER: it happens, and is stored as soon as the disk takes it: an intruder or the time does not wait
    TRIGGERED, OVER: the alarm was set off; what set it off is over
    """

    STORE_FIRST = auto()
    STORE_LATER = auto()
    TRIGGERED = auto()
    OVER = auto()


Effects: TypeAlias = tuple[Effect, ...]


def step(state: State, given: Input, now: float, plan: Plan) -> tuple[State, Effects]:
    """The state after `given` happened at `now`, and what is to be done; the same state and nothing where nothing
    follows from it."""
    match given:
        case Arm():
            return _armed(state, given, now, plan)
        case Disarm():
            if state.phase == "disarmed":
                return state, ()
            over = (Effect.OVER,) if state.phase == "triggered" else ()
            return State(), (Effect.STORE_FIRST, *over)
        case Panic():
            return _called(state, given, now, plan)
        case Intrusion():
            return _seen(state, given, now, plan)
        case Tick():
            return _passed(state, now, plan)


def _armed(state: State, given: Arm, now: float, plan: Plan) -> tuple[State, Effects]:
    if state.phase in ("pending", "triggered") or (state.phase == "armed" and state.mode == given.mode):
        return state, ()
    # Another mode while arming does not begin anew: else the exit delay could be kept running for ever.
    armed_at = state.armed_at if state.phase == "arming" else now
    until = armed_at + plan.longest_exit(given.mode)
    if given.at_once or until <= now:
        after = State("armed", given.mode)
    else:
        after = State("arming", given.mode, armed_at, until)
    return (state, ()) if after == state else (after, (Effect.STORE_FIRST,))


def _seen(state: State, given: Intrusion, now: float, plan: Plan) -> tuple[State, Effects]:
    if state.phase not in ("arming", "armed", "pending"):
        return state, ()
    delay = plan.entry_delay(state, given, now)
    if delay is None:
        return state, ()
    if delay <= 0:
        return _triggered(state, state.cause or given.said, now, plan)
    if state.until is not None and state.phase == "pending":
        sooner = replace(state, until=min(state.until, now + delay))
        return (state, ()) if sooner == state else (sooner, (Effect.STORE_LATER,))
    return replace(state, phase="pending", until=now + delay, cause=given.said), (Effect.STORE_LATER,)


def _called(state: State, given: Panic, now: float, plan: Plan) -> tuple[State, Effects]:
    heard = state.triggered_at is not None and now < state.triggered_at + plan.siren_s
    if state.phase == "triggered" and state.called and heard:  # once more the same: it lasts longer, and is no news
        return replace(state, until=now + plan.trigger_s), (Effect.STORE_LATER,)
    over = (Effect.OVER,) if state.phase == "triggered" else ()
    after, effects = _triggered(state, f"{CALLED}{given.source}", now, plan)
    return after, (*over, *effects)


def _passed(state: State, now: float, plan: Plan) -> tuple[State, Effects]:
    if state.until is None or now < state.until:
        return state, ()
    if state.phase == "pending":
        return _triggered(state, state.cause or "unknown", now, plan)
    if state.phase == "triggered":
        back = State() if state.mode is None else State("armed", state.mode)
        return back, (Effect.STORE_LATER, Effect.OVER)
    return State("armed", state.mode), (Effect.STORE_LATER,)


def _triggered(state: State, cause: str, now: float, plan: Plan) -> tuple[State, Effects]:
    after = State("triggered", state.mode, until=now + plan.trigger_s, cause=cause, triggered_at=now)
    return after, (Effect.STORE_LATER, Effect.TRIGGERED)
