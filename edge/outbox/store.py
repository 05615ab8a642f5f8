"""The outbox's writing side: one batch is one transaction, with the pictures that belong to it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.errors import StorageError
from edge.outbox import pictures
from edge.outbox.books import Books
from edge.outbox.ledger import Ledger, Row
from edge.outbox.schema import connect, explain, open_folder, prepare
from edge.outbox.spare import Spare, is_full
from edge.outbox.values import Limits, runs, snapshot_path
from edge.outbox.writer import Batch, Entry
from edge.paths import PRIVATE, settle
from edge.types import Event, Stamp, event_payload

log = logging.getLogger(__name__)

RESERVE = 16 << 20
"""Bytes of free disk that pictures leave to the events."""


class Store:
    """The only connection that writes. Owned by the writer's thread once it runs.

    Raises StorageError in one line if the folder cannot be written; a disk that is full, and was not before, is a
    `fault` instead, and nothing is written before the first commit that succeeds.

    make_room: as for `open_folder`
    """

    def __init__(
        self,
        folder: Path,
        boot_id: str,
        node: str,
        sinks: Sequence[str],
        clock: Clock,
        clock_ok: Callable[[], bool],
        limits: Limits,
        books: Books,
        make_room: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._boot_id = boot_id
        self._node = node
        self._sinks = tuple(sinks)
        self._clock = clock
        self._clock_ok = clock_ok
        self._limits = limits
        self._books = books
        self._undated = True
        self._pictureless = False
        self._swept = False
        opened = open_folder(folder, boot_id, make_room)
        self._db, self._lock, self.fault = opened.db, opened.lock, opened.fault
        self._prepared = opened.fault is None
        self._ledger: Ledger | None = Ledger(self._db, sinks, limits, books) if self._prepared else None
        self._spare = Spare(folder)
        self._spare.hold()

    def close(self) -> None:
        """Give the file back, and the folder to the next daemon."""
        self._db.close()
        os.close(self._lock)

    def commit(self, batch: Batch) -> None:
        """Do all of a batch, or raise StorageError with nothing of it done."""
        rows = [row for entry in batch.entries if (row := self._row(entry, batch.lost)) is not None]
        if any(row.picture for row in rows):
            self._settle_pictures()
        try:
            gone = self._try(batch, rows)
        except (sqlite3.Error, OSError) as fault:
            raise StorageError(explain(self._folder, fault)) from fault
        finally:
            self._books.release_claims()
        self._spare.hold()
        for mark in batch.marks:
            if mark.state != "pending":
                self._books.forget(mark.sink, mark.ids)
        for name in gone:
            for path in pictures.paths(snapshot_path(self._folder, name)):
                _delete(path)

    def _try(self, batch: Batch, rows: list[Row]) -> list[str]:
        """A transaction; one that finds the disk full is tried again in the room that was kept for it."""
        try:
            return self._transact(batch, rows)
        except (sqlite3.Error, OSError) as fault:
            self._roll_back()
            if not (is_full(self._folder, fault) and self._spare.give_up()):
                raise
        try:
            return self._transact(batch, rows)
        except (sqlite3.Error, OSError):
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """By closing. The next try has a fresh connection: after an I/O error the old one may be of no use."""
        self._db.close()
        self._ledger = None

    def _transact(self, batch: Batch, rows: list[Row]) -> list[str]:
        """Returns the objects whose pictures are of no use any more. Raises sqlite3.Error."""
        if self._ledger is None:
            self._db.close()
            self._db = connect(self._folder)
            if not self._prepared:
                prepare(self._db, self._boot_id)
                self._prepared = True
            self._ledger = Ledger(self._db, self._sinks, self._limits, self._books)
        ledger = self._ledger
        gone: list[str] = []
        self._db.execute("BEGIN IMMEDIATE")
        for row in rows:
            ledger.enter(row)
        for mark in batch.marks:
            ledger.mark(mark)
        for keep in batch.keeps:
            for key, value in keep.values.items():
                ledger.keep(key, value)
        for key, value in batch.notes.items():
            ledger.keep(key, value)
        told = [*batch.audit, *(keep.entry for keep in batch.keeps if keep.entry is not None)]
        ledger.audit(sorted(told, key=lambda entry: entry.at))  # two queues, one story
        ledger.lose(self._boot_id, runs((seq, seq) for seq in batch.lost))
        if batch.housekeeping:
            gone = self._keep_house(ledger)
        ledger.bound()
        self._db.execute("COMMIT")
        return gone

    def _keep_house(self, ledger: Ledger) -> list[str]:
        now = self._clock.wall() if self._clock_ok() else None
        if now is not None:
            if self._undated:
                ledger.date(now)
            self._undated = False
            ledger.drop_aged(now)
        if not self._swept:
            self._sweep()
        return ledger.prune(now)

    def _sweep(self) -> None:
        """Delete pictures whose event was never committed, since the power went in between."""
        self._swept = True
        objects = self._db.execute("SELECT object FROM pictures")
        known = {path.name for (name,) in objects for path in pictures.paths(snapshot_path(self._folder, name))}
        folder = snapshot_path(self._folder, "").parent
        try:
            # A folder among them is not ours: a disk of its own has its lost+found here.
            strays = [path for path in folder.iterdir() if path.name not in known and path.is_file()]
        except OSError as fault:
            log.warning("%s cannot be tidied up: %s", folder, fault.strerror)
            return
        for path in strays:
            _delete(path)

    def _row(self, entry: Entry, lost: list[int]) -> Row | None:
        """An entry as it is stored; None for one that is no JSON (a box of NaN, say): it must not stop all others."""
        try:
            payload, picture = self._payload(entry)
            text = json.dumps(payload, separators=(",", ":"), allow_nan=False)
        except (ValueError, TypeError, ArithmeticError):
            log.exception("event %d cannot be written down and is dropped", entry.seq)
            lost.append(entry.seq)
            return None
        if not entry.clock_ok:
            self._undated = True
        return Row(
            boot_id=self._boot_id,
            seq=entry.seq,
            object=str(payload["after"]["id"]),
            type=str(payload["type"]),
            entered=entry.entered,
            aged_from=entry.wall if entry.clock_ok else None,
            payload=text,
            picture=picture,
        )

    def _payload(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """The JSON object of an entry, and the bytes of its picture, which is written now."""
        if entry.event is None:
            return entry.payload or {}, 0
        stamp = Stamp(self._boot_id, entry.seq, self._node, entry.wall, clock_ok=entry.clock_ok)
        payload = event_payload(entry.event, stamp)
        picture = 0
        if entry.event.jpeg:
            picture = self._store_picture(entry.event, entry.event.jpeg)
            payload["after"]["has_snapshot"] = payload["after"]["has_snapshot"] and picture > 0
        return payload, picture

    def _store_picture(self, event: Event, jpeg: bytes) -> int:
        """Write a snapshot; returns the bytes of all that its object has, 0 if that cannot be: an event without its
        picture is still one."""
        path = snapshot_path(self._folder, event.after.id)
        taken = event.captured_at if event.after.snapshot is None else event.after.snapshot.frame_time
        size, trouble = 0, None
        try:
            if shutil.disk_usage(self._folder).free < RESERVE:
                trouble = "the disk is nearly full"
            else:
                path.parent.mkdir(mode=PRIVATE, exist_ok=True)  # somebody may have cleaned up
                size = pictures.keep(path, jpeg, taken)
        except OSError as fault:
            trouble = fault.strerror
        if trouble and not self._pictureless:
            log.warning("data folder %s: events are stored without their pictures: %s", self._folder, trouble)
        self._pictureless = trouble is not None
        return size

    def _settle_pictures(self) -> None:
        """Make the names of new pictures durable, before an event says that it has one."""
        folder = snapshot_path(self._folder, "").parent
        try:
            settle(folder)
        except OSError as fault:  # the events are worth more
            log.warning("%s: a power cut now may cost the newest pictures: %s", folder, fault.strerror)


def _delete(path: Path) -> None:
    """Away with a picture; one that will not go is no reason to stop."""
    try:
        path.unlink(missing_ok=True)
    except OSError as fault:
        log.warning("%s cannot be deleted: %s", path, fault.strerror)
