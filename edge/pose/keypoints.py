"""Seventeen points of a body in COCO's order: how other models' points become these, and how alike two poses are."""

from __future__ import annotations

import numpy as np

from edge.types import COCO_KEYPOINTS, F32

FROM_BLAZEPOSE = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""Which of BlazePose's 33 landmarks is each of COCO's points: the eyes are its eyes' centres; hands, feet and mouth
have no counterpart. Source: ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker (figure of the 33)."""
FROM_OPENPOSE = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
"""Which of OpenPose's 18 points is each of COCO's; its number 1 is a neck between the shoulders, which COCO has not.
Source: Cao et al., arXiv 1812.08008, and the order of its COCO output: nose, neck, right arm, left arm, right leg, left
leg, right eye, left eye, right ear, left ear."""

SIGMAS: F32 = np.array(
    [.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089], np.float32
)  # fmt: skip
"""How far annotators lie apart, as a part of the object's scale: cocodataset.org/#keypoints-eval."""
LEFT = ((15, 13), (13, 11), (11, 5), (5, 7), (7, 9))
RIGHT = ((16, 14), (14, 12), (12, 6), (6, 8), (8, 10))
ACROSS = ((5, 6), (11, 12))
LIMBS = (*LEFT, *RIGHT, *ACROSS)
"""Pairs of COCO's points that a line joins from the shoulders down: of either side, and across."""
LEFT_FACE, RIGHT_FACE = ((0, 1), (1, 3)), ((0, 2), (2, 4))
BODY = np.arange(5, len(COCO_KEYPOINTS))
"""The twelve from the shoulders down."""


def oks(a: F32, b: F32, area: float) -> float:
    """Object keypoint similarity of two poses, 0..1; 1 for the same places.

    Source: cocodataset.org/#keypoints-eval: the mean of exp(-d^2 / (2 s^2 k^2)) with s^2 the object's area and
    k = 2 sigma, over the points that both have.

    Args:
        a, b: float32 (17, 3), x and y in pixels and a score; a point of score 0 is none
        area: of the person in square pixels; COCO takes the segment's, about half of a box's
    """
    both = (a[:, 2] > 0) & (b[:, 2] > 0)
    if not both.any() or area <= 0:
        return 0.0
    squares = ((a[both, :2].astype(np.float64) - b[both, :2]) ** 2).sum(axis=1)
    return float(np.exp(-squares / (2 * area * (2 * SIGMAS[both].astype(np.float64)) ** 2)).mean())
