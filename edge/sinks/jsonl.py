"""Events as lines of JSON, in a file or on a stream: the sink of `edge demo`, and what a replay writes with."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from edge.backoff import BackOff
from edge.clock import Clock
from edge.errors import StorageError
from edge.sinks.base import Queue, Status, encode, stamped

log = logging.getLogger(__name__)

BATCH = 100
TICK_S = 1.0


class JsonlWriter:
    """Writes payloads, one a line, to a stream of bytes; each line is handed to the system at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, payload: Mapping[str, Any]) -> None:
        """Append one payload. Raises OSError if the disk or the reader of the pipe will not have it."""
        self._stream.write(encode(payload) + b"\n")
        self._stream.flush()


class JsonlSink:
    """Delivers every event as a line. At least once: a crash between the line and its mark writes it again.

    Args:
        queue: the outbox
        target: a file to append to, opened anew after a fault, or a stream (stdout)
        clock: stamps and waits
    """

    name = "jsonl"

    def __init__(
        self,
        queue: Queue,
        target: Path | BinaryIO,
        clock: Clock,
        *,
        back_off: tuple[float, float] = (1.0, 10.0),
    ) -> None:
        self.status = Status(clock)
        self._queue = queue
        self._target = target
        self._clock = clock
        self._wake = threading.Event()
        self._back_off = BackOff(*back_off)
        queue.subscribe(self.name, self.wake)

    def wake(self) -> None:
        """Look at the outbox and `stop` now. Any thread."""
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Wait until all that waits is written; False if it is not by then."""
        return self.status.flush(self.wake, timeout)

    def run(self, stop: threading.Event) -> None:
        """Write until `stop`, then what is left."""
        while not stop.is_set():
            pause = TICK_S
            try:
                self._open_and_write(stop)
            except (OSError, StorageError) as fault:
                text = fault.strerror or str(fault) if isinstance(fault, OSError) else str(fault)
                self.status.set("fault", f"cannot write {self._where}: {text}")
                log.warning("events: cannot write %s: %s", self._where, text)
                pause = self._back_off.next()
            self.status.waiting(pause + 1.0)
            if not stop.is_set():
                self._wake.wait(pause)
        self.status.set("stopped")

    @property
    def _where(self) -> str:
        return str(self._target) if isinstance(self._target, Path) else "the output"

    def _open_and_write(self, stop: threading.Event) -> None:
        if not isinstance(self._target, Path):
            self._write_on(self._target, stop)
            return
        with self._target.open("ab") as stream:
            _end_torn_line(self._target, stream)
            self._write_on(stream, stop)

    def _write_on(self, stream: BinaryIO, stop: threading.Event) -> None:
        """Write as long as there is no fault; returns after `stop`, with nothing left."""
        writer = JsonlWriter(stream)
        self.status.set("up", f"writing to {self._where}")
        while True:
            asked = self.status.asked()
            self._wake.clear()
            while found := self._queue.pending(self.name, BATCH):
                for message in found:
                    writer.write(stamped(message, self._clock))
                    self._queue.delivered(self.name, [message.id])
                self.status.waiting(TICK_S + 5.0)
                self._back_off.reset()
            self.status.idle(asked)
            if stop.is_set():
                return
            self.status.waiting(TICK_S + 5.0)
            self._wake.wait(TICK_S)


def _end_torn_line(path: Path, stream: BinaryIO) -> None:
    """A full disk or a power cut may have left half a line: what comes next must not be glued to it."""
    found = os.fstat(stream.fileno())
    if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
        return
    with path.open("rb") as written:
        written.seek(-1, os.SEEK_END)
        torn = written.read(1) != b"\n"
    if torn:
        stream.write(b"\n")
