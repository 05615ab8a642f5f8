"""Starts the loop's process, and starts it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from edge.clock import Clock
from edge.errors import PartError
from edge.steer.wire import Command, Note, heard, pair

PAUSE_S = 1.0
"""Between the end of a loop and the start of the next."""
HUNG_S = 3.0
"""A loop that has spoken and says nothing for so long is ended and started again."""
START_S = 60.0
"""The same of one that has not given a command yet: it may load a large model."""


class Keeper:
    """The child process, from the parent's side. One thread; nothing here waits for it.

    Args:
        task: what it is to do, as JSON

    Attributes:
        end: our end of its socket pair; None while there is no child
        started: how many there were
    """

    def __init__(self, task: str, clock: Clock) -> None:
        self._task, self._clock = task, clock
        self.end: socket.socket | None = None
        self.started = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._dying: list[subprocess.Popen[bytes]] = []
        self._due = 0.0
        self._heard_at = 0.0
        self._spoke = False

    @property
    def pid(self) -> int | None:
        """Of the child that runs."""
        return self._process.pid if self._process is not None else None

    def tend(self) -> bool:
        """Start one if none runs and it is time; True if there is a new one."""
        now = self._clock.monotonic()
        self._dying = [process for process in self._dying if process.poll() is None]
        if self._process is not None or now < self._due:
            return False
        end, other = pair()
        command = [sys.executable, "-m", "edge.steer.child", str(other.fileno())]
        with other:
            # A session of its own: Ctrl-C is the parent's to hear, which stops the car first.
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                command, stdin=subprocess.PIPE, pass_fds=[other.fileno()], start_new_session=True
            )
        assert self._process.stdin is not None  # noqa: S101  # a pipe was asked for
        self.end, self._heard_at, self._spoke = end, now, False
        self.started += 1
        with self._process.stdin as pipe:
            pipe.write(self._task.encode())
        return True

    def hear(self) -> list[Command | Note]:
        """What it has said since. Raises PartError, once, if it is gone or has hung; `tend` starts another."""
        if self.end is None or self._process is None:
            return []
        said, there = heard(self.end)
        now = self._clock.monotonic()
        if said:
            self._heard_at = now
            self._spoke |= any(isinstance(one, Command) for one in said)
        if there and now - self._heard_at > (HUNG_S if self._spoke else START_S):
            self.stop()
            raise PartError("the loop has hung and was ended")
        if there:
            return said
        pid = self._process.pid
        self.stop()
        last = next((one.text for one in reversed(said) if isinstance(one, Note) and one.kind == "fault"), None)
        raise PartError(last or f"the loop (process {pid}) has ended")

    def stop(self) -> None:
        """End it, whatever it does."""
        process, self._process = self._process, None
        if self.end is not None:
            self.end.close()
            self.end = None
        self._due = self._clock.monotonic() + PAUSE_S
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # also one that is stopped
            self._dying.append(process)
