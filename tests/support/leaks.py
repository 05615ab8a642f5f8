"""What a camera sees, painted so that it is known again, and every picture in what left the runtime."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from edge.evidence.privacy import GROUND
from edge.types import U8

MARKER = (255, 0, 200)
"""RGB of the person in the film: a magenta, which nothing that is drawn comes near."""
W, H, FPS = 320, 240, 10
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")


def marked_film(path: Path, seconds: int = 12) -> Path:
    """Somebody in the marker's colour walks through a room again and again; the first second is empty."""
    random = np.random.default_rng(7)
    room = cv2.resize(random.integers(10, 90, (H // 8, W // 8, 3), dtype=np.uint8), (W, H))
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=FPS, options={"g": "10", "preset": "ultrafast", "qp": "18"})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        for i in range(seconds * FPS):
            image = np.asarray(room, np.uint8).copy()
            left = (i - FPS) * 6 % (W + 80) - 80
            if i >= FPS:
                image[10:230, max(left, 0) : max(left + 80, 0)] = MARKER
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path


def pictures_in(data: bytes, depth: int = 0) -> Iterator[U8]:
    """Every picture in some bytes, BGR: JPEG and PNG wherever they begin, films, and the same in base64."""
    for magic in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        at = data.find(magic)
        while at >= 0:
            image = cv2.imdecode(np.frombuffer(data, np.uint8, offset=at), cv2.IMREAD_COLOR)
            if image is not None:
                yield np.asarray(image, np.uint8)
            at = data.find(magic, at + 1)
    if data[4:8] == b"ftyp":
        yield from _film(data)
    if depth < 2:
        for found in _BASE64.finditer(data):
            text = found[0]
            yield from pictures_in(base64.b64decode(text[: len(text) // 4 * 4]), depth + 1)


def _film(data: bytes) -> Iterator[U8]:
    import io

    with av.open(io.BytesIO(data)) as clip:
        for frame in clip.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def marked(image: U8) -> int:
    """How many pixels have the marker's hue, and so have those around: where lines meet, JPEG mixes their colours."""
    hue, strong, bright = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    wanted = cv2.cvtColor(np.array([[MARKER[::-1]]], np.uint8), cv2.COLOR_BGR2HSV)[0, 0, 0]
    away = np.abs(hue.astype(int) - int(wanted))
    near = (np.minimum(away, 180 - away) < 10) & (strong > 90) & (bright > 60)
    return int(cv2.erode(near.astype(np.uint8), np.ones((3, 3), np.uint8)).sum())


def plain(image: U8) -> bool:
    """Whether most of a picture is the plain ground and nothing of a room."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float)
    level = (GROUND[0] - 16) * 255 / 219
    return float((np.abs(grey - level) < 6).mean()) > 0.5
