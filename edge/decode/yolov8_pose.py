"""YOLOv8-pose and YOLO11-pose: the columns of `yolov8` of the one class person, each with its seventeen joints.

Source: docs.ultralytics.com/tasks/pose; Maji et al., YOLO-Pose, arXiv 2204.06806. The exported graph has placed the
joints in the input, and applied the sigmoid to their scores.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.decode import nms
from edge.decode.head import Outputs, Shape, from_centres, in_pixels
from edge.decode.people import NOBODY, NUMBERS, people
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import Poses

TASK = "pose"
ROLES = ("predictions",)
CHANNELS = 5 + NUMBERS


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("predictions")
    if shape is None or (len(shape) == 3 and shape[0] in (1, None) and shape[1] in (CHANNELS, None)):
        return None
    return f"`predictions` has shape {shape}, but the head wants (1, {CHANNELS}, points): a box, a score, 17 joints"


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Poses:
    """Turn `predictions`, float (1, 56, points), into people: centre x, centre y, w, h, score, and x, y, score a joint.

    Boxes that overlap by more than `nms_iou` are one person's, and so are those of others with the same joints.
    """
    columns = outputs["predictions"][0]
    where = np.flatnonzero(columns[4] >= min_score)
    if not len(where):
        return NOBODY
    rows = np.asarray(columns[:, where].T, np.float32)
    boxes = from_centres(in_pixels(rows[:, :4], manifest))
    kept = nms.chosen(boxes, rows[:, 4], np.zeros(len(rows), np.int32), manifest.nms_iou)
    return people(boxes[kept], rows[kept, 4], rows[kept, 5:], manifest, fit)
