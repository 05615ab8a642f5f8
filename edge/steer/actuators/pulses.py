"""From -1..1 to the length of a pulse, as servos and speed controllers take it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pulses:
    """Microseconds at -1, 0 and 1; either end may be the longer one."""

    least: float
    middle: float
    most: float

    def of(self, value: float) -> float:
        """Microseconds for a value; straight lines from the middle to each end. value: -1..1, or clipped."""
        value = min(max(value, -1.0), 1.0)
        end = self.most if value > 0 else self.least
        return self.middle + abs(value) * (end - self.middle)
