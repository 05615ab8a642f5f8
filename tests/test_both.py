"""Several detectors as one: who is asked, and what becomes of what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from edge.both import EVERY, TIRED, Both
from edge.crops import Planner
from edge.detector import Detector
from edge.metrics import Stages
from edge.pose.people import Scale
from edge.predictor import Predictor
from edge.preprocess import Input
from edge.types import I420, Box, Detections, Poses

SIZE = (640, 480)
PICTURE = I420(np.zeros((480, 640), np.uint8), np.zeros((240, 320), np.uint8), np.zeros((240, 320), np.uint8))
SCALE = Scale(0.1875, 0.5, 0.5, 0.75)
FAR: Box = (100, 200, 130, 270)
NEAR: Box = (300, 60, 440, 440)
Found = Sequence[tuple[Box, float]]


class Sketch:
    """Says what it is told to: boxes of people. near: as a body in a circle."""

    usual_score, min_score, infer_s, flexible = 0.5, 0.1, 0.25, False

    def __init__(self, *labels: str, near: bool = False) -> None:
        self.labels = self.names = labels or ("person",)
        self.near, self.found, self.asked = near, cast(Found, ()), 0

    def predict(self, picture: I420, stages: Stages, crop: object = None) -> Detections | Poses:
        self.asked += 1
        stages.add("infer", self.infer_s)
        boxes = np.array([box for box, _ in self.found], np.float32).reshape(-1, 4)
        scores = np.array([score for _, score in self.found], np.float32)
        if not self.near:
            return Detections(boxes, scores, np.zeros(len(scores), np.int32))
        points = [
            [[(x1 + x2) / 2, y1 + r, 1], [(x1 + x2) / 2, y1, 1]]
            for x1, y1, x2, y2 in boxes.tolist()
            for r in [(y2 - y1) / 1.9]
        ]
        return Poses(boxes, scores, np.array(points, np.float32).reshape(-1, 2, 3))


def pair() -> tuple[Both, Sketch, Sketch]:
    street, bodies = Sketch(), Sketch(near=True)
    planner = Planner("frame", Input("x", 300, 300))
    parts = [
        Detector(cast(Predictor, street), planner),
        Detector(cast(Predictor, bodies), planner, scale=SCALE),
    ]
    return Both(parts), street, bodies


def look(both: Both, *wanted: Box) -> tuple[list[list[float]], list[float], Sequence[Box] | None]:
    seen = both.look(PICTURE, wanted, Stages())
    return (
        seen.detections.boxes.round().tolist(),
        [round(score, 3) for score in seen.detections.scores.tolist()],
        seen.looked,
    )


def test_who_is_seen_by_both_is_one_with_the_street_models_box_and_the_better_score() -> None:
    both, street, bodies = pair()
    street.found, bodies.found = [(NEAR, 0.3)], [((305, 50, 445, 440), 0.95)]
    boxes, scores, looked = look(both, NEAR)
    assert boxes == [list(NEAR)]
    assert scores == [0.9]
    assert looked is None


def test_who_is_seen_by_one_alone_is_there_as_well_best_first() -> None:
    both, street, bodies = pair()
    street.found, bodies.found = [(FAR, 0.6)], [(NEAR, 0.95)]
    boxes, scores, _ = look(both, FAR, NEAR)
    assert len(boxes) == 2
    assert scores == [0.9, 0.6]
    assert boxes[1] == list(FAR)


def test_one_who_is_far_behind_one_who_is_near_is_not_taken_for_a_part_of_them() -> None:
    both, street, bodies = pair()
    street.found, bodies.found = [((350, 150, 370, 210), 0.8)], [(NEAR, 0.95)]
    assert len(look(both, NEAR)[0]) == 2


def test_one_of_whom_a_model_sees_the_upper_half_is_one_with_the_whole_box() -> None:
    both, street, bodies = pair()
    street.found, bodies.found = [((310, 70, 430, 250), 0.6)], [(NEAR, 0.95)]
    boxes, _, _ = look(both, (0, 0, *SIZE))
    assert len(boxes) == 1
    assert boxes[0][3] == 440


def test_small_places_are_not_shown_to_a_model_of_bodies() -> None:
    both, street, bodies = pair()
    for _ in range(9):
        assert look(both, FAR)[2] is None
    assert (street.asked, bodies.asked) == (9, 0)


def test_where_the_street_model_is_sure_the_other_is_not_asked() -> None:
    both, street, bodies = pair()
    street.found = [(NEAR, 0.9)]
    for _ in range(6):
        look(both, NEAR)
    assert bodies.asked == 0


def test_who_alone_finds_all_is_asked_first_and_the_others_now_and_then() -> None:
    both, street, bodies = pair()
    bodies.found = [(NEAR, 0.95)]
    for _ in range(EVERY * 4):
        assert len(look(both, NEAR)[0]) == 1
    assert bodies.asked == EVERY * 4
    assert street.asked == 1 + 4
    street.found, bodies.found = [(FAR, 0.9)], []
    assert len(look(both, FAR)[0]) == 1  # at once, since nobody tells of it


def test_what_was_not_asked_and_saw_somebody_alone_makes_none_of_them_missed() -> None:
    both, street, bodies = pair()
    street.found, bodies.found = [(FAR, 0.9)], [(NEAR, 0.95)]
    assert look(both, FAR, NEAR)[2] is None
    assert look(both, FAR)[2] == (FAR,)  # the near one stands still, and was not looked for


def test_a_model_that_finds_nobody_is_asked_less_and_at_once_again_when_it_finds_somebody() -> None:
    both, _, bodies = pair()
    for _ in range(TIRED + EVERY * 5):
        look(both, NEAR)
    assert TIRED <= bodies.asked <= TIRED + 6
    bodies.found = [(NEAR, 0.95)]
    found = [len(look(both, NEAR)[0]) for _ in range(EVERY)]
    assert found[-1] == 1
    before = bodies.asked
    for _ in range(5):
        look(both, NEAR)
    assert bodies.asked == before + 5


def test_a_look_is_timed_as_one() -> None:
    both, _, _ = pair()
    stages = Stages()
    both.look(PICTURE, [NEAR], stages)
    assert stages.summary()["infer"] == {"p50": 500.0, "p95": 500.0, "sum": 500.0}
    assert both.infer_s == pytest.approx(0.5)


def test_labels_are_those_of_all_and_classes_index_into_them() -> None:
    cars, bodies = Sketch("car", "person"), Sketch(near=True)
    planner = Planner("frame", Input("x", 300, 300))
    parts = [Detector(cast(Predictor, bodies), planner, scale=SCALE), Detector(cast(Predictor, cars), planner)]
    both = Both(parts)
    assert both.labels == ("person", "car")
    cars.found, bodies.found = [(FAR, 0.9)], [(NEAR, 0.95)]
    seen = both.look(PICTURE, [FAR, NEAR], Stages()).detections
    assert [both.labels[kind] for kind in seen.classes] == ["car", "person"] or seen.scores[0] == seen.scores[1]
    assert sorted(both.labels[kind] for kind in seen.classes) == ["car", "person"]


def test_nobody_is_an_empty_list() -> None:
    both, _, _ = pair()
    assert look(both, NEAR)[:2] == ([], [])
