"""The outbox's one writer: takes what has queued up, commits it as a group, tells who waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.clock import Clock
from edge.errors import StorageError
from edge.outbox.ledger import Mark
from edge.outbox.values import Limits
from edge.types import AuditEntry, Event

GROUP = 500
"""Events of one transaction at most, so that a long backlog in memory is not one long commit."""
HOUSEKEEPING_S = 60.0
COMMIT_S = 30.0
"""How long a commit may take before the writer counts as wedged: an old SD card stalls for seconds."""
SHUTDOWN_TRIES = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way to the disk. payload: given instead of an event where there is only JSON."""

    seq: int
    entered: float
    wall: float
    clock_ok: bool
    event: Event | None = None
    payload: dict[str, Any] | None = None

    @property
    def picture_bytes(self) -> int:
        """Size of the picture that it carries."""
        return len(self.event.jpeg) if self.event and self.event.jpeg else 0


@dataclass(slots=True, eq=False)
class Keep:
    """Values to be stored together, with a line of the alarm's log, and who waits for that."""

    values: Mapping[str, str]
    entry: AuditEntry | None = None
    done: threading.Event = field(default_factory=threading.Event)
    fault: str | None = None

    @property
    def settled(self) -> bool:
        """Whether it is known how that went."""
        return self.done.is_set()

    def wait(self, timeout: float) -> bool:
        """Wait for that; False if it is not known by then."""
        return self.done.wait(timeout)

    @property
    def said(self) -> str:
        """What it is about, for people."""
        return ", ".join(self.values)


@dataclass(slots=True)
class Batch:
    """What one transaction takes in.

    notes: values by key that nobody waits for
    lost: seqs that memory could not hold
    audit: lines of the alarm's log that nobody waits for
    housekeeping: age, bounds and history are due
    """

    entries: list[Entry] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    keeps: list[Keep] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    housekeeping: bool = False


