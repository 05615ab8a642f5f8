"""One keep-alive HTTP connection to an inference server, each exchange within one deadline.

`http.client` bounds each single read; a server that sends a byte a second would keep a camera for hours. Here every
name lookup, connection, handshake, write and read of an exchange gets what is left of its time.
"""

from __future__ import annotations

import base64
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from edge.engines.base import one_line
from edge.errors import EngineError

ANSWER_LIMIT = 1 << 20
HEADERS_LIMIT = 1 << 17
WANTED = "wanted `http://HOST:PORT` or `https://HOST:PORT`; `/`, `?`, `#`, `@` of a password are %2F, %3F, %23, %40"
PIECE = 1 << 18
"""Bytes written between two looks at the clock: TLS counts a timeout anew for each record."""


class Odd(Exception):
    """An answer that is not what it says it is; told as EngineError by the exchange."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is.

    prefix: path before `/v2`, for a server behind a gateway
    login: value of the Authorization header, None where the URL has no user
    """

    tls: bool
    host: str
    port: int
    prefix: str
    login: str | None = field(repr=False)

    def __str__(self) -> str:
        """As people may read it: no user, no password, no path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


def place(url: str) -> Place:
    """Take a server's URL apart; ValueError, which does not quote it, if it is none."""
    with suppress(ValueError):  # its message may quote the password, so it is not even this one's context
        return _taken_apart(url)
    raise ValueError(WANTED)


def _taken_apart(url: str) -> Place:
    parts = urlsplit(url.strip())
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError
    # An `@` behind the host is the end of a password that has a `/` in it: host and port would be its beginning.
    if "@" in parts.path or " " in host or not host.isprintable():
        raise ValueError
    tls = parts.scheme == "https"
    host.encode("idna")
    login = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = "Basic " + base64.b64encode(pair.encode()).decode()
    prefix = quote(parts.path.rstrip("/").removesuffix("/v2"), safe="/%")
    return Place(tls, host, port or (443 if tls else 80), prefix, login)


class Deadline:
    """A moment by which something has to be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than 0; TimeoutError once there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Channel:
    """A connection that is made when it is needed and made again when the server dropped it. For one thread."""

    def __init__(self, place: Place, timeout_s: float) -> None:
        """Note where to connect to; `timeout_s` is for one exchange."""
        self.place = place
        self._timeout_s = timeout_s
        self._http = _Connection(place)

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        body: Sequence[bytes | memoryview] = (),
        headers: Mapping[str, str] | None = None,
        *,
        deadline: Deadline | None = None,
        limit: int = ANSWER_LIMIT,
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and hand over the response, which the block has to read to its end.

        Whatever goes wrong, also in the block, is raised as one EngineError and ends the connection.

        Args:
            body: pieces, sent from where they are.
            deadline: of this exchange, where it is one of several; else `timeout_s` from now.
            limit: bytes that the answer may have.
        """
        self._http.deadline = deadline or Deadline(self._timeout_s)
        self._http.room = limit + HEADERS_LIMIT
        sent = dict(headers or {})
        if body:
            sent["Content-Length"] = str(sum(len(piece) for piece in body))
        if self.place.login is not None:
            sent["Authorization"] = self.place.login
        whole, response = False, None
        try:
            response = self._send(method, self.place.prefix + path, body, sent)
            yield response
            if not response.isclosed() and response.read(1):
                raise Odd("its answer is longer than it says")
            whole = True
        except TimeoutError:
            raise EngineError(f"kserve: {self.place} did not answer within {self._timeout_s:g} s") from None
        except (OSError, http.client.HTTPException, ValueError, Odd) as fault:
            raise EngineError(f"kserve: {self.place}: {one_line(_reason(fault))}") from None
        finally:
            if not whole:
                if response is not None:  # a response that ends with its connection is no longer the connection's
                    response.close()
                self._http.close()

    def close(self) -> None:
        """End the connection; the next exchange makes another."""
        self._http.close()

    def _send(self, method: str, path: str, body: Sequence[bytes | memoryview], headers: Mapping[str, str]) -> Any:
        if self._http.stale():
            self._http.close()
        kept = self._http.sock is not None
        try:
            return self._once(method, path, body, headers)
        except (ConnectionError, ssl.SSLEOFError):
            # A server may end a kept connection in the very moment in which it is used again. Asking twice does no
            # harm: an inference changes nothing.
            self._http.close()
            if not kept:
                raise
            return self._once(method, path, body, headers)

    def _once(self, method: str, path: str, body: Sequence[bytes | memoryview], headers: Mapping[str, str]) -> Any:
        self._http.request(method, path, iter(body) if body else None, dict(headers))
        return self._http.getresponse()


