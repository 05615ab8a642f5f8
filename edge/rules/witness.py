"""What stands behind an event: the rules that took effect, and some of the looks at the object. Bounded."""

from __future__ import annotations

from edge.types import Box, Glimpse, Reason, Why

FIRST = 8
MOST_LOOKS = 20
MOST_REASONS = 12


class Witness:
    """Keeps the first looks at an object, which made it believed, and an ever thinner choice of the later ones; the
    first reason, and the newest ones."""

    def __init__(self) -> None:
        self._reasons: list[Reason] = []
        self._looks: list[Glimpse] = []
        self._count, self._every = 0, 1

    def look(self, wall: float, score: float, box: Box) -> None:
        """The object was seen."""
        self._count += 1
        if self._count > FIRST and self._count % self._every:
            return
        self._looks.append((wall, score, box))
        if len(self._looks) > MOST_LOOKS:
            self._looks[FIRST:] = self._looks[FIRST::2]
            self._every *= 2

    def because(self, rule: str, name: str, wall: float, direction: str | None = None) -> None:
        """A rule took effect."""
        self._reasons.append(Reason(rule, name, wall, direction))
        if len(self._reasons) > MOST_REASONS:
            del self._reasons[1]

    def why(self) -> Why:
        """All of it so far."""
        return Why(tuple(self._reasons), tuple(self._looks))
