"""The families of `tests.support.heads` that leave the most to us: grids as convolutions make them, and masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge.models.manifest import Manifest
from edge.types import F32
from tests.support.heads import LABELS, ONE, SIDE, SIX, Boxes, Family, logit, manifest, middle, yolov8

STRIDES = (8, 16, 32)
COCO = (  # YOLOv3's and YOLOv5's, pixels at 416 and 640
    (10.0, 13.0, 16.0, 30.0, 33.0, 23.0),
    (30.0, 61.0, 62.0, 45.0, 59.0, 119.0),
    (116.0, 90.0, 156.0, 198.0, 373.0, 326.0),
)
DEPTH = 32


def squeezedet(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box at the anchor of its own number, of the point that lies nearest: 26 x 26 points, six anchors."""
    cells, anchors = 26, np.array(to.anchors[0]).reshape(-1, 2)
    kinds = len(LABELS)
    classes = np.zeros((cells, cells, len(anchors), kinds), np.float32)
    confidences = np.full((cells, cells, len(anchors)), -9, np.float32)
    deltas = np.zeros((cells, cells, len(anchors), 4), np.float32)
    step = SIDE / (cells + 1)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        x, y = np.clip(np.rint(box[:2] / step).astype(int) - 1, 0, cells - 1)
        zoom = box[2:] / anchors[number]
        deltas[y, x, number, :2] = (box[:2] - (np.array([x, y]) + 1) * step) / anchors[number]
        deltas[y, x, number, 2:] = np.where(zoom > np.e, zoom / np.e, np.log(zoom))
        confidences[y, x, number] = logit(np.sqrt(row[4]))
        classes[y, x, number, int(row[5])] = logit(np.sqrt(row[4])) + np.log(kinds - 1)
    parts = [part.reshape(1, cells, cells, -1) for part in (classes, confidences, deltas)]
    return {"grid": np.concatenate(parts, axis=3)}


