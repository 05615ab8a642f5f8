"""Which head a model has, guessed by the shapes, names and values of its outputs: one function a family, or a group
of families that must be told apart; the table at the end gives their order.
"""

from __future__ import annotations

import re

import numpy as np

from edge.engines.base import TensorSpec
from edge.models.inspect.facts import Facts
from edge.models.inspect.guess import Guess, Keys, Look, levels, only, sizes, units
from edge.models.inspect.poses import POSES

COCO = 80
COCO_ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
TINY_ANCHORS = ((10, 14, 23, 27, 37, 58), (81, 82, 135, 169, 344, 319))
VOC_V2 = (34.56, 38.08, 109.44, 141.12, 212.16, 364.16, 301.44, 163.52, 531.84, 336.64)
KITTI_ANCHORS = (36, 37, 366, 174, 115, 59, 162, 87, 38, 90, 258, 173, 224, 108, 78, 170, 72, 43)
FACE_ANCHORS = ((10, 10, 16, 16, 24, 24), (32, 32, 48, 48), (64, 64, 96, 96), (128, 128, 192, 192, 256, 240))
FACE_STRIDES = (8, 16, 32, 64)
TFLITE_ORDERS = {0: (0, 1, 2, 3), 1: (1, 3, 0, 2), 3: (3, 2, 1, 0)}
"""Where boxes, classes, scores and count stand among the four outputs, by where the boxes do: TensorFlow 1's converter
and TensorFlow Hub; TensorFlow 2's; Model Maker's."""


def ssd(facts: Facts) -> Guess | None:
    """Four outputs, ready boxes: by TensorFlow's names, else by shapes and the order that converters give them."""
    roles = ("boxes", "classes", "scores", "count")
    graph = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
    found = [next((spec.name for spec in facts.outputs if name in spec.name), None) for name in graph]
    if all(found):
        named = dict(zip(roles, (name or "" for name in found), strict=True))
        why = "outputs are named as TensorFlow's object detection API names them"
        return Guess("graph-ssd", named, why, keys={"first_class": (1, "0 is background there")})
    ordered = sorted(facts.outputs, key=lambda spec: (_suffix(spec.name), facts.outputs.index(spec)))
    place = next((i for i, spec in enumerate(ordered) if len(spec.shape) == 3 and spec.shape[2] == 4), None)
    if len(ordered) != 4 or place not in TFLITE_ORDERS:
        return None
    if sorted(len(spec.shape) for spec in ordered) != [1, 2, 2, 3]:
        return None
    order = TFLITE_ORDERS[place]
    return Guess(
        "tflite-ssd",
        {role: ordered[number].name for role, number in zip(roles, order, strict=True)},
        "four outputs as after TFLite's detection post-processing",
        rivals="classes and scores have one shape: where boxes look random, exchange the two",
    )


def segmentation(facts: Facts) -> Guess | None:
    """YOLOv8-seg: columns with coefficients, and the prototypes that they multiply."""
    rows = next((spec for spec in facts.outputs if len(spec.shape) == 3), None)
    masks = next((spec for spec in facts.outputs if len(spec.shape) == 4), None)
    if len(facts.outputs) != 2 or rows is None or masks is None:
        return None
    _, channels, points = sizes(rows)
    depth = sizes(masks)[1]
    if not levels(facts, points) or not 0 < depth < channels - 4:
        return None
    why = f"columns of {channels} for {points} points, and {depth} prototypes of masks"
    named = {"predictions": rows.name, "prototypes": masks.name}
    return Guess("yolov8-seg", named, why, channels - 4 - depth, keys=units(facts, rows.name, 1))


