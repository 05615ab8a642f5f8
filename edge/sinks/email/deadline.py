"""A session that ends in time. A time-out of smtplib is of one recv, and a server that stutters begins it anew."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from typing import Any


class Deadline:
    """Cuts the connection once the time is over: whoever reads or writes on it then gets an OSError or an end of file.

    expired: it has done so
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self.expired = False
        self._timer = self._start(seconds)

    def _start(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        return timer

    def watch(self, line: socket.socket) -> None:
        """This is the connection. The first one counts: TLS is wrapped round the same."""
        with self._lock:
            if self._line is None:
                self._line = line.dup()
        if self.expired:
            self._cut()

    def restart(self, seconds: float) -> None:
        """From now on so many seconds; one that has expired stays so."""
        self._timer.cancel()
        self._timer = self._start(seconds)

    def _cut(self) -> None:
        self.expired = True
        with self._lock, suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The session is over."""
        self._timer.cancel()
        with self._lock:
            if self._line is not None:
                self._line.close()


class Server(smtplib.SMTP):
    """A connection that begins in the clear, under a deadline from its first byte."""

    def __init__(self, deadline: Deadline, host: str, port: int, timeout: float) -> None:
        self._deadline = deadline
        super().__init__(host, port, timeout=timeout)

    def getreply(self) -> tuple[int, bytes]:
        """As smtplib does; the greeting is the first of them."""
        if self.sock is not None and not isinstance(self.sock, ssl.SSLSocket):
            self._deadline.watch(self.sock)
        return super().getreply()


class Context(ssl.SSLContext):
    """TLS whose handshake is under the deadline as well."""

    deadline: Deadline

    def wrap_socket(self, sock: socket.socket, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As ssl does."""
        self.deadline.watch(sock)
        return super().wrap_socket(sock, *args, **kwargs)
