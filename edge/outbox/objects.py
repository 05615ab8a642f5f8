"""One row an object beside its messages, kept true by the database itself: what the timeline looks through.

Messages are JSON of two kilobytes each; to open fifty thousand of them for a filter costs a small board seconds. The
rows here are short, follow each message that is stored or forgotten by a trigger, and so can neither be forgotten by a
writer nor drift from what they stand for.
"""

from __future__ import annotations

import sqlite3

VERDICT = "nothing:"
"""Before an object's id: the key of `kept` that holds the owner's word that it was nothing ("1", or "0" again)."""

_FACTS = """
    json_extract({row}.payload, '$.after.camera'),
    json_extract({row}.payload, '$.after.label'),
    coalesce(json_extract({row}.payload, '$.after.start_time'), 0),
    coalesce(json_extract({row}.payload, '$.after.entered_zones'), '[]'),
    coalesce(json_extract({row}.payload, '$.armed'), 'disarmed') NOT IN ('disarmed', 'arming'),
    coalesce(json_extract({row}.payload, '$.after.has_clip'), 0)
"""
_NEWER = """
    ON CONFLICT (object) DO UPDATE SET event_id = excluded.event_id, camera = excluded.camera, label = excluded.label,
    started = excluded.started, zones = excluded.zones, armed = max(armed, excluded.armed), clip = excluded.clip
"""
TABLES = f"""
CREATE TABLE IF NOT EXISTS objects (
    object TEXT PRIMARY KEY,
    event_id INTEGER NOT NULL,  -- its newest message
    camera TEXT NOT NULL,
    label TEXT NOT NULL,
    started REAL NOT NULL,      -- Unix time
    zones TEXT NOT NULL,        -- JSON list of those it entered
    armed INTEGER NOT NULL,     -- 1 if the alarm was on in any of its messages
    clip INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_by_time ON objects (started);
CREATE INDEX IF NOT EXISTS messages_of_object ON events (object);
CREATE TRIGGER IF NOT EXISTS object_told AFTER INSERT ON events BEGIN
    INSERT INTO objects VALUES (new.object, new.id, {_FACTS.format(row="new")}) {_NEWER};
END;
CREATE TRIGGER IF NOT EXISTS object_forgotten AFTER DELETE ON events BEGIN
    DELETE FROM objects WHERE object = old.object AND event_id = old.id;
END;
CREATE TRIGGER IF NOT EXISTS verdict_forgotten AFTER DELETE ON objects BEGIN
    DELETE FROM kept WHERE key = '{VERDICT}' || old.object;
END;
"""  # noqa: S608 - constants


def fill(db: sqlite3.Connection) -> None:
    """Make the rows of a database that was written before there were any. Within the caller's transaction."""
    if db.execute("SELECT 1 FROM objects LIMIT 1").fetchone() is None:
        facts = _FACTS.format(row="events")
        # Without a WHERE, SQLite takes the ON of the upsert for that of a join.
        db.execute(f"INSERT INTO objects SELECT object, id, {facts} FROM events WHERE true ORDER BY id {_NEWER}")  # noqa: S608 - constants
