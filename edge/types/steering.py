"""What a car is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steering:
    """What the car is told: steering -1..1, + to the right as the driver sees it; throttle -1..1, + ahead."""

    steering: float
    throttle: float


NEUTRAL = Steering(0.0, 0.0)
