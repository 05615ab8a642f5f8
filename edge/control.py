"""The local socket behind `edge status`, `arm`, `disarm` and `events`: one JSON line in, one out.

Where the socket is: in the service's runtime folder, else in the data folder. A folder that services share gets a name
of its own for each data folder, so that a command with another configuration never reaches the wrong daemon:

    $RUNTIME_DIRECTORY, or /run/edge where it is ours    control.sock, or control-HASH.sock if `node.data` is set
    node.data                                            control.sock
    $XDG_RUNTIME_DIR/edge, or /tmp/edge-UID              control-HASH.sock, where node.data is too long for a socket

Who may connect is up to the socket's mode, 0660: the daemon's user and group.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from edge.config.schema import Node
from edge.errors import EdgeError, StorageError, UserError

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[dict[str, Any]], Any]
"""Answers a request with a JSON-ready value. The request has `by`, the user at the other end. May raise EdgeError."""

RUNTIME_FOLDER = Path("/run/edge")
TEMPORARY = Path("/tmp")  # noqa: S108 - only in a folder that is one user's alone, see _is_trusted
LONGEST_PATH = 107  # bytes of sun_path less the closing null
LONGEST_REQUEST = 4096
REQUEST_S = 2.0
"""How long a client may take to say what it wants: there is one thread for all."""
REPLY_S = 10.0


MOST_EVENTS = 1000
"""How many events one answer holds at most: it is made in the daemon's memory."""


class House(Protocol):
    """What the socket needs of the daemon."""

    def status(self) -> dict[str, Any]:
        """What is true now."""
        ...

    def events(self, limit: int) -> list[dict[str, Any]]:
        """The newest events, newest first."""
        ...

    def arm(self, mode: str, by: str, *, code: str | None = None, now: bool = False) -> None:
        """Arm. now: without the exit delays."""
        ...

    def disarm(self, code: str | None, by: str) -> None:
        """Disarm."""
        ...

    def panic(self, by: str) -> None:
        """Set the alarm off."""
        ...

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        """The newest lines of the alarm's log, newest first."""
        ...

    def switch(self, camera: str, name: str, on: bool, by: str) -> None:
        """Switch something on a camera."""
        ...


def handlers_of(house: House) -> dict[str, Handler]:
    """The requests of the commands: `status`, `arm` (`mode`, `code`, `now`), `disarm` (`code`), `panic`, `events` and
    `alarm_log` (`limit`; oldest first), `switch` (`camera`, `name`, `on`; answers with the camera's switches as they
    stand)."""

    def arm(request: dict[str, Any]) -> dict[str, Any]:
        house.arm(str(request.get("mode")), request["by"], code=_code(request), now=request.get("now") is True)
        return {"alarm": house.status()["alarm"]}

    def disarm(request: dict[str, Any]) -> dict[str, Any]:
        house.disarm(_code(request), request["by"])
        return {"alarm": house.status()["alarm"]}

    def panic(request: dict[str, Any]) -> dict[str, Any]:
        house.panic(request["by"])
        return {"alarm": house.status()["alarm"]}

    def switch(request: dict[str, Any]) -> dict[str, bool]:
        camera, name, on = str(request.get("camera")), str(request.get("name")), request.get("on")
        if not isinstance(on, bool):
            raise UserError("`on` must be true or false")
        house.switch(camera, name, on, request["by"])
        found = (each for each in house.status()["cameras"] if each["name"] == camera)
        return {switch: bool(stands) for each in found for switch, stands in each["switches"].items()}

    return {
        "status": lambda request: house.status(),
        "arm": arm,
        "disarm": disarm,
        "panic": panic,
        "switch": switch,
        "events": lambda request: house.events(_limit(request))[::-1],
        "alarm_log": lambda request: house.alarm_log(_limit(request))[::-1],
    }


def _code(request: dict[str, Any]) -> str | None:
    code = request.get("code")
    return None if code is None else str(code)


