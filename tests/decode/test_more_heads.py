"""Every head of a family gives back the boxes that were put into its tensors, from an array and through an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge.decode import head
from edge.decode.head import Shape
from edge.detector import open_detector
from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models.manifest import Manifest, to_toml
from edge.preprocess import Fit, Input
from edge.types import F32
from tests.support.nets import onnx_file
from tests.support.shared_data import IMAGES, MODELS, needs_data

SIDE = 416
LABELS = tuple("abcdefghijkl")
INPUT = Input("images", SIDE, SIDE, layout="NCHW", dtype="float32")
FIT = Fit.of((2 * SIDE, 3 * SIDE), INPUT)

Boxes = NDArray[np.float64]
"""Rows of x1 y1 x2 y2 in pixels of the input, score, class; no two rows are of one class."""


@dataclass(frozen=True)
class Family:
    """A head, its manifest, and how boxes are written into its tensors."""

    manifest: Manifest
    encode: Callable[[Boxes, Manifest], dict[str, F32]]
    spoilt: dict[str, list[Shape]]


def manifest(decoder: str, roles: tuple[str, ...], **keys: object) -> Manifest:
    made = Manifest(decoder, "detect", decoder, INPUT, {role: role for role in roles}, LABELS, min_score=0.3)
    return replace(made, **keys)  # type: ignore[arg-type]


def middle(boxes: Boxes) -> Boxes:
    """The same boxes as centre x, centre y, w, h."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:4]) / 2, boxes[:, 2:4] - boxes[:, :2]], axis=1)


def logit(p: Boxes | float) -> Boxes:
    return np.asarray(np.log(p) - np.log1p(-np.asarray(p)))


