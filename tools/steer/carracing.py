"""gymnasium's CarRacing-v3, a third party's simulator: one environment, and an expert who knows its road.

The car is seen from above, its nose up, in RGB uint8 (96, 96, 3); below row 84 a panel shows speed, wheels and turn.
Lengths are Box2D's metres: a car of 5, a road of 13, about 1,000 round. A step is 20 ms, and a drive of 1,000 steps is
over; each step costs 0.1 points, and all tiles of the road together give 1,000.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np

from edge.engines.base import need
from edge.types import F32, U8, Steering

NAME = "CarRacing-v3"
INSTALL = "pip install 'edge-runtime[carracing]'"
SIDE = 96
"""Rows and columns of a picture."""
HALF_WIDTH_M = 40 / 6
NODE_M = 3.5
"""Between two points of the line."""
FAST, GRIP, BRAKE = 75.0, 100.0, 45.0
"""Highest speed, m/s; sideways and backwards acceleration that the expert counts on, m/s2. The tyres hold 219."""
SEEN_NODES = 12
"""How far ahead bends count: as far as a picture shows them."""
_NEAR, _PER = 3, 22.0
"""What is steered for lies so many nodes ahead, and another one for each so many m/s."""
_TURN, _DAMP, _GAS, _MOST_BRAKE = 2.4, 0.25, 0.05, 0.5

Driver: TypeAlias = "Callable[[U8, Race], Steering | None]"
"""Gets a picture, BGR uint8 (96, 96, 3), and who drives; throttle below 0 brakes. None: it gives up."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive, until the lap is done, time is over, or the car is far off.

    score: the sum of the simulator's rewards
    whole: whether it counts as a lap: at least 95 of 100 tiles and past the start
    rms_m, worst_m: cross-track error from the middle of the road
    off: whether the car's centre left the road
    """

    score: float
    steps: int
    whole: bool
    rms_m: float
    worst_m: float
    off: bool


def check_here() -> None:
    """Say so where the simulator, or what it wants, is not here; MissingError."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # else it greets on stdout
    for part in ("gymnasium", "Box2D", "pygame"):
        need(part, INSTALL)


class Race:
    """One environment. One thread.

    Raises:
        MissingError: gymnasium, or what it wants for this environment, is not here.
    """

    def __init__(self) -> None:
        check_here()
        self._env = need("gymnasium", INSTALL).make(NAME, disable_env_checker=True)
        self._line: F32 = np.empty((0, 2), np.float32)

    def run(self, seed: int, driver: Driver) -> Drive:
        """Drive on the track of a seed."""
        picture, _ = self._env.reset(seed=seed)
        self._line = np.array([node[2:4] for node in self._inside.track], np.float32)
        score, wrong, whole = 0.0, [], False
        while (told := driver(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8), self)) is not None:
            picture, reward, ended, late, info = self._env.step(action(told))
            score += float(reward)
            wrong.append(self.beside_m())
            if ended or late:
                whole = bool(info.get("lap_finished", False))
                break
        errors = np.array(wrong or [0.0])
        worst = float(errors.max())
        return Drive(score, len(wrong), whole, float(np.sqrt((errors**2).mean())), worst, worst > HALF_WIDTH_M)

    def expert(self) -> Steering:
        """What the expert does now."""
        hull = self._inside.car.hull
        velocity = math.hypot(*hull.linearVelocity)
        return pursue(self._line, tuple(hull.position), hull.angle, velocity, hull.angularVelocity)

    def beside_m(self) -> float:
        """How far the car's centre is from the middle of the road."""
        return cross_track(self._line, tuple(self._inside.car.hull.position))

    def close(self) -> None:
        """Give the environment back."""
        self._env.close()

    @property
    def _inside(self) -> Any:
        return self._env.unwrapped


def action(told: Steering) -> F32:
    """What the simulator takes: steering, gas, brake. What is no number does nothing."""
    steering, throttle = np.nan_to_num([told.steering, told.throttle]).clip(-1, 1)
    return np.array([steering, max(throttle, 0.0), max(-throttle, 0.0)], np.float32)


def pursue(line: F32, place: tuple[float, float], heading: float, speed: float, turning: float) -> Steering:
    """What the expert does: pure pursuit of the middle of the road (R. C. Coulter, CMU-RI-TR-92-01), damped by the rate
    of turn, and no faster than the bends ahead allow.

    Args:
        line: float32 (n, 2), the middle of the road, closed, `NODE_M` apart
        heading: radians anticlockwise from +y; turning: its rate, rad/s
    """
    at = int(((line - place) ** 2).sum(1).argmin())
    x, y = line[(at + _NEAR + round(speed / _PER)) % len(line)] - place
    wrong = (math.atan2(-x, y) - heading + math.pi) % (2 * math.pi) - math.pi
    more = _GAS * (allowed(line[(at + np.arange(SEEN_NODES)) % len(line)]) - speed)
    # The driven wheels have no grip left for a bend while they spin.
    throttle = min(more, 1 - 0.8 * min(1.0, 2.5 * abs(wrong))) if more > 0 else max(more, -_MOST_BRAKE)
    steering = _DAMP * turning - _TURN * wrong
    return Steering(max(-1.0, min(1.0, steering)), throttle)


def allowed(ahead: F32) -> float:
    """The speed, m/s, that the bends of a line ahead, float32 (n, 2), allow: of one farther away there is more time to
    brake."""
    steps = np.diff(ahead, axis=0)
    turned = np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))
    curvature = np.abs(np.convolve(turned, np.ones(3) / 3, "same")) / NODE_M
    squares = GRIP / np.maximum(curvature, 1e-3) + 2 * BRAKE * NODE_M * np.arange(len(curvature))
    return min(FAST, math.sqrt(float(squares.min())))


def cross_track(line: F32, place: tuple[float, float]) -> float:
    """How far a place is from a closed line of points, float32 (n, 2): from the nearer piece next to the nearest."""
    at = int(((line - place) ** 2).sum(1).argmin())
    return min(_from_piece(line[at - 1], line[at], place), _from_piece(line[at], line[(at + 1) % len(line)], place))


def by_expert(picture: U8, race: Race) -> Steering:
    """The driver who knows the road."""
    return race.expert()


def straight_on(picture: U8, race: Race) -> Steering:
    """Who never steers, with the expert's throttle."""
    return Steering(0.0, race.expert().throttle)


def _from_piece(begin: F32, end: F32, place: tuple[float, float]) -> float:
    along, to = end - begin, np.asarray(place) - begin
    part = min(1.0, max(0.0, float(to @ along) / max(float(along @ along), 1e-9)))
    return math.hypot(*(to - part * along))
