"""The values that flow through the runtime: frozen, slotted, arrays with shape and unit in the docstring.

Everything here is plain data that any module may import; nothing here knows a vendor, a file format or a network.
"""

from edge.labels import ALARM, DARK, ENGINE, LOST, MOTION, TAMPER, WARNS
from edge.types.audit import AuditEntry
from edge.types.body import JOINT_SEEN, NO_JOINTS, Activity, ActivityKind, Body, Pose, Posture, PostureName
from edge.types.event import (
    UNARMED,
    Crossing,
    Event,
    Glimpse,
    ModelRef,
    Reason,
    Sighting,
    Snapshot,
    Stamp,
    Why,
    event_id,
    event_payload,
    pseudo,
)
from edge.types.picture import F32, I32, I420, U8, Box, Frame
from edge.types.seen import COCO_KEYPOINTS, NO_DETECTIONS, Classes, Detections, Poses, Prediction, Seen, Track, Values
from edge.types.steering import NEUTRAL, Steering

__all__ = [
    "ALARM",
    "COCO_KEYPOINTS",
    "DARK",
    "ENGINE",
    "F32",
    "I32",
    "I420",
    "JOINT_SEEN",
    "LOST",
    "MOTION",
    "NEUTRAL",
    "NO_DETECTIONS",
    "NO_JOINTS",
    "TAMPER",
    "U8",
    "UNARMED",
    "WARNS",
    "Activity",
    "ActivityKind",
    "AuditEntry",
    "Body",
    "Box",
    "Classes",
    "Crossing",
    "Detections",
    "Event",
    "Frame",
    "Glimpse",
    "ModelRef",
    "Pose",
    "Poses",
    "Posture",
    "PostureName",
    "Prediction",
    "Reason",
    "Seen",
    "Sighting",
    "Snapshot",
    "Stamp",
    "Steering",
    "Track",
    "Values",
    "Why",
    "event_id",
    "event_payload",
    "pseudo",
]
