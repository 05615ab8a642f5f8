"""A pilot for CarRacing-v3 that learns from the expert: its drives first, then where it drove itself (DAgger).

S. Ross, G. Gordon, D. Bagnell, A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
Learning, AISTATS 2011, algorithm 3.1. It sees one picture in grey, with the panel, and nothing else; it tells steering
and throttle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.tools.steer import network
from edge.tools.steer.carracing import SIDE, Drive, Race
from edge.tools.steer.layers import Conv, Dense, Flatten, Net, Scale
from edge.tools.steer.tensors import Held, drawn, run, weights_of
from edge.tools.steer.torched import fit
from edge.tools.train.backend import torch
from edge.types import F32, U8, Steering

TAUGHT = 1 << 30
"""Begins the seeds of the tracks that are learned from; those that judge are below."""
NET = Net(
    "racer",
    (SIDE, SIDE, 1),
    (
        Scale(),
        Conv("conv1", 5, 8, stride=4, then="elu"),
        Conv("conv2", 3, 12, stride=2, then="elu"),
        Conv("conv3", 3, 16, stride=2, then="elu"),
        Flatten(),
        Dense("dense1", 5, then="elu"),
        Dense("dense2", 2),
    ),
    given="grey",
    gives="told",
)
NOTES = "Steering and throttle in gymnasium's CarRacing-v3, by its picture; `edge steer imitate --sim carracing`."
LABELS = ("steering", "throttle")
RATE = 0.004
"""The highest; it rises for a third of the steps and falls to nothing."""
_LOST_M = 25.0
"""So far from the road nothing is to be learned any more."""
_EVERY = 2
"""One in so many pictures is kept: neighbours are alike."""
_NOISE, _LASTS = 0.15, 0.9
"""By which every second of the expert's drives is disturbed, and what is left of it a step later."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is taught.

    tracks: that the expert drives
    rounds: of driving itself and learning what the expert would have done there
    drives: of a round, on tracks that are new to it: their scores choose the round
    steps: of learning before the first round, and after each
    """

    seed: int = 0
    tracks: int = 16
    rounds: int = 2
    drives: int = 8
    steps: tuple[int, int] = (2000, 1000)


@dataclass(frozen=True, slots=True)
class Round:
    """After a round of learning. samples: so far; loss: mean square of all; score: mean of its drives on tracks that it
    had not learned from; laps: how many of them it finished."""

    number: int
    samples: int
    loss: float
    score: float
    laps: int


@dataclass(frozen=True, slots=True)
class Imitated:
    """The best round's weights by name as `layers` has them, and all rounds."""

    weights: Mapping[str, F32]
    rounds: tuple[Round, ...]
    chosen: Round


@dataclass(slots=True)
class _Lesson:
    """What has been seen, uint8 (96, 96), and what the expert said of it."""

    seen: list[U8] = field(default_factory=list)
    said: list[tuple[float, float]] = field(default_factory=list)


Progress: TypeAlias = Callable[[str, float], None]
"""Is told what is done, and how much of it has been, 0..1."""


class Eye:
    """What the network sees of a picture, by the very code that feeds an engine. One thread."""

    def __init__(self) -> None:
        self._fit = Fit.of((SIDE, SIDE), manifest("eye").input)
        self._tensor = self._fit.blank()

    def see(self, picture: U8) -> U8:
        """Grey, uint8 (96, 96), of BGR uint8 (96, 96, 3)."""
        self._fit.bgr(picture, self._tensor)
        return np.asarray(self._tensor[0, :, :, 0], np.uint8)


def manifest(name: str) -> Manifest:
    """What the network takes and gives."""
    described = network.manifest(NET, name, NOTES)
    return replace(described, input=replace(described.input, colour="GRAY", rows=(0.0, 1.0)), labels=LABELS)


def imitate(
    recipe: Recipe, told: Callable[[Round], None] = lambda _: None, progress: Progress = lambda doing, part: None
) -> Imitated:
    """Teach a network to race as the expert does. The same recipe gives the same weights on one machine.

    Args:
        told: hears of every round

    Raises:
        MissingError: gymnasium or torch is not here.
    """
    torch().set_num_threads(1)  # sums in one order, whatever the cores
    rng = np.random.default_rng((TAUGHT, recipe.seed))
    race, lesson, held = Race(), _Lesson(), drawn(NET, rng)
    best: tuple[Round, Mapping[str, F32]] | None = None
    rounds: list[Round] = []
    try:
        for number in range(recipe.tracks):
            race.run(_track(rng), _expert(lesson, _NOISE * (number % 2), rng))
            progress("watching the expert", (number + 1) / recipe.tracks)
        for number in range(recipe.rounds + 1):
            so, samples = f"round {number} of {recipe.rounds}: ", len(lesson.said)
            steps, learned = recipe.steps[min(number, 1)], partial(progress, so + "learning")
            loss = fit(held, *_arrays(lesson), steps, RATE, rng, learned, _told)
            drives: list[Drive] = []
            for k in range(recipe.drives):
                drives.append(race.run(_track(rng), _itself(held, lesson)))
                progress(so + "driving", (k + 1) / recipe.drives)
            score = float(np.mean([drive.score for drive in drives]))
            done = Round(number, samples, loss, score, sum(drive.whole for drive in drives))
            told(done)
            rounds.append(done)
            if best is None or score >= best[0].score:
                best = (done, weights_of(held))
    finally:
        race.close()
    assert best is not None  # noqa: S101 - there is always a round
    return Imitated(best[1], tuple(rounds), best[0])


def _arrays(lesson: _Lesson) -> tuple[U8, F32]:
    return np.stack(lesson.seen), np.array(lesson.said, np.float32)


def _told(held: Held, seen: Any) -> Any:
    return run(NET, held, seen)[NET.gives]


def _track(rng: np.random.Generator) -> int:
    return int(rng.integers(TAUGHT, TAUGHT << 1))


def _expert(lesson: _Lesson, noise: float, rng: np.random.Generator) -> Callable[[U8, Race], Steering]:
    """The expert, disturbed: so that there is something to see of how it comes back."""
    eye, pushed, count = Eye(), np.zeros(2), 0

    def driver(picture: U8, race: Race) -> Steering:
        nonlocal pushed, count
        said = race.expert()
        _note(lesson, eye, picture, said, count)
        pushed, count = _LASTS * pushed + noise * rng.normal(size=2), count + 1
        return Steering(said.steering + float(pushed[0]), said.throttle + float(pushed[1]))

    return driver


def _itself(held: Held, lesson: _Lesson) -> Callable[[U8, Race], Steering | None]:
    """The network as it is; the expert says what it would have done."""
    eye, t, count = Eye(), torch(), 0

    def driver(picture: U8, race: Race) -> Steering | None:
        nonlocal count
        if race.beside_m() > _LOST_M:
            return None
        _note(lesson, eye, picture, race.expert(), count)
        count += 1
        with t.no_grad():
            steering, throttle = _told(held, t.from_numpy(eye.see(picture))[None, None])[0].tolist()
        return Steering(steering, throttle)

    return driver


def _note(lesson: _Lesson, eye: Eye, picture: U8, said: Steering, count: int) -> None:
    if count % _EVERY == 0:
        lesson.seen.append(eye.see(picture))
        lesson.said.append((said.steering, said.throttle))
