"""When the schedule acts: on a synchronised clock, on the newest change that was missed since the last order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from edge.alarm.keeping import ORDER
from edge.alarm.schedule import Change
from edge.alarm.settings import AlarmSettings
from edge.alarm.stored import Order, decode_order
from edge.alarm.world import World

LOOK_S = 1.0
"""How often the wall clock is looked at, since it may jump."""
FAR_AHEAD_S = 86_400.0
"""An order that lies further ahead than this was given by a clock that was wrong."""


class Timetable:
    """The schedule and the last order. Thread-safe.

    Whoever orders by hand after a scheduled change has the last word, until the next one. An order whose time nobody
    can tell (given before the clock was set, and the power was away since) is overruled by a change that arms and not
    by one that disarms. A schedule that was changed begins to count when it is first seen.

    Args:
        recall: gives the order that was kept
    """

    def __init__(self, settings: AlarmSettings, world: World, recall: Callable[[str], str | None]) -> None:
        self._schedule = settings.schedule
        self._print = settings.print
        self._world = world
        self._lock = threading.Lock()
        kept = decode_order(recall(ORDER))
        self.fresh = kept is None or kept.schedule != self._print
        """Whether this schedule was never seen before: it begins to count now."""
        self.order = kept if kept is not None and not self.fresh else self._now(None if kept is None else kept.by)
        self._before = self.order
        self._next: Change | None = None
        self._next_of = (math.inf, math.inf)

    def ordered(self, by: str) -> dict[str, str]:
        """Somebody, or the schedule, gave an order now; what is to be kept of it. `take_back` may follow."""
        with self._lock:
            self._before = self.order
            self.order = self._now(by)
        return self.kept()

    def confirmed(self) -> None:
        """An order came now that found things so already: its time counts, and whose order stands stays."""
        with self._lock:
            self._before = self.order
            self.order = self._now(self.order.by)

    def take_back(self) -> None:
        """The last order failed."""
        with self._lock:
            self.order = self._before

    def kept(self) -> dict[str, str]:
        """What is to be kept over a restart."""
        return {ORDER: self.order.encode()}

    @property
    def waits(self) -> bool:
        """Whether there is a schedule that does nothing, since nobody has set the clock."""
        return bool(self._schedule.rules) and not self._world.clock_ok()

    def due(self) -> Change | None:
        """The newest change that is due since the last order; None without one, and without a synchronised clock."""
        if not self._schedule.rules or not self._world.clock_ok():
            return None
        wall, mono = self._world.clock.wall(), self._world.clock.monotonic()
        since = self.order.since(wall, mono, self._world.boot)
        if since is not None and since > wall + FAR_AHEAD_S:
            since = None
        if since is not None:
            first = self._upcoming(since)
            return None if first is not None and first.at > wall else self._schedule.latest(since, wall)
        found = self._schedule.latest(-math.inf, wall)
        if found is not None and found.do != "disarm":
            return found
        self.confirmed()
        return None

    def upcoming(self) -> Change | None:
        """The next change, by a clock that is synchronised."""
        if not self._schedule.rules or not self._world.clock_ok():
            return None
        return self._upcoming(self._world.clock.wall())

    def since(self, mono: float | None) -> float | None:
        """The Unix time of a moment of this run, for None of the last order; None where no clock can tell."""
        if not self._world.clock_ok():
            return None
        wall, now = self._world.clock.wall(), self._world.clock.monotonic()
        found = self.order.since(wall, now, self._world.boot) if mono is None else wall - (now - mono)
        return None if found is None else round(found, 3)

    def _upcoming(self, unix: float) -> Change | None:
        """`Schedule.upcoming`, worked out anew only when the last answer does not hold: the sun takes a while."""
        with self._lock:
            begin, end = self._next_of
            if not begin <= unix < end:
                self._next = self._schedule.upcoming(unix)
                self._next_of = (unix, unix + 86_400.0 if self._next is None else self._next.at)
            return self._next

    def _now(self, by: str | None) -> Order:
        clock = self._world.clock
        at = clock.wall() if self._world.clock_ok() else None
        return Order(at, clock.monotonic(), self._world.boot, by, self._print)
