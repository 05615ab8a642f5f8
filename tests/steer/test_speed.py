"""A speed is reached and kept, and the integral does not wind up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.steer.speed import SpeedControl, SpeedGains


def drive(control: SpeedControl, wanted: float, seconds: float, speed: float = 0.0, load: float = 0.0) -> list[float]:
    """A car of first order: 30 units a second at full throttle, 2 s to get there."""
    speeds = []
    for _ in range(int(seconds / 0.02)):
        throttle = control.throttle(wanted, speed, 0.02)
        speed += 0.02 * (30 * throttle - speed - load) / 2
        speeds.append(speed)
    return speeds


def test_the_speed_is_reached_and_kept_uphill() -> None:
    control = SpeedControl()
    assert drive(control, 20, 30)[-1] == pytest.approx(20, abs=0.2)
    assert drive(control, 20, 30, 20, load=5)[-1] == pytest.approx(20, abs=0.2)


def test_a_speed_out_of_reach_does_not_wind_up() -> None:
    control = SpeedControl()
    fast = drive(control, 60, 120)
    slower = drive(control, 15, 8, fast[-1])
    assert min(slower) > 10
    assert slower[-1] == pytest.approx(15, abs=1.5)


@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats()), max_size=20))
def test_what_comes_out_is_always_a_throttle(calls: list[tuple[float, float, float]]) -> None:
    control = SpeedControl(SpeedGains(low=-0.2, high=0.7))
    for call in calls:
        out = control.throttle(*call)
        assert math.isfinite(out)
        assert -0.2 <= out <= 0.7
