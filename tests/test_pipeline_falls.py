"""Somebody falls: from pictures to events, through the real gate, tracker, postures and rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge import wiring
from edge.board import Board
from edge.config.schema import Camera, PoseTable
from edge.metrics import Stages
from edge.motion import Gate
from edge.pipeline import Look, Stations, watch
from edge.rules import Rules
from edge.states import States
from edge.track import Tracker
from edge.types import I420, NO_DETECTIONS, Box, Detections, Event, Frame, Pose, Seen, Track
from tests.support.figures import Poses, joints

W, H, FPS = 640, 480, 15.0
HALF = np.full((H // 2, W // 2), 128, np.uint8)
TALL = 200.0


@dataclass
class Person:
    """Walks to the right for three seconds; then falls, lies down slowly, or goes on; up again at a time."""

    falls: bool = True
    down_s: float = 0.6
    up_at: float = np.inf
    from_s: float = 3.0

    def figure(self, time: float) -> Pose:
        foot = (120 + 60 * min(time, self.from_s), 440.0)
        part = min(max((time - self.from_s) / self.down_s, 0.0), 1.0) if self.falls else 0.0
        if time > self.up_at:
            part = max(1 - (time - self.up_at) / 2.0, 0.0)
        # Faster and faster; who lies down lets their shoulders down evenly.
        tilt = 88 * part * part if self.down_s < 2 else math.degrees(math.acos(1 - 0.97 * part))
        swing = np.zeros((17, 3), np.float32)
        swing[:, 0] = 3 * np.sin(time * 6 + np.arange(17)) * (part == 0)
        return Pose((joints(foot, TALL, tilt) + swing).astype(np.float32), 0.95)


@dataclass
class House:
    """A camera that sees the person, a detector that knows only who stands upright, and all that was told."""

    person: Person
    camera: Camera = field(default_factory=lambda: Camera.model_validate({"name": "hall", "source": "synthetic:"}))
    events: list[Event] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    postures: list[str] = field(default_factory=list)

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        rows, columns = np.nonzero(picture.y > 150)
        if not len(rows):
            return Seen(NO_DETECTIONS)
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        if box[0, 2] - box[0, 0] > 0.8 * (box[0, 3] - box[0, 1]):
            return Seen(NO_DETECTIONS)
        return Seen(Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32)))

    def run(self, seconds: float, detect: Box | None = None) -> None:
        poses = Poses(lambda time, number: self.person.figure(time))
        board = Board()
        states = States(board, "hall", ["person"], counting=True, poses=True)

        def frames() -> object:
            for i in range(round(seconds * FPS)):
                time = i / FPS
                y = np.full((H, W), 60, np.uint8)
                x1, y1, x2, y2 = (round(v) for v in self.person.figure(time).box or (0, 0, 0, 0))
                y[max(y1, 0) : y2, max(x1, 0) : x2] = 200
                yield poses.at(Frame("hall", i, time, 1000 + time, I420(y, HALF, HALF)))

        def show(look: Look) -> None:
            self.looks.append(look)
            states.show(look)
            told = board.get("hall/posture")
            if told is not None and told not in self.postures[-1:]:
                self.postures.append(told)

        table = PoseTable(enabled=True)
        network = wiring.network_of(table, poses)
        stations = Stations(
            Gate(),
            self,
            Tracker(["person"], ["person"]),
            Rules("hall", "boot", ["person"], lambda: "disarmed", scene=wiring.scene_of(self.camera)),
            bodies=wiring.bodies_of(self.camera, table, poses, network=network),
        )
        watch(frames(), stations, self.events.append, show, Stages())  # type: ignore[arg-type]

    @property
    def falls(self) -> list[Event]:
        """The first message of each fall that is sure."""
        sure = [event for event in self.events if (found := event.after.payload()["activity"]) and found["confirmed"]]
        return [event for event in sure if event.before is None or not _is_sure(event.before.payload()["activity"])]


def _is_sure(activity: dict[str, object] | None) -> bool:
    return activity is not None and bool(activity["confirmed"])


def test_a_fall_is_told_within_two_seconds_though_the_detector_knows_nobody_who_lies() -> None:
    hall = House(Person())
    hall.run(10)
    (fall,) = hall.falls
    assert fall.after.payload()["activity"]["kind"] == "fall"
    assert 1003.0 <= fall.captured_at <= 1005.0
    assert [event.type for event in hall.events if event.type != "update"] == ["new", "end"]
    assert {event.after.id for event in hall.events} == {fall.after.id}, "one person, from the door to the floor"
    assert hall.postures[-1] == "fallen"
    assert all(look.tracks for look in hall.looks[-30:]), "still followed"


def test_who_gets_up_again_is_not_fallen_any_more() -> None:
    hall = House(Person(up_at=8.0))
    hall.run(16)
    assert len(hall.falls) == 1
    assert hall.postures[-1] == "standing"
    assert hall.events[-1].after.payload()["activity"] is None


@pytest.mark.parametrize("person", [Person(falls=False), Person(down_s=4.0)], ids=["walks on", "lies down slowly"])
def test_no_fall_is_told_where_there_is_none(person: Person) -> None:
    hall = House(person)
    hall.run(12)
    assert hall.falls == []
    assert "fallen" not in hall.postures


def test_in_bed_nobody_falls() -> None:
    bed = {"name": "bed", "points": [(0, 0), (1, 0), (1, 1), (0, 1)], "rest": True}
    hall = House(Person(), Camera.model_validate({"name": "hall", "source": "synthetic:", "zone": [bed]}))
    hall.run(10)
    assert hall.falls == []
    assert hall.postures[-1] == "lying"


def test_who_falls_in_the_very_first_second_is_told_of_with_the_fall() -> None:
    hall = House(Person(from_s=0.7))
    hall.run(8)
    assert len(hall.falls) == 1


def test_two_runs_tell_the_same() -> None:
    first, second = House(Person()), House(Person())
    first.run(10)
    second.run(10)
    assert [event.after.payload() for event in first.events] == [event.after.payload() for event in second.events]


def test_postures_are_no_flood() -> None:
    hall = House(Person(up_at=8.0))
    hall.run(16)
    assert len(hall.events) <= 16


@pytest.mark.parametrize(("leans", "stands"), [(-30.0, True), (30.0, False)], ids=["left", "right"])
def test_a_camera_that_is_turned_clockwise_sees_those_who_stand_lean_to_the_left(leans: float, stands: bool) -> None:
    camera = Camera(name="hall", source="synthetic:", tilt=30)
    poses = Poses(lambda time, number: Pose(joints((300, 420), 260, leans), 0.9))
    bodies = wiring.bodies_of(camera, PoseTable(enabled=True, judge="rules"), poses)
    person = Track(1, "person", 0.8, (200, 100, 400, 430), True, True, 0.0, 0.0, 1000.0, 1000.0)
    for i in range(30):
        frame = poses.at(Frame("hall", i, i / 10, 1000 + i / 10, I420(np.zeros((H, W), np.uint8), HALF, HALF)))
        found = bodies.look(frame, [person], frozenset({1}), [person.box], Stages())
    assert (found[1].posture.name == "standing") == stands
