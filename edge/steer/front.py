"""The car's front camera, as the loop reads it: a thread that keeps the newest picture and when it was taken."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from edge.backoff import BackOff
from edge.capture.base import Source
from edge.clock import Clock
from edge.errors import CameraError, EdgeError
from edge.types import Frame

DRIFT = 2e-4
"""Most that a camera's clock and ours run apart, a second."""
GRID = 4
"""Of so many rows and columns one each tells whether a picture is the one before."""


class Exposure:
    """When pictures were taken, on our clock.

    The way from the sensor to us takes a least time and sometimes longer; what comes later than the camera's own clock
    says has waited on the way. So a stream that falls behind shows as old, however evenly its pictures come.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._last = 0.0

    def of(self, stamp: float, arrived: float) -> float:
        """The time of a picture. stamp: by the camera's clock; arrived: by ours; both in seconds."""
        offset = arrived - stamp
        if self._offset is not None:
            offset = min(self._offset + DRIFT * max(arrived - self._last, 0.0), offset)
        self._offset, self._last = offset, arrived
        return stamp + offset


class Front:
    """Opens and reads a source in a thread of its own, again and again with a back-off.

    A picture that equals the one before is not taken for a new one: a camera that hangs repeats itself.

    Attributes:
        problem: why there is no picture, one line; None while there are some
        failed: whether that is a fault, and no beginning
    """

    def __init__(self, name: str, open_source: Callable[[], Source], clock: Clock, *, loop: bool = False) -> None:
        self.problem: str | None = "the camera is being opened"
        self.failed = False
        self._name, self._open, self._clock, self._loop = name, open_source, clock, loop
        self._frame: Frame | None = None
        self._stop = threading.Event()
        self._started = False
        self._index = 0
        self._print: bytes | None = None
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()
        self._started = True

    def close(self) -> None:
        """End the thread, soon; it is not waited for."""
        self._stop.set()

    def newest(self) -> Frame | None:
        """The newest picture, taken before or not; None before the first.

        Raises:
            CameraError: the thread has died of a bug; a process begun anew may help.
        """
        if self._started and not self._stop.is_set() and not self._thread.is_alive():
            raise CameraError(f"{self._name}: what reads the camera has died, see the log")
        return self._frame

    def _run(self) -> None:
        back_off = BackOff(0.2, 2.0)
        while not self._stop.is_set():
            try:
                source = self._open()
                try:
                    self._read(source, back_off)
                finally:
                    source.close()
                if not source.live and self._loop:
                    continue
                self.problem = f"{self._name}: the pictures have ended"
            except EdgeError as fault:
                self.problem = str(fault)
            self.failed = True
            self._stop.wait(back_off.next())

    def _read(self, source: Source, back_off: BackOff) -> None:
        exposure, begun = Exposure(), self._clock.monotonic()
        for shot in source.shots():
            if not source.live:
                self._stop.wait(max(begun + shot.time - self._clock.monotonic(), 0.0))
            if self._stop.is_set():
                return
            now = self._clock.monotonic()
            image = np.ascontiguousarray(shot.picture.y[::GRID, ::GRID]).tobytes()
            if image == self._print:
                continue
            self._print = image
            at = exposure.of(shot.time, now) if source.live else now
            if self._frame is not None:
                at = max(at, self._frame.time)
            self._frame = Frame(self._name, self._index, at, self._clock.wall(), shot.picture)
            self._index += 1
            self.problem, self.failed = None, False
            back_off.reset()
