"""What goes into the outbox, what comes out, and how much of it is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATABASE = "edge.db"
SNAPSHOTS = "snapshots"
PREFERRED = ("mqtt", "jsonl", "email")
"""Whose delivery an event's `state` tells first, where several sinks are configured."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of everything that could grow.

    messages, age_s, size: of what waits for one sink: number, seconds of synchronised time, bytes of JSON
    history_rows, history_s: of what is kept to be looked at afterwards
    picture_bytes, picture_s: of all snapshots together, and how long each is kept; the oldest go first
    queued, queued_picture_bytes: of what waits in memory while the disk refuses; beyond the latter, events are kept
        and their pictures are not
    back_off: shortest and longest pause in seconds before a refused commit is tried again
    mark_s: how long an acknowledgement may wait for company before it is committed alone
    fresh_s: a message that leaves later than this after it was put is old news (`replayed`)
    tries: refusals after which a message is parked
    audit_rows, audit_queued: lines of the alarm's log on the disk, and in memory while the disk refuses
    """

    messages: int = 10_000
    age_s: float = 7 * 86_400.0
    size: int = 64 << 20
    history_rows: int = 50_000
    history_s: float = 30 * 86_400.0
    picture_bytes: int = 1 << 30
    picture_s: float = 30 * 86_400.0
    queued: int = 10_000
    queued_picture_bytes: int = 32 << 20
    back_off: tuple[float, float] = (0.5, 10.0)
    mark_s: float = 0.2
    fresh_s: float = 10.0
    tries: int = 3
    audit_rows: int = 10_000
    audit_queued: int = 1_000


@dataclass(frozen=True, slots=True)
class Message:
    """One event as a sink gets it.

    id: orders the messages; never used twice
    payload: the JSON object of the MQTT contract as it was stored (its `published_at` and `replaces` are the sink's
        to fill in when it sends)
    replaces: seqs of the same boot that this message stands for
    fresh_until: on the monotonic clock; later than this it is old news
    tries: refusals so far
    snapshot: the picture that belongs to the object, None without one
    """

    id: int
    payload: Mapping[str, Any]
    replaces: tuple[int, ...]
    fresh_until: float
    tries: int
    snapshot: Path | None


@dataclass(frozen=True, slots=True)
class SinkStats:
    """What one sink has before it and what it never got.

    oldest_s: seconds that the oldest waiting message has waited
    dropped_seqs: by boot_id, inclusive ranges of seqs that were dropped and are still in the history
    reason: why the newest parked message was refused
    """

    depth: int = 0
    oldest_s: float = 0.0
    parked: int = 0
    dropped: int = 0
    dropped_seqs: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    reason: str | None = None

    def payload(self) -> dict[str, Any]:
        """As JSON, for `stats` and `status`."""
        return {
            "depth": self.depth,
            "oldest_s": round(self.oldest_s, 1),
            "parked": self.parked,
            "dropped": self.dropped,
            "dropped_seqs": {boot: [list(run) for run in runs] for boot, runs in self.dropped_seqs.items()},
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Stats:
    """The whole outbox at one moment.

    queued: events that are only in memory, since the disk has not taken them yet
    fault: why it has not, or why the figures are not the newest, one line; None while all is well
    """

    boot_id: str
    queued: int
    fault: str | None
    sinks: Mapping[str, SinkStats]

    def payload(self) -> dict[str, Any]:
        """The `outbox` object of `<prefix>/stats`: the first sink's figures, then every sink's."""
        first = next((self.sinks[name] for name in by_preference(self.sinks)), SinkStats())
        return {
            **first.payload(),
            "queued": self.queued,
            "fault": self.fault,
            "sinks": {name: stats.payload() for name, stats in self.sinks.items()},
        }


def by_preference(sinks: Mapping[str, Any]) -> list[str]:
    """Names of sinks, the one whose deliveries matter most first."""
    return sorted(sinks, key=lambda name: (PREFERRED.index(name) if name in PREFERRED else len(PREFERRED), name))


def snapshot_path(folder: Path, object_id: str) -> Path:
    """Where the picture of an object is kept, below the data folder; no id can lead out of it."""
    return folder / SNAPSHOTS / (re.sub(r"[^A-Za-z0-9_-]", "_", object_id) + ".jpg")


def runs(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ascending inclusive ranges, those that touch made one: 1-1, 2-3, 7-7 becomes `((1, 3), (7, 7))`."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)
