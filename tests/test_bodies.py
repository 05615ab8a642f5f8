"""Whose joints are looked at, and when: often while something happens, hardly ever while nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edge.bodies import Bodies, BodySettings
from edge.errors import EngineError
from edge.metrics import Stages
from edge.types import I420, Activity, Body, Box, Pose, Track
from tests.support.figures import Plain, Poses, box_of, pose
from tests.support.walks import PICTURE, Frame

FOOT, HEIGHT = (320.0, 400.0), 200.0
BOX = box_of(FOOT, HEIGHT)
MOVES: list[Box] = [BOX]


class Scene:
    """Pictures at a steady rate, with the people that a test wants."""

    def __init__(self, bodies: Bodies, poses: Poses, fps: float = 30.0) -> None:
        self.bodies, self.poses, self.fps, self.index = bodies, poses, fps, 0
        self.found: Mapping[int, Body] = {}
        self.stages = Stages()

    def run(
        self, seconds: float, tracks: list[Track], moved: list[Box] | None = None, alive: set[int] | None = None
    ) -> None:
        for _ in range(round(seconds * self.fps)):
            time = self.index / self.fps
            frame = self.poses.at(Frame("porch", self.index, time, 1000 + time, PICTURE))
            numbers = frozenset(track.number for track in tracks) if alive is None else frozenset(alive)
            self.found = self.bodies.look(frame, tracks, numbers, moved or [], self.stages)
            self.index += 1

    @property
    def looks(self) -> int:
        return len(self.poses.asked)


def person(
    number: int = 1, box: Box = BOX, *, label: str = "person", seen: bool = True, confirmed: bool = True
) -> Track:
    return Track(number, label, 0.8, box, confirmed, seen, 0.0, 0.0, 1000.0, 1000.0)


def showing(many: int) -> Pose:
    """Somebody of whom so many joints are seen, at their place."""
    found = pose(FOOT, HEIGHT)
    found.keypoints[:-many, 2] = 0.1
    return found


def scene(says: object = None, fps: float = 30.0, **more: object) -> Scene:
    poses = Poses((lambda time, number: pose(FOOT, HEIGHT)) if says is None else says)  # type: ignore[arg-type]
    return Scene(Bodies(poses, lambda size: Plain(), **more), poses, fps)  # type: ignore[arg-type]


def test_nobody_costs_nothing() -> None:
    porch = scene()
    porch.run(5, [], MOVES)
    porch.run(5, [person(label="dog")], MOVES)
    assert (porch.looks, porch.found) == (0, {})
    assert porch.stages.summary() == {}


@pytest.mark.parametrize(("fps", "looks"), [(30, 150), (25, 150), (20, 150), (10, 100)])
def test_who_moves_is_looked_at_fifteen_times_a_second_at_most(fps: float, looks: int) -> None:
    porch = scene(fps=fps)
    porch.run(10, [person()], MOVES)
    assert porch.looks == pytest.approx(looks, abs=3)


def test_who_stands_still_is_looked_at_once_a_second_after_a_while() -> None:
    porch = scene()
    porch.run(2, [person()], MOVES)
    porch.run(3, [person()])
    before = porch.looks
    porch.run(60, [person()])
    assert porch.looks - before == pytest.approx(60, abs=3)
    assert porch.found[1].posture.name == "standing"
    porch.run(1, [person()], MOVES)
    assert porch.looks - before >= 60 + 13, "at once when they move"


def test_while_a_fall_is_not_sure_yet_it_is_looked_at_closely_though_nothing_moves() -> None:
    class Slow(Plain):
        def look(self, found: Pose | None, time: float, *, resting: bool = False, leaving: bool = False) -> Body:
            body = super().look(found, time, resting=resting, leaving=leaving)
            sure = 20.0 if time >= 20 else None
            self.body = Body(body.pose, body.posture, body.lying_s, Activity("fall", 0.5, 0.0, sure))
            return self.body

    poses = Poses(lambda time, number: pose(FOOT, HEIGHT, 90))
    porch = Scene(Bodies(poses, lambda size: Slow()), poses)
    porch.run(20, [person()])
    assert porch.looks == pytest.approx(300, abs=3)
    porch.run(4, [person()])
    before = porch.looks
    porch.run(20, [person()])
    assert porch.looks - before <= 22


def test_who_is_gone_is_forgotten() -> None:
    porch = scene()
    porch.run(1, [person(), person(2)], MOVES)
    assert set(porch.found) == {1, 2}
    porch.run(1, [person(2)], MOVES)
    assert set(porch.found) == {2}
    assert porch.poses.alive == {2}


def test_whom_the_tracker_does_not_report_but_waits_for_is_still_looked_for() -> None:
    """The detector lost them as they fell; the joints are still where they were."""
    porch = scene(lambda time, number: pose(FOOT, HEIGHT, 90), fps=10)
    porch.run(1, [person()], MOVES)
    porch.run(1, [], MOVES, alive={1})
    assert porch.poses.asked[-1][1] == {1}
    box, score = porch.bodies.held[1]
    assert (porch.bodies.lying, score) == ({1}, pytest.approx(0.9))
    assert box[2] - box[0] > box[3] - box[1]


@pytest.mark.parametrize(
    "found",
    [None, pose(FOOT, HEIGHT, score=0.1), pose((40, 100), 50), Pose(pose(FOOT, HEIGHT).keypoints, 0.3), showing(5)],
    ids=["nothing", "no joints", "elsewhere", "unlikely", "few joints"],
)
def test_nobody_is_upheld_by_a_poor_pose(found: Pose | None) -> None:
    porch = scene(lambda time, number: found, fps=10)
    porch.run(1, [person()], MOVES)
    porch.run(1, [person(seen=False)], MOVES)
    assert porch.bodies.held == {}


def test_six_joints_uphold_somebody() -> None:
    porch = scene(lambda time, number: showing(6), fps=10)
    porch.run(1, [person()], MOVES)
    porch.run(1, [person(seen=False)], MOVES)
    assert set(porch.bodies.held) == {1}


def test_whom_the_detector_finds_needs_no_upholding() -> None:
    porch = scene(fps=10)
    porch.run(1, [person()], MOVES)
    assert porch.bodies.held == {}


def test_in_a_place_to_rest_lying_is_resting() -> None:
    bed = [(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)]
    followed: list[Plain] = []

    def follows(size: tuple[int, int]) -> Plain:
        followed.append(Plain())
        return followed[-1]

    poses = Poses(lambda time, number: pose((400 if number == 1 else 100, 400), HEIGHT, 90))
    porch = Scene(Bodies(poses, follows, rest=[bed]), poses)
    porch.run(1, [person(1), person(2)], MOVES)
    assert [set(one.rested) for one in followed] == [{True}, {False}]


def test_a_crowd_is_told_of_once_by_who_was_there_first() -> None:
    class Full:
        def look(self, people: int, time: float) -> Activity | None:
            return Activity("crowding", 1.0, time, time) if people >= 3 else None

    porch = scene(crowd=Full())
    porch.run(1, [person(1), person(2), person(3, confirmed=False)], MOVES)
    assert not any(body.activity for body in porch.found.values())
    porch.run(1, [person(1), person(2), person(3)], MOVES)
    kinds = {number: body.activity and body.activity.kind for number, body in porch.found.items()}
    assert kinds == {1: "crowding", 2: None, 3: None}


def test_switched_off_nobody_is_looked_at_and_nothing_is_known() -> None:
    wanted = [True]
    porch = scene(wanted=lambda: wanted[0])
    porch.run(1, [person()], MOVES)
    wanted[0] = False
    before = porch.looks
    porch.run(1, [person()], MOVES)
    assert (porch.found, porch.looks) == ({}, before)
    wanted[0] = True
    porch.run(1, [person()], MOVES)
    assert porch.found


def test_a_model_that_fails_is_a_state_and_is_tried_again() -> None:
    told: list[str | None] = []
    porch = scene(fault=told.append, settings=BodySettings(pause_s=5.0))
    porch.poses.fails = "out of memory"
    porch.run(4, [person()], MOVES)
    assert (porch.looks, told, porch.found) == (1, ["out of memory"], {})
    porch.poses.fails = None
    porch.run(2, [person()], MOVES)
    assert (told, set(porch.found)) == (["out of memory", None], {1})


def test_in_a_replay_a_model_that_fails_ends_it() -> None:
    porch = scene()
    porch.poses.fails = "out of memory"
    with pytest.raises(EngineError):
        porch.run(1, [person()], MOVES)


def test_whom_the_detector_loses_is_looked_for_at_once() -> None:
    porch = scene()
    porch.run(2, [person()], MOVES)
    porch.run(10.5, [person()])
    before = porch.looks
    porch.run(1 / 30, [], alive={1})
    assert porch.looks == before + 1
    assert set(porch.bodies.held) == {1}
    porch.run(60, [], alive={1})
    assert porch.looks - before < 120, "not for ever so often"


def test_who_fell_and_is_found_no_more_is_looked_for_where_they_may_lie() -> None:
    asked: list[Box] = []

    class Asked(Poses):
        def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
            asked.extend(people.values())
            return super().look(picture, people, stages)

    poses = Asked(lambda time, number: None if time > 1 else pose(FOOT, HEIGHT))
    porch = Scene(Bodies(poses, lambda size: Plain()), poses, 10)
    porch.run(1.1, [person()], MOVES)
    low = (300.0, 360.0, 340.0, 400.0)
    porch.run(1, [person(box=low, seen=False)], MOVES)
    x1, y1, x2, y2 = asked[-1]
    tall = BOX[3] - BOX[1]
    assert x1 <= 320 - tall / 2 + 1
    assert x2 >= 320 + tall / 2 - 1
    assert y1 <= 400 - tall / 2
    assert y2 >= 400


def test_a_track_that_goes_over_to_somebody_else_begins_anew() -> None:
    """Somebody near walks off behind a pillar, and the track goes on with somebody far away: nobody has fallen."""
    made: list[Plain] = []

    def follows(size: tuple[int, int]) -> Plain:
        made.append(Plain())
        return made[-1]

    poses = Poses(lambda time, number: pose(FOOT, HEIGHT))
    porch = Scene(Bodies(poses, follows), poses, 10)
    porch.run(2, [person()], MOVES)
    lies = (250.0, 350.0, 450.0, 420.0)
    porch.run(2, [person(box=lies)], MOVES)
    porch.run(2, [person()], MOVES)
    assert len(made) == 1, "they fell, and are up again"
    porch.run(1, [person(), person(2)], MOVES)
    assert len(made) == 2
    porch.run(1, [person(box=(300.0, 200.0, 325.0, 270.0)), person(2)], MOVES)
    assert len(made) == 3
    assert poses.alive == {2}, "nor is the new one looked for where the old one's joints were"


def test_of_many_people_each_has_a_turn() -> None:
    porch = scene()
    porch.run(4, [person(number) for number in range(1, 11)], MOVES)
    assert max(len(people) for _, people in porch.poses.asked) == 4
    turns = [sum(number in people for _, people in porch.poses.asked) for number in range(1, 11)]
    assert min(turns) >= 40
    assert max(turns) <= 1.5 * min(turns)


def test_a_body_has_the_joints_as_the_model_gave_them_beside_those_that_were_made_of_them() -> None:
    class Smooth(Plain):
        def look(self, found: Pose | None, time: float, *, resting: bool = False, leaving: bool = False) -> Body:
            return replace(super().look(found, time, resting=resting, leaving=leaving), pose=pose((0, 0), 50))

    given = pose(FOOT, HEIGHT)
    poses = Poses(lambda time, number: given if time < 1 else None)
    porch = Scene(Bodies(poses, lambda size: Smooth()), poses)
    porch.run(0.5, [person()], MOVES)
    assert porch.found[1].raw is given
    assert porch.found[1].pose is not given
    porch.run(1, [person()], MOVES)
    lost = porch.found[1].raw
    assert lost is not None
    assert (lost.keypoints[:, 2] == 0).all(), "nobody was found"


def test_who_has_fallen_stays_so_while_the_model_fails() -> None:
    told: list[str | None] = []
    porch = scene(lambda time, number: pose(FOOT, HEIGHT, 90), fault=told.append, settings=BodySettings(pause_s=5.0))
    porch.run(3, [person()], MOVES)
    assert porch.bodies.fallen == {1}
    fell = porch.found[1].activity
    porch.poses.fails = "out of memory"
    for _ in range(4):
        porch.run(1, [person()], MOVES)
        assert (porch.bodies.fallen, porch.found[1].activity) == ({1}, fell)
    porch.poses.fails = None
    porch.run(3, [person()], MOVES)
    assert (told, porch.found[1].activity) == (["out of memory", None], fell)
    porch.poses.fails = "out of memory"
    porch.run(1, [person()], MOVES)
    porch.run(1, [], MOVES)
    assert (porch.bodies.fallen, porch.found) == (frozenset(), {})
