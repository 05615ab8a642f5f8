"""Motions: bodies bent one way, then another, each change with a course of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edge.tools.skeletons.body import ANGLES, AT, F64

Course = Literal["smooth", "fall", "even"]
PENDULUM = 3.0
"""How many time constants of an inverted pendulum a fall takes: it begins slowly and is fastest when it lands."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change from what was to `to`, float64 (len(ANGLES),), within `seconds`.

    wave: what is added at seconds since its begin, float64 (n, len(ANGLES)); it comes and goes softly
    """

    seconds: float
    to: F64
    course: Course = "smooth"
    wave: Callable[[F64], F64] | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """What somebody does.

    kind: its name
    begin: how they are bent at first
    fall: between which of `moves` the person falls: indices of the first and of the one after the last; None: never
    sway: size, Hz and phase of small movements that never cease, float64 (k, len(ANGLES)) each
    """

    kind: str
    begin: F64
    moves: tuple[Move, ...]
    fall: tuple[int, int] | None = None
    sway: tuple[F64, F64, F64] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(move.seconds for move in self.moves)

    @property
    def onset(self) -> float | None:
        """When the fall begins, seconds."""
        return None if self.fall is None else sum(move.seconds for move in self.moves[: self.fall[0]])

    @property
    def landed(self) -> float | None:
        """When it has ended, on the floor or on a bed."""
        return None if self.fall is None else sum(move.seconds for move in self.moves[: self.fall[1]])

    def at(self, times: F64) -> F64:
        """How the body is bent, float64 (n, len(ANGLES)); after its end as at its end."""
        made = np.repeat(self.begin[None], len(times), axis=0)
        last, begun = self.begin, 0.0
        for move in self.moves:
            within = times >= begun
            part = np.clip((times[within] - begun) / move.seconds, 0, 1)
            made[within] = last + _course(move.course, part)[:, None] * (move.to - last)
            if move.wave is not None:
                soft = np.clip(np.minimum(part, 1 - part) * move.seconds / 0.4, 0, 1)
                made[within] += soft[:, None] * move.wave(times[within] - begun)
            last, begun = move.to, begun + move.seconds
        if self.sway is not None:
            size, rate, phase = self.sway
            made += (size * np.sin(2 * np.pi * rate * times[:, None, None] + phase)).sum(axis=1)
        return made


def _course(course: Course, part: F64) -> F64:
    """How much of a change is done after a part of its time."""
    if course == "smooth":  # the least jerk, as arms move: Flash and Hogan, J. Neuroscience 5, 1985
        return part**3 * (10 - 15 * part + 6 * part**2)
    if course == "fall":  # an inverted pendulum from a small lean
        return np.asarray((np.cosh(PENDULUM * part) - 1) / (np.cosh(PENDULUM) - 1))
    return part


def sway(random: np.random.Generator, size: float = 1.0) -> tuple[F64, F64, F64]:
    """Small movements for `Motion.sway`: a degree or two of every angle, nothing of where the feet are."""
    shape = (2, len(ANGLES))
    sizes = np.abs(random.normal(0, 1.2 * size, shape))
    for name in ("lift", "x", "y"):
        sizes[:, AT[name]] = 0
    for name in ("arm_l", "arm_r", "elbow_l", "elbow_r", "nod"):
        sizes[:, AT[name]] *= 3
    return sizes, random.uniform(0.1, 0.8, shape), random.uniform(0, 2 * np.pi, shape)


def gait(random: np.random.Generator, speed: float) -> Callable[[F64], F64]:
    """Steps of one who walks at metres a second."""
    rate = 0.55 + 0.3 * speed
    swing, phase = 14 + 12 * speed, random.uniform(0, 2 * np.pi)
    arms = random.uniform(0.2, 1.2) * swing

    def wave(seconds: F64) -> F64:
        made = np.zeros((len(seconds), len(ANGLES)))
        for side, sign in (("l", 1.0), ("r", -1.0)):
            turn = 2 * np.pi * rate * seconds + phase
            made[:, AT[f"hip_{side}"]] = sign * swing * np.sin(turn)
            made[:, AT[f"knee_{side}"]] = 2.0 * swing * np.clip(sign * np.cos(turn), 0, 1)
            made[:, AT[f"arm_{side}"]] = -sign * arms * np.sin(turn)
        return made

    return wave


def cycle(rate: float, **sizes: float) -> Callable[[F64], F64]:
    """A movement to and fro: each angle goes from 0 to its size and back, `rate` times a second."""

    def wave(seconds: F64) -> F64:
        made = np.zeros((len(seconds), len(ANGLES)))
        part = (1 - np.cos(2 * np.pi * rate * seconds)) / 2
        for name, size in sizes.items():
            for one in (name,) if name in AT else (f"{name}_l", f"{name}_r"):
                made[:, AT[one]] = size * part
        return made

    return wave
