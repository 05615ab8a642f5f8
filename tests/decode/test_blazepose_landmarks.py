"""BlazePose's landmarks: what was written into its tensors comes back, as points of the picture."""

from __future__ import annotations

import numpy as np

from edge.decode.blazepose_landmarks import CIRCLE, HIPS, decode, misfit
from edge.models import catalogue
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32

CORNER = np.array([100, 20], np.float32)


def manifest() -> Manifest:
    known = catalogue.by_name("pose-landmark-full")
    assert known is not None
    return known.manifest


def written(points: F32, flag: float = 0.95) -> dict[str, F32]:
    """Tensors of 35 points, float32 (35, 2) in pixels of the input, visible for sure and in the picture by half."""
    rows = np.zeros((39, 5), np.float32)
    rows[:35, :2] = points
    rows[:35, 3] = 9
    return {"landmarks": rows.reshape(1, -1), "presence": np.array([[flag]], np.float32)}


def test_points_come_back_also_from_beyond_the_picture() -> None:
    points = np.random.default_rng(3).uniform(-40, 300, (35, 2)).astype(np.float32)
    fit = Fit.of((640, 480), manifest().input, (100, 20, 356, 276))
    seen = decode(written(points), manifest(), fit, 0.5)
    assert len(seen) == 1
    np.testing.assert_allclose(seen.keypoints[0, :, :2], points + CORNER, atol=1e-3)
    np.testing.assert_allclose(seen.keypoints[0, :, 2], 0.5)
    np.testing.assert_allclose(seen.keypoints[0, [HIPS, CIRCLE], :2], points[33:] + CORNER, atol=1e-3)


def test_nobody_there_is_no_pose() -> None:
    points = np.full((35, 2), 50, np.float32)
    fit = Fit.of((256, 256), manifest().input)
    assert len(decode(written(points, 0.2), manifest(), fit, 0.5)) == 0
    assert len(decode(written(points * np.nan), manifest(), fit, 0.5)) == 0


def test_outputs_of_another_model_are_told() -> None:
    assert misfit({"landmarks": (1, 195), "presence": (1, 1)}, manifest()) is None
    assert "195 numbers" in str(misfit({"landmarks": (1, 99)}, manifest()))
