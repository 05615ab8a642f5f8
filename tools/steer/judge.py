"""Pilots over tracks that none of them learned from, in a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from edge.tools.steer.sim.drive import Lap, Pilot, drive, expert, go, steer_0
from edge.tools.steer.sim.ground import Look, paint
from edge.tools.steer.sim.track import lay
from edge.tools.steer.sim.world import View, World

JUDGED = 0
"""Begins the seeds of the tracks that judge; those of `imitate` begin otherwise."""
Scene = Literal["plain", "shadows", "light", "balance", "bridge"]
SCENES: tuple[Scene, ...] = get_args(Scene)
LIGHT = (0.4, 1.6)
"""Factors on the light, even steps from the first track to the last."""
BALANCE = (0.85, 1.15)
"""Between which each colour's factor is drawn."""
EXPERT, STEER_0 = "expert", "steer-0"


@dataclass(frozen=True, slots=True)
class Row:
    """How a pilot did.

    laps: tracks that it came round on
    cross_track_rms_m: over all that was driven, metres; each: by track
    cross_track_worst_m: the largest cross-track error, metres
    off_track: tracks on which the car's centre left the road
    jerk: lateral, RMS, m/s3
    """

    pilot: str
    laps: int
    cross_track_rms_m: float
    cross_track_worst_m: float
    off_track: int
    jerk: float
    cross_track_rms_each_m: tuple[float, ...]

    @staticmethod
    def of(pilot: str, laps: list[Lap]) -> Row:
        """A row of one pilot's laps; longer drives count more."""
        metres = np.array([max(lap.metres, 1e-3) for lap in laps])

        def mean(values: list[float]) -> float:
            return round(math.sqrt(float(np.average(np.square(values), weights=metres))), 4)

        return Row(
            pilot,
            sum(lap.whole for lap in laps),
            mean([lap.rms_m for lap in laps]),
            round(max(lap.worst_m for lap in laps), 4),
            sum(lap.off for lap in laps),
            mean([lap.jerk for lap in laps]),
            tuple(round(lap.rms_m, 4) for lap in laps),
        )


def judge(
    pilots: Mapping[str, Pilot],
    tracks: int,
    seed: int,
    delay_s: float = 0.0,
    scene: Scene = "plain",
    told: Callable[[], None] = lambda: None,
) -> list[Row]:
    """Each pilot, the expert and one who never steers on the same tracks, from the same frames on.

    Args:
        delay_s: added between a frame and the command that comes of it, for all of them
        told: hears of every lap
    """
    laps: dict[str, list[Lap]] = {name: [] for name in (*pilots, EXPERT, STEER_0)}
    for number in range(tracks):
        track = lay(JUDGED, seed, number)
        for name, driver in ((EXPERT, expert(track)), (STEER_0, steer_0)):
            laps[name].append(go(track, driver, delay_s))
            told()
        if not pilots:
            continue
        look, view = scenery(scene, tracks, seed, number)
        ground = paint(track, look)
        for name, pilot in pilots.items():
            laps[name].append(drive(track, pilot, World(ground, view, number), delay_s))
            told()
    order = sorted(laps, key=lambda name: (name == STEER_0, name == EXPERT))
    return [Row.of(name, laps[name]) for name in order]


def scenery(scene: Scene, tracks: int, seed: int, number: int) -> tuple[Look, View]:
    """What a track of a scene looks like, and in which light it is seen."""
    look = Look((JUDGED, seed, number), shadows=scene == "shadows", bridges=scene == "bridge")
    if scene == "light":
        return look, View(light=float(np.linspace(*LIGHT, max(tracks, 2))[number]))
    if scene == "balance":
        blue, green, red = np.random.default_rng((JUDGED, seed, number, 1)).uniform(*BALANCE, 3)
        return look, View(balance=(blue, green, red))
    return look, View()