def yolov8(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    columns = np.full((1, 4 + len(LABELS), 3549), 0.01, np.float32)
    unit = SIDE if to.box_units == "unit" else 1
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        columns[0, :4, 700 * number] = box / unit
        columns[0, 4 + int(row[5]), 700 * number] = row[4]
    return {"predictions": columns}


def yolov5(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    rows = np.full((1, 10647, 5 + len(LABELS)), 0.01, np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        rows[0, 2000 * number, :4] = box
        rows[0, 2000 * number, [4, 5 + int(row[5])]] = np.sqrt(row[4])
    return {"predictions": rows}


def end2end(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, : len(boxes)] = boxes
    return {"predictions": rows}


def ssd_anchors(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box in the cell of its centre, at the anchor of its own number: 13 x 13 cells of stride 32, six anchors."""
    scores = np.zeros((1, 13 * 13 * 6, 1 + len(LABELS)), np.float32)
    scores[..., 0] = 1
    offsets = np.zeros((1, 13 * 13 * 6, 4), np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        cell = np.floor(box[:2] / 32)
        anchor = np.array(to.anchors[0]).reshape(-1, 2)[number]
        where = int(cell[1] * 13 + cell[0]) * 6 + number
        offsets[0, where, :2] = (box[:2] - (cell + 0.5) * 32) / anchor / to.variances[0]
        offsets[0, where, 2:] = np.log(box[2:] / anchor) / to.variances[1]
        scores[0, where, 0] = 1 - row[4]
        scores[0, where, 1 + int(row[5])] = row[4]
    return {"scores": scores, "boxes": offsets}


def yolov4(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    confs, places = np.zeros((1, 2535, len(LABELS)), np.float32), np.zeros((1, 2535, 1, 4), np.float32)
    for number, row in enumerate(boxes):
        confs[0, 500 * number, int(row[5])] = row[4]
        places[0, 500 * number, 0] = row[:4] / SIDE
    return {"confs": confs, "boxes": places}


def yolov2(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    grid = np.full((1, 5, 5 + len(LABELS), 13, 13), -9, np.float32)
    for number, (box, row) in enumerate(zip(middle(boxes), boxes, strict=True)):
        x, y = (int(v) for v in box[:2] // 32)
        inside = np.clip(box[:2] / 32 - (x, y), 1e-4, 1 - 1e-4)
        grid[0, number, :2, y, x] = logit(inside)
        grid[0, number, 2:4, y, x] = np.log(box[2:] / np.array(to.anchors[0]).reshape(-1, 2)[number])
        # Two factors of the score: the softmax of the one class against eleven at 0, and the objectness.
        grid[0, number, 4, y, x] = logit(np.sqrt(row[4]))
        grid[0, number, 5:, y, x] = 0
        grid[0, number, 5 + int(row[5]), y, x] = logit(np.sqrt(row[4])) + np.log(len(LABELS) - 1)
    return {"grid": grid.reshape(1, -1, 13, 13)}


def detr(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    logits = np.zeros((1, 100, len(LABELS) + 1), np.float32)
    logits[..., -1] = 20
    for number, row in enumerate(boxes):
        logits[0, number, -1] = -np.inf
        logits[0, number, int(row[5])] = logit(row[4]) + np.log(len(LABELS) - 1)
    return {"logits": logits, "boxes": queries(boxes)}


def rf_detr(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    logits = np.full((1, 100, len(LABELS) + 1), -9, np.float32)
    for number, row in enumerate(boxes):
        logits[0, number, int(row[5])] = logit(row[4])
    return {"logits": logits, "boxes": queries(boxes)}


def queries(boxes: Boxes) -> F32:
    places = np.full((1, 100, 4), 0.5, np.float32)
    places[0, : len(boxes)] = middle(boxes) / SIDE
    return places


def nanodet(boxes: Boxes, to: Manifest) -> dict[str, F32]:
    """Each box at the point nearest to its centre, of a stride that reaches all of its sides."""
    rows = np.full((1, 52 * 52 + 26 * 26 + 13 * 13 + 7 * 7, len(LABELS) + 32), -20, np.float32)
    rows[..., : len(LABELS)] = 0
    for box, row in zip(middle(boxes), boxes, strict=True):
        stride, first = (8, 0) if box[2:].max() < 50 else (16, 52 * 52)
        cell = np.rint(box[:2] / stride - to.cell_offset)
        point = (cell + to.cell_offset) * stride
        where = first + int(cell[1] * (SIDE // stride) + cell[0])
        distances = np.maximum(np.concatenate([point - row[:2], row[2:4] - point]) / stride, 0)
        bins = np.full((4, 8), -20.0)
        low = np.floor(distances).astype(int)
        bins[np.arange(4), low] = np.log(np.maximum(1 - (distances - low), 1e-8))
        bins[np.arange(4), low + 1] = np.log(np.maximum(distances - low, 1e-8))
        rows[0, where, : len(LABELS)] = 0
        rows[0, where, int(row[5])] = row[4]
        rows[0, where, len(LABELS) :] = bins.reshape(-1)
    return {"predictions": rows}


ONE = ("predictions",)
VOC = ((34.5, 38.0, 109.4, 141.1, 212.2, 364.2, 301.4, 163.5, 403.0, 336.6),)  # YOLOv2-tiny's, pixels at 416
SIX = ((30.0, 30.0, 60.0, 60.0, 90.0, 130.0, 160.0, 100.0, 200.0, 200.0, 300.0, 300.0),)
SSD = manifest("ssd-anchors", ("scores", "boxes"), strides=(32,), anchors=SIX, first_class=1)
PLUS = manifest("nanodet", ONE, strides=(8, 16, 32, 64))
FAMILIES = {
    "yolov8": Family(
        manifest("yolov8", ONE), yolov8, {"predictions": [(1, 4, 9), (16, 9), (1, 3549, 16), (2, 16, 3549), ()]}
    ),
    "yolov8 in 0..1": Family(manifest("yolov8", ONE, box_units="unit"), yolov8, {}),
    "yolov5": Family(
        manifest("yolov5", ONE), yolov5, {"predictions": [(1, 10647, 5), (10647, 17), (1, 3, 52, 52, 17)]}
    ),
    "end2end": Family(manifest("yolo-end2end", ONE), end2end, {"predictions": [(1, 300, 7), (300, 6), (2, 300, 6)]}),
    "ssd": Family(SSD, ssd_anchors, {"scores": [(1, 1014, 12), (1, 1013, 13)], "boxes": [(1, 1014, 5), (1014, 4)]}),
    "yolov4": Family(
        manifest("yolov4", ("confs", "boxes")),
        yolov4,
        {"confs": [(2535, 12), (1, 2535, 0)], "boxes": [(1, 9, 1, 4), (1, 2535, 2, 4), (1, 2535, 5), (4,)]},
    ),
    "yolov2": Family(manifest("yolov2", ("grid",), anchors=VOC), yolov2, {"grid": [(1, 125, 13, 13), (85, 13, 13)]}),
    "detr": Family(
        manifest("detr", ("logits", "boxes")), detr, {"logits": [(1, 100, 12), (100, 13)], "boxes": [(1, 99, 4), (4,)]}
    ),
    "rf-detr": Family(manifest("rf-detr", ("logits", "boxes")), rf_detr, {"logits": [(1, 100, 14)]}),
    "nanodet plus": Family(PLUS, nanodet, {"predictions": [(1, 3597, 44), (1, 3598, 43), (3598, 44)]}),
    "nanodet": Family(replace(PLUS, cell_offset=0.5), nanodet, {}),
}
every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)

# A quarter of the picture each, so that one's cell is never another's, and classes apart, so that none goes.
quarters = [(x, y) for x in (0, 192) for y in (0, 192)]


@st.composite
def scenes(draw: st.DrawFn) -> Boxes:
    """One to four boxes."""
    kinds = draw(st.lists(st.integers(0, len(LABELS) - 1), min_size=1, max_size=4, unique=True))
    rows = []
    for kind, (x, y) in zip(kinds, draw(st.permutations(quarters)), strict=False):
        left, top = x + draw(st.floats(1, 60)), y + draw(st.floats(1, 60))
        width, height = draw(st.floats(17, 120)), draw(st.floats(17, 120))
        rows.append((left, top, left + width, top + height, draw(st.floats(0.35, 0.95)), kind))
    return np.array(rows)


def matches(seen_boxes: F32, seen_scores: F32, seen_classes: NDArray[np.int32], boxes: Boxes) -> None:
    best = boxes[np.argsort(boxes[:, 5])]
    order = np.argsort(seen_classes)
    assert seen_classes[order].tolist() == best[:, 5].tolist()
    np.testing.assert_allclose(seen_scores[order], best[:, 4], atol=1e-4)
    np.testing.assert_allclose(seen_boxes[order], best[:, :4] * [2, 3, 2, 3], atol=0.05)
    assert (np.diff(seen_scores) <= 0).all()


@every_family
@settings(max_examples=25, deadline=None)
@given(boxes=scenes())
def test_boxes_that_were_put_in_come_out(family: Family, boxes: Boxes) -> None:
    outputs = family.encode(boxes, family.manifest)
    seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    assert (seen.boxes.dtype, seen.scores.dtype, seen.classes.dtype) == (np.float32, np.float32, np.int32)
    matches(seen.boxes, seen.scores, seen.classes, boxes)


@every_family
def test_half_precision_outputs_are_decoded_as_well(family: Family) -> None:
    boxes = np.array([(40, 50, 120, 150, 0.8, 3)], np.float64)
    outputs = {role: array.astype(np.float16) for role, array in family.encode(boxes, family.manifest).items()}
    seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    assert list(seen.classes) == [3]
    np.testing.assert_allclose(seen.boxes, [[80, 150, 240, 450]], atol=3)


@every_family
@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0])
def test_tensors_of_rubbish_are_no_crash_and_no_boxes_of_rubbish(family: Family, rubbish: float) -> None:
    boxes = np.array([(40, 50, 120, 150, 0.8, 3), (200, 210, 300, 320, 0.7, 5)], np.float64)
    for role in family.encode(boxes, family.manifest):
        for part in (slice(None), slice(0, None, 2), slice(0, None, 7)):
            outputs = {role: array.copy() for role, array in family.encode(boxes, family.manifest).items()}
            outputs[role].reshape(-1)[part] = rubbish
            decode(family, outputs)


@every_family
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_bits_at_random_are_no_crash(family: Family, seed: int) -> None:
    random = np.random.default_rng(seed)
    like = family.encode(np.zeros((0, 6)), family.manifest)
    outputs = {role: random.integers(0, 2**32, array.shape, np.uint32).view(np.float32) for role, array in like.items()}
    decode(family, outputs)


def decode(family: Family, outputs: dict[str, F32]) -> None:
    """Decode, and find whatever is seen to be real boxes within the frame."""
    try:
        seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    except ModelError:  # a whole number that is no class: a wrong list of labels
        assert family.manifest.decoder == "yolo-end2end"
        return
    assert np.isfinite(seen.boxes).all()
    assert np.isfinite(seen.scores).all()
    assert (seen.boxes[:, 2:] > seen.boxes[:, :2]).all()
    assert ((seen.boxes >= 0) & (seen.boxes <= [2 * SIDE, 3 * SIDE] * 2)).all()


@every_family
def test_an_empty_scene_is_no_detections(family: Family) -> None:
    outputs = family.encode(np.zeros((0, 6)), family.manifest)
    seen = head(family.manifest).decode(outputs, family.manifest, FIT, 0.3)
    assert (seen.boxes.shape, seen.scores.shape, seen.classes.shape) == ((0, 4), (0,), (0,))


@every_family
def test_shapes_of_the_head_fit_and_others_are_told(family: Family) -> None:
    family_head = head(family.manifest)
    shapes: dict[str, Shape] = {
        role: array.shape for role, array in family.encode(np.zeros((0, 6)), family.manifest).items()
    }
    assert tuple(shapes) == family_head.roles
    assert family_head.misfit(shapes, family.manifest) is None
    assert family_head.misfit({}, family.manifest) is None
    open_ended: dict[str, Shape] = {role: (None,) * len(shape) for role, shape in shapes.items()}
    assert family_head.misfit(open_ended, family.manifest) is None
    if family_head.classes:
        assert family_head.classes(shapes[family_head.roles[0]]) == len(LABELS)
        assert family_head.classes(open_ended[family_head.roles[0]]) is None
    for role, bad in family.spoilt.items():
        for shape in bad:
            assert f"`{role}` has shape {shape}" in str(family_head.misfit({**shapes, role: shape}, family.manifest))


@pytest.mark.parametrize(("family", "key"), [("ssd", "anchors"), ("yolov2", "anchors"), ("nanodet", "strides")])
def test_a_head_tells_which_key_it_misses(family: str, key: str) -> None:
    given = FAMILIES[family].manifest
    assert f"`{key}`" in str(head(given).misfit({}, replace(given, **{key: ()})))  # type: ignore[arg-type]


def test_doubles_of_one_class_go_and_the_best_stays() -> None:
    for name in ("yolov8", "yolov5", "yolov4", "ssd", "yolov2"):
        family = FAMILIES[name]
        boxes = np.array([(100, 100, 200, 200, 0.6, 2), (104, 100, 204, 200, 0.9, 2)], np.float64)
        seen = head(family.manifest).decode(family.encode(boxes, family.manifest), family.manifest, FIT, 0.3)
        np.testing.assert_allclose(seen.scores, [0.9], atol=1e-4)


@pytest.mark.parametrize("kind", [-1, 12, 1e30])
def test_an_end_to_end_class_without_a_label_is_told(kind: float) -> None:
    given = FAMILIES["end2end"].manifest
    outputs = end2end(np.array([(100, 100, 200, 200, 0.6, kind)]), given)
    with pytest.raises(ModelError, match=r"gave class .* has 12 labels from class 0"):
        head(given).decode(outputs, given, FIT, 0.3)


@every_family
def test_a_model_file_with_the_head_is_decoded_through_an_engine(family: Family, tmp_path: Path) -> None:
    """The tensors plus nought times the picture: a graph that no engine may fold away."""
    boxes = np.array([(40, 50, 120, 150, 0.8, 3), (200, 210, 300, 320, 0.7, 5)], np.float64)
    outputs = {role: np.nan_to_num(a, neginf=-50) for role, a in family.encode(boxes, family.manifest).items()}
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nought"]),
    ]
    nodes += [helper.make_node("Add", [f"{role}_values", "nought"], [role]) for role in outputs]
    path = onnx_file(
        tmp_path / "mine.onnx",
        nodes,
        {"images": (INPUT.shape, TensorProto.FLOAT)},
        {role: (array.shape, TensorProto.FLOAT) for role, array in outputs.items()},
        {"zero": np.zeros(1, np.float32)} | {f"{role}_values": array for role, array in outputs.items()},
    )
    path.with_suffix(".toml").write_text(to_toml(family.manifest), encoding="utf-8")
    detector = open_detector(str(path), "onnxruntime", options=EngineOptions(threads=1))
    try:
        seen = detector.detect(np.full((3 * SIDE, 2 * SIDE, 3), 90, np.uint8))
    finally:
        detector.close()
    matches(seen.boxes, seen.scores, seen.classes, boxes)


@needs_data
def test_rfb_320_finds_the_faces_of_a_picture() -> None:
    import cv2

    image = cv2.imread(str(IMAGES / "face.jpg"))
    assert image is not None
    detector = open_detector(
        str(MODELS / "version-RFB-320_simplified.onnx"), "onnxruntime", options=EngineOptions(threads=1)
    )
    try:
        seen = detector.detect(np.asarray(image, np.uint8))
    finally:
        detector.close()
    centres = (seen.boxes[:, :2] + seen.boxes[:, 2:]) / 2
    assert sorted(centres[:, 0].round(-1).tolist()) == [30, 180, 300, 460]
    assert (seen.scores > 0.99).all()