def two_outputs(facts: Facts) -> Guess | None:
    """Scores and boxes apart: YOLOv4, DETR, RF-DETR, or an SSD without its post-processing."""
    boxes = next((s for s in facts.outputs if len(s.shape) in (3, 4) and sizes(s)[-1] == 4 and _bare(s)), None)
    scores = next((s for s in facts.outputs if len(s.shape) == 3 and s is not boxes), None)
    if len(facts.outputs) != 2 or boxes is None or scores is None or sizes(scores)[1] != sizes(boxes)[1]:
        return None
    rows, columns = sizes(scores)[1:]
    if {"dets", "labels"} == {boxes.name, scores.name}:
        first = 1 if columns == 91 else 0  # COCO's own numbers, 1 to 90
        keys: Keys = {"first_class": (1, "91 columns: COCO's own numbers, 1 to 90")} if first else {}
        why = "outputs are named as RF-DETR's export names them"
        named = {"logits": scores.name, "boxes": boxes.name}
        return Guess("rf-detr", named, why, columns - 1, keys=keys, rivals="" if first else f"or {columns} labels")
    if "logits" in scores.name or rows <= 1000:
        why = f"{rows} queries with {columns} logits and a box each"
        named = {"logits": scores.name, "boxes": boxes.name}
        rival = "the last class is taken for no object; rf-detr where scores are a sigmoid's"
        return Guess("detr", named, why, columns - 1, rivals=rival)
    if "conf" in scores.name or len(boxes.shape) == 4 or _corners(facts, boxes):
        why = f"{rows} ready boxes and as many rows of {columns} scores"
        return Guess("yolov4", {"confs": scores.name, "boxes": boxes.name}, why, columns)
    return _anchored(facts, scores, boxes)


