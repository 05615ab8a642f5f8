"""People's joints by real models: found, followed, told apart, and looked for when they are lost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.boxes import clipped
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
    """Object keypoint similarity of .70 and more over those of the twelve joints of the body that both models see in
    the picture; the median of ten looks, since from one to the next a doubtful wrist comes and goes."""
    shown = picture(IMAGES / name)
    box = (0.0, 0.0, float(shown.width), float(shown.height))
    posers = [opened(model) for model in (MOVENET, BLAZEPOSE)]
    alike = []
    for _ in range(10):
        found = [poser.look(shown, {1: box}, Stages()).get(1) for poser in posers]
        if found[0] and found[1]:
            alike.append(similarity(found[0], found[1], shown))
    for poser in posers:
        poser.close()
    assert len(alike) >= 8
    assert np.median(alike) >= 0.70


def similarity(one: Pose, two: Pose, shown: I420) -> float:
    """Over joints of the body that both see in the picture; the person's area is about half of that of all joints."""
    whole = (0, 0, shown.width, shown.height)
    body = np.isin(np.arange(17), BODY)
    both = body & _visible(one, whole) & _visible(two, whole)
    assert both.sum() >= 2
    a, b = one.keypoints.copy(), two.keypoints.copy()
    a[~both, 2] = b[~both, 2] = 0
    assert one.box is not None
    x1, y1, x2, y2 = clipped(one.box, shown.width, shown.height)
    return oks(a, b, 0.53 * (x2 - x1) * (y2 - y1))


def _visible(pose: Pose, whole: Box) -> NDArray[np.bool_]:
    x, y, score = pose.keypoints.T
    inside = (x > whole[0]) & (y > whole[1]) & (x < whole[2] - 1) & (y < whole[3] - 1)
    return np.asarray(inside & (score >= JOINT_SEEN))


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


def street(man: I420, x: int, y: int, tall: int) -> I420:
    """The picture of a man in a large grey frame of 1280 x 720, so tall, its corner at even x and y."""
    frame = I420(*(np.full(size, 128, np.uint8) for size in ((720, 1280), (360, 640), (360, 640))))
    wide = tall * man.width // man.height // 2 * 2
    for plane, of, part in ((frame.y, man.y, 1), (frame.u, man.u, 2), (frame.v, man.v, 2)):
        small = cv2.resize(of, (wide // part, tall // part), interpolation=cv2.INTER_AREA)
        plane[y // part : (y + tall) // part, x // part : (x + wide) // part] = small
    return frame


@needs_data
@pytest.mark.parametrize("model", [MOVENET, BLAZEPOSE], ids=["movenet", "blazepose"])
def test_who_moves_is_followed_though_the_box_stays_behind(model: str | Path) -> None:
    man, poser, tall = picture(IMAGES / "squat.bmp"), opened(model), 400
    wide = tall * man.width // man.height
    box: Box = (200.0, 160.0, 200.0 + wide, 560.0)
    for step in range(7):
        x = 200 + 20 * step
        pose = poser.look(street(man, x, 160, tall), {1: box}, Stages())[1]
        assert pose.box is not None
        assert x < (pose.box[0] + pose.box[2]) / 2 < x + wide
    poser.close()


@needs_data
@pytest.mark.parametrize("model", [MOVENET, BLAZEPOSE], ids=["movenet", "blazepose"])
def test_who_was_hidden_for_a_while_is_found_again_and_where_they_fell_to(model: str | Path) -> None:
    man, poser, tall = picture(IMAGES / "squat.bmp"), opened(model), 300
    wide = tall * man.width // man.height
    box: Box = (500.0, 200.0, 500.0 + wide, 500.0)
    assert poser.look(street(man, 500, 200, tall), {1: box}, Stages())
    empty = I420(*(np.full(size, 128, np.uint8) for size in ((720, 1280), (360, 640), (360, 640))))
    for _ in range(3):
        assert not poser.look(empty, {1: box}, Stages())
    looks = [poser.look(street(man, 500 + wide // 3, 280, tall), {1: box}, Stages()) for _ in range(6)]
    assert looks[-1]
    poser.close()


@needs_data
@pytest.mark.parametrize("tall", [96, 160])
def test_people_far_away_are_found_too(tall: int) -> None:
    """In a whole frame BlazePose's detector would see of them what is left at a sixth of its size."""
    man = picture(IMAGES / "squat.bmp")
    wide = tall * man.width // man.height
    for model in (MOVENET, BLAZEPOSE):
        poser = opened(model)
        seen(poser, street(man, 900, 300, tall), (900.0, 300.0, 900.0 + wide, 300.0 + tall))
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
