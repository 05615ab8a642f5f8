"""Tensors to values: one file a head family, and the table of them by their name in manifests."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from edge.decode.head import Decode, Shape
from edge.errors import ModelError
from edge.models.manifest import Manifest, labels_of

TABLE = {
    "tflite-ssd": "edge.decode.ssd",
    "graph-ssd": "edge.decode.ssd",
    "yolox": "edge.decode.yolox",
    "fastestdet": "edge.decode.fastestdet",
    "yolov8": "edge.decode.yolov8",
    "yolov5": "edge.decode.yolov5",
    "yolo-end2end": "edge.decode.end2end",
    "ssd-anchors": "edge.decode.ssd_anchors",
    "yolov4": "edge.decode.yolov4",
    "yolov2": "edge.decode.yolov2",
    "detr": "edge.decode.detr",
    "rf-detr": "edge.decode.detr",
    "nanodet": "edge.decode.nanodet",
    "squeezedet": "edge.decode.squeezedet",
    "yolov3-raw": "edge.decode.yolo_raw",
    "yolov5-raw": "edge.decode.yolo_raw",
    "yolov8-raw": "edge.decode.yolov8_raw",
    "yolov8-seg": "edge.decode.yolov8_seg",
    "classes": "edge.decode.classes",
    "values": "edge.decode.values",
    "movenet": "edge.decode.movenet",
    "blazepose-detector": "edge.decode.blazepose",
    "blazepose-landmarks": "edge.decode.blazepose_landmarks",
    "yolov8-pose": "edge.decode.yolov8_pose",
    "yolo-end2end-pose": "edge.decode.end2end_pose",
    "openpose": "edge.decode.openpose",
}
MOST_LABELS = 2000
"""How many labels are tried for outputs that do not fit those which a manifest has."""


@dataclass(frozen=True, slots=True)
class Head:
    """A head family.

    decode: its function
    task: what it is for, one of the manifest's tasks
    roles: the outputs that it needs, by the names used in manifests; the first one's shape tells the classes
    classes: the number of classes by the shape of the first output, None where the family's tensors do not show it
    misfit: what is wrong with outputs of these shapes by role; None if nothing, roles that are left out pass
    boxes: the same as `decode` but for masks, which it does not make
    """

    decode: Decode
    task: str
    roles: tuple[str, ...]
    classes: Callable[[Shape], int | None] | None
    misfit: Callable[[Mapping[str, Shape], Manifest], str | None]
    boxes: Decode


def head(manifest: Manifest) -> Head:
    """The head family that a manifest names; ModelError if there is none of that name, or it is of another task."""
    where = TABLE.get(manifest.decoder)
    if where is None:
        raise ModelError(
            f"model {manifest.name} ({manifest.task}) needs the decoder `{manifest.decoder}`, which this release does "
            f"not have; it has: {', '.join(TABLE)}"
        )
    module = importlib.import_module(where)
    task = getattr(module, "TASK", "detect")
    if task != manifest.task:
        raise ModelError(
            f"model {manifest.name}: its task is `{manifest.task}`, but the decoder `{manifest.decoder}` is for "
            f"`{task}`"
        )
    # Heads of one output a stride have as many roles as the manifest has strides.
    roles = module.roles(manifest) if hasattr(module, "roles") else module.ROLES
    classes = getattr(module, "classes", None)
    boxes = getattr(module, "boxes", module.decode)
    return Head(module.decode, task, roles, classes, partial(_misfit, module.misfit), boxes)


def _misfit(
    of_family: Callable[[Mapping[str, Shape], Manifest], str | None], shapes: Mapping[str, Shape], manifest: Manifest
) -> str | None:
    """What is wrong with outputs of these shapes; where another number of labels cures it, both numbers as well."""
    wrong = of_family(shapes, manifest)
    if wrong is None or not manifest.labels:
        return wrong
    for count in range(1, MOST_LABELS):
        if of_family(shapes, replace(manifest, labels=("",) * count)) is None:
            return f"{wrong}; its head has {count} classes, but {labels_of(manifest)}"
    return wrong