def _anchored(facts: Facts, scores: TensorSpec, boxes: TensorSpec) -> Guess:
    rows, columns = sizes(scores)[1:]
    per_cell = zip(FACE_STRIDES, FACE_ANCHORS, strict=True)
    faces = sum(facts.cells((stride,), up=True) * len(anchors) // 2 for stride, anchors in per_cell) == rows
    where = "Ultra-Light-Fast-Generic-Face-Detector's: they make as many boxes" if faces else "fill in: its own"
    return Guess(
        "ssd-anchors",
        {"scores": scores.name, "boxes": boxes.name},
        f"{rows} rows of {columns} scores and of 4 offsets",
        columns - 1,
        keys={
            "first_class": (1, "0 is background"),
            "strides": (FACE_STRIDES if faces else (), where),
            "anchors": (FACE_ANCHORS if faces else (), where),
        },
    )


def grids(facts: Facts) -> Guess | None:
    """One map a stride, nothing applied yet: YOLOv3, v5 or v8 before their decoding."""
    found: dict[int, tuple[TensorSpec, int]] = {}
    for spec in facts.outputs:
        if (level := _level(facts, spec)) is not None:
            found[level[0]] = (spec, level[1])
    if len(found) != len(facts.outputs) or len(found) < 2 or len({depth for _, depth in found.values()}) > 1:
        return None
    strides = tuple(sorted(found))
    spec, depth = found[strides[0]]
    named = {f"grid{stride}": found[stride][0].name for stride in strides}
    keys: Keys = {"strides": (strides, "by the sizes of the maps")}
    many = f"{len(strides)} maps of {depth} channels at strides {', '.join(map(str, strides))}"
    # 64 of the channels are distributions, or each of three anchors has 5 and its classes.
    free, anchored = depth - 64, depth // 3 - 5
    usual = len(facts.names) or COCO
    if len(spec.shape) == 4 and free > 0 and (free == usual or (anchored != usual and depth % 3)):
        return Guess("yolov8-raw", named, f"{many}: 4 x 16 bins and {free} classes", free, keys=keys)
    if depth % 3 or anchored < 1:
        return None
    tables = {3: COCO_ANCHORS, 2: TINY_ANCHORS}
    keys["anchors"] = (tables.get(len(strides), ()), "those for COCO of YOLOv3 and v5: compare with its training")
    family, rival = ("yolov5-raw", "yolov3-raw") if len(spec.shape) == 5 else ("yolov3-raw", "yolov5-raw")
    why = f"{many}: 3 anchors of 5 + {anchored}"
    return Guess(family, named, why, anchored, keys=keys, rivals=f"{rival} has the same shapes")


def one_grid(facts: Facts) -> Guess | None:
    """A single map: FastestDet, SqueezeDet or YOLOv2."""
    spec = only(facts, 4)
    level = _level(facts, spec) if spec is not None else None
    if spec is None or level is None:
        return None
    stride, depth = level
    named = {"grid": spec.name}
    last = spec.shape[3] == depth
    if stride == 16 and depth % 9 == 0 and depth // 9 > 5 and (last or depth == 72):
        keys: Keys = {"anchors": ((KITTI_ANCHORS,), "SqueezeDet's own for KITTI at 1248 x 384")}
        return Guess(
            "squeezedet", named, f"one map of 9 x {depth // 9} channels at stride 16", depth // 9 - 5, keys=keys
        )
    if stride == 16 and depth > 5 and not last:
        return Guess("fastestdet", named, f"one map of {depth} channels at stride 16", depth - 5)
    if stride == 32 and depth % 5 == 0 and depth // 5 > 5 and not last:
        keys = {"anchors": ((VOC_V2,), "YOLOv2-tiny's for VOC, in pixels (cfg files count in cells of 32)")}
        return Guess("yolov2", named, f"one map of 5 x {depth // 5} channels at stride 32", depth // 5 - 5, keys=keys)
    return None


def rows(facts: Facts) -> Guess | None:
    """One tensor of three axes: most of the YOLO family, and NanoDet."""
    spec = only(facts, 3)
    if spec is None or spec.shape[0] != 1:
        return None
    _, down, across = sizes(spec)
    named = {"predictions": spec.name}
    if levels(facts, across) and down > 4:
        return _columns(facts, spec)
    if levels(facts, down, 3) and across > 5:
        why = f"{down} rows of {across}: three anchors a cell"
        return Guess("yolov5", named, why, across - 5, keys=units(facts, spec.name, 2))
    plus = facts.cells((8, 16, 32, 64), up=True) == down
    bins = across - 32
    if bins > 0 and (plus or (facts.cells((8, 16, 32), up=True) == down and bins == (len(facts.names) or COCO))):
        strides = (8, 16, 32, 64) if plus else (8, 16, 32)
        keys: Keys = {
            "strides": (strides, "their cells are as many as its rows"),
            "cell_offset": (0.0 if plus else 0.5, "NanoDet-Plus has four strides" if plus else "the first NanoDet"),
        }
        return Guess("nanodet", named, f"{down} rows of {across}: classes and 4 x 8 bins", bins, keys=keys)
    if levels(facts, down) and across > 5:
        return _one_a_cell(facts, spec, levels(facts, down))
    if across == 6 and down <= 1000:
        why = f"{down} rows of 6: x1 y1 x2 y2 score class"
        return Guess("yolo-end2end", named, why, len(facts.names) or None, keys=units(facts, spec.name, 2))
    return None


def _columns(facts: Facts, spec: TensorSpec) -> Guess:
    depth, points = sizes(spec)[1:]
    named = {"predictions": spec.name}
    sample = facts.samples.get(spec.name)
    logits = sample is not None and bool((np.asarray(sample)[:, 64:] < 0).any())
    if depth > 64 and len(facts.names) != depth - 4 and logits:
        keys = {"strides": (levels(facts, points), "their cells are as many as its columns")}
        why = f"columns of {depth} for {points} points, and a run gives logits: 4 x 16 bins and classes"
        return Guess("yolov8-raw", named, why, depth - 64, keys=keys, rivals=f"yolov8 with {depth - 4} labels")
    why = f"columns of {depth} for {points} points: a box and {depth - 4} classes"
    return Guess("yolov8", named, why, depth - 4, keys=units(facts, spec.name, 1))


def _one_a_cell(facts: Facts, spec: TensorSpec, strides: tuple[int, ...]) -> Guess:
    """YOLOX, whose export leaves the grid to the reader unless it was told otherwise: the values show it."""
    down, across = sizes(spec)[1:]
    named = {"predictions": spec.name}
    sample = facts.samples.get(spec.name)
    decoded = sample is not None and bool(np.nanmax(np.abs(sample[0, :, :2]), initial=0) > facts.width / 4)
    many = f"{down} rows of {across}, one a cell"
    if decoded:
        why = f"{many}, and a run gives centres in pixels: decoded by the graph"
        return Guess("yolov5", named, why, across - 5, rivals="feed it as YOLOX is: BGR, 0..255, top-left, down")
    keys = {"strides": (strides, "their cells are as many as its rows")}
    said = "and a run gives centres in cells" if sample is not None else "not run"
    rival = "yolov5 if exported with --decode_in_inference: boxes would then be far too large"
    return Guess("yolox", named, f"{many}, {said}", across - 5, keys=keys, rivals=rival)


def numbers(facts: Facts) -> Guess | None:
    """One vector: classes, or the values of a regression."""
    if len(facts.outputs) != 1:
        return None
    spec = facts.outputs[0]
    long = [size for size in sizes(spec) if size != 1]
    if len(long) > 1 or 0 in long:
        return None
    if not long:
        return Guess("values", {"values": spec.name}, "one number", task="values", labels=None)
    rival = "or values, if its numbers are a regression's"
    named = {"scores": spec.name}
    return Guess("classes", named, f"one vector of {long[0]}", long[0], "classify", _logits(facts, spec), rival)


def _logits(facts: Facts, spec: TensorSpec) -> Keys:
    sample = facts.samples.get(spec.name)
    if sample is None or sample.dtype.kind != "f":
        return {}
    total = float(np.asarray(sample, np.float64).sum())
    if sample.min() >= 0 and abs(total - 1) < 0.02:
        return {}
    return {"softmax": (True, f"numbers of a run add up to {total:.3g}: no probabilities yet")}


def _level(facts: Facts, spec: TensorSpec) -> tuple[int, int] | None:
    """Stride and channels of a map over the input; None if it is none."""
    shape = sizes(spec)
    choices = {
        4: [(shape[2:4], shape[1]), (shape[1:3], shape[-1])] if len(shape) == 4 else [],
        5: [(shape[2:4], shape[1] * shape[-1])] if len(shape) == 5 else [],
    }.get(len(shape), [])
    for (down, across), depth in choices:
        for stride in (8, 16, 32, 64):
            if (down, across) == (facts.height // stride, facts.width // stride) and depth > 5:
                return stride, depth
    return None


def _bare(spec: TensorSpec) -> bool:
    return all(size in (1, None) for size in spec.shape[2:-1])


def _corners(facts: Facts, boxes: TensorSpec) -> bool:
    """Whether a run gives boxes x1 y1 x2 y2 in and about 0..1, and not offsets."""
    sample = facts.samples.get(boxes.name)
    if sample is None:
        return False
    x1y1, x2y2 = np.split(np.asarray(sample, np.float32).reshape(-1, 4), 2, axis=1)
    return bool((x2y2 >= x1y1).all() and np.abs(x2y2).max(initial=0) <= 2 and (x2y2 > x1y1).any())


def _suffix(name: str) -> int:
    """The number that a converter put behind a tensor's name."""
    found = re.search(r"[:_](\d+)$", name)
    return int(found[1]) if found else -1


GUESSES: tuple[Look, ...] = (*POSES, ssd, segmentation, two_outputs, grids, one_grid, rows, numbers)
"""In this order: what has telling names or a shape of its own first, what takes any vector last."""


def guess(facts: Facts) -> Guess | None:
    """The first guess of the table that has something to say; None if no family is recognised."""
    if facts.picture is None or not all(spec.shape for spec in facts.outputs):
        return None
    return next((made for made in (look(facts) for look in GUESSES) if made is not None), None)
