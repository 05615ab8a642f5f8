"""Tensors to values: one file a head family, and the table of them by their name in manifests."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.decode.head import Decode, Shape
from edge.errors import ModelError
from edge.models.manifest import Manifest

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
}


@dataclass(frozen=True, slots=True)
class Head:
    """A head family.

    decode: its function
    task: what it is for, one of the manifest's tasks
    roles: the outputs that it needs, by the names used in manifests; the first one's shape tells the classes
    classes: the number of classes by the shape of the first output, None where the family's tensors do not show it
    misfit: what is wrong with outputs of these shapes by role; None if nothing, roles that are left out pass
    """

    decode: Decode
    task: str
    roles: tuple[str, ...]
    classes: Callable[[Shape], int | None] | None
    misfit: Callable[[Mapping[str, Shape], Manifest], str | None]


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
    return Head(module.decode, task, roles, getattr(module, "classes", None), module.misfit)
