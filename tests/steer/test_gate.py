"""The gate lets nothing through that is wrong, and nothing faster than it may."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from edge.steer.gate import LONGEST_STEP_S, Gate, Limits
from edge.types import NEUTRAL, Steering

SHARP = Limits(smooth_s=0.0, steering_rate=1000.0, throttle_rate=1000.0)


def test_a_new_command_passes() -> None:
    gate = Gate(SHARP)
    passed = gate.judge(Steering(0.4, 0.2), 10.0, 0, 10.02)
    assert (passed.steering, passed.reason) == (Steering(0.4, 0.2), "ok")


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_takes_the_throttle_away_at_once_and_centres_the_wheels_after_a_moment(wrong: float) -> None:
    gate = Gate(SHARP)
    gate.judge(Steering(0.4, 0.2), 10.0, 0, 10.0)
    passed = gate.judge(Steering(wrong, 0.2), 10.02, 1, 10.02)
    assert (passed.steering, passed.reason) == (Steering(0.4, 0.0), "nan")
    assert gate.idle(10.08).steering == NEUTRAL


def test_what_is_far_beyond_is_refused_and_a_little_is_clipped() -> None:
    gate = Gate(SHARP)
    assert gate.judge(Steering(1.2, 0.0), 1.0, 0, 1.0).steering.steering == 1.0
    assert gate.judge(Steering(9.0, 0.0), 1.0, 1, 1.0).reason == "range"


def test_a_picture_of_the_future_is_refused() -> None:
    assert Gate().judge(Steering(0.1, 0.1), 11.0, 0, 10.0).reason == "range"


def test_a_frozen_camera_loses_the_throttle_then_the_steering() -> None:
    gate = Gate(SHARP)
    seen = {}
    for cycle in range(20):
        now = 10.0 + cycle * 0.02
        seen[cycle] = gate.judge(Steering(0.5, 0.5), 10.0, cycle, now)
    assert seen[7].steering == Steering(0.5, 0.5)  # 140 ms
    assert (seen[8].steering, seen[8].reason) == (Steering(0.5, 0.0), "stale")
    assert (seen[11].steering, seen[11].reason) == (NEUTRAL, "timeout")


def test_silence_does_the_same() -> None:
    gate = Gate(SHARP)
    gate.judge(Steering(0.5, 0.5), 10.0, 0, 10.0)
    assert gate.idle(10.1) == gate.idle(10.14)
    assert gate.idle(10.16).steering == Steering(0.5, 0.0)
    assert gate.idle(10.21).steering == NEUTRAL


def test_what_comes_out_of_order_changes_nothing() -> None:
    gate = Gate(SHARP)
    gate.judge(Steering(0.5, 0.5), 10.0, 5, 10.0)
    late = gate.judge(Steering(-0.5, 0.5), 9.98, 6, 10.01)
    twice = gate.judge(Steering(-0.5, 0.5), 10.01, 5, 10.02)
    assert (late.steering, late.reason) == (twice.steering, twice.reason) == (Steering(0.5, 0.5), "order")


def test_the_limit_of_the_rate_is_last() -> None:
    gate = Gate(Limits(smooth_s=0.0, steering_rate=2.0, throttle_rate=1.0))
    gate.judge(Steering(0.0, 0.0), 1.0, 0, 1.0)
    first = gate.judge(Steering(1.0, 1.0), 1.02, 1, 1.02).steering
    assert (first.steering, first.throttle) == pytest.approx((0.04, 0.02))
    assert gate.judge(Steering(1.0, 1.0), 1.04, 2, 1.04).steering.steering == pytest.approx(0.08)


def test_the_throttle_falls_at_once() -> None:
    gate = Gate(Limits(throttle_rate=10.0))
    for cycle in range(10):
        gate.judge(Steering(0.0, 0.8), cycle * 0.1, cycle, cycle * 0.1)
    assert gate.judge(Steering(0.0, 0.1), 1.0, 10, 1.0).steering.throttle == 0.1
    assert gate.judge(Steering(0.0, -0.9), 1.001, 11, 1.001).steering.throttle == pytest.approx(-0.01)


def test_who_may_not_drive_is_brought_to_a_stand_and_starts_from_there() -> None:
    gate = Gate(Limits(smooth_s=0.0, steering_rate=5.0, throttle_rate=1.0))
    for cycle in range(20):
        gate.judge(Steering(0.5, 0.5), cycle * 0.02, cycle, cycle * 0.02)
    stood = [gate.judge(Steering(0.5, 0.5), t, 20 + n, t, drive=False) for n, t in enumerate((0.4, 0.42, 0.44, 0.46))]
    assert [passed.steering for passed in stood] == [Steering(0.5, 0.0)] * 3 + [NEUTRAL]
    assert {passed.reason for passed in stood} == {"ok"}
    begun = gate.judge(Steering(0.5, 0.5), 0.48, 24, 0.48).steering
    assert (begun.steering, begun.throttle) == pytest.approx((0.1, 0.02))


class Any(RuleBasedStateMachine):
    """Whatever comes in whatever order at whatever time."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(steering_rate=3.0)
        self.gate = Gate(self.limits)
        self.now = 100.0
        self.last = NEUTRAL
        self.last_at: float | None = None
        self.good_at: float | None = None

    @rule(
        value=st.one_of(st.floats(), st.floats(-1, 1)),
        throttle=st.one_of(st.floats(), st.floats(-1, 1)),
        age=st.one_of(st.floats(0, 0.3), st.just(math.nan)),
        seq=st.integers(0, 50),
        step=st.floats(0, 0.3),
    )
    def command(self, value: float, throttle: float, age: float, seq: int, step: float) -> None:
        self.now += step
        frame_t = self.now - age
        passed = self.gate.judge(Steering(value, throttle), frame_t, seq, self.now)
        if passed.reason == "ok":
            assert math.isfinite(value + throttle)
            assert age <= self.limits.stale_s + 1e-9
            moved = min(self.now - self.last_at if self.last_at is not None else 1.0, LONGEST_STEP_S)
            assert abs(passed.steering.steering - self.last.steering) <= self.limits.steering_rate * moved + 1e-9
            self.good_at = frame_t
            self.last_at = self.now
        self.check(passed.steering, passed.reason)

    @rule(step=st.floats(0, 0.3))
    def silence(self, step: float) -> None:
        self.now += step
        passed = self.gate.idle(self.now)
        self.check(passed.steering, passed.reason)

    def check(self, out: Steering, reason: str) -> None:
        assert -1 <= out.steering <= 1
        assert -1 <= out.throttle <= 1
        if reason not in ("ok", "held", "order"):
            assert out.throttle == 0
            self.last_at = self.now
        if self.good_at is None or self.now - self.good_at > self.limits.timeout_s + 1e-9:
            assert out == NEUTRAL
        self.last = out


TestAny = Any.TestCase


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_a_repeated_command_is_reached(values: list[float]) -> None:
    gate = Gate()
    now = 0.0
    seq = 0
    for value in [*values, *[0.25] * 60]:
        now, seq = now + 0.02, seq + 1
        out = gate.judge(Steering(value, 0.3), now, seq, now).steering
    assert out.steering == pytest.approx(0.25, abs=1e-3)
    assert out.throttle == pytest.approx(0.3)
