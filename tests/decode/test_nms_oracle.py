"""OpenCV's suppression against the plainest one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.decode import nms
from edge.models.manifest import Manifest
from edge.preprocess import Fit, Input
from edge.types import F32

GIVEN = Manifest("any", "detect", "yolov8", Input("images", 640, 480), {}, tuple("abc"))


def overlap(a: F32, b: F32) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return float(common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common))


def plainest(boxes: F32, scores: F32, classes: np.ndarray, iou: float) -> list[int]:  # type: ignore[type-arg]
    """Greedy suppression, best first, one pair at a time."""
    kept: list[int] = []
    for candidate in np.argsort(-scores, kind="stable"):
        rivals = [k for k in kept if classes[k] == classes[candidate]]
        if all(overlap(boxes[candidate], boxes[k]) <= iou for k in rivals):
            kept.append(int(candidate))
    return kept


boxes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2)),
    max_size=25,
)


@given(rows=boxes, iou=st.sampled_from([0.313, 0.457, 0.651]), seed=st.integers(0, 1000))
def test_keeps_what_the_plainest_suppression_keeps(rows: list[tuple[int, ...]], iou: float, seed: int) -> None:
    # Thresholds that no quotient of such small areas meets exactly; scores all different.
    table = np.array(rows, np.float32).reshape(-1, 5)
    corners = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    classes = table[:, 4].astype(np.int64)
    scores = (np.random.default_rng(seed).permutation(len(rows)) + 1).astype(np.float32) / (len(rows) + 1)
    got = nms.keep(corners, scores, classes, iou)
    assert list(got) == plainest(corners, scores, classes, iou)


def test_classes_do_not_suppress_one_another() -> None:
    same = np.tile(np.array([[10, 10, 50, 50]], np.float32), (3, 1))
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    assert list(nms.keep(same, scores, np.array([0, 1, 0]), 0.5)) == [1, 2]


def test_far_off_coordinates_of_different_classes_stay_apart() -> None:
    far = np.array([[1e6, 1e6, 1e6 + 64, 1e6 + 64]] * 2, np.float32)
    assert len(nms.keep(far, np.array([0.9, 0.8], np.float32), np.array([0, 79]), 0.5)) == 2


def test_a_flood_of_candidates_is_cut_to_the_best() -> None:
    given = replace(GIVEN, nms_iou=1.0)
    scores = np.random.default_rng(3).permutation(9000).astype(np.float32) / 10_000 + 0.1
    boxes = np.tile(np.array([[10, 10, 50, 50]], np.float32), (9000, 1))
    seen = nms.survivors(boxes, scores, np.zeros(9000, np.int64), given, Fit.of((640, 480), given.input))
    np.testing.assert_array_equal(seen.scores, np.sort(scores)[::-1][: nms.MOST])


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e7])
def test_candidates_that_are_no_boxes_do_not_touch_the_others(odd: float) -> None:
    boxes = np.array([[10, 10, 50, 50], [10, 10, odd, 50], [100, 100, 150, 150]], np.float32)
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    seen = nms.survivors(boxes, scores, np.array([0, 1, 2]), GIVEN, Fit.of((640, 480), GIVEN.input))
    assert list(seen.classes) == [2, 0]
