"""What people do, as bends of a body over time: everyday motions, exercises, and falls in all directions.

A fall is that of an upright pendulum that is let go: slow at first, ever faster (k of `_let_go`), with or without knees
that give way; the time from upright to the floor is .5 to 1.1 s, as on films of real and acted falls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.tools.skeletons.body import Bend, joints

F64 = NDArray[np.float64]
Ease: TypeAlias = Callable[[F64], F64]

STAND = Bend()
LEAST_STATURE, MOST_STATURE = 1.5, 1.95


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion that was carried out.

    kind: its name in `MOTIONS`
    times: float64 (n,), seconds from 0
    points: float64 (n, 17, 3), metres; the person is at first near the origin
    onset: when a fall begins, seconds; None where there is none
    landed: when it has reached the floor
    """

    kind: str
    times: F64
    points: F64
    onset: float | None = None
    landed: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a script: how long it takes to get to a bend, and in which rhythm."""

    seconds: float
    to: Bend
    ease: Ease
    walks: float = 0.0
    onset: bool = False


def _smooth(t: F64) -> F64:
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * t))


def _let_go(t: F64) -> F64:
    return np.asarray((np.cosh(3 * t) - 1) / (math.cosh(3) - 1))


def motion(kind: str, rng: np.random.Generator, rate: float) -> Motion:
    """Carry out a motion of a kind in `MOTIONS`, by somebody of any stature, at `rate` frames a second."""
    return _run(kind, MOTIONS[kind](rng), rng, rate)


def _run(kind: str, script: list[Step], rng: np.random.Generator, rate: float) -> Motion:
    stature = rng.uniform(LEAST_STATURE, MOST_STATURE)
    turn = rng.uniform(-math.pi, math.pi)
    heading = rng.uniform(-math.pi, math.pi) if any(step.walks for step in script) else turn
    ends = np.cumsum([0.0] + [step.seconds for step in script[1:]])
    times = np.arange(0, ends[-1] + 1e-9, 1 / rate)
    bends = np.tile(script[0].to.vector(), (len(times), 1))
    at, feet, way = np.zeros((len(times), 2)), np.ones(len(times)), np.zeros(len(times))
    onset = landed = None
    for before, step, start, end in zip(script, script[1:], ends, ends[1:], strict=False):
        here = (times >= start) & (times <= end)
        part = step.ease((times[here] - start) / max(end - start, 1e-9))[:, None]
        bends[here] = before.to.vector() * (1 - part) + step.to.vector() * part
        bends[times > end] = step.to.vector()
        if step.walks:
            way[here] = step.walks
            feet[here] = 0
            bends[here] += _stride(times[here] - start, step.walks)
        if step.onset:
            onset, landed = float(start), float(end)
    gone = np.cumsum(way) / rate
    at = np.stack([-np.sin(heading) * gone, np.cos(heading) * gone], axis=1)
    if any(step.walks for step in script):
        at -= at[-1] * rng.uniform(0.3, 1.0)  # ends near the middle of the picture
        turn = heading
    bends[:, -1] += turn
    bends += _unrest(bends.shape, rng, rate)
    feet = np.convolve(np.pad(feet, 3, mode="edge"), np.ones(7) / 7, "valid")
    return Motion(kind, times, joints(bends, at, stature, feet), onset, landed)


def _stride(t: F64, speed: float) -> F64:
    """The swing of legs and arms of one who goes on at a speed, statures do not matter, added to a bend."""
    rate, swing = 0.55 + 0.35 * speed, min(0.25 + 0.2 * speed, 0.8)
    phase = 2 * np.pi * rate * t
    out = np.zeros((len(t), len(STAND.vector())))
    names = {name: i for i, name in enumerate(Bend.__dataclass_fields__)}
    for side, shift in (("l", 0.0), ("r", np.pi)):
        out[:, names[f"hip_{side}"]] = swing * np.sin(phase + shift)
        out[:, names[f"knee_{side}"]] = swing * np.clip(np.cos(phase + shift), 0, 1) * 1.2
        out[:, names[f"arm_{side}"]] = -0.8 * swing * np.sin(phase + shift)
    out[:, names["trunk"]] = 0.04 * speed
    return out


def _unrest(shape: tuple[int, int], rng: np.random.Generator, rate: float) -> F64:
    """Nobody is still: slow sway of all angles."""
    n, k = shape
    t = np.arange(n)[:, None] / rate
    sway = sum(
        rng.normal(0, 0.02, k) * np.sin(2 * np.pi * rng.uniform(0.1, 0.6, k) * t + rng.uniform(0, 6.3, k))
        for _ in range(2)
    )
    sway = np.asarray(sway)
    sway[:, list(Bend.__dataclass_fields__).index("seat")] = 0
    sway[:, list(Bend.__dataclass_fields__).index("lean")] *= 0.3
    return sway


def _still(seconds: float, to: Bend) -> Step:
    return Step(seconds, to, _smooth)


def _arms(rng: np.random.Generator, to: Bend) -> Bend:
    """The same with the arms somewhere."""
    return replace(
        to,
        arm_l=rng.uniform(-0.3, 1.2), arm_r=rng.uniform(-0.3, 1.2), out_l=rng.uniform(0, 0.8), out_r=rng.uniform(0, 0.8),
        elbow_l=rng.uniform(0, 1.8), elbow_r=rng.uniform(0, 1.8),
    )  # fmt: skip


def _chair(rng: np.random.Generator) -> Bend:
    seat = rng.uniform(0.24, 0.3)
    return _arms(
        rng,
        Bend(
            trunk=rng.uniform(-0.1, 0.25),
            hip_l=1.5,
            hip_r=1.5,
            knee_l=rng.uniform(1.3, 1.6),
            knee_r=rng.uniform(1.3, 1.6),
            seat=seat,
        ),
    )


def _floor_seat(rng: np.random.Generator) -> Bend:
    knees = rng.uniform(0.0, 2.0)
    return _arms(
        rng,
        Bend(
            trunk=rng.uniform(-0.2, 0.2),
            hip_l=1.5 + knees / 3,
            hip_r=1.5 + knees / 3,
            knee_l=knees,
            knee_r=knees,
            spread=rng.uniform(0.05, 0.4),
        ),
    )


def _lying(rng: np.random.Generator, way: float | None = None) -> Bend:
    """Flat on the floor, on the back, the belly or a side."""
    way = rng.choice([0.0, math.pi, math.pi / 2, -math.pi / 2]) if way is None else way
    return _arms(
        rng,
        Bend(
            lean=math.pi / 2, way=way, hip_l=rng.uniform(0, 0.9), hip_r=rng.uniform(0, 0.9), knee_l=rng.uniform(0, 1.4),
            knee_r=rng.uniform(0, 1.4), trunk=rng.uniform(-0.1, 0.3), spread=rng.uniform(0, 0.3),
        ),
    )  # fmt: skip


def _fall_to(rng: np.random.Generator, way: float) -> list[Step]:
    """From upright to the floor: stiff, or with knees that give way; then lying there, moving a little."""
    seconds = rng.uniform(0.5, 1.1)
    lying = _lying(rng, way)
    steps: list[Step] = []
    if rng.random() < 0.5:
        knees = rng.uniform(1.0, 2.2)
        half = replace(
            lying, lean=rng.uniform(0.3, 0.8), knee_l=knees, knee_r=knees * rng.uniform(0.8, 1), hip_l=knees * 0.6,
            hip_r=knees * 0.6, trunk=rng.uniform(0, 0.6),
        )  # fmt: skip
        steps = [Step(seconds * 0.6, half, _let_go, onset=True), Step(seconds * 0.5, lying, lambda t: t)]
    else:
        steps = [Step(seconds, lying, _let_go, onset=True)]
    moved = replace(lying, arm_l=lying.arm_l + rng.normal(0, 0.3), knee_l=max(0.0, lying.knee_l + rng.normal(0, 0.3)))
    return [*steps, _still(rng.uniform(0.5, 2), moved), _still(rng.uniform(2, 4), moved)]


def _fall(way: float) -> Callable[[np.random.Generator], list[Step]]:
    def script(rng: np.random.Generator) -> list[Step]:
        begin = _arms(rng, STAND)
        first = [_still(0, begin), _still(rng.uniform(0.5, 3), _arms(rng, STAND))]
        if rng.random() < 0.5:
            first = [_still(0, STAND), Step(rng.uniform(1.5, 3), STAND, _smooth, walks=rng.uniform(0.6, 1.5))]
        return [*first, *_fall_to(rng, way + rng.normal(0, 0.15))]

    return script


def _fall_from_chair(rng: np.random.Generator) -> list[Step]:
    chair, way = _chair(rng), float(rng.choice([0.0, 0.6, -0.6, math.pi / 2, -math.pi / 2]))
    lying = _lying(rng, way)
    slipped = replace(lying, lean=0.6, hip_l=1.4, hip_r=1.4, knee_l=1.5, knee_r=1.5, seat=chair.seat * 0.7)
    seconds = rng.uniform(0.5, 1.0)
    return [
        _still(0, chair), _still(rng.uniform(1, 3), chair), Step(seconds * 0.6, slipped, _let_go, onset=True),
        Step(seconds * 0.5, replace(lying, seat=0.0), lambda t: t), _still(rng.uniform(2, 4), lying),
    ]  # fmt: skip


def _walk(rng: np.random.Generator) -> list[Step]:
    return [_still(0, STAND), Step(rng.uniform(3, 6), STAND, _smooth, walks=rng.uniform(0.5, 1.6))]


def _run_by(rng: np.random.Generator) -> list[Step]:
    return [
        _still(0, replace(STAND, elbow_l=1.4, elbow_r=1.4)),
        Step(2, replace(STAND, elbow_l=1.4, elbow_r=1.4), _smooth, walks=rng.uniform(3, 4)),
    ]


def _stand(rng: np.random.Generator) -> list[Step]:
    return [_still(0, STAND), *(_still(rng.uniform(0.6, 2), _arms(rng, STAND)) for _ in range(4))]


def _sit(rng: np.random.Generator) -> list[Step]:
    chair = _chair(rng)
    down = replace(chair, trunk=0.6, seat=0.0, hip_l=1.3, hip_r=1.3)
    return [
        _still(0, STAND), _still(rng.uniform(0.5, 2), STAND), Step(rng.uniform(0.7, 1.6), replace(down, seat=chair.seat), _smooth),
        _still(0.6, chair), _still(rng.uniform(2, 5), chair), _still(rng.uniform(0.8, 1.5), STAND), _still(1, STAND),
    ]  # fmt: skip


def _sit_on_floor(rng: np.random.Generator) -> list[Step]:
    seat = _floor_seat(rng)
    squat = Bend(hip_l=2.0, hip_r=2.0, knee_l=2.3, knee_r=2.3, trunk=0.5, arm_l=0.3, arm_r=0.3)
    return [
        _still(0, STAND), _still(rng.uniform(0.5, 2), STAND), _still(rng.uniform(0.8, 1.5), squat),
        _still(rng.uniform(0.5, 1.2), seat), _still(rng.uniform(3, 6), seat),
    ]  # fmt: skip


def _lie_down(rng: np.random.Generator) -> list[Step]:
    """On the floor or a bed: sit, then lie, as one who means to."""
    bed = rng.choice([0.0, rng.uniform(0.2, 0.3)])
    seat = replace(_floor_seat(rng), seat=bed) if not bed else replace(_chair(rng), seat=bed)
    lying = replace(_lying(rng, float(rng.choice([math.pi, math.pi, math.pi / 2, -math.pi / 2]))), seat=bed)
    first = _still(rng.uniform(1.2, 2.2), seat)
    pause = _still(rng.uniform(0.3, 2), seat)
    return [
        _still(0, STAND),
        _still(rng.uniform(0.5, 1.5), STAND),
        first,
        pause,
        _still(rng.uniform(1.6, 3), lying),
        _still(rng.uniform(3, 6), lying),
    ]


def _sleep(rng: np.random.Generator) -> list[Step]:
    lying = _lying(rng)
    turned = replace(lying, way=lying.way + rng.normal(0, 0.3), knee_l=rng.uniform(0, 1.2))
    return [_still(0, lying), _still(3, lying), _still(1.5, turned), _still(3, turned)]


def _pick_up(rng: np.random.Generator) -> list[Step]:
    knees = rng.uniform(0.0, 1.8)
    down = Bend(
        trunk=rng.uniform(0.9, 1.5),
        hip_l=knees * 0.6,
        hip_r=knees * 0.6,
        knee_l=knees,
        knee_r=knees,
        arm_l=0.4,
        arm_r=rng.uniform(0.6, 1.6),
        elbow_l=0.1,
        elbow_r=0.1,
    )
    steps = [_still(0, STAND), _still(rng.uniform(0.5, 1.5), STAND)]
    for _ in range(rng.integers(1, 4)):
        steps += [
            _still(rng.uniform(0.6, 1.3), down),
            _still(rng.uniform(0.1, 0.8), down),
            _still(rng.uniform(0.6, 1.2), STAND),
            _still(0.8, STAND),
        ]
    return steps


def _tie_shoe(rng: np.random.Generator) -> list[Step]:
    kneel = Bend(
        trunk=rng.uniform(0.6, 1.2),
        hip_l=1.9,
        knee_l=2.0,
        hip_r=rng.uniform(0.2, 1.6),
        knee_r=2.1,
        arm_l=0.8,
        arm_r=0.8,
        elbow_l=0.4,
        elbow_r=0.4,
    )
    return [
        _still(0, STAND),
        _still(rng.uniform(0.5, 1.5), STAND),
        _still(rng.uniform(0.8, 1.5), kneel),
        _still(rng.uniform(3, 6), kneel),
        _still(1.2, STAND),
        _still(1, STAND),
    ]


def _squats(rng: np.random.Generator) -> list[Step]:
    deep = rng.uniform(1.3, 2.2)
    down = Bend(hip_l=deep * 0.9, hip_r=deep * 0.9, knee_l=deep, knee_r=deep, trunk=0.35, arm_l=1.4, arm_r=1.4)
    steps = [_still(0, STAND), _still(0.8, STAND)]
    for _ in range(4):
        steps += [_still(rng.uniform(0.5, 1.0), down), _still(rng.uniform(0.5, 1.0), STAND)]
    return steps


def _push_ups(rng: np.random.Generator) -> list[Step]:
    """Squat, hands to the floor, feet back; up and down; and up again."""
    squat = Bend(
        hip_l=2.2, hip_r=2.2, knee_l=2.4, knee_r=2.4, trunk=0.5, arm_l=1.0, arm_r=1.0, elbow_l=0.1, elbow_r=0.1
    )
    plank = Bend(lean=1.22, arm_l=1.25, arm_r=1.25, elbow_l=0.05, elbow_r=0.05, out_l=0.1, out_r=0.1)
    down = replace(plank, lean=1.45, arm_l=-0.5, arm_r=-0.5, elbow_l=2.0, elbow_r=2.0)
    steps = [
        _still(0, STAND),
        _still(1, STAND),
        _still(rng.uniform(0.9, 1.5), squat),
        _still(rng.uniform(0.8, 1.4), plank),
    ]
    for _ in range(rng.integers(3, 6)):
        steps += [_still(rng.uniform(0.5, 1.0), down), _still(rng.uniform(0.5, 1.0), plank)]
    return [*steps, _still(1, squat), _still(1, STAND)]


def _jacks(rng: np.random.Generator) -> list[Step]:
    up = replace(STAND, out_l=2.8, out_r=2.8, spread=0.4)
    steps = [_still(0, STAND)]
    for _ in range(6):
        steps += [_still(0.4, up), _still(0.4, STAND)]
    return steps


def _bend(rng: np.random.Generator) -> list[Step]:
    down = Bend(
        trunk=rng.uniform(0.7, 1.5),
        arm_l=rng.uniform(0.2, 1.2),
        arm_r=rng.uniform(0.2, 1.2),
        hip_l=-0.1,
        hip_r=-0.1,
        knee_l=0.1,
        knee_r=0.1,
    )
    return [
        _still(0, STAND),
        _still(1, STAND),
        _still(rng.uniform(0.7, 1.5), down),
        _still(rng.uniform(1, 5), down),
        _still(1, STAND),
        _still(0.5, STAND),
    ]


def _crouch(rng: np.random.Generator) -> list[Step]:
    down = Bend(hip_l=2.1, hip_r=2.1, knee_l=2.4, knee_r=2.4, trunk=rng.uniform(0.2, 0.8), arm_l=0.9, arm_r=0.9)
    return [
        _still(0, STAND),
        _still(1, STAND),
        _still(rng.uniform(0.7, 1.3), down),
        _still(rng.uniform(2, 5), down),
        _still(1, STAND),
        _still(0.5, STAND),
    ]


def _crawl(rng: np.random.Generator) -> list[Step]:
    fours = Bend(lean=1.3, hip_l=1.5, hip_r=1.5, knee_l=1.6, knee_r=1.6, arm_l=1.4, arm_r=1.4, elbow_l=0.1, elbow_r=0.1)
    other = replace(fours, hip_l=1.8, hip_r=1.2, arm_l=1.1, arm_r=1.7)
    kneel = Bend(hip_l=0.2, hip_r=0.2, knee_l=1.7, knee_r=1.7, trunk=0.3)
    steps = [
        _still(0, STAND),
        _still(0.8, STAND),
        _still(rng.uniform(1.0, 1.6), kneel),
        _still(rng.uniform(0.8, 1.4), fours),
    ]
    for _ in range(4):
        steps += [_still(0.5, other), _still(0.5, fours)]
    return steps


FALLS: dict[str, Callable[[np.random.Generator], list[Step]]] = {
    **{f"fall_{name}": _fall(way * math.pi / 4) for way, name in enumerate(("forward", "forward_right", "right", "back_right", "back", "back_left", "left", "forward_left"))},
    "fall_from_chair": _fall_from_chair,
}  # fmt: skip
EVERYDAY: dict[str, Callable[[np.random.Generator], list[Step]]] = {
    "walk": _walk, "run": _run_by, "stand": _stand, "sit": _sit, "sit_on_floor": _sit_on_floor, "lie_down": _lie_down,
    "sleep": _sleep, "pick_up": _pick_up, "tie_shoe": _tie_shoe, "squats": _squats, "push_ups": _push_ups,
    "jumping_jacks": _jacks, "bend": _bend, "crouch": _crouch, "crawl": _crawl,
}  # fmt: skip
MOTIONS = FALLS | EVERYDAY
"""Every motion, by its name: what makes its script."""