class _Connection(http.client.HTTPConnection):
    """An HTTP connection whose socket keeps to `deadline` and reads `room` bytes at most; over TLS where wanted."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.host, place.port)
        self.deadline = Deadline(0)
        self.room = 0
        self._place = place
        self._bare: socket.socket | None = None

    def connect(self) -> None:
        bare = _connect(self._place, self.deadline)
        with ExitStack() as undo:
            undo.callback(bare.close)
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._place.tls:
                bare.settimeout(self.deadline.left())
                bare = ssl.create_default_context().wrap_socket(bare, server_hostname=self._place.host)
            undo.pop_all()
        self._bare = bare
        self.sock = _Timed(bare, self)

    def stale(self) -> bool:
        """Whether the kept connection was ended, or holds bytes that no request asked for."""
        if self.sock is None or self._bare is None:
            return False
        poll = select.poll()
        poll.register(self._bare, select.POLLIN)
        return bool(poll.poll(0))


class _Timed:
    """What `http.client` uses of a socket, every call within the connection's deadline."""

    def __init__(self, bare: socket.socket, owner: _Connection) -> None:
        self._bare = bare
        self._owner = owner

    def sendall(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            self._bare.settimeout(self._owner.deadline.left())
            self._bare.sendall(view[start : start + PIECE])

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._bare, self._bare.makefile("rb", buffering=0), self._owner))

    def close(self) -> None:
        self._bare.close()


class _Reader(io.RawIOBase):
    """The receiving side of a socket; it keeps the socket open until the response is read, as `makefile` does."""

    def __init__(self, bare: socket.socket, raw: Any, owner: _Connection) -> None:
        super().__init__()
        self._bare = bare
        self._raw = raw
        self._owner = owner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._bare.settimeout(self._owner.deadline.left())
        # Counted here, below `http.client`, which reads a chunk of size -1 until there is no memory left.
        count: int = self._raw.readinto(buffer)
        self._owner.room -= count
        if self._owner.room < 0:
            raise Odd("its answer is longer than can be")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _connect(place: Place, deadline: Deadline) -> socket.socket:
    """A TCP connection to the first address that answers, each given its share of the time."""
    found = _addresses(place, deadline)
    fault: OSError = OSError("its name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        bare = socket.socket(family, kind, protocol)
        try:
            bare.settimeout(deadline.left() / (len(found) - number))
            bare.connect(address)
        except OSError as refused:
            bare.close()
            fault = refused
        else:
            return bare
    raise fault


def _addresses(place: Place, deadline: Deadline) -> list[Any]:
    """Look the name up in a thread: the system's resolver knows no time limit of ours."""
    found: Future[list[Any]] = Future()

    def look() -> None:
        try:
            found.set_result(socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM))
        except OSError as fault:
            found.set_exception(fault)

    threading.Thread(target=look, name="kserve-lookup", daemon=True).start()
    try:
        return found.result(deadline.left())
    except FutureTimeoutError:
        raise TimeoutError from None


def _reason(fault: BaseException) -> str:
    """What happened, for the owner of the device."""
    if isinstance(fault, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(fault, http.client.RemoteDisconnected):
        return "the server ended the connection without an answer"
    if isinstance(fault, http.client.IncompleteRead):
        return "its answer ends early"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {fault.verify_message}"
    if isinstance(fault, socket.gaierror):
        return f"its name cannot be looked up ({fault.strerror})"
    if isinstance(fault, Odd):
        return str(fault)
    if isinstance(fault, (http.client.HTTPException, ValueError)):
        return f"its answer is not HTTP ({type(fault).__name__}: {one_line(fault, 60)})"
    return getattr(fault, "strerror", None) or one_line(fault)
