"""A car: the kinematic bicycle about its centre, with an actuator that lags.

R. Rajamani, Vehicle Dynamics and Control (2nd ed.), equations 2.1 to 2.10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

SPEED = 8.94
"""20 mph in m/s."""
WHEELBASE = 2.6
"""Metres."""
LOCK = math.radians(25)
"""The wheels' angle at a steering of 1, radians."""
LAG = 0.1
"""Time constant with which the wheels follow a command, seconds."""
TICK = 0.01
"""Of the model, seconds."""


@dataclass(frozen=True, slots=True)
class Car:
    """Where a car is: its centre in metres, its heading in radians from east to north, its wheels' angle in radians,
    + to the right."""

    x: float
    y: float
    heading: float
    wheels: float = 0.0

    def tick(self, steering: float) -> Car:
        """The car `TICK` later, with a steering of -1..1, + to the right; what lies beyond is held at the lock."""
        aim = max(-1.0, min(1.0, steering)) * LOCK
        wheels = self.wheels + (aim - self.wheels) * TICK / LAG
        slip = math.atan(math.tan(wheels) / 2)
        course = self.heading - slip
        return replace(
            self,
            x=self.x + SPEED * math.cos(course) * TICK,
            y=self.y + SPEED * math.sin(course) * TICK,
            heading=self.heading - SPEED * math.cos(slip) * math.tan(wheels) / WHEELBASE * TICK,
            wheels=wheels,
        )

    @property
    def sideways(self) -> float:
        """Lateral acceleration in m/s2, + to the right."""
        return SPEED**2 * math.tan(self.wheels) / WHEELBASE
