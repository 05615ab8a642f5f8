"""One person over time: joints smoothed, a posture, and what happens to them."""

from __future__ import annotations

import math

from edge import boxes
from edge.pose.smooth import Smoother
from edge.posture.geometry import Body as Measures
from edge.posture.geometry import Level, Shape
from edge.posture.gestures import Hands, Running
from edge.posture.posture import Postures
from edge.posture.settings import PostureSettings
from edge.posture.temporal import Judge
from edge.posture.verdict import JudgeName, Verdict
from edge.types import Activity, Body, Box, Pose

_WALKS = 0.15
"""Parts of the stature a second: who goes on so fast, upright, tells how a camera is turned."""
_SMALLEST = 8.0
"""Pixels from end to end."""
_EDGE = 0.02
"""As a part of the picture: joints so near to its edge may be about to leave."""


class Person:
    """Judges one person by their joints. One thread.

    Args:
        size: of the picture, width and height in pixels
        settings: what is gone by
        level: what is known of the camera's tilt; shared by all people of a camera
        judge, network: who tells of falls; see `Verdict`
    """

    def __init__(
        self,
        size: tuple[int, int],
        settings: PostureSettings | None = None,
        level: Level | None = None,
        judge: JudgeName = "rules",
        network: Judge | None = None,
    ) -> None:
        self._size = size
        self._settings = settings or PostureSettings()
        self._level = level or Level()
        self._smoother = Smoother()
        self._measures = Measures(size[1])
        self._postures = Postures(self._settings)
        self._falls = Verdict(self._settings, judge, network)
        self._hands, self._running = Hands(self._settings), Running(self._settings)
        self._lies: float | None = None
        self._rests = False
        self._edge = False

    @property
    def unsettled(self) -> bool:
        """Whether something goes on that wants every frame: a fall that is not decided."""
        return self._falls.undecided

    def look(self, pose: Pose | None, time: float, *, resting: bool = False, leaving: bool = False) -> Body:
        """What the newest look says.

        Args:
            pose: as the model gave it, in pixels of the picture; None where it was looked for and not found
            time: of the frame, seconds; later than the look before
            resting: whether the person is in a place to rest, a bed or a sofa
            leaving: whether they reach over a side of the picture, by the tracker's box; the joints tell it as well
        """
        if pose is not None and (_is_none(pose.box) or self._measures.dwarfs(pose, leaving=leaving)):
            pose = None
        joints = self._smoother.smooth(None if pose is None else pose.keypoints, time, self._measures.height)
        smoothed = Pose(joints, 0.0 if pose is None else pose.score)
        shape = None if pose is None else self._measures.measure(joints, self._level.tilt)
        if pose is not None:
            # Below a camera that looks down people leave by any edge.
            self._edge = smoothed.box is not None and boxes.at_edge(smoothed.box, *self._size, _EDGE)
        height = self._measures.height
        fall = self._falls.look(shape, joints, height, time, resting=resting, at_edge=leaving or self._edge)
        posture = self._postures.look(shape, time, fallen=fall is not None and fall.confirmed)
        lying_s = self._lying(posture.name == "lying", posture.since, time)
        others = self._others(smoothed, shape, time)
        activity = fall or self._lying_long(lying_s, time, posture.score, resting=resting) or others
        return Body(smoothed, posture, round(lying_s, 2), activity)

    def _others(self, pose: Pose, shape: Shape | None, time: float) -> Activity | None:
        """Hands and legs of one whose joints are known now."""
        if shape is None or not math.isfinite(shape.lean):
            return None
        hands = self._hands.look(pose.keypoints, shape, time)
        runs = self._running.look(pose.keypoints, shape, time)
        if self._running.speed > _WALKS and shape.lean < 25 and shape.legs > 0.8:
            self._level.walked(pose.keypoints)
        return hands or runs

    def _lying(self, lies: bool, since: float, time: float) -> float:
        """For how long the person has been lying."""
        if not lies:
            self._lies = None
        elif self._lies is None:
            self._lies = since
        return 0.0 if self._lies is None else time - self._lies

    def _lying_long(self, lying_s: float, time: float, score: float, *, resting: bool) -> Activity | None:
        limit = self._settings.lying_s
        if resting or not limit or lying_s < limit or self._lies is None:
            return None
        return Activity("lying", score, self._lies, self._lies + limit)


def _is_none(box: Box | None) -> bool:
    """Whether joints are in one place, as of a model that has collapsed: no body is so small that it still tells."""
    return box is not None and max(box[2] - box[0], box[3] - box[1]) < _SMALLEST
