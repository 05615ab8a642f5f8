"""Closed loops by seed: a circle whose radius swings, kept if it is a road that a car can take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import UserError

F64 = NDArray[np.float64]

STEP = 0.5
"""Metres between two points of the line, about."""
WIDTH = 8.0
"""Of the road, metres."""
LENGTH = (300.0, 900.0)
"""Metres of a lap."""
RADIUS = (20.0, 30.0)
"""Where the tightest bend's lies, metres."""
CHANGES = 6
"""A lap changes from left to right or back so many times at least."""
APART = 22.0
"""Metres between the middles of two parts of the road that do not follow one another."""
_TIGHTEST = 22.0
"""A loop that is too small for its bends grows until its tightest has this radius, metres."""
_STRAIGHT = 1 / 300
"""A curvature below this is no bend, 1/m."""
_FOLLOWS = 30.0
"""Metres along the road within which two parts follow one another."""
_TRIES = 20_000
_ANGLES = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
_WAVES = np.arange(2, 8)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A closed loop; x to the east, y to the north, metres; headings count from east to north.

    seed: what it was laid from
    line: float64 (n, 2), the middle of the road, points at even distances
    heading: float64 (n,), of the road there, radians
    curvature: float64 (n,), 1/m, + to the left
    length: of a lap, metres
    changes: how often a lap changes from a bend to the left to one to the right, or back
    """

    seed: tuple[int, ...]
    line: F64
    heading: F64
    curvature: F64
    length: float
    changes: int

    @property
    def spacing(self) -> float:
        """Metres between two points of the line."""
        return self.length / len(self.line)

    def nearest(self, x: float, y: float, near: int | None = None) -> int:
        """The point of the line next to a place; with `near`, only those a few metres around that one are asked."""
        n = len(self.line)
        asked = np.arange(n) if near is None else np.arange(near - 12, near + 24) % n
        line = self.line[asked]
        return int(asked[np.argmin((line[:, 0] - x) ** 2 + (line[:, 1] - y) ** 2)])

    def beside(self, x: float, y: float, at: int) -> float:
        """Cross-track error of a place by the point next to it: metres to the right of the middle."""
        heading = self.heading[at]
        east, north = x - self.line[at, 0], y - self.line[at, 1]
        return float(east * np.sin(heading) - north * np.cos(heading))


def lay(*seed: int) -> Track:
    """The track of a seed, which may be of several whole numbers >= 0.

    Raises:
        UserError: no loop of it is a road (none such is known)
    """
    rng = np.random.default_rng(seed)
    for _ in range(_TRIES):
        track = _road(_loop(rng), seed, turned=bool(rng.random() < 0.5))
        if track is not None:
            return track
    raise UserError(f"track {seed}: no loop of it is a road: choose another seed")


def _loop(rng: np.random.Generator) -> F64:
    """A closed line, float64 (n, 2): the radius as a Fourier series over the angle."""
    size = rng.uniform(50, 75)
    heights = rng.uniform(0, 0.9, len(_WAVES)) / _WAVES**1.15 * (rng.random(len(_WAVES)) < 0.7)
    phases = rng.uniform(0, 2 * np.pi, len(_WAVES))
    radius = 1 + heights @ np.cos(_WAVES[:, None] * _ANGLES + phases[:, None])
    return np.asarray(size * np.stack([radius * np.cos(_ANGLES), radius * np.sin(_ANGLES)], 1))


def _road(loop: F64, seed: tuple[int, ...], *, turned: bool) -> Track | None:
    """A loop as a track, or None where it is none."""
    if np.hypot(*loop.T).min() < 0.25 * 50:
        return None
    line, length = even(loop)
    growth = max(1.0, _TIGHTEST * float(np.abs(_curvature(line, length)).max()))
    if growth > 1.6:
        return None
    line, length = even(line[::-1] * growth if turned else line * growth)
    curvature = _curvature(line, length)
    radius = 1 / float(np.abs(curvature).max())
    changes = _changes(curvature)
    fits = LENGTH[0] <= length <= LENGTH[1] and RADIUS[0] <= radius <= RADIUS[1] and changes >= CHANGES
    if not fits or _closest(line, length) < APART:
        return None
    ahead = np.roll(line, -1, 0) - np.roll(line, 1, 0)
    return Track(seed, line, np.arctan2(ahead[:, 1], ahead[:, 0]), curvature, length, changes)


def even(loop: F64) -> tuple[F64, float]:
    """A closed line with points at even distances of about `STEP`, and its length."""
    closed = np.concatenate([loop, loop[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0, along[-1], round(along[-1] / STEP), endpoint=False)
    return np.stack([np.interp(at, along, closed[:, k]) for k in (0, 1)], 1), float(along[-1])


def _curvature(line: F64, length: float) -> F64:
    """Of a closed line at each of its points, 1/m, as a mean over nine of them."""
    step = length / len(line)
    before, after = np.roll(line, 1, 0), np.roll(line, -1, 0)
    first, second = (after - before) / (2 * step), (after - 2 * line + before) / step**2
    bent = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / np.hypot(*first.T) ** 3
    return np.asarray(np.mean([np.roll(bent, k) for k in range(-4, 5)], 0))


def _changes(curvature: F64) -> int:
    signs = np.sign(curvature[np.abs(curvature) > _STRAIGHT])
    return int(np.count_nonzero(signs != np.roll(signs, 1)))


def _closest(line: F64, length: float) -> float:
    """The least distance between two places of a line that do not follow one another, metres."""
    some = line[::4]
    count = len(some)
    apart = np.abs(np.arange(count)[:, None] - np.arange(count))
    along = np.minimum(apart, count - apart) * (length / count)
    far = np.hypot(some[:, None, 0] - some[:, 0], some[:, None, 1] - some[:, 1])
    return float(far[along > _FOLLOWS].min())
