"""A house in memory: the whole of `edge.web.house.House`, moved by the test instead of by cameras."""

from __future__ import annotations

import copy
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import AlarmRefused, UserError
from edge.outbox import Wanted
from edge.web.house import Live, Mode


class ScreenLive:
    """Pictures that a test shows by `show`, or that count up by themselves."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shot: tuple[int, bytes] | None = None
        self.asked = 0

    def show(self, index: int, jpeg: bytes) -> None:
        with self._changed:
            self._shot = (index, jpeg)
            self._changed.notify_all()

    def latest(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        self.asked += 1
        with self._changed:
            self._changed.wait_for(lambda: self._shot is not None and self._shot[0] != after, timeout)
            return self._shot if self._shot is not None and self._shot[0] != after else None


class MemoryHouse:
    """Cameras, events and an alarm that a test sets. `code` is the PIN, None for none."""

    def __init__(self, *cameras: str) -> None:
        self.screens = {name: ScreenLive() for name in cameras}
        self.rows: list[dict[str, Any]] = []
        self.shots: dict[str, bytes] = {}
        self.clips: dict[str, Path] = {}
        self.poses: dict[str, str] = {}
        self.clip_from_s: float | None = None
        self.code: str | None = None
        self.log: list[str] = []
        self.kept: str | None = None
        self.state: dict[str, Any] = {
            "ready": True,
            "alarm": "armed_away",
            "node": "casa",
            "version": "0.1.0",
            "uptime_s": 4000.0,
            "cameras": [camera(name) for name in cameras],
            "engines": [{"name": "tflite", "model": "ssd", "state": "up", "reason": None}],
            "sinks": [{"name": "mqtt", "state": "up", "reason": None, "depth": 0}],
            "outbox": {"depth": 0, "oldest_s": 0.0, "dropped": 0},
        }

    def status(self) -> dict[str, Any]:
        return copy.deepcopy(self.state)

    def metrics(self) -> str:
        return "# TYPE edge_up gauge\nedge_up 1\n"

    def events(self, limit: int, before: str | None) -> list[dict[str, Any]]:
        rows = list(self.rows)
        if before is not None:
            uids = [row["uid"] for row in rows]
            rows = rows[uids.index(before) + 1 :] if before in uids else []
        return rows[:limit]

    def snapshot(self, event_id: str) -> bytes | None:
        self.log.append(f"snapshot {event_id}")
        return self.shots.get(event_id)

    @property
    def timeline(self) -> MemoryTimeline:
        return MemoryTimeline(self)

    def thumbnail(self, event_id: str) -> bytes | None:
        self.log.append(f"thumbnail {event_id}")
        return self.shots.get(event_id)

    def clip(self, event_id: str) -> Path | str:
        self.log.append(f"clip {event_id}")
        return self.clips.get(event_id, "There is no clip of this event (any more).")

    def pose(self, event_id: str) -> str | None:
        self.log.append(f"pose {event_id}")
        return self.poses.get(event_id)

    def pose_version(self, event_id: str) -> str | None:
        text = self.poses.get(event_id)
        return None if text is None else f"{zlib.crc32(text.encode()):x}-{len(text):x}"

    def arm(self, mode: Mode, by: str, *, code: str | None = None, now: bool = False) -> None:
        self.log.append(f"arm {mode} by {by}")
        self.state["alarm"] = f"armed_{mode}"

    def disarm(self, code: str | None, by: str) -> None:
        self.log.append(f"disarm by {by}")
        if self.code is not None and code != self.code:
            raise AlarmRefused("The code is needed." if code is None else "That is not the code.")
        self.state["alarm"] = "disarmed"

    def settings_open(self, by: str) -> None:
        if self.code is not None and self.state["alarm"] != "disarmed":
            raise UserError("disarm it first")

    def settings_vouched(self, code: str | None, by: str) -> str | None:
        if self.code is not None and code != self.code:
            raise AlarmRefused("The code is needed." if code is None else "That is not the code.")
        return None if self.code is None else "anna"

    def settings_kept(self) -> str | None:
        return self.kept

    def settings_keep(self, text: str) -> None:
        self.kept = text

    def settings_changed(self, keys: Sequence[str], by: str, name: str | None = None) -> None:
        self.log.append(f"settings {', '.join(keys)} by {f'{name}, ' if name else ''}{by}")

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> str | None:
        if self.code is not None and not on and code != self.code:
            raise AlarmRefused("The code is needed." if code is None else "That is not the code.")
        self.log.append(f"switch {camera} {name} {on} by {by}")
        row = next(each for each in self.state["cameras"] if each["name"] == camera)
        if name not in row["switches"]:
            raise UserError(f"no switch `{name}`")
        row["switches"][name] = on
        return None if on or self.code is None else "anna"

    def panic(self, by: str) -> None:
        self.log.append(f"panic by {by}")
        self.state["alarm"] = "triggered"

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        return [
            {"at": 0.0, "clock_ok": True, "what": line, "by": None, "from": "test", "result": "done"}
            for line in self.log[::-1][:limit]
        ]

    def live(self, camera: str) -> Live | None:
        return self.screens.get(camera)

    def happen(self, kind: str = "new", *, serial: int = 1, **after: Any) -> str:
        """One more message, newest; returns its uid."""
        row = message(kind, serial, len(self.rows) + 1, **after)
        self.rows.insert(0, row)
        return str(row["uid"])


class MemoryTimeline:
    """The house's rows as objects, by the plainest code that does it."""

    def __init__(self, house: MemoryHouse) -> None:
        self._house = house

    def objects(self, wanted: Wanted, limit: int, before: str | None) -> list[dict[str, Any]]:
        newest: dict[str, dict[str, Any]] = {}
        for row in self._house.rows:
            newest.setdefault(row["after"]["id"], row)
        rows = sorted(newest.values(), key=lambda row: float(row["after"]["start_time"]), reverse=True)
        ids = [row["after"]["id"] for row in rows]
        if before is not None:
            rows = rows[ids.index(before) + 1 :] if before in ids else []
        return [row for row in rows if is_wanted(wanted, row)][:limit]

    def messages(self, event_id: str) -> list[dict[str, Any]]:
        kept = [name for name in (f"{event_id}-1", f"{event_id}-2", event_id) if name in self._house.shots]
        rows = [row for row in reversed(self._house.rows) if row["after"]["id"] == event_id]
        return [{"clip_from_s": self._house.clip_from_s, **row, "pictures": kept} for row in rows]

    def marks(self, wanted: Wanted, slot_s: float) -> dict[str, Any]:
        slots: dict[str, dict[int, list[int]]] = {}
        for row in self.objects(wanted, 10_000, None):
            slot = int((row["after"]["start_time"] - (wanted.since or 0)) // slot_s)
            mark = slots.setdefault(row["after"]["camera"], {}).setdefault(slot, [slot, 0, 0])
            mark[1] += 1
            mark[2] += row["armed"] != "disarmed"
        zones = {zone for row in self._house.rows for zone in row["after"]["entered_zones"]}
        return {
            "marks": {name: [found[slot] for slot in sorted(found)] for name, found in slots.items()},
            "labels": sorted({row["after"]["label"] for row in self._house.rows}),
            "zones": sorted(zones),
        }

    def nothing(self, event_id: str, nothing: bool, by: str) -> None:
        self._house.log.append(f"{event_id} was {'nothing' if nothing else 'something'} by {by}")
        for row in self.messages(event_id):
            row["after"]["false_positive"] = nothing


def is_wanted(wanted: Wanted, row: dict[str, Any]) -> bool:
    """Whether a row is one of those."""
    after = row["after"]
    asked = [
        (wanted.camera, after["camera"] == wanted.camera),
        (wanted.label, after["label"] == wanted.label),
        (wanted.zone, wanted.zone in after["entered_zones"]),
        (wanted.since, after["start_time"] >= (wanted.since or 0)),
        (wanted.until, after["start_time"] < (wanted.until or 0)),
        (wanted.armed, (row["armed"] != "disarmed") == wanted.armed),
        (wanted.fell, bool(row.get("fell")) == wanted.fell),
        (wanted.clip, bool(after.get("has_clip")) == wanted.clip),
    ]
    return all(fits for value, fits in asked if value is not None)


def camera(name: str, **more: Any) -> dict[str, Any]:
    """A row of `cameras` in the status."""
    row = {"name": name, "status": "online", "reason": None, "fps": 9.8, "size": [64, 48], "dropped": 0}
    switches = {"enabled": True, "detect": True, "motion": True, "notifications": True, "snapshots": True}
    return {**row, "inferences": 12, "motion": False, "tracks": 0, "switches": switches, **more}


def message(kind: str, serial: int, seq: int, **after: Any) -> dict[str, Any]:
    """A payload of the MQTT contract about object number `serial`, with its state in the outbox."""
    start = after.pop("start_time", time.time() - 5)
    beside = {
        key: after.pop(key) for key in ("armed", "model", "why", "notify", "sinks", "state", "fell") if key in after
    }
    body = {"id": f"{start:.0f}-{serial:06d}", "camera": "porch", "label": "person", "sub_label": None}
    body |= {"frame_time": start, "start_time": start, "end_time": None, "score": 0.8, "top_score": 0.87}
    body |= {"box": [10, 10, 30, 40], "frame_size": [64, 48], "current_zones": [], "entered_zones": []}
    body |= {"has_snapshot": False, "has_clip": False, "false_positive": False, "snapshot": None, "path_data": []}
    body |= after
    return {
        "type": kind,
        "before": None,
        "after": body,
        "uid": f"boot-{seq}",
        "boot_id": "boot",
        "seq": seq,
        "captured_at": start + seq / 1000,
        "state": "pending",
        "sinks": {"mqtt": "pending"},
        "armed": "armed_away",
        "model": None,
        "why": None,
        "notify": None,
        **beside,
    }


def jpeg(shade: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A flat grey picture of (width, height)."""
    ok, data = cv2.imencode(".jpg", np.full((size[1], size[0], 3), shade, np.uint8))
    assert ok
    return data.tobytes()
