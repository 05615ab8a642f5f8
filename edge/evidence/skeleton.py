"""Skeletons: the joints of people as lines, left and right in two colours, legible on a phone."""

from __future__ import annotations

from collections.abc import Iterable

import cv2

from edge.pose import keypoints
from edge.types import JOINT_SEEN, U8, Body, Pose

_LINES = (*keypoints.LEFT, *keypoints.LEFT_FACE, *keypoints.RIGHT, *keypoints.RIGHT_FACE, *keypoints.ACROSS)
LEFT, RIGHT, MIDDLE = (40, 165, 255), (255, 190, 40), (235, 235, 235)
"""BGR: amber, blue, white. Apart also for those who do not tell red from green."""
FALLEN = "fallen"
SHADE = (24, 24, 24)
_FIXED = 4
"""Bits after the point of the places that OpenCV is given."""
_FAR = 1 << 14
"""Pixels beyond which no joint is drawn: OpenCV's places are 32-bit integers, of which the fixed point takes some."""


def word(body: Body) -> str:
    """How somebody is, in one word: `fallen` once a fall is confirmed, else the posture; `` of an unknown one."""
    activity = body.activity
    if activity is not None and activity.kind == "fall" and activity.confirmed:
        return FALLEN
    return "" if body.posture.name == "unknown" else body.posture.name


def draw(image: U8, poses: Iterable[Pose]) -> U8:
    """Draw skeletons into a BGR image uint8 (h, w, 3), in place: joints of at least JOINT_SEEN, and the limbs between.

    The lines are as thick as suits the size of each person, and of the picture, which may be shown smaller.
    """
    for pose in poses:
        _draw_one(image, pose)
    return image


def _draw_one(image: U8, pose: Pose) -> None:
    points = {
        joint: (round(x * (1 << _FIXED)), round(y * (1 << _FIXED)))
        for joint, (x, y, score) in enumerate(pose.keypoints.tolist())
        if score >= JOINT_SEEN and abs(x) < _FAR and abs(y) < _FAR
    }
    if not points:
        return
    size = max(max(along) - min(along) for along in zip(*points.values(), strict=True)) >> _FIXED
    line = max(1, round(image.shape[0] / 360), round(size / 70))
    limbs = [(points[a], points[b], _colour(a, b)) for a, b in _LINES if a in points and b in points]
    for a, b, _ in limbs:
        cv2.line(image, a, b, SHADE, line + max(2, line // 2), cv2.LINE_AA, _FIXED)
    for a, b, colour in limbs:
        cv2.line(image, a, b, colour, line, cv2.LINE_AA, _FIXED)
    for joint, place in points.items():
        radius = (line if joint < 5 else line + 1) << _FIXED
        cv2.circle(image, place, radius, _colour(joint, joint), cv2.FILLED, cv2.LINE_AA, _FIXED)


def _colour(a: int, b: int) -> tuple[int, int, int]:
    """COCO's odd points are the left ones; the nose and what leads across belong to neither side."""
    sides = {point % 2 for point in (a, b) if point}
    return MIDDLE if len(sides) != 1 else LEFT if sides == {1} else RIGHT
