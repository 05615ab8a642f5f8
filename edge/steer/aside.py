"""Log lines without waiting: a terminal that is held (Ctrl-S) takes none, nor does a journal that hangs."""

from __future__ import annotations

import logging
import os
import queue
import threading
from contextlib import suppress

WAITING = 256
"""Lines that wait at most; more are dropped."""
FAREWELL_S = 0.5


class Aside(logging.Handler):
    """Writes to a file descriptor from a thread of its own. Any thread may log; none waits."""

    def __init__(self, fd: int = 2) -> None:
        super().__init__()
        self._fd = fd
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line in the queue."""
        with suppress(queue.Full):
            self._lines.put_nowait(self.format(record))

    def close(self) -> None:
        """Wait, for a moment, until all is written."""
        with suppress(queue.Full):
            self._lines.put_nowait(None)
            self._thread.join(FAREWELL_S)
        super().close()

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            with suppress(OSError):
                os.write(self._fd, f"{line}\n".encode("utf-8", "replace"))
