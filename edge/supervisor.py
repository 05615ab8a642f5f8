"""The parts of the running daemon: a thread each, restarted with back-off, watched.

A part reports a sign of life together with how long the next may take: `working(5)` before an inference, `waiting(10,
"reconnecting")` before a pause. The watchdog of systemd is fed only while no part has let its time pass, so a camera
that is away restarts nothing and a wedged engine does. The one place in the package that catches every exception: a
bug in one part must not take the others down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edge.backoff import BackOff
from edge.errors import EdgeError

log = logging.getLogger(__name__)

PartState = Literal["starting", "up", "waiting", "back_off", "ended", "stopped"]
BACK_OFF_S = (1.0, 10.0)
GRACE_S = 5.0
"""How long the supervisor itself may need before a part that is restarting reports again."""


@dataclass(frozen=True, slots=True)
class PartStatus:
    """How a part is doing, for people. since: monotonic seconds; late_s: how far past its time it is, 0 if not."""

    name: str
    state: PartState
    reason: str | None
    since: float
    late_s: float


class Part:
    """One thread of the daemon. `run` is called again after it raised; it ends for good by returning.

    The methods that report are for the part's own thread; `status` is for any.
    """

    def __init__(self, name: str, run: Callable[[Part], None], on_fault: Callable[[str], None] | None = None) -> None:
        self.name = name
        self.stop = threading.Event()
        self._run, self._on_fault = run, on_fault
        self._back_off = BackOff(*BACK_OFF_S)
        self._logged: str | None = None
        self._state: PartState = "starting"
        self._reason: str | None = None
        self._since = time.monotonic()
        self._deadline = self._since + GRACE_S
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end; False if it is still there (a blocked read, which nothing waits for)."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def working(self, within: float) -> None:
        """A sign of life: all is well, and the next comes within so many seconds."""
        self._report("up", None, within)
        self._back_off.reset()
        self._logged = None

    def expect(self, within: float) -> None:
        """The next sign of life comes within so many seconds; whether all is well will be seen then."""
        self._deadline = time.monotonic() + within

    def waiting(self, within: float, reason: str) -> None:
        """A sign of life: nothing to do for a known reason; the next comes within so many seconds."""
        self._report("waiting", reason, within)

    def status(self) -> PartStatus:
        """How the part is doing now."""
        late = 0.0 if self._state in ("ended", "stopped") else max(0.0, time.monotonic() - self._deadline)
        return PartStatus(self.name, self._state, self._reason, self._since, late)

    def _live(self) -> None:
        while not self.stop.is_set():
            try:
                self._run(self)
                self._report("stopped" if self.stop.is_set() else "ended", self._reason, GRACE_S)
                return
            except EdgeError as fault:
                self._failed(str(fault))
            except Exception as bug:
                log.exception("%s: a bug, please report it", self.name)
                self._failed(f"internal fault: {type(bug).__name__}: {bug}")
        self._report("stopped", self._reason, GRACE_S)

    def _failed(self, reason: str) -> None:
        """Say why, once for the same reason, then wait."""
        if reason != self._logged:
            log.warning("%s: %s", self.name, reason)
            self._logged = reason
        if self._on_fault:
            self._on_fault(reason)
        pause = self._back_off.next()
        self._report("back_off", reason, pause + GRACE_S)
        self.stop.wait(pause)

    def _report(self, state: PartState, reason: str | None, within: float) -> None:
        now = time.monotonic()
        if state != self._state:
            self._since = now
        self._state, self._reason, self._deadline = state, reason, now + within


class Supervisor:
    """Starts the parts, watches them, stops them. Its methods are for one thread, the daemon's main one."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def start(self, name: str, run: Callable[[Part], None], on_fault: Callable[[str], None] | None = None) -> Part:
        """Run a new part in a thread of its own. `on_fault(reason)` is called in it each time that it fails."""
        part = Part(name, run, on_fault)
        self._parts.append(part)
        part.start()
        return part

    def late(self) -> list[PartStatus]:
        """The parts that let their time pass; while there is one, the watchdog is not fed."""
        return [status for part in self._parts if (status := part.status()).late_s > 0]

    def stop(self, parts: list[Part], timeout: float) -> None:
        """Ask parts to stop and wait for them together; one that blocks is left behind (its thread is daemonic)."""
        for part in parts:
            part.stop.set()
        deadline = time.monotonic() + timeout
        for part in parts:
            if not part.join(max(0.0, deadline - time.monotonic())):
                log.info("%s did not stop in time", part.name)
            if part in self._parts:
                self._parts.remove(part)
