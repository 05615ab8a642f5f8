"""MoveNet for one person: seventeen keypoints, whoever is there.

Source: tensorflow.org/hub/tutorials/movenet: rows y, x and score in 0..1 of the input, in COCO's order.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import COCO_KEYPOINTS, Poses

TASK = "pose"
ROLES = ("keypoints",)
SEEN = 0.2
"""Keypoints of this score or more make the box: below, they lie anywhere."""

NO_POSES = Poses(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, len(COCO_KEYPOINTS), 3), np.float32)
)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("keypoints")
    wanted = (1, 1, len(COCO_KEYPOINTS), 3)
    if shape is None or (
        len(shape) == 4 and all(size in (want, None) for size, want in zip(shape, wanted, strict=True))
    ):
        return None
    return f"`keypoints` has shape {shape}, but the head wants {wanted}: one person's y, x and score"


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `keypoints`, float (1, 1, 17, 3), into one pose or none; its score is the mean of its keypoints' scores."""
    rows = np.asarray(outputs["keypoints"], np.float32).reshape(-1, 3)
    score = float(rows[:, 2].clip(0, 1).mean())
    # What is no number fails here as well.
    if not (score >= min_score and np.isfinite(rows).all()):
        return NO_POSES
    keypoints = np.empty((1, len(rows), 3), np.float32)
    points, sure = keypoints[0, :, :2], keypoints[0, :, 2]
    np.multiply(rows[:, 1::-1], (fit.input.width, fit.input.height), out=points)
    points[:] = fit.to_picture(points)
    np.clip(rows[:, 2], 0, 1, out=sure)
    seen = points[sure >= SEEN]
    if len(seen) < 2:
        seen = points
    box = np.concatenate([seen.min(axis=0), seen.max(axis=0)]).clip(0, fit.frame * 2)
    return Poses(box[None], np.array([score], np.float32), keypoints)
