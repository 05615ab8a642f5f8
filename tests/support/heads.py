"""Heads whose tensors are written by hand: how boxes get into those of every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge.decode.head import Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit, Input
from edge.types import F32

SIDE = 416
LABELS = tuple("abcdefghijkl")
INPUT = Input("images", SIDE, SIDE, layout="NCHW", dtype="float32")
FIT = Fit.of((2 * SIDE, 3 * SIDE), INPUT)

Boxes = NDArray[np.float64]
"""Rows of x1 y1 x2 y2 in pixels of the input, score, class; no two rows are of one class."""


@dataclass(frozen=True)
class Family:
    """A head, its manifest, and how boxes are written into its tensors."""

    manifest: Manifest
    encode: Callable[[Boxes, Manifest], dict[str, F32]]
    spoilt: dict[str, list[Shape]]


def manifest(decoder: str, roles: tuple[str, ...], **keys: object) -> Manifest:
    made = Manifest(decoder, "detect", decoder, INPUT, {role: role for role in roles}, LABELS, min_score=0.3)
    return replace(made, **keys)  # type: ignore[arg-type]


def middle(boxes: Boxes) -> Boxes:
    """The same boxes as centre x, centre y, w, h."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:4]) / 2, boxes[:, 2:4] - boxes[:, :2]], axis=1)


def logit(p: Boxes | float) -> Boxes:
    return np.asarray(np.log(p) - np.log1p(-np.asarray(p)))


