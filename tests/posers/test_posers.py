"""People's joints by real models: found, followed, told apart, and looked for when they are lost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import MissingError, ModelError
from edge.metrics import Stages
from edge.models import catalogue
from edge.pose.keypoints import BODY, oks
from edge.posers import Poser, open_poser
from edge.posers.base import one_each
from edge.types import I420, JOINT_SEEN, Box, Pose
from tests.support.shared_data import IMAGES, MODELS, needs_data

MOVENET = MODELS / "movenet_single_pose_lightning_ptq.tflite"
BLAZEPOSE = "pose-landmark-full"


def picture(path: Path) -> I420:
    """An image as a camera would give it, its sides cut to multiples of four."""
    image = cv2.imread(str(path))
    assert image is not None, path
    h, w = image.shape[0] // 4 * 4, image.shape[1] // 4 * 4
    packed = np.asarray(cv2.cvtColor(image[:h, :w], cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[h:].reshape(2, h // 2, w // 2)
    return I420(packed[:h], chroma[0], chroma[1])


def opened(model: str | Path) -> Poser:
    try:
        return open_poser(str(model))
    except MissingError as fault:
        pytest.skip(str(fault))


def seen(poser: Poser, of: I420, box: Box, looks: int = 4) -> Pose:
    """The pose of one person after some looks, as at a still picture."""
    pose: Pose | None = None
    for _ in range(looks):
        pose = poser.look(of, {1: box}, Stages()).get(1)
    assert pose is not None
    return pose


@needs_data
@pytest.mark.parametrize("name", ["squat.bmp", "grace_hopper.bmp"])
def test_both_models_find_the_same_joints(name: str) -> None:
    """Of the twelve joints of the body, those that both models see: object keypoint similarity of .70 and more."""
    shown = picture(IMAGES / name)
    box = (0.0, 0.0, float(shown.width), float(shown.height))
    poses = []
    for model in (MOVENET, BLAZEPOSE):
        poser = opened(model)
        poses.append(seen(poser, shown, box).keypoints.copy())
        poser.close()
    one, two = poses
    both = (one[:, 2] >= JOINT_SEEN) & (two[:, 2] >= JOINT_SEEN)
    both[: BODY[0]] = False
    assert both.sum() >= 4
    for joints in poses:
        joints[~both, 2] = 0
    points = one[both, :2]
    wide, tall = np.ptp(points, axis=0).tolist()
    assert oks(one, two, 0.53 * wide * tall) >= 0.70


@needs_data
def test_a_person_is_followed_by_the_landmarks_alone_and_the_detector_is_not_asked_again() -> None:
    poser = opened(BLAZEPOSE)
    shown = picture(IMAGES / "squat.bmp")
    box = (0.0, 0.0, float(shown.width), float(shown.height))
    seen(poser, shown, box, looks=1)
    first = poser.infer_s
    times = []
    for _ in range(5):
        poser.look(shown, {1: box}, Stages())
        times.append(poser.infer_s)
    assert min(times) < first
    poser.forget(frozenset())
    assert poser.look(shown, {2: box}, Stages())
    poser.close()


@needs_data
@pytest.mark.parametrize("model", [MOVENET, BLAZEPOSE], ids=["movenet", "blazepose"])
def test_nobody_is_found_where_nobody_is(model: str | Path) -> None:
    poser = opened(model)
    rng = np.random.default_rng(5)
    noise = np.asarray(cv2.GaussianBlur(rng.integers(0, 255, (480, 640), dtype=np.uint8), (0, 0), 5), np.uint8)
    empty = I420(noise, np.full((240, 320), 128, np.uint8), np.full((240, 320), 128, np.uint8))
    for _ in range(6):
        assert not poser.look(empty, {1: (200.0, 100.0, 300.0, 400.0)}, Stages())
    poser.close()


@needs_data
def test_nobody_to_look_at_costs_nothing() -> None:
    for model in (MOVENET, BLAZEPOSE):
        poser = opened(model)
        shown = picture(IMAGES / "squat.bmp")
        assert poser.look(shown, {}, Stages()) == {}
        assert poser.infer_s == 0
        poser.close()


@needs_data
def test_a_twin_remembers_nobody_and_finds_the_same() -> None:
    poser = opened(MOVENET)
    shown = picture(IMAGES / "squat.bmp")
    box = (0.0, 0.0, float(shown.width), float(shown.height))
    mine = seen(poser, shown, box, looks=1)
    np.testing.assert_array_equal(seen(poser.twin(), shown, box, looks=1).keypoints, mine.keypoints)
    poser.close()


def test_two_tracks_on_one_body_are_one_person() -> None:
    joints = np.concatenate([np.random.default_rng(1).uniform(50, 150, (17, 2)), np.ones((17, 1))], axis=1)
    pose = Pose(joints.astype(np.float32), 0.9)
    other = Pose((joints + np.array([300, 0, 0])).astype(np.float32), 0.9)
    boxes: dict[int, Box] = {1: (0, 0, 200, 300), 2: (50, 50, 150, 150), 3: (350, 50, 450, 150)}
    assert set(one_each({1: pose, 2: pose, 3: other}, boxes)) == {2, 3}


def test_the_detector_alone_is_no_pose_model() -> None:
    known = catalogue.by_name("pose-detection")
    assert known is not None
    try:
        with pytest.raises(ModelError, match=r"finds where people are, not their joints: take pose-landmark-full"):
            open_poser("pose-detection")
    except MissingError as fault:
        pytest.skip(str(fault))
