"""OpenPose: all people of a picture from maps of points and of the limbs between them.

Source: Cao et al., arXiv 1812.08008; the order of points and fields is that of its COCO model, which its lighter
descendants kept (Osokin, arXiv 1811.12004; Open Model Zoo's human-pose-estimation-0001).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decode import paf
from edge.decode.head import Outputs, Shape
from edge.decode.people import NOBODY, once
from edge.models.manifest import Manifest
from edge.pose.keypoints import FROM_OPENPOSE
from edge.preprocess import Fit
from edge.types import F32, Poses

TASK = "pose"
MAPS, HEAT, FIELDS = 57, 19, 38
"""Channels: of both together, of the points with the background last, and of the fields."""
WANTED = {"maps": MAPS, "heat": HEAT, "paf": FIELDS}
_FAR = 100.0
"""Values of maps are about -1..1; beyond, it is rubbish."""


def roles(manifest: Manifest) -> tuple[str, ...]:
    """One output of both maps, points first, or one each: as the manifest names them."""
    return ("maps",) if "maps" in manifest.outputs else ("heat", "paf")


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    grids: list[tuple[int, int]] = []
    for role in roles(manifest):
        shape = shapes.get(role)
        if shape is None:
            continue
        axis = _axis(shape, WANTED[role], manifest)
        if axis is None:
            wanted = f"(1, {WANTED[role]}, down, across), or channels last"
            return f"`{role}` has shape {shape}, but the head wants {wanted}"
        down, across = shape[2:] if axis == 1 else shape[1:3]
        if down is not None and across is not None:
            grids.append((down, across))
    if len(set(grids)) > 1:
        return f"`paf` has {grids[1]} cells, but `heat` has {grids[0]}: both must be maps of one size"
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `maps`, float (1, 57, h, w), or `heat` (1, 19, h, w) and `paf` (1, 38, h, w), into people of COCO's joints.

    Channels may come last. A joint that was not found is (nan, nan, 0); a person's score is the mean of the joints
    found, and the box is around those. Work grows with people and not with pixels: see `python -m bench openpose`.
    """
    heat, fields = _maps(outputs, manifest)
    cells = fields.shape[1:]
    found = paf.people(heat, fields)[:, FROM_OPENPOSE, :]
    has = found[..., 2] > 0
    found = found[has.sum(axis=1) > 1]
    has = found[..., 2] > 0
    sure = found[..., 2].clip(0, 1)
    scores = sure.sum(axis=1) / has.sum(axis=1)
    likely = scores >= min_score
    if not likely.any():
        return NOBODY
    found, has, sure, scores = found[likely], has[likely], sure[likely], scores[likely]
    # Cells are counted from the middle of the first, pixels from its corner.
    zoom = np.array([manifest.input.width / cells[1], manifest.input.height / cells[0]], np.float32)
    placed = fit.to_picture((found[..., :2] + 0.5) * zoom)
    keypoints = np.concatenate([np.where(has[..., None], placed, np.nan), sure[..., None]], axis=2)
    boxes = np.concatenate([np.nanmin(keypoints[..., :2], axis=1), np.nanmax(keypoints[..., :2], axis=1)], axis=1)
    return once(boxes.astype(np.float32), scores.astype(np.float32), keypoints.astype(np.float32))


def _maps(outputs: Outputs, manifest: Manifest) -> tuple[F32, F32]:
    """The maps of points and of fields, float32 (18 or more, h, w) and (38, h, w)."""
    if "maps" in manifest.outputs:
        both = _planes(outputs["maps"], MAPS, manifest)
        return both[:HEAT], both[HEAT:]
    return _planes(outputs["heat"], HEAT, manifest), _planes(outputs["paf"], FIELDS, manifest)


def _planes(given: NDArray[Any], channels: int, manifest: Manifest) -> F32:
    last = _axis(given.shape, channels, manifest) == 3
    planes = np.ascontiguousarray(given[0].transpose(2, 0, 1) if last else given[0], np.float32)
    # Nearly always all are real. A sum of squares shows that in a tenth of the work of looking by cell: of rubbish it
    # is no number, or huge. A single cell that is far off passes: scores are clipped, and one cell makes no limb.
    if planes.reshape(-1).dot(planes.reshape(-1)) < _FAR**2 * planes.size:
        return planes
    return np.where(np.abs(planes) < _FAR, planes, np.float32(0))


def _axis(shape: Shape, channels: int, manifest: Manifest) -> int | None:
    """Where the channels are, 1 or 3; what the input's layout says where both would do; None if neither does."""
    if len(shape) != 4 or shape[0] not in (1, None) or 0 in shape:
        return None
    order = (3, 1) if manifest.input.layout == "NHWC" else (1, 3)
    exact = [axis for axis in order if shape[axis] == channels]
    return next(iter(exact + [axis for axis in order if shape[axis] is None]), None)
