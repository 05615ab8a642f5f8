"""What a pose model makes of somebody who does something before a camera, all drawn from one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tools.skeletons import everyday, falls
from edge.tools.skeletons.body import F64, build, joints
from edge.tools.skeletons.camera import camera
from edge.tools.skeletons.motion import Motion
from edge.tools.skeletons.noise import Flaws, flaws, lies, lift_of, spoilt, uprightness

FALLS = 0.45
"""Part of the sequences that have a fall."""
RATES = (5.0, 30.0)
"""Looks a second."""
LATE = 0.5
"""Part of the sequences that begin amidst what is done, as somebody who comes into view does."""
AMIDST = 0.35
"""Part of a fall that may be over by then; in half of those sequences it begins within half a second, or has begun."""
PASSES = 0.2
"""Part of the sequences in which the camera is turned to where the person is for a while alone: they come into the
picture, or leave it."""
Make = Callable[[np.random.Generator], Motion]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence17:
    """One person's joints over time.

    kind: what is done
    size: of the picture, width and height in pixels
    times: float64 (n,), seconds
    joints: float32 (n, 17, 3) in COCO's order, x, y in pixels and a score
    found: bool (n,), whether the model found anybody
    lying: bool (n,), whether the person lies
    onset, landed: when a fall begins and when it has ended, seconds; None without one
    """

    kind: str
    size: tuple[int, int]
    times: F64
    joints: NDArray[np.float32]
    found: NDArray[np.bool_]
    lying: NDArray[np.bool_]
    onset: float | None = None
    landed: float | None = None

    @property
    def fell(self) -> bool:
        """Whether there is a fall in it."""
        return self.onset is not None


def draw(seed: int, number: int, fall: bool | None = None, *, unseen: bool = False) -> Sequence17:
    """Sequence `number` of a seed: always the same one.

    Args:
        fall: whether it has a fall; None: some have
        unseen: of the kinds of motion that nothing is trained on
    """
    random = np.random.default_rng([seed, number])
    falls_now = bool(random.random() < FALLS) if fall is None else fall
    table: Sequence[Make]
    if falls_now:
        table = falls.UNSEEN if unseen else falls.TRAINED
    else:
        table = everyday.UNSEEN if unseen else everyday.TRAINED
    return filmed(random, table[int(random.integers(len(table)))](random))


def filmed(
    random: np.random.Generator, motion: Motion, flaw: Flaws | None = None, *, whole: bool = False
) -> Sequence17:
    """A motion of somebody, before some camera, through some model.

    Args:
        flaw: of the model; None: any
        whole: from its begin on
    """
    who = build(random)
    rate = float(np.exp(random.uniform(*np.log(RATES))))
    latest = 0.4 * motion.seconds
    if motion.onset is not None and motion.landed is not None:
        latest = motion.onset + AMIDST * random.random() * (motion.landed - motion.onset)
    late = random.random() < LATE and not whole
    first = random.uniform(max(0.0, latest - random.choice((0.5, latest))), latest) if late else 0.0
    times = np.arange(first, motion.seconds, 1 / rate)
    times = np.maximum.accumulate(times + random.uniform(0, 0.15 / rate, len(times)))
    angles = motion.at(times)
    points = joints(who, angles)
    seen = points
    if random.random() < PASSES and not whole:
        begin = int(random.integers(len(points)))
        seen = points[begin : begin + 1 + len(points) // 4]
    lens = camera(random, seen.reshape(-1, 3))
    spoiled, found = spoilt(random, times, lens.seen(points), uprightness(points), lens.size, flaw or flaws(random))
    return Sequence17(
        motion.kind,
        lens.size,
        times,
        spoiled,
        found,
        lies(points, lift_of(angles), who.stature),
        motion.onset,
        motion.landed,
    )
