"""No car: for trying out, and for measuring."""

from __future__ import annotations

from edge.types import NEUTRAL, Steering


class Null:
    """Remembers what it was given. given: the last command."""

    def __init__(self) -> None:
        self.given = NEUTRAL

    def give(self, command: Steering) -> None:
        """Remember it."""
        self.given = command

    def close(self) -> None:
        """Neutral."""
        self.given = NEUTRAL


def open_null() -> Null:
    """An actuator without a car."""
    return Null()
