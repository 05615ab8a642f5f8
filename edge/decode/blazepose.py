"""BlazePose's detector: where a person is, how large and how turned, by four points around head and hips.

Source: Bazarevsky et al., arXiv 2006.10204, and the options of MediaPipe's pose_detection graph: anchors at the centres
of cells of 8, 16 and thrice 32 pixels, two each; boxes and points as offsets from them in pixels of the input of 224;
logits cut at 100; overlapping boxes averaged by their scores (Bazarevsky et al., arXiv 1907.05047, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from edge.decode.head import Outputs, Shape, logit
from edge.decode.movenet import NO_POSES
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, Poses

TASK = "pose"
ROLES = ("boxes", "scores")
POINTS = ("hips", "circle", "shoulders", "upper circle")
"""The middle of the hips, a point on the circle around the whole body, the middle of the shoulders, and a point on the
circle around the upper body. The way from the first to the second is upwards, along the body."""
STRIDES = (8, 16, 32, 32, 32)
OVERLAP = 0.3
_CUT = 100.0
_ROW = 4 + 2 * len(POINTS)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    count = len(anchors(manifest.input.width, manifest.input.height))
    for role, width in (("boxes", _ROW), ("scores", 1)):
        shape = shapes.get(role)
        if shape is not None and (len(shape) != 3 or shape[1] not in (count, None) or shape[2] not in (width, None)):
            return f"`{role}` has shape {shape}, but the head wants (1, {count}, {width}): a row an anchor"
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `boxes`, float (1, n, 12), and `scores`, float (1, n, 1), into people of four points each, best first.

    The points may lie outside the frame: they tell where to look on, and a body that the frame cuts goes on there.
    """
    logits = np.asarray(outputs["scores"], np.float32).reshape(-1)
    rows = np.asarray(outputs["boxes"], np.float32).reshape(-1, _ROW)
    likely = np.flatnonzero(logits[: len(rows)] >= logit(min_score))
    if not len(likely):
        return NO_PEOPLE
    rows = rows[likely]
    scores = 1 / (1 + np.exp(-logits[likely].clip(-_CUT, _CUT)))
    centre = anchors(manifest.input.width, manifest.input.height)[likely]
    half = rows[:, 2:4] / 2
    at = rows[:, :2] + centre
    points = rows[:, 4:].reshape(-1, len(POINTS), 2) + centre[:, None]
    whole = np.concatenate([(at - half)[:, None], (at + half)[:, None], points], axis=1)
    real = np.isfinite(whole).all(axis=(1, 2)) & np.isfinite(scores)
    people, scores = _averaged(whole[real], scores[real])
    if not len(people):
        return NO_PEOPLE
    boxes = fit.to_frame(people[:, :2].reshape(-1, 4))
    placed = fit.to_picture(people[:, 2:])
    keypoints = np.concatenate([placed, np.broadcast_to(scores[:, None, None], (*placed.shape[:2], 1))], axis=2)
    return Poses(boxes, scores.astype(np.float32), keypoints.astype(np.float32))


@cache
def anchors(width: int, height: int) -> F32:
    """The anchors' centres, float32 (n, 2), x and y in pixels of the input."""
    found: list[F32] = []
    for stride in sorted(set(STRIDES)):
        y, x = np.mgrid[: height // stride, : width // stride].astype(np.float32)
        cells = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride
        found.append(np.repeat(cells, 2 * STRIDES.count(stride), axis=0))
    return np.concatenate(found)


def _averaged(people: F32, scores: F32) -> tuple[F32, F32]:
    """Each best one with all that overlap it, by their scores: steadier from frame to frame than the best alone."""
    order = np.argsort(-scores, kind="stable")
    people, scores = people[order], scores[order]
    kept, best = [], []
    while len(people):
        near = _overlap(people[0], people) > OVERLAP
        near[0] = True
        weight = scores[near] / scores[near].sum()
        kept.append(np.tensordot(weight, people[near], 1))
        best.append(scores[0])
        people, scores = people[~near], scores[~near]
    return np.array(kept, np.float32).reshape(-1, 2 + len(POINTS), 2), np.array(best, np.float32)


def _overlap(one: F32, others: F32) -> F32:
    """Intersection over union of the boxes, which are the first two points of each."""
    low, high = np.maximum(one[0], others[:, 0]), np.minimum(one[1], others[:, 1])
    both = np.maximum(high - low, 0).prod(axis=1)
    areas = np.maximum(others[:, 1] - others[:, 0], 0).prod(axis=1)
    return np.asarray(both / np.maximum(areas + np.maximum(one[1] - one[0], 0).prod() - both, 1e-9), np.float32)


NO_PEOPLE = Poses(NO_POSES.boxes, NO_POSES.scores, np.zeros((0, len(POINTS), 3), np.float32))
