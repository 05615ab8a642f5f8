"""The outbox itself: events in from any thread, out to each sink at least once, in order, bounded."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import StorageError
from edge.outbox.books import Books
from edge.outbox.ledger import Mark
from edge.outbox.reader import Reader
from edge.outbox.store import Store
from edge.outbox.values import Limits, Message, SinkStats, Stats
from edge.outbox.writer import Batch, Entry, Keep, Writer
from edge.types import AuditEntry, Event


class Outbox:
    """SQLite in WAL with synchronous=FULL; a file `edge.db` in `folder`, pictures beside it in `snapshots/`.

    One thread writes (`outbox-writer`), in groups; `put` and the sinks' marks only queue. Readers have a connection of
    their own and never wait for a commit. While the disk is full, read-only or damaged, events wait in memory,
    `fault` says why, and the commit is tried again with a back-off.

    Args:
        folder: the data folder; made if it is missing
        node: name of this device, for the payloads
        sinks: names of the sinks that every event is for
        clock: stamps and waits
        limits: bounds of everything that could grow
        boot_id: names this run; a new random one by default
        clock_ok: False as long as the wall clock is not synchronised; nothing ages then
        pictures_leave: whether sinks get the pictures of what they are to tell
        make_room: called while the disk is too full to begin on it, to delete what is worth less than the events; False
            if there is nothing left

    Raises:
        StorageError: one line, if the folder cannot be written; where an earlier run wrote to it and the disk is full
            now, that is a `fault` instead, and events wait in memory from the start
    """

    def __init__(
        self,
        folder: Path,
        node: str,
        sinks: Sequence[str],
        clock: Clock,
        limits: Limits | None = None,
        boot_id: str | None = None,
        clock_ok: Callable[[], bool] = lambda: True,
        *,
        pictures_leave: bool = True,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        limits = limits or Limits()
        self.closed = False
        self.boot_id = boot_id or secrets.token_hex(6)
        self._node = node
        self._sinks = tuple(sinks)
        self._clock = clock
        self._clock_ok = clock_ok
        self._limits = limits
        self._seq = 0
        self._listeners: dict[str, Callable[[], None]] = {}
        self._known = dict.fromkeys(sinks, SinkStats())
        self._books = Books(sinks)
        self._store = Store(folder, self.boot_id, node, sinks, clock, clock_ok, limits, self._books, make_room)
        self._reader = Reader(folder, self.boot_id, clock, clock_ok, limits, self._books, pictures=pictures_leave)
        self._writer = Writer(self._commit, clock, limits, self._store.fault)
        self._writer.start()

    def put(self, event: Event) -> None:
        """Take an event in; it has its seq from now on. Any thread, never touches the disk."""
        self._writer.put(partial(self._entry, event))

    def _entry(self, event: Event | None = None, payload: dict[str, Any] | None = None) -> Entry:
        """Called under the writer's lock, so that seqs follow one another in the queue."""
        self._seq += 1
        wall, clock_ok = self._clock.wall(), self._clock_ok()
        if payload is not None:
            uid = f"{self.boot_id}-{payload['after']['camera']}-{self._seq}"
            stamp = {"boot_id": self.boot_id, "seq": self._seq, "uid": uid, "clock_ok": clock_ok}
            payload = {**payload, **stamp, "published_at": round(wall, 3)}
        return Entry(self._seq, self._clock.monotonic(), wall, clock_ok, event, payload)

    def close_orphans(self, goes_on: Callable[[Mapping[str, Any]], bool] = lambda after: False) -> int:
        """End every object that an earlier run left open, so that no subscriber keeps a ghost; returns how many.

        Args:
            goes_on: whether an object, given as it was told last, goes on in this run, which will end it

        To be called before the cameras start. The `end` carries the object's last known state, with `end_time` its
        last `frame_time`, and is marked `replayed`: it is no news.
        """
        left_open = [last for last in self._reader.open_objects() if not goes_on(last["after"])]
        for last in left_open:
            after = last["after"]
            payload = {
                **last,
                "type": "end",
                "before": after,
                "after": {**after, "end_time": after["frame_time"], "active": False},
                "captured_at": after["frame_time"],
                "node": self._node,
                "replaces": [],
                "replayed": True,
            }
            self._writer.put(partial(self._entry, payload=payload))
        return len(left_open)

    def remember(self, key: str, value: str, timeout: float = 5.0) -> bool:
        """Store a value of the daemon (the alarm's state); True once it is on the disk, else StorageError.

        What was answered with an error is not stored later either. timeout: seconds that it may wait for its turn; a
        commit that has begun is waited for, until the writer counts as wedged.
        """
        self._writer.keep({key: value}, timeout)
        return True

    def remember_all(self, values: Mapping[str, str], entry: AuditEntry | None = None, timeout: float = 5.0) -> bool:
        """Store several values and a line of the alarm's log, all or nothing; otherwise as `remember`."""
        self._writer.keep(values, timeout, entry)
        return True

    def begin(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> Keep:
        """As `remember_all`, behind what was to be stored before; only queues. How that went shows on the result."""
        return self._writer.begin(values, entry)

    def record(self, entry: AuditEntry) -> None:
        """Write a line of the alarm's log as soon as the disk takes it; only queues."""
        self._writer.record(entry)

    def note(self, key: str, value: str) -> None:
        """Store a value as soon as the disk takes it; only queues."""
        self._writer.note(key, value)

    def recall(self, key: str) -> str | None:
        """The value stored last under a key, None without one."""
        return self._reader.recall(key)

    def subscribe(self, sink: str, callback: Callable[[], None]) -> None:
        """Have `callback()` called after each commit that brought events; in the writer's thread, must not block."""
        self._listeners[sink] = callback

    def pending(self, sink: str, limit: int, after_id: int = 0) -> list[Message]:
        """The oldest waiting messages behind `after_id`, at most `limit`; they count as handed to the wire now.

        A sink that lost its connection asks from 0 again and gets what it has not settled once more.
        """
        return self._reader.pending(sink, limit, after_id)

    def told_by(self, sink: str, event_id: int) -> list[dict[str, Any]]:
        """The payloads of those that this waiting message replaces, oldest first. Raises StorageError."""
        return self._reader.told_by(sink, event_id)

    def pictures(self, object_id: str) -> list[Path]:
        """The pictures of an object that sinks may send, at most three, in the order in which they were taken."""
        return self._reader.pictures(object_id)

    def delivered(self, sink: str, ids: Sequence[int], told_by: int | None = None) -> None:
        """These have arrived; or, given `told_by`, that waiting message tells about them too and replaces them.

        Only queues.
        """
        self._books.settle(sink, ids)
        self._writer.mark(Mark(sink, tuple(ids), "delivered" if told_by is None else "replaced", by=told_by))

    def passed(self, sink: str, ids: Sequence[int]) -> None:
        """The sink's rules do not ask for these, nor for what they stand for: nobody was told. Only queues."""
        self._books.settle(sink, ids)
        self._writer.mark(Mark(sink, tuple(ids), "passed"))

    def refused(self, sink: str, event_id: int, reason: str) -> bool:
        """This one was refused; True if that was once too often and it is parked, False if it may be tried again."""
        tries = self._books.refuse(sink, event_id)
        parked = tries >= self._limits.tries
        if parked:
            self._books.settle(sink, [event_id])
        self._writer.mark(Mark(sink, (event_id,), "parked" if parked else "pending", tries, reason))
        return parked

    def stats(self) -> Stats:
        """What waits, what was parked and dropped, for each sink; while the file cannot be read, what was true last,
        and why in `fault`. Never raises."""
        unread = None
        try:
            self._known = self._reader.stats(self._sinks)
        except StorageError as fault:
            unread = str(fault)
        return Stats(self.boot_id, self._writer.queued, self.fault or unread, self._known)

    @property
    def fault(self) -> str | None:
        """Why the disk does not take events at the moment, one line; None while it does."""
        return self._writer.fault

    @property
    def deadline(self) -> float:
        """Until when the writer may be silent, on the monotonic clock."""
        return self._writer.deadline

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put and acknowledged is on the disk; False if it is not by then."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Commit what is queued and close the file; False if something could not be stored."""
        if self.closed:
            return True
        self.closed = True
        done = self._writer.close(timeout)
        self._reader.close()
        # A disk that hangs keeps the writer in its commit: the file is the writer's until the process ends.
        if not self._writer.alive:
            self._store.close()
        return done

    def _commit(self, batch: Batch) -> None:
        self._store.commit(batch)
        if batch.entries:
            for callback in tuple(self._listeners.values()):
                callback()
