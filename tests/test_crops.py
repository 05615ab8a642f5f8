"""Which parts of a picture the model sees, and that nothing wanted is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.boxes import shared
from edge.crops import MOST, SHARE, TABLE_COST, WORTH, Cost, Crop, Planner
from edge.preprocess import Input
from edge.types import Box

FRAME = (1280, 720)
INPUT = Input("images", 640, 640, fit="letterbox")
OPEN = Planner("auto", INPUT, step=32)
FIXED = Planner("crop", replace(INPUT, width=320, height=320))
HAND: Box = (600.0, 300.0, 640.0, 360.0)
EVERYWHERE: Box = (0.0, 0.0, float("inf"), float("inf"))

places = st.tuples(st.floats(-50, 1300), st.floats(-50, 800), st.floats(1, 900), st.floats(1, 700)).map(
    lambda p: (p[0], p[1], p[0] + p[2], p[1] + p[3])
)


@pytest.mark.parametrize("planner", [Planner("frame", INPUT, step=32), Planner("auto", INPUT)])
def test_whole_frames_by_policy_and_where_a_crop_costs_as_much(planner: Planner) -> None:
    assert planner.plan([HAND], FRAME) is None


@pytest.mark.parametrize("planner", [OPEN, FIXED])
def test_the_first_look_is_at_everything(planner: Planner) -> None:
    assert planner.plan([EVERYWHERE], FRAME) is None
    assert planner.plan([HAND, EVERYWHERE], FRAME) is None


def test_a_model_of_open_size_sees_a_crop_at_the_whole_frames_scale() -> None:
    crops = OPEN.plan([HAND], FRAME)
    assert crops is not None
    (crop,) = crops
    x1, y1, x2, y2 = crop.box
    assert (x2 - x1, y2 - y1) == (crop.width * 2, crop.height * 2)
    assert crop.width % 32 == crop.height % 32 == 0
    assert crop.width * crop.height < 0.2 * 640 * 640


def test_a_model_of_one_size_sees_it_magnified_but_not_beyond_the_cameras_own_pixels() -> None:
    assert FIXED.plan([HAND], FRAME) == (Crop((460, 170, 780, 490), 320, 320),)


def test_crops_that_touch_become_one() -> None:
    near, far = (700.0, 300.0, 740.0, 360.0), (20.0, 20.0, 40.0, 60.0)
    crops = FIXED.plan([HAND, near, far], FRAME)
    assert crops is not None
    assert len(crops) == 2
    assert not shared(*(tuple(map(float, crop.box)) for crop in crops))  # type: ignore[arg-type]


def test_what_costs_more_than_the_frame_is_not_cropped() -> None:
    assert OPEN.plan([HAND], FRAME, Cost(0.0)) is not None
    assert OPEN.plan([HAND], FRAME, Cost(1.0)) is None
    assert OPEN.plan([(0.0, 0.0, 900.0, 600.0)], FRAME) is None


def test_many_places_far_apart_are_a_whole_frame() -> None:
    spread = [(float(x), float(y), x + 9.0, y + 9.0) for x in range(0, 3840, 1000) for y in (0, 1000, 2100)]
    assert FIXED.plan(spread, (3840, 2160)) is None


@given(st.lists(places, min_size=1, max_size=6), st.sampled_from([OPEN, FIXED]), st.sampled_from([FRAME, (641, 359)]))
def test_every_plan_shows_what_is_wanted_within_its_bounds(
    wanted: list[Box], planner: Planner, frame: tuple[int, int]
) -> None:
    crops = planner.plan(wanted, frame)
    if crops is None:
        return
    w, h = frame
    assert 0 < len(crops) <= MOST
    for crop in crops:
        x1, y1, x2, y2 = crop.box
        assert 0 <= x1 < x2 <= w
        assert 0 <= y1 < y2 <= h
        assert x1 % 2 == y1 % 2 == 0
        assert x2 % 2 == 0 or x2 == w
        assert y2 % 2 == 0 or y2 == h
        assert crop.width <= planner.input.width
        assert crop.height <= planner.input.height
        if planner.step:
            assert crop.width % planner.step == crop.height % planner.step == 0
    area = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (crop.box for crop in crops))
    assert area <= SHARE * w * h
    if planner.step:
        assert sum(TABLE_COST.of(c.width * c.height / 640**2) for c in crops) < WORTH
    for x1, y1, x2, y2 in wanted:
        left, top = min(max(x1, 0), w), min(max(y1, 0), h)
        right, bottom = min(max(x2, 0), w), min(max(y2, 0), h)
        assert any(
            c.box[0] <= left + 1 and c.box[1] <= top + 1 and c.box[2] >= right - 1 and c.box[3] >= bottom - 1
            for c in crops
        ), "a place that is wanted lies in one crop, to the pixel"
