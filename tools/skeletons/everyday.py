"""What people do all day, and what is no fall however low it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge.tools.skeletons.body import F64, changed
from edge.tools.skeletons.motion import Motion, Move, cycle, gait, sway
from edge.tools.skeletons.poses import (
    Random,
    all_fours,
    bent_over,
    crouched,
    kneeling,
    lying,
    on_floor,
    plank,
    seated,
    standing,
)


def walked(random: Random, base: F64, seconds: float, speed: float | None = None) -> Move:
    """A walk, straight on or in a bow."""
    speed = float(random.uniform(0.4, 1.5)) if speed is None else speed
    turn = random.uniform(-15, 15) * seconds
    where = np.radians(base[3] + turn / 2)
    x, y = base[-2] - np.sin(where) * speed * seconds, base[-1] + np.cos(where) * speed * seconds
    to = changed(base, heading=base[3] + turn, x=x, y=y, knee=6)
    return Move(seconds, to, "even", gait(random, speed))


def held(random: Random, base: F64, low: float = 0.5, high: float = 4.0) -> Move:
    """Staying so."""
    return Move(float(random.uniform(low, high)), base)


def _to(random: Random, to: F64, low: float, high: float) -> Move:
    return Move(float(random.uniform(low, high)), to)


def walk(random: Random) -> Motion:
    """Walks, and may stop."""
    base = standing(random)
    go = walked(random, base, random.uniform(2.5, 5))
    return Motion(
        "walk", base, (go, held(random, go.to), walked(random, go.to, random.uniform(1, 3))), None, _s(random)
    )


def run(random: Random) -> Motion:
    """Runs by."""
    base = changed(standing(random), elbow=random.uniform(60, 110), flex=random.uniform(5, 15))
    go = walked(random, base, random.uniform(1.5, 3), random.uniform(2.5, 4))
    return Motion("run", base, (go,), None, _s(random))


def stand(random: Random) -> Motion:
    """Stands and moves the arms."""
    base = standing(random)
    reach = changed(base, arm=random.uniform(20, 160), elbow=random.uniform(0, 80), flex=random.uniform(-5, 20))
    return Motion(
        "stand", base, (held(random, base), _to(random, reach, 0.5, 1.5), held(random, reach)), None, _s(random)
    )


def _s(random: Random) -> tuple[F64, F64, F64]:
    return sway(random, float(random.uniform(0.3, 1.5)))


def _there_and_back(
    kind: str, low: Callable[[Random, F64], F64], down: tuple[float, float], stay: tuple[float, float]
) -> Callable[[Random], Motion]:
    """Standing, walking perhaps, then low, then often up again."""

    def make(random: Random) -> Motion:
        base = standing(random)
        moves = [held(random, base, 0.3, 2.0)]
        if random.random() < 0.5:
            moves = [walked(random, base, random.uniform(1, 3))]
        there = low(random, moves[-1].to)
        moves += [_to(random, there, *down), held(random, there, *stay)]
        if random.random() < 0.6:
            moves += [_to(random, moves[0].to, down[0] + 0.2, down[1] + 0.5), held(random, moves[0].to, 0.5, 2)]
        return Motion(kind, base, tuple(moves), None, _s(random))

    return make


sit = _there_and_back("sit", seated, (0.7, 1.6), (1.5, 5.0))
drop_on_chair = _there_and_back("drop on a chair", seated, (0.4, 0.7), (1.5, 5.0))
sit_on_floor = _there_and_back("sit on the floor", on_floor, (1.2, 2.8), (1.5, 5.0))
crouch = _there_and_back("crouch", crouched, (0.5, 1.3), (0.5, 4.0))
kneel = _there_and_back("kneel", kneeling, (0.8, 1.8), (1.0, 4.0))
pick_up = _there_and_back("pick something up", bent_over, (0.5, 1.2), (0.2, 1.2))


def lounge(random: Random) -> Motion:
    """Sits down and leans far back, or to a side."""
    base = standing(random)
    seat = seated(random, base)
    far, way = random.uniform(25, 50), np.radians(random.choice([180, 180, 130, -130, 90, -90]))
    back = changed(seat, ahead=far * np.cos(way), aside=far * np.sin(way), hip=random.uniform(60, 90))
    moves = (held(random, base, 0.3, 1.5), _to(random, seat, 0.6, 1.5), held(random, seat, 0.1, 2))
    return Motion("lounge", base, (*moves, _to(random, back, 0.7, 2), held(random, back, 1.5, 4)), None, _s(random))


def tie_shoe(random: Random) -> Motion:
    """Down on one knee or bent over a foot, hands at work, up again."""
    base = standing(random)
    flex = random.uniform(35, 75)
    low = changed(crouched(random, base), flex=flex, hip_l=100, knee_l=110, hip_r=random.uniform(0, 30), knee_r=100)
    if random.random() < 0.4:
        low = changed(bent_over(random, base), hip_l=random.uniform(40, 70), knee_l=random.uniform(40, 80))
    low = changed(low, arm=flex + random.uniform(0, 40), elbow=20)
    work = Move(float(random.uniform(2, 5)), low, wave=cycle(random.uniform(0.6, 1.5), elbow=25, arm=-10))
    moves = (held(random, base, 0.5, 2), _to(random, low, 0.6, 1.5), work, _to(random, base, 0.7, 1.5))
    return Motion("tie a shoe", base, moves, None, _s(random))


def lie_down(random: Random, low_s: float = 1.3) -> Motion:
    """By way of a seat on the floor, the knees or all fours to lying.

    low_s: the first half takes so long at least, the second a little longer
    """
    base = standing(random)
    by = (on_floor, kneeling, all_fours)[int(random.integers(3))](random, base)
    way = random.choice([180.0, 90.0, -90.0]) if by[0] < 60 else 0.0
    low = lying(random, base, way + random.uniform(-20, 20))
    down = [_to(random, by, low_s, low_s + 1.2), _to(random, low, low_s + 0.2, low_s + 2.2)]
    return Motion("lie down", base, (held(random, base, 0.5, 1.5), *down, held(random, low, 2, 5)), None, _s(random))


def lie_down_slowly(random: Random) -> Motion:
    """The same within four seconds or more."""
    return lie_down(random, 1.9)


def lie_on_bed(random: Random) -> Motion:
    """Sits on a bed, then lies back, or up again."""
    base = standing(random)
    high = random.uniform(0.4, 0.6)
    seat = seated(random, base)
    low = changed(lying(random, base, random.choice([180.0, 90.0, -90.0])), lift=high)
    moves = [held(random, base, 0.3, 1.5), _to(random, seat, 0.8, 1.6), held(random, seat, 0.2, 1.5)]
    moves += [_to(random, low, 1.6, 3.5), held(random, low, 2, 4)]
    if random.random() < 0.4:
        moves += [_to(random, seat, 1.2, 2.5), _to(random, base, 0.8, 1.5)]
    return Motion("lie on a bed", base, tuple(moves), None, _s(random))


def sleep(random: Random) -> Motion:
    """Lies all the time; turns over once."""
    base = changed(lying(random, standing(random)), lift=random.choice([0.0, random.uniform(0.3, 0.6)]))
    over = changed(base, spin=base[2] + random.choice([-80, 80]), hip=random.uniform(0, 60), knee=random.uniform(0, 80))
    moves = (held(random, base, 1.5, 4), _to(random, over, 0.8, 2), held(random, over, 1.5, 4))
    return Motion("sleep", base, moves, None, sway(random, 0.4))


def get_up(random: Random) -> Motion:
    """Lies, then sits up and stands."""
    base = standing(random)
    low, by = lying(random, base, 180.0), on_floor(random, base)
    moves = (held(random, low, 1, 3), _to(random, by, 0.8, 2), _to(random, base, 1, 2.2), held(random, base, 0.5, 2))
    return Motion("get up", low, moves, None, _s(random))


def _exercise(
    kind: str,
    first: Callable[[Random, F64], F64] | None,
    rates: tuple[float, float],
    by: Callable[[Random, F64], F64] | None = None,
    **sizes: float,
) -> Callable[[Random], Motion]:
    """The same movement again and again, from where `first` puts the body, by way of `by`; None: from standing."""

    def make(random: Random) -> Motion:
        base = standing(random)
        moves = [held(random, base, 0.3, 1)]
        if by is not None:
            moves.append(_to(random, by(random, base), 1.0, 2.0))
        there = base if first is None else first(random, base)
        if first is not None:
            moves.append(_to(random, there, 1.2, 2.5))
        rate = random.uniform(*rates)
        some = {name: size * random.uniform(0.75, 1.1) for name, size in sizes.items()}
        again = Move(float(random.integers(2, 5)) / rate, there, wave=cycle(rate, **some))
        return Motion(kind, base, (*moves, again, held(random, there, 0.2, 1)), None, _s(random))

    return make


def _on_back(random: Random, base: F64) -> F64:
    return changed(lying(random, base, 180.0), hip=50, knee=90, spin=0)


squats = _exercise("squats", None, (0.4, 1.0), hip=110, knee=120, ahead=8, flex=20, arm=70)
push_ups = _exercise("push-ups", lambda random, base: plank(base), (0.4, 1.0), all_fours, ahead=14, arm=-55, elbow=95)
jumping_jacks = _exercise("jumping jacks", None, (0.7, 1.3), wing=150, open=22, lift=0.12)
bends = _exercise("bends", None, (0.3, 0.8), flex=95, ahead=12, arm=90)
side_bends = _exercise("side bends", None, (0.3, 0.8), bend=40, wing_l=120)
crawl = _exercise("crawl", all_fours, (0.6, 1.2), kneeling, hip_l=-35, arm_r=35)
sit_ups = _exercise("sit-ups", _on_back, (0.3, 0.7), on_floor, flex=75)
lunges = _exercise("lunges", None, (0.4, 0.8), hip_l=85, knee_l=90, hip_r=-15, knee_r=80)
burpees = _exercise("burpees", crouched, (0.3, 0.5), ahead=50, hip=-95, knee=-110, arm=20)

TRAINED: Sequence[Callable[[Random], Motion]] = (
    walk, walk, walk, walk, run, stand, sit, drop_on_chair, sit_on_floor, crouch, kneel, pick_up, tie_shoe, tie_shoe,
    tie_shoe, lie_down, lie_down, lie_down, lie_down_slowly, lie_on_bed, lie_on_bed, sleep, lounge, get_up, squats,
    push_ups, push_ups, push_ups, jumping_jacks, bends, crawl,
)  # fmt: skip
"""What is hardest to tell from falling is learned more often, and what people do most."""
UNSEEN: Sequence[Callable[[Random], Motion]] = (side_bends, sit_ups, lunges, burpees)
"""Kinds that nothing is trained on."""
