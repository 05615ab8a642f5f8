"""What the front camera sees: a painted ground plane, looked at in perspective, about a millisecond a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.tools.steer.sim.car import Car
from edge.tools.steer.sim.ground import PER_METRE, Ground
from edge.types import U8

WIDE, HIGH = 320, 160
"""Of a frame, pixels."""
_HORIZON = (96, 120, 104)
"""What lies beyond the painted ground, BGR."""
_SKY = (228, 202, 182)
_BANK = 512
"""Side of the noise that frames take their parts of, pixels."""


@dataclass(frozen=True, slots=True)
class View:
    """How the camera sits and what it makes of the light.

    height: above the ground, metres
    pitch: down from the horizon, degrees
    fov: across, degrees
    light: factor on all values
    balance: factors on blue, green and red
    noise: of the sensor, standard deviation in values of 0..255
    """

    height: float = 1.4
    pitch: float = 7.0
    fov: float = 75.0
    light: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 2.0


class World:
    """Ground and camera together. Frames follow from the seed and the order in which they are asked for. One thread."""

    def __init__(self, ground: Ground, view: View = View(), seed: int = 0) -> None:
        self.ground = ground
        self.view = view
        self._projection, self._sky = _projection(view)
        self._table = _table(view)
        self._rng = np.random.default_rng(seed)
        spread = self._rng.normal(0, view.noise, (_BANK, _BANK * 3))
        self._noise: NDArray[np.int16] = np.rint(spread).astype(np.int16).reshape(_BANK, _BANK, 3)

    def frame(self, car: Car) -> U8:
        """BGR uint8 (160, 320, 3) as the camera over the car's centre sees it."""
        cos, sin = math.cos(car.heading), math.sin(car.heading)
        west, south = self.ground.corner
        place = np.array([[1 / PER_METRE, 0, west], [0, 1 / PER_METRE, south], [0, 0, 1]])
        seen = np.array([[cos, sin, -cos * car.x - sin * car.y], [-sin, cos, sin * car.x - cos * car.y], [0, 0, 1]])
        frame = cv2.warpPerspective(
            self.ground.picture,
            self._projection @ seen @ place,
            (WIDE, HIGH),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_HORIZON,
        )
        frame[: self._sky] = _SKY
        frame = cv2.LUT(frame, self._table)
        top, left = self._rng.integers(0, (_BANK - HIGH, _BANK - WIDE))
        noise = self._noise[top : top + HIGH, left : left + WIDE]
        return np.asarray(cv2.add(frame, noise, dtype=cv2.CV_8U), np.uint8)


def _projection(view: View) -> tuple[NDArray[np.float64], int]:
    """From the ground in the car's own metres (ahead, left, 1) to pixels, and the first row below the horizon."""
    focal = WIDE / 2 / math.tan(math.radians(view.fov) / 2)
    pitch = math.radians(view.pitch)
    cos, sin = math.cos(pitch), math.sin(pitch)
    lens = np.array([[focal, 0, WIDE / 2], [0, focal, HIGH / 2], [0, 0, 1]])
    turned = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    camera = np.array([[0, -1, 0], [0, 0, view.height], [1, 0, 0]])
    return lens @ turned @ camera, max(0, math.ceil(HIGH / 2 - focal * math.tan(pitch)) + 1)


def _table(view: View) -> U8:
    """What light and white balance make of each value, uint8 (1, 256, 3)."""
    factors = view.light * np.array(view.balance)
    return np.clip(np.rint(np.arange(256)[None, :, None] * factors), 0, 255).astype(np.uint8)
