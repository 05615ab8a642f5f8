"""Who is taken for a person, and for whose: with models whose words are written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from edge.cache import search_folders
from edge.engines.base import Runner
from edge.errors import MissingError
from edge.metrics import Stages
from edge.models.manifest import to_toml
from edge.posers import Poser, open_poser
from edge.posers.base import Timed
from edge.posers.blazepose import BlazePose
from edge.predictor import Predictor
from edge.preprocess import Square
from edge.types import F32, I420, Box, Poses
from tests.support import pose_heads
from tests.support.figures import STANDING
from tests.support.nets import poser as says
from tests.support.nets import saying

W, H = 736, 1104
GREY = I420(np.full((H, W), 128, np.uint8), *(np.full((H // 2, W // 2), 128, np.uint8) for _ in range(2)))
HERE: Box = (300.0, 300.0, 420.0, 620.0)


def opened(path: Path) -> Poser:
    return open_poser(str(path), "onnxruntime")


@pytest.mark.parametrize(("score", "found"), [(0.9, True), (0.35, True), (0.25, False), (0.1, False)])
def test_somebody_new_needs_the_models_usual_score(tmp_path: Path, score: float, found: bool) -> None:
    poser = opened(says(tmp_path / "poser.onnx", STANDING, score))
    for _ in range(8):
        assert bool(poser.look(GREY, {1: HERE}, Stages())) is found
    poser.close()


def test_who_was_forgotten_is_new(tmp_path: Path) -> None:
    poser = opened(says(tmp_path / "poser.onnx", STANDING, 0.9))
    assert poser.look(GREY, {1: HERE}, Stages())
    poser.forget(frozenset({1}))
    first = poser.look(GREY, {1: HERE}, Stages())[1].keypoints
    poser.forget(frozenset())
    anew = poser.look(GREY, {1: HERE}, Stages())[1].keypoints
    # This model fills every square: of somebody who is known that around their joints, which are longer than the box.
    assert np.ptp(first[:, 1]) > 1.2 * np.ptp(anew[:, 1])
    poser.close()


def test_stages_tell_the_whole_and_the_back_ends_part(tmp_path: Path) -> None:
    poser, stages = opened(says(tmp_path / "poser.onnx", STANDING)), Stages()
    poser.look(GREY, {1: HERE, 2: (500.0, 700.0, 600.0, 1000.0)}, stages)
    told = stages.summary()
    assert 0 < told["pose_infer"]["sum"] < told["pose"]["sum"]
    assert told["pose_infer"]["sum"] == pytest.approx(poser.infer_s * 1e3, abs=1e-3)
    poser.close()


def test_a_twin_goes_through_the_runner_that_it_is_given(tmp_path: Path) -> None:
    poser = opened(says(tmp_path / "poser.onnx", STANDING))
    wrapped: list[Runner] = []

    def wrap(runner: Runner) -> Runner:
        wrapped.append(runner)
        return runner

    twin = poser.twin(wrap)
    assert tuple(wrapped) == poser.runners
    assert twin.ref == poser.ref
    poser.look(GREY, {1: HERE}, Stages())
    assert twin.infer_s == 0, "each thread has its own times, and its own memory"
    poser.close()


def crowd(tmp_path: Path, decoder: str, people: list[F32]) -> Poser:
    """A model that sees these people, joints in pixels of its input, in whatever it is shown."""
    family = pose_heads.POSE_FAMILIES[decoder]
    tensors = family.encode(np.stack(people), family.manifest)
    path = saying(tmp_path / "crowd.onnx", (1, 3, pose_heads.SIDE, pose_heads.SIDE), tensors)
    named = replace(family.manifest, outputs={role: role for role in tensors})
    path.with_suffix(".toml").write_text(to_toml(named))
    return opened(path)


def test_a_look_at_the_whole_picture_gives_each_their_own(tmp_path: Path) -> None:
    left, right = pose_heads.person(30, 40, 250), pose_heads.person(200, 60, 200)
    poser = crowd(tmp_path, "openpose, one output", [left, right])
    boxes: dict[int, Box] = {}
    for number, joints in ((7, right), (4, left)):
        points = joints[:, :2] * pose_heads.ZOOM
        (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        boxes[number] = (x1 - 10, y1 - 10, x2 + 10, y2 + 10)
    found = poser.look(GREY, {**boxes, 9: (600.0, 10.0, 640.0, 90.0)}, Stages())
    assert set(found) == {4, 7}, "where nobody stands is nobody"
    for number, joints in ((4, left), (7, right)):
        apart = np.linalg.norm(found[number].keypoints[:, :2] - joints[:, :2] * pose_heads.ZOOM, axis=1)
        assert np.median(apart) < 12
    assert poser.look(GREY, {}, Stages()) == {}
    assert poser.infer_s == 0
    poser.close()


def test_of_several_in_a_square_the_one_in_the_box_is_meant(tmp_path: Path) -> None:
    """The model sees one in the middle of the square, and one at its edge."""
    middle, edge = pose_heads.person(140, 60, 240), pose_heads.person(-60, 60, 240)
    poser = crowd(tmp_path, "yolov8-pose", [edge, middle])
    pose = poser.look(GREY, {1: HERE}, Stages())[1]
    x1, _, x2, _ = HERE
    assert pose.box is not None
    assert (pose.box[0] + pose.box[2]) / 2 == pytest.approx((x1 + x2) / 2, abs=60)
    poser.close()


def test_landmarks_without_their_detector_say_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = next((f for folder in search_folders() if (f := folder / "pose-landmark-full.tflite").is_file()), None)
    if file is None:
        pytest.skip("pose-landmark-full is absent: edge models pull pose-landmark-full")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file.name).symlink_to(file)
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path))
    with pytest.raises(MissingError, match=r"edge models pull pose-detection"):
        open_poser("pose-landmark-full")


class Sees:
    """A model that sees the same person with the same score in whatever it is shown."""

    infer_s, min_score = 0.001, 0.5

    def __init__(self, points: F32, score: float) -> None:
        self.points, self.score = points, score

    def predict(self, picture: I420, stages: Stages | None, crop: Square | None) -> Poses:
        if self.score < self.min_score:
            return Poses(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), self.points[None][:0])
        box = np.concatenate([self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)])
        return Poses(box[None].astype(np.float32), np.array([self.score], np.float32), self.points[None])


@pytest.mark.parametrize(
    ("detected", "landmarks", "found"),
    [(0.8, 0.55, True), (0.8, 0.45, False), (0.6, 0.85, False), (0.6, 0.95, True), (0.4, 0.95, False)],
)
def test_whom_blazeposes_detector_is_not_sure_of_the_landmarks_must_be(
    detected: float, landmarks: float, found: bool
) -> None:
    x1, y1, x2, y2 = HERE
    points = np.full((35, 3), 0.9, np.float32)
    points[:33, :2] = np.random.default_rng(0).uniform((x1, y1), (x2, y2), (33, 2))
    points[33, :2], points[34, :2] = ((x1 + x2) / 2, (y1 + y2) / 2), ((x1 + x2) / 2, y1)
    detector, body = Sees(points[33:], detected), Sees(points, landmarks)
    poser = BlazePose(cast("Predictor", detector), cast("Predictor", body))
    assert bool(poser.look(GREY, {1: HERE}, Stages())) is found
    body.score = 0.55
    assert bool(poser.look(GREY, {1: HERE}, Stages())) is (found or detected > 0.75), "who is followed stays"


def test_while_a_look_lasts_its_time_is_that_of_the_one_before() -> None:
    class Ran:
        infer_s = 0.25

    timed, ran = Timed(), cast("Predictor", Ran())
    for before in (0.0, 0.5):
        begun = timed.begin()
        timed.ran(ran)
        timed.ran(ran)
        assert timed.infer_s == before
        timed.end(begun, Stages())
    assert timed.infer_s == 0.5
