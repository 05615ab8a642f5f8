"""The state in memory, the two ways in which it changes, and all who follow it: sirens, events, listeners, the disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Set
from typing import Any, TypeAlias

from edge.alarm import stored
from edge.alarm.keeping import DISARM_S, Backlog, Keeping, first_state
from edge.alarm.machine import Arm, Disarm, Effect, Input, Panic, State, Tick, step
from edge.alarm.news import AlarmNews, Sirens
from edge.alarm.settings import AlarmSettings
from edge.alarm.timetable import Timetable
from edge.alarm.world import World
from edge.errors import StorageError, UserError
from edge.types import ALARM

log = logging.getLogger(__name__)

Permit: TypeAlias = Callable[[State], str | None]
TURN_S = 5.0
"""How long any other order waits for the one before it: whoever gave it does not wait for an answer for ever."""
SCHEDULE = "schedule"
"""Where the orders of the schedule come from."""
_DISARM_FIRST = "the alarm is {}; disarm it first"


class Core:
    """What people order is stored, then told; what just happens is told, then stored. All methods from any thread, but
    `turn`, which is for one.

    Args:
        kept: the state as an earlier run stored it, None at the very first start
        armed: whether to begin armed then
        extra: gives what is stored beside the state
        wake: set when something is to be looked at soon

    Attributes:
        state: now; reading it never waits
        since: monotonic time of the newest change, None of a state that an earlier run left: the order's time stands
    """

    def __init__(
        self,
        settings: AlarmSettings,
        world: World,
        keeping: Keeping,
        timetable: Timetable,
        extra: Callable[[], Mapping[str, str]],
        wake: threading.Event,
        kept: str | None,
        *,
        armed: bool,
    ) -> None:
        self._plan, self._clock, self._keeping, self._timetable = settings.plan, world.clock, keeping, timetable
        self._extra, self._wake = extra, wake
        self._turn = threading.Lock()  # one change is stored at a time
        self._lock = threading.Lock()  # the state in memory; never held over a look at the disk
        self._disarmed = 0  # how often disarming overtook an order that waited for the disk
        self._listeners: list[Callable[[str], None]] = []
        now = self._clock.monotonic()
        self._sirens = Sirens(settings.sirens, world.sound)
        self._news = AlarmNews(settings.node, world.boot_id, world.clock, world.emit)
        self.state = first_state(kept, now, world, self._plan, armed=armed)
        self.since: float | None = None
        if kept is None:
            keeping.store(self.state, now, extra(), keeping.entry("start", None, "alarm"))
        changed = kept != keeping.text(self.state, now) or timetable.fresh
        self.backlog = Backlog(keeping, world, waiting=kept is not None and changed)
        self._world = world
        # By it the wall clock tells, once it is set, how long the alarm had sounded when the power came back.
        self._resumed = (kept, self.state) if kept and self._ends_of_another_boot(kept) else None
        # In the same boot it was told: the event is on the disk wherever the state is.
        self._untold = self._resumed is not None and (self.state.until or now) > now
        self._sirens.follow(self.state, now)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener(state)` called after each change, in order, in the changer's thread. It must not block and
        must not arm or disarm."""
        with self._lock:
            self._listeners.append(listener)

    def lockout(self, source: str) -> None:
        """Tell that somebody has guessed too often."""
        with self._lock:
            self._news.lockout(source, self.state.name)

    def warn(self, what: str) -> None:
        """Tell that it is armed, but."""
        with self._lock:
            self._news.warn(what, self.state.name)
        self._keeping.record("blind", None, "alarm", what)

    def goes_on(self, told: Mapping[str, Any]) -> bool:
        """Whether what an earlier run of this boot told is the alarm that goes on; if so it is ended by this run."""
        with self._lock:
            same = told["label"] == ALARM and self.state.phase == "triggered" and self._resumed is None
            return same and self._news.resume(told)

    def silence(self) -> None:
        """Tell all sirens off, whatever the state: the daemon stops, and nobody would end them."""
        with self._lock:
            self._sirens.silence()

    def hand_over(self, topics: Set[str]) -> None:
        """The sirens of these topics are told by whoever comes next from here on, and by this alarm no more."""
        with self._lock:
            self._sirens.hand_over(topics)

    def turn(self) -> None:
        """Do what the time has brought about: delays, sirens, what the disk has not taken yet."""
        if self._untold:
            self._untold = False
            with self._lock:
                if self.state.phase == "triggered":
                    self._news.triggered(f"{self.state.cause} (still so after a restart)", self.state.name)
        if self._resumed is not None and self._world.clock_ok():
            self._set_right(*self._resumed)
            self._resumed = None
        self.urgent(Tick(), "the time")
        with self._lock:
            self._sirens.follow(self.state, self._clock.monotonic())
        # Not while an order is on its way to the disk: the older of the two must not come there last.
        if self._turn.acquire(blocking=False):
            try:
                self.backlog.turn(self._now, self._extra)
            finally:
                self._turn.release()

    def due(self) -> list[float]:
        """The monotonic times at which `turn` is to be called."""
        now = self._clock.monotonic()
        with self._lock:
            due = [self.state.until, self._sirens.due(self.state, now), self.backlog.due(now)]
        return [when for when in due if when is not None]

    def order(self, given: Input, what: str, by: str, permit: Permit) -> None:
        """Do what somebody may order; stored, then told. Disarming waits `DISARM_S` for an order that waits at the
        disk, as long for the disk itself or where its code is refused, and no longer.

        Args:
            permit: gives the name of who orders it in a state of the alarm, or raises AlarmRefused

        Raises:
            AlarmRefused: as `permit`.
            UserError: an order to arm, while the alarm is pending or triggered or was disarmed meanwhile.
            StorageError: an order to arm was not stored, or its turn did not come within `TURN_S`.
        """
        disarmed = self._disarmed
        if not isinstance(given, Disarm):
            # In its turn: what is allowed in one state may not be in that which an order before it leads to.
            self._take_turn(what, by)
            try:
                self._carry_out(given, what, by, permit(self.state), disarmed)
            finally:
                self._turn.release()
        else:
            self._disarm(given, what, by, permit(self.state), disarmed)
        self._wake.set()

    def _take_turn(self, what: str, by: str) -> None:
        if not self._turn.acquire(timeout=TURN_S):
            fault = StorageError("the disk is too slow or hangs: another order waits for it; nothing was done")
            if by != SCHEDULE:
                self._keeping.repeat(what, None, by, f"failed: {fault}")
            raise fault

    def _disarm(self, given: Disarm, what: str, by: str, name: str | None, disarmed: int) -> None:
        if self._turn.acquire(timeout=DISARM_S):
            try:
                self._carry_out(given, what, by, name, disarmed)
            finally:
                self._turn.release()
        else:
            self._overtake(given, what, by, name)

    def _carry_out(self, given: Input, what: str, by: str, name: str | None, disarmed: int) -> None:
        """One order in its turn. disarmed: `_disarmed` when it was given."""
        now, before = self._clock.monotonic(), self.state
        wanted, effects = step(before, given, now, self._plan)
        if not effects:
            self._refuse_while_alarmed(given, what, by, name, before)
            self._timetable.confirmed()
            self.backlog.changed()  # else a restart would take the order for older than what the schedule did meanwhile
            self._keeping.repeat(what, name, by, "no change")
            return
        self._refuse_overtaken(given, what, by, name, disarmed)
        order = self._timetable.ordered(name or by)
        entry = self._keeping.entry(what, name, by)
        late = False
        try:
            if isinstance(given, Disarm):
                self._keeping.attempt(wanted, now, {**self._extra(), **order}, entry, DISARM_S)
            else:
                self._keeping.store(wanted, now, {**self._extra(), **order}, entry)
            self.backlog.well()
        except StorageError as fault:
            if not isinstance(given, Disarm):
                with self._lock:
                    if disarmed == self._disarmed:
                        self._timetable.take_back()
                    self.backlog.waiting = True  # a commit that hung may end well: then the disk would know more
                if by != SCHEDULE:  # which tries again every second
                    self._keeping.repeat(what, name, by, f"failed: {fault}")
                raise
            late = True
            self.backlog.ill(fault)
            self._keeping.record(what, name, by, "done, not stored yet")
        with self._lock:
            # What could not wait may have come in between: then the order is judged anew, and stored once more.
            overtaken = isinstance(given, Arm) and disarmed != self._disarmed
            meanwhile = overtaken or self.state is not before
            if meanwhile:
                wanted, effects = (self.state, ()) if overtaken else step(self.state, given, now, self._plan)
            self.backlog.waiting = late or meanwhile
            self._set(wanted, effects, by)
        self._refuse_overtaken(given, what, by, name, disarmed)
        if meanwhile and isinstance(given, Arm) and wanted.phase in ("pending", "triggered"):
            self._timetable.take_back()
            self._keeping.repeat(what, name, by, f"overtaken: {wanted.phase}")  # its line on the disk says `done`
            raise UserError(_DISARM_FIRST.format(wanted.phase))

    def _overtake(self, given: Input, what: str, by: str, name: str | None) -> None:
        """Disarm while another order waits for the disk: that one comes to nothing, and this one is stored later."""
        with self._lock:
            self._disarmed += 1
            after, effects = step(self.state, given, self._clock.monotonic(), self._plan)
            self._timetable.ordered(name or by)
            self.backlog.ill(StorageError("the disk is too slow or hangs"))
            self.backlog.waiting = True
            self._set(after, effects, by)
        put_down = self._keeping.record if effects else self._keeping.repeat
        put_down(what, name, by, "done, not stored yet")

    def _refuse_overtaken(self, given: Input, what: str, by: str, name: str | None, disarmed: int) -> None:
        if isinstance(given, Arm) and disarmed != self._disarmed:
            self._keeping.repeat(what, name, by, "overtaken: disarmed")
            raise UserError("the alarm was disarmed meanwhile; arm it again")

    def _refuse_while_alarmed(self, given: Input, what: str, by: str, name: str | None, state: State) -> None:
        if isinstance(given, Arm) and state.phase in ("pending", "triggered"):
            self._keeping.repeat(what, name, by, f"refused: {state.phase}")
            raise UserError(_DISARM_FIRST.format(state.phase))

    def urgent(self, given: Input, source: str) -> None:
        """Do what does not wait for a disk; it is stored afterwards."""
        with self._lock:
            before = self.state
            after, effects = step(before, given, self._clock.monotonic(), self._plan)
            if not effects:
                return
            self.backlog.changed()
            self._set(after, effects, source)
        self._wake.set()
        if isinstance(given, Panic):
            self._keeping.repeat("panic", None, source, "done")
        elif after.name != before.name:
            what = after.phase if after.cause else "armed" if before.phase == "arming" else "over"
            self._keeping.record(what, None, "alarm", after.cause or "done")

    def _set(self, state: State, effects: tuple[Effect, ...], by: str) -> None:
        """Take a state for true and tell everybody. The lock is held, so that all hear it in the same order."""
        changed = state.name != self.state.name
        self.state = state
        if Effect.OVER in effects:
            self._news.over(state.name)
        if Effect.TRIGGERED in effects:
            self._news.triggered(state.cause or "unknown", state.name)
        self._sirens.follow(state, self._clock.monotonic())
        if changed:
            self.since = self._clock.monotonic()
            log.info("alarm: %s by %s", state.name, by)
            for listener in self._listeners:
                listener(state.name)

    def _ends_of_another_boot(self, kept: str) -> bool:
        return self.state.phase == "triggered" and stored.elsewhere(kept, self._world.boot)

    def _set_right(self, kept: str, resumed: State) -> None:
        """The clock is set: give the alarm that went on after a power cut the time that it has left by that."""
        now = self._clock.monotonic()
        with self._lock:
            if self.state is resumed:
                self.state = stored.decode(kept, now, self._world.boot, self._plan, self._world.sure_wall())
                self.backlog.changed()

    def _now(self) -> State:
        with self._lock:
            return self.state
