"""Standing, sitting, bending, crouching or lying, by a body's shape: each with a score, and with some inertia."""

from __future__ import annotations

import math

import numpy as np

from edge.posture.fall import sits_up
from edge.posture.geometry import Shape
from edge.posture.settings import PostureSettings
from edge.types import Posture, PostureName

POOR = 0.25
"""Of joints less sure than this nothing is concluded."""
LIKELY = 0.45
"""What is less likely than this is unknown."""

FALLEN = 0.6
"""How likely somebody lies who has fallen, whatever the joints say."""


def likely(shape: Shape, settings: PostureSettings) -> dict[PostureName, float]:
    """How likely each posture is, 0..1, by itself; nothing where shoulders and hips are not seen."""
    if shape.sure < POOR or not math.isfinite(shape.lean):
        return {}
    up, leaning, flat = _below(shape.lean, 35, 10), _above(shape.lean, 38, 10), _above(shape.lean, 55, 10)
    hips_known = math.isfinite(shape.hips)
    high = _above(shape.hips, 0.39, 0.05) if hips_known else 0.5
    straight = _above(shape.legs, 0.78, 0.08) if math.isfinite(shape.legs) else 0.7 * high
    if math.isfinite(shape.thighs):
        straight = min(straight, _above(shape.thighs, 0.145, 0.03))
    low = _below(shape.shoulders, 0.42, 0.06)
    floor = 0.0 if sits_up(shape, settings) else _below(shape.shoulders, 0.2, 0.05)
    over = _below(shape.under, 0.16, 0.05) if math.isfinite(shape.under) else 0.5
    folded = _below(shape.thighs, 0.07, 0.04) if math.isfinite(shape.thighs) else 0.5
    return {
        "standing": up * min(high, straight),
        "bending": leaning * high * (1 - low),
        "lying": max(flat * low, floor),
        "crouching": (1 - high) * (1 - floor) * over * folded * _below(shape.hips, 0.24, 0.04) * (1 - flat * low),
        "sitting": (1 - min(high, straight)) * (1 - floor) * _below(shape.lean, 50, 8) * (1 - 0.5 * over * folded),
    }


def _above(value: float, middle: float, width: float) -> float:
    """0..1: a half at `middle`, and nearly all or nothing twice the width from it."""
    return float(1 / (1 + np.exp(np.clip(-2 * (value - middle) / width, -30, 30))))


def _below(value: float, middle: float, width: float) -> float:
    return 1 - _above(value, middle, width)


class Postures:
    """The posture of one person over time. One thread."""

    def __init__(self, settings: PostureSettings) -> None:
        self._settings, self._settle_s = settings, settings.settle_s
        self._now: Posture | None = None
        self._next: tuple[PostureName, float] | None = None

    def look(self, shape: Shape | None, time: float, *, fallen: bool = False) -> Posture:
        """The posture at a time; None: nobody was found, which says nothing against what was.

        fallen: the person has fallen and is not up again, which tells more than joints that are poorly found there
        """
        now = self._now
        if shape is None and not fallen:
            return Posture("unknown", 0.0, time) if now is None else now
        chances = {} if shape is None else likely(shape, self._settings)
        if fallen:
            chances["lying"] = max(chances.get("lying", 0.0), FALLEN)
        name: PostureName = "unknown"
        best = 0.0
        for each, chance in chances.items():
            if chance > best:
                name, best = each, chance
        if best < LIKELY:
            name = "unknown"
        score = round(best * (1.0 if shape is None else min(1.0, shape.sure / 0.6)), 3)
        if now is None:
            now = Posture(name, score, time)
        elif name == now.name:
            self._next, now = None, Posture(name, score, now.since)
        else:
            if self._next is None or self._next[0] != name:
                self._next = name, time
            # What is not known takes longer to be believed than what is.
            if time - self._next[1] >= self._settle_s * (3 if name == "unknown" else 1):
                now = Posture(name, score, self._next[1])
                self._next = None
        self._now = now
        return now
