"""The outbox in SQL: what one transaction of the writer does. Owned by the writer's thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.outbox.books import Books
from edge.outbox.values import Limits
from edge.types import AuditEntry

OLDER_TOO = """
UPDATE deliveries SET state = 'passed', replaced_by = NULL
WHERE sink = ?1 AND state = 'replaced' AND event_id IN (
    SELECT older.id FROM deliveries d
    JOIN events e ON e.id = d.event_id
    JOIN json_each(d.replaces) seq
    JOIN events older ON older.boot_id = e.boot_id AND older.seq = seq.value
    WHERE d.event_id = ?2 AND d.sink = ?1 AND d.state = 'pending'
)
"""
"""Updates that a message stands for go past the sink with it: nobody was told of them together."""

WAITING = """
SELECT d.event_id, e.seq, d.replaces FROM open_objects o
JOIN events e ON e.id = o.event_id
JOIN deliveries d ON d.event_id = e.id
WHERE o.object = ?1 AND e.type = 'update' AND e.boot_id = ?2 AND d.sink = ?3 AND d.state = 'pending' AND NOT (
    json_extract(e.payload, '$.after.activity.confirmed') IS 1
    AND (json_extract(e.payload, '$.after.activity.kind'), json_extract(e.payload, '$.after.activity.since'))
        IS NOT (json_extract(?4, '$.after.activity.kind'), json_extract(?4, '$.after.activity.since'))
)
"""
"""An object's waiting update that tells of nothing that a newer one, ?4, does not tell of."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event about to be stored.

    payload: JSON
    aged_from: Unix time, None while the clock is not synchronised
    picture: bytes of the snapshot that was written for it, 0 for none
    """

    boot_id: str
    seq: int
    object: str
    type: str
    entered: float
    aged_from: float | None
    payload: str
    picture: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What a sink says of messages that it had.

    state: `pending` is a refusal that is not the last one
    by: the id of the message that told about these as well, for `replaced`
    """

    sink: str
    ids: tuple[int, ...]
    state: Literal["pending", "delivered", "passed", "parked", "replaced"]
    tries: int = 0
    reason: str | None = None
    by: int | None = None