class Writer:
    """Queues in memory in front of a thread that commits. Everything but the thread's own work returns at once.

    commit: does one transaction, in the writer's thread; raises StorageError and leaves nothing of it behind
    fault: why the disk does not take anything from the start; that is tried again as after any other
    """

    def __init__(self, commit: Callable[[Batch], None], clock: Clock, limits: Limits, fault: str | None = None) -> None:
        self._commit = commit
        self._clock = clock
        self._limits = limits
        self._change = threading.Condition()
        self._entries: deque[Entry] = deque()
        self._marks: deque[Mark] = deque()
        self._keeps: deque[Keep] = deque()
        self._notes: dict[str, str] = {}
        self._lost: list[int] = []
        self._audit: deque[AuditEntry] = deque(maxlen=limits.audit_queued)
        self._picture_bytes = 0
        self._marks_due = 0.0
        self._retry_at = clock.monotonic() + limits.back_off[0]
        self._failures = 0 if fault is None else 1
        self._busy = False
        self._committing = 0
        self._closing = False
        self._next_housekeeping = clock.monotonic() + HOUSEKEEPING_S
        self.fault = fault
        self.deadline = clock.monotonic() + COMMIT_S
        self._thread = threading.Thread(target=self._run, name="outbox-writer", daemon=True)

    def start(self) -> None:
        """Begin to commit."""
        self._thread.start()

    @property
    def queued(self) -> int:
        """Events that only memory holds."""
        with self._change:
            return len(self._entries) + self._committing

    def put(self, make: Callable[[], Entry]) -> None:
        """Queue an event. `make` runs under the queue's lock, so that its seq is its place in the queue."""
        with self._change:
            entry = make()
            if entry.event and self._picture_bytes + entry.picture_bytes > self._limits.queued_picture_bytes:
                entry = replace(entry, event=replace(entry.event, jpeg=None))
            if len(self._entries) >= self._limits.queued:
                oldest = self._entries.popleft()
                self._picture_bytes -= oldest.picture_bytes
                self._lost.append(oldest.seq)
            self._entries.append(entry)
            self._picture_bytes += entry.picture_bytes
            self._change.notify_all()

    def mark(self, mark: Mark) -> None:
        """Queue what a sink says; it may wait a little for company."""
        with self._change:
            if not self._marks:
                self._marks_due = self._clock.monotonic() + self._limits.mark_s
            self._marks.append(mark)
            self._change.notify_all()

    def keep(self, values: Mapping[str, str], timeout: float, entry: AuditEntry | None = None) -> None:
        """Store values; returns once all are on the disk. Raises StorageError if that fails or takes too long.

        timeout: seconds that it may wait for its turn. Whoever is told that it failed must be able to rely on it, so
        what is still queued then is taken back, and the end of a commit that has begun is waited for.
        """
        keep = self.begin(values, entry)
        if not keep.done.wait(timeout):
            with self._change:
                if keep in self._keeps:
                    self._keeps.remove(keep)
                    raise StorageError(f"{keep.said} was not stored: the disk is too slow or hangs")
            if not keep.done.wait(COMMIT_S):
                raise StorageError(f"the disk hangs; whether {keep.said} was stored shows at the next start")
        if keep.fault is not None:
            raise StorageError(keep.fault)

    def begin(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> Keep:
        """Queue values to be stored, behind those that were queued before; how that went shows on what it returns."""
        keep = Keep(values, entry)
        with self._change:
            if self.fault is not None and self._clock.monotonic() < self._retry_at:
                keep.fault = self.fault
                keep.done.set()
            else:
                self._keeps.append(keep)
                self._change.notify_all()
        return keep

    def record(self, entry: AuditEntry) -> None:
        """Queue a line of the alarm's log; it is tried until the disk takes it."""
        with self._change:
            self._audit.append(entry)
            self._change.notify_all()

    def note(self, key: str, value: str) -> None:
        """Queue a value that nobody waits for; it is tried until the disk takes it."""
        with self._change:
            self._notes[key] = value
            self._change.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was queued is committed; False if it is not by then."""
        with self._change:
            self._marks_due = 0.0
            self._change.notify_all()
            return self._change.wait_for(
                lambda: not (self._busy or self._entries or self._marks or self._keeps or self._notes or self._audit),
                timeout,
            )

    def close(self, timeout: float) -> bool:
        """Commit what is queued and end the thread; False if something is left behind."""
        with self._change:
            self._closing = True
            self._failures = 0  # one more chance, whatever came before
            self._change.notify_all()
        self._thread.join(timeout)
        with self._change:
            return not (self._thread.is_alive() or self._entries)

    @property
    def alive(self) -> bool:
        """Is the thread still at work?"""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            try:
                self._commit(batch)
            except (StorageError, OSError) as fault:
                self._give_back(batch, str(fault))
            else:
                self._settled(batch)

    def _take(self) -> Batch | None:
        """Sleep until there is something to commit; None when all is done and the outbox is closing."""
        with self._change:
            while (pause := self._pause()) is None or pause > 0:
                if pause is None:
                    return None
                self.deadline = self._clock.monotonic() + pause + 1.0
                self._change.wait(pause)
            now = self._clock.monotonic()
            self.deadline = now + COMMIT_S
            batch = Batch(
                [self._entries.popleft() for _ in range(min(len(self._entries), GROUP))],
                list(self._marks),
                list(self._keeps),
                self._notes,
                self._lost,
                list(self._audit),
                now >= self._next_housekeeping,
            )
            self._marks.clear()
            self._keeps.clear()
            self._audit.clear()
            self._notes = {}
            self._lost = []
            self._picture_bytes -= sum(entry.picture_bytes for entry in batch.entries)
            self._busy = True
            self._committing = len(batch.entries)
            return batch

    def _pause(self) -> float | None:
        """Seconds until the next commit, 0 for now; None if there is nothing left to do at the end."""
        now = self._clock.monotonic()
        if self._closing:
            left = self._entries or self._marks or self._keeps or self._notes or self._lost or self._audit
            return 0.0 if left and self._failures < SHUTDOWN_TRIES else None
        if self._failures:
            return max(0.0, self._retry_at - now)
        if self._entries or self._keeps or self._notes or self._audit:
            return 0.0
        due = min(self._next_housekeeping, self._marks_due if self._marks else float("inf"))
        return max(0.0, due - now)

    def _give_back(self, batch: Batch, fault: str) -> None:
        shortest, longest = self._limits.back_off
        with self._change:
            self._busy = False
            self._committing = 0
            self._entries.extendleft(reversed(batch.entries))
            self._picture_bytes += sum(entry.picture_bytes for entry in batch.entries)
            self._marks.extendleft(reversed(batch.marks))
            self._notes = batch.notes | self._notes
            self._lost = batch.lost + self._lost
            self._audit.extendleft(reversed(batch.audit))
            self._failures += 1
            self._retry_at = self._clock.monotonic() + min(longest, shortest * 2 ** min(self._failures - 1, 10))
            self.fault = fault
            # Whoever waits for a value is told at once: an alarm must not look armed because of a full disk.
            waiting = [*batch.keeps, *self._keeps]
            self._keeps.clear()
            self._change.notify_all()
        for keep in waiting:
            keep.fault = fault
            keep.done.set()

    def _settled(self, batch: Batch) -> None:
        with self._change:
            self._busy = False
            self._committing = 0
            self._failures = 0
            self.fault = None
            if batch.housekeeping:
                self._next_housekeeping = self._clock.monotonic() + HOUSEKEEPING_S
            self._change.notify_all()
        for keep in batch.keeps:
            keep.done.set()
