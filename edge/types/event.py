"""What is told: an object as it was, what changed about it, and how that reads as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from edge.types.picture import Box


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The picture that stands for an object: when it was taken, where the object was, how good it was."""

    frame_time: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """An object's way over a line: its name, which way, and when, in Unix seconds."""

    line: str
    direction: Literal["in", "out"]
    time: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """The state of one object when an event about it was made; the fields are those of `after` in the MQTT contract.

    Times are Unix seconds (a clip's own seconds in a replay), boxes pixels x1 y1 x2 y2 of a frame of `frame_size`.
    sub_label: what is known beyond the label
    crossed: the lines it has crossed so far, oldest first
    loitering: the zones in which it has stayed for longer than they allow
    """

    id: str
    camera: str
    frame_time: float
    label: str
    score: float
    top_score: float
    start_time: float
    end_time: float | None
    box: Box
    frame_size: tuple[int, int]
    active: bool
    stationary: bool
    current_zones: tuple[str, ...] = ()
    entered_zones: tuple[str, ...] = ()
    path: tuple[tuple[float, float, float], ...] = ()
    """Bottom centre of the box as x, y (0..1 of the frame) and time, a point whenever it moved."""
    has_clip: bool = False
    has_snapshot: bool = False
    snapshot: Snapshot | None = None
    sub_label: str | None = None
    crossed: tuple[Crossing, ...] = ()
    loitering: tuple[str, ...] = ()

    def payload(self) -> dict[str, Any]:
        """The JSON object of the MQTT contract."""
        x1, y1, x2, y2 = self.box
        w, h = self.frame_size
        shot = self.snapshot
        return {
            "id": self.id,
            "camera": self.camera,
            "frame_time": _ms(self.frame_time),
            "label": self.label,
            "sub_label": self.sub_label,
            "score": round(self.score, 3),
            "top_score": round(self.top_score, 3),
            "false_positive": False,
            "start_time": _ms(self.start_time),
            "end_time": None if self.end_time is None else _ms(self.end_time),
            "box": _box(self.box),
            "box_norm": [round(x1 / w, 4), round(y1 / h, 4), round(x2 / w, 4), round(y2 / h, 4)],
            "frame_size": [w, h],
            "area": round((x2 - x1) * (y2 - y1)),
            "ratio": round((x2 - x1) / max(y2 - y1, 1e-6), 3),
            "active": self.active,
            "stationary": self.stationary,
            "current_zones": list(self.current_zones),
            "entered_zones": list(self.entered_zones),
            "crossed": [[one.line, one.direction, _ms(one.time)] for one in self.crossed],
            "loitering": list(self.loitering),
            "path_data": [[[round(x, 4), round(y, 4)], _ms(t)] for x, y, t in self.path],
            "has_clip": self.has_clip,
            "has_snapshot": self.has_snapshot,
            "snapshot": shot
            and {"frame_time": _ms(shot.frame_time), "box": _box(shot.box), "score": round(shot.score, 3)},
            "pose": None,
            "activity": None,
        }


Glimpse: TypeAlias = tuple[float, float, Box]
"""One look at an object: wall time, score, box."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that took effect: `confirmed`, `motion`, `zone`, `line`, `loitering`, `stationary` or `active`; of what
    (a zone, a line, else the label), when, and which way a line was crossed."""

    rule: str
    name: str
    time: float
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """What stands behind an event: the rules that took effect, and some of the looks at the object."""

    rules: tuple[Reason, ...]
    seen: tuple[Glimpse, ...]

    def payload(self) -> dict[str, Any]:
        """As it stands in the event's JSON, where it takes less than 2 kB."""
        return {
            "rules": [
                {"rule": one.rule, "name": one.name, "time": _ms(one.time)}
                | ({"direction": one.direction} if one.direction else {})
                for one in self.rules
            ],
            "seen": [[_ms(time), round(score, 2), [round(v) for v in box]] for time, score, box in self.seen],
        }


ALARM = "alarm"
"""The label of events about the alarm itself: triggers, panic, lockouts; which, and why, is their `sub_label`."""
WARNS = "armed, but "
"""What the `sub_label` of such an event begins with that is no alarm: it was armed, and cameras cannot see."""
TAMPER = "tamper"
"""The label of events about what somebody did to a camera; what it is is their `sub_label`."""
DARK = "dark"
"""The `sub_label` of tampering that may be none: the lights are off, and nobody knows what is behind that."""
ENGINE = "engine"
"""The label of events about the engine that runs the model; what happened is their `sub_label`."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The model behind an event. infer_ms is None where it would not be reproducible (a replay)."""

    name: str
    sha256: str
    engine: str
    infer_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell: what changed about one object. It exists for good once the outbox has committed it.

    armed: the alarm's state when it happened (`disarmed`, `armed_home`, ...)
    jpeg: a picture to keep and to attach, boxes drawn, or None
    why: what stands behind it; None of what is no object
    notify: False tells nobody by mail
    """

    type: Literal["new", "update", "end"]
    before: Sighting | None
    after: Sighting
    captured_at: float
    armed: str
    model: ModelRef | None = None
    jpeg: bytes | None = None
    why: Why | None = None
    notify: bool = True


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the outbox adds to an event when it enters: its place in the order of one run of the daemon.

    uid: the key by which a subscriber removes duplicates
    replaces: the seqs of collapsed updates that this message stands for
    """

    boot_id: str
    seq: int
    node: str
    published_at: float
    clock_ok: bool = True
    replaces: tuple[int, ...] = ()
    replayed: bool = False


def event_payload(event: Event, stamp: Stamp) -> dict[str, Any]:
    """The JSON object of `<prefix>/events`, as the MQTT contract gives it."""
    model = event.model
    return {
        "v": 1,
        "type": event.type,
        "before": event.before and event.before.payload(),
        "after": event.after.payload(),
        "boot_id": stamp.boot_id,
        "seq": stamp.seq,
        "replaces": list(stamp.replaces),
        "uid": f"{stamp.boot_id}-{event.after.camera}-{stamp.seq}",
        "clock_ok": stamp.clock_ok,
        "node": stamp.node,
        "captured_at": _ms(event.captured_at),
        "published_at": _ms(stamp.published_at),
        "replayed": stamp.replayed,
        "armed": event.armed,
        "notify": event.notify,
        "model": model
        and {"name": model.name, "sha256": model.sha256, "engine": model.engine, "infer_ms": model.infer_ms},
        "why": event.why and event.why.payload(),
    }


def _ms(seconds: float) -> float:
    return round(seconds, 3)


def _box(box: Box) -> list[float]:
    return [round(v, 1) for v in box]
