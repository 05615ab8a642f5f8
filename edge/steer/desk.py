"""Where a hand's orders arrive: a datagram socket beside the daemon's, for `edge steer arm` and the like."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.config.schema import Node
from edge.control.place import candidates, home, lock, make_folder
from edge.errors import EdgeError, StorageError, UserError

ANSWER_S = 2.0
LONGEST = 4096
LARGEST = 65536
"""Of an answer: reasons are in it, which may be long."""


RUNTIME_FOLDER = Path("/run/edge-steer")
"""That of `edge-steer.service`."""


def _beside(path: Path) -> Path:
    return path.with_name(path.name.replace("control", "steer", 1))


def places(node: Node) -> Iterator[Path]:
    """Where the socket may be, whoever runs the steering."""
    for path in map(_beside, candidates(node)):
        yield path
        yield RUNTIME_FOLDER / path.name


def alone(node: Node) -> int:
    """The lock of whoever moves the car of a configuration, held until `os.close`.

    Raises:
        UserError: steering runs for it already, as whatever user and in whatever folder.
        OSError: there is no place for the lock.
    """
    for path in places(node):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
            client.connect(str(path))
            raise UserError(f"steering is already running for this configuration ({path}); stop it first")
    path = _beside(home(node))
    make_folder(path.parent)
    return lock(path)


class Desk:
    """The parent's end. Never blocks; who may send is up to the socket's mode, 0660.

    Raises:
        UserError: steering runs for this configuration already.
        StorageError: the socket cannot be made.
    """

    def __init__(self, node: Node) -> None:
        self.path = _beside(home(node))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with contextlib.ExitStack() as undo:
            undo.callback(self._socket.close)
            try:
                self._lock = alone(node)
                undo.callback(os.close, self._lock)
                self.path.unlink(missing_ok=True)
                self._socket.bind(str(self.path))
                self.path.chmod(0o660)
            except OSError as fault:
                raise StorageError(f"cannot make the socket {self.path}: {fault.strerror or fault}") from None
            undo.pop_all()

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def heard(self) -> Iterator[tuple[str, str]]:
        """Each word that waits, and whom to answer."""
        with contextlib.suppress(BlockingIOError):
            while True:
                word, sender = self._socket.recvfrom(LONGEST)
                yield word.decode("utf-8", "replace").strip().upper(), sender

    def answer(self, sender: str, status: dict[str, Any]) -> None:
        """Tell who asked; one that has gone, or does not read, is not waited for."""
        if sender:
            with contextlib.suppress(OSError):
                self._socket.sendto(json.dumps(status).encode(), sender)

    def close(self) -> None:
        """Take the socket away."""
        self.path.unlink(missing_ok=True)
        self._socket.close()
        os.close(self._lock)


def ask(node: Node, word: str) -> dict[str, Any]:
    """Give an order to the steering that runs for a configuration, and get its state.

    Raises:
        EdgeError: none runs, or it does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S)
        client.bind("")  # the kernel gives an abstract name, to which the answer goes
        for path in places(node):
            try:
                client.sendto(word.encode(), str(path))
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                continue
            except PermissionError:
                raise EdgeError(f"{path}: you may not; run it as the service's user or in its group") from None
            except TimeoutError:
                hint = "it hangs; kill it, then run `edge steer neutral`"
                raise EdgeError(f"steering takes no orders on {path}: {hint}") from None
            try:
                answer: dict[str, Any] = json.loads(client.recv(LARGEST))
            except TimeoutError:
                raise EdgeError(f"steering does not answer on {path}") from None
            return answer
    raise EdgeError("no steering runs for this configuration; start it with `edge steer drive`")