class Ledger:
    """Changes the tables; the caller begins, commits and rolls back."""

    def __init__(self, db: sqlite3.Connection, sinks: Sequence[str], limits: Limits, books: Books) -> None:
        self._db = db
        self._sinks = tuple(sinks)
        self._limits = limits
        self._books = books
        # Upper bounds of what is pending: exact sums over thousands of rows are only made when these say so.
        self._count = dict.fromkeys(self._sinks, limits.messages + 1)
        self._size = dict.fromkeys(self._sinks, limits.size + 1)

    def enter(self, row: Row) -> None:
        """Store an event and queue it for every sink; an older waiting `update` of its object collapses into it."""
        text = row.payload
        columns = (row.boot_id, row.seq, row.object, row.type, row.entered, row.aged_from, len(text), text)
        # A commit can succeed and still be reported as failed: the second try must not store it twice.
        done = self._db.execute(
            "INSERT INTO events (boot_id, seq, object, type, entered, aged_from, bytes, payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (boot_id, seq) DO NOTHING",
            columns,
        )
        if done.rowcount == 0:
            return
        event_id = int(done.lastrowid or 0)
        for sink in self._sinks:
            replaces = self._collapse(sink, row, event_id) if row.type == "update" else None
            self._db.execute(
                "INSERT INTO deliveries (event_id, sink, state, replaces) VALUES (?, ?, 'pending', ?)",
                (event_id, sink, replaces),
            )
            self._count[sink] += 1
            self._size[sink] += len(text)
        if row.type == "end":
            self._db.execute("DELETE FROM open_objects WHERE object = ?", (row.object,))
        else:
            self._db.execute("INSERT OR REPLACE INTO open_objects VALUES (?, ?)", (row.object, event_id))
        if row.picture:
            self._db.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", (row.object, event_id, row.picture))

    def _collapse(self, sink: str, row: Row, event_id: int) -> str | None:
        """Let `event_id` stand for the object's waiting update, if there is one; returns the seqs it stands for.

        An update that calls for somebody stays where the newer one no longer does: else nobody would hear of the fall
        of one who was up again before the broker was back.
        """
        older = self._db.execute(WAITING, (row.object, row.boot_id, sink, row.payload)).fetchone()
        if older is None or not self._books.claim(sink, older[0]):
            return None
        self._db.execute(
            "UPDATE deliveries SET state = 'replaced', replaces = NULL, replaced_by = ?"
            " WHERE event_id = ? AND sink = ?",
            (event_id, older[0], sink),
        )
        self._count[sink] -= 1
        return json.dumps([*json.loads(older[2] or "[]"), older[1]])

    def mark(self, mark: Mark) -> None:
        """Note what a sink said; what is not waiting any more stays as it is."""
        if mark.by is not None:
            self._inherit(mark, mark.by)
        if mark.state == "passed":
            self._db.executemany(OLDER_TOO, [(mark.sink, event_id) for event_id in mark.ids])
        self._db.executemany(
            "UPDATE deliveries SET state = ?, tries = ?, reason = ?, replaced_by = ?"
            " WHERE event_id = ? AND sink = ? AND state = 'pending'",
            [(mark.state, mark.tries, mark.reason, mark.by, event_id, mark.sink) for event_id in mark.ids],
        )

    def _inherit(self, mark: Mark, heir: int) -> None:
        """Have the heir stand for the mark's messages and all that these stood for."""
        seqs: list[int] = []
        for event_id in (heir, *mark.ids):
            row = self._db.execute(
                "SELECT e.seq, d.replaces FROM deliveries d JOIN events e ON e.id = d.event_id"
                " WHERE d.event_id = ? AND d.sink = ? AND d.state = 'pending'",
                (event_id, mark.sink),
            ).fetchone()
            if row is not None:
                seqs += json.loads(row[1] or "[]") + ([] if event_id == heir else [row[0]])
        change = "UPDATE deliveries SET replaces = ? WHERE event_id = ? AND sink = ?"
        self._db.executemany(change, [(None, event_id, mark.sink) for event_id in mark.ids])
        self._db.execute(change, (json.dumps(seqs), heir, mark.sink))

    def keep(self, key: str, value: str) -> None:
        """Store a value of the daemon under a key."""
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, value))

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Write lines of the alarm's log; the oldest give way."""
        for entry in entries:
            row = (entry.at, entry.clock_ok, entry.what, entry.by, entry.source, entry.result)
            done = self._db.execute(
                "INSERT INTO audit (at, clock_ok, what, by, source, result) VALUES (?, ?, ?, ?, ?, ?)", row
            )
            self._db.execute("DELETE FROM audit WHERE id <= ?", (int(done.lastrowid or 0) - self._limits.audit_rows,))

    def lose(self, boot_id: str, seqs: Sequence[tuple[int, int]]) -> None:
        """List seqs that never reached the disk."""
        self._db.executemany("INSERT INTO lost VALUES (?, ?, ?)", [(boot_id, *run) for run in seqs])

    def bound(self) -> None:
        """Drop the oldest messages of every sink that has more waiting than the limits allow."""
        for sink in self._sinks:
            if self._count[sink] > self._limits.messages:
                self._count[sink] = self._drop_surplus(sink)
            if self._size[sink] > self._limits.size:
                self._size[sink] = self._drop_weight(sink)

    def _drop_surplus(self, sink: str) -> int:
        query = "SELECT count(*) FROM deliveries WHERE sink = ? AND state = 'pending'"
        count = int(self._db.execute(query, (sink,)).fetchone()[0])
        if count > self._limits.messages:
            for event_id, _ in self._waiting(sink):
                count -= self.drop(sink, event_id)
                if count <= self._limits.messages:
                    break
        return count

    def _drop_weight(self, sink: str) -> int:
        query = (
            "SELECT coalesce(sum(e.bytes), 0) FROM deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.sink = ? AND d.state = 'pending'"
        )
        size = int(self._db.execute(query, (sink,)).fetchone()[0])
        if size > self._limits.size:
            for event_id, weight in self._waiting(sink):
                size -= weight * self.drop(sink, event_id)
                if size <= self._limits.size:
                    break
        return size

    def _waiting(self, sink: str) -> Iterator[tuple[int, int]]:
        """Ids and bytes, oldest first; in pages, since mostly one or two have to go and ten thousand wait."""
        after_id = 0
        while rows := self._db.execute(
            "SELECT d.event_id, e.bytes FROM deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.sink = ? AND d.state = 'pending' AND d.event_id > ? ORDER BY d.event_id LIMIT 64",
            (sink, after_id),
        ).fetchall():
            yield from rows
            after_id = rows[-1][0]

    def drop_aged(self, now: float) -> None:
        """Drop what has waited longer than the limit. now: Unix time of a synchronised clock."""
        for sink in self._sinks:
            aged = self._db.execute(
                "SELECT d.event_id FROM deliveries d JOIN events e ON e.id = d.event_id"
                " WHERE d.sink = ? AND d.state = 'pending' AND e.aged_from < ? ORDER BY d.event_id",
                (sink, now - self._limits.age_s),
            ).fetchall()
            for (event_id,) in aged:
                self.drop(sink, event_id)

    def date(self, now: float) -> None:
        """The clock is synchronised: what came in before that starts to age."""
        self._db.execute("UPDATE events SET aged_from = ? WHERE aged_from IS NULL", (now,))

    def drop(self, sink: str, event_id: int) -> int:
        """Drop a waiting message and what it stands for; 0 if its sink has it in hand, else 1."""
        if not self._books.claim(sink, event_id):
            return 0
        boot_id, seq, replaces = self._db.execute(
            "SELECT e.boot_id, e.seq, d.replaces FROM deliveries d JOIN events e ON e.id = d.event_id"
            " WHERE d.event_id = ? AND d.sink = ?",
            (event_id, sink),
        ).fetchone()
        self._db.executemany(
            "UPDATE deliveries SET state = 'dropped', replaces = NULL"
            " WHERE sink = ? AND event_id = (SELECT id FROM events WHERE boot_id = ? AND seq = ?)",
            [(sink, boot_id, gone) for gone in (seq, *json.loads(replaces or "[]"))],
        )
        return 1

    def prune(self, now: float | None) -> list[str]:
        """Forget history beyond the limits, five thousand rows at a time. now: Unix time, None without a true clock.

        Returns the objects whose pictures are to be deleted.
        """
        limits = self._limits
        newest = int(self._db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])

        def is_past(event_id: int, aged_from: float | None) -> bool:
            old = now is not None and aged_from is not None and aged_from < now - limits.history_s
            return old or event_id <= newest - limits.history_rows

        first = self._db.execute("SELECT id, aged_from FROM events ORDER BY id LIMIT 1").fetchone()
        if first is None or not is_past(*first):
            return self._prune_pictures(now)
        # What waits for a sink that is not configured any more keeps nothing alive.
        oldest = self._db.execute(
            "SELECT id, aged_from FROM events WHERE id NOT IN (SELECT event_id FROM open_objects)"
            " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = id AND state = 'pending'"
            " AND sink IN (SELECT value FROM json_each(?))) ORDER BY id LIMIT 5000",
            (json.dumps(self._sinks),),
        ).fetchall()
        past = [(event_id,) for event_id, aged_from in oldest if is_past(event_id, aged_from)]
        self._db.executemany("DELETE FROM events WHERE id = ?", past)
        # What a run lost is told for as long as something of that run is.
        self._db.execute("DELETE FROM lost WHERE boot_id NOT IN (SELECT boot_id FROM events)")
        return self._prune_pictures(now)

    def _prune_pictures(self, now: float | None) -> list[str]:
        rows = self._db.execute(
            "SELECT p.object, p.bytes, e.id IS NOT NULL, e.aged_from"
            " FROM pictures p LEFT JOIN events e ON e.id = p.event_id ORDER BY p.event_id DESC"
        ).fetchall()
        total = 0
        gone: list[str] = []
        for name, size, wanted, aged_from in rows:
            total += size
            old = now is not None and aged_from is not None and aged_from < now - self._limits.picture_s
            if not wanted or old or total > self._limits.picture_bytes:
                gone.append(name)
        self._db.executemany("DELETE FROM pictures WHERE object = ?", [(name,) for name in gone])
        return gone
