"""Cameras that look at a body: from 1 to 3 m, tilted down, turned a little, near or far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.tools.skeletons.body import F64

ASPECTS = ((640, 480), (1280, 720), (720, 1280), (640, 640), (320, 240), (1920, 1080))
"""Pictures, width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera without distortion.

    size: of its picture, width and height in pixels
    focal: its focal length, pixels
    place: float64 (3,), metres
    axes: float64 (3, 3), rows: to the right in the picture, down, and where it looks
    """

    size: tuple[int, int]
    focal: float
    place: F64
    axes: F64

    def seen(self, points: F64) -> F64:
        """Points of float64 (..., 3) in metres as x, y in pixels and the distance along the view, metres."""
        local = (points - self.place) @ self.axes.T
        depth = np.maximum(local[..., 2], 0.2)
        w, h = self.size
        x, y = self.focal * local[..., 0] / depth + w / 2, self.focal * local[..., 1] / depth + h / 2
        return np.stack([x, y, depth], axis=-1)


def camera(random: np.random.Generator, where: F64) -> Camera:
    """A camera somewhere around what happens at the points `where`, float64 (n, 3), and turned about to there.

    Most see all of it; some cut off feet, head or where somebody goes.
    """
    w, h = ASPECTS[int(random.integers(len(ASPECTS)))]
    view = np.radians(random.uniform(35, 75))
    focal = min(w, h) / 2 / np.tan(view / 2)
    low, high = where.min(axis=0), where.max(axis=0)
    middle, extent = (low + high) / 2, float(np.linalg.norm(high - low))
    reach = max(extent, 1.8) / 2 / np.tan(view / 2)
    far = float(np.clip(reach * random.uniform(0.5, 2.2), 1.5, 12))
    angle, height = random.uniform(0, 2 * np.pi), random.uniform(1.0, 3.0)
    flat = float(np.sqrt(max(far**2 - (height - middle[2]) ** 2, 1.0)))
    place = np.array([middle[0] + flat * np.cos(angle), middle[1] + flat * np.sin(angle), height])
    aimed = middle + random.normal(0, 0.12, 3) * max(extent, 1.8)
    ahead = (aimed - place) / np.linalg.norm(aimed - place)
    right = np.cross(ahead, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    roll = np.radians(random.normal(0, 3))
    turned = np.cos(roll) * right + np.sin(roll) * down
    return Camera((w, h), float(focal), place, np.stack([turned, np.cross(ahead, turned), ahead]))
