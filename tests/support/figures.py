"""People's bodies as tests want them: joints of a stick figure, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from edge.errors import EngineError
from edge.metrics import Stages
from edge.types import (
    F32,
    I420,
    NO_JOINTS,
    Activity,
    ActivityKind,
    Body,
    Box,
    Frame,
    ModelRef,
    Pose,
    Posture,
    PostureName,
    Track,
)

FIGURE: F32 = np.array(
    [(0, .93), (.02, .95), (-.02, .95), (.05, .94), (-.05, .94), (.11, .82), (-.11, .82), (.15, .64), (-.15, .64),
     (.16, .48), (-.16, .48), (.08, .52), (-.08, .52), (.08, .28), (-.08, .28), (.08, .04), (-.08, .04)], np.float32
)  # fmt: skip
"""COCO's joints of somebody who stands and faces the camera (their left is on the picture's right): to the right and up
from between the feet, in heights."""
STANDING: list[tuple[float, float]] = (FIGURE * (2.1, -1) + (0.5, 1)).tolist()
"""The same as parts of a box around them, from its upper left corner, a little within."""


def joints(foot: tuple[float, float], height: float, tilt: float = 0.0, score: float = 0.9) -> F32:
    """A stiff figure, float32 (17, 3), leaning to the right about its feet. tilt: degrees, 90 lies."""
    turn, (right, up) = math.radians(tilt), FIGURE.T
    x = foot[0] + height * (right * math.cos(turn) + up * math.sin(turn))
    y = foot[1] - height * (up * math.cos(turn) - right * math.sin(turn))
    return np.column_stack([x, y, np.full(17, score)]).astype(np.float32)


def pose(foot: tuple[float, float] = (320, 400), height: float = 200.0, tilt: float = 0.0, score: float = 0.9) -> Pose:
    """That figure as a pose."""
    return Pose(joints(foot, height, tilt), score)


def pose_in(box: Box, *, lying: bool = False, score: float = 0.9) -> Pose:
    """Somebody who fills a box, pixels, upright or with the head to the left."""
    places = np.array(STANDING, np.float32)
    if lying:
        places = places[:, ::-1]
    x1, y1, x2, y2 = box
    keypoints = np.full((17, 3), score, np.float32)
    keypoints[:, :2] = places * (x2 - x1, y2 - y1) + (x1, y1)
    return Pose(keypoints, score)


def box_of(foot: tuple[float, float], height: float, tilt: float = 0.0) -> Box:
    """The box that a detector gives of the figure."""
    found = Pose(joints(foot, height, tilt), 1.0).box
    assert found is not None
    return found


def body(
    posture: PostureName = "standing", since: float = 0.0, *, lying_s: float = 0.0, activity: Activity | None = None,
    joints: Pose | None = None,
) -> Body:  # fmt: skip
    """What is known of somebody."""
    return Body(joints or Pose(NO_JOINTS, 0.0), Posture(posture, 0.9, since), lying_s, activity)


def body_in(
    box: Box, posture: PostureName = "standing", *, fallen: bool = False, time: float = 0.0, score: float = 0.9
) -> Body:
    """A body in a box; `fallen` is a fall that is confirmed."""
    fall = Activity("fall", 0.9, time, time + 1.0) if fallen else None
    lying = posture == "lying"
    found = pose_in(box, lying=lying, score=score)
    return Body(found, Posture(posture, 0.9, time), lying_s=1.0 if lying else 0.0, activity=fall)


def doing(kind: ActivityKind = "fall", since: float = 1.0, confirmed_at: float | None = None) -> Activity:
    """Something that happens to somebody."""
    return Activity(kind, 0.8, since, confirmed_at)


def track_of(number: int, box: Box, label: str = "person", time: float = 0.0) -> Track:
    """Somebody who is followed and was seen just now."""
    return Track(number, label, 0.9, box, True, True, 0.0, time, 1000.0, 1000.0 + time)


class Poses:
    """A pose model that finds whom a test says, and what it was asked."""

    ref = ModelRef("poses", "0" * 64, "none")
    infer_s = 0.001

    def __init__(self, says: Callable[[float, int], Pose | None]) -> None:
        self.says, self.time = says, 0.0
        self.asked: list[tuple[float, frozenset[int]]] = []
        self.alive: frozenset[int] = frozenset()
        self.fails: str | None = None

    def at(self, frame: Frame) -> Frame:
        """Its clock is that of the frames, which a picture has not."""
        self.time = frame.time
        return frame

    def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
        self.asked.append((self.time, frozenset(people)))
        if self.fails:
            raise EngineError(self.fails)
        stages.add("pose", 0.001)
        return {number: found for number in people if (found := self.says(self.time, number)) is not None}

    def forget(self, alive: frozenset[int]) -> None:
        self.alive = alive

    def close(self) -> None:
        """Nothing to give back."""


class Plain:
    """Follows one person without any thought: lies when the joints are wider than high, and has fallen then."""

    def __init__(self) -> None:
        self.rested: list[bool] = []
        self._since: tuple[PostureName, float] = "unknown", 0.0
        self.body: Body | None = None

    @property
    def unsettled(self) -> bool:
        return self.body is not None and self.body.activity is not None and not self.body.activity.confirmed

    def look(self, pose: Pose | None, time: float, *, resting: bool = False, leaving: bool = False) -> Body:
        self.rested.append(resting)
        box = pose.box if pose else None
        name: PostureName = self._since[0]
        if box is not None:
            name = "lying" if box[2] - box[0] > box[3] - box[1] else "standing"
        if name != self._since[0]:
            self._since = name, time
        since, lies = self._since[1], name == "lying"
        sure = since + 1.0 if time >= since + 1.0 else None
        fall = Activity("fall", 0.9, since, sure) if lies and not resting else None
        self.body = Body(pose or Pose(NO_JOINTS, 0.0), Posture(name, 0.9, since), time - since if lies else 0.0, fall)
        return self.body
