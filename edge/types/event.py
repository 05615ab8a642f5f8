"""What is told: an object as it was, what changed about it, and how that reads as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from edge.types.body import Body
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
    body: a person's, its times like the others; None of what has none, and where nobody looks for joints
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
    body: Body | None = None

    def ended(self, at: float) -> Sighting:
        """As it is once it is over."""
        return replace(self, frame_time=at, end_time=at, active=False)

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
            "pose": self.body and self.body.payload(),
            "activity": self.body and self.body.activity and self.body.activity.payload(),
        }


Glimpse: TypeAlias = tuple[float, float, Box]
"""One look at an object: wall time, score, box."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that took effect: `confirmed`, `motion`, `zone`, `line`, `loitering`, `stationary`, `active`, or the kind
    of an activity; of what (a zone, a line, else the label), when, and which way a line was crossed."""

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


UNARMED = ("disarmed", "arming")
"""The states of the alarm that do not count as armed; the triggers of `outbox.objects` say it in SQL."""


def event_id(at: float, *of: str | int) -> str:
    """`<unix seconds>-<6 characters>`, the same for the same second and words. of: run, camera, count..."""
    digest = hashlib.sha256("/".join(map(str, of)).encode()).hexdigest()
    return f"{int(at)}-{digest[:6]}"


def pseudo(
    label: str, what: str, camera: str, at: float, *, boot_id: str, count: int, view: tuple[int, int] | None = None
) -> Sighting:
    """What is told as an object is, and is none: something that happened.

    Args:
        what: happened, its `sub_label`
        camera: or the node's name, where no camera is meant
        boot_id, count: of this run of the daemon, and how many with this label it has told of the camera: make the id
        view: size of the picture that it is about as a whole; None where it is about no picture
    """
    w, h = view or (0, 0)
    return Sighting(
        id=event_id(at, boot_id, camera, label, count),
        camera=camera,
        frame_time=at,
        label=label,
        sub_label=what,
        score=1.0,
        top_score=1.0,
        start_time=at,
        end_time=None,
        box=(0.0, 0.0, float(w), float(h)),
        frame_size=view or (1, 1),
        active=True,
        stationary=False,
    )


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
