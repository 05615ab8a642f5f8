"""Many people at once."""

from __future__ import annotations

from edge.posture.gestures import Lasting
from edge.types import Activity

CROWDED_S = 3.0
"""For so long they must be there: detectors see double for a moment."""


class Crowd:
    """Tells of a crowd before one camera. One thread.

    most: more people than these are a crowd; 0: never
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lasts = Lasting(CROWDED_S)

    def look(self, people: int, time: float) -> Activity | None:
        """The crowd at a time; None while there is none."""
        crowded = self._lasts.look(bool(self._most) and people > self._most, time)
        return None if crowded is None else Activity("crowding", 1.0, *crowded)
