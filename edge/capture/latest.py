"""The hand-over between a camera's reader and its pipeline: one slot, the newest frame wins, drops are counted."""

from __future__ import annotations

import threading

from edge.types import Frame


class Latest:
    """One slot. `put` never blocks; `take` waits for a frame that was not taken yet."""

    def __init__(self) -> None:
        self._fresh = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Hand a frame over; one that was never taken is dropped and counted."""
        with self._fresh:
            self.dropped += self._frame is not None
            self._frame = frame
            self._fresh.notify()

    def take(self, timeout: float) -> Frame | None:
        """The newest frame, or None after `timeout` seconds without one, or once closed."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._frame is not None or self._closed, timeout)
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Wake the taker for good; a frame that waits may still be taken."""
        with self._fresh:
            self._closed = True
            self._fresh.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no further frame will come."""
        return self._closed and self._frame is None
