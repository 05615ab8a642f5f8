"""Pose NMS: the same person twice is one, people side by side are two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pose.nms import keep, similarity
from edge.types import F32
from tests.support.pose_heads import boxes, person


def kept(people: list[F32], scores: list[float]) -> list[int]:
    poses = np.stack(people)
    return keep(poses, np.array(scores, np.float32), boxes(np.nan_to_num(poses))).tolist()


def shifted(pose: F32, x: float, y: float = 0) -> F32:
    return np.asarray(pose + np.float32([x, y, 0]), np.float32)


@given(seed=st.integers(0, 10_000), jitter=st.floats(0, 0.03), size=st.floats(20, 400))
def test_the_better_of_two_poses_of_one_person_stays(seed: int, jitter: float, size: float) -> None:
    one, rng = person(50, 50, size), np.random.default_rng(seed)
    again = one.copy()
    again[:, :2] += rng.normal(0, jitter * size, (17, 2)).astype(np.float32)
    assert kept([one, again], [0.6, 0.9]) == [1]


@given(apart=st.floats(0.25, 3), size=st.floats(20, 400), rise=st.floats(-0.1, 0.1))
def test_people_side_by_side_stay(apart: float, size: float, rise: float) -> None:
    one = person(50, 50, size)
    assert kept([one, shifted(one, apart * size, rise * size)], [0.9, 0.6]) == [0, 1]


@pytest.mark.parametrize("part", [slice(0, 11), slice(5, 11), slice(11, 17)])
def test_a_part_of_somebody_is_the_same_person(part: slice) -> None:
    whole = person(50, 50, 200)
    half = whole.copy()
    half[:] = (np.nan, np.nan, 0)
    half[part] = whole[part]
    poses = np.stack([whole, half])
    around = boxes(np.stack([whole, whole]))
    assert keep(poses, np.array([0.9, 0.5], np.float32), around).tolist() == [0]
    assert keep(poses, np.array([0.5, 0.9], np.float32), around).tolist() == [1]


def test_one_shared_joint_makes_nobody_the_same() -> None:
    one, other = person(50, 50, 200), person(150, 50, 200)
    other[9] = one[10]
    assert kept([one, other], [0.9, 0.8]) == [0, 1]


def test_similarity_falls_with_distance_from_one_to_nothing() -> None:
    one = person(50, 50, 200)
    one[:, 2] = 1
    others = np.stack([shifted(one, x) for x in (0, 5, 15, 30, 60)])
    told = similarity(one, others, 200)
    assert told[0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(told) < 0).all()
    assert told[-1] < 0.01


@pytest.mark.parametrize(("score", "least", "most"), [(0.25, 0.6, 0.85), (0.6, 0.9, 1.0), (1.0, 1.0, 1.0)])
def test_joints_that_are_hardly_sure_say_less_of_who_it_is(score: float, least: float, most: float) -> None:
    one = person(50, 50, 200)
    one[:, 2] = 1
    unsure = one.copy()
    unsure[:, 2] = score
    for pose, other in ((one, unsure), (unsure, one)):
        assert least <= float(similarity(pose, other[None], 200)[0]) <= most + 1e-6


def test_of_three_each_goes_by_the_best_and_not_by_one_that_went() -> None:
    """A row of poses, each near to the next alone: the middle one goes with the first, and takes nobody with it."""
    one = person(50, 50, 200)
    assert kept([one, shifted(one, 12), shifted(one, 40)], [0.9, 0.8, 0.7]) == [0, 2]


def test_nobody_and_poses_without_joints_are_no_fault() -> None:
    nothing = np.tile(np.float32([np.nan, np.nan, 0]), (2, 17, 1))
    assert keep(nothing, np.float32([0.5, 0.4]), np.zeros((2, 4), np.float32)).tolist() == [0, 1]
    assert len(keep(nothing[:0], np.zeros(0, np.float32), np.zeros((0, 4), np.float32))) == 0
