"""A constant-velocity Kalman filter over many boxes at once.

The four coordinates of a box (centre x, centre y, width, height) are filtered apart, so a box's covariance is four
symmetric 2x2 blocks (position, velocity) instead of one 8x8 matrix, and a whole camera's tracks update in a handful of
NumPy calls. Source: R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960; process noise is
white acceleration (Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation", 6.3.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

ACCELERATION = 1.0
"""Standard deviation of an object's acceleration, in its own sizes per square second."""
MEASUREMENT = 0.05
"""Standard deviation of a detector's box coordinate, in sizes of the box."""
FIRST_SPEED = 1.0
"""Standard deviation of an unknown object's speed, in its own sizes per second."""


@dataclass(slots=True)
class Boxes:
    """n filtered boxes.

    place, speed: float64 (n, 4): centre x, centre y, width, height in pixels, and pixels a second
    pp, pv, vv: float64 (n, 4): variances of place, of place with speed, and of speed
    """

    place: F64
    speed: F64
    pp: F64
    pv: F64
    vv: F64

    def __len__(self) -> int:
        return len(self.place)

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Drop the others, in place."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[which])


def none() -> Boxes:
    """No boxes yet."""
    return Boxes(*(np.zeros((0, 4)) for _ in range(5)))


def add(boxes: Boxes, measured: F64) -> None:
    """Start filters from measurements, (m, 4) centre x, centre y, width, height; the speed is unknown."""
    size = _size(measured)
    zero = np.zeros_like(measured)
    fresh = (measured, zero, (MEASUREMENT * size) ** 2 + zero, zero, (FIRST_SPEED * size) ** 2 + zero)
    for name, values in zip(boxes.__slots__, fresh, strict=True):
        setattr(boxes, name, np.concatenate([getattr(boxes, name), values]))


def predict(boxes: Boxes, dt: float) -> None:
    """Move all boxes on by `dt` seconds, in place."""
    q = (ACCELERATION * _size(boxes.place)) ** 2
    boxes.place = boxes.place + boxes.speed * dt
    boxes.place[:, 2:] = np.maximum(boxes.place[:, 2:], 1.0)
    boxes.pp = boxes.pp + 2 * dt * boxes.pv + dt * dt * boxes.vv + q * dt**4 / 4
    boxes.pv = boxes.pv + dt * boxes.vv + q * dt**3 / 2
    boxes.vv = boxes.vv + q * dt * dt


def correct(boxes: Boxes, rows: NDArray[np.intp], measured: F64) -> None:
    """Take in one measurement (m, 4) for each of `rows`, in place."""
    pp, pv = boxes.pp[rows], boxes.pv[rows]
    spread = pp + (MEASUREMENT * _size(measured)) ** 2
    gain, speed_gain = pp / spread, pv / spread
    off = measured - boxes.place[rows]
    boxes.place[rows] += gain * off
    boxes.speed[rows] += speed_gain * off
    boxes.vv[rows] -= speed_gain * pv
    boxes.pv[rows] = (1 - gain) * pv
    boxes.pp[rows] = (1 - gain) * pp


def _size(place: F64) -> F64:
    """The length that noise scales with: the geometric mean of width and height, (n, 1)."""
    size: F64 = np.sqrt(np.maximum(place[:, 2:3], 1.0) * np.maximum(place[:, 3:4], 1.0))
    return size
