"""A constant-velocity Kalman filter of one box.

The four coordinates (centre x, centre y, width, height) are filtered apart, each with a state of place and velocity, so
that the covariance is four symmetric 2x2 blocks. Plain floats: a camera follows a handful of objects, and on caches
that an inference has just filled, a few hundred float operations cost less than a dozen NumPy calls.

Source: R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960; process noise is white
acceleration (Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation", 6.3.2).
"""

from __future__ import annotations

import math

from edge.types import Box

ACCELERATION = 1.0
"""Standard deviation of an object's acceleration, in its own sizes per square second."""
MEASUREMENT = 0.05
"""Standard deviation of a detector's box coordinate, in sizes of the box."""
FIRST_SPEED = 1.0
"""Standard deviation of an unknown object's speed, in its own sizes per second."""


class Axis:
    """One coordinate: place in pixels, speed in pixels a second, and their covariance pp, pv, vv."""

    __slots__ = ("place", "pp", "pv", "speed", "vv")

    def __init__(self, place: float, size: float) -> None:
        self.place, self.speed = place, 0.0
        self.pp, self.pv, self.vv = (MEASUREMENT * size) ** 2, 0.0, (FIRST_SPEED * size) ** 2

    def predict(self, dt: float, size: float) -> None:
        """Move on by `dt` seconds."""
        q = (ACCELERATION * size) ** 2
        self.place += self.speed * dt
        self.pp += 2 * dt * self.pv + dt * dt * self.vv + q * dt**4 / 4
        self.pv += dt * self.vv + q * dt**3 / 2
        self.vv += q * dt * dt

    def correct(self, measured: float, size: float) -> None:
        """Take in a measurement."""
        spread = self.pp + (MEASUREMENT * size) ** 2
        gain, speed_gain = self.pp / spread, self.pv / spread
        off = measured - self.place
        self.place += gain * off
        self.speed += speed_gain * off
        self.vv -= speed_gain * self.pv
        self.pv *= 1 - gain
        self.pp *= 1 - gain


class BoxFilter:
    """The filtered box of one object; starts at a measurement, its speed unknown."""

    __slots__ = ("axes",)

    def __init__(self, box: Box) -> None:
        measured = _centre(box)
        size = _size(measured[2], measured[3])
        self.axes = tuple(Axis(value, size) for value in measured)

    @property
    def box(self) -> Box:
        """The estimate, x1 y1 x2 y2 in pixels."""
        x, y, w, h = (axis.place for axis in self.axes)
        return x - w / 2, y - h / 2, x + w / 2, y + h / 2

    def predict(self, dt: float) -> None:
        """Move on by `dt` seconds."""
        size = _size(self.axes[2].place, self.axes[3].place)
        for axis in self.axes:
            axis.predict(dt, size)
        for side in self.axes[2:]:
            side.place = max(side.place, 1.0)

    def correct(self, box: Box) -> None:
        """Take in a detector's box."""
        measured = _centre(box)
        size = _size(measured[2], measured[3])
        for axis, value in zip(self.axes, measured, strict=True):
            axis.correct(value, size)


def _centre(box: Box) -> tuple[float, float, float, float]:
    """Centre x, centre y, width, height; sides of at least a pixel."""
    x1, y1, x2, y2 = box
    return (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, 1.0), max(y2 - y1, 1.0)


def _size(w: float, h: float) -> float:
    """The length that noise scales with: the geometric mean of the sides."""
    return math.sqrt(w * h)
