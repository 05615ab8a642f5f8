"""The alarm of the daemon: the state machine with its codes, its schedule, its memory and those who hear of it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from edge.alarm.access import Access
from edge.alarm.keeping import KEY, Backlog, Keeping, first_state
from edge.alarm.machine import Arm, Disarm, Effect, Input, Intrusion, Panic, State, Tick, step
from edge.alarm.news import AlarmNews, Sirens
from edge.alarm.orders import ARM, COMMANDS, Command, obey
from edge.alarm.settings import AlarmSettings
from edge.alarm.timetable import LOOK_S, Timetable
from edge.alarm.world import Remember, World
from edge.errors import StorageError, UserError
from edge.types import DARK, TAMPER, Event

log = logging.getLogger(__name__)

HEARD = 256
"""Intrusions that may wait for the alarm's thread; any one of them sets it off."""
DISARM_S = 1.0
"""How long disarming waits for the disk: an owner before a ringing siren does not wait for a card that hangs."""
LONGEST_PAUSE_S = 30.0
SCHEDULE = "schedule"
"""Where the orders of the schedule come from."""
STORE_S = 60.0
"""How long the alarm's thread may be busy: a commit on an old card takes its time."""


class Alarm:
    """The alarm. All methods may be called from any thread; reading `state` never waits.

    What people order is on the disk before anybody hears of it, and does not happen if the disk refuses. What an
    intruder, a call for help or the time brings about happens at once and is stored as soon as that can be: a full disk
    keeps no siren quiet. Disarming is stored first where the disk takes it, and happens anyway: what is then forgotten
    by a power cut errs on the armed side.

    Args:
        remember, recall: keep values over a restart; used where the world has no journal
        armed_at_first_start: what to begin with when nothing was ever remembered
        settings: what the owner wants
        world: the daemon around it
    """

    def __init__(
        self,
        remember: Remember,
        recall: Callable[[str], str | None],
        *,
        armed_at_first_start: bool = False,
        settings: AlarmSettings | None = None,
        world: World | None = None,
    ) -> None:
        self._settings = settings or AlarmSettings()
        self._world = world or World()
        self._clock = self._world.clock
        self._turn = threading.Lock()  # one change is stored at a time
        self._lock = threading.Lock()  # the state in memory; never held over a look at the disk
        self._wake = threading.Event()
        self._heard: deque[Intrusion] = deque(maxlen=HEARD)
        self._listeners: list[Callable[[str], None]] = []
        self.malformed = 0
        """How many commands came that were none."""
        now = self._clock.monotonic()
        self._sirens = Sirens(self._settings.sirens, self._world.sound)
        self._news = AlarmNews(self._settings.node, self._world.boot_id, self._clock, self._world.emit)
        self._keeping = Keeping(remember, self._world)
        self._access = Access(self._settings, self._world, recall, self._keeping, self._tell_lockout, self._store_soon)
        kept = recall(KEY)
        self._state = first_state(kept, now, self._world.boot, self._settings.plan, armed=armed_at_first_start)
        self._since: float | None = None  # of a state that an earlier run left, the order's time stands
        self._timetable = Timetable(self._settings, self._world, recall)
        if kept is None:
            self._keeping.store(self._state, now, self._extra(), self._keeping.entry("start", None, "alarm"))
        changed = kept != self._keeping.text(self._state, now) or self._timetable.fresh
        self._backlog = Backlog(self._keeping, self._world, waiting=kept is not None and changed)
        self._untold = self._state.phase == "triggered"
        self._sirens.follow(self._state, now)

    @property
    def refused(self) -> int:
        """How many orders were refused for want of the right code."""
        return self._access.refused

    @property
    def state(self) -> str:
        """The state as the MQTT contract names it."""
        return self._state.name

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener(state)` called after each change, in order, in the changer's thread. It must not block and
        must not arm or disarm."""
        with self._lock:
            self._listeners.append(listener)

    def arm(self, mode: str, by: str, code: str | None = None, *, now: bool = False) -> None:
        """Arm; durable when it returns.

        Args:
            mode: `home`, `away` or `night`
            by: who did it, for the log
            code: a PIN, where one is wanted: `code_to_arm`, or to change from one armed mode to another
            now: without the exit delays

        Raises:
            UserError: there is no such mode, or the alarm is pending or triggered.
            AlarmRefused: a code is wanted and this is none, or the source has to wait.
            StorageError: it could not be stored; the state is what it was.
        """
        if mode not in ARM:
            raise UserError(f"no alarm mode `{mode}`; there are {', '.join(ARM)}")
        held = self._state.mode not in (None, mode)  # another mode may watch less
        name = self._access.allow(f"arm_{mode}", code, by) if self._settings.code_to_arm or held else None
        self._order(Arm(ARM[mode], now), f"arm_{mode}", by, name)

    def disarm(self, by: str, code: str | None = None) -> None:
        """Disarm. `code` is looked at where a PIN is set, also while nothing is armed: else that would be free guesses.

        Raises:
            AlarmRefused: a code is wanted and this is none, or the source has to wait.
        """
        name = self._access.allow("disarm", code, by)
        self._order(Disarm(), "disarm", by, name)

    def panic(self, by: str) -> None:
        """Set the alarm off, armed or not. No code is asked for, and no disk is waited for."""
        self._urgent(Panic(by), by)

    def command(self, payload: bytes, by: str) -> bool:
        """Do what an MQTT payload says: a word of `COMMANDS` or `{"action": WORD, "code": PIN}`.

        What is neither is counted, logged and ignored, as is one that is refused or cannot be stored: there is nobody
        to tell.

        Returns:
            whether it was done
        """

        def carry_out(given: Command) -> None:
            what = COMMANDS[given.action]
            if what == "disarm":
                self.disarm(by, given.code)
            elif what == "panic":
                self.panic(by)
            else:
                self.arm(what, by, given.code, now=given.now)

        done = obey(payload, by, carry_out)
        self.malformed += done is None
        return bool(done)

    def hear(self, event: Event) -> None:
        """Take in what a camera tells; only queues. An object counts while it moves, and from the moment at which it
        was seen: what was seen while disarmed is nobody's intrusion afterwards. Darkness is none: somebody may just
        have gone to bed."""
        after = event.after
        if event.type == "end" or after.stationary or event.armed == "disarmed":
            return
        if after.label == TAMPER and after.sub_label == DARK:
            return
        if after.label in self._settings.labels:
            self._heard.append(Intrusion(after.camera, after.label, after.current_zones))
            self._wake.set()

    def run(self, stop: threading.Event, alive: Callable[[float], None]) -> None:
        """The alarm's own thread, until `stop`; then the sirens are silenced.

        Args:
            alive: called with the seconds within which the next sign of life comes
        """
        while not stop.is_set():
            alive(STORE_S)
            pause = self.turn()
            alive(pause + STORE_S)
            self._wake.wait(pause)
            self._wake.clear()
        self.silence()

    def wake(self) -> None:
        """Look at everything now, and at `stop`."""
        self._wake.set()

    def silence(self) -> None:
        """Tell all sirens off, whatever the state: the daemon stops, and nobody would end them."""
        with self._lock:
            self._sirens.silence()

    def turn(self) -> float:
        """Do what is due: intrusions, delays, sirens, the schedule, the disk. For one thread; returns the seconds until
        something is due again."""
        if self._untold:
            self._untold = False
            with self._lock:
                if self._state.phase == "triggered":
                    self._news.triggered(f"{self._state.cause} (still so after a restart)", self._state.name)
        while self._heard:
            seen = self._heard.popleft()
            self._urgent(seen, seen.said)
        self._urgent(Tick(), "the time")
        with self._lock:
            self._sirens.follow(self._state, self._clock.monotonic())
        # Not while an order is on its way to the disk: the older of the two must not come there last.
        if self._turn.acquire(blocking=False):
            try:
                self._backlog.turn(self._now, self._extra)
            finally:
                self._turn.release()
        return self._pause()

    def follow_schedule(self) -> float:
        """Make the newest change of the schedule that is due; it waits while the alarm is pending or triggered. For a
        thread of its own, since it waits for the disk; returns the seconds until the clock is to be looked at again."""
        due = None if self._state.phase in ("pending", "triggered") else self._timetable.due()
        if due is not None:
            given: Input = Disarm() if due.do == "disarm" else Arm(ARM[due.do.removeprefix("arm_")])
            try:
                self._order(given, due.do, SCHEDULE, None)
            except StorageError as fault:
                self._backlog.ill(fault)
            except UserError as fault:  # an intrusion came in between; it is due again afterwards
                log.info("alarm: schedule: %s", fault)
        return LOOK_S

    def detail(self) -> dict[str, Any]:
        """What there is to know beside the state, JSON-ready: `alarm_detail` of the status."""
        now, state = self._clock.monotonic(), self._state
        upcoming = self._timetable.upcoming()
        return {
            "mode": state.mode,
            "until_s": None if state.until is None else round(max(0.0, state.until - now), 1),
            "cause": state.cause,
            "by": self._timetable.order.by,
            "since": self._timetable.since(self._since),
            "next": upcoming and {"at": round(upcoming.at), "do": upcoming.do},
            "locked_s": round(self._access.locked_s(), 1),
            "code": bool(self._settings.codes),
            "code_to_arm": self._settings.code_to_arm,
            "fault": self._backlog.fault,
        }

    def _tell_lockout(self, source: str) -> None:
        with self._lock:
            self._news.lockout(source, self._state.name)

    def _store_soon(self) -> None:
        self._backlog.changed()
        self._wake.set()

    def _order(self, given: Input, what: str, by: str, name: str | None) -> None:
        """Do what somebody may order; stored, then told."""
        with self._turn:
            now, before = self._clock.monotonic(), self._state
            wanted, effects = step(before, given, now, self._settings.plan)
            if not effects:
                self._refuse_while_alarmed(given, what, by, name, before)
                self._timetable.ordered(name or by, persist=False)
                return
            order = self._timetable.ordered(name or by)
            entry = self._keeping.entry(what, name, by)
            late = False
            try:
                if isinstance(given, Disarm):
                    self._keeping.attempt(wanted, now, {**self._extra(), **order}, entry, DISARM_S)
                else:
                    self._keeping.store(wanted, now, {**self._extra(), **order}, entry)
                self._backlog.well()
            except StorageError as fault:
                if not isinstance(given, Disarm):
                    self._timetable.take_back()
                    self._backlog.waiting = True  # a commit that hung may end well: then the disk would know more
                    if by != SCHEDULE:  # which tries again every second
                        self._keeping.record(what, name, by, f"failed: {fault}")
                    raise
                late = True
                self._backlog.ill(fault)
                self._keeping.record(what, name, by, "done, not stored yet")
            with self._lock:
                # What could not wait may have come in between: then the order is judged anew, and stored once more.
                meanwhile = self._state is not before
                if meanwhile:
                    wanted, effects = step(self._state, given, now, self._settings.plan)
                self._backlog.waiting = late or meanwhile
                self._set(wanted, effects, by)
            if meanwhile and wanted.phase in ("pending", "triggered"):
                self._timetable.take_back()
                self._refuse_while_alarmed(given, what, by, name, wanted)
        self._wake.set()

    def _refuse_while_alarmed(self, given: Input, what: str, by: str, name: str | None, state: State) -> None:
        if isinstance(given, Arm) and state.phase in ("pending", "triggered"):
            self._keeping.record(what, name, by, f"refused: {state.phase}")
            raise UserError(f"the alarm is {state.phase}; disarm it first")

    def _urgent(self, given: Input, source: str) -> None:
        """Do what does not wait for a disk; it is stored afterwards."""
        with self._lock:
            before = self._state
            after, effects = step(before, given, self._clock.monotonic(), self._settings.plan)
            if not effects:
                return
            self._backlog.changed()
            self._set(after, effects, source)
        self._wake.set()
        if isinstance(given, Panic):
            self._keeping.record("panic", None, source, "done")
        elif after.name != before.name:
            what = after.phase if after.cause else "armed" if before.phase == "arming" else "over"
            self._keeping.record(what, None, "alarm", after.cause or "done")

    def _set(self, state: State, effects: tuple[Effect, ...], by: str) -> None:
        """Take a state for true and tell everybody. The lock is held, so that all hear it in the same order."""
        changed = state.name != self._state.name
        self._state = state
        if Effect.OVER in effects:
            self._news.over(state.name)
        if Effect.TRIGGERED in effects:
            self._news.triggered(state.cause or "unknown", state.name)
        self._sirens.follow(state, self._clock.monotonic())
        if changed:
            self._since = self._clock.monotonic()
            log.info("alarm: %s by %s", state.name, by)
            for listener in self._listeners:
                listener(state.name)

    def _extra(self) -> Mapping[str, str]:
        """What is kept beside the state: the count of wrong codes and the last order."""
        return {**self._access.kept(), **self._timetable.kept()}

    def _now(self) -> State:
        with self._lock:
            return self._state

    def _pause(self) -> float:
        now = self._clock.monotonic()
        with self._lock:
            due = [self._state.until, self._sirens.due(self._state, now), self._backlog.due(now)]
        return max(0.0, min([LONGEST_PAUSE_S, *(when - now for when in due if when is not None)]))
