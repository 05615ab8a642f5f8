"""The joints of the people of events, kept as numbers: nothing of a picture is in them.

A camera's `Recorder` notes rows; `Records` is one thread for all cameras, which writes them, and `Written` writes them
at once, for a replay. A record is `ID.part` while its event goes on and `ID.csv` afterwards; what a power cut leaves is
put in order at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.clock import Clock
from edge.errors import StorageError
from edge.evidence.recorder import BEFORE_ROWS
from edge.paths import POSES, PRIVATE, pose_path, settle
from edge.pose.record import HEADER, Row, line, whole

log = logging.getLogger(__name__)

PART, DRAFT = ".part", ".draft"
TURN_S = 3.0
"""How often rows are written: a power cut costs no more of a record than that."""
MOST_ROWS, AFTER_ROWS = 9000, 4500
"""Ten minutes at most, the newest ones; from each fall on up to five more, and then none goes for a newer one."""
MOST_FALLEN = 36_000
"""Of one who falls again and again: 12 MB."""
MOST_WAITING = 20_000
"""Rows that wait for a slow disk; more are lost."""
RETRY_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """What further rows a record takes.

    most: rows that may be in it
    fell: there is a fall in it
    falling: one goes on
    before: lines that came when it was full, the newest: what leads to a further fall
    """

    most: int
    fell: bool = False
    falling: bool = False
    before: tuple[str, ...] = ()

    def take(self, has: int, rows: Sequence[Row]) -> tuple[list[str], _Bounds]:
        """The lines of further rows that are wanted by a record that has so many; and what it takes after those."""
        lines, before = list[str](), deque(self.before, BEFORE_ROWS)
        most, fell, falling = self.most, self.fell, self.falling
        for row in rows:
            if row.falls and not falling:
                fell, most = True, max(most, min(MOST_FALLEN, has + len(lines) + len(before) + AFTER_ROWS))
                lines += [*before][: most - has - len(lines)]
                before.clear()
            falling = row.falls
            (lines if not fell or has + len(lines) < most else before).append(line(row))
        return lines, _Bounds(most, fell, falling, tuple(before))


@dataclass(slots=True, eq=False)
class _Record:
    """A record that is written.

    rows, size: how many are in the file, and its bytes; what is behind them was not written whole
    """

    waiting: list[Row] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    bounds: _Bounds = field(default_factory=lambda: _Bounds(MOST_ROWS))
    over: bool = False


class Records:
    """Writes the records of all cameras. `add` and `end` are for the cameras' threads, `run` is the body of its own.

    Args:
        folder: the data folder
        clock: for the time between two tries
        refuses: why there is no room now, or None
        written: called when a record is complete

    Attributes:
        lost: rows that the disk was too slow for
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        refuses: Callable[[], str | None] = lambda: None,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._clock, self._refuses, self._written = folder, clock, refuses, written
        self._lock = threading.Lock()
        self._records: dict[str, _Record] = {}
        self._waiting = self.lost = 0
        self._fault_until = float("-inf")
        self._rung = threading.Event()

    def add(self, event: str, row: Row) -> None:
        """A further row of an event. Any thread."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                self.lost += 1
            else:
                self._records.setdefault(event, _Record()).waiting.append(row)
                self._waiting += 1

    def end(self, event: str) -> None:
        """The event is over. Any thread."""
        with self._lock:
            if event in self._records:
                self._records[event].over = True

    def wake(self) -> None:
        """Look at `stop` now."""
        self._rung.set()

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Write until `stop`, and all that waits then. alive: called in every turn."""
        self.recover()
        while not stop.is_set():
            alive()
            self._rung.wait(TURN_S)
            self._rung.clear()
            self.turn()
        with self._lock:
            for record in self._records.values():
                record.over = True
        self.turn()

    def recover(self) -> None:
        """Make records of what an earlier run left half written."""
        try:
            for draft in (self._folder / POSES).glob(f"*{DRAFT}"):
                draft.unlink()
            parts = sorted((self._folder / POSES).glob(f"*{PART}"))
        except OSError:
            return
        for part in parts:
            try:
                text = part.read_text("utf-8", "replace")
                kept = whole(text)
                if kept:
                    # Cut where it is: that needs no room, and another power cut leaves all that is whole.
                    os.truncate(part, len(kept))
                    _publish(part)
                else:
                    part.unlink()
            except OSError as fault:
                log.warning("%s can neither be repaired nor deleted: %s", part, fault.strerror)

    def turn(self) -> None:
        """Write what waits, and complete what is over. From the writer's thread."""
        if self._refuses() is not None or self._clock.monotonic() < self._fault_until:
            return
        with self._lock:
            batch = list(self._records.items())
        for event, record in batch:
            try:
                self._settle(event, record)
            except OSError as fault:
                log.warning("%s: %s", self._part(event), (fault.strerror or str(fault)).lower())
                self._fault_until = self._clock.monotonic() + RETRY_S
                return

    def _settle(self, event: str, record: _Record) -> None:
        """Bring a record's file to where its event is. OSError, and what waits goes on waiting, if that cannot be."""
        with self._lock:
            rows, over = list(record.waiting), record.over
        self._write(self._part(event), record, rows)
        with self._lock:
            del record.waiting[: len(rows)]
            self._waiting -= len(rows)
        if not over:
            return
        if record.rows:
            _publish(self._part(event))
            self._written()
        with self._lock:
            del self._records[event]

    def _write(self, part: Path, record: _Record, rows: list[Row]) -> None:
        """Append rows, as far as they are wanted."""
        lines, bounds = record.bounds.take(record.rows, rows)
        if lines:
            self._append(part, record, lines)
        record.bounds = bounds  # not before they are written: those of a disk that refuses come again
        if record.rows > bounds.most and not bounds.fell:
            record.rows, record.size = MOST_ROWS // 2, _shorten(part)

    def _append(self, part: Path, record: _Record, lines: list[str]) -> None:
        part.parent.mkdir(mode=PRIVATE, exist_ok=True)
        if not part.exists():  # somebody may have cleaned up
            record.rows = record.size = 0
        text = ("" if record.size else HEADER) + "".join(lines)
        with part.open("r+b" if record.size else "wb") as file:
            file.seek(record.size)
            file.truncate()
            file.write(text.encode())
        record.rows, record.size = record.rows + len(lines), record.size + len(text)

    def _part(self, event: str) -> Path:
        return pose_path(self._folder, event).with_suffix(PART)


