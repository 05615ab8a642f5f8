"""What a child process prints: the end of it explains why it ended."""

from __future__ import annotations

import os
import select
from collections import deque

from edge.engines.base import one_line

TICK_MS = 500
"""How often to look whether a child that prints nothing has ended, where what it left behind keeps its output open."""


class LastWords:
    """The end of what a child printed: its last lines, each cut. Written by one thread, read by any."""

    LINES, WIDTH = 20, 300

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=self.LINES)
        self._part = b""

    def add(self, text: bytes) -> None:
        """Take what was read, whole lines or not; a line without end is cut, not kept."""
        *whole, self._part = (self._part + text).split(b"\n")
        self._part = self._part[: self.WIDTH]
        self._lines.extend(line[: self.WIDTH].decode("utf-8", "replace") for line in whole if line.strip())

    def clear(self) -> None:
        """Forget them: what it said before it went on well explains nothing that comes later."""
        self._lines.clear()

    def lines(self) -> list[str]:
        """The last lines, oldest first."""
        rest = self._part.decode("utf-8", "replace")
        return [line.rstrip() for line in (*self._lines.copy(), rest) if line.strip()]

    def __str__(self) -> str:
        """The end of a message: the last line, or of a crash that Python reported, its first."""
        lines = self.lines()
        telling = [line for line in lines if line.startswith("Fatal Python error:")] or lines[-1:]
        return f"; its last words: {one_line(telling[0])}" if telling else ""


def listen(output: int, pid: int, said: LastWords) -> None:
    """Keep what a child prints until it ended or closed its output, which what it started may hold open for ever."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    ended = False
    while not ended:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        if poll.poll(0 if ended else TICK_MS):
            text = os.read(output, 1 << 16)  # as much as a pipe holds: after its end once is enough
            if not text:
                return
            said.add(text)
