"""People of a detector of bodies as objects that the tracker follows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.pose.people import Scale, people
from edge.types import Poses

SCALE = Scale(weak=0.1875, usual=0.5, own_weak=0.5, own_usual=0.75)


def body(x: float, y: float, radius: float, degrees: float, score: float = 0.9) -> Poses:
    """One body with its hips at (x, y), turned to the right by so much."""
    turn = math.radians(degrees)
    up = (x + radius * math.sin(turn), y - radius * math.cos(turn))
    points = np.array([[[x, y, score], [*up, score], [x, y, score], [x, y, score]]], np.float32)
    return Poses(np.array([[0, 0, 9, 9]], np.float32), np.array([score], np.float32), points)


def test_one_who_stands_has_a_high_box_around_the_hips() -> None:
    x1, y1, x2, y2 = people(body(400, 300, 100, 0), (1000, 600)).boxes[0].tolist()
    assert y2 - y1 > 2 * (x2 - x1)
    assert (x1 + x2) / 2 == pytest.approx(400)
    assert y1 == pytest.approx(200)
    assert y1 < 300 < y2


def test_one_who_lies_has_a_wide_box() -> None:
    x1, y1, x2, y2 = people(body(400, 300, 100, 90), (1000, 600)).boxes[0].tolist()
    assert x2 - x1 > 2 * (y2 - y1)
    assert x2 == pytest.approx(500)  # the head


def test_a_body_that_the_frame_cuts_ends_there_and_one_outside_is_nobody() -> None:
    x1, y1, x2, y2 = people(body(400, 590, 300, 0), (1000, 600)).boxes[0].tolist()
    assert (y1, y2) == (pytest.approx(290), 600)
    assert (x1, x2) == (pytest.approx(295), pytest.approx(505))
    assert len(people(body(400, 900, 100, 0), (1000, 600))) == 0


def test_what_is_no_sure_body_starts_no_track_and_may_go_on_with_one() -> None:
    assert SCALE.told_one(0.75) == pytest.approx(0.5)
    assert SCALE.told_one(0.74) < 0.5
    assert SCALE.told_one(0.5) == pytest.approx(0.1875)
    assert SCALE.told_one(0.49) < 0.1875


@given(st.floats(0.1875, 1))
def test_scores_are_turned_there_and_back(score: float) -> None:
    assert SCALE.told_one(SCALE.own(score)) == pytest.approx(score)
    assert SCALE.told(np.array([SCALE.own(score)], np.float32))[0] == pytest.approx(score, abs=1e-5)


def test_what_finds_people_in_chairs_is_never_asked_for() -> None:
    assert SCALE.own(0.05) == 0.5


@given(
    st.floats(-500, 1500), st.floats(-500, 1500), st.floats(0, 3000), st.floats(0, 360), st.sampled_from([(640, 480)])
)
def test_boxes_lie_within_the_frame(x: float, y: float, radius: float, degrees: float, size: tuple[int, int]) -> None:
    for x1, y1, x2, y2 in people(body(x, y, radius, degrees), size).boxes.tolist():
        assert 0 <= x1 < x2 <= size[0]
        assert 0 <= y1 < y2 <= size[1]
