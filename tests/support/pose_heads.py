"""Pose heads whose tensors are written by hand: how people get into those of every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edge.decode.head import Shape
from edge.models.manifest import Manifest
from edge.pose.keypoints import FROM_OPENPOSE
from edge.preprocess import Fit, Input
from edge.types import F32
from tests.support.figures import FIGURE
from tests.support.skeleton_maps import H, W, rendered

SIDE = 368
INPUT = Input("images", SIDE, SIDE, layout="NCHW", dtype="float32")
FIT = Fit.of((2 * SIDE, 3 * SIDE), INPUT)
ZOOM = np.array([2, 3], np.float32)
"""From pixels of the input to those of the frame."""


@dataclass(frozen=True)
class PoseFamily:
    """A head, its manifest, how people are written into its tensors, and shapes that are not its own."""

    manifest: Manifest
    encode: Callable[[F32, Manifest], dict[str, F32]]
    spoilt: dict[str, list[Shape]]


def person(left: float, top: float, size: float) -> F32:
    """Joints of somebody, float32 (17, 3), in pixels of the input; each is seen."""
    points = (FIGURE * (1, -1) + (0, 1)) * size + (left + 0.2 * size, top)
    return np.column_stack([points, np.full(17, 0.9)]).astype(np.float32)


def boxes(people: F32) -> F32:
    """x1 y1 x2 y2 around the joints of each."""
    return np.concatenate([people[:, :, :2].min(axis=1), people[:, :, :2].max(axis=1)], axis=1)


def yolov8_pose(people: F32, to: Manifest) -> dict[str, F32]:
    """Each person at two neighbouring points that tell nearly the same, the second less surely."""
    columns = np.full((1, 56, 2730), 0.01, np.float32)
    for number, (joints, (x1, y1, x2, y2)) in enumerate(zip(people, boxes(people), strict=True)):
        for twin in range(2):
            row = np.concatenate([[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, 0.8 - 0.1 * twin], joints.ravel()])
            columns[0, :, 300 * number + twin] = row + 0.5 * twin * (np.arange(56) % 3 != 1) * (np.arange(56) > 4)
    columns[:, 7::3] = columns[:, 7::3].clip(0, 1)
    if to.box_units == "unit":
        columns[:, :4] /= SIDE
        columns[:, 5::3] /= SIDE
        columns[:, 6::3] /= SIDE
    return {"predictions": columns}


def end2end_pose(people: F32, to: Manifest) -> dict[str, F32]:
    rows = np.zeros((1, 300, 57), np.float32)
    for row, joints, box in zip(rows[0], people, boxes(people), strict=False):
        row[:] = [*box, 0.8, 0, *joints.ravel()]
    return {"predictions": rows}


def openpose(people: F32, to: Manifest) -> dict[str, F32]:
    """Maps of 46 x 46 cells, the neck between the shoulders."""
    crowd = []
    for joints in people:
        points = np.zeros((18, 3), np.float32)
        points[list(FROM_OPENPOSE)] = joints
        points[1] = joints[5:7].mean(axis=0)
        points[:, :2] = points[:, :2] * (W / SIDE) - 0.5
        crowd.append(points)
    heat, fields = rendered(crowd)
    heat = np.concatenate([0.9 * heat, 1 - heat.max(axis=0, keepdims=True)])[None].astype(np.float32)
    maps = {"heat": heat, "paf": fields[None]}
    if "maps" in to.outputs:
        maps = {"maps": np.concatenate([heat, fields[None]], axis=1)}
    last = to.input.layout == "NHWC"
    return {role: np.ascontiguousarray(a.transpose(0, 2, 3, 1)) if last else a for role, a in maps.items()}


def manifest(decoder: str, roles: tuple[str, ...], **keys: object) -> Manifest:
    made = Manifest(decoder, "pose", decoder, INPUT, {role: role for role in roles}, min_score=0.3, nms_iou=0.7)
    return replace(made, **keys)  # type: ignore[arg-type]


COLUMNS = manifest("yolov8-pose", ("predictions",))
LAST = replace(INPUT, layout="NHWC")
POSE_FAMILIES = {
    "yolov8-pose": PoseFamily(COLUMNS, yolov8_pose, {"predictions": [(1, 84, 2730), (56, 2730), (2, 56, 2730), ()]}),
    "yolov8-pose in 0..1": PoseFamily(replace(COLUMNS, box_units="unit"), yolov8_pose, {}),
    "yolo-end2end-pose": PoseFamily(
        manifest("yolo-end2end-pose", ("predictions",)), end2end_pose, {"predictions": [(1, 300, 6), (300, 57), ()]}
    ),
    "openpose, one output": PoseFamily(
        manifest("openpose", ("maps",)), openpose, {"maps": [(1, 19, H, W), (57, H, W), (1, 57, 0, W), ()]}
    ),
    "openpose, two": PoseFamily(
        manifest("openpose", ("heat", "paf")),
        openpose,
        {"heat": [(1, 38, H, W), (19, H, W)], "paf": [(1, 19, H, W), (1, 40, H, W)]},
    ),
    "openpose, channels last": PoseFamily(manifest("openpose", ("maps",), input=LAST), openpose, {}),
}
