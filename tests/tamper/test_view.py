"""One look beside the reference: which way a view went, and what else became of it."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tamper import View, judge, shift_between
from edge.types import U8
from tests.tamper.views import H, W, blurred, dimmed, scene, shifted

STREET = scene()
REFERENCE = View.of(STREET)


def test_the_homography_maps_the_reference_to_now_so_that_what_goes_right_says_the_camera_turned_left() -> None:
    now = View.of(shifted(STREET, 0.1, 0.02))
    shift = shift_between(REFERENCE, now)
    assert shift is not None
    x, y, scale = shift.homography @ np.array([100.0, 80.0, 1.0])
    assert (x / scale, y / scale) == pytest.approx((100 + 0.1 * 320, 80 + 0.02 * 320), abs=1.0)
    dx, dy = shift.corners
    assert (dx, dy) == pytest.approx((0.1, 0.02), abs=0.005)
    back = shift_between(now, REFERENCE)
    assert back is not None
    assert back.corners[0] == pytest.approx(-0.1, abs=0.005)


@settings(max_examples=25, deadline=None)
@given(dx=st.floats(-0.3, 0.3), dy=st.floats(-0.12, 0.12), seed=st.integers(0, 5))
def test_any_shift_is_measured_and_a_view_that_did_not_move_is_the_same(dx: float, dy: float, seed: int) -> None:
    street = scene(seed)
    verdict, shift = judge(View.of(street), View.of(shifted(street, dx, dy)))
    far = float(np.hypot(dx, dy))
    if far > 0.03:
        assert verdict == "moved"
        assert shift is not None
        assert shift.corners == pytest.approx((dx, dy), abs=0.012)
    elif far < 0.01:
        assert verdict == "same"


def test_a_turn_about_the_lens_is_a_move_though_the_middle_stays() -> None:
    turn = cv2.getRotationMatrix2D((W / 2, H / 2), 6, 1)
    now = np.asarray(cv2.warpAffine(STREET, turn, (W, H), borderMode=cv2.BORDER_REFLECT), np.uint8)
    verdict, shift = judge(REFERENCE, View.of(now))
    assert verdict == "moved"
    assert shift is not None
    assert shift.far > 0.04
    assert shift.corners == pytest.approx((0, 0), abs=0.01)


def test_with_too_few_features_the_shift_is_found_by_correlation() -> None:
    blobs = np.random.default_rng(3).uniform(60, 190, (H // 90, W // 90)).astype(np.float32)
    size = W + 80, H
    wide = np.asarray(cv2.resize(blobs, size, interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)
    before, now = View.of(wide[:, 40 : W + 40]), View.of(wide[:, :W])
    assert len(before.features[0]) < 12
    shift = shift_between(before, now)
    assert shift is not None
    assert shift.corners == pytest.approx((40 / W, 0), abs=0.01)


def test_no_shift_is_made_up_between_views_that_have_nothing_in_common() -> None:
    assert shift_between(REFERENCE, View.of(scene(9))) is None


BECAME: list[tuple[str, U8, str]] = [
    ("nothing", STREET, "same"),
    ("half the light", dimmed(STREET, 0.5), "same"),
    ("a light step", np.asarray((STREET * 1.25).clip(0, 235), np.uint8), "same"),
    ("grain", dimmed(STREET, 1.0, 10), "same"),
    ("out of focus", blurred(STREET, 5), "blurred"),
    ("far out of focus", blurred(STREET, 12), "blurred"),
    ("a grey cover", np.full((H, W), 110, np.uint8), "covered"),
    ("a bright cover", np.full((H, W), 190, np.uint8), "covered"),
    ("a black cover", np.full((H, W), 16, np.uint8), "covered"),
    ("lights off", dimmed(STREET, 0.1), "dark"),
    ("lights off, nearly black", dimmed(STREET, 0.02), "dark"),
    ("a torch", np.asarray((STREET * 4.0 + 100).clip(0, 235), np.uint8), "blinded"),
    ("another place", scene(9), "moved"),
]


@pytest.mark.parametrize(("became", "verdict"), [(b, v) for _, b, v in BECAME], ids=[name for name, *_ in BECAME])
def test_what_became_of_a_view(became: U8, verdict: str) -> None:
    assert judge(REFERENCE, View.of(became))[0] == verdict


def test_somebody_large_hides_a_part_and_the_rest_is_the_same() -> None:
    now = STREET.copy()
    now[40:, 200:420] = scene(7)[40:, 200:420]
    hidden = np.zeros((180, 320), np.uint8)
    hidden[15:, 95:215] = 255
    assert judge(REFERENCE, View.of(now))[0] == "same"
    assert judge(REFERENCE, View.of(now), hidden)[0] == "same"


def test_a_wall_without_anything_on_it_can_tell_nothing() -> None:
    wall = View.of(np.full((H, W), 120, np.uint8))
    assert judge(wall, View.of(STREET))[0] == "unknown"
    assert judge(wall, wall)[0] == "unknown"


def test_a_view_is_the_same_at_any_size_of_frame() -> None:
    large = np.asarray(cv2.resize(STREET, (1920, 1080), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert View.of(large).grey.shape == REFERENCE.grey.shape
    assert judge(REFERENCE, View.of(large))[0] == "same"


def test_a_view_that_has_nothing_in_common_costs_about_what_one_costs_that_moved() -> None:
    reference, moved, other = (View.of(picture) for picture in (scene(), shifted(scene(), 0.1), scene(9)))
    for view in (moved, other):
        assert judge(reference, view)[0] == "moved"  # what is derived from a view is made now
    times: dict[bool, list[float]] = {True: [], False: []}
    for i in range(42):
        start = perf_counter()
        judge(reference, other if i % 2 else moved)
        times[bool(i % 2)].append(perf_counter() - start)
    assert median(times[True]) < 4 * median(times[False])
