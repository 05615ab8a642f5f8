"""The One-Euro filter, on all points of a pose at once: still points are calmed, quick ones hardly delayed.

Source: Casiez, Roussel, Vogel, "1 Euro Filter", CHI 2012, equations 1 to 6.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge.types import F32


class OneEuro:
    """Smooths n numbers, each by itself. One thread.

    Args:
        min_cutoff: Hz; how much a still point is calmed: lower is calmer
        beta: Hz per unit of speed; how soon a moving point is let through: in the numbers' unit a second
        speed_cutoff: Hz; how the speed itself is smoothed
    """

    def __init__(self, min_cutoff: float = 1.0, beta: float = 0.5, speed_cutoff: float = 1.0) -> None:
        self._min_cutoff, self._beta, self._speed_cutoff = min_cutoff, beta, speed_cutoff
        self._time = -math.inf
        self._value: F32 | None = None
        self._speed: F32 | None = None

    def smooth(self, values: F32, time: float, unit: float = 1.0) -> F32:
        """The smoothed numbers at `time`; not to be written to.

        Args:
            values: float32 of any shape, the same each time; what is no number keeps what was there, and begins anew
                where nothing was
            time: seconds, after the call's before; else what was is told once more
            unit: what a speed is measured in for `beta`, in the numbers' unit; it may change from call to call
        """
        value, slope = self._value, self._speed
        if value is None or slope is None or value.shape != values.shape:
            self._value, self._speed, self._time = values.copy(), np.zeros_like(values), time
            return values
        dt = time - self._time
        if dt <= 0:
            return value
        self._time = time
        known, fresh = np.isfinite(values), np.isfinite(values) & ~np.isfinite(value)
        before = np.where(fresh, values, value)
        now = np.where(known, values, before)
        speed = slope + _alpha(self._speed_cutoff, dt) * ((now - before) / dt - slope)
        cutoff = self._min_cutoff + self._beta * np.abs(speed) / unit
        self._speed = np.where(known, speed, 0).astype(np.float32)
        self._value = smooth = np.asarray(before + _alpha(cutoff, dt) * (now - before), np.float32)
        return smooth


def _alpha(cutoff: Any, dt: float) -> Any:
    """The share of a new value in a low-pass of this cut-off, Hz (a number, or one for each value), at steps of dt
    seconds (equations 2 and 3)."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * dt))
