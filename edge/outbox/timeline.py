"""What happened as objects, for the page's timeline: a day and a choice of it, one object with all its messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.outbox import pictures
from edge.outbox.history import MESSAGE, reading, tell
from edge.outbox.values import snapshot_path

OBJECTS = f"SELECT {MESSAGE}, e.object FROM objects o JOIN events e ON e.id = o.event_id"  # noqa: S608 - constants
MESSAGES = f"SELECT {MESSAGE} FROM events e WHERE e.object = ? ORDER BY e.id"  # noqa: S608 - constants
NEWEST_FIRST = "ORDER BY o.started DESC, o.object DESC LIMIT ?"
FELL = """(SELECT instr(payload, '"rule":"fall"') > 0 FROM events WHERE id = o.event_id) = ?"""
"""Of the newest message, whose `why` has all rules that took effect; an owner's words are no part of it."""
MARKS = "SELECT o.camera, CAST((o.started - ?) / ? AS INTEGER) AS slot, count(*), sum(o.armed) FROM objects o"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects; None asks for nothing.

    zone: one that it entered
    since, until: Unix seconds; the object came at `since` or later, and before `until`
    armed: the alarm was on in one of its messages; while it was still arming it was not
    clip: it has one
    fell: somebody fell in it, confirmed
    """

    camera: str | None = None
    label: str | None = None
    zone: str | None = None
    since: float | None = None
    until: float | None = None
    armed: bool | None = None
    clip: bool | None = None
    fell: bool | None = None

    def where(self, before: str | None = None) -> tuple[str, list[Any]]:
        """An SQL condition on `objects o`, and what its question marks stand for."""
        asked = [
            ("(o.started, o.object) < (SELECT started, object FROM objects WHERE object = ?)", before),
            ("o.camera = ?", self.camera),
            ("o.label = ?", self.label),
            ("EXISTS (SELECT 1 FROM json_each(o.zones) WHERE value = ?)", self.zone),
            ("o.started >= ?", self.since),
            ("o.started < ?", self.until),
            ("o.armed = ?", self.armed),
            ("o.clip = ?", self.clip),
            (FELL, self.fell),
        ]
        given = [(condition, value) for condition, value in asked if value is not None]
        conditions = " AND ".join(condition for condition, _ in given)
        return f"WHERE {conditions}" if given else "", [value for _, value in given]


def read_objects(folder: Path, wanted: Wanted, limit: int, before: str | None = None) -> list[dict[str, Any]]:
    """The newest message of each object, newest object first: rows as `read_events` gives them.

    Args:
        folder: the data folder of a running daemon
        wanted: which
        limit: how many at most
        before: an object's id; only those that came before it, none if there is no such object

    Raises:
        StorageError: one line, if the file cannot be read
    """
    with reading(folder) as db:
        if db is None:
            return []
        where, values = wanted.where(before)
        rows = db.execute(f"{OBJECTS} {where} {NEWEST_FIRST}", (*values, limit)).fetchall()
        told = {row["after"]["id"]: row for row in tell(folder, db, sorted(rows))}
    return [told[name] for *_, name in rows]


def read_object(folder: Path, object_id: str) -> list[dict[str, Any]]:
    """All messages about one object, oldest first, none if nothing is known of it.

    Rows as `read_events` gives them, and of the payload also `model`, `why` and `notify` (None where it has none); and
    `pictures`, the names of those that are kept of it in the order in which they were taken: its id for the best one,
    with `-1` and `-2` behind it for earlier ones. Raises StorageError.
    """
    with reading(folder) as db:
        if db is None:
            return []
        rows = db.execute(MESSAGES, (object_id,)).fetchall()
        told = tell(folder, db, rows)
    best = snapshot_path(folder, object_id)
    kept = [object_id + path.stem.removeprefix(best.stem) for path in pictures.found(best)]
    for row, (_, text, *_) in zip(told, rows, strict=True):
        payload = json.loads(text)
        row["pictures"] = kept if row["snapshot"] else []
        row |= {key: payload.get(key) for key in ("model", "why", "notify")}
    return told


def read_marks(folder: Path, wanted: Wanted, slot_s: float) -> dict[str, Any]:
    """When there was something: what a bar of the day draws.

    Args:
        folder: the data folder of a running daemon
        wanted: which objects; `since` is the begin of slot 0
        slot_s: seconds of one mark

    Returns:
        `marks` {camera: [[slot, objects, of these with the alarm on], ...]} in order of time; `labels` and `zones`: all
        that are in the history, whatever is wanted, sorted

    Raises:
        StorageError: one line, if the file cannot be read
    """
    with reading(folder) as db:
        if db is None:
            return {"marks": {}, "labels": [], "zones": []}
        where, values = wanted.where()
        query = f"{MARKS} {where} GROUP BY o.camera, slot ORDER BY o.camera, slot"
        marks: dict[str, list[list[int]]] = {}
        for camera, *mark in db.execute(query, (wanted.since or 0.0, slot_s, *values)):
            marks.setdefault(camera, []).append(mark)
        labels = [label for (label,) in db.execute("SELECT DISTINCT label FROM objects ORDER BY label")]
        zones = {zone for (text,) in db.execute("SELECT DISTINCT zones FROM objects") for zone in json.loads(text)}
        return {"marks": marks, "labels": labels, "zones": sorted(zones)}
