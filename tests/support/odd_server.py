"""A server of the Open Inference Protocol in a few lines, for what no sane server does; sane itself unless told."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Connection = socket.socket
Talk = Callable[[Connection, bytes, bytes], None]
"""What is done with a connection, the head of a request and its body instead of answering."""

MODEL = {
    "name": "add",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4]}],
}
BINARY = "binary_tensor_data"
MODEL_FILE = Path("add.onnx")
X = {"x": np.arange(4, dtype=np.float32).reshape(1, 4)}
Y = [[1, 2, 3, 4]]
Y_TOLD = {"name": "y", "datatype": "FP32", "shape": [1, 4]}


def http(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    """A response; headers with `_` for `-`, Content-Length as it is unless given."""
    lines = {"Content_Length": len(body), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def inferred(body: bytes, **changed: object) -> bytes:
    """The right answer of y = x + 1 to a binary request; `changed` replaces what its output says."""
    x = np.frombuffer(body[-16:], np.float32)
    output = {"name": "y", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": 16}, **changed}
    head = json.dumps({"model_name": "add", "outputs": [output]}).encode()
    return http(head + (x + 1).tobytes(), Inference_Header_Content_Length=len(head))


def says(answer: bytes) -> Any:
    """A talker that answers so, and closes."""

    def talk(connection: Any, head: bytes, body: bytes) -> None:
        connection.sendall(answer)
        connection.shutdown(2)

    return talk


def with_head(head: object, tail: bytes = b"", **headers: object) -> bytes:
    text = json.dumps(head).encode()
    return http(text + tail, **{"Inference_Header_Content_Length": len(text), **headers})


def output(**changed: object) -> dict[str, object]:
    plain = {"name": "y", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": 16}}
    return {"outputs": [{**plain, **changed}]}


class OddServer:
    """Serves one model `add`, y = x + 1; `talk` takes over a request to infer, `about` and `model` are its metadata.

    requests: heads of those that came; connections: how many were made
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.about: object = {"name": "odd", "version": "1", "extensions": [BINARY]}
        self.model: object = MODEL
        self.ready = http(b"")
        self.talk: Talk = lambda connection, head, body: connection.sendall(inferred(body))
        self.requests: list[str] = []
        self.connections = 0
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[Connection] = []
        self._closing = threading.Event()
        self.port = int(self._listening.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()

    def drop(self) -> None:
        """End the connections that are open."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def closed(self, seconds: float) -> bool:
        """Wait that long, or until the server is closed: for talkers that dribble."""
        return self._closing.wait(seconds)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as reader:
                while head := _head(reader):
                    length = next((int(h[15:]) for h in head.lower().splitlines() if h[:15] == b"content-length:"), 0)
                    self._answer(connection, head, reader.read(length))

    def _answer(self, connection: Connection, head: bytes, body: bytes) -> None:
        self.requests.append(head.decode())
        path = head.split()[1]
        if path.endswith(b"/infer"):
            self.talk(connection, head, body)
        elif path.endswith(b"/ready"):
            connection.sendall(self.ready)
        else:
            said = self.model if b"/models/" in path else self.about
            connection.sendall(said if isinstance(said, bytes) else http(json.dumps(said).encode()))


def _head(reader: Any) -> bytes:
    lines = b""
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines += line
    return lines
