"""Falls: in eight directions, from standing, walking and a chair, with hands that catch the body and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge.tools.skeletons.body import F64, changed
from edge.tools.skeletons.everyday import held, walked
from edge.tools.skeletons.motion import Motion, Move, sway
from edge.tools.skeletons.poses import Random, kneeling, lying, on_floor, seated, standing

DIRECTIONS = tuple(45.0 * step for step in range(8))
"""Degrees from ahead, clockwise."""


def _way(random: Random) -> float:
    return float(random.choice(DIRECTIONS) + random.uniform(-15, 15))


def _leaning(base: F64, way: float, tilt: float) -> dict[str, float]:
    angle = np.radians(way)
    return {"ahead": float(base[0] * 0.3 + tilt * np.cos(angle)), "aside": float(tilt * np.sin(angle))}


def _arms(random: Random, way: float) -> dict[str, float]:
    """Hands that go where the body falls; or hang."""
    if random.random() < 0.4:
        return {}
    ahead = np.cos(np.radians(way))
    return {"arm": 50 + 70 * ahead + random.uniform(-25, 25), "wing": random.uniform(10, 70), "elbow": 20.0}


def _start(random: Random) -> tuple[F64, list[Move]]:
    """Standing, or walking."""
    base = standing(random)
    if random.random() < 0.5:
        return base, [walked(random, base, random.uniform(1, 3.5))]
    return base, [held(random, base, 0.8, 3)]


def _end(random: Random, low: F64) -> list[Move]:
    """What comes after: a jolt, lying, some propped up, some trying to move."""
    shifted = changed(low, knee_r=max(0.0, low[13] + random.uniform(-15, 15)), arm_l=low[14] + random.uniform(-5, 15))
    if low[0] < -45 and random.random() < 0.35:
        shifted = changed(shifted, flex=random.uniform(15, 45))
    after = [Move(float(random.uniform(0.15, 0.5)), shifted), held(random, shifted, 2.5, 5)]
    if random.random() < 0.3:
        moved = changed(shifted, arm_l=random.uniform(0, 120), knee_l=random.uniform(0, 90), flex=random.uniform(0, 25))
        after += [Move(float(random.uniform(0.6, 1.5)), moved), held(random, moved, 0.5, 2)]
    return after


def _made(kind: str, random: Random, base: F64, before: list[Move], down: list[Move], low: F64) -> Motion:
    moves = (*before, *down, *_end(random, low))
    return Motion(kind, base, moves, (len(before), len(before) + len(down)), sway(random, random.uniform(0.2, 1.0)))


def topple(random: Random) -> Motion:
    """Like a felled tree, knees giving way a little."""
    base, before = _start(random)
    at, way = before[-1].to, _way(random)
    low = lying(random, at, way)
    if random.random() < 0.5:
        low = changed(low, lift=random.choice([0.0, 0.0, random.uniform(0.15, 0.5)]))
    seconds, part = random.uniform(0.65, 1.7), random.uniform(0.5, 0.7)
    knees = random.uniform(5, 45)
    half = changed(at, **_leaning(at, way, random.uniform(18, 32)), hip=knees / 2, knee=knees, **_arms(random, way))
    down = [Move(seconds * part, half, "fall"), Move(seconds * (1 - part), low, "even")]
    return _made("topple", random, base, before, down, low)


def crumple(random: Random) -> Motion:
    """The knees give way first, then the body goes over."""
    base, before = _start(random)
    at, way = before[-1].to, _way(random)
    knees = changed(kneeling(random, at), flex=random.uniform(10, 50), nod=random.uniform(0, 40))
    low = lying(random, at, way)
    down = [Move(float(random.uniform(0.35, 1.0)), knees, "fall"), Move(float(random.uniform(0.35, 1.0)), low)]
    return _made("crumple", random, base, before, down, low)


def slip(random: Random) -> Motion:
    """Backwards, onto the seat and then the back."""
    base, before = _start(random)
    at, way = before[-1].to, float(180 + random.uniform(-40, 40))
    seat = changed(on_floor(random, at), **_leaning(at, way, random.uniform(10, 40)), hip=random.uniform(60, 100))
    seat = changed(seat, arm=random.uniform(-50, 70), wing=random.uniform(10, 60), knee=random.uniform(10, 80))
    low = lying(random, at, way)
    down = [Move(float(random.uniform(0.4, 1.0)), seat, "fall"), Move(float(random.uniform(0.25, 0.9)), low)]
    return _made("slip", random, base, before, down, low)


def from_chair(random: Random) -> Motion:
    """Off a chair, to a side or ahead."""
    base = seated(random, standing(random))
    before = [held(random, base, 0.8, 3)]
    way = float(random.choice([0, 45, -45, 90, -90, 90, -90]) + random.uniform(-15, 15))
    low = lying(random, base, way)
    if abs(way) > 75:  # on a side, as bent as one sat
        low = changed(low, hip=random.uniform(20, 95), knee=random.uniform(20, 100))
    half = changed(base, **_leaning(base, way, random.uniform(20, 40)), **_arms(random, way))
    down = [Move(float(random.uniform(0.35, 0.9)), half, "fall"), Move(float(random.uniform(0.3, 0.8)), low)]
    return _made("fall from a chair", random, base, before, down, low)


def rise_and_fall(random: Random) -> Motion:
    """Stands up from a chair, sways and goes down."""
    up = standing(random)
    base, way = seated(random, up), _way(random)
    before = [held(random, base, 0.3, 1.5), Move(float(random.uniform(0.8, 1.4)), up), held(random, up, 0.2, 1)]
    low = lying(random, up, way)
    seconds, knees = random.uniform(0.7, 1.6), random.uniform(10, 60)
    half = changed(up, **_leaning(up, way, 25), hip=knees / 2, knee=knees, **_arms(random, way))
    down = [Move(seconds * 0.6, half, "fall"), Move(seconds * 0.4, low, "even")]
    return _made("rise and fall", random, base, before, down, low)


def stumble(random: Random) -> Motion:
    """Trips, takes hasty steps with the torso ahead, and lands on hands and belly."""
    base = standing(random)
    go = walked(random, base, random.uniform(1, 2.5), random.uniform(0.9, 1.6))
    bent = changed(go.to, flex=random.uniform(15, 35), arm=random.uniform(30, 80))
    hasty = walked(random, bent, random.uniform(0.3, 0.7), 1.6)
    low = lying(random, hasty.to, random.uniform(-25, 25))
    half = changed(hasty.to, **_leaning(hasty.to, 0, 35), flex=20, hip_l=40, knee_l=50, arm=random.uniform(60, 120))
    down = [Move(float(random.uniform(0.3, 0.5)), half, "fall"), Move(float(random.uniform(0.25, 0.4)), low, "even")]
    return _made("stumble", random, base, [go, hasty], down, low)


def off_bed(random: Random) -> Motion:
    """Sits on a bed's edge, slumps to the floor and lies."""
    base = changed(seated(random, standing(random)), lift=0.05)
    before = [held(random, base, 0.8, 2.5)]
    slumped = changed(on_floor(random, base), ahead=random.uniform(-30, 10), flex=random.uniform(20, 60))
    low = lying(random, base, float(random.choice([90, -90, 60, -60])))
    down = [Move(float(random.uniform(0.4, 0.8)), slumped, "fall"), Move(float(random.uniform(0.4, 0.8)), low)]
    return _made("fall off a bed", random, base, before, down, low)


TRAINED: Sequence[Callable[[Random], Motion]] = (topple, crumple, slip, from_chair, rise_and_fall)
UNSEEN: Sequence[Callable[[Random], Motion]] = (stumble, off_bed)
"""Kinds that nothing is trained on."""
