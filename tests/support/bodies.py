"""People's bodies, made by hand."""

from __future__ import annotations

import numpy as np

from edge.types import Activity, Body, Box, Pose, Posture, PostureName, Track

STANDING = (
    *((0.50, 0.06), (0.54, 0.04), (0.46, 0.04), (0.60, 0.06), (0.40, 0.06)),
    *((0.70, 0.20), (0.30, 0.20), (0.80, 0.36), (0.20, 0.36), (0.84, 0.52), (0.16, 0.52)),
    *((0.62, 0.54), (0.38, 0.54), (0.64, 0.76), (0.36, 0.76), (0.66, 0.98), (0.34, 0.98)),
)
"""COCO's joints of somebody who faces the camera: their left is on the picture's right."""


def pose_in(box: Box, *, lying: bool = False, score: float = 0.9) -> Pose:
    """Somebody who fills a box, pixels, upright or with the head to the left."""
    places = np.array(STANDING, np.float32)
    if lying:
        places = places[:, ::-1]
    x1, y1, x2, y2 = box
    keypoints = np.full((17, 3), score, np.float32)
    keypoints[:, :2] = places * (x2 - x1, y2 - y1) + (x1, y1)
    return Pose(keypoints, score)


def body_in(
    box: Box, posture: PostureName = "standing", *, fallen: bool = False, time: float = 0.0, score: float = 0.9
) -> Body:
    """A body in a box; `fallen` is a fall that is confirmed."""
    fall = Activity("fall", 0.9, time, time + 1.0) if fallen else None
    lying = posture == "lying"
    pose = pose_in(box, lying=lying, score=score)
    return Body(pose, Posture(posture, 0.9, time), lying_s=1.0 if lying else 0.0, activity=fall)


def track_of(number: int, box: Box, label: str = "person", time: float = 0.0) -> Track:
    """Somebody who is followed and was seen just now."""
    return Track(number, label, 0.9, box, True, True, 0.0, time, 1000.0, 1000.0 + time)
