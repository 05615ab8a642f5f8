"""One JSON line in, one out. Who may connect is up to the socket's mode, 0660: the daemon's user and group."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.config.schema import Node
from edge.control.handlers import Handler
from edge.control.place import candidates, home, is_trusted, lock, make_folder
from edge.errors import EdgeError, StorageError, UserError

LONGEST_REQUEST = 4096
REQUEST_S = 2.0
"""How long a client may take to say what it wants: a few are served at once."""
REPLY_S = 10.0
AT_ONCE = 8
"""Clients that are served at once: whoever disarms does not wait behind an order that waits for the disk."""
FAREWELL_S = 0.5
"""How long those that are being served as it stops have for their answers."""


class NotRunning(EdgeError):
    """No daemon answers for this configuration."""


class ControlServer:
    """Answers requests on the local socket, `AT_ONCE` at a time, each in a thread of its own.

    Binding happens at once, so that a second daemon of the same configuration is refused before it touches anything.

    Args:
        node: tells where the socket goes
        handlers: by the request's `do`; called from any thread

    Raises:
        UserError: a daemon is running for this configuration already.
        StorageError: the socket cannot be made.
    """

    def __init__(self, node: Node, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self.path = home(node)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(0.25)
        with contextlib.ExitStack() as undo:
            undo.callback(self._socket.close)
            try:
                make_folder(self.path.parent)
                self._lock = lock(self.path)
                undo.callback(os.close, self._lock)
                self.path.unlink(missing_ok=True)
                self._socket.bind(str(self.path))
                self.path.chmod(0o660)
                self._socket.listen(128)
            except OSError as fault:
                reason = fault.strerror or fault
                raise StorageError(f"cannot make the control socket {self.path}: {reason}") from None
            undo.pop_all()

    def serve(self, stop: threading.Event) -> None:
        """Answer until `stop` is set: the body of the control thread. A handler's EdgeError is an answer too."""
        while not stop.is_set():
            if not self._free.acquire(timeout=0.25):
                continue
            try:
                client, _ = self._socket.accept()
            except OSError as fault:
                self._free.release()
                if isinstance(fault, TimeoutError):
                    continue
                raise
            threading.Thread(target=self._serve, args=(client,), name="control: a client", daemon=True).start()
        until = time.monotonic() + FAREWELL_S
        taken = [self._free.acquire(timeout=max(0.0, until - time.monotonic())) for _ in range(AT_ONCE)]
        for _ in filter(None, taken):
            self._free.release()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):
                self._answer(client)
        finally:
            self._free.release()

    def close(self) -> None:
        """Take the socket away; afterwards commands say that nothing runs."""
        self.path.unlink(missing_ok=True)
        self._socket.close()
        os.close(self._lock)

    def _answer(self, client: socket.socket) -> None:
        line = _read_line(client, LONGEST_REQUEST, REQUEST_S)
        if _has_gone(client):
            return  # told that nobody answered, its user may have done something else since
        try:
            request = _request(line, client)
            handler = self._handlers.get(request["do"])
            if handler is None:
                raise UserError(f"the daemon has no `{request['do']}`; it has {', '.join(self._handlers)}")
            reply = {"ok": True, "result": handler(request)}
        except EdgeError as fault:
            reply = {"ok": False, "error": str(fault), "exit_code": fault.exit_code}
        client.settimeout(REPLY_S)
        client.sendall(json.dumps(reply).encode() + b"\n")


def call(node: Node, request: Mapping[str, Any], timeout: float = 15.0) -> Any:
    """Ask the daemon of a configuration.

    Args:
        node: of that configuration
        request: `{"do": NAME, ...}`
        timeout: seconds for the whole answer

    Returns:
        what the handler gave

    Raises:
        NotRunning: nobody answers.
        UserError, EdgeError: what the handler raised, or that this user may not ask.
    """
    for path in dict.fromkeys(candidates(node)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            try:
                if not is_trusted(path.parent):
                    continue
                client.connect(str(path))
            except PermissionError:
                raise UserError(
                    f"not allowed to speak with edge at {path}; run this with sudo, or join the group of edge"
                ) from None
            except OSError:
                continue
            return _ask(client, request, path, timeout)
    raise NotRunning("edge is not running for this configuration; start it with `edge run` or `systemctl start edge`")


def _ask(client: socket.socket, request: Mapping[str, Any], path: Path, timeout: float) -> Any:
    try:
        client.sendall(json.dumps(request).encode() + b"\n")
        line = _read_line(client, None, timeout)
        reply = json.loads(line)
    except TimeoutError:
        raise EdgeError(
            f"edge at {path} did not answer in {timeout:.0f} s; what was asked for may still be done: see `edge status`"
        ) from None
    except (OSError, ValueError):
        raise EdgeError(f"edge at {path} did not answer; see its log") from None
    if reply["ok"]:
        return reply["result"]
    raise (UserError if reply["exit_code"] == UserError.exit_code else EdgeError)(reply["error"])


def _request(line: bytes, client: socket.socket) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise UserError("the request is no JSON line") from None
    if not isinstance(request, dict) or not isinstance(request.get("do"), str):
        raise UserError('a request is a JSON object with "do"')
    pid, uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return {**request, "by": f"the command line (user {uid}, process {pid})"}


def _has_gone(client: socket.socket) -> bool:
    """Whether the other end is closed; one that merely says no more may still listen."""
    poll = select.poll()
    poll.register(client, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


def _read_line(peer: socket.socket, longest: int | None, timeout: float) -> bytes:
    """Up to the first line end, in bounded time however slowly the bytes come; raises OSError if it does not."""
    until = time.monotonic() + timeout
    parts = bytearray()
    while not parts.endswith(b"\n"):
        peer.settimeout(max(until - time.monotonic(), 0.001))
        part = peer.recv(65536)
        parts += part
        if not part or (longest is not None and len(parts) > longest):
            raise ConnectionAbortedError("no whole line")
    return bytes(parts)
