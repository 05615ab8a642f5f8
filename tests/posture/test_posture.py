"""Postures by the joints, from several cameras, without flicker, and unknown where the evidence is poor."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.posture import Level, Person
from edge.types import NO_JOINTS, Pose
from tests.support.stick_figures import BENT, CROUCH, SEAT, STAND, Camera, Move, Stance, filmed, lying

LEGS = slice(13, 17)


def shown(film: list[tuple[float, Pose]], camera: Camera, level: Level | None = None) -> list[str]:
    person = Person(camera.size, level=level)
    return [person.look(pose, time).posture.name for time, pose in film]


@pytest.mark.parametrize(
    ("stance", "name", "heading"),
    [
        (STAND, "standing", 0),
        (STAND, "standing", 120),
        (SEAT, "sitting", 60),
        (SEAT, "sitting", 300),
        (BENT, "bending", 90),
        (BENT, "bending", 300),
        (CROUCH, "crouching", 0),
        (lying(90), "lying", 0),
        (lying(180), "lying", 90),
    ],
)
def test_each_posture_after_standing_is_told_by_its_name(stance: Stance, name: str, heading: float) -> None:
    for camera in (Camera(), Camera(0.7, 3, 3), Camera(1.4, 4, 14)):
        film = filmed([Move(1, STAND), Move(2.5, stance), Move(2, stance)], camera, heading=heading)
        told = Counter(shown(film, camera)[-20:])
        assert told.most_common(1)[0][0] == name, (camera, told)


def test_a_walk_is_standing_at_every_look() -> None:
    film = filmed([Move(4, STAND)], Camera(), walk=0.3, fps=10)
    assert set(shown(film, Camera())[5:]) == {"standing"}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([5.0, 15.0, 30.0]))
def test_a_posture_does_not_flicker_under_noise(seed: int, fps: float) -> None:
    told = shown(filmed([Move(4, SEAT)], Camera(), begin=SEAT, heading=60, fps=fps, noise=0.02, seed=seed), Camera())
    assert sum(a != b for a, b in pairwise(told)) <= 2


def test_without_any_joints_nothing_is_known() -> None:
    person = Person((640, 480))
    for i in range(20):
        body = person.look(Pose(NO_JOINTS, 0.5), i / 10)
    assert body.posture.name == "unknown"
    assert body.activity is None
    assert Person((640, 480)).look(None, 0).posture.name == "unknown"


def test_of_one_whose_hips_and_legs_are_hidden_no_posture_is_guessed() -> None:
    person = Person((640, 480))
    for time, pose in filmed([Move(3, STAND)], Camera()):
        joints = pose.keypoints.copy()
        joints[11:] = np.nan, np.nan, 0
        assert person.look(Pose(joints, pose.score), time).posture.name == "unknown"


def test_the_legs_of_one_who_stands_may_be_hidden_for_a_moment() -> None:
    person = Person((640, 480))
    for time, pose in filmed([Move(4, STAND)], Camera()):
        joints = pose.keypoints.copy()
        if 2 < time < 3:
            joints[LEGS] = np.nan, np.nan, 0
        body = person.look(Pose(joints, pose.score), time)
        assert time < 0.5 or body.posture.name == "standing"


def test_a_camera_that_hangs_askew_is_learned_from_people_who_walk() -> None:
    camera, level = Camera(1.2, 3.5, 10, 20), Level()
    for seed in range(4):
        shown(filmed([Move(3, STAND)], camera, heading=90, walk=0.4, seed=seed), camera, level)
    assert abs(level.tilt) == pytest.approx(20, abs=4)
    assert set(shown(filmed([Move(3, STAND)], camera), camera, level)[5:]) == {"standing"}
