"""The SQLite file: its tables, how it is opened, and what its faults mean to the owner of the device."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge.errors import StorageError
from edge.outbox import objects
from edge.outbox.spare import Spare, is_full
from edge.outbox.values import DATABASE, SNAPSHOTS
from edge.paths import PRIVATE

VERSION = 1

# AUTOINCREMENT: a row id that is used again would let a late acknowledgement take a newer message out of the queue.
TABLES = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    boot_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    object TEXT NOT NULL,
    type TEXT NOT NULL,
    entered REAL NOT NULL,    -- monotonic clock of that boot
    aged_from REAL,           -- Unix time from which it ages; NULL until the clock is synchronised
    bytes INTEGER NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (boot_id, seq)
);
CREATE INDEX IF NOT EXISTS undated ON events (id) WHERE aged_from IS NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    sink TEXT NOT NULL,
    state TEXT NOT NULL,      -- pending, delivered, passed, parked, replaced, dropped
    tries INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    replaces TEXT,            -- JSON list of seqs of the same boot
    replaced_by INTEGER,      -- id of the event that took its place
    PRIMARY KEY (event_id, sink)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending ON deliveries (sink, event_id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS undelivered ON deliveries (sink, state, event_id) WHERE state IN ('parked', 'dropped');
CREATE INDEX IF NOT EXISTS told_by ON deliveries (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE TABLE IF NOT EXISTS open_objects (object TEXT PRIMARY KEY, event_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pictures (object TEXT PRIMARY KEY, event_id INTEGER NOT NULL, bytes INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (boot_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,         -- Unix time of the machine's clock
    clock_ok INTEGER NOT NULL,
    what TEXT NOT NULL,
    by TEXT,                  -- the name of a code
    source TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


def connect(folder: Path) -> sqlite3.Connection:
    """A connection to the folder's database, set to survive a power cut. Raises sqlite3.Error."""
    db = sqlite3.connect(folder / DATABASE, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA journal_size_limit = 4194304")
    except sqlite3.Error:
        db.close()
        raise
    return db


@dataclass(frozen=True, slots=True)
class Opened:
    """A data folder that is this process's until `lock` is closed.

    lock: a file descriptor that keeps a second daemon away
    fault: why the database can only be read as yet, one line: the disk is full; it is to be given to `prepare` later.
        None where it is prepared.
    """

    db: sqlite3.Connection
    lock: int
    fault: str | None = None


def open_folder(folder: Path, boot_id: str, make_room: Callable[[], bool] = lambda: False) -> Opened:
    """Make the folder and its tables where they are missing, and prove that they can be written.

    On a full disk, what was kept for that is given up, then whatever `make_room` finds, until it can be. Where nothing
    helps, a database that another run left is opened all the same: what it says is true, and a house that is armed is
    to be watched.

    Args:
        make_room: deletes something that is worth less than the events; False if there is nothing left

    Raises:
        StorageError: one line that names the folder.
    """
    while True:
        try:
            return _open(folder, boot_id)
        except (OSError, sqlite3.Error) as fault:
            if is_full(folder, fault):
                if Spare(folder).give_up() or make_room():
                    continue
                if (opened := _open_full(folder, fault)) is not None:
                    return opened
            raise StorageError(explain(folder, fault)) from fault


def _open(folder: Path, boot_id: str) -> Opened:
    with ExitStack() as undo:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        (folder / SNAPSHOTS).mkdir(mode=PRIVATE, exist_ok=True)
        lock, db = _locked(folder, undo)
        version = _version(db)
        if version > VERSION:
            raise StorageError(f"{folder / DATABASE} was written by a newer version of edge; install that one")
        prepare(db, boot_id)
        undo.pop_all()
    return Opened(db, lock)


def _open_full(folder: Path, fault: Exception) -> Opened | None:
    """What an earlier run left on a disk that is full, None where that is nothing, or cannot even be read."""
    try:
        with ExitStack() as undo:
            if not (folder / DATABASE).is_file():
                return None
            lock, db = _locked(folder, undo)
            if _version(db) != VERSION:
                return None
            undo.pop_all()
    except (OSError, sqlite3.Error):
        return None
    return Opened(db, lock, explain(folder, fault))


def _locked(folder: Path, undo: ExitStack) -> tuple[int, sqlite3.Connection]:
    lock = os.open(folder / "edge.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    undo.callback(os.close, lock)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    db = connect(folder)
    undo.callback(db.close)
    return lock, db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def prepare(db: sqlite3.Connection, boot_id: str) -> None:
    """Make the tables that are missing, and write. Raises sqlite3.Error."""
    db.executescript(TABLES + objects.TABLES)
    db.execute("BEGIN IMMEDIATE")
    objects.fill(db)
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("INSERT OR REPLACE INTO kept VALUES ('boot_id', ?)", (boot_id,))
    db.execute("COMMIT")


def explain(folder: Path, fault: Exception) -> str:
    """One line for the owner of the device: what is wrong with the data folder and what to do."""
    text = str(fault)
    if isinstance(fault, BlockingIOError):
        return f"data folder {folder} is in use by another running edge; stop that one or set another node.data"
    if is_full(folder, fault):
        return f"data folder {folder} is full; make room on its disk"
    if "readonly" in text or "Read-only" in text:
        return f"data folder {folder} is read-only; make it writable or set another node.data"
    if "malformed" in text or "not a database" in text:
        return f"{folder / DATABASE} is damaged ({text}); move it away, what it holds stays in that file"
    if isinstance(fault, PermissionError) or "unable to open" in text:
        return f"data folder {folder} cannot be written by this user; change its owner or set another node.data"
    return f"data folder {folder} cannot be used: {fault.strerror if isinstance(fault, OSError) else text}"
