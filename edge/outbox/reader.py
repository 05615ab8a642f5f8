"""The outbox's reading side: what sinks are to send, and how things stand. Never waits for a commit."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import StorageError
from edge.outbox import pictures
from edge.outbox.books import Books
from edge.outbox.schema import connect, explain
from edge.outbox.values import Limits, Message, SinkStats, runs, snapshot_path

PENDING = """
SELECT d.event_id, e.boot_id, e.entered, e.payload, d.tries, d.replaces, e.object,
       EXISTS (SELECT 1 FROM pictures p WHERE p.object = e.object)
FROM deliveries d CROSS JOIN events e ON e.id = d.event_id
WHERE d.sink = ? AND d.state = 'pending' AND d.event_id > ? ORDER BY d.event_id LIMIT ?
"""
TOLD_BY = """
WITH RECURSIVE told (id) AS (
    SELECT event_id FROM deliveries WHERE replaced_by = :heir AND sink = :sink
    UNION SELECT d.event_id FROM told JOIN deliveries d ON d.replaced_by = told.id WHERE d.sink = :sink
) SELECT e.payload FROM told JOIN events e ON e.id = told.id ORDER BY e.id
"""
DEPTH = "SELECT count(*) FROM deliveries WHERE sink = ? AND state = 'pending'"
OLDEST = """
SELECT boot_id, entered, aged_from FROM events
WHERE id = (SELECT min(event_id) FROM deliveries WHERE sink = ? AND state = 'pending')
"""
PARKED = "SELECT reason FROM deliveries WHERE sink = ? AND state IN ('parked', 'dropped') AND state = 'parked'"
DROPPED = """
SELECT e.boot_id, e.seq, e.seq FROM deliveries d CROSS JOIN events e ON e.id = d.event_id
WHERE d.sink = ? AND d.state IN ('parked', 'dropped') AND d.state = 'dropped'
UNION ALL SELECT boot_id, first, last FROM lost ORDER BY 1, 2
"""
OPEN = """
SELECT e.payload FROM open_objects o JOIN events e ON e.id = o.event_id WHERE e.boot_id != ? ORDER BY e.id
"""


class Reader:
    """One connection under a lock, for all who ask. Faults of the file are StorageErrors."""

    def __init__(
        self,
        folder: Path,
        boot_id: str,
        clock: Clock,
        clock_ok: Callable[[], bool],
        limits: Limits,
        books: Books,
        *,
        pictures: bool,
    ) -> None:
        self._pictures = pictures
        self._folder = folder
        self._boot_id = boot_id
        self._clock = clock
        self._clock_ok = clock_ok
        self._limits = limits
        self._books = books
        self._lock = threading.Lock()
        self._db = connect(folder)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as fault:
                raise StorageError(explain(self._folder, fault)) from fault

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.close()

    def pending(self, sink: str, limit: int, after_id: int) -> list[Message]:
        """Waiting messages in order, from now on counted as handed to their sink."""
        found: list[Message] = []
        # SELECT and hand-over are one step under the books' lock: the writer replaces no message in between.
        with self._reading() as db, self._books.lock:
            while len(found) < limit:
                rows = db.execute(PENDING, (sink, after_id, limit)).fetchall()
                for row in rows:
                    if len(found) < limit and self._books.available(sink, row[0]):
                        found.append(self._message(row))
                        self._books.hand(sink, row[0], row[4])
                if len(rows) < limit:
                    break
                after_id = rows[-1][0]
        return found

    def _message(self, row: tuple[Any, ...]) -> Message:
        event_id, boot_id, entered, text, tries, replaces, name, pictured = row
        payload = json.loads(text)
        if boot_id == self._boot_id:
            fresh_until = entered + self._limits.fresh_s
        elif self._clock_ok() and payload["clock_ok"]:
            # Another run's monotonic clock says nothing here; the wall clock does, if both runs could trust it.
            age = self._clock.wall() - payload["captured_at"]
            fresh_until = self._clock.monotonic() + self._limits.fresh_s - age
        else:
            fresh_until = float("-inf")
        picture = snapshot_path(self._folder, name) if pictured and self._pictures else None
        return Message(event_id, payload, tuple(json.loads(replaces or "[]")), fresh_until, tries, picture)

    def told_by(self, sink: str, event_id: int) -> list[dict[str, Any]]:
        """The payloads of what a message stands for, oldest first."""
        with self._reading() as db:
            return [json.loads(text) for (text,) in db.execute(TOLD_BY, {"heir": event_id, "sink": sink})]

    def pictures(self, object_id: str) -> list[Path]:
        """The pictures that a sink may attach, in the order in which they were taken."""
        return pictures.found(snapshot_path(self._folder, object_id)) if self._pictures else []

    def open_objects(self) -> list[dict[str, Any]]:
        """The newest payload of every object that an earlier run left open."""
        with self._reading() as db:
            return [json.loads(text) for (text,) in db.execute(OPEN, (self._boot_id,))]

    def recall(self, key: str) -> str | None:
        """The value stored last under a key."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def stats(self, sinks: Sequence[str]) -> dict[str, SinkStats]:
        """How things stand for each sink."""
        with self._reading() as db:
            return {sink: self._sink_stats(db, sink) for sink in sinks}

    def _sink_stats(self, db: sqlite3.Connection, sink: str) -> SinkStats:
        depth, oldest, parked, dropped = (db.execute(q, (sink,)).fetchall() for q in (DEPTH, OLDEST, PARKED, DROPPED))
        ranges: dict[str, list[tuple[int, int]]] = {}
        for boot_id, first, last in dropped:
            ranges.setdefault(boot_id, []).append((first, last))
        return SinkStats(
            depth=depth[0][0],
            oldest_s=self._age(*oldest[0]) if oldest else 0.0,
            parked=len(parked),
            dropped=sum(last - first + 1 for _, first, last in dropped),
            dropped_seqs={boot_id: runs(found) for boot_id, found in ranges.items()},
            reason=parked[-1][0] if parked else None,
        )

    def _age(self, boot_id: str, entered: float, aged_from: float | None) -> float:
        if boot_id == self._boot_id:
            return self._clock.monotonic() - entered
        return max(0.0, self._clock.wall() - aged_from) if aged_from is not None and self._clock_ok() else 0.0
