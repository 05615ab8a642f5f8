"""Pilots in CarRacing-v3, on tracks that none of them learned from, in a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from edge.tools.steer.carracing import Drive, Driver, Race, by_expert, straight_on
from edge.tools.steer.judge import EXPERT, STEER_0
from edge.types import U8, Steering

MOST = 1000
"""Tracks of a seed at most: seeds of the simulator are seed * MOST + number."""
LAST = (1 << 30) // MOST - 1
"""The last seed that has no track of those that teach."""


@dataclass(frozen=True, slots=True)
class Row:
    """How a pilot did; the first keys as those of `judge.Row`.

    jerk: none, since the simulator's contacts make its accelerations jump
    score, scores: the simulator's, mean and by track
    """

    pilot: str
    laps: int
    cross_track_rms_m: float
    cross_track_worst_m: float
    off_track: int
    jerk: None
    cross_track_rms_each_m: tuple[float, ...]
    score: float
    scores: tuple[float, ...]

    @staticmethod
    def of(pilot: str, drives: list[Drive]) -> Row:
        """A row of one pilot's drives; longer ones count more in the error."""
        squares = [drive.rms_m**2 for drive in drives]
        return Row(
            pilot,
            sum(drive.whole for drive in drives),
            round(math.sqrt(float(np.average(squares, weights=[drive.steps for drive in drives]))), 4),
            round(max(drive.worst_m for drive in drives), 4),
            sum(drive.off for drive in drives),
            None,
            tuple(round(drive.rms_m, 4) for drive in drives),
            round(float(np.mean([drive.score for drive in drives])), 1),
            tuple(round(drive.score, 1) for drive in drives),
        )


def judge(
    pilots: Mapping[str, Callable[[U8], Steering]], tracks: int, seed: int, told: Callable[[], None] = lambda: None
) -> list[Row]:
    """Each pilot, the expert and one who never steers on the same tracks.

    Args:
        tracks: 1..MOST; seed: 0..LAST
        told: hears of every drive

    Raises:
        MissingError: gymnasium, or what it wants for this environment, is not here.
    """
    drivers: dict[str, Driver] = {name: _driver(pilot) for name, pilot in pilots.items()}
    drivers |= {EXPERT: by_expert, STEER_0: straight_on}
    drives: dict[str, list[Drive]] = {name: [] for name in drivers}
    race = Race()
    try:
        for number in range(tracks):
            for name, driver in drivers.items():
                drives[name].append(race.run(seed * MOST + number, driver))
                told()
    finally:
        race.close()
    return [Row.of(name, driven) for name, driven in drives.items()]


def _driver(pilot: Callable[[U8], Steering]) -> Driver:
    return lambda picture, race: pilot(picture)
