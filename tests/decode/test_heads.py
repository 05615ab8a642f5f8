"""Tensors written by hand come out as the boxes that were put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decode import TABLE, fastestdet, head, ssd, yolox
from edge.decode.head import Shape
from edge.errors import ModelError
from edge.models import catalogue
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32


def known(name: str) -> Manifest:
    entry = catalogue.by_name(name)
    assert entry is not None
    return entry.manifest


POSE_HEADS = {name for name in TABLE if name.startswith("blazepose-") or name.endswith("-pose")} | {
    "movenet",
    "openpose",
}
YOLOX = known("yolox-nano")
FASTESTDET = known("fastestdet")
SSD = known("ssd-mobilenet-v1")
SSDLITE = known("ssdlite-pedestrian")
FRAME = (832, 624)


def ssd_outputs(rows: list[tuple[float, float, float, float, float, float]], slots: int = 10) -> dict[str, F32]:
    """Rows of y1 x1 y2 x2 class score, with rubbish in the slots behind them."""
    table = np.full((slots, 6), 0.77, np.float32)
    table[: len(rows)] = np.array(rows, np.float32).reshape(-1, 6)
    return {
        "boxes": table[None, :, :4],
        "classes": table[None, :, 4],
        "scores": table[None, :, 5],
        "count": np.array([len(rows)], np.float32),
    }


def test_ssd_boxes_come_out_as_pixels_best_first() -> None:
    outputs = ssd_outputs([(0.25, 0.5, 0.75, 1.0, 2, 0.6), (0.0, 0.0, 0.5, 0.5, 0, 0.9), (0, 0, 1, 1, 0, 0.3)])
    seen = ssd.decode(outputs, SSD, Fit.of(FRAME, SSD.input), 0.5)
    np.testing.assert_allclose(seen.boxes, [[0, 0, 416, 312], [416, 156, 832, 468]], atol=1e-3)
    np.testing.assert_allclose(seen.scores, [0.9, 0.6])
    assert [SSD.labels[kind] for kind in seen.classes] == ["person", "car"]
    assert (seen.boxes.dtype, seen.scores.dtype, seen.classes.dtype) == (np.float32, np.float32, np.int32)


def test_ssd_reads_no_more_rows_than_the_model_counts() -> None:
    assert len(ssd.decode(ssd_outputs([]), SSD, Fit.of(FRAME, SSD.input), 0.1)) == 0


def test_a_frozen_graphs_classes_begin_behind_the_background() -> None:
    seen = ssd.decode(ssd_outputs([(0, 0, 1, 1, 1, 0.8)]), SSDLITE, Fit.of(FRAME, SSDLITE.input), 0.5)
    assert list(seen.classes) == [0]


def test_a_class_beyond_the_labels_is_told_with_both_numbers() -> None:
    few = replace(SSD, labels=("person", "car"))
    with pytest.raises(ModelError, match=r"gave class 5, but its manifest has 2 labels"):
        ssd.decode(ssd_outputs([(0, 0, 1, 1, 5, 0.8)]), few, Fit.of(FRAME, SSD.input), 0.5)


def yolox_rows(boxes: list[tuple[int, float, float, float, float]], score: float = 0.81) -> F32:
    """Raw rows for boxes (class, x1, y1, x2, y2) in pixels of the input, each in the cell of its centre, stride 16."""
    rows = np.zeros((1, 3549, 85), np.float32)
    for kind, x1, y1, x2, y2 in boxes:
        x, y = (x1 + x2) / 2 / 16, (y1 + y2) / 2 / 16
        row = 52 * 52 + int(y) * 26 + int(x)
        rows[0, row, :4] = (x - int(x), y - int(y), np.log((x2 - x1) / 16), np.log((y2 - y1) / 16))
        rows[0, row, 4] = rows[0, row, 5 + kind] = np.sqrt(score)
    return rows


boxes = st.tuples(st.integers(0, 79), st.floats(5, 200), st.floats(5, 150), st.floats(10, 150), st.floats(10, 120)).map(
    lambda b: (b[0], b[1], b[2], b[1] + b[3], b[2] + b[4])
)


@settings(max_examples=40)
@given(box=boxes)
def test_yolox_gives_back_the_box_that_was_put_in(box: tuple[int, float, float, float, float]) -> None:
    fit = Fit.of(FRAME, YOLOX.input)
    seen = yolox.decode({"predictions": yolox_rows([box])}, YOLOX, fit, 0.5)
    assert list(seen.classes) == [box[0]]
    np.testing.assert_allclose(seen.scores, [0.81], rtol=1e-5)
    np.testing.assert_allclose(seen.boxes, [np.array(box[1:]) * 2], atol=0.02)


def test_yolox_suppresses_a_double_and_keeps_another_class() -> None:
    rows = yolox_rows([(0, 100, 100, 200, 200), (2, 116, 100, 216, 200)])
    rows[0, 52 * 52 + 9 * 26 + 8] = rows[0, 52 * 52 + 9 * 26 + 9]
    rows[0, 52 * 52 + 9 * 26 + 8, 0] += 1
    rows[0, 52 * 52 + 9 * 26 + 8, 4] *= 0.9
    seen = yolox.decode({"predictions": rows}, YOLOX, Fit.of(FRAME, YOLOX.input), 0.3)
    assert sorted(seen.classes) == [0, 2]
    assert (np.diff(seen.scores) <= 0).all()


def test_yolox_wants_objectness_and_class_together_above_the_threshold() -> None:
    rows = yolox_rows([(0, 100, 100, 200, 200)], 0.36)
    fit = Fit.of(FRAME, YOLOX.input)
    assert len(yolox.decode({"predictions": rows}, YOLOX, fit, 0.35)) == 1
    assert len(yolox.decode({"predictions": rows}, YOLOX, fit, 0.37)) == 0


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_fastestdet_gives_back_the_box_that_was_put_in() -> None:
    grid = np.zeros((1, 85, 22, 22), np.float32)
    # Centre a quarter of a cell right of and below the corner of cell (8, 11), a quarter of the width, half the height.
    grid[0, :, 11, 8] = 0
    grid[0, :5, 11, 8] = (0.9, np.arctanh(0.25), np.arctanh(0.25), logit(0.25), logit(0.5))
    grid[0, 5 + 16, 11, 8] = 0.8
    seen = fastestdet.decode({"grid": grid}, FASTESTDET, Fit.of(FRAME, FASTESTDET.input), 0.5)
    centre = np.array([8.25 / 22 * 832, 11.25 / 22 * 624])
    half = np.array([832 / 8, 624 / 4])
    np.testing.assert_allclose(seen.boxes, [[*(centre - half), *(centre + half)]], rtol=1e-5)
    np.testing.assert_allclose(seen.scores, [0.9**0.6 * 0.8**0.4], rtol=1e-5)
    assert [FASTESTDET.labels[kind] for kind in seen.classes] == ["dog"]


def test_an_empty_scene_gives_no_detections_in_the_right_types() -> None:
    fit = Fit.of(FRAME, FASTESTDET.input)
    for seen in (
        fastestdet.decode({"grid": np.zeros((1, 85, 22, 22), np.float32)}, FASTESTDET, fit, 0.4),
        yolox.decode({"predictions": np.zeros((1, 3549, 85), np.float32)}, YOLOX, fit, 0.4),
    ):
        assert (seen.boxes.shape, seen.scores.shape, seen.classes.shape) == ((0, 4), (0,), (0,))


def test_every_head_of_the_table_loads_and_a_missing_one_is_told() -> None:
    for name in TABLE:
        task = {"classes": "classify", "values": "values"}.get(name, "pose" if name in POSE_HEADS else "detect")
        assert head(replace(YOLOX, decoder=name, task=task)).roles
    with pytest.raises(ModelError, match=r"needs the decoder `yolo-none`, which this release does not"):
        head(replace(YOLOX, decoder="yolo-none"))
    with pytest.raises(ModelError, match=r"its task is `detect`, but the decoder `movenet` is for `pose`"):
        head(replace(YOLOX, decoder="movenet"))


@pytest.mark.parametrize("count", [np.nan, -3, -np.inf])
def test_an_ssd_that_counts_nonsense_sees_nothing(count: float) -> None:
    outputs = ssd_outputs([(0, 0, 1, 1, 1, 0.8)]) | {"count": np.array([count], np.float32)}
    assert len(ssd.decode(outputs, SSD, Fit.of(FRAME, SSD.input), 0.5)) == 0


def test_an_ssd_that_counts_too_many_gives_what_there_is() -> None:
    outputs = ssd_outputs([(0, 0, 1, 1, 1, 0.8)], slots=1) | {"count": np.array([np.inf], np.float32)}
    assert len(ssd.decode(outputs, SSD, Fit.of(FRAME, SSD.input), 0.5)) == 1


@pytest.mark.parametrize("kind", [np.nan, np.inf, -1, 1e30])
def test_an_ssd_that_names_no_class_is_a_wrong_model(kind: float) -> None:
    with pytest.raises(ModelError, match="gave class"):
        ssd.decode(ssd_outputs([(0, 0, 1, 1, kind, 0.8)]), SSD, Fit.of(FRAME, SSD.input), 0.5)


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_dropped(score: float) -> None:
    seen = ssd.decode(ssd_outputs([(0, 0, 1, 1, 1, score)]), SSD, Fit.of(FRAME, SSD.input), 0.5)
    assert len(seen) == 0


@pytest.mark.parametrize(
    ("manifest", "role", "good", "bad"),
    [
        (
            YOLOX,
            "predictions",
            [(1, 3549, 85), (1, None, None)],
            [(1, 3548, 85), (3549, 85), (1, 3549, 5), (), (2, 3549, 85)],
        ),
        (FASTESTDET, "grid", [(1, 85, 22, 22), (None, None, 22, 22)], [(1, 5, 22, 22), (85, 22, 22), ()]),
        (SSD, "boxes", [(1, 10, 4), (1, None, 4), (10, 4)], [(1, 9, 4), (1, 10, 5), ()]),
        (SSD, "classes", [(1, 10), (10,)], [(1, 9), (0,)]),
        (SSD, "count", [(1,), (), (1, 1)], [(2,), (0,)]),
    ],
)
def test_shapes_that_are_not_the_heads_are_told(
    manifest: Manifest, role: str, good: list[Shape], bad: list[Shape]
) -> None:
    misfit = head(manifest).misfit
    known: dict[str, Shape] = {"scores": (1, 10)}
    assert [misfit({**known, role: shape}, manifest) for shape in good] == [None] * len(good)
    for shape in bad:
        assert f"`{role}` has shape {shape}" in str(misfit({**known, role: shape}, manifest))
    assert misfit({}, manifest) is None


def test_a_grid_head_wants_its_strides() -> None:
    assert "strides" in str(head(YOLOX).misfit({}, replace(YOLOX, strides=())))
