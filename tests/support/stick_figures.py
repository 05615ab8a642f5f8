"""Stick figures that stand, sit, bend and fall before cameras: joints with the errors that pose models make.

Lengths are parts of the stature (Drillis and Contini, 1966); x is to the side, y away from the camera, z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.types import F32, Pose

F64 = NDArray[np.float64]
TORSO, THIGH, SHANK, ARM = 0.288, 0.245, 0.246, 0.17
PART = 0.05
"""How far joints are inside the body."""


@dataclass(frozen=True)
class Stance:
    """How a figure is bent, degrees.

    tip: of all of it, about the feet; way: where to, from ahead, clockwise
    trunk: forward; hip: thighs forward; knee: shanks back; arm: forward and up; out: sideways and up
    """

    tip: float = 0.0
    way: float = 0.0
    trunk: float = 0.0
    hip: float = 0.0
    knee: float = 0.0
    arm: float = 5.0
    out: float = 8.0


STAND = Stance()
SEAT = Stance(trunk=5, hip=85, knee=85)
CROUCH = Stance(trunk=20, hip=120, knee=130, arm=40)
FLOOR_SEAT = Stance(trunk=-5, hip=90, knee=10)
BENT = Stance(trunk=80, hip=5, knee=15, arm=70)
SHOE = Stance(trunk=40, hip=80, knee=130, arm=60)
PLANK = Stance(tip=72, arm=72)
UP = Stance(arm=170, out=10)
JACK = Stance(out=150)


def lying(way: float) -> Stance:
    """On the floor, the head to that way."""
    return Stance(tip=88, way=way, hip=8, knee=12, arm=20, out=30)


@dataclass(frozen=True)
class Move:
    """Getting to a stance within so many seconds; `falls`: ever faster, as what is let go."""

    seconds: float
    to: Stance
    falls: bool = False


@dataclass(frozen=True)
class Camera:
    """Over the floor and away from the figure in statures; pitched down and about its axis in degrees."""

    height: float = 1.2
    distance: float = 3.0
    pitch: float = 12.0
    roll: float = 0.0
    size: tuple[int, int] = (640, 480)

    def project(self, points: F64) -> F64:
        """Points float64 (..., 3) as pixels, float64 (..., 2)."""
        y, z = points[..., 1] + self.distance, points[..., 2] - self.height
        cos, sin = np.cos(np.radians(self.pitch)), np.sin(np.radians(self.pitch))
        depth, down = np.maximum(y * cos - z * sin, 0.1), -y * sin - z * cos
        flat = 0.9 * self.size[1] * np.stack([points[..., 0] / depth, down / depth], axis=-1)
        c, s = np.cos(np.radians(self.roll)), np.sin(np.radians(self.roll))
        turned = flat @ np.array([[c, s], [-s, c]])
        return np.asarray(turned + np.array(self.size) / 2)


def filmed(
    moves: Sequence[Move],
    camera: Camera = Camera(),
    *,
    begin: Stance = STAND,
    heading: float = 0.0,
    fps: float = 15.0,
    noise: float = 0.01,
    missing: float = 0.02,
    seed: int = 0,
    walk: float = 0.0,
) -> list[tuple[float, Pose]]:
    """What a pose model tells of a figure that moves so, a time and a pose each.

    noise: of every joint, parts of the stature; missing: how often one is not found; walk: statures a second, ahead
    """
    random = np.random.default_rng(seed)
    times, points = _moved(tuple(moves), begin, fps)
    c, s = np.cos(np.radians(heading)), np.sin(np.radians(heading))
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    turned[..., :2] += walk * times[:, None, None] * np.array([s, -c])
    scale = float(np.ptp(camera.project(_points(STAND))[:, 1])) / 0.9
    flat = camera.project(turned) + random.normal(0, noise * scale, (len(times), 17, 2))
    shape = len(times), 17, 1
    scores = np.where(random.random(shape) < missing, 0.05, random.uniform(0.6, 0.95, shape))
    joints: F32 = np.concatenate([flat, scores], axis=2).astype(np.float32)
    return [(float(time), Pose(one, 0.9)) for time, one in zip(times, joints, strict=True)]


@lru_cache(maxsize=64)
def _moved(moves: tuple[Move, ...], begin: Stance, fps: float) -> tuple[F64, F64]:
    """Times, float64 (n,), and where the joints are, float64 (n, 17, 3), of one who faces the camera."""
    times = np.arange(0, sum(move.seconds for move in moves), 1 / fps)
    return times, np.stack([_points(_stance(begin, moves, float(time))) for time in times])


def _stance(begin: Stance, moves: Sequence[Move], time: float) -> Stance:
    before, start = begin, 0.0
    for move in moves:
        if time < start + move.seconds:
            part = (time - start) / move.seconds
            part = (np.cosh(3 * part) - 1) / (np.cosh(3) - 1) if move.falls else 0.5 - 0.5 * np.cos(np.pi * part)
            old, new = np.array(astuple(replace(before, way=move.to.way))), np.array(astuple(move.to))
            return Stance(*(old + part * (new - old)).tolist())
        before, start = move.to, start + move.seconds
    return before


def _points(stance: Stance) -> F64:
    """The joints of a stance, float64 (17, 3), on the floor, facing the camera."""
    tip, way, trunk, hip, knee, arm, out = np.radians(astuple(stance))
    points = np.zeros((17, 3))
    up = np.array([0.0, -np.sin(trunk), np.cos(trunk)])
    neck = TORSO * up
    for joint, (side, rise) in enumerate([(0, 0.13), (0.02, 0.15), (-0.02, 0.15), (0.04, 0.14), (-0.04, 0.14)]):
        points[joint] = neck + rise * up + np.array([side, -0.04, 0])
    for i, side in enumerate((1, -1)):
        points[5 + i] = neck + np.array([side * 0.11, 0, 0])
        hand = np.array([side * np.sin(out), -np.cos(out) * np.sin(arm), -np.cos(out) * np.cos(arm)])
        points[7 + i], points[9 + i] = points[5 + i] + ARM * hand, points[5 + i] + 1.9 * ARM * hand
        points[11 + i] = np.array([side * 0.055, 0, 0])
        points[13 + i] = points[11 + i] + THIGH * np.array([0, -np.sin(hip), -np.cos(hip)])
        points[15 + i] = points[13 + i] + SHANK * np.array([0, np.sin(knee - hip), -np.cos(knee - hip)])
    points -= points[15:17].mean(axis=0)
    ahead = np.array([np.sin(way), -np.cos(way), 0.0])
    axis = np.cross([0.0, 0.0, 1.0], ahead)
    along = points @ axis
    points = (
        points * np.cos(tip) + np.cross(axis, points) * np.sin(tip) + np.outer(along, axis) * (1 - np.cos(tip))
    )  # Rodrigues' formula
    points[:, 2] -= points[:, 2].min() - PART
    return np.asarray(points)
