"""Windows of joints to learn from, with what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.pose.smooth import Smoother
from edge.posture.geometry import Body
from edge.posture.temporal import RATE, STEPS, Window
from edge.tools.skeletons.measure import ROWS, measured
from edge.tools.skeletons.sequence import Sequence17, draw
from edge.types import F32

SETTLED_S = 0.15
"""So long after a fall's end it is to be told."""
MOST = 100.0
"""What is kept of a number: the network itself goes by less."""
QUIET = 0.3
"""Part of the windows without a fall that is kept: they are many, and alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows and what is true of each.

    fed: float16 (n, 1, ROWS, STEPS), as `measured` makes them
    truth: float32 (n, 2): whether there is a fall in it, and whether the person lies at its end
    weight: float32 (n,): of the first truth; 0 where it lies between yes and no
    """

    fed: NDArray[np.float16]
    truth: F32
    weight: F32

    def __len__(self) -> int:
        return len(self.fed)


def looks(sequence: Sequence17) -> Iterator[tuple[float, F32, float]]:
    """A sequence as one who judges sees it, from the first look that finds somebody: time, smoothed joints, float32
    (17, 3), and stature in pixels."""
    smoother, body = Smoother(), Body(sequence.size[1])
    begun = False
    for time, joints, found in zip(sequence.times.tolist(), sequence.joints, sequence.found, strict=True):
        begun |= bool(found)
        if begun:
            smooth = smoother.smooth(joints if found else None, time, body.height)
            if found:
                body.measure(smooth, 0.0)
            yield time, smooth, body.height


def windows(seed: int, first: int, count: int, random: np.random.Generator) -> Windows:
    """Those of `count` sequences of a seed, from number `first` on."""
    fed: list[F32] = []
    truth: list[tuple[float, float]] = []
    weight: list[float] = []
    for number in range(first, first + count):
        sequence = draw(seed, number)
        window = Window()
        for time, joints, stature in looks(sequence):
            if not window.add(joints, time):
                continue
            fell, sure = label(sequence, time)
            if fell or random.random() < QUIET:
                fed.append(np.clip(measured(window.fed(stature)[0]), -MOST, MOST).astype(np.float16))
                lies = bool(sequence.lying[np.searchsorted(sequence.times, time - 1e-9)])
                truth.append((float(fell), float(lies)))
                weight.append(sure)
    shape = (-1, 1, ROWS, STEPS)
    return Windows(
        np.asarray(fed, np.float16).reshape(shape), np.asarray(truth, np.float32), np.asarray(weight, np.float32)
    )


def label(sequence: Sequence17, time: float) -> tuple[bool, float]:
    """Whether the window that ends at a time has a fall in it that is over, and how much that counts."""
    if sequence.onset is None or sequence.landed is None:
        return False, 1.0
    span = STEPS / RATE
    if sequence.landed + SETTLED_S <= time <= sequence.onset + span - 0.1:
        return True, 1.0
    between = sequence.onset + 0.3 < time < sequence.landed + span
    return False, 0.0 if between else 1.0
