"""BlazePose's landmarks: the joints of the one person that a turned region of the picture shows.

Source: Bazarevsky et al., arXiv 2006.10204, section 3, and the options of MediaPipe's pose_landmark graph: rows of x, y
and z in pixels of the input, and the logits of being visible and of being in the picture.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape
from edge.decode.movenet import NO_POSES, SEEN
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import Poses

TASK = "pose"
ROLES = ("landmarks", "presence")
LANDMARKS = 33
"""Those of a body; FROM_BLAZEPOSE says which are COCO's."""
HIPS, CIRCLE = 33, 34
"""Two more points: the middle of the hips, and one on the circle around the body, above it: the next region."""
POINTS = 35
_ROWS, _NUMBERS = 39, 5


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why outputs of these shapes are not this head's, as far as they are known; None if they may be."""
    for role, wanted in (("landmarks", _ROWS * _NUMBERS), ("presence", 1)):
        shape = shapes.get(role)
        if shape is None or None in shape:
            continue
        if np.prod(np.array(shape, np.int64)) != wanted:
            return f"`{role}` has shape {shape}, but the head wants {wanted} numbers: one person's"
    return None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `landmarks`, float (1, 195), and `presence`, float (1, 1), into one person of 35 points, or none.

    The score is that of a person being there at all; a point's is the less likely of its being visible and of its being
    in the picture. Points may lie outside the frame.
    """
    rows = np.asarray(outputs["landmarks"], np.float32).reshape(-1, _NUMBERS)[:POINTS]
    score = np.asarray(outputs["presence"], np.float32).reshape(-1)[:1].clip(0, 1)
    # What is no number fails here as well.
    if len(rows) < POINTS or not (score >= min_score).all() or not len(score) or not np.isfinite(rows).all():
        return NO_LANDMARKS
    sure = 1 / (1 + np.exp(-rows[:, 3:].min(axis=1)))
    points = fit.to_picture(rows[:, :2])
    body = points[:LANDMARKS]
    seen = body[sure[:LANDMARKS] >= SEEN]
    if len(seen) < 2:
        seen = body
    box = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
    keypoints = np.concatenate([points, sure[:, None]], axis=1)
    return Poses(box[None].astype(np.float32), score, keypoints[None].astype(np.float32))


NO_LANDMARKS = Poses(NO_POSES.boxes, NO_POSES.scores, np.zeros((0, POINTS, 3), np.float32))
