"""Starts the loop's process, and starts it again."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys

from edge.clock import Clock
from edge.errors import MissingError, PartError, UserError
from edge.steer.wire import Command, Note, heard, pair

log = logging.getLogger(__name__)
PAUSE_S = 1.0
"""Between the end of a loop and the start of the next."""
HUNG_S = 3.0
"""A loop that has spoken and says nothing for so long is ended and started again."""
FAREWELL_S = 1.0
"""How long a loop that says it cannot begin may take to end."""
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
        self._last: str | None = None

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
        self._due = now + PAUSE_S
        end, other = pair()
        command = [sys.executable, "-m", "edge.steer.child", str(other.fileno())]
        with other:
            try:
                # A session of its own: Ctrl-C is the parent's to hear, which stops the car first.
                self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                    command, stdin=subprocess.PIPE, pass_fds=[other.fileno()], start_new_session=True
                )
            except OSError as fault:
                log.warning("the loop cannot be started: %s", fault.strerror or fault)
                end.close()
                return False
        self.end, self._heard_at, self._spoke, self._last = end, now, False, None
        self.started += 1
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101  # it was asked for
        with contextlib.suppress(BrokenPipeError), pipe:  # one that has ended already is heard of by its socket
            pipe.write(self._task.encode())
        return True

    def hear(self) -> list[Command | Note]:
        """What it has said since.

        Raises:
            PartError: once, if it is gone or has hung; `tend` starts another.
            UserError, MissingError: the first one could not begin, and neither could another.
        """
        if self.end is None or self._process is None:
            return []
        said, there = heard(self.end)
        now = self._clock.monotonic()
        if said:
            self._heard_at = now
        for one in said:
            self._spoke |= isinstance(one, Command)
            self._last = one.text if isinstance(one, Note) and one.kind == "fault" else None
        if there and now - self._heard_at > (HUNG_S if self._spoke else START_S):
            self.stop()
            raise PartError("the loop has hung and was ended")
        if there:
            return said
        pid, code = self._process.pid, None
        if self.started == 1 and not self._spoke:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(FAREWELL_S)  # the car has not moved yet
        self.stop()
        last = self._last
        if code == UserError.exit_code and last:
            raise UserError(last)
        if code == MissingError.exit_code and last:
            raise MissingError(last)
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
