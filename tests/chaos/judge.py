"""What must be true after all of it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from tests.chaos.clips import Clips
from tests.chaos.world import World
from tests.support.broker import eventually, retained


def faults(world: World, clips: Clips) -> Iterator[str]:
    """Whatever is not as it must be, a line each; the daemon must run still, and all be told."""
    yield from _states(world)
    with contextlib.closing(sqlite3.connect(world.data / "edge.db")) as db:
        yield from _database(db)
        yield from _messages(db, world.heard.events)
    yield from _objects(world.heard.events, len(world.daemon.status()["cameras"]))
    yield from clips.wrong


def figures(world: World, clips: Clips) -> dict[str, int]:
    """How much there was of it."""
    events = world.heard.events
    mails = Counter(mail["Message-ID"] for mail in world.mail.mails)
    return {
        "events": len({event["uid"] for event in events}),
        "events that came twice": len(events) - len({event["uid"] for event in events}),
        "mails": len(mails),
        "mails that came twice": sum(mails.values()) - len(mails),
        "lives of the daemon": world.lives,
        "starts that failed": world.refusals,
        "clips that were played": len(clips.played),
    }


def _states(world: World) -> Iterator[str]:
    """What the broker retains is what the daemon says of itself."""
    wrong: list[str] = []

    def true() -> bool:
        held = {topic: payload.decode(errors="replace") for topic, payload in retained(world.broker, "edge/#").items()}
        status = world.daemon.status()
        wanted = {"edge/available": "online", "edge/alarm/state": status["alarm"]}
        wanted |= {f"edge/{camera['name']}/status": camera["status"] for camera in status["cameras"]}
        for camera in status["cameras"]:
            online = camera["status"] == "online"
            wanted[f"edge/{camera['name']}/motion"] = "ON" if camera["motion"] else "OFF"
            wanted |= {} if online else {topic: "0" for topic in held if topic == f"edge/{camera['name']}/all"}
        wrong[:] = [f"{topic} is {held.get(topic)}, not {value}" for topic, value in wanted.items()
                    if held.get(topic) != value]  # fmt: skip
        return not wrong

    with contextlib.suppress(AssertionError):
        eventually(true, 20)
    yield from wrong


def _database(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"integrity_check: {line}"
    # What is pending is of the seconds since the wait for it ended: the cameras go on.
    left = db.execute("SELECT sink, state, count(*) FROM deliveries GROUP BY 1, 2").fetchall()
    yield from (f"{count} of {sink} are {state}" for sink, state, count in left if state in ("parked", "dropped"))
    for boot, lowest, highest, count in db.execute(
        "SELECT boot_id, min(seq), max(seq), count(*) FROM events GROUP BY 1"
    ):
        if (lowest, count) != (1, highest):
            yield f"run {boot} holds {count} events with seqs {lowest} to {highest}"


def _messages(db: sqlite3.Connection, heard: list[dict[str, Any]]) -> Iterator[str]:
    """Each stored event was heard, or one that stands for it; in order, camera by camera."""
    stored = db.execute("SELECT boot_id, seq FROM events ORDER BY id").fetchall()
    settled = db.execute(
        "SELECT boot_id, seq FROM events JOIN deliveries ON event_id = id WHERE sink = 'mqtt' AND state != 'pending'"
    ).fetchall()
    covered = {(event["boot_id"], seq) for event in heard for seq in (event["seq"], *event["replaces"])}
    lost = [row for row in settled if row not in covered]
    if lost:
        yield f"{len(lost)} events were never heard of, such as {lost[0]}"
    unknown = {(event["boot_id"], event["seq"]) for event in heard} - set(stored)
    if unknown:
        yield f"{len(unknown)} events were heard that are not stored"
    place = {row: index for index, row in enumerate(stored)}
    first: dict[str, list[int]] = defaultdict(list)
    known: set[str] = set()
    for event in heard:
        if event["uid"] not in known:
            known.add(event["uid"])
            first[event["after"]["camera"]].append(place.get((event["boot_id"], event["seq"]), -1))
    for camera, places in first.items():
        if places != sorted(places):
            yield f"the events of {camera} came out of order"


def _objects(heard: list[dict[str, Any]], cameras: int) -> Iterator[str]:
    """Every object begins once, and ends once unless it is there still."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for event in {event["uid"]: event for event in heard}.values():
        told[event["after"]["id"]][event["type"]] += 1
    for name, kinds in told.items():
        if kinds["new"] != 1 or kinds["end"] > 1:
            yield f"object {name} was told as {dict(kinds)}"
    unended = sum(kinds["end"] == 0 for kinds in told.values())
    if unended > cameras:
        yield f"{unended} objects never ended"


def told(figures: dict[str, int], wrong: list[str]) -> str:
    """The verdict as JSON."""
    return json.dumps({"holds": not wrong, "figures": figures, "wrong": wrong}, indent=1)
