"""The Udacity simulator's server: a picture comes, the steering goes back, message for message.

The simulator waits for the answer to a message before it sends the next, and goes on with what it was told last. So
every message is answered, and whatever is wrong is answered with neutral.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import logging
import math
import struct
import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from edge.clock import Clock
from edge.errors import EdgeError, MissingError, UserError
from edge.steer import socketio
from edge.steer.speed import SpeedControl
from edge.types import NEUTRAL, U8, Steering

log = logging.getLogger(__name__)
LARGEST = 4 * 1024 * 1024
"""Bytes of a message: a picture of 320x160 takes some 20 kB."""
MOST_PIXELS = 4_000_000
MOST_SIMULATORS = 4
SILENCE_S = (socketio.PING_MS + socketio.PATIENCE_MS) / 1000
"""After which a connection is taken for dead: the simulator would have sent a ping."""
FAREWELL_S = 1.0
_MARKER, _START, _SCAN = 0xFF, 0xD8, 0xDA
_FRAMES = (0xC0, 0xC1)
"""Of JPEG's frames those that are decoded in one go: a progressive one costs as much as its sender likes."""


class Malformed(EdgeError):
    """A message that has not what it should."""


class Driver:
    """Answers messages. Any thread; one at a time.

    Args:
        pilot: the steering -1..1 of a BGR image, uint8 (h, w, 3)
        mph: the speed that is kept

    Attributes:
        answered, refused: messages, and those of them that were answered with neutral since something was wrong
    """

    def __init__(self, pilot: Callable[[U8], float], mph: float, clock: Clock) -> None:
        self._pilot, self._mph, self._clock = pilot, mph, clock
        self._speed = SpeedControl()
        self._lock = threading.Lock()
        self._last: float | None = None
        self.answered = self.refused = 0

    def answer(self, packet: str | bytes) -> str | None:
        """What to send back; None where nothing is waited for."""
        if isinstance(packet, bytes):
            packet = packet.decode("utf-8", "replace")
        if packet.startswith(socketio.PING):
            return socketio.PONG + packet[1:]
        found = socketio.heard(packet)
        if found is None or found[0] not in ("telemetry", ""):
            return None
        with self._lock:
            told = self._told(*found)
        return steer(told)

    def _told(self, name: str, data: Any) -> Steering:
        self.answered += 1
        try:
            if not name:
                raise Malformed("a packet that cannot be read")
            return self._drive(data)
        except (EdgeError, cv2.error) as fault:
            log.warning("answered with neutral: %s", str(fault).splitlines()[0])
            self.refused += 1
            self._speed.reset()
            return NEUTRAL

    def _drive(self, data: Any) -> Steering:
        if not isinstance(data, dict):
            raise Malformed("no telemetry in the message")
        speed = _number(data, "speed")
        steering = float(self._pilot(_picture(data)))
        if not math.isfinite(steering):
            raise Malformed("the pilot gave no number")
        now = self._clock.monotonic()
        step = 0.0 if self._last is None else min(now - self._last, 0.2)
        self._last = now
        return Steering(min(max(steering, -1.0), 1.0), self._speed.throttle(self._mph, speed, step))


def steer(told: Steering) -> str:
    """The packet of an answer; the simulator reads texts only."""
    data = {"steering_angle": f"{told.steering:.6f}", "throttle": f"{told.throttle:.6f}"}
    return socketio.event("steer", data)


def _number(data: dict[str, Any], name: str) -> float:
    try:
        value = float(str(data[name]).replace(",", "."))  # it writes numbers as its computer's language has them
    except (KeyError, ValueError):
        raise Malformed(f"no number `{name}` in the message") from None
    if not math.isfinite(value):
        raise Malformed(f"`{name}` is no number")
    return value


def _picture(data: dict[str, Any]) -> U8:
    try:
        packed = np.frombuffer(base64.b64decode(str(data["image"]), validate=True), np.uint8)
    except (KeyError, binascii.Error, ValueError):
        raise Malformed("no picture in the message") from None
    if not 0 < _pixels(packed.tobytes()) <= MOST_PIXELS:
        raise Malformed("the picture is no plain JPEG, or too large")
    image = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    if image is None:
        raise Malformed("the picture cannot be read")
    return np.asarray(image, np.uint8)


def _pixels(jpeg: bytes) -> int:
    """How many a JPEG has, by its header: a few kilobytes may claim, and take, gigabytes. 0: it is no plain one.

    Source: ITU-T T.81, B.1.1 (markers) and B.2.2 (frame header).
    """
    at = 2
    if jpeg[:2] != bytes((_MARKER, _START)):
        return 0
    while len(jpeg) >= at + 9 and jpeg[at] == _MARKER and jpeg[at + 1] != _SCAN:
        if jpeg[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
            return int(height * width)
        at += 2 + int(struct.unpack_from(">H", jpeg, at + 2)[0])
    return 0


class Server:
    """Listens for the simulator; each connection has a thread of its own.

    Raises:
        MissingError: the library for WebSockets is not here.
        UserError: the port is taken.
    """

    def __init__(self, driver: Driver, host: str, port: int) -> None:
        try:
            library: Any = importlib.import_module("websockets.sync.server")
            self._closed: type[Exception] = importlib.import_module("websockets.exceptions").ConnectionClosed
        except ImportError:
            raise MissingError("the simulator's server needs websockets: pip install 'edge-runtime[steer]'") from None
        self._driver = driver
        self._free = threading.BoundedSemaphore(MOST_SIMULATORS)
        self._ending: threading.Thread | None = None
        try:
            # No page of a browser may drive: those send where they come from. The simulator sends nothing.
            self._server = library.serve(
                self._meet,
                host,
                port,
                compression=None,
                max_size=LARGEST,
                max_queue=1,
                ping_interval=None,
                close_timeout=FAREWELL_S,
                origins=[None],
            )
        except OSError as fault:
            raise UserError(f"{host}:{port}: {fault.strerror or fault}; give another --port") from None
        self.port = int(self._server.socket.getsockname()[1])

    def serve(self) -> None:
        """Answer until `close`."""
        self._server.serve_forever()
        if self._ending is not None:
            self._ending.join()

    def close(self) -> None:
        """Stop, and hang up; from another thread or a signal's handler."""
        if self._ending is None:
            self._ending = threading.Thread(target=self._server.shutdown, name="udacity: end", daemon=True)
            self._ending.start()

    def _meet(self, connection: Any) -> None:
        if not self._free.acquire(blocking=False):
            connection.close(1013, "there are simulators enough")
            return
        try:
            self._talk(connection)
        except self._closed:
            return
        except TimeoutError:
            log.warning("a simulator has said nothing for %.0f s; its connection is closed", SILENCE_S)
        finally:
            self._free.release()

    def _talk(self, connection: Any) -> None:
        connection.send(socketio.hello())
        connection.send(socketio.CONNECTED)
        connection.send(steer(NEUTRAL))
        while True:
            packet = connection.recv(SILENCE_S)
            answer: str | None = steer(NEUTRAL)  # also for a pilot with a bug, which ends the connection
            try:
                answer = self._driver.answer(packet)
            finally:
                if answer is not None:
                    connection.send(answer)
