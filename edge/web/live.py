"""Live pictures: one pump a camera while somebody watches, one slot, every viewer gets the newest that it can carry.

All cameras of a page share one connection (a browser has six a host), as `multipart/x-mixed-replace` parts that name
their camera and frame. A slow viewer costs pictures, never memory: nothing is queued for it beyond the socket.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
import anyio.to_thread
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from edge.web.house import House, Live

BOUNDARY = "edge-frame"
MAX_FPS = 10.0
"""Pictures a second and camera: more looks no livelier and costs a small board its cores."""
PULL_S = 0.5
"""How long one look for a new picture blocks its worker thread; also what a shutdown may have to wait for it."""
VIEWERS = 8
log = logging.getLogger(__name__)


class Channel:
    """The newest picture of one camera, pulled only while viewers are in. Lives on the event loop."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._viewers: set[asyncio.Event] = set()
        self._pump: asyncio.Task[None] | None = None
        self.index = -1
        self.jpeg = b""

    @property
    def running(self) -> bool:
        """False once the pump ended, which without a fault it never does while viewers are in."""
        return self._pump is not None and not self._pump.done()

    def join(self, wake: asyncio.Event) -> None:
        """Have `wake` set on each new picture."""
        self._viewers.add(wake)
        if not self.running:
            self._pump = asyncio.create_task(self._pull())
            self._pump.add_done_callback(self._ended)

    def leave(self, wake: asyncio.Event) -> bool:
        """Stop hearing of pictures; True if that was the last viewer."""
        self._viewers.discard(wake)
        if not self._viewers and self._pump is not None:
            self._pump.cancel()
        return not self._viewers

    async def _pull(self) -> None:
        while True:
            started = time.monotonic()
            shot = await anyio.to_thread.run_sync(self._live.latest, self.index, PULL_S, abandon_on_cancel=True)
            if shot is not None:
                self.index, self.jpeg = shot
                self._wake()
            await asyncio.sleep(max(0.0, started + 1 / MAX_FPS - time.monotonic()))

    def _ended(self, pump: asyncio.Task[None]) -> None:
        if not pump.cancelled() and pump.exception() is not None:
            log.error("live pictures failed", exc_info=pump.exception())
        self._wake()

    def _wake(self) -> None:
        for viewer in self._viewers:
            viewer.set()


class Studio:
    """The channels that are being watched, and how many may watch."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._channels: dict[str, Channel] = {}

    def has(self, camera: str) -> bool:
        """Whether there is such a camera."""
        return self._house.live(camera) is not None

    async def one(self, camera: str) -> bytes | None:
        """One picture as it is now, None if the camera has none."""
        live = self._house.live(camera)
        if live is None:
            return None
        shot = await anyio.to_thread.run_sync(live.latest, -1, 2.0, abandon_on_cancel=True)
        return None if shot is None else shot[1]

    async def parts(self, cameras: list[str], welcome: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        """The multipart body, until `welcome()` is False (asked at least once a second) or the viewer leaves."""
        wake = asyncio.Event()
        channels = {name: channel for name in cameras if (channel := self._channel(name)) is not None}
        seen = dict.fromkeys(channels, -1)
        for channel in channels.values():
            channel.join(wake)
        try:
            while welcome() and all(channel.running for channel in channels.values()):
                with anyio.move_on_after(1.0):
                    await wake.wait()
                wake.clear()
                for name, channel in channels.items():
                    if channel.index != seen[name]:
                        seen[name] = channel.index
                        yield _part(name, channel.index, channel.jpeg)
        finally:
            for name, channel in channels.items():
                if channel.leave(wake):
                    self._channels.pop(name, None)

    def _channel(self, camera: str) -> Channel | None:
        channel = self._channels.get(camera)
        if channel is None:
            live = self._house.live(camera)
            if live is None:
                return None
            channel = self._channels[camera] = Channel(live)
        return channel


class Seats:
    """A bounded number of open streams."""

    def __init__(self, seats: int) -> None:
        self.free = seats


class Stream(StreamingResponse):
    """An endless answer that takes a seat, and ends its generator at once when the client goes."""

    def __init__(self, body: AsyncGenerator[bytes, None], media_type: str, seats: Seats) -> None:
        super().__init__(body, media_type=media_type)
        self._body = body
        self._seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the body or the client ends; 503 if all seats are taken; only the head for a HEAD."""
        async with aclosing(self._body):
            if scope["method"] == "HEAD":
                await PlainTextResponse(headers={"content-type": str(self.media_type)})(scope, receive, send)
            elif self._seats.free <= 0:
                full = PlainTextResponse("Too many viewers: close another window.\n", 503, {"retry-after": "5"})
                await full(scope, receive, send)
            else:
                self._seats.free -= 1
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    self._seats.free += 1


def _part(camera: str, index: int, jpeg: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
    return b"".join((f"{head}X-Camera: {camera}\r\nX-Frame: {index}\r\n\r\n".encode(), jpeg, b"\r\n"))
