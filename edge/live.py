"""The live picture of a camera."""

from __future__ import annotations

import threading

from edge.evidence import picture
from edge.pipeline import Look


class LiveView:
    """The newest picture of a camera as a JPEG, encoded once however many watch, and only if somebody does."""

    def __init__(self) -> None:
        self._fresh = threading.Condition()
        self._look: Look | None = None
        self._encoding = threading.Lock()
        self._made: tuple[int, bytes] | None = None

    def show(self, look: Look) -> None:
        """Offer a frame; from the pipeline's thread, costs a lock."""
        with self._fresh:
            self._look = look
            self._fresh.notify_all()

    def clear(self) -> None:
        """There is no picture any more: the camera was switched off. Any thread."""
        with self._encoding, self._fresh:
            self._look = self._made = None

    def latest(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        """The newest picture whose index is not `after`, as (frame index, JPEG); None after `timeout` seconds."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._look is not None and self._look.frame.index != after, timeout)
            look = self._look
        if look is None or look.frame.index == after:
            return None
        with self._encoding:
            if self._made is None or self._made[0] != look.frame.index:
                self._made = look.frame.index, picture.live(look.frame, look.tracks, look.moved)
            return self._made
