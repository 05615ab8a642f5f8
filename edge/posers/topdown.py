"""A pose model on a square around each person: MoveNet and the like for one, YOLO's heads for whoever is in it.

From frame to frame the square follows the joints, as MoveNet's own cropping does: a box that a detector no longer
finds, or cuts at a table's edge, does not stop it. Source: tensorflow.org/hub/tutorials/movenet, "Cropping Algorithm".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from edge import boxes
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.pose.regions import around, fits
from edge.posers.base import Timed, one_each, poses_of, strange
from edge.predictor import Predictor
from edge.preprocess import Square
from edge.types import I420, JOINT_SEEN, Box, ModelRef, Pose, Poses

AROUND = 1.5
"""How much larger a square is than what is to be in it: the model was trained on people with room around them, as its
own cropping leaves it, and is surest of them there."""
KNOWN = 0.15
"""Least score of a pose where the tracker has somebody: MoveNet's is the mean of its joints' scores, and less than its
usual limit of those who lie or are half hidden."""
EVERY = 8
"""Looks from one trial of another square to the next: it costs a second run of the model."""
SURER = 0.05
"""By how much a model must be surer of somebody turned: from square to square its scores differ as much by chance."""
LEAST_JOINTS = 5
"""Of the twelve of the body: with fewer, what was found is no person, or not enough of one to follow."""
_BODY = slice(5, None)
_SHOULDERS, _HIPS = slice(5, 7), slice(11, 13)
_ACROSS = math.radians(60)
_QUARTER = math.pi / 2
_LOOKS = ((AROUND, 0.0), (2.0, 0.0), (AROUND, _QUARTER), (1.0, 0.0), (2.75, 0.0), (AROUND, -_QUARTER))
"""How the model is shown the place of somebody who was not found, one way a look: how much of it, how turned."""


@dataclass(slots=True)
class _Person:
    """One that is followed, or looked for.

    known: once found, so that there is somebody to find
    last: where the joints were, as much of it as the picture shows
    zoom, turn: of the square in which they were found, how much larger than what was to be in it, and radians
    tries: looks in vain
    wait: looks until it is tried again whether another square shows the body better
    """

    known: bool = False
    last: Box | None = None
    zoom: float = AROUND
    turn: float = 0.0
    tries: int = 0
    wait: int = 0

    def note(self, pose: Pose | None, picture: I420) -> None:
        """What the newest look at a picture found."""
        if pose is None:
            self.last, self.tries, self.wait = None, self.tries + 1, 0
        else:
            self.known = True
            self.last = pose.box and boxes.clipped(pose.box, picture.width, picture.height)
            self.tries, self.wait = 0, max(self.wait - 1, 0)


class TopDown(Timed):
    """Poses by a model that is shown one person at a time.

    predictor: of a model of COCO's seventeen points
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self._predictor = predictor
        predictor.min_score = min(predictor.min_score, KNOWN)
        self._people: dict[int, _Person] = {}

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
        for number in people:
            self._people[number].note(found.get(number), picture)
        self.end(begun, stages)
        return found

    def forget(self, alive: frozenset[int]) -> None:
        """Keep what is remembered of these tracks alone."""
        self._people = {number: person for number, person in self._people.items() if number in alive}

    def twin(self, wrap: Callable[[Runner], Runner] = lambda runner: runner) -> TopDown:
        """Another one for another thread."""
        return TopDown(self._predictor.twin(wrap(self._predictor.runner)))

    def close(self) -> None:
        """Give back the engine."""
        self._predictor.close()

    def _follow(self, picture: I420, number: int, box: Box) -> Pose | None:
        """The person of a track, where and how turned the joints were, then where the tracker has it."""
        person = self._people.setdefault(number, _Person())
        last = person.last
        if last is not None and boxes.nested(last, box) >= SAME_BODY:
            pose = self._in(picture, around(last, person.zoom, person.turn), box)
            if pose is not None:
                return self._better(picture, person, last, box, pose)
        person.zoom, person.turn = _LOOKS[person.tries % len(_LOOKS)]
        pose = self._in(picture, around(box, person.zoom, person.turn), box)
        return pose if pose is None or person.known or pose.score >= self._predictor.usual_score else None

    def _better(self, picture: I420, person: _Person, last: Box, box: Box, pose: Pose) -> Pose:
        """The pose, or that of a square close around the body and turned along it where the model is surer of that:
        some who lie it knows as they are, and others only upright; and some only with much around them."""
        if person.wait:
            return pose
        turn = _along(pose, person.turn)
        if turn == person.turn and person.zoom == AROUND:
            return pose
        person.wait = EVERY
        other = self._in(picture, around(last, AROUND, turn), box)
        if other is None or other.score < pose.score + (SURER if turn != person.turn else 0.0):
            return pose
        person.zoom, person.turn = AROUND, turn
        return other

    def _in(self, picture: I420, square: Square, box: Box) -> Pose | None:
        if not fits(square, (picture.width, picture.height)):
            return None
        seen = cast(Poses, self._predictor.predict(picture, None, square))
        self.ran(self._predictor)
        likely = [pose for pose in poses_of(seen) if _is_body(pose) and not strange(pose, box)]
        if len(likely) < 2:
            return likely[0] if likely else None
        return max(likely, key=lambda pose: boxes.iou(pose.box or box, box))


def _along(pose: Pose, turn: float) -> float:
    """The turn, by quarters, of a square in which a body is upright; the one that it has until the body lies across."""
    # Of four points plain floats are several times as fast as arrays.
    (lx, ly, l_sure), (rx, ry, r_sure) = pose.keypoints[_SHOULDERS].tolist()
    (lhx, lhy, lh_sure), (rhx, rhy, rh_sure) = pose.keypoints[_HIPS].tolist()
    if min(l_sure, r_sure, lh_sure, rh_sure) < JOINT_SEEN:
        return turn
    lean = math.atan2(lx + rx - lhx - rhx, lhy + rhy - ly - ry)
    off = (lean - turn + math.pi) % (2 * math.pi) - math.pi
    return turn if abs(off) < _ACROSS else round(lean / _QUARTER) % 4 * _QUARTER


SAME_BODY = 0.3
"""Joints and a tracker's box that have less in common than this have parted: the box is looked at anew."""


def _is_body(pose: Pose) -> bool:
    """Whether enough of a body was found, and of some size."""
    return int(np.count_nonzero(pose.keypoints[_BODY, 2] >= JOINT_SEEN)) >= LEAST_JOINTS
