"""A lap: a pilot's commands at a fixed rate, the car's way, and what comes of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.tools.steer.sim.car import SPEED, TICK, Car
from edge.tools.steer.sim.expert import pursue
from edge.tools.steer.sim.track import WIDTH, Track
from edge.tools.steer.sim.world import World
from edge.types import U8

PERIOD = 5
"""Ticks between two commands: 20 Hz."""
PATIENCE = 1.5
"""A lap that takes longer than so many times its length is none."""

Pilot = Callable[[U8], float]
"""A BGR frame, uint8 (160, 320, 3), in; the steering -1..1 out, + to the right."""
Driver = Callable[[Car, int], float]
"""Where the car is, and the point of the track's line next to it; the steering out."""


@dataclass(frozen=True, slots=True)
class Lap:
    """How a drive went.

    whole: the car came round
    off: its centre left the road
    rms_m, worst_m: cross-track error, metres
    jerk: lateral, RMS over the cycles, m/s3
    metres: driven along the road
    """

    whole: bool
    off: bool
    rms_m: float
    worst_m: float
    jerk: float
    metres: float


def drive(track: Track, pilot: Pilot, world: World, delay_s: float = 0.0) -> Lap:
    """One lap by what the camera sees. delay_s: added between a frame and the command that comes of it."""
    return go(track, lambda car, _: pilot(world.frame(car)), delay_s)


def expert(track: Track) -> Driver:
    """Pure pursuit along the middle of a track."""
    return lambda car, at: pursue(track, car, at)


def steer_0(_car: Car, _at: int) -> float:
    """A driver who never steers: who comes round with it has an empty track."""
    return 0.0


def go(track: Track, driver: Driver, delay_s: float = 0.0, start: Car | None = None, metres: float = math.inf) -> Lap:
    """Drive until the lap is done, the road is left or the way is driven.

    Args:
        driver: asked every `PERIOD` ticks; not a number counts as straight ahead
        delay_s: until a command reaches the actuator, which lags besides; in whole ticks
        start: where from; without it the first point of the line, along the road
        metres: how far at most
    """
    x, y = track.line[0].tolist()
    car = start or Car(x, y, float(track.heading[0]))
    at = track.nearest(car.x, car.y)
    waiting = deque([0.0] * round(delay_s / TICK))
    beside, sideways, gone, command = [], [], 0, 0.0
    goal = min(metres, track.length)
    for tick in range(max(PERIOD, int(PATIENCE * goal / SPEED / TICK))):
        if tick % PERIOD == 0:
            said = driver(car, at)
            command = said if math.isfinite(said) else 0.0
        waiting.append(command)
        car = car.tick(waiting.popleft())
        if tick % PERIOD != PERIOD - 1:
            continue
        now = track.nearest(car.x, car.y, at)
        gone += (now - at + len(track.line) // 2) % len(track.line) - len(track.line) // 2
        at = now
        beside.append(track.beside(car.x, car.y, at))
        sideways.append(car.sideways)
        if abs(beside[-1]) > WIDTH / 2 or gone * track.spacing >= goal:
            break
    off = abs(beside[-1]) > WIDTH / 2
    jerks = np.diff(sideways, prepend=0.0) / (PERIOD * TICK)
    rms, jerk = (float(np.sqrt(np.mean(np.square(values)))) for values in (beside, jerks))
    whole = not off and gone * track.spacing >= track.length
    return Lap(whole, off, rms, float(np.abs(beside).max()), jerk, gone * track.spacing)