class Written:
    """Writes each record when it is over, whole: for a replay, which may wait for the disk.

    Args:
        folder: gets `ID.csv`; made if it is not there
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, list[str]] = {}

    def add(self, event: str, row: Row) -> None:
        """A further row of an event."""
        self._lines.setdefault(event, [HEADER]).append(line(row))

    def end(self, event: str) -> None:
        """Write the record of an event. Raises StorageError."""
        path = self._folder / pose_path(Path(), event).name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(self._lines.pop(event, [])), "utf-8")
        except OSError as fault:
            raise StorageError(f"{path}: cannot be written: {(fault.strerror or str(fault)).lower()}") from None


def _shorten(part: Path) -> int:
    """Leave the newest half of what may be kept; returns its bytes."""
    draft = part.with_suffix(DRAFT)
    lines = part.read_bytes().splitlines(keepends=True)
    kept = HEADER.encode() + b"".join(lines[-(MOST_ROWS // 2) :])
    try:
        draft.write_bytes(kept)
        draft.replace(part)
    finally:
        draft.unlink(missing_ok=True)
    return len(kept)


def _publish(part: Path) -> None:
    """Make a part the record: durable and whole."""
    handle = os.open(part, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    part.replace(part.with_suffix(".csv"))
    settle(part.parent)


def record_version(folder: Path, event: str) -> str | None:
    """A word that is another one once an event's record is: it has grown, or is another file; None without one."""
    path = pose_path(folder, event)
    for name in (path, path.with_suffix(PART), path):  # it may be completed in between
        with contextlib.suppress(OSError):
            about = name.stat()
            return f"{about.st_mtime_ns:x}-{about.st_size:x}"
    return None


def read_record(folder: Path, event: str) -> str | None:
    """The text of an event's record, of one that goes on as far as it is written; None without one."""
    path = pose_path(folder, event)
    for name in (path, path.with_suffix(PART), path):  # it may be completed in between
        with contextlib.suppress(OSError):
            return whole(name.read_text("utf-8", "replace")) or None
    return None
