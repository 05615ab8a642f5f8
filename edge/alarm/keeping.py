"""What the alarm writes down: its state, what belongs to it, and the audit log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from edge.alarm import stored
from edge.alarm.codes import one_source
from edge.alarm.machine import Plan, State
from edge.alarm.world import Journal, Underway, World
from edge.errors import StorageError
from edge.types import AuditEntry

log = logging.getLogger(__name__)

KEY = "alarm"
TRIES = "alarm_tries"
ORDER = "alarm_order"
RETRY_S = 1.0
"""How soon what the disk refused is tried again."""
DISARM_S = 1.0
"""How long disarming, and a refusal, wait for the disk: an owner before a ringing siren does not wait for a card that
hangs."""
LOOK_AT_DISK_S = 0.05
"""How often what is on its way to the disk is looked after."""
NOTES = 60
"""Lines that one source may write in an hour with what is no order."""
SOURCES = 64
NAG_S = 60.0
"""Of orders without any code that one source gives, one in so many seconds is written down; so of those that change
nothing."""


def first_state(kept: str | None, now: float, world: World, plan: Plan, *, armed: bool) -> State:
    """The state to begin with. kept: as it was stored; armed: whether a device that never stored one is."""
    if kept is None:
        return stored.LASTING["armed_away" if armed else "disarmed"]
    try:
        return stored.decode(kept, now, world.boot, plan, world.sure_wall())
    except (ValueError, TypeError, KeyError):
        log.warning("alarm: the stored state %r is unknown here, it is taken for armed_away", kept[:40])
        return stored.LASTING["armed_away"]


class Keeping:
    """Stores in the journal. Thread-safe as far as that is."""

    def __init__(self, journal: Journal, world: World) -> None:
        self._journal, self._world = journal, world
        self._noting = threading.Lock()
        self._notes: dict[str, tuple[float, int]] = {}
        self._nagged: dict[tuple[str | None, ...], float] = {}

    def text(self, state: State, now: float) -> str:
        """A state as it is stored."""
        return stored.encode(state, now, self._world.boot, self._world.sure_wall())

    def store(self, state: State, now: float, extra: Mapping[str, str], entry: AuditEntry | None) -> None:
        """Store a state with all that belongs to it, or nothing. Raises StorageError."""
        self._journal.remember_all({KEY: self.text(state, now), **extra}, entry)

    def attempt(self, state: State, now: float, extra: Mapping[str, str], entry: AuditEntry, patience: float) -> None:
        """As `store`, for who cannot wait: after `patience` seconds it is a StorageError, and may still be stored."""
        self._put({KEY: self.text(state, now), **extra}, patience, entry)

    def _put(self, values: Mapping[str, str], patience: float, entry: AuditEntry | None = None) -> None:
        underway = self._journal.begin(values, entry)
        if not underway.wait(patience):
            raise StorageError("the disk is too slow or hangs")
        if underway.fault is not None:
            raise StorageError(underway.fault)

    def begin(self, state: State, now: float, extra: Mapping[str, str]) -> Underway:
        """Have a state stored without waiting for it."""
        return self._journal.begin({KEY: self.text(state, now), **extra})

    def entry(self, what: str, by: str | None, source: str, result: str = "done") -> AuditEntry:
        """A line of the log, as of now."""
        return AuditEntry(self._world.clock.wall(), self._world.clock_ok(), what, by, source, result)

    def record(self, what: str, by: str | None, source: str, result: str) -> None:
        """Write a line of the log as soon as the disk takes it."""
        self._journal.record(self.entry(what, by, source, result))

    def note(self, what: str, by: str | None, source: str) -> None:
        """As `record`, of what may be done as often as one likes: whoever does must not push out what the log holds."""
        hour, key = self._world.clock.monotonic() // 3600.0, one_source(source)
        with self._noting:
            begun, many = self._notes.pop(key, (hour, 0))
            many = many + 1 if begun == hour else 1
            self._notes[key] = (hour, many)
            if len(self._notes) > SOURCES:
                self._notes.pop(next(iter(self._notes)))
        if many <= NOTES:
            self.record(what, by, source, "done")
        elif many == NOTES + 1:
            self.record(what, by, source, "done; what follows within the hour is in the service's log alone")

    def repeat(self, what: str, by: str | None, source: str, result: str) -> None:
        """Write a line of an order that may come again and again: one in `NAG_S`."""
        self._seldom((one_source(source), what, by, result), what, by, source, result)

    def refusal(self, what: str, source: str, why: str, tries: str | None) -> None:
        """Write down a refusal; with `tries`, the count of wrong codes, it is on the disk on return if that can be
        within `DISARM_S`: whoever mistyped a code, and all behind him, wait no longer.

        Raises:
            StorageError: the count is in memory alone.
        """
        if tries is None:
            if self._seldom((one_source(source),), what, None, source, f"refused: {why}"):
                log.warning("alarm: %s by %s refused: %s", what, source, why)
            return
        log.warning("alarm: %s by %s refused: %s", what, source, why)
        self.record(what, None, source, f"refused: {why}")
        try:
            self._put({TRIES: tries}, DISARM_S)
        except StorageError as fault:
            log.error("alarm: a wrong code is counted in memory alone: %s", fault)
            raise

    def _seldom(self, key: tuple[str | None, ...], what: str, by: str | None, source: str, result: str) -> bool:
        """Write a line unless one of the same key was written within `NAG_S`; whether it was."""
        now = self._world.clock.monotonic()
        if now - self._nagged.get(key, -NAG_S) < NAG_S:
            return False
        self._nagged = {key: now, **dict(list(self._nagged.items())[:63])}
        self.record(what, by, source, result)
        return True


class Backlog:
    """What happened and is not on the disk yet: stored without waiting, tried again until it is there.

    `turn` is for one thread; the rest for any.
    """

    def __init__(self, keeping: Keeping, world: World, *, waiting: bool) -> None:
        self._keeping, self._clock = keeping, world.clock
        self._underway: Underway | None = None
        self._retry_at = 0.0
        self.waiting = waiting
        """Whether memory knows better than the disk, and nothing is on its way."""
        self.fault: str | None = None
        """Why the disk does not take it, one line; None while it does."""

    def changed(self) -> None:
        """Something happened: it is to be stored at once, whatever was before."""
        self.waiting, self._retry_at = True, 0.0

    def turn(self, take: Callable[[], State], extra: Callable[[], Mapping[str, str]]) -> None:
        """See what became of what was on its way, and send what is new. take: gives the state to be stored."""
        now = self._clock.monotonic()
        try:
            if self._underway is not None and self._underway.settled:
                fault, self._underway = self._underway.fault, None
                if fault is not None:
                    raise StorageError(fault)
                self.well()
            if self.waiting and self._underway is None and now >= self._retry_at:
                self.waiting = False  # before the state is looked at: what happens now is stored once more
                self._underway = self._keeping.begin(take(), now, extra())
        except StorageError as fault:
            self.waiting = True
            self.ill(fault)

    def due(self, now: float) -> float | None:
        """When `turn` is to be called; None while there is nothing to do."""
        if self._underway is not None or self.waiting:
            return max(now + LOOK_AT_DISK_S, self._retry_at)
        return None

    def ill(self, fault: StorageError) -> None:
        """The disk refused."""
        self._retry_at = self._clock.monotonic() + RETRY_S
        if self.fault is None:
            log.error("alarm: the disk does not take its state: %s", fault)
        self.fault = str(fault)

    def well(self) -> None:
        """The disk took it."""
        self.fault = None
