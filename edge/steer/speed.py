"""Keeping a speed: a PI controller whose integral does not wind up."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeedGains:
    """Of the controller, in throttle a unit of speed, and a unit of speed and second.

    low, high: of the throttle that comes out
    """

    p: float = 0.1
    i: float = 0.05
    low: float = 0.0
    high: float = 1.0


class SpeedControl:
    """throttle = p * error + the integral of i * error; the integral stands still while the output is at its end.

    Source: conditional integration, Astrom and Hagglund, Advanced PID Control (2006), 3.5.
    """

    def __init__(self, gains: SpeedGains | None = None) -> None:
        self.gains = gains or SpeedGains()
        self._sum = 0.0

    def throttle(self, wanted: float, speed: float, step: float) -> float:
        """The throttle for a speed, in the gains' unit of speed. step: seconds since the last call.

        What is no number gives `low`, or 0 where that is below 0.
        """
        gains = self.gains
        rest = max(gains.low, 0.0)
        if not (math.isfinite(wanted) and math.isfinite(speed) and math.isfinite(step)) or step < 0:
            return rest
        error = wanted - speed
        grown = self._sum + gains.i * error * step
        out = gains.p * error + grown
        if gains.low <= out <= gains.high or (out > gains.high) == (error < 0):
            self._sum = min(max(grown, gains.low), gains.high)
        return min(max(gains.p * error + self._sum, gains.low), gains.high)

    def reset(self) -> None:
        """Forget: the car stood."""
        self._sum = 0.0
