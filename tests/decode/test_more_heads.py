"""Every head of a family gives back the boxes that were put into its tensors, from an array and through an engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.decode import head
from edge.decode.head import Shape
from edge.detector import open_detector
from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models.manifest import to_toml
from edge.types import F32
from tests.support.heads import FAMILIES, FIT, INPUT, LABELS, SIDE, Boxes, Family, end2end
from tests.support.nets import saying
from tests.support.raw_heads import RAW_FAMILIES

ALL = FAMILIES | RAW_FAMILIES
every_family = pytest.mark.parametrize("family", ALL.values(), ids=ALL)

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


@pytest.mark.parametrize(
    ("family", "key"),
    [
        ("ssd", "anchors"),
        ("yolov2", "anchors"),
        ("nanodet", "strides"),
        ("squeezedet", "anchors"),
        ("yolov3 raw", "anchors"),
        ("yolov5 raw", "strides"),
        ("yolov8 raw", "strides"),
    ],
)
def test_a_head_tells_which_key_it_misses(family: str, key: str) -> None:
    given = ALL[family].manifest
    assert f"`{key}`" in str(head(given).misfit({}, replace(given, **{key: ()})))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", RAW_FAMILIES)
def test_a_list_of_labels_of_the_wrong_length_is_told_with_both_counts(name: str) -> None:
    family = RAW_FAMILIES[name]
    shapes: dict[str, Shape] = {
        role: array.shape for role, array in family.encode(np.zeros((0, 6)), family.manifest).items()
    }
    said = head(family.manifest).misfit(shapes, replace(family.manifest, labels=LABELS[:9]))
    assert "12 classes, and the manifest has 9 labels" in str(said)


def test_doubles_of_one_class_go_and_the_best_stays() -> None:
    for name in ("yolov8", "yolov5", "yolov4", "ssd", "yolov2", "squeezedet", "yolov5 raw", "yolov8 raw", "yolov8-seg"):
        family = ALL[name]
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
    boxes = np.array([(40, 50, 120, 150, 0.8, 3), (200, 210, 300, 320, 0.7, 5)], np.float64)
    outputs = {role: np.nan_to_num(a, neginf=-50) for role, a in family.encode(boxes, family.manifest).items()}
    path = saying(tmp_path / "mine.onnx", INPUT.shape, outputs)
    path.with_suffix(".toml").write_text(to_toml(family.manifest), encoding="utf-8")
    detector = open_detector(str(path), "onnxruntime", options=EngineOptions(threads=1))
    try:
        seen = detector.detect(np.full((3 * SIDE, 2 * SIDE, 3), 90, np.uint8))
    finally:
        detector.close()
    matches(seen.boxes, seen.scores, seen.classes, boxes)
