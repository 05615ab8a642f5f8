"""Masks of YOLOv8-seg lie where their objects do, whatever the fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.commands import predictions
from edge.decode import head, yolov8_seg
from edge.detector import open_detector
from edge.engines.base import EngineOptions
from edge.models.manifest import to_toml
from edge.opening import open_predictor
from edge.preprocess import Fit, Input
from edge.types import F32, Detections
from tests.support.heads import FIT, INPUT, LABELS, SIDE
from tests.support.nets import saying
from tests.support.raw_heads import RAW_FAMILIES

GIVEN = RAW_FAMILIES["yolov8-seg"].manifest
CELLS = SIDE // 4


def in_input(fit: Fit, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points x y in pixels of the frame, in those of the input."""
    x1, y1, x2, y2 = fit.region
    return np.asarray((points - (x1, y1)) * (fit.width / (x2 - x1), fit.height / (y2 - y1)) + (fit.left, fit.top))


def seen_through(fit: Fit, box: tuple[float, float, float, float], prototypes: F32, coefficients: F32) -> Detections:
    """What is decoded of one box, x1 y1 x2 y2 in pixels of the frame."""
    (x1, y1), (x2, y2) = in_input(fit, np.array(box[:2])), in_input(fit, np.array(box[2:]))
    predictions = np.zeros((1, 4 + len(LABELS) + len(coefficients), 3549), np.float32)
    predictions[0, :4, 77] = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    predictions[0, 4, 77] = 0.9
    predictions[0, 4 + len(LABELS) :, 77] = coefficients
    outputs = {"predictions": predictions, "prototypes": prototypes[None]}
    return yolov8_seg.decode(outputs, replace(GIVEN, input=fit.input), fit, 0.3)


def slopes() -> F32:
    """Prototypes x, y and 1, in pixels of the input at the middle of each cell."""
    y, x = np.mgrid[:CELLS, :CELLS] * 4.0 + 2.0
    return np.stack([x, y, np.ones_like(x)]).astype(np.float32)


