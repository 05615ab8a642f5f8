"""BlazePose: its detector begins a person, its landmarks follow them from frame to frame by themselves.

Source: Bazarevsky et al., arXiv 2006.10204, section 3.1: the detector runs only where nobody is followed, or was lost;
two points beside the landmarks give the next frame's region, turned upright along the body.

The detector was made for people who stand: of those who lie it is less sure (.5 to .75 on real falls, where the
landmark model then is sure indeed). So whom the detector is not sure of is believed if the landmark model is; and it is
shown the place turned by a quarter as well, and the landmark model the place itself, lying.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from edge import boxes
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.pose.keypoints import FROM_BLAZEPOSE
from edge.pose.regions import AROUND_CIRCLE, around, fits, from_points
from edge.posers.base import Timed, one_each, poses_of, strange
from edge.predictor import Predictor
from edge.preprocess import Square
from edge.types import I420, Box, ModelRef, Pose, Poses

BEGINS = 0.75
"""A detection of this score begins a person whom the landmark model believes at all."""
PERHAPS = 0.5
"""A weaker one wants `SURE` of the landmark model."""
THERE = 0.5
"""Below this presence a person who was followed is lost."""
SURE = 0.9
_HIPS, _CIRCLE = 33, 34
_ZOOMS = (1.25, 1.75)
_LOOKS = ((1.5, 0.0), (1.5, math.pi / 2), (2.5, 0.0), (1.5, -math.pi / 2))
"""How the detector is shown the place of somebody who was not found, one way a look: how much of it, how turned."""


@dataclass(slots=True)
class _Person:
    """One that is followed, or looked for. known: once found; region: where the next frame is looked at; tries: looks
    in vain."""

    known: bool = False
    region: Square | None = None
    tries: int = 0


class BlazePose(Timed):
    """Poses by BlazePose's two models.

    detector: of `pose-detection`
    landmarks: of `pose-landmark-full` or another of its kind
    """

    def __init__(self, detector: Predictor, landmarks: Predictor) -> None:
        super().__init__()
        self._detector, self._landmarks = detector, landmarks
        detector.min_score, landmarks.min_score = PERHAPS, THERE
        self._people: dict[int, _Person] = {}

    @property
    def ref(self) -> ModelRef:
        """The landmark model, with the engine that serves now."""
        return self._landmarks.ref

    @property
    def runners(self) -> tuple[Runner, ...]:
        """What runs the detector, and the landmark model."""
        return (self._detector.runner, self._landmarks.runner)

    def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
        """The poses of people, see `Poser.look`."""
        begun = self.begin()
        found: dict[int, Pose] = {}
        for number, box in people.items():
            person = self._people.setdefault(number, _Person())
            pose = self._follow(picture, person, box) or self._find(picture, person, box)
            if pose is None:
                person.region, person.tries = None, person.tries + 1
            else:
                person.known, person.tries, found[number] = True, 0, pose
        kept = one_each(found, people)
        for number in found.keys() - kept.keys():
            self._people[number] = _Person()
        self.end(begun, stages)
        return kept

    def forget(self, alive: frozenset[int]) -> None:
        """Keep what is remembered of these tracks alone."""
        self._people = {number: person for number, person in self._people.items() if number in alive}

    def twin(self, wrap: Callable[[Runner], Runner] = lambda runner: runner) -> BlazePose:
        """Another one for another thread."""
        detector, landmarks = self._detector, self._landmarks
        return BlazePose(detector.twin(wrap(detector.runner)), landmarks.twin(wrap(landmarks.runner)))

    def close(self) -> None:
        """Give back both engines."""
        self._detector.close()
        self._landmarks.close()

    def _follow(self, picture: I420, person: _Person, box: Box) -> Pose | None:
        """Where the landmarks of the frame before say that the person is now."""
        return None if person.region is None else self._joints(picture, person, person.region, box, THERE)

    def _find(self, picture: I420, person: _Person, box: Box) -> Pose | None:
        """Where the detector sees somebody at the tracker's place, else the place itself."""
        zoom, angle = _LOOKS[person.tries % len(_LOOKS)]
        place = around(box, zoom, angle)
        if not fits(place, (picture.width, picture.height)):
            return None
        seen = cast(Poses, self._detector.predict(picture, None, place))
        self.ran(self._detector)
        regions = [from_points(points[0], points[1]) for points in seen.keypoints]
        for i in sorted(range(len(seen)), key=lambda i: -boxes.iou(_body(regions[i]), box)):
            pose = self._joints(picture, person, regions[i], box, THERE if seen.scores[i] >= BEGINS else SURE)
            if pose is not None:
                return pose
        if not person.known:
            return None
        # A body that lies is as wide as a standing one is tall.
        lies = box[2] - box[0] > box[3] - box[1]
        turned = (math.pi / 2, -math.pi / 2)[person.tries % 2] if lies else 0.0
        region = around(box, _ZOOMS[person.tries // 2 % len(_ZOOMS)], turned)
        return self._joints(picture, person, region, box, SURE)

    def _joints(self, picture: I420, person: _Person, region: Square, box: Box, least: float) -> Pose | None:
        """The pose in a region, if the landmark model is as sure as `least` of it; the next region is noted."""
        if not fits(region, (picture.width, picture.height)):
            return None
        seen = cast(Poses, self._landmarks.predict(picture, None, region))
        self.ran(self._landmarks)
        if not len(seen) or seen.scores[0] < least:
            return None
        pose = poses_of(seen, FROM_BLAZEPOSE)[0]
        if strange(pose, box):
            return None
        person.region = from_points(seen.keypoints[0, _HIPS], seen.keypoints[0, _CIRCLE])
        return pose


def _body(region: Square) -> Box:
    """Around the circle that holds the body which a region is for."""
    half = region.side / 2 / AROUND_CIRCLE
    return region.x - half, region.y - half, region.x + half, region.y + half
