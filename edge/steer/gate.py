"""The last stage before the actuator: what is wrong goes no further, what is right goes no faster than it may."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edge.types import NEUTRAL, Steering

Reason = Literal["ok", "held", "none", "nan", "range", "order", "stale", "timeout"]
"""ok: a new command; held: none came in this cycle, and the one before still counts; none: there was none so far;
nan, range: a value that is no number, or far beyond what can be; order: older than what was heard before; stale: made
of too old a picture; timeout: older still."""
SICK: frozenset[Reason] = frozenset({"nan", "range"})
"""Nothing that goes by waiting: who says such a thing has to be looked at."""
LONGEST_STEP_S = 0.1
"""After a pause the rates allow no more than after this."""
EARLY_S = 0.005
"""How far a picture's time may lie ahead: clocks have grains."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gate lets through. Times in seconds.

    stale_s: age of a picture above which nothing is made of it: no throttle, the wheels stay as they are
    timeout_s: age at which the wheels are centred, too
    beyond: values further from 0 than this are a fault; between 1 and this they are clipped
    smooth_s: time constant of the first-order low-pass; 0: none
    steering_rate: most that the steering changes, of its -1..1, a second
    throttle_rate: the same of a growing throttle; it falls to 0 at once
    """

    stale_s: float = 0.15
    timeout_s: float = 0.2
    beyond: float = 1.5
    smooth_s: float = 0.03
    steering_rate: float = 8.0
    throttle_rate: float = 2.0


@dataclass(frozen=True, slots=True)
class Passed:
    """What the actuator is given, and why."""

    steering: Steering
    reason: Reason


class Gate:
    """Checks, then clips, smooths and limits the rate, in this order. Pure: all times are given, of one monotonic clock.

    Not-a-number, range, stale, out of order. A refused command gives throttle 0 at once; the steering is held for
    `timeout_s - stale_s`, then centred. The picture's age decides, so that a loop that repeats itself is no life sign.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._out = NEUTRAL
        self._smooth = 0.0
        self._at: float | None = None
        self._seq = -1
        self._frame_t: float | None = None
        self._since: float | None = None
        self._sick: Reason | None = None

    @property
    def frame_t(self) -> float | None:
        """When the picture of the newest accepted command was taken."""
        return self._frame_t

    def judge(self, wanted: Steering, frame_t: float, seq: int, now: float, *, drive: bool = True) -> Passed:
        """A command has come.

        Args:
            wanted: of any value
            frame_t: when its picture was taken
            seq: counts commands, growing
            drive: whether the car may; else the command is checked, and the car is brought to a stand as if refused
        """
        numbers = (wanted.steering, wanted.throttle, frame_t)
        if not all(math.isfinite(number) for number in numbers):
            return self._halt("nan", now)
        far = max(abs(wanted.steering), abs(wanted.throttle)) > self.limits.beyond
        if far or frame_t > now + EARLY_S:
            return self._halt("range", now)
        if seq <= self._seq or (self._frame_t is not None and frame_t < self._frame_t):
            still = self.idle(now, drive=drive)
            return Passed(still.steering, "order") if still.reason == "held" else still
        self._seq, self._frame_t, self._sick = seq, frame_t, None
        old = self._too_old(now)
        if old is not None or not drive:
            return self._halt(old or "ok", now)
        self._since = None
        self._out = self._limited(wanted, now)
        return Passed(self._out, "ok")

    def idle(self, now: float, *, drive: bool = True) -> Passed:
        """No command has come in this cycle."""
        why = "none" if self._frame_t is None else self._too_old(now) or self._sick
        if why is not None or self._since is not None or not drive:
            return self._halt(why or "held", now)
        return Passed(self._out, "held")

    def reset(self) -> None:
        """Begin anew from neutral: another child, that counts from 0."""
        self._out, self._smooth, self._at = NEUTRAL, 0.0, None
        self._seq, self._frame_t, self._since, self._sick = -1, None, None, None

    def _too_old(self, now: float) -> Reason | None:
        age = now - (self._frame_t or 0.0)
        if age > self.limits.timeout_s:
            return "timeout"
        return "stale" if age > self.limits.stale_s else None

    def _halt(self, why: Reason, now: float) -> Passed:
        """Throttle 0 at once; the steering held for a moment, unless the last picture is too old even for that."""
        if self._since is None:
            self._since = now
        if why in SICK:
            self._sick = why
        self._at = now
        held = self._frame_t is not None and self._too_old(now) != "timeout"
        held = held and now - self._since < self.limits.timeout_s - self.limits.stale_s
        self._smooth = self._out.steering if held else 0.0
        self._out = Steering(self._smooth, 0.0)
        return Passed(self._out, why)

    def _limited(self, wanted: Steering, now: float) -> Steering:
        limits = self.limits
        step = LONGEST_STEP_S if self._at is None else min(max(now - self._at, 0.0), LONGEST_STEP_S)
        self._at = now
        clipped = _between(wanted.steering, 1.0)
        share = 1.0 if limits.smooth_s <= 0 else 1 - math.exp(-step / limits.smooth_s)
        self._smooth += share * (clipped - self._smooth)
        most = limits.steering_rate * step
        steering = self._out.steering + _between(self._smooth - self._out.steering, most)
        return Steering(
            _between(steering, 1.0), _grown(self._out.throttle, wanted.throttle, limits.throttle_rate * step)
        )


def _grown(before: float, wanted: float, most: float) -> float:
    """A throttle on its way: towards 0 at once, away from it by `most`; from ahead to back it passes 0."""
    wanted = _between(wanted, 1.0)
    start = before if before * wanted > 0 else 0.0
    return wanted if abs(wanted) <= abs(start) else start + _between(wanted - start, most)


def _between(value: float, most: float) -> float:
    return min(max(value, -most), most)
