"""The socket, the thread and the clean stop of the page.

app = build(house, settings, data)
sock = listen(settings)                                          # main thread: a taken port is known at once
Thread(target=serve, args=(app, settings, stop, sock)).start()   # until `stop` is set
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from edge.errors import UserError
from edge.web.door import Door
from edge.web.guard import visit_of
from edge.web.settings import WebSettings

SEND_BUFFER = 128 * 1024
"""Bytes the kernel holds for a slow viewer: bounds memory, and how old its pictures can be."""
STUCK_MS = 15_000
"""A viewer that takes nothing for so long is gone; without this a phone that left the network keeps its seat."""
KEEPALIVE_S = 30
SILENT_TICKS = 50
"""Ticks (a tenth of a second) between two looks for connections that ask for nothing."""
GRACE_S = 0.25
log = logging.getLogger(__name__)


def listen(settings: WebSettings) -> Door:
    """Bind. Raises UserError, one line, for a port in use, an address that is not ours, or a useless certificate."""
    settings.check()
    where = f"web.host = {settings.host!r}, web.port = {settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as fault:
        raise UserError(f"{where}: no such address ({fault.strerror})") from None
    sock = Door(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # accepted sockets inherit these
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
        sock.listen(64)
    except OSError as fault:
        sock.close()
        raise UserError(f"{where}: {_REASONS.get(fault.errno or 0, fault.strerror)}") from None
    return sock


def serve(app: Starlette, settings: WebSettings, stop: threading.Event, sock: Door) -> None:
    """Serve in the calling thread until `stop` is set, then end within a second, open streams or not.

    Installs no signal handlers as long as the thread is not the main one.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        log_level=logging.ERROR,  # whoever reaches the port could write a line of the log with each bad request
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=15,
        ssl_certfile=settings.cert,
        ssl_keyfile=settings.key,
    )
    server = _Server(config, app, stop)
    sock.members = server.members
    server.run([sock])


class _Server(uvicorn.Server):
    """Looks at `stop` on each tick (10 a second)."""

    def __init__(self, config: uvicorn.Config, app: Starlette, stop: threading.Event) -> None:
        super().__init__(config)
        self._app = app
        self._stop = stop
        self._silent: dict[H11Protocol, RequestResponseCycle | None] = {}

    def members(self) -> set[int]:
        """Descriptors of the connections whose newest request came with a session."""
        return {
            connection.transport.get_extra_info("socket").fileno()
            for connection in self.server_state.connections
            if isinstance(connection, H11Protocol) and _has_session(connection)
        }

    async def on_tick(self, counter: int) -> bool:
        if self._stop.is_set():
            self._app.state.api.closing = True
            asyncio.get_running_loop().call_later(GRACE_S, self._hang_up)
            return True
        if counter % SILENT_TICKS == 0:
            self._drop_silent()
        return await super().on_tick(counter)

    def _drop_silent(self) -> None:
        """Whoever connects and asks nothing, or begins a request and does not end it, would keep others out."""
        silent: dict[H11Protocol, RequestResponseCycle | None] = {}
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol) and _owes_request(connection):
                cycle: RequestResponseCycle | None = connection.cycle
                if connection in self._silent and self._silent[connection] is cycle:
                    connection.transport.abort()
                silent[connection] = cycle
        self._silent = silent

    def _hang_up(self) -> None:
        """Streams that wait for a slow viewer never look at `closing`: their connections are cut."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _owes_request(connection: H11Protocol) -> bool:
    """Nothing is being answered, and no keep-alive time runs out either: the first byte of a request cancels that."""
    cycle: RequestResponseCycle | None = connection.cycle
    return cycle is None or (cycle.response_complete and connection.timeout_keep_alive_task is None)


def _has_session(connection: H11Protocol) -> bool:
    return connection.scope is not None and "edge" in connection.scope and bool(visit_of(connection.scope).session)


_REASONS = {
    errno.EADDRINUSE: "another program has this port; choose another web.port",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
    errno.EACCES: "ports below 1024 need root; choose a web.port above",
}
