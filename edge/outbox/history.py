"""The events as they are kept, for `edge events` and the page; reads the file, daemon or no daemon."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from edge.errors import StorageError
from edge.outbox.schema import explain
from edge.outbox.values import DATABASE, by_preference, snapshot_path


def read_events(folder: Path, limit: int = 100) -> list[dict[str, Any]]:
    """The newest `limit` events of a data folder, oldest first; none if nothing was ever stored there.

    Each has the keys of `edge events --json` (`uid`, `boot_id`, `seq`, `type`, `after`, `state`, `replaced_by`: the
    seq of the message that stands for it) and `camera`, `label`, `armed`, `captured_at`, `reason` (of a refusal),
    `snapshot` (path of its picture, or None) and `sinks`, the state for each. `state` is that of the MQTT sink where
    there is one, else of another sink, else `delivered`: it is stored.

    Raises StorageError in one line if the file cannot be read.
    """
    if not (folder / DATABASE).exists():
        return []
    try:
        db = _open(folder / DATABASE)
        try:
            rows = db.execute(
                "SELECT e.id, e.payload, EXISTS (SELECT 1 FROM pictures p WHERE p.object = e.object)"
                " FROM events e ORDER BY e.id DESC LIMIT ?",
                (limit,),
            ).fetchall()
            found = db.execute(
                "SELECT event_id, sink, state, reason, replaced_by FROM deliveries WHERE event_id >= ?",
                (rows[-1][0] if rows else 0,),
            ).fetchall()
        finally:
            db.close()
    except sqlite3.Error as fault:
        raise StorageError(explain(folder, fault)) from fault
    deliveries: dict[int, dict[str, tuple[str, str | None, int | None]]] = {}
    for event_id, sink, state, reason, by in found:
        deliveries.setdefault(event_id, {})[sink] = (state, reason, by)
    return _tell(folder, rows[::-1], deliveries)


def _open(path: Path) -> sqlite3.Connection:
    """Read-only. A file that no daemon has open and whose folder is read-only needs `immutable` on top."""
    for options in ("mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=5.0)
        try:
            db.execute("SELECT 1 FROM events LIMIT 1")
        except sqlite3.OperationalError:
            db.close()
            if "immutable" in options:
                raise
        else:
            return db
    raise AssertionError


def _tell(
    folder: Path, rows: list[tuple[Any, ...]], deliveries: dict[int, dict[str, tuple[str, str | None, int | None]]]
) -> list[dict[str, Any]]:
    seqs: dict[int, int] = {}
    told: list[dict[str, Any]] = []
    # Newest first: what took an event's place is newer than it, so its own end is known already.
    for event_id, text, pictured in reversed(rows):
        payload = json.loads(text)
        after = payload["after"]
        states = deliveries.get(event_id, {})
        first = next((states[sink] for sink in by_preference(states)), ("delivered", None, None))
        state, reason, by = first
        replaced_by = seqs.get(by) if by is not None and state == "replaced" else None
        seqs[event_id] = payload["seq"] if replaced_by is None else replaced_by
        told.append(
            {
                "uid": payload["uid"],
                "boot_id": payload["boot_id"],
                "seq": payload["seq"],
                "type": payload["type"],
                "after": after,
                "state": state,
                "replaced_by": replaced_by,
                "camera": after["camera"],
                "label": after["label"],
                "armed": payload["armed"],
                "captured_at": payload["captured_at"],
                "reason": reason,
                "snapshot": str(snapshot_path(folder, after["id"])) if pictured else None,
                "sinks": {sink: given[0] for sink, given in states.items()},
            }
        )
    return told[::-1]
