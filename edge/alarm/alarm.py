"""The alarm of the daemon: the state machine with its codes, its schedule, its memory and those who hear of it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Set
from typing import Any

from edge.alarm.access import Access
from edge.alarm.core import SCHEDULE, Core
from edge.alarm.intrusion import intrusion_of
from edge.alarm.keeping import KEY, Keeping
from edge.alarm.leaving import Leaving
from edge.alarm.machine import Arm, Disarm, Input, Intrusion, Panic, State
from edge.alarm.orders import ARM, COMMANDS, parse
from edge.alarm.settings import AlarmSettings
from edge.alarm.timetable import LOOK_S, Timetable
from edge.alarm.world import Remember, World
from edge.errors import AlarmRefused, StorageError, UserError
from edge.types import MOTION, Event

log = logging.getLogger(__name__)

HEARD = 256
"""Intrusions that may wait for the alarm's thread; any one of them sets it off."""
LONGEST_PAUSE_S = 30.0
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
        self._wake = threading.Event()
        self._heard: deque[Intrusion] = deque(maxlen=HEARD)
        keeping = Keeping(remember, self._world)
        self._access = Access(self._settings, self._world, recall, keeping, self._tell_lockout, self._store_soon)
        self._timetable = Timetable(self._settings, self._world, recall)
        self._core = Core(
            self._settings,
            self._world,
            keeping,
            self._timetable,
            self._extra,
            self._wake,
            recall(KEY),
            armed=armed_at_first_start,
        )
        self._waited = False
        self._leaving = Leaving(self._clock, self._settings.counting)
        self._leaving.follow(self.state)
        self._core.listen(self._leaving.follow)
        if self._access.renewed:
            self._store_soon()

    @property
    def state(self) -> str:
        """The state as the MQTT contract names it."""
        return self._core.state.name

    @property
    def mode(self) -> str | None:
        """What it is armed in, whatever it is doing; None while it is disarmed."""
        return self._core.state.mode

    def listen(self, listener: Callable[[str], None]) -> None:
        """Have `listener(state)` called after each change, in order, in the changer's thread. It must not block and
        must not arm or disarm."""
        self._core.listen(listener)

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
        what = f"arm_{mode}"

        def permit(state: State) -> str | None:
            held = state.mode not in (None, mode)  # another mode may watch less
            return self._access.allow(what, code, by) if self._settings.code_to_arm or held else None

        self._core.order(Arm(ARM[mode], now), what, by, permit)

    def disarm(self, by: str, code: str | None = None) -> None:
        """Disarm. `code` is looked at where a PIN is set, also while nothing is armed: else that would be free guesses.

        Raises:
            AlarmRefused: a code is wanted and this is none, or the source has to wait.
        """
        self._core.order(Disarm(), "disarm", by, lambda state: self._access.allow("disarm", code, by))

    def panic(self, by: str) -> None:
        """Set the alarm off, armed or not. No code is asked for, and no disk is waited for."""
        self._core.urgent(Panic(by), by)

    def permit(self, what: str, by: str, code: str | None = None) -> str | None:
        """Whose code lets somebody have the alarm see less or tell less; None where none is wanted: where there are no
        codes, or it is disarmed.

        Raises:
            AlarmRefused: a code is wanted and this is none, or the source has to wait.
        """
        if self.state == "disarmed":
            return None
        try:
            return self._access.allow(what, code, by)
        except AlarmRefused as fault:
            if code is None and not fault.locked_s:
                raise AlarmRefused("The alarm is on: disarm it first, or give its code.") from None
            raise

    def vouched(self, what: str, by: str, code: str | None) -> str | None:
        """Whose code stands behind a change of who may disarm, armed or not; None where there are no codes.

        Raises:
            AlarmRefused: a code is wanted and this is none, or the source has to wait.
        """
        return self._access.allow(what, code, by)

    def by_motion(self, camera: str) -> bool:
        """Whether motion is an intrusion at a camera."""
        return MOTION in self._settings.counting(camera)

    def undisturbed(self, what: str, by: str) -> None:
        """What blinds the alarm or changes it, and asks for no code, waits until it is disarmed.

        Raises:
            UserError: it is not; that is written down.
        """
        if self.state != "disarmed":
            self._access.refuse(what, by, f"the alarm is {self.state}")
            raise UserError(f"The alarm is {self.state}: disarm it first.")

    def note(self, what: str, by: str, name: str | None = None) -> None:
        """Write down what was done to what the alarm watches with, and whose code let it be; returns at once."""
        self._access.note(what, by, name)

    def command(self, payload: bytes, by: str) -> None:
        """Do what an MQTT payload says: a word of `COMMANDS` or `{"action": WORD, "code": PIN}`.

        Raises:
            ValueError: it is neither; the message quotes nothing of it.
            UserError, StorageError: as `arm` and `disarm`.
        """
        given = parse(payload)
        what = COMMANDS[given.action]
        if what == "disarm":
            self.disarm(by, given.code)
        elif what == "panic":
            self.panic(by)
        else:
            self.arm(what, by, given.code, now=given.now)

    def warn(self, what: str) -> None:
        """Tell everybody that it is armed and what is wrong with that; an event, and a line of the log."""
        self._core.warn(what)

    def goes_on(self, told: Mapping[str, Any]) -> bool:
        """Whether something that an earlier run told is an alarm that goes on, and is ended by this one. To be called
        before the first `turn`.

        Args:
            told: its last `after`
        """
        return self._core.goes_on(told)

    def hear(self, event: Event) -> None:
        """Take in what a camera tells; only queues."""
        seen = intrusion_of(event, self._settings.counting)
        left = self._leaving.sift(event, seen)
        if left is not None:
            self._heard.append(left)
        if seen is not None:
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
        self._core.silence()

    def hand_over(self, topics: Set[str]) -> None:
        """Another alarm goes on from here, as at a reload: it tells the sirens of these topics, which are neither
        silenced nor told anything else by this one."""
        self._core.hand_over(topics)

    def turn(self) -> float:
        """Do what is due: intrusions, delays, sirens, the disk. For one thread; returns the seconds until something is
        due again."""
        while self._heard:
            seen = self._heard.popleft()
            self._core.urgent(seen, seen.said)
        for seen in self._leaving.overdue():
            self._core.urgent(seen, seen.said)
        self._core.turn()
        now = self._clock.monotonic()
        return max(0.0, min([LONGEST_PAUSE_S, *(when - now for when in (*self._core.due(), *self._leaving.due()))]))

    def follow_schedule(self) -> float:
        """Make the newest change of the schedule that is due; it waits while the alarm is pending or triggered. For a
        thread of its own, since it waits for the disk; returns the seconds until the clock is to be looked at again."""
        self._say_whether_it_waits()
        due = None if self._core.state.phase in ("pending", "triggered") else self._timetable.due()
        if due is not None:
            given: Input = Disarm() if due.do == "disarm" else Arm(ARM[due.do.removeprefix("arm_")])
            try:
                self._core.order(given, due.do, SCHEDULE, lambda state: None)
            except StorageError as fault:
                self._core.backlog.ill(fault)
            except UserError as fault:  # an intrusion came in between; it is due again afterwards
                log.info("alarm: schedule: %s", fault)
        return LOOK_S

    def _say_whether_it_waits(self) -> None:
        waits = self._timetable.waits
        if waits and not self._waited:
            log.warning("the schedule waits: the clock is not set")
        elif self._waited and not waits:
            log.info("the clock is set: the schedule counts")
        self._waited = waits

    def detail(self) -> dict[str, Any]:
        """What there is to know beside the state, JSON-ready: `alarm_detail` of the status."""
        now, state = self._clock.monotonic(), self._core.state
        upcoming = self._timetable.upcoming()
        return {
            "mode": state.mode,
            "until_s": None if state.until is None else round(max(0.0, state.until - now), 1),
            "cause": state.cause,
            "by": self._timetable.order.by,
            "since": self._timetable.since(self._core.since),
            "next": upcoming and {"at": round(upcoming.at), "do": upcoming.do},
            "schedule_waits": self._timetable.waits,
            "locked_s": round(self._access.locked_s(), 1),
            "locked": self._access.locked(),
            "code": bool(self._settings.codes),
            "code_to_arm": self._settings.code_to_arm,
            "fault": self._core.backlog.fault,
        }

    def _tell_lockout(self, source: str) -> None:
        self._core.lockout(source)

    def _store_soon(self) -> None:
        self._core.backlog.changed()
        self._wake.set()

    def _extra(self) -> Mapping[str, str]:
        """What is kept beside the state: the count of wrong codes and the last order."""
        return {**self._access.kept(), **self._timetable.kept()}
