"""What a camera and a pose model make of a body in space: keypoints with the errors that real ones have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera without distortion.

    height: over the floor, metres
    distance: from the place where the person is at first, along the floor, metres
    pitch, roll: radians: looking down; turned about its axis
    view: of the frame's width, radians
    size: of the frame, pixels
    """

    height: float
    distance: float
    pitch: float
    roll: float
    view: float
    size: tuple[int, int]

    @classmethod
    def random(cls, rng: np.random.Generator) -> Camera:
        """One as people put them up: on a shelf, a wall, in a corner, with the person in view."""
        size = ((640, 480), (1280, 720), (640, 360), (480, 640))[rng.choice(4, p=[0.4, 0.3, 0.2, 0.1])]
        view = rng.uniform(0.9, 1.5) if size[0] > size[1] else rng.uniform(0.7, 1.0)
        height = rng.uniform(0.8, 2.8)
        distance = rng.uniform(2.5, 6.5)
        # Aimed at somewhere between the floor and the chest of who stands there.
        pitch = np.arctan2(height - rng.uniform(0.5, 1.1), distance)
        return cls(height, distance, float(pitch), float(rng.normal(0, 0.03)), float(view), size)

    def project(self, points: F64) -> F64:
        """Points float64 (..., 3), metres, as float64 (..., 2), pixels; what is behind the camera is not a number."""
        w, h = self.size
        x, y, z = points[..., 0], points[..., 1] + self.distance, points[..., 2] - self.height
        cos, sin = np.cos(self.pitch), np.sin(self.pitch)
        ahead, down = y * cos - z * sin, -y * sin - z * cos
        focal = w / 2 / np.tan(self.view / 2)
        ahead = np.where(ahead > 0.2, ahead, np.nan)
        u, v = focal * x / ahead, focal * down / ahead
        c, s = np.cos(self.roll), np.sin(self.roll)
        return np.stack([w / 2 + c * u - s * v, h / 2 + s * u + c * v], axis=-1)


@dataclass(frozen=True, slots=True)
class Noise:
    """The errors of a pose model.

    jitter: of a joint, part of the body's height in the picture, at each frame
    drift: the same, slowly
    lying: by how much both grow for a body that lies
    drop: how often a joint is lost, for a few frames
    lose: how often all of somebody who is low is lost, for a while
    swap: how often left and right are exchanged, for a few frames
    """

    jitter: float = 0.010
    drift: float = 0.012
    lying: float = 2.0
    drop: float = 0.03
    lose: float = 0.05
    swap: float = 0.01

    @classmethod
    def random(cls, rng: np.random.Generator) -> Noise:
        """From a good model in good light to a poor one at dusk."""
        k = rng.uniform(0.3, 1.6)
        return cls(0.010 * k, 0.012 * k, rng.uniform(1.0, 3.0), 0.03 * k, 0.06 * k, 0.01 * k)


PAIRS = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])


def seen(points: F64, camera: Camera, noise: Noise, rng: np.random.Generator) -> NDArray[np.float32]:
    """What a pose model says of a body, float32 (n, 17, 3) as `Pose.keypoints`; nobody is all not a number.

    points: float64 (n, 17, 3), metres
    """
    n = len(points)
    w, h = camera.size
    flat = camera.project(points)
    tall = np.nanmax(flat[..., 1], axis=1) - np.nanmin(flat[..., 1], axis=1)
    size = np.nanpercentile(tall, 90)
    lies = np.clip(1 - (points[:, 5:7, 2].mean(axis=1) - points[:, :, 2].min(axis=1)) / 0.6, 0, 1)
    grown = 1 + (noise.lying - 1) * lies[:, None, None]
    # The drift goes on from frame to frame, and forgets in about a second.
    steps = rng.normal(size=(n, 17, 2))
    drift = np.zeros_like(steps)
    for i in range(1, n):
        drift[i] = 0.95 * drift[i - 1] + 0.31 * steps[i]
    flat = flat + size * grown * (noise.jitter * rng.normal(size=flat.shape) + noise.drift * drift)
    scores = np.clip(rng.normal(0.85, 0.06, (n, 17)) - 0.25 * lies[:, None] * rng.random((1, 17)), 0.3, 1)
    scores[_bursts((n, 17), noise.drop * (1 + 2 * lies.mean()), 4, rng)] = 0.1
    outside = (
        (flat[..., 0] < 0) | (flat[..., 0] >= w) | (flat[..., 1] < 0) | (flat[..., 1] >= h) | np.isnan(flat[..., 0])
    )
    scores[outside] = np.minimum(scores[outside], 0.1)
    swapped = _bursts((n, 1), noise.swap, 3, rng)[:, 0]
    flat[swapped], scores[swapped] = flat[swapped][:, PAIRS], scores[swapped][:, PAIRS]
    out = np.concatenate([flat, scores[..., None]], axis=-1).astype(np.float32)
    lost = _bursts((n, 1), noise.lose, 6, rng)[:, 0] & (lies > 0.3)
    lost |= (scores >= 0.2).sum(axis=1) < 5
    out[lost] = np.nan
    return out


def _bursts(shape: tuple[int, int], share: float, length: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which cells are hit, in runs along the first axis of about this length."""
    hit = rng.random(shape) < share / length
    for _ in range(length - 1):
        hit[1:] |= hit[:-1] & (rng.random(hit[1:].shape) < 0.9)
    return hit
