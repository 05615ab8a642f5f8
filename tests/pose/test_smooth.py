"""Joints over time: calmed, held while hidden, and kept from leaping; the same at any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pose.smooth import PAIRS, Smoother
from edge.types import F32
from tests.support.stick_figures import STAND, Camera, Move, filmed

HEIGHT = 200.0


def figure() -> F32:
    return filmed([Move(0.1, STAND)], Camera(), fps=10, noise=0, missing=0)[0][1].keypoints


def shifted(joints: F32, x: float, y: float = 0.0) -> F32:
    moved = joints.copy()
    moved[:, :2] += (x, y)
    return moved


@given(st.integers(0, 1000))
def test_the_noise_of_one_who_keeps_still_is_calmed(seed: int) -> None:
    random, smoother, still = np.random.default_rng(seed), Smoother(), figure()
    given, told = [], []
    for i in range(60):
        noisy = still.copy()
        noisy[:, :2] += random.normal(0, 2, (17, 2))
        given.append(noisy[:, :2])
        told.append(smoother.smooth(noisy, i / 15, HEIGHT)[:, :2].copy())
    assert np.std(told[20:], axis=0).mean() < 0.75 * np.std(given[20:], axis=0).mean()


def test_what_moves_as_fast_as_a_fall_is_hardly_late() -> None:
    smoother, still, speed = Smoother(), figure(), 1.5 * HEIGHT
    for i in range(16):
        told = smoother.smooth(shifted(still, 0, speed * i / 30), i / 30, HEIGHT)
    late = (shifted(still, 0, speed * 15 / 30) - told)[:, 1] / speed
    assert np.abs(late).max() < 0.05


def test_a_missing_joint_is_held_and_its_score_falls_until_it_counts_no_more() -> None:
    smoother, still = Smoother(), figure()
    smoother.smooth(still, 0, HEIGHT)
    hidden = still.copy()
    hidden[9] = np.nan, np.nan, 0
    scores = []
    for i in range(1, 31):
        told = smoother.smooth(hidden, i / 10, HEIGHT)
        assert told[9, :2] == pytest.approx(still[9, :2], abs=0.01)
        scores.append(told[9, 2])
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.5 * still[9, 2]
    assert scores[-1] < 0.01


def test_a_leap_that_no_body_makes_is_not_believed_until_it_lasts() -> None:
    smoother, still = Smoother(), figure()
    for i in range(10):
        smoother.smooth(still, i / 15, HEIGHT)
    leapt = still.copy()
    leapt[9, 0] += 3 * HEIGHT
    told = smoother.smooth(leapt, 10 / 15, HEIGHT)
    assert told[9, 0] == pytest.approx(still[9, 0], abs=1)
    for i in range(11, 30):
        told = smoother.smooth(leapt, i / 15, HEIGHT)
    assert told[9, 0] == pytest.approx(leapt[9, 0], abs=0.05 * HEIGHT)


def test_left_and_right_that_change_places_within_one_look_are_changed_back() -> None:
    smoother, still = Smoother(), figure()
    for i in range(5):
        smoother.smooth(still, i / 15, HEIGHT)
    told = smoother.smooth(still[PAIRS], 5 / 15, HEIGHT)
    assert told[:, :2] == pytest.approx(still[:, :2], abs=0.5)


@given(st.floats(0.2, 8), st.integers(0, 100))
def test_it_does_not_depend_on_the_size_of_the_person_in_the_picture(scale: float, seed: int) -> None:
    random, small, large = np.random.default_rng(seed), Smoother(), Smoother()
    for i in range(20):
        joints = figure()
        joints[:, :2] += random.normal(0, 5, (17, 2))
        bigger = joints.copy()
        bigger[:, :2] *= scale
        one, other = small.smooth(joints, i / 15, HEIGHT), large.smooth(bigger, i / 15, scale * HEIGHT)
    assert other[:, :2] == pytest.approx(one[:, :2] * scale, rel=1e-3, abs=1e-2)
    assert other[:, 2] == pytest.approx(one[:, 2])


def test_nobody_found_gives_no_joints_and_a_time_that_stands_still_changes_nothing() -> None:
    smoother = Smoother()
    assert not np.isfinite(smoother.smooth(None, 0, HEIGHT)[:, :2]).any()
    smoother.smooth(figure(), 1, HEIGHT)
    before = smoother.smooth(figure(), 2, HEIGHT).copy()
    assert smoother.smooth(shifted(figure(), 50), 2, HEIGHT) == pytest.approx(before)
