"""The car, its expert, and laps by what the camera sees."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.tools.steer.sim.car import LAG, LOCK, SPEED, TICK, WHEELBASE, Car
from edge.tools.steer.sim.drive import Lap, drive, expert, go, steer_0
from edge.tools.steer.sim.ground import Ground, Look, paint
from edge.tools.steer.sim.track import Track, lay
from edge.tools.steer.sim.world import View, World

STRAIGHT = Car(0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def track() -> Track:
    return lay(0, 1, 4)


@pytest.fixture(scope="module")
def ground(track: Track) -> Ground:
    return paint(track, Look((3,)))


def after(car: Car, steering: float, seconds: float) -> Car:
    for _ in range(round(seconds / TICK)):
        car = car.tick(steering)
    return car


def test_the_wheels_lag_a_tenth_of_a_second_behind() -> None:
    assert after(STRAIGHT, 1.0, LAG).wheels == pytest.approx(LOCK * (1 - math.exp(-1)), rel=0.06)
    assert after(STRAIGHT, 1.0, 1.0).wheels == pytest.approx(LOCK, rel=1e-3)


def test_steering_to_the_right_turns_right_on_the_circle_of_the_wheelbase() -> None:
    steady = after(STRAIGHT, 0.5, 2.0)
    ahead = after(steady, 0.5, 1.0)
    slip = math.atan(math.tan(LOCK / 2) / 2)
    assert steady.heading - ahead.heading == pytest.approx(
        SPEED * math.cos(slip) * math.tan(LOCK / 2) / WHEELBASE, rel=1e-3
    )
    assert steady.sideways > 0


@given(st.floats(-5, 5), st.integers(1, 80))
def test_left_is_the_mirror_of_right_and_the_speed_is_kept(steering: float, ticks: int) -> None:
    left, right = STRAIGHT, STRAIGHT
    for _ in range(ticks):
        before = left
        left, right = left.tick(-steering), right.tick(steering)
        assert math.hypot(left.x - before.x, left.y - before.y) == pytest.approx(SPEED * TICK)
    assert (left.x, left.y, left.heading) == pytest.approx((right.x, -right.y, -right.heading))
    assert abs(left.wheels) <= LOCK


@pytest.mark.parametrize("delay_s", [0.0, 0.2])
def test_the_expert_comes_round_in_the_middle_of_the_road(delay_s: float) -> None:
    for k in range(4):
        road = lay(0, 9, k)
        lap = go(road, expert(road), delay_s)
        assert lap.whole
        assert lap.rms_m < 0.15
        assert lap.metres == pytest.approx(road.length, rel=0.01)


def test_who_never_steers_leaves_the_road(track: Track) -> None:
    lap = go(track, steer_0)
    assert lap.off
    assert not lap.whole
    assert lap.worst_m > 4


def test_not_a_number_is_straight_ahead(track: Track) -> None:
    assert go(track, lambda car, at: math.nan) == go(track, steer_0)


def test_a_pilot_is_asked_twenty_times_a_second_and_heard_after_the_delay(track: Track) -> None:
    asked: list[Car] = []

    def right(car: Car, at: int) -> float:
        asked.append(car)
        return 1.0

    go(track, right, 0.2, metres=6.0)
    headings = [car.heading - asked[0].heading for car in asked]
    assert all(turned == 0 for turned in headings[:5])
    assert headings[5] < 0


def test_two_drives_are_the_same_to_the_last_bit(track: Track, ground: Ground) -> None:
    def by_brightness(frame: np.ndarray) -> float:
        return float(frame[100:, 160:].mean() - frame[100:, :160].mean()) / 50

    def once() -> Lap:
        return drive(track, by_brightness, World(paint(track, Look((3,))), View(), 5))

    first = once()
    assert first == once()
    assert np.array_equal(ground.picture, paint(track, Look((3,))).picture)


def test_a_frame_is_road_below_grass_at_the_sides_and_sky_above(track: Track, ground: Ground) -> None:
    x, y = track.line[0]
    frame = World(ground, View(noise=0)).frame(Car(float(x), float(y), float(track.heading[0])))
    assert frame.shape == (160, 320, 3)
    assert frame.dtype == np.uint8
    hue = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV)
    assert hue[150, 140:180, 1].max() < 40, "asphalt is grey"
    assert hue[66:80, :, 1].max() > 90, "grass is not"
    assert (frame[:40] == frame[0, 0]).all(), "the sky is plain"


def test_to_the_left_of_the_middle_more_of_the_road_lies_to_the_right(track: Track, ground: Ground) -> None:
    straight = int(np.argmin(np.abs(track.curvature)))
    heading = float(track.heading[straight])
    left = track.line[straight] + 2.5 * np.array([-math.sin(heading), math.cos(heading)])
    frame = World(ground, View(noise=0)).frame(Car(float(left[0]), float(left[1]), heading))
    road = cv2.cvtColor(frame, cv2.COLOR_BGR2HSV)[75:130, :, 1] < 60
    assert road[:, 160:].mean() > road[:, :160].mean() + 0.1


def test_light_balance_and_noise_change_the_values_and_not_the_picture(track: Track, ground: Ground) -> None:
    x, y = track.line[40]
    car = Car(float(x), float(y), float(track.heading[40]))
    usual = World(ground, View(noise=0)).frame(car).astype(float)
    dark = World(ground, View(light=0.4, noise=0)).frame(car)
    blue = World(ground, View(balance=(1.2, 1.0, 0.9), noise=0)).frame(car)
    assert np.abs(dark - usual * 0.4).max() <= 0.5
    assert np.abs(blue[..., 2] - usual[..., 2] * 0.9).max() <= 0.5
    noisy = World(ground, View(noise=2.0)).frame(car)
    assert 1 < (noisy.astype(float) - usual)[60:150].std() < 3


def test_shadows_are_darker_and_bluer_and_bridges_lie_over_water(track: Track, ground: Ground) -> None:
    shaded = paint(track, Look((3,), shadows=True)).picture.astype(float)
    part = shaded.sum(2) < 0.7 * ground.picture.sum(2)
    assert 0.005 < part.mean() < 0.3
    ratio = (shaded[part] / np.maximum(ground.picture[part], 1)).mean(0)
    assert ratio[0] > ratio[2]
    bridges = paint(track, Look((3,), bridges=True)).picture
    water = (bridges[..., 0] > 110) & (bridges[..., 2] < 85)
    assert water.mean() > 0.02
    assert not ((ground.picture[..., 0] > 110) & (ground.picture[..., 2] < 85)).any()
