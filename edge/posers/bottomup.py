"""A pose model on the whole frame, once for everybody in it: OpenPose, and YOLO's heads for small pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from edge import boxes
from edge.assign import assign
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.posers.base import Timed, poses_of, strange
from edge.predictor import Predictor
from edge.types import I420, Box, ModelRef, Pose, Poses

_NOT_HIS = 0.9
"""Least overlap, as a cost of 1 - intersection over union, of a pose and a box of one person."""


class BottomUp(Timed):
    """Poses of whole pictures, given to the people that are followed.

    predictor: of a model of COCO's seventeen points
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self._predictor = predictor

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
        if people:
            seen = cast(Poses, self._predictor.predict(picture))
            self.ran(self._predictor)
            numbers = list(people)
            poses = [pose for pose in poses_of(seen) if pose.box is not None]
            cost = [
                [
                    1.0 if strange(pose, people[n]) or not pose.box else 1.0 - boxes.iou(pose.box, people[n])
                    for pose in poses
                ]
                for n in numbers
            ]
            found = {numbers[row]: poses[column] for row, column in (assign(cost, _NOT_HIS) if poses else ())}
        self.end(begun, stages)
        return found

    def forget(self, alive: frozenset[int]) -> None:
        """Nothing is remembered."""

    def twin(self, wrap: Callable[[Runner], Runner] = lambda runner: runner) -> BottomUp:
        """Another one for another thread."""
        return BottomUp(self._predictor.twin(wrap(self._predictor.runner)))

    def close(self) -> None:
        """Give back the engine."""
        self._predictor.close()
