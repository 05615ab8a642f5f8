"""The alarm's state as text that survives a power cut and a clock that jumps.

A state that lasts is its bare word, as the releases before had it (`armed_away`); one that ends by itself has more
behind it: `pending {"mode": "away", ...}`. A release that does not know it takes it for armed.

Times are of the monotonic clock and worth something in the same boot of the machine only. After another boot nobody
knows how long the power was away, since a board may have no clock: then what was a delay is over. How long a siren has
sounded is told by the wall clock, once that is synchronised, if it was so when the state was stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from edge.alarm.machine import ALWAYS, MODES, Plan, State

ARMED: dict[str, State] = {f"armed_{mode}": State("armed", mode) for mode in MODES}
LASTING: dict[str, State] = {"disarmed": State(), **ARMED}


def encode(state: State, now: float, boot: str, wall: float | None = None) -> str:
    """The text of a state at `now` (monotonic) in this boot. wall: Unix time, None from a clock that may be wrong."""
    if state.until is None:
        return state.name
    details = {
        "mode": state.mode,
        "boot": boot,
        "at": now,
        "wall": wall,
        "until": state.until,
        "armed_at": state.armed_at if state.phase == "arming" else None,
        "triggered_at": state.triggered_at,
        "cause": state.cause,
    }
    return f"{state.name} {json.dumps(details)}"


def decode(text: str, now: float, boot: str, plan: Plan, wall: float | None = None) -> State:
    """What a stored state means at a start. wall: as for `encode`, now.

    In the same boot `arming` and `pending` go on for the rest of their delays. After another boot `arming` is armed,
    since somebody wanted it to be, and `pending` is due at once. `triggered` goes on for the rest of its time by either
    clock, or for what it had when it was stored where none can tell.

    Raises:
        ValueError: it is none of this release's.
    """
    word, _, rest = text.partition(" ")
    if word in LASTING and not rest:
        return LASTING[word]
    table = json.loads(rest)
    if not isinstance(table, dict):
        raise ValueError("no details")
    mode = table.get("mode")
    if mode is not None and f"armed_{mode}" not in ARMED:
        raise ValueError("no such mode")
    if word == "arming" and mode is not None:
        times = _times(table, now, boot)
        armed_at = table.get("armed_at")
        if times is None or armed_at is None or times.until <= now:
            return ARMED[f"armed_{mode}"]
        return State("arming", mode, float(armed_at), times.until)
    if word not in ("pending", "triggered") or (word == "pending" and mode is None):
        raise ValueError("no such state")
    cause = str(table.get("cause") or "unknown")
    times = _times(table, now, boot)
    if word == "pending":
        return State("pending", mode, ALWAYS, now if times is None else times.until, cause)
    if times is None:
        times = _by_wall(table, now, wall)
    if times is None:
        left = min(max(0.0, float(table["until"]) - float(table["at"])), plan.trigger_s)
        return State("triggered", mode, until=now + left, cause=cause, triggered_at=now)
    return State("triggered", mode, until=times.until, cause=cause, triggered_at=times.triggered_at)


def elsewhere(text: str, boot: str) -> bool:
    """Whether a stored state that ends by itself is of another boot, on whose clock nothing here is."""
    _, _, rest = text.partition(" ")
    return bool(rest) and (not boot or json.loads(rest).get("boot") != boot)


@dataclass(frozen=True, slots=True)
class _Times:
    until: float
    triggered_at: float


def _times(table: dict[str, Any], now: float, boot: str) -> _Times | None:
    """The stored times, if they are of this boot's clock."""
    stored_at, until = float(table["at"]), float(table["until"])
    if not boot or table.get("boot") != boot or stored_at > now:
        return None
    return _Times(until, float(table.get("triggered_at") or stored_at))


def _by_wall(table: dict[str, Any], now: float, wall: float | None) -> _Times | None:
    """The stored times of another boot, on this one's clock; None where the wall clock was or is not to be trusted."""
    stored_at, then = float(table["at"]), table.get("wall")
    if then is None or wall is None or wall < float(then):
        return None
    shift = now - (wall - float(then)) - stored_at
    return _Times(float(table["until"]) + shift, float(table.get("triggered_at") or stored_at) + shift)


@dataclass(frozen=True, slots=True)
class Order:
    """The last order to arm or disarm: from when on the schedule counts, and who gave it.

    at: Unix time, None if the clock was not synchronised then
    mono, boot: when by the monotonic clock of which boot
    by: a code's name or where it came from
    schedule: print of the schedule that was followed then
    """

    at: float | None
    mono: float
    boot: str
    by: str | None = None
    schedule: str = ""

    def encode(self) -> str:
        """As text."""
        return json.dumps([self.at, self.mono, self.boot, self.by, self.schedule])

    def since(self, wall: float, mono: float, boot: str) -> float | None:
        """Its Unix time by a clock that is right now; None where nobody can tell."""
        if boot and boot == self.boot and mono >= self.mono:
            return wall - (mono - self.mono)
        return self.at


def decode_order(text: str | None) -> Order | None:
    """The order that `encode` wrote; None for anything else."""
    try:
        at, mono, boot, by, schedule = json.loads(text or "null")
        return Order(None if at is None else float(at), float(mono), str(boot), by and str(by), str(schedule))
    except (ValueError, TypeError):
        return None
