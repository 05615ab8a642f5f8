"""YOLOv8-seg and YOLO11-seg: the columns of `yolov8`, each with coefficients of prototypes that add up to its mask.

Source: Bolya et al., YOLACT, 2019, section 3: mask = sigmoid(prototypes * coefficients), cut to the box, one where it
is above a half; docs.ultralytics.com/tasks/segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decode import nms, yolov8
from edge.decode.head import Outputs, Shape, at_most_1, both_counts, candidates, from_centres, in_pixels
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, NO_DETECTIONS, U8, Detections

ROLES = ("predictions", "prototypes")
MOST_MASKS = 300
"""Detections of one picture that get a mask; a picture has some dozens."""
MOST_PIXELS = 64_000_000
"""Pixels, which are bytes, of all masks of one picture: thirty objects that fill one of 1920 x 1080."""
NO_MASK: U8 = np.zeros((0, 0), np.uint8)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    shape, prototypes = shapes.get("predictions"), shapes.get("prototypes")
    if prototypes is not None and (len(prototypes) != 4 or prototypes[0] not in (1, None) or 0 in prototypes):
        return f"`prototypes` has shape {prototypes}, but the head wants (1, prototypes, down, across)"
    depth = None if prototypes is None else prototypes[1]
    wanted = None if depth is None else 4 + len(manifest.labels) + depth
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and (wanted is None or shape[1] in (wanted, None))):
        return None
    told = both_counts(shape[1], 1, 4 + depth, manifest) if depth is not None and len(shape) == 3 else ""
    return (
        f"`predictions` has shape {shape}, but the head wants (1, {wanted or '4 + classes + prototypes'}, points): a "
        f"box, {len(manifest.labels)} labels and {depth or 'the'} coefficients{told}"
    )


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """Turn both tensors into detections with masks.

    predictions: float (1, 4 + classes + prototypes, points), centre x, centre y, w, h, scores, coefficients
    prototypes: float (1, prototypes, down, across), laid over the whole input

    Masks are made of what the suppression leaves, within each box alone, best first, until `MOST_MASKS` of them or
    `MOST_PIXELS` are made; the detections behind that have an empty one. Each costs about 20 microseconds, and 2 for
    every thousand of its pixels in the frame.
    """
    columns, prototypes = outputs["predictions"][0], outputs["prototypes"][0]
    kinds = len(manifest.labels)
    where = candidates(columns[4 : 4 + kinds], min_score)
    if len(where) == 0:
        return NO_DETECTIONS
    rows = np.asarray(columns[:, where].T, np.float32)
    best = rows[:, 4 : 4 + kinds].argmax(axis=1)
    scores = rows[np.arange(len(rows)), 4 + best]
    found = from_centres(in_pixels(rows[:, :4], manifest))
    kept = nms.chosen(found, scores, best, manifest.nms_iou)
    placed = fit.to_frame(found[kept])
    inside = (placed[:, 2:] > placed[:, :2]).all(axis=1)
    kept, placed = kept[inside], placed[inside]
    coefficients = rows[kept, 4 + kinds :]
    masks = [_mask(placed[n], coefficients[n], prototypes, fit) for n in range(_masked(placed))]
    masks += [NO_MASK] * (len(placed) - len(masks))
    return Detections(placed, at_most_1(scores[kept]), best[kept].astype(np.int32), tuple(masks))


def boxes(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
    """The same detections without masks, for who looks at none: a camera's pictures."""
    columns = outputs["predictions"][:, : 4 + len(manifest.labels)]
    return yolov8.decode({"predictions": columns}, manifest, fit, min_score)


def _masked(placed: F32) -> int:
    """How many of these boxes, best first, get a mask."""
    sides = np.ceil(placed[:MOST_MASKS, 2:]) - np.floor(placed[:MOST_MASKS, :2])
    pixels = sides.prod(axis=1, dtype=np.float64).cumsum()
    return int(np.searchsorted(pixels, MOST_PIXELS, side="right"))


def _mask(box: F32, coefficients: F32, prototypes: NDArray[Any], fit: Fit) -> U8:
    """The mask of one box, x1 y1 x2 y2 in pixels of the frame: uint8 (h, w), 0 or 1."""
    down, across = prototypes.shape[1:]
    left, top = np.floor(box[:2]).astype(int)
    width, height = np.ceil(box[2:]).astype(int) - (left, top)
    # From a pixel's middle in the frame to the prototypes' cells: through the fit, then by their part of the input.
    fed_left, fed_top, fed_right, fed_bottom = fit.region
    gain_x = fit.width / (fed_right - fed_left) * across / fit.input.width
    gain_y = fit.height / (fed_bottom - fed_top) * down / fit.input.height
    x = (left + 0.5 - fed_left) * gain_x + fit.left * across / fit.input.width - 0.5
    y = (top + 0.5 - fed_top) * gain_y + fit.top * down / fit.input.height - 0.5
    x1, x2 = _reach(x, width * gain_x, across)
    y1, y2 = _reach(y, height * gain_y, down)
    part = np.asarray(prototypes[:, y1:y2, x1:x2], np.float32)
    # Not a product of matrices: BLAS would start threads for it, which the engines and cameras want.
    logits = np.einsum("d,dyx->yx", coefficients, part)
    way = np.array([[gain_x, 0, x - x1], [0, gain_y, y - y1]], np.float64)
    spread = cv2.warpAffine(
        logits,
        way,
        (int(width), int(height)),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return (spread > 0).astype(np.uint8)


def _reach(start: float, length: float, cells: int) -> tuple[int, int]:
    """The first cell that is looked at and the one behind the last, of so many; at least one."""
    # One cell more on each side, for bilinear interpolation. A box may lie beyond the part of the frame that was fed.
    first = min(max(0, int(start) - 1), cells - 1)
    return first, max(first + 1, min(cells, int(start + length) + 3))