def squeezedet_first(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    return {"grid": np.ascontiguousarray(squeezedet(boxes, to)["grid"].transpose(0, 3, 1, 2))}


def yolo_raw(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box in the cell of its centre, at the anchor whose size is nearest to its own."""
    grids = {
        f"grid{stride}": np.full((1, 3, 5 + len(LABELS), SIDE // stride, SIDE // stride), -9, np.float32)
        for stride in STRIDES
    }
    sizes = np.array(to.anchors).reshape(-1, 2)
    spreads = to.scale_xy or (1.0,) * 3
    for box, row in zip(middle(boxes), boxes, strict=True):
        level, anchor = divmod(int(np.abs(np.log(sizes / box[2:])).max(axis=1).argmin()), 3)
        stride, size = STRIDES[level], sizes[3 * level + anchor]
        x, y = (int(v) for v in box[:2] // stride)
        inside = box[:2] / stride - (x, y)
        cell = grids[f"grid{stride}"][0, anchor, :, y, x]
        if to.decoder == "yolov5-raw":
            cell[:2] = logit((inside + 0.5) / 2)
            cell[2:4] = logit(np.sqrt(box[2:] / size) / 2)
        else:
            cell[:2] = logit(np.clip((inside + (spreads[level] - 1) / 2) / spreads[level], 1e-4, 1 - 1e-4))
            cell[2:4] = np.log(box[2:] / size)
        cell[[4, 5 + int(row[5])]] = logit(np.sqrt(row[4]))
    return {role: grid.reshape(1, -1, *grid.shape[3:]) for role, grid in grids.items()}


def yolo_last(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    return {role: np.ascontiguousarray(grid.transpose(0, 2, 3, 1)) for role, grid in yolo_raw(boxes, to).items()}


def yolo_split(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    return {
        role: np.ascontiguousarray(grid.reshape(1, 3, -1, *grid.shape[2:]).transpose(0, 1, 3, 4, 2))
        for role, grid in yolo_raw(boxes, to).items()
    }


def yolov8_grids(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box in the cell of its centre, of a stride whose sixteen bins reach all of its sides."""
    grids = {f"grid{s}": np.full((1, 64 + len(LABELS), SIDE // s, SIDE // s), -9, np.float32) for s in STRIDES}
    for box, row in zip(middle(boxes), boxes, strict=True):
        stride = 8 if box[2:].max() < 60 else 16
        x, y = (int(v) for v in box[:2] // stride)
        point = (np.array([x, y]) + 0.5) * stride
        distances = np.maximum(np.concatenate([point - row[:2], row[2:4] - point]) / stride, 0)
        bins = np.full((4, 16), -20.0)
        low = np.floor(distances).astype(int)
        bins[np.arange(4), low] = np.log(np.maximum(1 - (distances - low), 1e-8))
        bins[np.arange(4), low + 1] = np.log(np.maximum(distances - low, 1e-8))
        cell = grids[f"grid{stride}"][0, :, y, x]
        cell[:64] = bins.reshape(-1)
        cell[64 + int(row[5])] = logit(row[4])
    return grids


def yolov8_whole(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    columns = [grid.reshape(1, grid.shape[1], -1) for grid in yolov8_grids(boxes, to).values()]
    return {"predictions": np.concatenate(columns, axis=2)}


def yolov8_seg(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Prototypes that are one everywhere, so that every mask is its whole box."""
    columns = yolov8(boxes, to)["predictions"]
    coefficients = np.full((1, DEPTH, columns.shape[2]), 0.1, np.float32)
    prototypes = np.ones((1, DEPTH, SIDE // 4, SIDE // 4), np.float32)
    return {"predictions": np.concatenate([columns, coefficients], axis=1), "prototypes": prototypes}


GRIDS = tuple(f"grid{stride}" for stride in STRIDES)
SQUEEZE = manifest("squeezedet", ("grid",), anchors=SIX, nms_iou=0.4)
YOLO3 = manifest("yolov3-raw", GRIDS, strides=STRIDES, anchors=COCO)
YOLO5 = replace(YOLO3, decoder="yolov5-raw")
RAW_FAMILIES = {
    "squeezedet": Family(SQUEEZE, squeezedet, {"grid": [(1, 26, 26, 101), (26, 26, 102), (2, 26, 26, 102)]}),
    "squeezedet, channels first": Family(SQUEEZE, squeezedet_first, {}),
    "yolov3 raw": Family(
        YOLO3, yolo_raw, {"grid8": [(1, 51, 26, 26), (1, 50, 52, 52), (51, 52, 52), (1, 3, 52, 52, 16)]}
    ),
    "yolov4 raw": Family(replace(YOLO3, scale_xy=(1.2, 1.1, 1.05)), yolo_raw, {}),
    "yolov3 raw, channels last": Family(YOLO3, yolo_last, {}),
    "yolov5 raw": Family(YOLO5, yolo_raw, {"grid32": [(1, 51, 14, 13), ()]}),
    "yolov5 raw, split": Family(YOLO5, yolo_split, {}),
    "yolov8 raw": Family(
        manifest("yolov8-raw", GRIDS, strides=STRIDES),
        yolov8_grids,
        {"grid16": [(1, 76, 27, 26), (1, 75, 26, 26), (76, 26, 26)]},
    ),
    "yolov8 raw, joined": Family(
        manifest("yolov8-raw", ONE, strides=STRIDES),
        yolov8_whole,
        {"predictions": [(1, 76, 3548), (1, 77, 3549), (1, 3549, 76), ()]},
    ),
    "yolov8-seg": Family(
        manifest("yolov8-seg", ("predictions", "prototypes")),
        yolov8_seg,
        {"predictions": [(1, 47, 3549), (48, 3549)], "prototypes": [(32, 104, 104), (2, 32, 104, 104)]},
    ),
}
