"""FastestDet's single grid: objectness, box and class probabilities a cell.

Source: github.com/dog-qiuqiu/FastestDet: score = objectness^0.6 * class^0.4, centre = (cell + tanh(xy)) / grid,
size = sigmoid(wh) of the input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, at_least
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import NO_DETECTIONS, Detections

ROLES = ("grid",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("grid")
    if shape is None or (len(shape) == 4 and shape[0] in (1, None) and at_least(shape[1], 6) and 0 not in shape):
        return None
    return f"`grid` has shape {shape}, but the head wants (1, 5 + classes, down, across)"


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `grid`, None where the shape does not say."""
    return shape[1] - 5 if len(shape) == 4 and shape[1] is not None else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn `grid`, float32 (1, 5 + classes, down, across): objectness x y w h probabilities..., into detections."""
    grid = outputs["grid"][0]
    down, across = grid.shape[1:]
    cells = np.asarray(grid, np.float32).reshape(len(grid), -1)
    # Class probabilities are at most 1, so objectness^0.6 bounds the score.
    where = np.flatnonzero(cells[0] >= min_score ** (1 / 0.6))
    best = cells[5:, where].argmax(axis=0)
    scores = np.asarray(cells[0, where] ** 0.6 * cells[5 + best, where] ** 0.4, np.float32)
    good = scores >= min_score
    if not good.any():
        return NO_DETECTIONS
    where, best, scores = where[good], best[good], scores[good]
    size = np.array([fit.input.width, fit.input.height], np.float32)
    cell = np.stack([where % across, where // across], axis=1)
    centres = (cell + np.tanh(cells[1:3, where].T)) / np.array([across, down]) * size
    halves = size / (1 + np.exp(-cells[3:5, where].T)) / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)
    return nms.survivors(boxes, scores, best, manifest, fit)
