"""Pauses between tries."""

from __future__ import annotations

import secrets


class BackOff:
    """Random, so that many devices do not return at once; longer with each failure.

    Args:
        shortest, longest: bounds of a pause, in seconds
    """

    def __init__(self, shortest: float, longest: float) -> None:
        self._range = (shortest, longest)
        self._random = secrets.SystemRandom()
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now: between the shortest pause and one that doubles with each failure up to the longest."""
        shortest, longest = self._range
        self._failures += 1
        return self._random.uniform(shortest, min(longest, shortest * 2 ** min(self._failures, 10)))

    def reset(self) -> None:
        """It worked: begin with short pauses again."""
        self._failures = 0
