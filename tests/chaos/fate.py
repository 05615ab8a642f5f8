"""Who breaks what, and when: all of it from one seed."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.clips import Clips
from tests.chaos.world import Fault, World
from tests.support.broker import eventually

DOWN_S = (2.0, 10.0)
"""How long a thing stays broken."""
WELL_S = (3.0, 12.0)
"""How long things of one kind are well in between."""
SETTLE_S = 150.0
"""Longer than the longest pause of a sink after a fault, twice: it may have begun just before all was well."""


@dataclass(slots=True)
class Fate:
    """Breaks and mends things until its time is over, then leaves everything whole.

    log: what was done, with the seconds at which it was
    clips: those that there were
    """

    world: World
    seconds: float
    kills: int
    seed: int
    say: Callable[[str], None]
    log: list[tuple[float, str]] = field(default_factory=list)
    clips: Clips = field(init=False)
    _random: random.Random = field(init=False)
    _begun: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.clips = Clips(self.world.data / "clips")
        self._random = random.Random(self.seed)  # noqa: S311 - which fault comes next is no secret

    def run(self) -> None:
        """Play; returns once all is well and everything has been told, or fails."""
        self._begun = time.monotonic()
        self.world.keep_running()
        broken: dict[str, tuple[float, Fault]] = {}
        due = {fault.kind: self._random.uniform(*WELL_S) for fault in self.world.faults()}
        deaths = sorted(self._random.uniform(2.0, self.seconds) for _ in range(self.kills))
        while (now := self._now()) < self.seconds:
            if deaths and deaths[0] <= now:
                deaths.pop(0)
                self._die()
            for kind in list(due):
                if kind in broken and broken[kind][0] <= now:
                    self._mend(broken.pop(kind)[1])
                    due[kind] = self._now() + self._random.uniform(*WELL_S)
                elif kind not in broken and due[kind] <= now:
                    fault = self._random.choice([each for each in self.world.faults() if each.kind == kind])
                    self._note(fault.name)
                    if fault.kind == "disk":
                        self.clips.look()
                    fault.breaks()
                    broken[kind] = self._now() + self._random.uniform(*DOWN_S), fault
            if self._random.random() < 0.02:
                self._arm()
            time.sleep(0.1)
        for _, fault in broken.values():
            self._mend(fault)
        for _ in deaths:
            self._die()
        self._note("everything is well again")
        newest = self.world.newest_event()
        try:
            eventually(lambda: not self.world.waiting(newest), SETTLE_S)
        except AssertionError:
            left = self.world.waiting(newest)
            raise AssertionError(f"not all is told after {SETTLE_S:.0f} s: {left} wait") from None
        self.clips.look()

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _note(self, what: str) -> None:
        self.log.append((self._now(), what))
        self.say(f"{self._now():6.1f} s  {what}")

    def _mend(self, fault: Fault) -> None:
        fault.mends()
        self._note(f"{fault.name}: over")

    def _die(self) -> None:
        """SIGKILL; what keeps the daemon running starts the next one."""
        self._note("the daemon is killed")
        self.world.daemon.signal(signal.SIGKILL)

    def _arm(self) -> None:
        """Somebody arms or disarms; a disk that is full refuses, and says so."""
        with contextlib.suppress(RuntimeError):  # no broker: it goes out when there is one
            self.world.heard.publish("edge/alarm/set", self._random.choice(["DISARM", "ARM_AWAY", "ARM_HOME"]))
