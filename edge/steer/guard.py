"""Has the car stand when the process that drives it is killed or hangs, where the actuator itself would not.

A process of its own, `python -m edge.steer.guard FD`: it opens the actuator, at neutral, once the other end of its
socket has been silent for 200 ms, or is gone without a farewell.
"""

from __future__ import annotations

import importlib
import json
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from edge.clock import Clock
from edge.errors import EdgeError, PartError
from edge.steer.actuators.base import TABLE, Actuator, leave, open_actuator
from edge.types import NEUTRAL, Steering

GUARDED = frozenset({"pca9685"})
"""Actuators that keep doing what they were told last; the others' commands expire, or end with their process."""
SILENCE_S = 0.2
AGAIN_S = 0.05
"""Between two tries of neutral while nobody else gives any."""
LAST_S = 30.0
"""How long it is tried for a parent that is gone, should the device be away."""
PAUSE_S = 1.0
READY, BEAT, FAREWELL = b"+", b".", b"!"


class Guarded:
    """An actuator with a guard beside it. One thread, as the actuator; a guard that is gone is a fault.

    Args:
        settings: of the actuator, as `open_actuator` takes them
    """

    def __init__(self, actuator: Actuator, name: str, settings: dict[str, Any], clock: Clock) -> None:
        self._actuator, self._clock = actuator, clock
        self._task = json.dumps([name, settings])
        self._ready = False
        self._end: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._due = 0.0
        self._begin()

    def give(self, command: Steering) -> None:
        """As the actuator does. PartError: it cannot, or there is no guard; the next one is started soon."""
        if self._end is None and self._clock.monotonic() >= self._due:
            self._actuator.give(NEUTRAL)
            self._begin()
        self._actuator.give(command)
        try:
            self._beat()
        except OSError:  # it is gone; or takes no more, so that it guards nothing
            self._drop()
        if not self._ready:
            raise PartError("there is no guard beside the actuator; one is being started")

    def close(self) -> None:
        """Neutral, and no guard any more."""
        try:
            self._actuator.close()
        finally:
            if self._end is not None:
                with suppress(OSError):
                    self._end.send(FAREWELL)
            self._drop(kill=False)

    def _beat(self) -> None:
        if self._end is None:
            return
        if not self._ready:
            with suppress(BlockingIOError):
                self._ready = self._end.recv(1) == READY
        self._end.send(BEAT)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        command = [sys.executable, "-m", "edge.steer.guard", str(theirs.fileno()), self._task]
        with theirs:
            try:
                # A session of its own: what a terminal sends to all of us must not end it first.
                self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                    command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
                )
            except OSError:
                ours.close()
                self._due = self._clock.monotonic() + PAUSE_S
                return
        self._end = ours

    def _drop(self, *, kill: bool = True) -> None:
        self._ready = False
        if self._end is not None:
            self._end.close()
            self._end = None
        if self._process is not None and kill:
            self._process.kill()  # one that slept would wake beside its successor, and take us for dead
            self._process.poll()
        self._due = self._clock.monotonic() + PAUSE_S


def watch(end: socket.socket, name: str, settings: dict[str, Any]) -> None:
    """Until a farewell, or until the car of a parent that is gone stands."""
    told = False
    with suppress(OSError):
        end.send(READY)
    while True:
        silent = not select.select([end], [], [], AGAIN_S if told else SILENCE_S)[0]
        heard = b"" if silent else end.recv(16)
        if heard == FAREWELL:
            return
        if heard:
            told = False
            continue
        if _neutral(name, settings, 0.0 if silent else LAST_S) and not silent:
            return
        told = True


def _neutral(name: str, settings: dict[str, Any], patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            leave(open_actuator(name, settings))
        except EdgeError:
            if time.monotonic() >= until:
                return patience > 0
            time.sleep(AGAIN_S)
        else:
            return True


def main() -> None:
    """Read what to guard, and guard it."""
    name, settings = json.loads(sys.argv[2])
    importlib.import_module(TABLE[name].partition(":")[0])  # now, and not when every millisecond counts
    with socket.socket(fileno=int(sys.argv[1])) as end:
        watch(end, name, settings)


if __name__ == "__main__":
    main()
