"""Telling systemd how the service is doing. Source: sd_notify(3), sd_watchdog_enabled(3)."""

from __future__ import annotations

import os
import socket
import time
import weakref
from collections.abc import Mapping


class Notifier:
    """Sends notifications where systemd asked for them, and does nothing where nobody did. Any thread may call it.

    A notification that cannot be sent is given up: the service must not fail because nobody listens.

    Args:
        environ: where `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are looked up
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # An @ stands for the null byte of an abstract name; other kinds (vsock) are for virtual machines.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path if path.startswith("/") else None
        # Opened now: once the process is out of file descriptors it must still be able to say that it lives.
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if self._address else None
        if self._socket is not None:
            self._socket.settimeout(1.0)
            weakref.finalize(self, self._socket.close)
        self.watchdog_s = _watchdog_s(environ) if self._address else None
        """How often systemd wants a sign of life, in seconds; feed it twice as often. None: not at all."""

    def hurry(self) -> None:
        """From now on nothing is waited for: what a busy service manager does not take at once is given up."""
        if self._socket is not None:
            self._socket.setblocking(False)

    @property
    def present(self) -> bool:
        """Whether a service manager listens."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The service is up, after a start or a reload."""
        self._send("READY=1", status and f"STATUS={_line(status)}")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={_line(text)}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str = "") -> None:
        """The service is on its way down."""
        self._send("STOPPING=1", status and f"STATUS={_line(status)}")

    def watchdog(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def watchdog_every(self, seconds: float) -> None:
        """From now on systemd wants a sign of life every so many seconds."""
        self._send(f"WATCHDOG_USEC={int(seconds * 1e6)}")

    def _send(self, *fields: str) -> None:
        if self._socket is None or self._address is None:
            return
        message = "\n".join(field for field in fields if field).encode()
        try:
            self._socket.sendto(message, self._address)
        except OSError:
            return


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """The watchdog's interval if it is meant for this process."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6


def _line(text: str) -> str:
    """A status is one line: the next would be a field of its own."""
    return " ".join(text.split())
