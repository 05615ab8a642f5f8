"""The reading side of a camera: its source, opened and read while the camera is switched on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from edge.capture.base import Source
from edge.capture.latest import Latest
from edge.capture.ring import Ring, attach
from edge.capture.sources import open_source
from edge.clock import Clock
from edge.config.schema import Camera
from edge.errors import CameraError
from edge.sight import STARTING
from edge.supervisor import Part
from edge.switches import Name, Switches
from edge.types import Frame

CONNECT_S = 15.0
READ_S = 10.0
"""How long a camera may take to connect, and to give a picture, before that is a fault."""
OFF = "switched off"


class Reader:
    """Puts the newest picture of a camera into one slot. `read` is the body of its thread; the rest is for any.

    Args:
        settings: of the camera
        switches: of the camera, for `enabled`
        ring: gets the packets that the source gives as they are, where it gives any
        tell: hears `online`, `offline` or `disabled`, in order

    Attributes:
        slot: the newest picture
        lost: set when there will be none for a while; cleared by who has taken notice, and by a picture
        reason: why there is none, one line; None while there are some
        frames: how many there were
        ended: whether it was a clip, and that is over
    """

    def __init__(
        self, settings: Camera, switches: Switches, clock: Clock, ring: Ring | None, tell: Callable[[str], None]
    ) -> None:
        self._settings, self._switches, self._clock, self._ring, self._tell = settings, switches, clock, ring, tell
        self.slot = Latest()
        self.lost = threading.Event()
        self.reason: str | None = STARTING if switches.on("enabled") else OFF
        self.frames = 0
        self.ended = False
        self._arrivals: deque[float] = deque(maxlen=50)
        self._online = False
        self._closed = False
        self._telling = threading.Lock()
        self._tell_status()
        switches.listen(self._switched)

    @property
    def status(self) -> str:
        """`online`, `offline` or `disabled`."""
        return "disabled" if not self._switches.on("enabled") else "online" if self._online else "offline"

    @property
    def fps(self) -> float:
        """Pictures a second, lately; 0 while there are none."""
        times = list(self._arrivals)
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        return round((len(times) - 1) / span, 1) if span and self._online else 0.0

    @property
    def wanted(self) -> bool:
        """Whether there is anything to be read, now or soon."""
        return not self._closed and self._switches.wanted("enabled")

    def read(self, part: Part) -> None:
        """The reader's thread: pictures into the slot while the camera is switched on, until the part stops; raises
        CameraError when the camera goes away, to be called again."""
        while not (part.stop.is_set() or self._closed):
            try:
                if self._switches.begin("enabled"):
                    self._watch(part)
            finally:
                self._switches.rest("enabled")
                self._tell_status()
            part.waiting(float("inf"), OFF)
            self.wait(part, on=True)

    def _watch(self, part: Part) -> None:
        """Open the source and hand over what it gives, until the camera is switched off or the part stops."""
        settings = self._settings
        self.ended = False
        part.waiting(CONNECT_S, "connecting")
        source = self._open()
        try:
            while True:
                self._play(source, part)
                if self._unwanted(part) or source.live:
                    break
                source.close()
                if not settings.loop:
                    self.ended = True
                    self.away("the clip has ended")
                    part.waiting(float("inf"), "the clip has ended")
                    self.wait(part, on=False)
                    return
                source = self._open()
        finally:
            source.close()
        if part.stop.is_set() or self._closed:
            return
        if self._switches.wanted("enabled"):
            raise CameraError(f"{settings.shown}: the camera ended its stream")
        self._online = False
        self.lost.set()

    def _open(self) -> Source:
        source = open_source(self._settings.address)
        if self._ring is not None:
            attach(source, self._ring)
        return source

    def _play(self, source: Source, part: Part) -> None:
        """Hand over what a source gives until it ends; a clip at its own rate, a camera as it comes."""
        clock, fewest = self._clock, 1 / (self._settings.max_fps or 1e6)
        begun = clock.monotonic()
        due = 0.0
        for shot in source.shots():
            early = 0.0 if source.live else begun + shot.time - clock.monotonic()
            part.working(READ_S + max(early, 0.0))
            if (early > 0 and part.stop.wait(early)) or self._unwanted(part):
                return
            now = clock.monotonic()
            if not self._online:
                self._online, self.reason = True, None
                self.lost.clear()
                self._tell_status()
            if now < due:
                continue
            due = max(now, due + fewest) if due else now + fewest
            self._arrivals.append(now)
            self.slot.put(Frame(self._settings.name, self.frames, now, clock.wall(), shot.picture))
            self.frames += 1

    def close(self) -> None:
        """No further picture."""
        self._closed = True
        self.slot.close()
        self._switches.wake()

    def away(self, reason: str) -> None:
        """The camera is gone: say so. Any thread."""
        self._online, self.reason = False, reason
        self.lost.set()
        self._tell_status()

    def wait(self, part: Part, *, on: bool) -> None:
        """Sleep until the camera is switched on or off, or all of it ends."""
        self._switches.wait_for("enabled", on, lambda: part.stop.is_set() or self._closed)

    def _unwanted(self, part: Part) -> bool:
        """Whether the reader is to leave its source."""
        return part.stop.is_set() or self._closed or not self._switches.wanted("enabled")

    def _tell_status(self) -> None:
        """Say how the camera is; asked and said under one lock, so that no older word comes last."""
        with self._telling:
            self._tell(self.status)

    def _switched(self, name: Name, on: bool) -> None:
        """A switch has become true."""
        if name == "enabled":
            self.reason = "starting" if on else OFF
            self._tell_status()
