"""Wakes a thread that sleeps in `select`."""

from __future__ import annotations

import select
import socket


class Bell:
    """Rung from any thread, or a signal handler (where a lock is not safe); never blocks."""

    def __init__(self) -> None:
        self._far, self._near = socket.socketpair()
        self._far.setblocking(False)
        self._near.setblocking(False)

    def ring(self) -> None:
        """Wake it; many rings before it looks are one."""
        try:
            self._far.send(b"!")
        except (BlockingIOError, OSError):  # full: it is going to wake anyway; closed: nobody sleeps there any more
            return

    def clear(self) -> bool:
        """Forget the rings so far; whether there were any."""
        rung = False
        try:
            while self._near.recv(4096):
                rung = True
        except BlockingIOError:
            pass
        return rung

    def wait(self, timeout: float) -> bool:
        """Sleep until it is rung, at most so many seconds; whether it was. Forgets the rings."""
        select.select([self], [], [], timeout)
        return self.clear()  # not what `select` saw: a ring that comes just after it gave up would be forgotten

    def fileno(self) -> int:
        """For `select`."""
        return self._near.fileno()

    def close(self) -> None:
        """Give the sockets back."""
        self._far.close()
        self._near.close()
