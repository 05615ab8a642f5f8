"""YOLO26-pose: rows of `yolo-end2end`, each with its person's seventeen joints.

Source: docs.ultralytics.com/tasks/pose and /models/yolo26.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape, in_pixels
from edge.decode.people import NOBODY, NUMBERS, people
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import Poses

TASK = "pose"
ROLES = ("predictions",)
WIDTH = 6 + NUMBERS


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("predictions")
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and shape[2] in (WIDTH, None)):
        return None
    return f"`predictions` has shape {shape}, but the head wants (1, n, {WIDTH}): a box, score, class, 17 joints"


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `predictions`, float (1, n, 57), into people: x1 y1 x2 y2, score, class, and x, y, score of each joint.

    The class is the one there is: a person. The graph picks one row a person; one that it tells twice is told once.
    """
    rows = outputs["predictions"][0]
    rows = np.asarray(rows[rows[:, 4] >= min_score], np.float32)
    if not len(rows):
        return NOBODY
    return people(in_pixels(rows[:, :4], manifest), rows[:, 4], rows[:, 6:], manifest, fit)
