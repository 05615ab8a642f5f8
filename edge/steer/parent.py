"""The process that owns the actuator. It does little, so that little can go wrong, and waits for nobody."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from edge.clock import Clock
from edge.errors import PartError
from edge.steer.actuators.base import Actuator, LinkLost, leave
from edge.steer.deadman import DeadMan, Nobody
from edge.steer.gate import SICK, Gate, Passed
from edge.steer.keeper import Keeper
from edge.steer.states import FIGURES, ORDERS, Order, States
from edge.steer.tally import Tally
from edge.steer.trace import Trace
from edge.steer.wire import Command, Note
from edge.types import NEUTRAL, Steering

log = logging.getLogger(__name__)
GRACE = 1.3
"""Periods without a word of the loop after which a cycle happens without it."""
MOST_WORDS = 16
"""Orders that are followed before the next cycle: who floods us with them must not keep us from it."""
DEADLINE_S = 0.2
"""Between two cycles; who was away for longer, with the car at its last command, waits for a hand."""
GRAIN_S = 0.001
"""Behind a deadline of the gate, so that it has passed for sure."""


class Orders(Protocol):
    """Where orders come from; `select`able."""

    def fileno(self) -> int:
        """For `select`."""
        ...

    def heard(self) -> Any:
        """Pairs of a word and whom to answer, all that wait. PartError: nobody can give orders any more."""
        ...

    def answer(self, sender: Any, status: dict[str, Any]) -> None:
        """Tell who asked."""
        ...


class Watcher(Protocol):
    """Is told the state in every cycle; never blocks."""

    def tell(self, status: dict[str, Any], now: float) -> None:
        """The state now."""
        ...


@dataclass(slots=True)
class Parts:
    """What the parent works with. actuator, keeper, gate: its own; throttle: what is driven with while engaged."""

    actuator: Actuator
    keeper: Keeper
    gate: Gate
    clock: Clock
    hz: float
    throttle: float
    deadman: DeadMan = field(default_factory=Nobody)
    trace: Trace | None = None
    orders: list[Orders] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)


class Parent:
    """Hears the loop, checks, and moves the car; at neutral whenever anything is not as it should be.

    Attributes:
        states: whether the car may move
        tally: figures of this run
        stopping: set to end `run`
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.states = States()
        self.tally = Tally()
        self.stopping = False
        self._passed = Passed(NEUTRAL, "none")
        self._trouble: str | None = "the loop is being started"
        self._frame_t: float | None = None
        self._seq: int | None = None
        self._broken: str | None = None
        self._cycled_at: float | None = None
        self._ended = ""

    def run(self, until: float, ready: Callable[[], None] = lambda: None) -> None:
        """Cycle after cycle until the monotonic time `until`, or stopped; leaves the car at neutral.

        ready: called once commands come
        """
        parts, clock = self._parts, self._parts.clock
        period, told = 1 / parts.hz, False
        due = clock.monotonic()
        try:
            while not self.stopping and (now := clock.monotonic()) < until:
                if parts.keeper.tend():
                    parts.gate.reset()
                    self._seq, self.tally.restarts = None, parts.keeper.started - 1
                self._wait(max(min(due, until) - now, 0.0))
                command = self._listen()
                now = clock.monotonic()
                if command is not None or now >= due:
                    self._cycle(command, now)
                    due = now + (GRACE * period if command is not None else period)
                    if (change := parts.gate.deadline(now)) is not None:
                        due = min(due, change + GRAIN_S)
                    if command is not None and not told:
                        told = True
                        ready()
        finally:
            self._ended = self.states.reason
            self.states.end()
            try:
                with suppress(PartError):
                    leave(parts.actuator)
            finally:
                parts.keeper.stop()
            self._record(clock.monotonic(), NEUTRAL, self.states.reason)
            self._tell_watchers(clock.monotonic())

    def order(self, order: Order) -> bool:
        """A hand's order; whether it was followed."""
        now = self._parts.clock.monotonic()
        return self.states.order(order, hindrance=self._hindrance, held=self._parts.deadman.held(now))

    def now(self) -> float:
        """Monotonic seconds, as `run` counts them."""
        return self._parts.clock.monotonic()

    def summary(self) -> dict[str, Any]:
        """The figures of the run, and how it ended."""
        dropped = 0 if self._parts.trace is None else self._parts.trace.dropped
        return {**self.tally.summary(), "trace_dropped": dropped, "state": self.states.state, "reason": self._ended}

    def status(self) -> dict[str, Any]:
        """What is told of it, as `mqtt.md` has it, and the figures."""
        given = self._passed.steering
        return {
            "state": self.states.state,
            "reason": self.states.reason,
            "steering": round(given.steering, 4),
            "throttle": round(given.throttle, 4),
            "latency_ms": self.tally.latency_ms,
            "trouble": self._hindrance,
            "loop": self._parts.keeper.pid,
        }

    def figures(self) -> dict[str, Any]:
        """The state, and what was counted."""
        return {**self.status(), **self.tally.figures()}

    @property
    def _hindrance(self) -> str | None:
        """Why the car cannot be driven now; None if it can."""
        if self._broken is not None:
            return self._broken
        if self._passed.reason in ("ok", "held", "order"):
            return None
        return self._trouble or f"there is no fresh command ({self._passed.reason})"

    def _wait(self, timeout: float) -> None:
        """Sleep until somebody speaks."""
        with selectors.DefaultSelector() as selector:
            if (end := self._parts.keeper.end) is not None:
                selector.register(end, selectors.EVENT_READ)
            for orders in self._parts.orders:
                selector.register(orders, selectors.EVENT_READ)
            selector.select(timeout)

    def _listen(self) -> Command | None:
        """Orders and notes are followed at once; the newest command is returned."""
        for orders in self._parts.orders:
            try:
                for word, sender in islice(orders.heard(), MOST_WORDS):
                    self._obey(word)
                    orders.answer(sender, self.figures() if word == FIGURES else self.status())
            except PartError as fault:
                self._disarm(str(fault))
        try:
            said = self._parts.keeper.hear()
        except PartError as fault:
            self._note(str(fault))
            self._fault(str(fault))
            return None
        command = None
        for one in said:
            if isinstance(one, Note):
                self._note(one.text)
                if one.kind == "fault":
                    self._fault(one.text)
                continue
            if self._seq is not None:
                self.tally.missed += max(one.seq - self._seq - 1, 0)
            command, self._seq = one, one.seq
        return command

    def _obey(self, word: str) -> None:
        if word == "HOLD":
            self._parts.deadman.hold(self._parts.clock.monotonic())
        elif word in ORDERS:
            done = self.order(word)
            log.warning("%s: %s", word, self.states.reason if done else "refused")

    def _cycle(self, command: Command | None, now: float) -> None:
        """Check, move the car, and write down what it was given."""
        parts, states = self._parts, self.states
        stood = 0.0 if self._cycled_at is None else now - self._cycled_at
        self._cycled_at = now
        if stood > DEADLINE_S:
            self._fault(f"the process of the actuator stood still for {stood * 1000:.0f} ms")
        if not parts.deadman.held(now) and states.release():
            log.warning("%s", states.reason)
        passed = self._judge(command, now)
        if passed.reason in SICK:
            self._fault(f"the pilot's value is refused ({passed.reason})")
        elif passed.reason in ("timeout", "none"):
            self._fault(self._trouble or "the pictures are too old: the camera or the loop stands still")
        elif passed.reason == "ok":
            self._trouble = None
        self.tally.cycle(passed.reason, command is not None)
        self._passed = passed
        self._give(passed.steering)
        if command is not None and passed.reason == "ok" and command.frame_t != self._frame_t:
            self._frame_t = command.frame_t
            self.tally.acted(parts.clock.monotonic() - command.frame_t, command.infer_s)
        self._record(now, passed.steering, passed.reason if states.state == "engaged" else states.reason)
        self._tell_watchers(now)

    def _judge(self, command: Command | None, now: float) -> Passed:
        parts = self._parts
        drive = self.states.state == "engaged" and self._broken is None
        if command is None:
            return parts.gate.idle(now, drive=drive)
        wanted = Steering(command.steering, parts.throttle)
        return parts.gate.judge(wanted, command.frame_t, command.seq, now, drive=drive)

    def _give(self, steering: Steering) -> None:
        try:
            self._parts.actuator.give(steering)
        except PartError as fault:
            self._broken = str(fault)
            if isinstance(fault, LinkLost):
                self._disarm(self._broken)
            else:
                self._fault(self._broken)
        else:
            self._broken = None

    def _note(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("%s", trouble)
        self._trouble = trouble

    def _fault(self, reason: str) -> None:
        if self.states.fault(reason):
            log.error("fault: %s", reason)

    def _disarm(self, reason: str) -> None:
        if self.states.disarm(reason):
            log.error("disarmed: %s", reason)

    def _record(self, now: float, given: Steering, reason: str) -> None:
        if self._parts.trace is not None:
            line = {
                "t": now,
                "frame_t": self._parts.gate.frame_t,
                "state": self.states.state,
                "steering": given.steering,
                "throttle": given.throttle,
                "reason": reason,
            }
            self._parts.trace.write(line)

    def _tell_watchers(self, now: float) -> None:
        for watcher in self._parts.watchers:
            watcher.tell(self.status(), now)
