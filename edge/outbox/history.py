"""The events as they are kept, for `edge events` and the page; reads the file, daemon or no daemon."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import StorageError
from edge.outbox import pictures
from edge.outbox.objects import VERDICT
from edge.outbox.schema import explain
from edge.outbox.values import DATABASE, by_preference, snapshot_path
from edge.paths import clip_path, is_file, pose_path
from edge.types import AuditEntry

SNAPSHOT = "SELECT e.payload FROM pictures p JOIN events e ON e.id = p.event_id WHERE p.object = ?"
MESSAGE = f"""e.id, e.payload, EXISTS (SELECT 1 FROM pictures p WHERE p.object = e.object),
    EXISTS (SELECT 1 FROM kept WHERE key = '{VERDICT}' || e.object AND value = '1')"""  # noqa: S608 - a constant
"""What `tell` wants to know of a row of `events e`."""
EVENTS = f"SELECT {MESSAGE} FROM events e WHERE e.id < ? ORDER BY e.id DESC LIMIT ?"  # noqa: S608 - constants
DELIVERIES = """
SELECT d.event_id, d.sink, d.state, d.reason, d.replaced_by, heir.seq
FROM deliveries d LEFT JOIN events heir ON heir.id = d.replaced_by
WHERE d.event_id IN (SELECT value FROM json_each(?))
"""

AUDIT = "SELECT at, clock_ok, what, by, source, result FROM audit ORDER BY id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far an event has come on its way to one sink."""

    state: str
    reason: str | None = None
    heir_id: int | None = None
    heir_seq: int | None = None


STORED = Delivery("delivered")
"""Of an event as a whole, where no sink waits for it or wants it."""


def read_events(folder: Path, limit: int = 100, before: str | None = None) -> list[dict[str, Any]]:
    """The newest `limit` events of a data folder, oldest first; none if nothing was ever stored there.

    Each has the keys of `edge events --json` (`uid`, `boot_id`, `seq`, `type`, `after`, `state`, `replaced_by`: the
    seq of the message that stands for it) and `camera`, `label`, `armed`, `captured_at`, `reason` (of a refusal),
    `snapshot` and `clip` (paths of its picture and of its complete clip, as they are there now, or None) and `sinks`,
    the state for each, `passed` where that sink's rules do not ask for it. `state` is that of the MQTT sink where there
    is one, else of another sink that wants it, else `delivered`: it is stored.

    Args:
        folder: the data folder
        limit: how many at most
        before: a uid; only events older than that one, none if there is no such event

    Raises:
        StorageError: one line, if the file cannot be read
    """
    with reading(folder) as db:
        if db is None:
            return []
        rows = db.execute(EVENTS, (_end(db, before), limit)).fetchall()
        return tell(folder, db, rows[::-1])


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """The folder's database for reading, None if nothing was ever stored there; its faults are StorageErrors."""
    if not (folder / DATABASE).exists():
        yield None
        return
    try:
        with closing(_open(folder / DATABASE)) as db:
            yield db
    except sqlite3.Error as fault:
        raise StorageError(explain(folder, fault)) from fault


def read_audit(folder: Path, limit: int = 100) -> list[AuditEntry]:
    """The newest `limit` lines of the alarm's log, oldest first; none if nothing was ever stored there.

    Raises:
        StorageError: one line, if the file cannot be read
    """
    with reading(folder) as db:
        # A release that had no log wrote the file, and none has opened it since.
        if db is None or not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone():
            return []
        rows = db.execute(AUDIT, (limit,)).fetchall()
    return [AuditEntry(at, bool(ok), what, by, source, result) for at, ok, what, by, source, result in rows[::-1]]


def fell(why: dict[str, Any] | None) -> bool:
    """Whether somebody's fall was confirmed, by what stands behind an event."""
    return any(rule["rule"] == "fall" for rule in (why or {}).get("rules", ()))


def snapshot_box(folder: Path, event_id: str) -> tuple[float, float, float, float] | None:
    """Where an object is in its snapshot, x1, y1, x2, y2 from 0 to 1; None if that is not known. Never raises."""
    try:
        with reading(folder) as db:
            row = None if db is None else db.execute(SNAPSHOT, (event_id,)).fetchone()
    except StorageError:
        return None
    shot = row and json.loads(row[0])["after"]
    if not shot or not shot["snapshot"]:
        return None
    (x1, y1, x2, y2), (w, h) = shot["snapshot"]["box"], shot["frame_size"]
    return x1 / w, y1 / h, x2 / w, y2 / h


def _there(path: Path, is_there: Callable[[Path], bool]) -> str | None:
    return str(path) if is_there(path) else None


def _end(db: sqlite3.Connection, before: str | None) -> int:
    """The id that the events are to stay below."""
    if before is None:
        return sys.maxsize
    # A uid is boot_id-camera-seq, and no camera's name has a dash.
    boot_id, _, seq = before.rpartition("-")
    boot_id = boot_id.rpartition("-")[0]
    row = db.execute("SELECT id FROM events WHERE boot_id = ? AND seq = ?", (boot_id, seq)).fetchone()
    return row[0] if row else 0


def _open(path: Path) -> sqlite3.Connection:
    """Read-only. A file that no daemon has open and whose folder is read-only needs `immutable` on top."""
    for options in ("mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=5.0)
        try:
            db.execute("SELECT 1 FROM events LIMIT 1")
        except sqlite3.Error as fault:
            db.close()
            if "immutable" in options or not isinstance(fault, sqlite3.OperationalError):
                raise
        else:
            return db
    raise AssertionError


def tell(folder: Path, db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows of `MESSAGE`, oldest first, as `read_events` gives them. Raises sqlite3.Error."""
    deliveries: dict[int, dict[str, Delivery]] = {}
    for event_id, sink, *delivery in db.execute(DELIVERIES, (json.dumps([row[0] for row in rows]),)):
        deliveries.setdefault(event_id, {})[sink] = Delivery(*delivery)
    seqs: dict[int, int] = {}
    told: list[dict[str, Any]] = []
    # Newest first: what took an event's place is newer than it, so its own end is known already.
    for event_id, text, pictured, nothing, *_ in reversed(rows):
        payload = json.loads(text)
        after = payload["after"] | ({"false_positive": True} if nothing else {})
        states = deliveries.get(event_id, {})
        first = next((states[sink] for sink in by_preference(states) if states[sink].state != "passed"), STORED)
        replaced_by = seqs.get(first.heir_id, first.heir_seq) if first.heir_id is not None else None
        seqs[event_id] = payload["seq"] if replaced_by is None else replaced_by
        told.append(
            {
                "uid": payload["uid"],
                "boot_id": payload["boot_id"],
                "seq": payload["seq"],
                "type": payload["type"],
                "after": after,
                "state": first.state,
                "replaced_by": replaced_by,
                "camera": after["camera"],
                "label": after["label"],
                "armed": payload["armed"],
                "captured_at": payload["captured_at"],
                "reason": first.reason,
                "snapshot": _there(snapshot_path(folder, after["id"]), pictures.is_there) if pictured else None,
                "clip": _there(clip_path(folder, after["id"]), is_file),
                "pose": _there(pose_path(folder, after["id"]), is_file),
                "fell": fell(payload.get("why")),
                "sinks": {sink: given.state for sink, given in states.items()},
            }
        )
    return told[::-1]
