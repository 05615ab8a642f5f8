"""What the actuator was given, cycle by cycle, as lines of JSON. Written by a thread: a slow disk stops no car."""

from __future__ import annotations

import json
import logging
import queue
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge.errors import UserError

log = logging.getLogger(__name__)
WAITING = 4096
"""Lines that wait for the disk at most, over a minute's worth; more are dropped and counted."""


class Trace:
    """A file of lines. `write` never blocks.

    Attributes:
        dropped: lines that the disk was too slow for, or failed on
    """

    def __init__(self, path: Path) -> None:
        """Make or empty the file. Raises UserError if it cannot be written."""
        try:
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as fault:
            raise UserError(f"{path}: cannot be written: {fault.strerror}") from None
        self.dropped = 0
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="trace", daemon=True)
        self._thread.start()

    def write(self, line: dict[str, Any]) -> None:
        """Put a line in the queue."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Wait, for a while, until all is written."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=1.0)
            self._thread.join(5.0)

    def _run(self) -> None:
        with self._file as file:
            while (line := self._lines.get()) is not None:
                try:
                    file.write(json.dumps(line) + "\n")
                except OSError as fault:
                    if not self.dropped:
                        log.warning("the trace cannot be written: %s", fault.strerror)
                    self.dropped += 1
