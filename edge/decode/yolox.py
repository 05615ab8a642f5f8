"""YOLOX heads exported without their decoding: one row a grid cell, boxes relative to the cell.

Source: Ge et al., YOLOX: Exceeding YOLO Series in 2021, section 2.1: centre = (xy + cell) * stride,
size = exp(wh) * stride; the exported graph has applied the sigmoid to objectness and class scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.decode import nms
from edge.decode.head import Outputs, Shape, at_least
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections

ROLES = ("predictions",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    if not manifest.strides:
        return "the head needs `strides` in the manifest, such as [8, 16, 32]"
    shape = shapes.get("predictions")
    if shape is None:
        return None
    width, height = manifest.input.width, manifest.input.height
    cells = sum((width // stride) * (height // stride) for stride in manifest.strides)
    if len(shape) != 3 or shape[0] not in (1, None) or shape[1] not in (cells, None) or not at_least(shape[2], 6):
        return (
            f"`predictions` has shape {shape}, but the head wants (1, {cells}, 5 + classes): {cells} cells has a "
            f"{width}x{height} input with strides {list(manifest.strides)}"
        )
    return None


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `predictions`, None where the shape does not say."""
    return shape[-1] - 5 if len(shape) == 3 and shape[-1] is not None else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `predictions`, float32 (1, cells, 5 + classes): x y w h objectness scores..., into detections."""
    rows = outputs["predictions"][0]
    # A score is objectness times class score, each at most 1: most cells fail by their objectness alone.
    cells = np.flatnonzero(rows[:, 4] >= min_score)
    best = rows[cells, 5:].argmax(axis=1)
    scores = np.asarray(rows[cells, 4] * rows[cells, 5 + best], np.float32)
    good = scores >= min_score
    if not good.any():
        return NO_DETECTIONS
    cells, best, scores = cells[good], best[good], scores[good]
    corners, strides = _grid(fit.input.width, fit.input.height, manifest.strides)
    centres = (rows[cells, :2] + corners[cells]) * strides[cells]
    halves = np.exp(rows[cells, 2:4]) * strides[cells] / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1)
    return nms.survivors(boxes, scores, best, manifest, fit)


@lru_cache(maxsize=8)
def _grid(width: int, height: int, strides: tuple[int, ...]) -> tuple[F32, NDArray[np.float32]]:
    """x and y of each cell, float32 (cells, 2), and its stride, float32 (cells, 1), in the head's order."""
    corners, sizes = [], []
    for stride in strides:
        across, down = width // stride, height // stride
        y, x = np.mgrid[:down, :across]
        corners.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((across * down, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(sizes).astype(np.float32)