@st.composite
def fits(draw: st.DrawFn) -> Fit:
    """Of whole frames and of regions of them, in every way that a manifest may ask for."""
    frame = draw(st.integers(100, 750)) * 2, draw(st.integers(100, 750)) * 2
    how, anchor = draw(st.sampled_from(["stretch", "letterbox", "crop"])), draw(st.sampled_from(["top-left", "centre"]))
    to = Input("images", SIDE, SIDE, layout="NCHW", dtype="float32", fit=how, anchor=anchor)
    if draw(st.booleans()):
        return Fit.of(frame, to)
    sides = [draw(st.integers(50, side // 2)) * 2 for side in frame]
    x, y = (draw(st.integers(0, (side - part) // 2)) * 2 for side, part in zip(frame, sides, strict=True))
    return Fit.of(frame, to, (x, y, x + sides[0], y + sides[1]))


@settings(max_examples=120, deadline=None)
@given(fit=fits(), corner=st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)), size=st.tuples(*[st.floats(0.1, 0.4)] * 2))
def test_a_mask_ends_where_the_object_does(fit: Fit, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """The prototypes add up to x - edge: what lies right of the box's middle is the object."""
    fed = np.array(fit.region[2:]) - fit.region[:2]
    (x1, y1), (x2, y2) = corner * fed + fit.region[:2], (np.array(corner) + size) * fed + fit.region[:2]
    edge = (x1 + x2) / 2
    edge_in_input = in_input(fit, np.array([edge, y1]))[0]
    seen = seen_through(fit, (x1, y1, x2, y2), slopes(), np.array([1, 0, -edge_in_input], np.float32))
    assert seen.masks is not None
    (mask,), (box,) = seen.masks, seen.boxes
    corner_of, end = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
    assert (mask.dtype, mask.shape) == (np.uint8, (end[1] - corner_of[1], end[0] - corner_of[0]))
    middles = np.arange(corner_of[0], end[0]) + 0.5
    # Beyond the outermost cells' middles nothing is known but their values.
    known = np.abs(middles - edge) > 0.5 + 0.1 * fed[0] / fit.width
    np.testing.assert_array_equal(mask[:, known], np.broadcast_to(middles[known] > edge, mask[:, known].shape))


def test_a_box_beyond_what_was_fed_has_a_mask_as_well() -> None:
    fit = Fit.of((1000, 800), replace(GIVEN.input, fit="letterbox", anchor="centre"), (400, 200, 500, 600))
    for box in ((20.0, 20.0, 60.0, 60.0), (900.0, 700.0, 990.0, 790.0), (300.0, 100.0, 700.0, 700.0)):
        seen = seen_through(fit, box, slopes(), np.array([0, 0, 1], np.float32))
        assert seen.masks is not None
        assert [mask.all() for mask in seen.masks] == [True]


def test_masks_follow_their_detections() -> None:
    fit = Fit.of((SIDE, SIDE), GIVEN.input)
    prototypes, coefficients = slopes(), np.array([[0, 0, 1], [0, 0, -1]], np.float32)
    predictions = np.zeros((1, 4 + len(LABELS) + 3, 3549), np.float32)
    predictions[0, :4, :2] = np.array([(100, 100, 40, 60), (300, 300, 80, 20)]).T
    predictions[0, [4, 5], [0, 1]] = (0.6, 0.9)
    predictions[0, 4 + len(LABELS) :, :2] = coefficients.T
    seen = yolov8_seg.decode({"predictions": predictions, "prototypes": prototypes[None]}, GIVEN, fit, 0.3)
    assert seen.masks is not None
    assert seen.classes.tolist() == [1, 0]
    assert [(mask.shape, mask.mean()) for mask in seen.masks] == [((20, 80), 0), ((60, 40), 1)]
    last = seen.keep(np.array([False, True]))
    assert last.masks is not None
    assert [mask.shape for mask in last.masks] == [(60, 40)]
    assert seen.keep(np.array([1, 0])).scores.tolist() == pytest.approx([0.6, 0.9])


@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf, 3e38])
def test_prototypes_that_are_no_numbers_make_masks_all_the_same(rubbish: float) -> None:
    prototypes = slopes()
    prototypes[:, ::3] = rubbish
    fit = Fit.of((640, 480), GIVEN.input)
    seen = seen_through(fit, (10, 20, 200, 300), prototypes, np.array([1, -1, 1], np.float32))
    assert seen.masks is not None
    assert set(np.unique(seen.masks[0])) <= {0, 1}


def crowd(size: float) -> dict[str, F32]:
    """Squares of this size in pixels of the input, as many as the model has points, none like another."""
    random = np.random.default_rng(3)
    predictions = np.zeros((1, 4 + len(LABELS) + 3, 3549), np.float32)
    predictions[0, :2] = random.uniform(0, SIDE, (2, 3549))
    predictions[0, 2:4] = size
    predictions[0, 4] = random.uniform(0.4, 1, 3549)
    predictions[0, -1] = 1
    return {"predictions": predictions, "prototypes": slopes()[None]}


def test_the_best_alone_get_masks_where_there_are_too_many() -> None:
    seen = yolov8_seg.decode(crowd(8), GIVEN, FIT, 0.3)
    assert seen.masks is not None
    assert len(seen) == len(seen.masks) > yolov8_seg.MOST_MASKS
    assert all(mask.size and mask.all() for mask in seen.masks[: yolov8_seg.MOST_MASKS])
    assert {mask.shape for mask in seen.masks[yolov8_seg.MOST_MASKS :]} == {(0, 0)}


def test_masks_of_a_flood_of_large_boxes_end_at_a_number_of_pixels() -> None:
    given = replace(GIVEN, nms_iou=0.95)
    seen = yolov8_seg.decode(crowd(300), given, Fit.of((1920, 1080), given.input), 0.3)
    assert seen.masks is not None
    made = [mask.size > 0 for mask in seen.masks]
    assert 10 < sum(made) < yolov8_seg.MOST_MASKS < len(seen) == len(made)
    assert made == sorted(made, reverse=True), "best first"
    assert 0.9 < sum(mask.nbytes for mask in seen.masks) / yolov8_seg.MOST_PIXELS <= 1


def test_a_detection_beyond_that_is_told_and_drawn_without_a_mask() -> None:
    seen = yolov8_seg.decode(crowd(8), GIVEN, FIT, 0.3)
    told = predictions.as_json(seen, LABELS)["detections"]
    assert (told[0]["mask"] is None, told[-1]["mask"]) == (False, None)
    image = np.zeros((3 * SIDE, 2 * SIDE, 3), np.uint8)
    assert predictions.draw(image, seen, LABELS).any()


@settings(max_examples=30, deadline=None)
@given(size=st.floats(1, 400), least=st.floats(0, 1))
def test_boxes_alone_are_those_with_masks(size: float, least: float) -> None:
    seen = yolov8_seg.decode(crowd(size), GIVEN, FIT, least)
    plain = head(GIVEN).boxes(crowd(size), GIVEN, FIT, least)
    assert isinstance(plain, Detections)
    assert plain.masks is None
    for name in ("boxes", "scores", "classes"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(seen, name))


def test_a_camera_makes_no_masks_and_infer_does(tmp_path: Path) -> None:
    path = saying(tmp_path / "seg.onnx", INPUT.shape, crowd(8))
    path.with_suffix(".toml").write_text(to_toml(GIVEN), encoding="utf-8")
    picture, one = np.full((3 * SIDE, 2 * SIDE, 3), 90, np.uint8), EngineOptions(threads=1)
    detector, predictor = open_detector(str(path), "onnxruntime", one), open_predictor(str(path), "onnxruntime", one)
    try:
        for each in (detector, detector.twin()):
            assert each.detect(picture).masks is None
        seen = predictor.predict(picture)
        assert isinstance(seen, Detections)
        assert seen.masks is not None
    finally:
        detector.close()
        predictor.close()