def _limit(request: dict[str, Any]) -> int:
    limit = request.get("limit")
    if not isinstance(limit, int) or not 1 <= limit <= MOST_EVENTS:
        raise UserError(f"`limit` must be a number from 1 to {MOST_EVENTS}")
    return limit


class NotRunning(EdgeError):
    """No daemon answers for this configuration."""


class ControlServer:
    """Answers requests on the local socket, one at a time.

    Binding happens at once, so that a second daemon of the same configuration is refused before it touches anything.

    Args:
        node: tells where the socket goes
        handlers: by the request's `do`

    Raises:
        UserError: a daemon is running for this configuration already.
        StorageError: the socket cannot be made.
    """

    def __init__(self, node: Node, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self.path = _home(node)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(0.25)
        with contextlib.ExitStack() as undo:
            undo.callback(self._socket.close)
            try:
                _make_folder(self.path.parent)
                self._lock = _lock(self.path)
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
            with contextlib.suppress(TimeoutError):
                client, _ = self._socket.accept()
                with client, contextlib.suppress(OSError):
                    self._answer(client)

    def close(self) -> None:
        """Take the socket away; afterwards commands say that nothing runs."""
        self.path.unlink(missing_ok=True)
        self._socket.close()
        os.close(self._lock)

    def _answer(self, client: socket.socket) -> None:
        line = _read_line(client, LONGEST_REQUEST, REQUEST_S)
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
    for path in dict.fromkeys(_candidates(node)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            try:
                if not _is_trusted(path.parent):
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


def _home(node: Node) -> Path:
    """Where this process, as a daemon, puts its socket."""
    shared = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if shared:
        return Path(shared) / _shared_name(node)
    if RUNTIME_FOLDER.is_dir() and RUNTIME_FOLDER.stat().st_uid == os.geteuid():
        return RUNTIME_FOLDER / _shared_name(node)
    return next(_near_data(node, os.geteuid()))


def _candidates(node: Node) -> Iterator[Path]:
    """Where the socket of a daemon of this configuration may be, whoever runs it."""
    shared = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if shared:
        yield Path(shared) / _shared_name(node)
    yield RUNTIME_FOLDER / _shared_name(node)
    yield from _near_data(node, os.geteuid())
    with contextlib.suppress(OSError):
        yield from _near_data(node, node.data.stat().st_uid)


def _near_data(node: Node, uid: int) -> Iterator[Path]:
    """In the data folder; where that path is too long, in a folder of the user's that nobody else can write to."""
    path = node.data / "control.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and uid == os.geteuid() and len(os.fsencode(runtime)) < LONGEST_PATH - 40:
        yield Path(runtime) / "edge" / f"control-{_hash(node)}.sock"
    yield TEMPORARY / f"edge-{uid}" / f"control-{_hash(node)}.sock"


def _shared_name(node: Node) -> str:
    return f"control-{_hash(node)}.sock" if "data" in node.model_fields_set else "control.sock"


def _hash(node: Node) -> str:
    return hashlib.sha256(os.fsencode(node.data.resolve())).hexdigest()[:12]


def _make_folder(folder: Path) -> None:
    shared = folder.parent == TEMPORARY
    folder.mkdir(mode=0o700 if shared else 0o750, parents=True, exist_ok=True)
    if shared and not _is_trusted(folder):
        raise UserError(f"{folder} belongs to somebody else; remove it or set a shorter `node.data`")


def _is_trusted(folder: Path) -> bool:
    """Whether a folder, if it lies where everybody may write, is that of the user whom its name tells."""
    if folder.parent != TEMPORARY:
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and folder.name == f"edge-{found.st_uid}" and not found.st_mode & 0o022


def _lock(path: Path) -> int:
    """Hold the lock beside the socket for as long as the process lives, so that a stale socket is known as stale."""
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip()
        os.close(lock)
        raise UserError(
            f"edge is already running for this configuration (process {holder or 'unknown'}, {path}); "
            "stop it first, or set another `node.data`"
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock
