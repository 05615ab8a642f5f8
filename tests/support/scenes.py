"""Made scenes for the motion gate: what an outdoor camera sees at night, and somebody who walks through it.

Each scene has one nuisance of its own; `all` has all of them. Everything follows from the seed. The scenes are meant to
be hard in the way the real thing is: the walker's clothes are textured and only 22 to 50 levels away from what is
behind, brighter or darker; noise is drawn for every pixel of every frame; foliage sways in gusts and does not repeat
itself; rain falls as short bright streaks; the light steps up and down by a quarter in one frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Kind = Literal["noise", "sway", "light", "rain", "all"]
KINDS: tuple[Kind, ...] = get_args(Kind)
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of a scene.

    walker: his box x1, y1, x2, y2 in pixels, None where at most half of him is in it
    empty: nothing of him is in it
    """

    time: float
    luma: U8
    walker: Box | None
    empty: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene to be played. sigma: of the sensor's noise, levels; walks: how often somebody crosses."""

    kind: Kind
    seed: int
    width: int = 640
    height: int = 360
    fps: float = 10.0
    seconds: float = 40.0
    sigma: float = 10.0
    walks: int = 2

    def play(self) -> Iterator[Shown]:
        """The frames, in order."""
        random = np.random.default_rng((self.seed, KINDS.index(self.kind)))
        ground = _texture(random, self.height, self.width, 3.0, 15.0) + random.uniform(50, 100)
        has = {self.kind} if self.kind != "all" else set(KINDS)
        leaves = _Leaves(random, self) if "sway" in has else None
        grain = _Grain(random, self) if "noise" in has else None
        steps = _steps(random, self) if "light" in has else []
        walks = _walks(random, self)
        for i in range(round(self.seconds * self.fps)):
            time = i / self.fps
            picture = ground.copy()
            if leaves is not None:
                leaves.sway(picture, time)
            boxes = [box for walk in walks if (box := walk.draw(picture, time)) is not None]
            whole = next((box for box in boxes if 0 < box[0] + box[2] < 2 * self.width), None)
            if "rain" in has:
                _rain(random, picture)
            if sum(step <= time for step in steps) % 2:
                picture *= 1.25
            if grain is not None:
                grain.add(picture)
            yield Shown(time, np.clip(picture, 0, 255).astype(np.uint8), whole, not boxes)


def _texture(random: np.random.Generator, height: int, width: int, fine: float, strength: float) -> F32:
    """Smooth structure at several scales, the finest `fine` pixels, of a standard deviation of `strength` levels."""
    made = np.zeros((height, width), np.float32)
    for octave in range(5):
        grid = fine * 2.5**octave
        coarse = random.normal(0, 1, (max(2, math.ceil(height / grid)), max(2, math.ceil(width / grid))))
        made += cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(made * (strength / made.std()), np.float32)


class _Grain:
    """Gaussian noise: cut from a long strip at a random place for every frame, which is as new as drawing it."""

    def __init__(self, random: np.random.Generator, scene: Scene) -> None:
        self._random, self._size = random, (scene.height, scene.width)
        self._strip = random.normal(0, scene.sigma, 16 * scene.height * scene.width).astype(np.float32)

    def add(self, picture: F32) -> None:
        """Add it to a picture in place."""
        need = self._size[0] * self._size[1]
        start = int(self._random.integers(0, len(self._strip) - need))
        picture += self._strip[start : start + need].reshape(self._size)


class _Leaves:
    """A patch of foliage, a fifth of the picture wide, each part of it bent by gusts that do not repeat themselves."""

    def __init__(self, random: np.random.Generator, scene: Scene) -> None:
        self._w, self._h = scene.width // 5, scene.height * 3 // 5
        self._x = int(random.integers(0, scene.width - self._w))
        self._y = int(random.integers(0, scene.height - self._h))
        self._leaves = _texture(random, self._h, self._w, 5.0, 25.0) + random.uniform(60, 100)
        self._rates = random.uniform(0.25, 1.4, 4)
        self._phases = random.uniform(0, 2 * math.pi, 4)
        self._reach = 0.012 * scene.width
        self._where = np.meshgrid(np.arange(self._w, dtype=np.float32), np.arange(self._h, dtype=np.float32))
        self._fine = _texture(random, self._h, self._w, 25.0, 1.5)

    def sway(self, picture: F32, time: float) -> None:
        """Draw it as it is now."""
        turn = 2 * math.pi * self._rates * time + self._phases
        gust = 0.6 + 0.4 * math.sin(turn[3] / 5)
        bend = self._reach * gust * (0.6 * math.sin(turn[0]) + 0.4 * math.sin(turn[1]))
        columns, rows = self._where
        shift = bend * np.sin(self._fine + np.float32(turn[2] / 3))
        patch = cv2.remap(self._leaves, columns + shift, rows + 0.3 * shift, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT)
        picture[self._y : self._y + self._h, self._x : self._x + self._w] = patch


def _steps(random: np.random.Generator, scene: Scene) -> list[float]:
    """When the light changes: four times, somewhere in each quarter."""
    return [float(scene.seconds * (quarter + random.uniform(0.2, 0.9)) / 4) for quarter in range(4)]


def _rain(random: np.random.Generator, picture: F32) -> None:
    """Streaks of one frame, a density that is heavy rain in the light of a lamp."""
    h, w = picture.shape
    for _ in range(random.poisson(h * w / 1500)):
        x, y = random.integers(0, w), random.integers(0, h)
        length = int(random.integers(5, h // 24))
        picture[y : y + length, x : x + 1] += random.uniform(15, 50)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Somebody who crosses the picture. speed: pixels a second, negative to the left; foot: his lowest row."""

    start: float
    speed: float
    tall: float
    foot: float
    clothes: F32
    width: int

    def draw(self, picture: F32, time: float) -> Box | None:
        """Draw him as he is now; his box, which may reach beyond the picture, None where nothing of him is seen."""
        wide = 0.36 * self.tall
        gone = self.speed * (time - self.start)
        x = gone - wide if self.speed > 0 else self.width + gone
        if time < self.start or not -wide <= x <= self.width:
            return None
        man = np.zeros(picture.shape, np.uint8)
        top, middle, stride = self.foot - self.tall, x + wide / 2, math.sin(2 * math.pi * 0.9 * (time - self.start))
        reach = int(0.16 * self.tall * stride)
        at = (round(middle), round(top + 0.09 * self.tall))
        cv2.circle(man, at, round(0.08 * self.tall), 1, -1)
        hip = (round(middle), round(top + 0.5 * self.tall))
        cv2.ellipse(man, (hip[0], round(top + 0.36 * self.tall)), (round(0.13 * self.tall), round(0.21 * self.tall)),
                    0, 0, 360, 1, -1)  # fmt: skip
        for side in (reach, -reach):
            cv2.line(man, hip, (hip[0] + side, round(self.foot)), 1, max(2, round(0.08 * self.tall)))
        ys, xs = np.nonzero(man)
        picture[ys, xs] += self.clothes[(ys - round(top)) % 64, (xs - round(x)) % 64]
        return x, top, x + wide, self.foot


def _walks(random: np.random.Generator, scene: Scene) -> list[_Walk]:
    """Walkers one after another, a fifth to two fifths of the picture tall, at a person's pace."""
    walks = []
    for k in range(scene.walks):
        tall = float(random.uniform(0.2, 0.4) * scene.height)
        pace = float(random.uniform(0.55, 0.9) * tall)  # body heights a second: 1.0 to 1.6 m/s
        apart = (scene.seconds - 6) / scene.walks
        pace = max(pace, (scene.width + tall) / (0.8 * apart))
        clothes = _texture(random, 64, 64, 4.0, 10.0)
        clothes += random.choice([-1, 1]) * random.uniform(22, 50)
        foot = float(random.uniform(0.55, 0.95) * scene.height)
        walks.append(_Walk(6 + k * apart, random.choice([-1, 1]) * pace, tall, max(foot, tall), clothes, scene.width))
    return walks
