"""How heads end that find several people with their joints: in the frame, each person once."""

from __future__ import annotations

import numpy as np

from edge.decode.head import at_most_1
from edge.decode.nms import FAR
from edge.models.manifest import Manifest
from edge.pose import nms
from edge.preprocess import Fit
from edge.types import COCO_KEYPOINTS, F32, Poses

JOINTS = len(COCO_KEYPOINTS)
NUMBERS = 3 * JOINTS
"""Of one person's joints: x, y and a score each."""
NOBODY = Poses(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, JOINTS, 3), np.float32))


def people(boxes: F32, scores: F32, joints: F32, manifest: Manifest, fit: Fit) -> Poses:
    """Poses in the frame; boxes are clipped to it, joints are not. Who is told twice, or is rubbish, goes.

    Args:
        boxes: float32 (n, 4), x1 y1 x2 y2 in pixels of the input
        scores: float32 (n,)
        joints: float32 (n, 51): x, y, score of each, in pixels of the input or in 0..1, as the manifest's `box_units`
    """
    rows = joints.reshape(-1, JOINTS, 3)
    points = rows[..., :2]
    if manifest.box_units == "unit":
        points = points * np.array([manifest.input.width, manifest.input.height], np.float32)
    placed = fit.to_frame(boxes)
    real = (np.abs(points) < FAR).all(axis=(1, 2)) & np.isfinite(rows[..., 2]).all(axis=1)
    real &= (np.abs(boxes) < FAR).all(axis=1) & np.isfinite(scores) & (placed[:, 2:] > placed[:, :2]).all(axis=1)
    keypoints = np.concatenate([fit.to_picture(points[real]), rows[real, :, 2:].clip(0, 1)], axis=2)
    return once(placed[real], scores[real], keypoints)


def once(boxes: F32, scores: F32, keypoints: F32) -> Poses:
    """Each person once, best first: what is left of poses in the frame."""
    if not len(scores):
        return NOBODY
    kept = nms.keep(keypoints, scores, boxes)
    return Poses(boxes[kept], at_most_1(scores[kept]), np.asarray(keypoints[kept], np.float32))
