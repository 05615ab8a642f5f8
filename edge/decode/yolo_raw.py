"""YOLOv3, YOLOv4, YOLOv5 and v7 as their last convolutions leave them: one grid a stride, nothing applied yet.

`yolov3-raw` is Darknet's layer: centre = (spread(sigmoid(xy)) + cell) * stride, size = anchor * exp(wh), where YOLOv4
spreads by s: s * x - (s - 1) / 2. `yolov5-raw`: the same with s = 2, and size = anchor * (2 * sigmoid(wh))^2. Both:
score = sigmoid(objectness) * sigmoid(class).
Source: Redmon and Farhadi, YOLOv3, 2018, section 2; Bochkovskiy et al., YOLOv4, 2020, section 3.4 (grid sensitivity),
Darknet's `scale_x_y`; github.com/ultralytics/yolov5, models/yolo.py, Detect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decode import nms
from edge.decode.head import Outputs, Shape, both_counts, from_centres, logit, sigmoid
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, Detections


def roles(manifest: Manifest) -> tuple[str, ...]:
    """One output a stride: `grid8`, `grid16`..."""
    return tuple(f"grid{stride}" for stride in manifest.strides)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    if not manifest.strides or len(manifest.anchors) != len(manifest.strides):
        return "the head needs `strides` and a list of `anchors` for each of them in the manifest"
    if manifest.scale_xy and len(manifest.scale_xy) != len(manifest.strides):
        return f"`scale_xy` has {len(manifest.scale_xy)} numbers, but the head wants one for each of its strides"
    for role, stride, sizes in zip(roles(manifest), manifest.strides, manifest.anchors, strict=True):
        shape = shapes.get(role)
        if shape is None:
            continue
        anchors, columns = len(sizes) // 2, 5 + len(manifest.labels)
        down, across = manifest.input.height // stride, manifest.input.width // stride
        wanted: tuple[Shape, ...] = (
            (1, anchors * columns, down, across),
            (1, down, across, anchors * columns),
            (1, anchors, down, across, columns),
        )
        if not any(_like(shape, one) for one in wanted):
            channels = None
            if len(shape) == 4:
                channels = shape[1] if shape[2:] == (down, across) else shape[3]
            elif len(shape) == 5 and shape[4] is not None:
                channels = shape[4] * anchors
            return (
                f"`{role}` has shape {shape}, but the head wants {wanted[0]} or {wanted[2]}: {anchors} anchors of 5 + "
                f"{len(manifest.labels)} channels{both_counts(channels, anchors, 5, manifest)}"
            )
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn the grids into detections.

    Each is float (1, anchors * (5 + classes), down, across), with its channels last, or split as (1, anchors, down,
    across, 5 + classes); channels of an anchor: x y w h objectness classes.
    """
    spreads = manifest.scale_xy or (1.0,) * len(manifest.strides)
    parts = [
        _level(outputs[role], manifest, stride, np.array(sizes, np.float32).reshape(-1, 2), spread, min_score)
        for role, stride, sizes, spread in zip(
            roles(manifest), manifest.strides, manifest.anchors, spreads, strict=True
        )
    ]
    boxes, scores, best = (np.concatenate(part) for part in zip(*parts, strict=True))
    if len(scores) == 0:
        return NO_DETECTIONS
    return nms.survivors(boxes, scores, best, manifest, fit)


def _level(
    grid: NDArray[Any], manifest: Manifest, stride: int, sizes: F32, spread: float, min_score: float
) -> tuple[F32, F32, NDArray[np.intp]]:
    """Boxes x1 y1 x2 y2 in pixels of the input, scores and classes of one grid's candidates."""
    cells = _split(grid, len(sizes), 5 + len(manifest.labels))
    # Class scores are at most 1, so objectness bounds the score.
    which, down, across = np.nonzero(cells[..., 4] >= logit(min_score))
    rows = np.asarray(cells[which, down, across], np.float32)
    best = rows[:, 5:].argmax(axis=1)
    scores = sigmoid(rows[:, 4]) * sigmoid(rows[np.arange(len(best)), 5 + best])
    good = scores >= min_score
    rows, which, best, scores = rows[good], which[good], best[good], scores[good]
    corners = np.stack([across, down], axis=1)[good]
    places = sigmoid(rows[:, :2])
    if manifest.decoder == "yolov5-raw":
        centres, zoom = 2 * places - 0.5 + corners, (2 * sigmoid(rows[:, 2:4])) ** 2
    else:
        centres, zoom = spread * places - (spread - 1) / 2 + corners, np.exp(rows[:, 2:4])
    boxes = np.concatenate([centres * stride, sizes[which] * zoom], axis=1, dtype=np.float32)
    return from_centres(boxes), scores, best


def _split(grid: NDArray[Any], anchors: int, columns: int) -> NDArray[Any]:
    """A view (anchors, down, across, columns) of a grid in any of its three layouts."""
    cells: NDArray[Any] = grid[0]
    if len(cells) == anchors * columns:
        cells = cells.reshape(anchors, columns, *cells.shape[1:]).transpose(0, 2, 3, 1)
    elif grid.ndim == 4:
        cells = cells.reshape(*cells.shape[:2], anchors, columns).transpose(2, 0, 1, 3)
    return cells


def _like(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(size in (want, None) for size, want in zip(shape, wanted, strict=True))
