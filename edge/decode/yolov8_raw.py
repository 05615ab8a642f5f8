"""YOLOv8 and YOLO11 cut before their decoding: distributions of distances and class logits, a map a stride.

Source: Li et al., Generalized Focal Loss, 2020, section 3.1: distance = sum of softmax(bins) * bin, in cells;
github.com/ultralytics/ultralytics, nn/modules/head.py, Detect: sixteen bins a side, points in the middles of cells,
sides in the order left, top, right, bottom; score = sigmoid(class).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decode import nms
from edge.decode.head import Outputs, Shape, both_counts, candidates, logit, sigmoid
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

BINS = 16
WHOLE = "predictions"


def roles(manifest: Manifest) -> tuple[str, ...]:
    """`predictions` where the manifest names it, else one output a stride: `grid8`, `grid16`..."""
    return (WHOLE,) if WHOLE in manifest.outputs else tuple(f"grid{stride}" for stride in manifest.strides)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    if not manifest.strides:
        return "the head needs `strides` in the manifest, such as [8, 16, 32]"
    channels = 4 * BINS + len(manifest.labels)
    grids = _grids(manifest)
    for role in roles(manifest):
        shape = shapes.get(role)
        if shape is None:
            continue
        wanted: Shape
        if role == WHOLE:
            wanted = (1, channels, sum(down * across for _, down, across in grids.values()))
        else:
            wanted = (1, channels, *grids[role][1:])
        if len(shape) != len(wanted) or any(size not in (want, None) for size, want in zip(shape, wanted, strict=True)):
            return (
                f"`{role}` has shape {shape}, but the head wants {wanted}: 4 x {BINS} bins and "
                f"{len(manifest.labels)} labels{both_counts(_channels(shape), 1, 4 * BINS, manifest)}"
            )
    return None


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of any of its outputs, None where the shape does not say."""
    channels = _channels(shape)
    return None if channels is None else channels - 4 * BINS


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn the maps into detections.

    `predictions`, float (1, 64 + classes, points) with the points of all strides in a row, or a map a stride, float
    (1, 64 + classes, down, across).
    """
    grids, first = _grids(manifest), 0
    parts = []
    for role, (stride, down, across) in grids.items():
        if WHOLE in outputs:
            columns = outputs[WHOLE][0, :, first : first + down * across]
            first += down * across
        else:
            columns = outputs[role][0].reshape(-1, down * across)
        parts.append(_level(columns, stride, across, min_score))
    boxes, scores, best = (np.concatenate(part) for part in zip(*parts, strict=True))
    if len(scores) == 0:
        return NO_DETECTIONS
    return nms.survivors(boxes, scores, best, manifest, fit)


def _level(columns: NDArray[Any], stride: int, across: int, min_score: float) -> tuple[F32, F32, NDArray[np.intp]]:
    """Boxes x1 y1 x2 y2 in pixels of the input, scores and classes of one map's candidates."""
    where = candidates(columns[4 * BINS :], logit(min_score))
    rows = np.asarray(columns[:, where].T, np.float32)
    best = rows[:, 4 * BINS :].argmax(axis=1)
    scores = sigmoid(rows[np.arange(len(best)), 4 * BINS + best])
    bins = rows[:, : 4 * BINS].reshape(-1, 4, BINS)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    distances = weights @ np.arange(BINS, dtype=np.float32) / weights.sum(axis=2)
    centres = np.stack([where % across, where // across], axis=1) + np.float32(0.5)
    boxes = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1) * stride
    return boxes.astype(np.float32), scores, best


def _channels(shape: Shape) -> int | None:
    return shape[1] if len(shape) > 2 else None


def _grids(manifest: Manifest) -> dict[str, tuple[int, int, int]]:
    """Stride, rows and columns of each map by its role; an input that is no multiple is covered by one cell more."""
    to = manifest.input
    return {f"grid{stride}": (stride, -(-to.height // stride), -(-to.width // stride)) for stride in manifest.strides}
