"""The people of one camera: whose joints are looked at when, and what they tell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Protocol, TypeAlias

from edge import boxes, polygons
from edge.errors import EngineError, ModelError
from edge.labels import PERSON
from edge.metrics import Stages
from edge.polygons import XY
from edge.posers import Poser
from edge.somebody import Follows, Somebody, fell, lies
from edge.types import JOINT_SEEN, NO_JOINTS, Activity, Body, Box, Frame, Pose, Track

log = logging.getLogger(__name__)

_HIPS = (11, 12)
_NOT_FOUND = Pose(NO_JOINTS, 0.0)
_FADES = 0.99
"""How fast it is forgotten how tall somebody was, by each time that the detector finds them."""


class Counts(Protocol):
    """What the number of people tells, as `edge.posture.Crowd` does."""

    def look(self, people: int, time: float) -> Activity | None:
        """Take in how many there are at a frame time."""
        ...


@dataclass(frozen=True, slots=True)
class BodySettings:
    """When to look, and whom to uphold. Times in seconds.

    hz: most looks a second at one person
    settle_s: for how long they are looked at so often after something moved where they are, or while it is open what
        happens to them
    still_every: how often to look at the others
    most: people who are looked at in one frame, those first to whom something happens: the rest has its turn at the
        next, and the detector is not kept from its own
    upheld_score, upheld_joints: what a pose must have to uphold somebody: its score, and joints that were seen
    pause_s: until the next look after the model failed
    """

    hz: float = 15.0
    settle_s: float = 3.0
    still_every: float = 1.0
    most: int = 4
    upheld_score: float = 0.5
    upheld_joints: int = 6
    pause_s: float = 10.0


Held: TypeAlias = Mapping[int, tuple[Box, float]]
"""By the numbers of tracks: where somebody is, pixels, and how sure that is."""


class Bodies:
    """The people of one camera. Not thread-safe: owned by its pipeline.

    Args:
        poser: finds their joints
        follows: makes what follows one person, in pictures of w x h pixels
        crowd: what their number tells; None tells nothing
        rest: polygons of places to rest, 0..1 of the frame
        wanted: asked for each frame whether anybody is to be looked at
        fault: told why the model fails, and None once it works again; without it that is raised

    Attributes:
        held: whom the newest frame's look found though the detector has not at that frame
        lying: those of them who lie
        fallen: who has fallen, found or not
    """

    def __init__(
        self,
        poser: Poser,
        follows: Callable[[tuple[int, int]], Follows],
        crowd: Counts | None = None,
        *,
        rest: Sequence[Sequence[XY]] = (),
        wanted: Callable[[], bool] = lambda: True,
        fault: Callable[[str | None], None] | None = None,
        settings: BodySettings | None = None,
    ) -> None:
        self.held: Held = {}
        self.lying: frozenset[int] = frozenset()
        self.fallen: frozenset[int] = frozenset()
        self._poser, self._follows, self._crowd, self._rest = poser, follows, crowd, rest
        self._wanted, self._fault = wanted, fault
        self._settings = settings or BodySettings()
        self._people: dict[int, Somebody] = {}
        self._paused = 0.0
        self._failed = False

    def look(
        self, frame: Frame, tracks: Sequence[Track], alive: frozenset[int], moved: Sequence[Box], stages: Stages
    ) -> Mapping[int, Body]:
        """What is known of the people who are followed, by the numbers of their tracks; looks at whom it is time for.

        Args:
            tracks: as the tracker reports them at this frame
            alive: the numbers of those that may still come back
            moved: the gate's regions
            stages: gets the seconds of `pose`, and of `posture`

        Raises:
            EngineError, ModelError: the pose model fails, and nobody is told of that.
        """
        self.held, self.lying, self.fallen = {}, frozenset(), frozenset()
        if not self._wanted():
            alive = frozenset()
        self._forget(alive)
        if alive:
            self._meet(frame, tracks, moved)
        crowding = self._crowd and self._crowd.look(sum(_counts(track) for track in tracks), frame.time)
        if not self._people:
            return {}
        if frame.time >= self._paused:
            self._look(frame, stages)
        found = {n: one.body for n, one in self._people.items() if one.body is not None and not one.gone(frame.size)}
        self.fallen = frozenset(number for number, body in found.items() if fell(body))
        if crowding and (number := min((n for n, body in found.items() if body.activity is None), default=None)):
            found[number] = replace(found[number], activity=crowding)
        return found

    def _forget(self, alive: frozenset[int]) -> None:
        """Keep those who may come back."""
        gone = self._people.keys() - alive
        for number in gone:
            del self._people[number]
        if gone:
            self._poser.forget(frozenset(self._people))

    def _meet(self, frame: Frame, tracks: Sequence[Track], moved: Sequence[Box]) -> None:
        """Take in where people are, and who stirs."""
        time = frame.time
        for one in self._people.values():
            one.seen = False
        for track in tracks:
            if track.label != PERSON:
                continue
            if track.number not in self._people:
                self._people[track.number] = Somebody(self._follows(frame.size), track.box, time, time)
            one = self._people[track.number]
            if one.swapped(track, time):
                one = self._people[track.number] = Somebody(self._follows(frame.size), track.box, time, time)
                self._poser.forget(frozenset(self._people.keys() - {track.number}))
            one.box, one.seen = track.box, track.seen
            one.tall = max(_FADES * one.tall, track.box[3] - track.box[1]) if track.seen else one.tall
        there = {track.number for track in tracks}
        for number, one in self._people.items():
            if number not in there and one.there:
                one.due = one.stirred = time  # the detector has just lost them
            one.there = number in there
            if one.follows.unsettled or any(boxes.shared(one.box, region) for region in moved):
                one.stirred = time

    def _look(self, frame: Frame, stages: Stages) -> None:
        """Look at those whose time has come."""
        waiting = []
        for number, one in self._people.items():
            if one.left(frame.size):
                one.pose = None
            elif frame.time >= one.due - 1e-6:
                waiting.append((number, one))
        waiting.sort(key=lambda each: (not each[1].follows.unsettled, each[1].due))
        due = dict(waiting[: self._settings.most])
        if not due:
            return
        try:
            poses = self._poser.look(frame.picture, {number: one.place for number, one in due.items()}, stages)
        except (EngineError, ModelError) as fault:
            if self._fault is None:
                raise
            self._fail(str(fault), frame.time)
            return
        if self._failed and self._fault is not None:
            self._failed = False
            self._fault(None)
        start = perf_counter()
        for number, one in due.items():
            one.pose = poses.get(number)
            resting, leaving = self._rests(one, frame), one.leaves(frame.size)
            body = one.follows.look(one.pose, frame.time, resting=resting, leaving=leaving)
            one.body = replace(body, raw=one.pose or _NOT_FOUND)
            one.due = self._next(one, frame.time)
        self.held = {number: held for number, one in due.items() if (held := self._upheld(one))}
        self.lying = frozenset(number for number in self.held if lies(due[number].body))
        stages.add("posture", perf_counter() - start)

    def _next(self, one: Somebody, time: float) -> float:
        """When to look at somebody again who was just looked at."""
        settings = self._settings
        if time - one.stirred > settings.settle_s:
            return time + settings.still_every
        return max(one.due + 1 / settings.hz, time)

    def _upheld(self, one: Somebody) -> tuple[Box, float] | None:
        """Where somebody is whom the detector has lost; None where that is nobody."""
        pose, settings = one.pose, self._settings
        box = pose.box if pose else None
        if one.seen or pose is None or box is None or pose.score < settings.upheld_score:
            return None
        joints = int((pose.keypoints[:, 2] >= JOINT_SEEN).sum())
        if joints < settings.upheld_joints or not boxes.shared(box, one.box):
            return None
        return boxes.grown(box, 0.1), pose.score

    def _rests(self, one: Somebody, frame: Frame) -> bool:
        """Whether somebody is in a place to rest: by the middle of the hips, else of the box."""
        if not self._rest:
            return False
        w, h = frame.size
        x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
        if one.pose is not None:
            hips = one.pose.keypoints[_HIPS, :]
            if (hips[:, 2] >= JOINT_SEEN).all():
                x, y = hips[:, :2].mean(axis=0).tolist()
        return any(polygons.holds(corners, (x / w, y / h)) for corners in self._rest)

    def _fail(self, why: str, time: float) -> None:
        if not self._failed:
            log.warning("nobody's joints are looked at: %s", why)
        self._failed, self._paused = True, time + self._settings.pause_s
        if self._fault is not None:
            self._fault(why)


def _counts(track: Track) -> bool:
    return track.label == PERSON and track.confirmed
