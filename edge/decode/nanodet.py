"""NanoDet and NanoDet-Plus: class scores, and each side's distance from a grid point as a distribution.

Source: github.com/RangiLyu/nanodet, nanodet_plus_head.py; Li et al., Generalized Focal Loss, 2020, section 3.1:
distance = sum of softmax(bins) * bin, in cells. NanoDet-Plus puts its points at the corners of cells, the first
NanoDet in their middles (the manifest's `cell_offset`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

ROLES = ("predictions",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    if not manifest.strides:
        return "the head needs `strides` in the manifest, such as [8, 16, 32, 64]"
    shape = shapes.get("predictions")
    width, height = manifest.input.width, manifest.input.height
    cells = sum(-(-width // stride) * -(-height // stride) for stride in manifest.strides)
    columns = len(manifest.labels) + 4 * (manifest.reg_max + 1)
    if shape is None or (
        len(shape) == 3 and shape[0] in (1, None) and shape[1] in (cells, None) and shape[2] in (columns, None)
    ):
        return None
    return (
        f"`predictions` has shape {shape}, but the head wants (1, {cells}, {columns}): the cells of strides "
        f"{list(manifest.strides)}, {len(manifest.labels)} labels and 4 x {manifest.reg_max + 1} bins"
    )


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `predictions`, float (1, cells, classes + 4 * (reg_max + 1)), into detections.

    A row is class scores after the sigmoid, then the bins' logits of the distances left, top, right and bottom.
    """
    rows = outputs["predictions"][0]
    kinds = len(manifest.labels)
    where = np.flatnonzero(rows[:, :kinds].max(axis=1) >= min_score)
    if len(where) == 0:
        return NO_DETECTIONS
    rows = np.asarray(rows[where], np.float32)
    best = rows[:, :kinds].argmax(axis=1)
    bins = rows[:, kinds:].reshape(len(rows), 4, -1)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    distances = weights @ np.arange(bins.shape[2], dtype=np.float32) / weights.sum(axis=2)
    points = _points(fit.input.width, fit.input.height, manifest.strides)[where]
    centres = points[:, :2] + np.float32(manifest.cell_offset)
    boxes = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1) * points[:, 2:]
    return nms.survivors(boxes, rows[np.arange(len(best)), best], best, manifest, fit)


@lru_cache(maxsize=8)
def _points(width: int, height: int, strides: tuple[int, ...]) -> F32:
    """x and y of each cell in cells, and its stride, in the head's order: float32 (cells, 3)."""
    levels = []
    for stride in strides:
        y, x = np.mgrid[: -(-height // stride), : -(-width // stride)]  # grids cover the input: rounded up
        levels.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], axis=1))
    return np.concatenate(levels).astype(np.float32)
