from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.errors import MissingError
from edge.opening import open_predictor
from edge.tools.skeletons.body import build, joints, pose
from edge.tools.skeletons.camera import camera
from edge.tools.skeletons.film import picture, save
from edge.types import I420


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_generated_model_reads_the_joints_back_out_of_a_picture(tmp_path: Path, engine: str) -> None:
    random = np.random.default_rng(5)
    points = joints(build(random), pose(arm_l=50, arm_r=-20, wing=35, open=12, hip_l=30)[None])
    seen = camera(random, points.reshape(-1, 3)).seen(points)[0]
    given = np.column_stack([seen[:, :2], np.full(17, 0.9)]).astype(np.float32)
    given[:, :2] += np.array([320, 240], np.float32) - given[:, :2].mean(axis=0)
    given[:, :2] = 300 * (given[:, :2] - (320, 240)) / np.ptp(given[:, 1]) + (320, 240)
    planes = picture(given, (640, 480), 300, np.zeros((480, 640), np.int16))
    try:
        model = open_predictor(str(save(tmp_path)[1]), engine)
    except MissingError as fault:
        pytest.skip(str(fault))
    found = model.predict(I420(*planes)).keypoints[0]
    model.close()
    hidden = np.linalg.norm(given[:, None, :2] - given[None, :, :2], axis=2) + 100 * np.eye(17) < 22
    plain = ~hidden.any(axis=1)
    assert plain.sum() >= 10
    assert (found[plain, 2] > 0.6).all()
    np.testing.assert_allclose(found[plain, :2], given[plain, :2], atol=6.0)
