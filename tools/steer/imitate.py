"""A pilot that learns from the expert: poses drawn at random first, then where it drove itself (DAgger).

S. Ross, G. Gordon, D. Bagnell, A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
Learning, AISTATS 2011, algorithm 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np

from edge.tools.steer.sim.car import Car
from edge.tools.steer.sim.drive import Lap, drive, go
from edge.tools.steer.sim.expert import pursue
from edge.tools.steer.sim.ground import Ground, Look, paint
from edge.tools.steer.sim.track import Track, lay
from edge.tools.steer.sim.world import View, World
from edge.tools.steer.squeeze import pilot, saturation, steering
from edge.tools.steer.tensors import weights_of
from edge.tools.steer.torched import START, fit, fresh
from edge.tools.train.backend import torch
from edge.types import F32, U8

TAUGHT, CHECKED = 1, 2
"""Begin the seeds of the tracks that are learned from, and of those that choose the round. Judging has another."""
DELAYS_S = (0.0, 0.2)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is taught.

    tracks: how many are learned from
    views: lights and balances that each is seen in
    poses: drawn at random in each view of each track
    rounds: of driving itself and learning what the expert would have done there
    metres: of one such drive; two on each track
    steps: of learning before the first round, and after each
    starts: at most, until one leaves the plateau on which most of them sit
    checked: tracks that choose the round
    """

    seed: int = 3
    tracks: int = 12
    views: int = 4
    poses: int = 120
    rounds: int = 4
    metres: float = 70.0
    steps: tuple[int, int] = (1200, 900)
    starts: int = 12
    checked: int = 4


@dataclass(frozen=True, slots=True)
class Round:
    """After a round of learning. samples: so far; loss: mean square of all; laps, rms_m: of the tracks that check it,
    the worst one's error."""

    number: int
    samples: int
    loss: float
    laps: int
    rms_m: float


@dataclass(frozen=True, slots=True)
class Imitated:
    """The best round's weights by name as `squeeze` has them, and all rounds."""

    weights: Mapping[str, F32]
    rounds: tuple[Round, ...]
    chosen: Round


@dataclass(slots=True)
class _Lesson:
    """What has been seen, and what the expert said of it; each also in the mirror."""

    seen: list[U8] = field(default_factory=list)
    said: list[float] = field(default_factory=list)

    def add(self, seen: U8, said: float) -> None:
        self.seen += [seen, np.ascontiguousarray(seen[:, ::-1])]
        self.said += [said, -said]


Progress: TypeAlias = Callable[[str, float], None]
"""Is told what is done, and how much of it has been, 0..1."""


def imitate(
    recipe: Recipe, told: Callable[[Round], None] = lambda _: None, progress: Progress = lambda doing, part: None
) -> Imitated:
    """Teach a MainSqueeze to drive as the expert does. The same recipe gives the same weights on one machine.

    Args:
        told: hears of every round
    """
    torch().set_num_threads(1)  # sums in one order, whatever the cores
    rng = np.random.default_rng((TAUGHT, recipe.seed))
    roads = [_road(TAUGHT, recipe.seed, k) for k in range(recipe.tracks)]
    tests = [_road(CHECKED, recipe.seed, k) for k in range(recipe.checked)]
    lesson = _Lesson()
    for number, (track, ground) in enumerate(roads):
        for k in range(recipe.views):
            _look_about(lesson, track, World(ground, _view(rng), k), recipe.poses, rng)
        progress("looking about", (number + 1) / recipe.tracks)
    begun = partial(progress, "beginning")
    net = fresh(*_arrays(lesson), recipe.seed, recipe.starts, min(START, recipe.steps[0]), begun)
    best: tuple[tuple[int, float], Round, Mapping[str, F32]] | None = None
    rounds = []
    for number in range(recipe.rounds + 1):
        rate, so = 0.02 if number == 0 else 0.008, f"round {number} of {recipe.rounds}: "
        learned = partial(progress, so + "learning")
        loss = fit(net, *_arrays(lesson), recipe.steps[min(number, 1)], rate, rng, learned)
        weights = weights_of(net)
        laps = _check(weights, tests, partial(progress, so + "driving laps"))
        rms_m = max((lap.rms_m for lap in laps), default=math.inf)
        done = Round(number, len(lesson.said), loss, sum(lap.whole for lap in laps), rms_m)
        told(done)
        rounds.append(done)
        rank = (-done.laps, rms_m)
        if best is None or rank < best[0]:
            best = (rank, done, weights)
        if number < recipe.rounds:
            _go_astray(lesson, roads, weights, recipe, rng, partial(progress, so + "going astray"))
    assert best is not None  # noqa: S101 - there is always a round
    return Imitated(best[2], tuple(rounds), best[1])


def _road(*seed: int) -> tuple[Track, Ground]:
    """A track and its ground: every second has shadows, and two of three are motley."""
    look = Look(seed, motley=seed[-1] % 3 > 0, shadows=seed[-1] % 2 > 0)
    track = lay(*seed)
    return track, paint(track, look)


def _view(rng: np.random.Generator) -> View:
    """Light and balance: the usual in two of five."""
    light = math.exp(rng.uniform(math.log(0.38), math.log(1.65)))
    blue, green, red = rng.uniform(0.82, 1.18, 3)
    return View() if rng.random() < 0.4 else View(light=light, balance=(blue, green, red))


def _pose(track: Track, rng: np.random.Generator) -> tuple[Car, int]:
    """A car on the road, askew, and the point of the line next to it."""
    at = int(rng.integers(len(track.line)))
    beside, heading = float(np.clip(rng.normal(0, 0.9), -3, 3)), float(track.heading[at])
    x, y = track.line[at] + beside * np.array([math.sin(heading), -math.cos(heading)])
    return Car(float(x), float(y), heading + rng.normal(0, 0.1)), at


def _look_about(lesson: _Lesson, track: Track, world: World, poses: int, rng: np.random.Generator) -> None:
    for _ in range(poses):
        car, at = _pose(track, rng)
        lesson.add(saturation(world.frame(car)), pursue(track, car, at))


def _go_astray(
    lesson: _Lesson,
    roads: list[tuple[Track, Ground]],
    weights: Mapping[str, F32],
    recipe: Recipe,
    rng: np.random.Generator,
    progress: Callable[[float], None],
) -> None:
    """Drive from poses drawn at random, pushed to a side, and note what the expert would have done."""
    for number, (track, ground) in enumerate(roads):
        for delay_s in DELAYS_S:
            world = World(ground, _view(rng), int(rng.integers(1 << 30)))
            push = float(rng.normal(0, 0.08))

            def driver(car: Car, at: int, track: Track = track, world: World = world, push: float = push) -> float:
                seen = saturation(world.frame(car))
                lesson.add(seen, pursue(track, car, at))
                return steering(weights, seen) + push

            go(track, driver, delay_s, _pose(track, rng)[0], recipe.metres)
        progress((number + 1) / len(roads))


def _check(
    weights: Mapping[str, F32], tests: list[tuple[Track, Ground]], progress: Callable[[float], None]
) -> list[Lap]:
    laps = []
    for k, (track, ground) in enumerate(tests):
        laps.append(drive(track, pilot(weights), World(ground), DELAYS_S[k % len(DELAYS_S)]))
        progress((k + 1) / len(tests))
    return laps


def _arrays(lesson: _Lesson) -> tuple[U8, F32]:
    return np.stack(lesson.seen), np.array(lesson.said, np.float32)
