"""A person's joints, and what they tell: how somebody stands or lies, and what happens to them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from edge.types.picture import F32, Box

PostureName: TypeAlias = Literal["standing", "sitting", "bending", "crouching", "lying", "unknown"]
ActivityKind: TypeAlias = Literal["fall", "lying", "hands_up", "waving", "running", "crowding"]
"""`lying` is lying too long outside a place to rest; `waving` the arms, a call for help."""

JOINT_SEEN = 0.2
"""A joint of a lower score lies anywhere: it is neither drawn, nor measured, nor in the box."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One person's joints in one frame.

    keypoints: float32 (17, 3) in the order of `COCO_KEYPOINTS`: x, y in pixels of the upright frame, not clipped to
        it, and a score of 0..1; a joint that was not found is (nan, nan, 0)
    score: 0..1, that this is a person at all
    """

    keypoints: F32
    score: float

    @property
    def box(self) -> Box | None:
        """Around the joints that were seen, x1 y1 x2 y2 in pixels, not clipped; None of fewer than two."""
        # Asked for several times a frame: of seventeen points plain floats are three times as fast as arrays.
        seen = [(x, y) for x, y, score in self.keypoints.tolist() if score >= JOINT_SEEN]
        if len(seen) < 2:
            return None
        xs, ys = zip(*seen, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


NO_JOINTS: F32 = np.tile(np.array([np.nan, np.nan, 0], np.float32), (17, 1))


@dataclass(frozen=True, slots=True)
class Posture:
    """How somebody stands, sits or lies. since: frame time at which that began, seconds."""

    name: PostureName
    score: float
    since: float


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that happens to somebody, from its onset until it is over.

    score: 0..1
    confirmed: looked at long enough to tell people of it; it stays so until it is over
    since, confirmed_at: frame times of the onset and of the confirmation, seconds
    """

    kind: ActivityKind
    score: float
    since: float
    confirmed_at: float | None = None

    @property
    def confirmed(self) -> bool:
        """Whether people are to be told."""
        return self.confirmed_at is not None

    def shifted(self, seconds: float) -> Activity:
        """The same on another clock, which is so many seconds ahead."""
        at = self.confirmed_at
        return replace(self, since=self.since + seconds, confirmed_at=None if at is None else at + seconds)

    def payload(self) -> dict[str, Any]:
        """The JSON object `activity` of the MQTT contract."""
        return {
            "kind": self.kind,
            "score": round(float(self.score), 3),
            "confirmed": self.confirmed,
            "since": round(self.since, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What is known of a person's body at one frame, by the number of their track.

    pose: smoothed; joints that are missing for a moment are held with a falling score
    lying_s: for how long the person has been lying; 0 of one who does not
    activity: the gravest that goes on; a fall before all else
    raw: the newest look's pose as the model gave it, without a joint where it found nobody; None is `pose` itself
    """

    pose: Pose
    posture: Posture
    lying_s: float = 0.0
    activity: Activity | None = None
    raw: Pose | None = None

    def shifted(self, seconds: float) -> Body:
        """The same on another clock, which is so many seconds ahead."""
        posture = replace(self.posture, since=self.posture.since + seconds)
        return replace(self, posture=posture, activity=self.activity and self.activity.shifted(seconds))

    def payload(self) -> dict[str, Any]:
        """The JSON object `pose` of the MQTT contract: pixels, None for what was not found."""
        return {
            "format": "coco17",
            "keypoints": [[_px(x), _px(y), round(score, 2)] for x, y, score in self.pose.keypoints.tolist()],
            "posture": self.posture.name,
            "posture_score": round(float(self.posture.score), 3),
            "lying_s": round(self.lying_s, 1),
        }


def _px(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None