def yolov8(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    columns = np.full((1, 4 + len(LABELS), 3549), 0.01, np.float32)
    unit = SIDE if to.box_units == "unit" else 1
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        columns[0, :4, 700 * number] = box / unit
        columns[0, 4 + int(row[5]), 700 * number] = row[4]
    return {"predictions": columns}


def yolov5(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    rows = np.full((1, 10647, 5 + len(LABELS)), 0.01, np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        rows[0, 2000 * number, :4] = box
        rows[0, 2000 * number, [4, 5 + int(row[5])]] = np.sqrt(row[4])
    return {"predictions": rows}


def end2end(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, : len(boxes)] = boxes
    return {"predictions": rows}


def ssd_anchors(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box in the cell of its centre, at the anchor of its own number: 13 x 13 cells of stride 32, six anchors."""
    scores = np.zeros((1, 13 * 13 * 6, 1 + len(LABELS)), np.float32)
    scores[..., 0] = 1
    offsets = np.zeros((1, 13 * 13 * 6, 4), np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        cell = np.floor(box[:2] / 32)
        anchor = np.array(to.anchors[0]).reshape(-1, 2)[number]
        where = int(cell[1] * 13 + cell[0]) * 6 + number
        offsets[0, where, :2] = (box[:2] - (cell + 0.5) * 32) / anchor / to.variances[0]
        offsets[0, where, 2:] = np.log(box[2:] / anchor) / to.variances[1]
        scores[0, where, 0] = 1 - row[4]
        scores[0, where, 1 + int(row[5])] = row[4]
    return {"scores": scores, "boxes": offsets}


def yolov4(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    confs, places = np.zeros((1, 2535, len(LABELS)), np.float32), np.zeros((1, 2535, 1, 4), np.float32)
    for number, row in enumerate(boxes):
        confs[0, 500 * number, int(row[5])] = row[4]
        places[0, 500 * number, 0] = row[:4] / SIDE
    return {"confs": confs, "boxes": places}


def yolov2(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    grid = np.full((1, 5, 5 + len(LABELS), 13, 13), -9, np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        x, y = (int(v) for v in box[:2] // 32)
        inside = np.clip(box[:2] / 32 - (x, y), 1e-4, 1 - 1e-4)
        grid[0, number, :2, y, x] = logit(inside)
        grid[0, number, 2:4, y, x] = np.log(box[2:] / np.array(to.anchors[0]).reshape(-1, 2)[number])
        # Two factors of the score: the softmax of the one class against eleven at 0, and the objectness.
        grid[0, number, 4, y, x] = logit(np.sqrt(row[4]))
        grid[0, number, 5:, y, x] = 0
        grid[0, number, 5 + int(row[5]), y, x] = logit(np.sqrt(row[4])) + np.log(len(LABELS) - 1)
    return {"grid": grid.reshape(1, -1, 13, 13)}


def detr(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    logits = np.zeros((1, 100, len(LABELS) + 1), np.float32)
    logits[..., -1] = 20
    for number, row in enumerate(boxes):
        logits[0, number, -1] = -np.inf
        logits[0, number, int(row[5])] = logit(row[4]) + np.log(len(LABELS) - 1)
    return {"logits": logits, "boxes": queries(boxes)}


def rf_detr(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    logits = np.full((1, 100, len(LABELS) + 1), -9, np.float32)
    for number, row in enumerate(boxes):
        logits[0, number, int(row[5])] = logit(row[4])
    return {"logits": logits, "boxes": queries(boxes)}


def queries(boxes: Boxes) -> F32:
    places = np.full((1, 100, 4), 0.5, np.float32)
    places[0, : len(boxes)] = middle(boxes) / SIDE
    return places


def nanodet(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box at the point nearest to its centre, of a stride that reaches all of its sides."""
    rows = np.full((1, 52 * 52 + 26 * 26 + 13 * 13 + 7 * 7, len(LABELS) + 32), -20, np.float32)
    rows[..., : len(LABELS)] = 0
    for box, row in zip(middle(boxes), boxes, strict=True):
        stride, first = (8, 0) if box[2:].max() < 50 else (16, 52 * 52)
        cell = np.rint(box[:2] / stride - to.cell_offset)
        point = (cell + to.cell_offset) * stride
        where = first + int(cell[1] * (SIDE // stride) + cell[0])
        distances = np.maximum(np.concatenate([point - row[:2], row[2:4] - point]) / stride, 0)
        bins = np.full((4, 8), -20.0)
        low = np.floor(distances).astype(int)
        bins[np.arange(4), low] = np.log(np.maximum(1 - (distances - low), 1e-8))
        bins[np.arange(4), low + 1] = np.log(np.maximum(distances - low, 1e-8))
        rows[0, where, : len(LABELS)] = 0
        rows[0, where, int(row[5])] = row[4]
        rows[0, where, len(LABELS) :] = bins.reshape(-1)
    return {"predictions": rows}


ONE = ("predictions",)
VOC = ((34.5, 38.0, 109.4, 141.1, 212.2, 364.2, 301.4, 163.5, 403.0, 336.6),)  # YOLOv2-tiny's, pixels at 416
SIX = ((30.0, 30.0, 60.0, 60.0, 90.0, 130.0, 160.0, 100.0, 200.0, 200.0, 300.0, 300.0),)
SSD = manifest("ssd-anchors", ("scores", "boxes"), strides=(32,), anchors=SIX, first_class=1)
PLUS = manifest("nanodet", ONE, strides=(8, 16, 32, 64))
FAMILIES = {
    "yolov8": Family(
        manifest("yolov8", ONE), yolov8, {"predictions": [(1, 4, 9), (16, 9), (1, 3549, 16), (2, 16, 3549), ()]}
    ),
    "yolov8 in 0..1": Family(manifest("yolov8", ONE, box_units="unit"), yolov8, {}),
    "yolov5": Family(
        manifest("yolov5", ONE), yolov5, {"predictions": [(1, 10647, 5), (10647, 17), (1, 3, 52, 52, 17)]}
    ),
    "end2end": Family(manifest("yolo-end2end", ONE), end2end, {"predictions": [(1, 300, 7), (300, 6), (2, 300, 6)]}),
    "ssd": Family(SSD, ssd_anchors, {"scores": [(1, 1014, 12), (1, 1013, 13)], "boxes": [(1, 1014, 5), (1014, 4)]}),
    "yolov4": Family(
        manifest("yolov4", ("confs", "boxes")),
        yolov4,
        {"confs": [(2535, 12), (1, 2535, 0)], "boxes": [(1, 9, 1, 4), (1, 2535, 2, 4), (1, 2535, 5), (4,)]},
    ),
    "yolov2": Family(manifest("yolov2", ("grid",), anchors=VOC), yolov2, {"grid": [(1, 125, 13, 13), (85, 13, 13)]}),
    "detr": Family(
        manifest("detr", ("logits", "boxes")), detr, {"logits": [(1, 100, 12), (100, 13)], "boxes": [(1, 99, 4), (4,)]}
    ),
    "rf-detr": Family(manifest("rf-detr", ("logits", "boxes")), rf_detr, {"logits": [(1, 100, 14)]}),
    "nanodet plus": Family(PLUS, nanodet, {"predictions": [(1, 3597, 44), (1, 3598, 43), (3598, 44)]}),
    "nanodet": Family(replace(PLUS, cell_offset=0.5), nanodet, {}),
}
