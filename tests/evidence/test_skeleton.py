"""Skeletons in pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evidence import picture, skeleton
from edge.evidence.privacy import ground, veil
from edge.types import I420, JOINT_SEEN, U8, Activity, Body, Frame, Pose, Posture
from tests.support.figures import body_in, pose_in, track_of

BOX = (200.0, 60.0, 320.0, 420.0)


def blank() -> U8:
    return np.full((480, 640, 3), 90, np.uint8)


def near(image: U8, colour: tuple[int, int, int], away: int = 30) -> np.ndarray:
    return (np.abs(image.astype(int) - colour).max(axis=2) <= away).nonzero()[1]


def test_left_and_right_have_colours_of_their_own_on_their_own_sides() -> None:
    image = skeleton.draw(blank(), [pose_in(BOX)])
    left, right = near(image, skeleton.LEFT), near(image, skeleton.RIGHT)
    assert min(len(left), len(right)) > 500
    assert left.mean() > 265 > right.mean(), "who faces the camera has their left on its right"


def test_a_joint_that_was_not_found_is_not_drawn_nor_a_limb_to_it() -> None:
    pose = pose_in(BOX)
    pose.keypoints[[13, 15], 2] = JOINT_SEEN / 2
    image = skeleton.draw(blank(), [pose])
    assert not len(near(image[300:], skeleton.LEFT))
    assert len(near(image[300:], skeleton.RIGHT))


def test_lines_are_thicker_on_larger_people() -> None:
    small, large = blank(), blank()
    skeleton.draw(small, [pose_in((300, 200, 320, 260))])
    skeleton.draw(large, [pose_in((100, 0, 420, 479))])
    thick = [int((near(image, skeleton.RIGHT) >= 0).sum()) / tall for image, tall in ((small, 60), (large, 479))]
    assert thick[1] > 2.5 * thick[0]


@given(
    st.lists(st.tuples(*[st.floats(-1e9, 1e9) | st.just(float("nan"))] * 2, st.floats(0, 1)), min_size=17, max_size=17)
)
def test_joints_may_be_anywhere(rows: list[tuple[float, float, float]]) -> None:
    skeleton.draw(blank(), [Pose(np.array(rows, np.float32), 1.0)])


@pytest.mark.parametrize(
    ("activity", "told"),
    [
        (None, "lying"),
        (Activity("fall", 0.9, 1.0), "lying"),
        (Activity("fall", 0.9, 1.0, 2.0), "fallen"),
        (Activity("waving", 0.9, 1.0, 2.0), "lying"),
    ],
)
def test_a_fall_is_said_once_it_is_confirmed(activity: Activity | None, told: str) -> None:
    assert skeleton.word(replace(body_in(BOX, "lying"), activity=activity)) == told
    assert skeleton.word(Body(pose_in(BOX), Posture("unknown", 0.0, 0.0))) == ""


def test_events_and_the_live_page_show_the_skeletons_of_a_frame() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(60, 90, (480, 640), dtype=np.uint8)
    half = np.full((240, 320), 128, np.uint8)
    plain = Frame("hall", 0, 0.0, 1000.0, I420(y, half, half))
    frame = replace(plain, bodies={4: body_in(BOX, "sitting")})
    track = track_of(4, BOX)
    for with_it, without in (
        (picture.snapshot(frame, BOX, "person", 0.9), picture.snapshot(plain, BOX, "person", 0.9)),
        (picture.live(frame, [track]), picture.live(plain, [track])),
    ):
        shown, bare = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in (with_it, without))
        assert len(near(np.asarray(shown, np.uint8), skeleton.LEFT)) > 300
        assert not len(near(np.asarray(bare, np.uint8), skeleton.LEFT))
    word, silent = (picture.live(replace(frame, bodies=bodies), [track]) for bodies in (frame.bodies, {}))
    caption = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[50:60, 270:330] for jpeg in (word, silent)]
    assert np.abs(caption[0].astype(int) - caption[1]).max() > 100, "the posture stands beside the label"


def test_a_skeleton_alone_stands_on_a_ground_that_has_nothing_of_the_camera() -> None:
    rng = np.random.default_rng(0)
    y, u, v = (rng.integers(0, 255, shape, dtype=np.uint8) for shape in ((481, 641), (241, 321), (241, 321)))
    frame = Frame("hall", 0, 0.0, 1000.0, I420(y, u, v), {1: body_in(BOX)})
    outline = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], np.float32)
    hide = veil("skeleton", sees_people=True, outlines=[outline])
    shown = hide(frame, [], [])
    assert shown.size == frame.size
    assert (shown.picture.u == 128).all()
    assert (shown.picture.v == 128).all()
    assert np.unique(shown.picture.y).size > 1, "the zone's outline"
    assert np.array_equal(hide(replace(frame, index=1), [], []).picture.y, shown.picture.y)
    assert np.unique(ground((64, 48)).y).size == 1
    assert not ground((64, 48)).y.flags.writeable, "it is shared"
    assert len(
        near(picture.snapshot and cv2.imdecode(np.frombuffer(picture.live(shown, []), np.uint8), 1), skeleton.LEFT)
    )


def test_who_has_fallen_is_boxed_in_red_and_says_so() -> None:
    rng = np.random.default_rng(0)
    half = np.full((240, 320), 128, np.uint8)
    other, box = (20.0, 40.0, 140.0, 400.0), (250.0, 300.0, 600.0, 420.0)
    people = {1: body_in(other), 2: body_in(box, "lying", fallen=True)}
    frame = Frame("hall", 0, 0.0, 0.0, I420(rng.integers(60, 90, (480, 640), dtype=np.uint8), half, half), people)
    for jpeg, reds in (
        (picture.snapshot(frame, box, "person", 0.9), {box}),
        (picture.snapshot(frame, other, "person", 0.9), set()),
        (picture.snapshot(frame, box, "dog", 0.9), set()),
        (picture.live(frame, [track_of(1, other), track_of(2, box)]), {box}),
    ):
        image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        for x1, y1, x2, y2 in (other, box):
            bottom = image[round(y2) - 1 : round(y2) + 2, round(x1) + 20 : round(x2) - 20]
            assert (len(near(bottom, (50, 50, 225), 60)) > 30) is ((x1, y1, x2, y2) in reds)
