from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.pose.keypoints import LIMBS
from edge.tools.skeletons import everyday, falls
from edge.tools.skeletons.body import ANGLES, RADII, USUAL, build, joints, pose
from edge.tools.skeletons.camera import Camera, camera
from edge.tools.skeletons.noise import GOOD, lies, lift_of, uprightness
from edge.tools.skeletons.sequence import Make, draw, filmed

EVERYDAY = [*everyday.TRAINED, *everyday.UNSEEN]
FALLS = [*falls.TRAINED, *falls.UNSEEN]
SEEDS = st.integers(0, 2**32 - 1)


def names(make: Make) -> str:
    return make(np.random.default_rng(0)).kind


@pytest.mark.parametrize("make", [*EVERYDAY, *FALLS], ids=names)
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_bones_keep_their_length_and_nobody_sinks_into_the_floor(make: Make, seed: int) -> None:
    random = np.random.default_rng(seed)
    motion, who = make(random), build(random)
    angles = motion.at(np.arange(0, motion.seconds, 0.05))
    points = joints(who, angles)
    for a, b in set(LIMBS) - {(11, 5), (12, 6)}:  # of the torso, which bends
        lengths = np.linalg.norm(points[:, a] - points[:, b], axis=1)
        assert np.ptp(lengths) < 1e-9
    over = (points[:, :, 2] - RADII * who.stature / USUAL).min(axis=1) - lift_of(angles)
    np.testing.assert_allclose(over, 0, atol=1e-9)


@pytest.mark.parametrize("make", FALLS, ids=names)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_who_falls_lies_afterwards_and_has_come_down_fast(make: Make, seed: int) -> None:
    random = np.random.default_rng(seed)
    motion, who = make(random), build(random)
    assert motion.onset is not None
    assert motion.landed is not None
    assert 0.3 <= motion.landed - motion.onset <= 2.0
    times = np.array([motion.onset, motion.landed, motion.landed + 0.5])
    angles = motion.at(times)
    points = joints(who, angles)
    assert uprightness(points)[0] > 0.5
    assert uprightness(points)[1:].max() < 0.85
    heights = points[:, 5:7, 2].mean(axis=1) - lift_of(angles)
    assert heights[0] - heights[2] > 0.12 * who.stature


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_lying_down_on_purpose_takes_longer_than_falling(seed: int) -> None:
    random = np.random.default_rng(seed)
    motion, who = everyday.lie_down(random), build(random)
    times = np.arange(0, motion.seconds, 0.05)
    points = joints(who, motion.at(times))
    assert lies(points, lift_of(motion.at(times)), who.stature)[-1]
    assert sum(move.seconds for move in motion.moves[1:3]) > 2.7


def test_falls_go_in_eight_directions() -> None:
    ways = set()
    for seed in range(300):
        motion = falls.topple(np.random.default_rng(seed))
        end = motion.moves[-1].to
        ways.add(round(float(np.degrees(np.arctan2(end[1], end[0]))) / 45) % 8)
    assert ways == set(range(8))


def test_who_stands_is_as_tall_as_a_body_of_that_stature() -> None:
    who = build(np.random.default_rng(1))
    points = joints(who, pose()[None])[0]
    assert points[:5, 2].max() == pytest.approx(0.93 * who.stature, rel=0.08)
    assert points[15, 0] < 0 < points[16, 0]  # the left is at the left
    assert len(ANGLES) == len(set(ANGLES))


def test_a_sequence_is_the_same_each_time_and_another_for_another_number() -> None:
    first, again, other = draw(3, 4), draw(3, 4), draw(3, 5)
    np.testing.assert_array_equal(first.joints, again.joints)
    np.testing.assert_array_equal(first.found, again.found)
    assert first.kind == again.kind
    assert first.joints.shape != other.joints.shape or not np.array_equal(first.joints, other.joints)


def test_sequences_are_of_all_kinds_at_rates_of_five_to_thirty_with_joints_near_the_picture() -> None:
    kinds = set()
    for number in range(120):
        sequence = draw(9, number, unseen=number % 3 == 0)
        kinds.add(sequence.kind)
        assert (np.diff(sequence.times) > 0).all()
        assert 4 < 1 / np.median(np.diff(sequence.times)) < 35
        assert np.isfinite(sequence.joints).all()
        assert ((sequence.joints[:, :, 2] >= 0) & (sequence.joints[:, :, 2] <= 1)).all()
        w, h = sequence.size
        inside = (sequence.joints[:, :, :2] > 0) & (sequence.joints[:, :, :2] < (w, h))
        assert inside.all(axis=2).mean() > 0.3
    assert len(kinds) > 20


def test_some_come_into_view_amidst_a_fall_and_some_pass_through_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    def watched(random: np.random.Generator, points: NDArray[np.float64]) -> Camera:
        shown.append(len(points))
        return camera(random, points)

    monkeypatch.setattr("edge.tools.skeletons.sequence.camera", watched)
    drawn: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for number in range(120):
        for whole, kept in drawn.items():
            random = np.random.default_rng([77, number])
            motion = falls.TRAINED[number % len(falls.TRAINED)](random)
            sequence = filmed(random, motion, GOOD, whole=whole)
            assert motion.onset is not None
            assert motion.landed is not None
            begin = float(sequence.times[0])
            over = (begin - motion.onset) / (motion.landed - motion.onset)
            kept.append((begin, over, shown[-1] / (17 * len(sequence.times))))
    begins, overs, parts = np.array(drawn[False]).T
    assert 0.3 < (begins > 0.1).mean() < 0.6
    assert 0.05 < (overs > 0).mean() < 0.25
    assert overs.max() < 0.4
    assert 0.1 < (parts < 0.6).mean() < 0.35
    begins, _, parts = np.array(drawn[True]).T
    assert begins.max() < 0.1
    assert (parts == 1).all()
