"""Which head of people's joints a model has, guessed by the shapes of its outputs."""

from __future__ import annotations

import math

from edge.engines.base import TensorSpec
from edge.models.inspect.facts import Facts
from edge.models.inspect.guess import Guess, Keys, Look, levels, only, sizes, units

COLUMNS, ROWS = 56, 57
"""Of YOLOv8-pose and YOLO26-pose: a box, a score (and a class), and 17 joints of three numbers."""
BOTH, HEAT, FIELDS = 57, 19, 38
MAP_STRIDES = (8, 4, 16)
ULTRALYTICS_IOU = (0.7, "Ultralytics does so: people overlap more than things do")
PEAKS = (0.2, "a person's score is the mean height of peaks, which are low")
SURE = (0.75, "MediaPipe's")


def movenet(facts: Facts) -> Guess | None:
    """One person's 17 keypoints."""
    spec = only(facts, 4)
    if spec is None or spec.shape != (1, 1, 17, 3):
        return None
    return Guess("movenet", {"keypoints": spec.name}, "an output of 17 keypoints, y x score", task="pose")


def yolo(facts: Facts) -> Guess | None:
    """YOLOv8-pose in columns, or rows of YOLO26-pose; unless the file's notes say that its 52 classes are detected."""
    spec = only(facts, 3)
    if spec is None or spec.shape[0] != 1 or facts.task not in ("", "pose"):
        return None
    _, down, across = sizes(spec)
    named = {"predictions": spec.name}
    keys: Keys = {"nms_iou": ULTRALYTICS_IOU}
    if down == COLUMNS and levels(facts, across) and len(facts.names) != COLUMNS - 4:
        why = f"columns of {down} for {across} points: a box, a score and 17 joints"
        rival = "" if facts.task else f"yolov8 with {COLUMNS - 4} labels"
        return Guess("yolov8-pose", named, why, task="pose", keys=keys | units(facts, spec.name, 1), rivals=rival)
    if across == ROWS and down <= 1000 and not levels(facts, down):
        why = f"{down} rows of {across}: x1 y1 x2 y2 score class and 17 joints"
        return Guess("yolo-end2end-pose", named, why, task="pose", keys=units(facts, spec.name, 2))
    return None


def openpose(facts: Facts) -> Guess | None:
    """Maps of points and of fields; those of the last stage, where each stage gives its own."""
    both, heat, fields = (_maps(facts, channels) for channels in (BOTH, HEAT, FIELDS))
    keys: Keys = {"min_score": PEAKS}
    if both is not None and len(facts.outputs) == 1:
        return Guess("openpose", {"maps": both.name}, "one map of 19 points and 19 limbs", task="pose", keys=keys)
    if heat is None or fields is None:
        return None
    why = "maps of 19 points and of 19 limbs" + (", the last of several stages" if len(facts.outputs) > 2 else "")
    return Guess("openpose", {"heat": heat.name, "paf": fields.name}, why, task="pose", keys=keys)


def blazepose(facts: Facts) -> Guess | None:
    """BlazePose's two: where people are, and the joints of one of them."""
    anchors = 2 * facts.cells((8, 16, 32, 32, 32))
    found = {spec.shape: spec.name for spec in facts.outputs}
    boxes, scores = found.get((1, anchors, 12)), found.get((1, anchors, 1))
    if boxes is not None and scores is not None:
        why = f"{anchors} anchors with a box and four points each"
        named = {"boxes": boxes, "scores": scores}
        return Guess("blazepose-detector", named, why, task="pose", keys={"min_score": SURE})
    landmarks = next((spec for spec in facts.outputs if math.prod(sizes(spec)) == 39 * 5), None)
    presence = next((spec for spec in facts.outputs if math.prod(sizes(spec)) == 1), None)
    if landmarks is None or presence is None:
        return None
    named = {"landmarks": landmarks.name, "presence": presence.name}
    return Guess("blazepose-landmarks", named, "39 points of 5 numbers, and whether somebody is there", task="pose")


def _maps(facts: Facts, channels: int) -> TensorSpec | None:
    """The last output of as many maps over the input."""
    grids = [(facts.height // stride, facts.width // stride) for stride in MAP_STRIDES]
    for spec in reversed(facts.outputs):
        shape = sizes(spec)
        first = len(shape) == 4 and shape[1] == channels and shape[2:] in grids
        if first or (len(shape) == 4 and shape[3] == channels and shape[1:3] in grids):
            return spec
    return None


POSES: tuple[Look, ...] = (movenet, yolo, openpose, blazepose)
