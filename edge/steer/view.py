"""What the loop sees, for whoever asks: a JPEG over a socket beside the desk's, made only then."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import cv2

from edge.types import Frame

log = logging.getLogger(__name__)
WIDTH = 480
QUALITY = 70
PATIENCE_S = 1.0
LARGEST = 1 << 20


def beside(desk: Path) -> Path:
    """The view's socket beside that of the desk."""
    return desk.with_name(desk.name.replace("steer", "steer-view", 1))


class View:
    """One client at a time, in a thread of its own; a view that cannot be opened is none, and the car drives on.

    Args:
        newest: the newest picture, None before the first
    """

    def __init__(self, path: Path, newest: Callable[[], Frame | None]) -> None:
        self._newest = newest
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            path.chmod(0o660)
            self._socket.listen(4)
        except OSError as fault:
            log.warning("no live view, %s: %s", path, fault.strerror or fault)
            self._socket.close()
            return
        threading.Thread(target=self._serve, name="view", daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._socket.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(PATIENCE_S)
                frame = self._newest()
                if frame is not None:
                    client.sendall(jpeg(frame))


def jpeg(frame: Frame) -> bytes:
    """A picture no wider than `WIDTH`."""
    image = frame.picture.bgr()
    share = min(WIDTH / image.shape[1], 1.0)
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else image
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


def look(path: Path) -> bytes | None:
    """What the loop sees now; None where there is no loop, or no picture."""
    got = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(PATIENCE_S)
        try:
            client.connect(str(path))
            while len(got) < LARGEST and (part := client.recv(65536)):
                got += part
        except OSError:
            return None
    return got or None
