"""A pose model on a square around each person: MoveNet and the like for one, YOLO's heads for whoever is in it.

From frame to frame the square follows the joints, as MoveNet's own cropping does: a box that a detector no longer
finds, or cuts at a table's edge, does not stop it. Source: tensorflow.org/hub/tutorials/movenet, "Cropping Algorithm".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from edge import boxes
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.pose.regions import around, fits
from edge.posers.base import Timed, one_each, poses_of, strange
from edge.predictor import Predictor
from edge.types import I420, JOINT_SEEN, Box, ModelRef, Pose, Poses

LEAST_JOINTS = 5
"""Of the twelve of the body: with fewer, what was found is no person, or not enough of one to follow."""
_BODY = slice(5, None)


class TopDown(Timed):
    """Poses by a model that is shown one person at a time.

    predictor: of a model of COCO's seventeen points
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self._predictor = predictor
        self._last: dict[int, Box] = {}

    @property
    def ref(self) -> ModelRef:
        """The model, with the engine that serves now."""
        return self._predictor.ref

    @property
    def runners(self) -> tuple[Runner, ...]:
        """What runs it."""
        return (self._predictor.runner,)

    def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
        """The poses of people, see `Poser.look`."""
        begun = self.begin()
        found: dict[int, Pose] = {}
        for number, box in people.items():
            pose = self._follow(picture, number, box)
            if pose is not None:
                found[number] = pose
        found = one_each(found, people)
        self._last = {number: box for number, box in self._last.items() if number not in people}
        self._last |= {number: pose.box for number, pose in found.items() if pose.box is not None}
        self.end(begun, stages)
        return found

    def forget(self, alive: frozenset[int]) -> None:
        """Keep what is remembered of these tracks alone."""
        self._last = {number: box for number, box in self._last.items() if number in alive}

    def twin(self, wrap: Callable[[Runner], Runner] = lambda runner: runner) -> TopDown:
        """Another one for another thread."""
        return TopDown(self._predictor.twin(wrap(self._predictor.runner)))

    def close(self) -> None:
        """Give back the engine."""
        self._predictor.close()

    def _follow(self, picture: I420, number: int, box: Box) -> Pose | None:
        """The person of a track, first where the joints were, then where the tracker has it."""
        last = self._last.get(number)
        if last is not None and boxes.nested(last, box) >= SAME_BODY:
            pose = self._in(picture, last, box)
            if pose is not None:
                return pose
        return self._in(picture, box, box)

    def _in(self, picture: I420, place: Box, box: Box) -> Pose | None:
        square = around(place)
        if not fits(square, (picture.width, picture.height)):
            return None
        seen = cast(Poses, self._predictor.predict(picture, None, square))
        self.ran(self._predictor)
        likely = [pose for pose in poses_of(seen) if _is_body(pose) and not strange(pose, box)]
        return max(likely, key=lambda pose: boxes.iou(pose.box or place, place), default=None)


SAME_BODY = 0.3
"""Joints and a tracker's box that have less in common than this have parted: the box is looked at anew."""


def _is_body(pose: Pose) -> bool:
    """Whether enough of a body was found, and of some size."""
    return int(np.count_nonzero(pose.keypoints[_BODY, 2] >= JOINT_SEEN)) >= LEAST_JOINTS
