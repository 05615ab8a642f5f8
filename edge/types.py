"""The values that flow through the runtime: frozen, slotted, arrays with shape and unit in the docstring.

Everything here is plain data that any module may import; nothing here knows a vendor, a file format or a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

U8: TypeAlias = NDArray[np.uint8]
F32: TypeAlias = NDArray[np.float32]
I32: TypeAlias = NDArray[np.int32]
Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the upright frame."""


@dataclass(frozen=True, slots=True)
class I420:
    """A picture as decoders leave it: planar YUV 4:2:0, limited range. Read-only views, rows may be padded.

    y: uint8 (h, w)
    u, v: uint8 (ceil(h / 2), ceil(w / 2))
    """

    y: U8
    u: U8
    v: U8

    @property
    def width(self) -> int:
        """Pixels a row."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.y.shape[0])

    def bgr(self) -> U8:
        """A new uint8 (h, w, 3) BGR image by BT.601; made only when somebody asks, it costs a pass over the frame."""
        h, w = self.y.shape
        if h % 2 or w % 2:
            # OpenCV's packed I420 wants even sides: the odd row or column is repeated, then cut off again.
            y = cv2.copyMakeBorder(self.y, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE)
            return I420(np.asarray(y, np.uint8), self.u, self.v).bgr()[:h, :w]
        packed = np.empty((h * 3 // 2, w), np.uint8)
        packed[:h] = self.y
        packed[h:].reshape(-1)[: h * w // 4].reshape(h // 2, w // 2)[:] = self.u
        packed[h:].reshape(-1)[h * w // 4 :].reshape(h // 2, w // 2)[:] = self.v
        return np.asarray(cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420), np.uint8)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of one camera.

    index: counts what the camera produced, from 0; a gap is a drop
    time: seconds on the pipeline's monotonic clock (a clip's own time in a replay)
    wall: Unix time of the capture in seconds (a clip's own time in a replay)
    """

    camera: str
    index: int
    time: float
    wall: float
    picture: I420

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.width, self.picture.height


@dataclass(frozen=True, slots=True)
class Detections:
    """What a detector saw in one frame, n objects as parallel arrays.

    boxes: float32 (n, 4), x1 y1 x2 y2 in pixels of the upright frame, clipped to it
    scores: float32 (n,), 0..1, descending
    classes: int32 (n,), index into the manifest's labels
    masks: of a model that segments, n arrays uint8 (h, w), 1 where the object is: the frame's pixels in the rows
        floor(y1) to ceil(y2) and the columns floor(x1) to ceil(x2) of its box, or (0, 0) where its decoder has
        made as many as it does; None of any other model, and where they were not asked for
    """

    boxes: F32
    scores: F32
    classes: I32
    masks: tuple[U8, ...] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def keep(self, which: NDArray[Any]) -> Detections:
        """Those that a boolean mask or an index array selects, in its order."""
        masks = self.masks and tuple(self.masks[i] for i in np.arange(len(self.masks))[which])
        return Detections(self.boxes[which], self.scores[which], self.classes[which], masks)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of one picture.

    looked: the parts of it in which the model saw what lies wholly inside, pixels of the frame, without end where they
        reach its border; None: all of it
    """

    detections: Detections
    looked: tuple[Box, ...] | None = None


NO_DETECTIONS = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True)
class Classes:
    """What a classifier takes a picture for, k classes as parallel arrays.

    classes: int32 (k,), index into the manifest's labels
    scores: float32 (k,), 0..1 where the model or the manifest's softmax makes probabilities of them, descending
    """

    classes: I32
    scores: F32

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Values:
    """The plain numbers of a regression.

    values: float32 (n,), in the model's own units and order; what is no number stays none
    """

    values: F32

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Poses:
    """The people whose joints a model found, n people of k keypoints as parallel arrays.

    boxes: float32 (n, 4), x1 y1 x2 y2 around the keypoints in pixels of the upright frame
    scores: float32 (n,), 0..1, descending
    keypoints: float32 (n, k, 3), x and y in pixels of the frame, clipped to it, and a score of 0..1; their order is
        the model's (`COCO_KEYPOINTS` of a MoveNet)
    """

    boxes: F32
    scores: F32
    keypoints: F32

    def __len__(self) -> int:
        return len(self.scores)


Prediction: TypeAlias = Detections | Classes | Values | Poses
"""What a model of any task says of a picture."""

COCO_KEYPOINTS = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""The order of keypoints in COCO, cocodataset.org/#keypoints-eval."""


@dataclass(frozen=True, slots=True)
class Track:
    """One object as the tracker holds it after one frame.

    number: counts the tracks of a camera from 1, never reused
    label: the manifest's label, lower-case, other characters `_`
    box: in pixels of the frame; the filter's estimate
    score: of the newest matched detection; 0 <= score <= 1
    confirmed: seen often enough to be told about
    seen: True if this very frame had a matching detection
    first_time, last_time: frame times of the first and the newest matching detection
    first_wall, last_wall: the same on the wall clock
    """

    number: int
    label: str
    score: float
    box: Box
    confirmed: bool
    seen: bool
    first_time: float
    last_time: float
    first_wall: float
    last_wall: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The picture that stands for an object: when it was taken, where the object was, how good it was."""

    frame_time: float
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """The state of one object when an event about it was made; the fields are those of `after` in the MQTT contract.

    Times are Unix seconds (a clip's own seconds in a replay), boxes pixels x1 y1 x2 y2 of a frame of `frame_size`.
    sub_label: what is known beyond the label
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
            "path_data": [[[round(x, 4), round(y, 4)], _ms(t)] for x, y, t in self.path],
            "has_clip": self.has_clip,
            "has_snapshot": self.has_snapshot,
            "snapshot": shot
            and {"frame_time": _ms(shot.frame_time), "box": _box(shot.box), "score": round(shot.score, 3)},
            "pose": None,
            "activity": None,
        }


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
    """

    type: Literal["new", "update", "end"]
    before: Sighting | None
    after: Sighting
    captured_at: float
    armed: str
    model: ModelRef | None = None
    jpeg: bytes | None = None


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
        "model": model
        and {"name": model.name, "sha256": model.sha256, "engine": model.engine, "infer_ms": model.infer_ms},
    }


def _ms(seconds: float) -> float:
    return round(seconds, 3)


def _box(box: Box) -> list[float]:
    return [round(v, 1) for v in box]
